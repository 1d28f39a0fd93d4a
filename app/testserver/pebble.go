package testserver

import (
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// Pebble is a real certificate authority that speaks ACME. It looks at every name
// on the loopback address, over HTTP on a port of the test's choice.
type Pebble struct {
	*Process
	Directory string // the URL that ACME clients are given
	Trust     string // a file with the certificate of that URL

	management string
	client     *http.Client
}

// StartPebble builds the authority from tools/pebble and starts it. It looks for
// challenges on httpPort; its certificates live for the given time.
func StartPebble(t testing.TB, httpPort int, life time.Duration) *Pebble {
	t.Helper()
	dir := TempDir(t)
	dns, api := Addr(FreePort(t)), Addr(FreePort(t))
	p := &Pebble{Directory: "https://" + api + "/dir", Trust: filepath.Join(dir, "api.pem"), management: Addr(FreePort(t))}
	key := filepath.Join(dir, "api-key.pem")
	config := writeCertificate(t, p.Trust, key)
	p.client = &http.Client{Transport: &http.Transport{TLSClientConfig: config}, Timeout: 10 * time.Second}
	t.Cleanup(p.client.CloseIdleConnections)
	settings, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": api, "managementListenAddress": p.management, "certificate": p.Trust, "privateKey": key,
		"httpPort": httpPort, "tlsPort": 1,
		"profiles": map[string]any{"default": map[string]any{"description": "as of any authority", "validityPeriod": int(life.Seconds())}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "config.json"), settings)

	Start(t, exec.Command(tool(t, "pebble", "pebble-challtestsrv"), "-dnsserver", dns, "-defaultIPv6", "", // #nosec G204 -- a test's own server
		"-http01", "", "-https01", "", "-tlsalpn01", "", "-doh", "", "-management", Addr(FreePort(t))))
	cmd := exec.Command(tool(t, "pebble", "pebble"), "-config", filepath.Join(dir, "config.json"), "-dnsserver", dns, "-strict") // #nosec G204 -- as above
	// Pebble refuses good nonces now and then, and Debian's certbot falls over one
	// that it gets when it fetches the certificate.
	cmd.Env = []string{"PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=0"}
	p.Process = Start(t, cmd)
	p.WaitReady(t, 20*time.Second, func() error { return Dial(api) })
	return p
}

// Roots returns what those trust who trust this authority.
func (p *Pebble) Roots(t testing.TB) *x509.CertPool {
	t.Helper()
	resp, err := p.client.Get("https://" + p.management + "/roots/0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	roots := x509.NewCertPool()
	if err != nil || !roots.AppendCertsFromPEM(text) {
		t.Fatalf("pebble's root: %v, %s", err, text)
	}
	return roots
}
