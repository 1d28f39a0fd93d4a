package testserver

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// Mailpit is a real mail server that keeps all mails and shows them over HTTP. It
// demands TLS and the password of its one user.
type Mailpit struct {
	*Process
	Port     int // SMTP
	TLS      *tls.Config
	CertFile string // of the server's own authority
	User     string
	Password string

	args []string
	web  string
}

// StartMailpit builds the server from tools/mailpit and starts it on free
// loopback ports, with STARTTLS demanded, or TLS from the first byte.
func StartMailpit(t testing.TB, implicitTLS bool) *Mailpit {
	t.Helper()
	dir := TempDir(t)
	m := &Mailpit{Port: FreePort(t), User: "login", Password: "smtp-password"}
	m.web = Addr(FreePort(t))
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	m.TLS, m.CertFile = writeCertificate(t, cert, key), cert
	users := filepath.Join(dir, "users")
	writeFile(t, users, []byte(m.User+":"+m.Password+"\n"))
	demand := "--smtp-require-starttls"
	if implicitTLS {
		demand = "--smtp-require-tls"
	}
	m.args = []string{
		"--smtp", Addr(m.Port), "--listen", m.web, "--database", filepath.Join(dir, "mail.db"),
		"--smtp-tls-cert", cert, "--smtp-tls-key", key, demand, "--smtp-auth-file", users,
		"--smtp-disable-rdns", "--enable-chaos", "--disable-version-check",
	}
	m.Restart(t)
	return m
}

// Restart starts the server again after Stop or Kill, on the same ports and
// with the mails it had.
func (m *Mailpit) Restart(t testing.TB) {
	t.Helper()
	m.Process = Start(t, exec.Command(tool(t, "mailpit", "mailpit"), m.args...)) // #nosec G204 -- a test's own server
	m.WaitReady(t, 20*time.Second, func() error {
		if err := Dial(Addr(m.Port)); err != nil {
			return err
		}
		return Dial(m.web)
	})
}

// ReceivedMail is a mail as the server shows it.
type ReceivedMail struct {
	ID        string
	MessageID string
	Subject   string
	Text      string
	HTML      string
	From      struct{ Name, Address string }
	To        []struct{ Address string }
}

// Mails returns the mails that have arrived, newest first.
func (m *Mailpit) Mails(t testing.TB) []ReceivedMail {
	t.Helper()
	var list struct{ Messages []struct{ ID string } }
	m.call(t, http.MethodGet, "/api/v1/messages", nil, &list)
	mails := make([]ReceivedMail, len(list.Messages))
	for i, message := range list.Messages {
		m.call(t, http.MethodGet, "/api/v1/message/"+message.ID, nil, &mails[i])
	}
	return mails
}

// Header returns a header's values of a mail.
func (m *Mailpit) Header(t testing.TB, mailID, name string) []string {
	t.Helper()
	var headers map[string][]string
	m.call(t, http.MethodGet, "/api/v1/message/"+mailID+"/headers", nil, &headers)
	return headers[name]
}

// Refuse makes the server answer every recipient with an SMTP code, or take
// them again where code is 0.
func (m *Mailpit) Refuse(t testing.TB, code int) {
	t.Helper()
	probability := 100
	if code == 0 {
		code, probability = 451, 0
	}
	type trigger struct {
		ErrorCode   int
		Probability int
	}
	m.call(t, http.MethodPut, "/api/v1/chaos", map[string]trigger{"Recipient": {code, probability}}, nil)
}

func (m *Mailpit) call(t testing.TB, method, path string, body, into any) {
	t.Helper()
	r, w := io.Pipe()
	go func() { w.CloseWithError(json.NewEncoder(w).Encode(body)) }()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://"+m.web+path, r)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", resp.Status, answer)
	}
	if err == nil && into != nil {
		err = json.Unmarshal(answer, into)
	}
	if err != nil {
		t.Fatalf("mailpit: %s %s: %v", method, path, err)
	}
}

// writeCertificate makes a certificate for loopback and returns a client configuration
// that trusts only this one.
func writeCertificate(t testing.TB, certFile, keyFile string) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"localhost"},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	writeFile(t, certFile, cert)
	writeFile(t, keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}))
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(cert)
	return &tls.Config{RootCAs: roots, ServerName: "localhost", MinVersion: tls.VersionTLS12}
}

func writeFile(t testing.TB, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}
