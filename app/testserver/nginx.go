package testserver

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// NginxSettings is what differs from site to site; the rest of the configuration
// is the project's own folder nginx, with other ports and paths.
type NginxSettings struct {
	Entry         string // tls, load-balancer or plain (the default)
	Login, Hasura string // host:port of the upstreams
	Names         string // host names served; the default is "localhost 127.0.0.1"
	CORSOrigins   string
	LoadBalancers string
	GraphQLBody   string // the default is the start script's
	NAT64         string
	EdgeSecret    string // the default is "edge-secret-of-the-test"
	Chain, Key    string // the certificate of Entry tls as PEM; empty means none yet
}

// Nginx is the real gateway with the project's configuration, started by the
// project's own start script as an unprivileged user.
type Nginx struct {
	*Process
	Port       int // plain HTTP
	TLSPort    int // with Entry tls
	StatusPort int // stub_status and /alive
	dir        string
}

// StartNginx starts the gateway and waits until it answers.
func StartNginx(t testing.TB, s NginxSettings) *Nginx {
	t.Helper()
	n, cmd := PrepareNginx(t, s)
	n.Run(t, s, cmd)
	return n
}

// Run starts a gateway that was prepared and waits until it answers.
func (n *Nginx) Run(t testing.TB, s NginxSettings, cmd *exec.Cmd) {
	t.Helper()
	n.Process = Start(t, cmd)
	// To the group, so that the script that watches for changes also ends.
	t.Cleanup(func() { _ = syscall.Kill(-n.Pid(), syscall.SIGTERM) })
	n.WaitReady(t, 20*time.Second, n.listens(s))
}

// listens reports whether every port is open; nginx opens one after the other.
func (n *Nginx) listens(s NginxSettings) func() error {
	ports := []int{n.StatusPort, n.Port}
	if s.Entry == "tls" {
		ports = append(ports, n.TLSPort)
	}
	return func() error {
		for _, port := range ports {
			if err := Dial(Addr(port)); err != nil {
				return err
			}
		}
		return nil
	}
}

// PrepareNginx lays out a gateway's files and returns the command that starts it.
func PrepareNginx(t testing.TB, s NginxSettings) (*Nginx, *exec.Cmd) {
	t.Helper()
	n := &Nginx{Port: FreePort(t), TLSPort: FreePort(t), StatusPort: FreePort(t), dir: TempDir(t)}
	for _, d := range []string{"run", "secrets", "secrets/tls", "log", "challenge"} {
		if err := os.MkdirAll(filepath.Join(n.dir, d), 0o750); err != nil {
			t.Fatal(err)
		}
	}
	n.layOut(t, s)
	n.WriteSecret(t, "edge_secret.conf", fmt.Sprintf("map \"\" $edge_secret { default %q; }\n", or(s.EdgeSecret, "edge-secret-of-the-test")))

	if s.Chain != "" {
		n.WriteSecret(t, "tls/privkey.pem", s.Key)
		n.WriteSecret(t, "tls/fullchain.pem", s.Chain)
	}

	cmd := exec.Command("sh", filepath.Join(n.dir, "config/start.sh")) // #nosec G204 -- the project's own script
	RunAs(t, cmd, "www-data", n.dir)
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	cmd.Dir = n.dir
	cmd.Env = []string{
		"PATH=" + filepath.Dir(Binary(t, "nginx", "nginx")) + ":/usr/sbin:/usr/bin:/sbin:/bin",
		"ENTRY=" + or(s.Entry, "plain"), "SITE_NAMES=" + or(s.Names, "localhost 127.0.0.1"),
		"CORS_ORIGINS=" + s.CORSOrigins, "LOAD_BALANCERS=" + s.LoadBalancers,
		"GRAPHQL_MAX_BODY=" + s.GraphQLBody, "NAT64_PREFIX=" + s.NAT64,
	}
	n.handOver(t, cmd)
	return n, cmd
}

var listenAnyIPv6 = regexp.MustCompile(`(?m)^ *listen \[::\]:.*\n`)

// layOut copies the folder nginx with other ports and paths, and nothing else.
func (n *Nginx) layOut(t testing.TB, s NginxSettings) {
	t.Helper()
	places := strings.NewReplacer(
		"/run/nginx", n.dir+"/run", "/run/secrets", n.dir+"/secrets",
		"/dev/stdout", n.dir+"/log/stdout.log", "/var/log/edge", n.dir+"/log",
		"/var/lib/acme-challenge", n.dir+"/challenge",
		"listen 8080", fmt.Sprintf("listen 127.0.0.1:%d", n.Port),
		"listen 8443", fmt.Sprintf("listen 127.0.0.1:%d", n.TLSPort),
		"listen     8081", fmt.Sprintf("listen 127.0.0.1:%d", n.StatusPort),
		"listen      8300", fmt.Sprintf("listen 127.0.0.1:%d", FreePort(t)),
		"server login:3000", "server "+s.Login, "server hasura:8080", "server "+s.Hasura,
	)
	source := filepath.Join(RepoRoot(t), "nginx")
	err := filepath.WalkDir(source, func(path string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(source, path)
		if err != nil {
			return err
		}
		target := filepath.Join(n.dir, "config", rel)
		if entry.IsDir() {
			return os.MkdirAll(target, 0o755) // #nosec G301 -- nginx runs as another user
		}
		text := places.Replace(readFile(t, path))
		return os.WriteFile(target, []byte(listenAnyIPv6.ReplaceAllString(text, "")), 0o644) // #nosec G306 -- as above
	})
	if err != nil {
		t.Fatalf("laying out nginx: %v", err)
	}
}

// handOver gives the folders that nginx writes to the user it runs as.
func (n *Nginx) handOver(t testing.TB, cmd *exec.Cmd) {
	t.Helper()
	if cmd.SysProcAttr.Credential == nil {
		return
	}
	owner := cmd.SysProcAttr.Credential
	for _, d := range []string{"run", "secrets", "secrets/tls", "secrets/edge_secret.conf", "log", "challenge"} {
		if err := os.Chown(filepath.Join(n.dir, d), int(owner.Uid), int(owner.Gid)); err != nil {
			t.Fatal(err)
		}
	}
}

// WriteSecret puts a file into the folder that is mounted at /run/secrets, by a
// rename as the operator's scripts do.
func (n *Nginx) WriteSecret(t testing.TB, name, content string) {
	t.Helper()
	n.replace(t, filepath.Join(n.dir, "secrets", name), content)
}

// HideSecret makes a file unreadable for nginx's user.
func (n *Nginx) HideSecret(t testing.TB, name string) {
	t.Helper()
	path := filepath.Join(n.dir, "secrets", name)
	if err := errors.Join(os.Chmod(path, 0), os.Chown(path, os.Geteuid(), os.Getegid())); err != nil {
		t.Fatal(err)
	}
}

// WriteChallenge puts a file where the ACME client leaves its answers.
func (n *Nginx) WriteChallenge(t testing.TB, name, content string) {
	t.Helper()
	path := filepath.Join(n.dir, "challenge/.well-known/acme-challenge", name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { // #nosec G301 -- nginx runs as another user
		t.Fatal(err)
	}
	n.replace(t, path, content)
}

// PointUpstream rewrites an upstream file as a deploy does; the gateway takes it
// at its next reload.
func (n *Nginx) PointUpstream(t testing.TB, upstream, address string) {
	t.Helper()
	path := filepath.Join(n.dir, "config/upstreams", upstream+".conf")
	server := regexp.MustCompile(`(?m)^( *server +)[^;]+;`)
	n.replace(t, path, server.ReplaceAllString(readFile(t, path), "${1}"+address+";"))
}

// Reload makes the gateway take its files up at once, as the operator's scripts do.
func (n *Nginx) Reload(t testing.TB) {
	t.Helper()
	cmd := exec.Command("sh", filepath.Join(n.dir, "config/reload.sh")) // #nosec G204 -- the project's own script
	cmd.Env = n.Env()
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: n.cmd.SysProcAttr.Credential}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("reloading nginx: %v\n%s", err, out)
	}
}

func (n *Nginx) replace(t testing.TB, path, content string) {
	t.Helper()
	if err := os.WriteFile(path+".new", []byte(content), 0o644); err != nil { // #nosec G306 -- nginx runs as another user
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// AccessLog returns the lines that Docker's log would hold, waiting until there
// are at least as many as asked for: nginx writes a line after the answer.
func (n *Nginx) AccessLog(t testing.TB, atLeast int) [][]byte {
	t.Helper()
	var lines [][]byte
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		text, _ := os.ReadFile(filepath.Join(n.dir, "log/stdout.log"))
		whole := text[:bytes.LastIndexByte(text, '\n')+1] // the last line may be half written
		lines = bytes.Split(bytes.TrimSpace(whole), []byte("\n"))
		if len(whole) > 0 && len(lines) >= atLeast {
			return lines
		}
	}
	t.Fatalf("the access log has %d lines, not %d", len(lines), atLeast)
	return nil
}

// Dir is where the gateway's files are: config, secrets, run and log.
func (n *Nginx) Dir() string { return n.dir }

// URL is the plain HTTP address of a path.
func (n *Nginx) URL(path string) string { return "http://" + Addr(n.Port) + path }

// TLSAddr is host:port of the TLS listener.
func (n *Nginx) TLSAddr() string { return net.JoinHostPort("127.0.0.1", fmt.Sprint(n.TLSPort)) }

func or(value, fallback string) string {
	if value == "" {
		return fallback
	}
	return value
}
