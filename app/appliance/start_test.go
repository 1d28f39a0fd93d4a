package appliance_test

import (
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hasura-login/app/testserver"
)

func TestStart_RefusesValuesThatWouldBecomeConfiguration(t *testing.T) {
	for name, c := range map[string]struct {
		settings testserver.NginxSettings
		says     string
	}{
		"a name with more in it":     {testserver.NginxSettings{Names: "a.example; return 200"}, "SITE_NAMES"},
		"a pattern for a name":       {testserver.NginxSettings{Names: "~.*"}, "SITE_NAMES"},
		"blanks for names":           {testserver.NginxSettings{Names: " , "}, "SITE_NAMES"},
		"an entry that is not":       {testserver.NginxSettings{Entry: "../../tmp/evil"}, "ENTRY"},
		"no balancers":               {testserver.NginxSettings{Entry: "load-balancer"}, "LOAD_BALANCERS"},
		"everybody as balancer":      {testserver.NginxSettings{Entry: "load-balancer", LoadBalancers: "0.0.0.0/0"}, "LOAD_BALANCERS"},
		"everybody, in IPv6":         {testserver.NginxSettings{Entry: "load-balancer", LoadBalancers: "::/0"}, "LOAD_BALANCERS"},
		"a name as balancer":         {testserver.NginxSettings{Entry: "load-balancer", LoadBalancers: "lb.example.org"}, "LOAD_BALANCERS"},
		"no limit of bodies":         {testserver.NginxSettings{GraphQLBody: "0"}, "GRAPHQL_MAX_BODY"},
		"a size that is none":        {testserver.NginxSettings{GraphQLBody: "k1"}, "GRAPHQL_MAX_BODY"},
		"a size with more in it":     {testserver.NginxSettings{GraphQLBody: "1m; root /"}, "GRAPHQL_MAX_BODY"},
		"a wider NAT64 prefix":       {testserver.NginxSettings{NAT64: "2001:db8::/64"}, "NAT64_PREFIX"},
		"IPv4 for NAT64":             {testserver.NginxSettings{NAT64: "192.0.2.0/96"}, "NAT64_PREFIX"},
		"NAT64 with more in it":      {testserver.NginxSettings{NAT64: "2001:db8::/96 1; ::/0"}, "NAT64_PREFIX"},
		"a balancer with more in it": {testserver.NginxSettings{Entry: "load-balancer", LoadBalancers: "10.0.0.1;"}, "LOAD_BALANCERS"},
	} {
		t.Run(name, func(t *testing.T) {
			c.settings.Login, c.settings.Hasura = "127.0.0.1:1", "127.0.0.1:1"
			_, cmd := testserver.PrepareNginx(t, c.settings)
			out, err := cmd.CombinedOutput()
			if exit := new(exec.ExitError); !errors.As(err, &exit) || !strings.Contains(string(out), c.says) {
				t.Errorf("ends with %v and says %s", err, out)
			}
		})
	}
}

// A setting that the nginx of production knows and that of the tests does not.
func TestStart_KeepsConnectionsOverAReloadWhereNginxCan(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]bool{"1.22.1": false, "1.27.3": false, "1.27.4": true, "1.30.4 (Debian)": true} {
		g, cmd := testserver.PrepareNginx(t, testserver.NginxSettings{Login: "127.0.0.1:1", Hasura: "127.0.0.1:1"})
		bin := filepath.Join(g.Dir(), "run", "bin")
		if err := os.Mkdir(bin, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(bin, "nginx"), []byte("#!/bin/sh\necho 'nginx version: nginx/"+version+"' >&2\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		cmd.Env[0] = strings.Replace(cmd.Env[0], "PATH=", "PATH="+bin+":", 1)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		settings, err := os.ReadFile(filepath.Join(g.Dir(), "run/site/keepalive.conf"))
		if err != nil {
			t.Fatal(err)
		}
		if got := string(settings) == "keepalive_min_timeout 5s;\n"; got != want {
			t.Errorf("nginx %s gets %q", version, settings)
		}
	}
}

// A deploy rewrites an upstream file and reloads at once. nginx notices any other
// change of such a file without being told.
func TestWatch_ARewrittenUpstreamIsTakenUp(t *testing.T) {
	t.Parallel()
	g := newGateway(t, testserver.NginxSettings{})
	second := newUpstream(t, "second")
	g.PointUpstream(t, "login", second.address())
	eventually(t, "the second container", func() bool {
		g.do(t, "GET", g.URL("/healthz"), "")
		return len(second.take()) > 0
	})
	g.WriteSecret(t, "edge_secret.conf", `map "" $edge_secret { default "rotated"; }`)
	eventually(t, "the rotated edge secret", func() bool {
		g.do(t, "GET", g.URL("/healthz"), "")
		requests := second.take()
		return len(requests) > 0 && requests[0].Header.Get("X-Edge-Secret") == "rotated"
	})
}

// reload.sh is how scripts make nginx take a change up; the watch leaves it at that.
func TestReload_TheWatchDoesNotRepeatIt(t *testing.T) {
	t.Parallel()
	g := newGateway(t, testserver.NginxSettings{})
	second := newUpstream(t, "second")
	g.PointUpstream(t, "login", second.address())
	g.Reload(t)
	time.Sleep(6 * time.Second) // the watch looks every 5 s
	if strings.Contains(g.Output(), "watch.sh: reloaded") {
		t.Error("the watch reloaded what was loaded already")
	}
	eventually(t, "the second container", func() bool {
		g.do(t, "GET", g.URL("/healthz"), "")
		return len(second.take()) > 0
	})
}

// A file that nginx does not take must not cost the configuration that serves.
func TestWatch_ABrokenFileLeavesTheOldConfigurationServing(t *testing.T) {
	t.Parallel()
	g := newGateway(t, testserver.NginxSettings{})
	g.WriteSecret(t, "edge_secret.conf", `map "" $edge_secret { default `)
	eventually(t, "the refusal", func() bool { return strings.Contains(g.Output(), "[emerg]") })
	if a := g.do(t, "GET", g.URL("/healthz"), ""); a.StatusCode != http.StatusOK {
		t.Errorf("status %d", a.StatusCode)
	}
	if got := received(t, g.login).Get("X-Edge-Secret"); got != "edge-secret-of-the-test" {
		t.Errorf("edge secret %q", got)
	}
}
