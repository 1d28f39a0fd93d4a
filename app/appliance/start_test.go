package appliance_test

import (
	"errors"
	"net/http"
	"os/exec"
	"strings"
	"testing"

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
		"an origin without scheme":   {testserver.NginxSettings{CORSOrigins: "app.example.org"}, "CORS_ORIGINS"},
		"any origin":                 {testserver.NginxSettings{CORSOrigins: "*"}, "CORS_ORIGINS"},
		"an origin with more":        {testserver.NginxSettings{CORSOrigins: "https://a;}"}, "CORS_ORIGINS"},
		"no balancers":               {testserver.NginxSettings{Entry: "load-balancer"}, "LOAD_BALANCERS"},
		"everybody as balancer":      {testserver.NginxSettings{Entry: "load-balancer", LoadBalancers: "0.0.0.0/0"}, "LOAD_BALANCERS"},
		"everybody, in IPv6":         {testserver.NginxSettings{Entry: "load-balancer", LoadBalancers: "::/0"}, "LOAD_BALANCERS"},
		"a name as balancer":         {testserver.NginxSettings{Entry: "load-balancer", LoadBalancers: "lb.example.org"}, "LOAD_BALANCERS"},
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

// A deploy rewrites an upstream file and reloads at once; whatever else changes
// one, nginx finds by itself.
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
