package monitoring_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"

	"hasura-login/app/cmd"
	"hasura-login/app/metrics/edgelog"
	"hasura-login/app/testserver"
	"hasura-login/dev/devstack"
)

// stack is what runs in production, on loopback: the service with the stand-in
// for Hasura, nginx, Postgres, Redis, every exporter and Alertmanager.
type stack struct {
	addresses map[string]string // of what prometheus.yml names
	public    string            // base address over TLS
	trust     *x509.CertPool
	jobs      int // that prometheus.yml scrapes
}

func startStack(t *testing.T) *stack {
	t.Helper()
	s := &stack{}
	api, graphql, ops, _, _ := runService(t)
	nginx := testserver.StartNginx(t, testserver.NginxSettings{Entry: "tls", Login: api, Hasura: graphql})
	certificate := s.certify(t, nginx)
	s.public = fmt.Sprintf("https://localhost:%d", nginx.TLSPort)
	postgres, redis := testserver.StartPostgres(t), testserver.StartRedis(t)
	postgres.CreateDatabase(t, "hasura")

	textfiles := testserver.TempDir(t)
	var backup string
	for _, what := range []string{"success", "copied", "verified"} {
		backup += fmt.Sprintf("hasura_login_backup_last_%s_timestamp_seconds %d\n", what, time.Now().Add(-time.Hour).Unix())
	}
	for _, what := range []string{"secured_timestamp_seconds", "copied_timestamp_seconds", "base_timestamp_seconds", "spool_bytes"} {
		backup += fmt.Sprintf("hasura_login_wal_%s %d\n", what, time.Now().Unix())
	}
	writeFile(t, filepath.Join(textfiles, "backup.prom"), backup)

	writeFile(t, filepath.Join(textfiles, "hasura_login_containers.prom"), "hasura_login_container_memory_bytes{service=\"login\",container=\"hasura-login-login-1\"} 2e7\n"+
		"hasura_login_container_memory_limit_bytes{service=\"login\",container=\"hasura-login-login-1\"} 5e8\n")
	root := testserver.RepoRoot(t)
	const listen = "--web.listen-address=$ADDR"
	s.addresses = map[string]string{
		"login:9100":        ops,
		"hasura:8080":       graphql,
		"edge-metrics:9114": runEdgeMetrics(t, nginx.EdgeLog()),
		"nginx-exporter:9113": testserver.StartExporter(t, "prometheus-nginx-exporter", nil,
			"-web.listen-address=$ADDR", "-nginx.scrape-uri=http://"+testserver.Addr(nginx.StatusPort)+"/stub_status"),
		"postgres-exporter:9187": testserver.StartExporter(t, "prometheus-postgres-exporter", []string{"DATA_SOURCE_NAME=" + postgres.URL("hasura")}, listen),
		"redis-exporter:9121":    testserver.StartExporter(t, "prometheus-redis-exporter", nil, "-web.listen-address=$ADDR", "-redis.addr="+redis.URL()),
		"node-exporter:9100":     testserver.StartExporter(t, "prometheus-node-exporter", nil, listen, "--collector.textfile.directory="+textfiles),
		"blackbox-exporter:9115": testserver.StartExporter(t, "prometheus-blackbox-exporter", []string{"SSL_CERT_FILE=" + certificate},
			listen, "--config.file="+filepath.Join(root, "ops/prometheus/blackbox.yml")),
		// No receiver gets anything.
		"alertmanager:9093": startAlertmanager(t, newSite(t, "", nil).config(t)),
	}
	return s
}

// runService runs the program as `make run` does.
func runService(t *testing.T) (api, graphql, ops string, log *testserver.Output, data string) {
	t.Helper()
	data = filepath.Join(testserver.TempDir(t), "data")
	api, graphql, ops = testserver.Addr(testserver.FreePort(t)), testserver.Addr(testserver.FreePort(t)), testserver.Addr(testserver.FreePort(t))
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan int, 1)
	log = &testserver.Output{}
	go func() {
		ended <- devstack.Main(ctx, []string{"--listen", api, "--graphql", graphql, "--ops", ops, "--data", data},
			cmd.Environment{Stdin: strings.NewReader(""), Stdout: log, Stderr: log, Version: "1.2.0"})
	}()
	t.Cleanup(func() {
		stop()
		if code := <-ended; code != 0 {
			t.Errorf("the service ended with %d: %s", code, log)
		}
	})
	waitFor(t, 30*time.Second, func() error { return answers("http://" + ops + "/readyz") })
	return api, graphql, ops, log, data
}

func runEdgeMetrics(t *testing.T, log string) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- edgelog.Run(ctx, log, l) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the reader of the access log ended with %v", err)
		}
	})
	return l.Addr().String()
}

// certify gives nginx a certificate for localhost and returns the file to trust.
func (s *stack) certify(t *testing.T, nginx *testserver.Nginx) (file string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(0, 0, 60), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	chain := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	nginx.WriteSecret(t, "tls/privkey.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
	nginx.WriteSecret(t, "tls/fullchain.pem", chain)
	s.trust = x509.NewCertPool()
	s.trust.AppendCertsFromPEM([]byte(chain))
	file = filepath.Join(testserver.TempDir(t), "trusted.pem")
	writeFile(t, file, chain)
	waitFor(t, 30*time.Second, func() error { // nginx looks for new certificates every few seconds
		connection, err := tls.Dial("tcp", nginx.TLSAddr(), &tls.Config{RootCAs: s.trust, ServerName: "localhost", MinVersion: tls.VersionTLS12})
		if err != nil {
			return err
		}
		return connection.Close()
	})
	return file
}

// startPrometheus runs it with the project's own configuration, but for the
// addresses and a faster pace.
func (s *stack) startPrometheus(t *testing.T, data string) *testserver.Prometheus {
	t.Helper()
	root := testserver.RepoRoot(t)
	dir := testserver.TempDir(t)
	var config map[string]any
	decode(t, filepath.Join(root, "ops/prometheus/prometheus.yml"), yaml.Unmarshal, &config)
	config["global"] = map[string]any{"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
	config["rule_files"] = []string{filepath.Join(root, "ops/prometheus/rules/*.yml")}
	jobs := config["scrape_configs"].([]any)
	s.jobs = len(jobs)
	for _, job := range jobs {
		job := job.(map[string]any)
		delete(job, "scrape_interval")
		if found, ok := job["dns_sd_configs"].([]any); ok {
			first := found[0].(map[string]any)
			name := fmt.Sprintf("%v:%v", first["names"].([]any)[0], first["port"])
			job["static_configs"] = []any{map[string]any{"targets": []any{name}}}
			delete(job, "dns_sd_configs")
		}
		if _, ok := job["file_sd_configs"]; ok {
			job["static_configs"] = []any{map[string]any{"targets": []any{s.public + "/healthz", s.public + "/.well-known/jwks.json"}}}
			delete(job, "file_sd_configs")
		}
	}
	text, err := yaml.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	port := testserver.FreePort(t)
	final := strings.ReplaceAll(string(text), "localhost:9090", testserver.Addr(port))
	for name, address := range s.addresses {
		final = strings.ReplaceAll(final, name, address)
	}
	path := filepath.Join(dir, "prometheus.yml")
	writeFile(t, path, final)
	return testserver.StartPrometheus(t, port, path, data)
}

func writeFile(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// waitFor polls until ready returns nil.
func waitFor(t *testing.T, within time.Duration, ready func() error) {
	t.Helper()
	deadline := time.Now().Add(within)
	for {
		err := ready()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %v", within, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func answers(url string) error {
	answer, err := http.Get(url) // #nosec G107 -- loopback
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s", url, answer.Status)
	}
	return nil
}
