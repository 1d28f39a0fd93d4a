package appliance_test

import (
	"bytes"
	"crypto/tls"
	"encoding/xml"
	"io"
	"math/big"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"hasura-login/app/testserver"
)

const siteName = "login.example.org"

func newTLSGateway(t *testing.T) *gateway {
	return newGateway(t, testserver.NginxSettings{Entry: "tls", Names: siteName})
}

// handshake connects with the given limits; nil where nginx refuses.
func (g *gateway) handshake(t *testing.T, c *tls.Config) *tls.ConnectionState {
	t.Helper()
	c.InsecureSkipVerify = true // #nosec G402 -- what is served is what is asked here
	conn, err := tls.Dial("tcp", g.TLSAddr(), c)
	if err != nil {
		return nil
	}
	defer conn.Close()
	state := conn.ConnectionState()
	return &state
}

func TestTLS_SpeaksMozillasIntermediateProfileAndNothingOlder(t *testing.T) {
	g := newTLSGateway(t)
	for name, version := range map[string]uint16{"TLS 1.0": tls.VersionTLS10, "TLS 1.1": tls.VersionTLS11} {
		if s := g.handshake(t, &tls.Config{ServerName: siteName, MinVersion: version, MaxVersion: version}); s != nil {
			t.Errorf("%s is spoken", name)
		}
	}
	all := slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites())
	good := []uint16{
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
	}
	for _, suite := range all {
		if slices.Contains(suite.SupportedVersions, tls.VersionTLS13) {
			continue
		}
		s := g.handshake(t, &tls.Config{ServerName: siteName, MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{suite.ID}})
		if (s != nil) != slices.Contains(good, suite.ID) {
			t.Errorf("%s: spoken is %v", suite.Name, s != nil)
		}
	}
	s := g.handshake(t, &tls.Config{ServerName: siteName, NextProtos: []string{"h2", "http/1.1"}})
	if s == nil || s.Version != tls.VersionTLS13 || s.NegotiatedProtocol != "h2" {
		t.Errorf("a modern client gets %+v", s)
	}
}

func TestTLS_OtherNamesGetNoHandshake(t *testing.T) {
	g := newTLSGateway(t)
	for _, name := range []string{"", "example.org", "localhost"} {
		if s := g.handshake(t, &tls.Config{ServerName: name}); s != nil {
			t.Errorf("%q gets the certificate of %v", name, s.PeerCertificates[0].Subject)
		}
	}
	// The right name in the handshake and another one in the request.
	c, err := tls.Dial("tcp", g.TLSAddr(), &tls.Config{ServerName: siteName, InsecureSkipVerify: true}) // #nosec G402 -- as above
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	_, _ = io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: evil.example\r\n\r\n")
	if got, _ := io.ReadAll(c); len(got) > 0 {
		t.Errorf("another host on the same connection gets %s", got)
	}
}

// trust makes the gateway's client reach it under its name over TLS.
func (g *gateway) trust() {
	transport := g.client.Transport.(*http.Transport)
	transport.ForceAttemptHTTP2 = true
	transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: true, ServerName: siteName} // #nosec G402 -- as above
	transport.DialContext = dialTo(g.TLSAddr())
}

func TestTLS_AnswersCarryHSTSAndTheSameRoutes(t *testing.T) {
	g := newTLSGateway(t)
	g.trust()
	for path, status := range map[string]int{"/auth/signin": 200, "/v1/graphql": 200, "/nothing": 404, "/console": 404} {
		a := g.do(t, "POST", "https://"+siteName+path, `{}`)
		if a.StatusCode != status || a.ProtoMajor != 2 {
			t.Errorf("%s: %s %d", path, a.Proto, a.StatusCode)
		}
		checkSecurityHeaders(t, path, a.Header, "max-age=63072000")
	}
}

func TestTLS_PlainHTTPOnlyRedirectsReaders(t *testing.T) {
	g := newTLSGateway(t)
	a := g.do(t, "GET", g.URL("/auth/me?x=1"), "", "Host", siteName)
	if a.StatusCode != http.StatusPermanentRedirect || a.Header.Get("Location") != "https://"+siteName+"/auth/me?x=1" {
		t.Errorf("GET: %d to %q", a.StatusCode, a.Header.Get("Location"))
	}
	checkSecurityHeaders(t, "308", a.Header, "max-age=63072000")
	checkError(t, g.do(t, "POST", g.URL("/auth/signin"), `{}`, "Host", siteName), http.StatusMethodNotAllowed, "method-not-allowed")
	if got := request(t, testserver.Addr(g.Port), "GET / HTTP/1.1\r\nHost: other.example\r\n\r\n"); got != 0 {
		t.Errorf("another host: %d", got)
	}
	if n := len(g.login.take()); n != 0 {
		t.Error("a plain request reached login")
	}
}

func TestTLS_ChallengeOfTheCertificateAuthorityIsServed(t *testing.T) {
	g := newTLSGateway(t)
	g.WriteChallenge(t, "token-1", "token-1.thumbprint")
	a := g.do(t, "GET", g.URL("/.well-known/acme-challenge/token-1"), "", "Host", siteName)
	if a.StatusCode != http.StatusOK || string(a.body) != "token-1.thumbprint" {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	checkError(t, g.do(t, "GET", g.URL("/.well-known/acme-challenge/none"), "", "Host", siteName), http.StatusNotFound, "not-found")
}

// serial is the serial number of the certificate that is served now.
func (g *gateway) serial(t *testing.T) string {
	t.Helper()
	s := g.handshake(t, &tls.Config{ServerName: siteName})
	if s == nil {
		t.Fatal("no handshake")
	}
	return s.PeerCertificates[0].SerialNumber.String()
}

// eventually waits for the script that looks every 5 s.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(40 * time.Second); !holds(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 40 s", what)
		}
	}
}

func TestTLS_ANewCertificateIsServedByItselfAndHalfOfOneIsNot(t *testing.T) {
	t.Parallel()
	g := newTLSGateway(t)
	selfSigned := g.serial(t)
	ca := newAuthority(t)

	chain, key := ca.issue(t, big.NewInt(1001), siteName)
	g.WriteSecret(t, "tls/privkey.pem", key)
	g.WriteSecret(t, "tls/fullchain.pem", chain)
	eventually(t, "the first certificate", func() bool { return g.serial(t) == "1001" })

	// Renewed: first only the key, as a check in between would see it.
	chain, key = ca.issue(t, big.NewInt(1002), siteName)
	before := len(g.Output())
	g.WriteSecret(t, "tls/privkey.pem", key)
	eventually(t, "the refusal of half a renewal", func() bool { return strings.Contains(g.Output()[before:], "key values mismatch") })
	// A reload for another reason still works now.
	second := newUpstream(t, "second")
	g.PointUpstream(t, "login", second.address())
	g.Reload(t)
	g.trust()
	eventually(t, "a reload with half a renewal", func() bool {
		g.client.CloseIdleConnections() // one that began in the reload stays with the old worker
		g.do(t, "GET", "https://"+siteName+"/healthz", "")
		return len(second.take()) > 0
	})
	if got := g.serial(t); got != "1001" || got == selfSigned {
		t.Errorf("half of a renewal: serves %s", got)
	}
	g.WriteSecret(t, "tls/fullchain.pem", chain)
	eventually(t, "the renewal", func() bool { return g.serial(t) == "1002" })
}

// A restart is the wrong moment to find out that somebody copied the wrong file:
// without a listener on port 80 there would be no new certificate either.
func TestTLS_ACertificateThatIsNoneDoesNotStopTheStart(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	chain, key := ca.issue(t, big.NewInt(1001), siteName)
	otherChain, otherKey := ca.issue(t, big.NewInt(1002), siteName)
	for name, given := range map[string]struct{ chain, key string }{
		"another key":                 {chain, otherKey},
		"half a certificate":          {chain[:len(chain)/2], key},
		"half of the second in chain": {chain + otherChain[:len(otherChain)/2], key},
		"half a key":                  {chain, key[:len(key)/2]},
		"an empty key":                {chain, "\n"},
		"not PEM":                     {"certificate", "key"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGateway(t, testserver.NginxSettings{Entry: "tls", Names: siteName, Chain: given.chain, Key: given.key})
			if s := g.handshake(t, &tls.Config{ServerName: siteName}); s == nil || s.PeerCertificates[0].Subject.CommonName != "self-signed" {
				t.Errorf("serves %+v", s)
			}
			if !strings.Contains(g.Output(), "not taking the certificate of ") {
				t.Errorf("says nothing of it: %s", g.Output())
			}
		})
	}
}

func TestTLS_ACertificateThatCannotBeReadDoesNotStopTheStart(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	chain, key := ca.issue(t, big.NewInt(1001), siteName)
	s := testserver.NginxSettings{Entry: "tls", Names: siteName, Login: "127.0.0.1:1", Hasura: "127.0.0.1:1", Chain: chain, Key: key}
	n, cmd := testserver.PrepareNginx(t, s)
	n.HideSecret(t, "tls/privkey.pem")
	n.Run(t, s, cmd)
	g := &gateway{Nginx: n}
	if got := g.serial(t); got == "1001" {
		t.Error("the test did not hide the key")
	}
	eventually(t, "the reason", func() bool { return strings.Contains(n.Output(), "Permission denied") })
	n.WriteSecret(t, "tls/privkey.pem", key)
	eventually(t, "the certificate once it can be read", func() bool { return g.serial(t) == "1001" })
	if said := strings.Count(n.Output(), "not taking"); said > 2 { // start.sh and watch.sh
		t.Errorf("says so %d times", said)
	}
}

func TestTLS_ScannerFindsNothing(t *testing.T) {
	g := newTLSGateway(t)
	scan := exec.Command(testserver.Binary(t, "sslscan", "sslscan"), "--xml=-", "--no-colour", "--sni-name="+siteName, g.TLSAddr()) // #nosec G204 -- our own port
	out, err := scan.Output()
	if err != nil {
		t.Fatal(err)
	}
	var found struct {
		Test struct {
			Protocols []struct {
				Type    string `xml:"type,attr"`
				Version string `xml:"version,attr"`
				Enabled int    `xml:"enabled,attr"`
			} `xml:"protocol"`
			Renegotiation struct {
				Supported int `xml:"supported,attr"`
				Secure    int `xml:"secure,attr"`
			} `xml:"renegotiation"`
			Compression struct {
				Supported int `xml:"supported,attr"`
			} `xml:"compression"`
			Heartbleed []struct {
				Vulnerable int `xml:"vulnerable,attr"`
			} `xml:"heartbleed"`
			Ciphers []struct {
				Name     string `xml:"cipher,attr"`
				Strength string `xml:"strength,attr"`
			} `xml:"cipher"`
		} `xml:"ssltest"`
	}
	if err := xml.NewDecoder(bytes.NewReader(out)).Decode(&found); err != nil {
		t.Fatalf("%v in\n%s", err, out)
	}
	result := found.Test
	var versions []string
	for _, p := range result.Protocols {
		if p.Enabled == 1 {
			versions = append(versions, p.Type+" "+p.Version)
		}
	}
	if !slices.Equal(versions, []string{"tls 1.2", "tls 1.3"}) {
		t.Errorf("protocols %v", versions)
	}
	if result.Compression.Supported != 0 || result.Renegotiation.Supported > result.Renegotiation.Secure {
		t.Errorf("compression %d, renegotiation %+v", result.Compression.Supported, result.Renegotiation)
	}
	for _, h := range result.Heartbleed {
		if h.Vulnerable != 0 {
			t.Error("heartbleed")
		}
	}
	if len(result.Ciphers) < 5 {
		t.Errorf("only %d suites seen", len(result.Ciphers))
	}
	for _, c := range result.Ciphers {
		if c.Strength != "strong" && c.Strength != "acceptable" || strings.Contains(c.Name, "CBC") {
			t.Errorf("%s is %s", c.Name, c.Strength)
		}
	}
}

// TestErrors_AHeaderThatIsTooLargeIsNamedSo over HTTP/2, where nginx closes the
// connection only if it has no room at all for a header.
func TestTLS_ATokenThatIsTooLargeIsNamedSo(t *testing.T) {
	g := newTLSGateway(t)
	g.trust()
	a := g.do(t, "POST", "https://"+siteName+"/v1/graphql", `{}`, "Authorization", "Bearer "+strings.Repeat("x", 12<<10))
	checkError(t, a, http.StatusRequestHeaderFieldsTooLarge, "header-too-large")
	if a.ProtoMajor != 2 {
		t.Errorf("%s", a.Proto)
	}
	// Over REST login says it itself.
	g.do(t, "POST", "https://"+siteName+"/auth/me", `{}`, "Authorization", "Bearer "+strings.Repeat("x", 12<<10))
	if login, hasura := len(g.login.take()), len(g.hasura.take()); login != 1 || hasura != 0 {
		t.Errorf("login got %d requests, Hasura %d", login, hasura)
	}
}
