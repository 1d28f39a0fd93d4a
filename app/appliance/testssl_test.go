package appliance_test

import (
	"encoding/json"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"hasura-login/app/testserver"
)

// Checks that testssl could not make, with the reason. Its other severities describe
// findings.
var notChecked = map[string]string{
	"engine_problem": "its OpenSSL has no GOST ciphers to try; Mozilla's profile has none either",
	"secure_renego":  "asks without a server name, and such a handshake is refused; sslscan checks the same with one",
	// When these finish in time, their result is information, never a finding.
	"sessionresumption_ticket": "gives up when a connection of several is late",
	"sessionresumption_ID":     "gives up when a connection of several is late",
}

func TestTLS_TestsslFindsNothingAboveLow(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	chain, key := ca.issue(t, randomSerial(t), siteName)
	g := newGateway(t, testserver.NginxSettings{Entry: "tls", Names: siteName, Chain: chain, Key: key})
	found := g.testssl(t, ca)
	for _, f := range found {
		if slices.Contains([]string{"OK", "INFO", "LOW"}, f.Severity) || f.Severity == "WARN" && notChecked[f.ID] != "" {
			continue
		}
		t.Errorf("%s %s: %s", f.Severity, f.ID, f.Finding)
	}
	// A scan that ends early finds nothing either.
	for _, id := range []string{
		"TLS1", "TLS1_3", "ALPN_HTTP2", "cipherlist_AVERAGE", "cipher_order", "cert_trust", "cert_chain_of_trust", "HSTS_time", "heartbleed",
		"CCS", "ticketbleed", "ROBOT", "CRIME_TLS", "BREACH", "fallback_SCSV", "SWEET32", "FREAK", "DROWN", "LOGJAM", "BEAST", "LUCKY13", "RC4", "scanTime",
	} {
		if !slices.ContainsFunc(found, func(f finding) bool { return f.ID == id }) {
			t.Errorf("%s was not looked at", id)
		}
	}
}

type finding struct{ ID, Severity, Finding string }

// testssl runs every check that can give a finding. It skips simulated clients and the
// list of single ciphers, which take as long again, and contacts only nginx, no name
// server.
func (g *gateway) testssl(t *testing.T, ca authority) []finding {
	t.Helper()
	dir := testserver.TempDir(t)
	trusted, report := filepath.Join(dir, "authority.pem"), filepath.Join(dir, "report.json")
	if err := os.WriteFile(trusted, []byte(ca.pem), 0o644); err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(g.TLSAddr())
	if err != nil {
		t.Fatal(err)
	}
	scan := exec.Command(testserver.Binary(t, "testssl", "testssl.sh"),
		"--protocols", "--standard", "--fs", "--server-preference", "--server-defaults", "--headers", "--vulnerable",
		"--nodns", "none", "--ip", "127.0.0.1", "--add-ca", trusted,
		"--warnings", "off", "--color", "0", "--jsonfile", report, "https://"+net.JoinHostPort(siteName, port))
	// It exits with the number of checks that it could not make.
	out, err := scan.CombinedOutput()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	text, err := os.ReadFile(report)
	var found []finding
	if err == nil {
		err = json.Unmarshal(text, &found)
	}
	if err != nil {
		t.Fatalf("%v in\n%s\nof\n%s", err, text, out)
	}
	return found
}
