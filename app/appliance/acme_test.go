package appliance_test

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"hasura-login/app/testserver"
)

// acmeContainer is the acme container's script with its real client, in a folder next
// to the gateway's.
type acmeContainer struct {
	script, dir string
	env         []string
}

func newACMEContainer(t *testing.T, g *gateway, names string, authority *testserver.Pebble) acmeContainer {
	t.Helper()
	dir := testserver.TempDir(t)
	text, err := os.ReadFile(filepath.Join(testserver.RepoRoot(t), "ops/acme/renew.sh"))
	if err != nil {
		t.Fatal(err)
	}
	places := strings.NewReplacer("tls=/tls", "tls="+g.Dir()+"/secrets/tls", "webroot=/var/lib/acme-challenge", "webroot="+g.Dir()+"/challenge", "/tmp/", dir+"/")
	c := acmeContainer{script: filepath.Join(dir, "renew.sh"), dir: dir}
	if err := os.WriteFile(c.script, []byte(places.Replace(string(text))), 0o644); err != nil {
		t.Fatal(err)
	}
	trust := filepath.Join(dir, "trust.pem")
	certificate, err := os.ReadFile(authority.Trust)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(trust, certificate, 0o644); err != nil {
		t.Fatal(err)
	}
	client := filepath.Dir(testserver.Binary(t, "certbot", "certbot"))
	c.env = []string{"PATH=" + client + ":/usr/bin:/bin", "SITE_NAMES=" + names, "ACME_SERVER=" + authority.Directory, "REQUESTS_CA_BUNDLE=" + trust}
	return c
}

// start returns what ends the script as the end of its container does.
func (c acmeContainer) start(t *testing.T) (process *testserver.Process, stop func()) {
	t.Helper()
	cmd := exec.Command("sh", c.script)
	cmd.SysProcAttr = &syscall.SysProcAttr{}
	testserver.RunAs(t, cmd, "www-data", c.dir)
	cmd.SysProcAttr.Setpgid = true
	cmd.Env = c.env
	process = testserver.Start(t, cmd)
	stop = sync.OnceFunc(func() {
		_ = syscall.Kill(-process.Pid(), syscall.SIGTERM)
		<-process.Done()
	})
	t.Cleanup(stop)
	return process, stop
}

// served is the certificate that a client which trusts roots accepts for a name.
func (g *gateway) served(name string, roots *x509.CertPool) *x509.Certificate {
	c, err := tls.Dial("tcp", g.TLSAddr(), &tls.Config{ServerName: name, RootCAs: roots})
	if err != nil {
		return nil
	}
	defer c.Close()
	return c.ConnectionState().PeerCertificates[0]
}

func TestACME_TheFirstCertificateAndItsRenewalAreServedByThemselves(t *testing.T) {
	t.Parallel()
	const other = "api.example.org"
	names := siteName + ", " + other
	g := newGateway(t, testserver.NginxSettings{Entry: "tls", Names: names})
	// The client renews what lives for less than 30 days more.
	authority := testserver.StartPebble(t, g.Port, 20*24*time.Hour)
	roots := authority.Roots(t)
	if g.served(siteName, roots) != nil {
		t.Fatal("trusted before there is a certificate")
	}
	c := newACMEContainer(t, g, names, authority)
	running, stop := c.start(t)
	var first *x509.Certificate
	eventually(t, "the first certificate", func() bool {
		first = g.served(siteName, roots)
		return first != nil && g.served(other, roots) != nil
	})
	eventually(t, "the sign of life", func() bool {
		_, err := os.Stat(filepath.Join(c.dir, "last-look"))
		return err == nil
	})
	key := filepath.Join(g.Dir(), "secrets/tls/privkey.pem")
	if info, err := os.Stat(key); err != nil || info.Mode().Perm() != 0o400 {
		t.Errorf("the key: %v, %v", info.Mode(), err)
	}
	stop()
	if running.ExitCode() != 0 {
		t.Errorf("stopped, it exits with %d", running.ExitCode())
	}

	// Started again at the next host's boot, cut off the last time.
	owner, err := os.Stat(key)
	if err != nil {
		t.Fatal(err)
	}
	ids := owner.Sys().(*syscall.Stat_t)
	for _, name := range []string{"privkey.pem.new", "fullchain.pem.new"} {
		rest := filepath.Join(g.Dir(), "secrets/tls", name)
		if err := os.WriteFile(rest, nil, 0o400); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(rest, int(ids.Uid), int(ids.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	c.start(t)
	eventually(t, "the renewal", func() bool {
		now := g.served(siteName, roots)
		return now != nil && now.SerialNumber.Cmp(first.SerialNumber) != 0
	})
}
