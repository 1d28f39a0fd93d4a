package testserver

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// Prometheus is a real server; queries go over its HTTP API.
type Prometheus struct {
	*Process
	Port int
}

// StartPrometheus runs a server on a port with a configuration file. Data is a
// folder that may hold blocks, as if it had run before.
func StartPrometheus(t testing.TB, port int, config, data string) *Prometheus {
	t.Helper()
	p := &Prometheus{Port: port}
	p.Process = Start(t, exec.Command(Binary(t, "prometheus", "prometheus"), // #nosec G204 -- a test's own files
		"--config.file="+config, "--storage.tsdb.path="+data, "--web.listen-address="+Addr(p.Port),
		"--storage.tsdb.retention.time=30d", "--log.level=warn"))
	p.WaitReady(t, time.Minute, func() error {
		answer, err := http.Get(p.url("/-/ready")) // #nosec G107 -- loopback
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			return fmt.Errorf("not ready: %s", answer.Status)
		}
		return nil
	})
	return p
}

// Backfill makes blocks of text in the OpenMetrics format, samples with times.
func Backfill(t testing.TB, openMetrics, data string) {
	t.Helper()
	out, err := exec.Command(Binary(t, "promtool", "prometheus"), "tsdb", "create-blocks-from", "openmetrics", openMetrics, data).CombinedOutput() // #nosec G204
	if err != nil {
		t.Fatalf("making blocks of %s: %v\n%s", openMetrics, err, out)
	}
}

// Sample is a series' last value in an answer.
type Sample struct {
	Labels map[string]string
	Value  float64
}

// Query evaluates an expression now.
func (p *Prometheus) Query(expr string) ([]Sample, error) {
	return p.query("/api/v1/query", url.Values{"query": {expr}})
}

// QueryRange evaluates an expression over a time and returns each series' last value.
func (p *Prometheus) QueryRange(expr string, from, to time.Time, step time.Duration) ([]Sample, error) {
	return p.query("/api/v1/query_range", url.Values{
		"query": {expr}, "step": {fmt.Sprint(step.Seconds())},
		"start": {fmt.Sprint(from.Unix())}, "end": {fmt.Sprint(to.Unix())},
	})
}

// Count returns how many series a selector has had in a time.
func (p *Prometheus) Count(selector string, from, to time.Time) (int, error) {
	var series []json.RawMessage
	err := p.get("/api/v1/series", url.Values{
		"match[]": {selector}, "start": {fmt.Sprint(from.Unix())}, "end": {fmt.Sprint(to.Unix())},
	}, &series)
	return len(series), err
}

func (p *Prometheus) query(path string, arguments url.Values) ([]Sample, error) {
	var answer struct {
		ResultType string          `json:"resultType"`
		Result     json.RawMessage `json:"result"`
	}
	if err := p.get(path, arguments, &answer); err != nil {
		return nil, err
	}
	if answer.ResultType == "scalar" {
		var point [2]any
		if err := json.Unmarshal(answer.Result, &point); err != nil {
			return nil, err
		}
		v, err := value(point)
		return []Sample{{Value: v}}, err
	}
	var series []struct {
		Metric map[string]string `json:"metric"`
		Value  [2]any            `json:"value"`
		Values [][2]any          `json:"values"`
	}
	if err := json.Unmarshal(answer.Result, &series); err != nil {
		return nil, err
	}
	var samples []Sample
	for _, s := range series {
		point := s.Value
		if len(s.Values) > 0 {
			point = s.Values[len(s.Values)-1]
		}
		v, err := value(point)
		if err != nil {
			return nil, err
		}
		samples = append(samples, Sample{s.Metric, v})
	}
	return samples, nil
}

func value(point [2]any) (float64, error) {
	text, ok := point[1].(string)
	if !ok {
		return 0, fmt.Errorf("a sample without a value: %v", point)
	}
	return strconv.ParseFloat(text, 64)
}

func (p *Prometheus) get(path string, arguments url.Values, into any) error {
	answer, err := http.PostForm(p.url(path), arguments) // #nosec G107 -- loopback
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	var envelope struct {
		Status, Error string
		Data          json.RawMessage
	}
	if err := json.Unmarshal(body, &envelope); err != nil {
		return fmt.Errorf("%s answered %s: %w", path, answer.Status, err)
	}
	if envelope.Status != "success" {
		return fmt.Errorf("%s: %s", path, envelope.Error)
	}
	return json.Unmarshal(envelope.Data, into)
}

func (p *Prometheus) url(path string) string { return "http://" + Addr(p.Port) + path }

// EdgeLog is the access log that the counter of routes and statuses follows.
func (n *Nginx) EdgeLog() string { return filepath.Join(n.dir, "log/access.log") }

// StartExporter runs a program of Debian's that exports metrics and waits until
// its page answers. Arguments see its address as $ADDR.
func StartExporter(t testing.TB, program string, environment []string, arguments ...string) (address string) {
	t.Helper()
	address = Addr(FreePort(t))
	for i, a := range arguments {
		arguments[i] = os.Expand(a, func(name string) string {
			if name == "ADDR" {
				return address
			}
			return "$" + name
		})
	}
	cmd := exec.Command(Binary(t, program, program), arguments...) // #nosec G204 -- a test's own choice
	cmd.Env = append(os.Environ(), environment...)
	Start(t, cmd).WaitReady(t, 20*time.Second, func() error {
		answer, err := http.Get("http://" + address + "/metrics") // #nosec G107 -- loopback
		if err != nil {
			return err
		}
		return answer.Body.Close()
	})
	return address
}
