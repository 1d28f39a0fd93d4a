package appliance_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"hasura-login/app/testserver"
)

// A deploy under load: Hasura is replaced again and again, while connections begin,
// even at the moment of a reload, and stay in use. When the old workers should be gone,
// their upstream goes too.
//
// nginx before 1.27.1 does not end HTTP/2 connections that begin at that moment: their
// old worker serves them with its old upstream until worker_shutdown_timeout. For such
// a version, the test uses only HTTP/1.1.
func TestReload_LosesNoRequest(t *testing.T) {
	t.Parallel()
	protocols := []string{"HTTP/1.1"}
	if nginxIsAtLeast(t, 1, 27, 1) {
		protocols = append(protocols, "HTTP/2.0")
	}
	for _, protocol := range protocols {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			g := newTLSGateway(t)
			people := startCrowd(g, protocol)
			replaced := []*upstream{g.hasura}
			for range 5 {
				time.Sleep(300 * time.Millisecond)
				next := newUpstream(t, "hasura")
				g.PointUpstream(t, "hasura", next.address())
				g.Reload(t)
				replaced = append(replaced, next)
			}
			// Longer than keepalive_min_timeout in start.sh.
			time.Sleep(7 * time.Second)
			for _, old := range replaced[:5] {
				old.Close()
			}
			time.Sleep(time.Second)
			sent, failed := people.end()
			for _, err := range failed {
				t.Error(err)
			}
			if sent < 1000 {
				t.Errorf("only %d requests were sent", sent)
			}
			t.Logf("%d requests, %d failed", sent, len(failed))
		})
	}
}

// nginxIsAtLeast asks the program that gateways start, as the user that starts it.
func nginxIsAtLeast(t *testing.T, version ...int) bool {
	t.Helper()
	_, cmd := testserver.PrepareNginx(t, testserver.NginxSettings{Login: "127.0.0.1:1", Hasura: "127.0.0.1:1"})
	ask := exec.Command("sh", "-c", "nginx -v")
	ask.Env, ask.SysProcAttr = cmd.Env, cmd.SysProcAttr
	said, err := ask.CombinedOutput()
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(said), "nginx/")
	found := make([]int, 3)
	if _, err := fmt.Sscanf(text, "%d.%d.%d", &found[0], &found[1], &found[2]); err != nil {
		t.Fatalf("%q: %v", said, err)
	}
	t.Logf("nginx %v", found)
	return slices.Compare(found, version) >= 0
}

// crowd is a number of clients that send one request after the other, each from its own
// network and below the limit of one client.
type crowd struct {
	stop   chan struct{}
	wg     sync.WaitGroup
	mu     sync.Mutex
	sent   int
	failed []error
}

func startCrowd(g *gateway, protocol string) *crowd {
	c := &crowd{stop: make(chan struct{})}
	for n := range 24 {
		dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, byte(n+1), 1)}}
		transport := &http.Transport{
			ForceAttemptHTTP2: protocol == "HTTP/2.0",
			TLSClientConfig:   &tls.Config{InsecureSkipVerify: true, ServerName: siteName}, // #nosec G402 -- the self-signed one
			DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
				return dialer.DialContext(ctx, network, g.TLSAddr())
			},
		}
		c.wg.Go(func() {
			defer transport.CloseIdleConnections()
			c.send(&http.Client{Timeout: 10 * time.Second, Transport: transport}, protocol)
		})
	}
	return c
}

func (c *crowd) send(client *http.Client, protocol string) {
	tick := time.NewTicker(60 * time.Millisecond)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-c.stop:
			return
		case <-tick.C:
		}
		// Each third request of the first ones opens a connection; the last is kept.
		if n < 60 && n%3 == 0 {
			client.CloseIdleConnections()
		}
		err := once(client, protocol)
		c.mu.Lock()
		c.sent++
		if err != nil {
			c.failed = append(c.failed, err)
		}
		c.mu.Unlock()
	}
}

func once(client *http.Client, protocol string) error {
	req, err := http.NewRequest("POST", "https://"+siteName+"/v1/graphql", strings.NewReader(`{"query":"{ users { id } }"}`))
	if err != nil {
		return err
	}
	// As a browser does, send it again if the connection ends before an answer begins.
	req.Header.Set("Idempotency-Key", "any")
	req.Header.Set("Content-Type", "application/json")
	answer, err := client.Do(req)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK || answer.Proto != protocol {
		return fmt.Errorf("%s over %s", answer.Status, answer.Proto)
	}
	return nil
}

func (c *crowd) end() (int, []error) {
	close(c.stop)
	c.wg.Wait()
	return c.sent, c.failed
}
