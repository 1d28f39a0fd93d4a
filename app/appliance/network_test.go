package appliance_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// waysOut are the networks with a way to the internet, and why they need it. Every
// other network is internal.
var waysOut = map[string]string{
	"edge":     "users come in here, nginx answers them, acme asks its authority, and the public name is probed as users see it",
	"mail":     "login sends mail to a server or a webhook; nothing else is on it",
	"alerting": "alertmanager sends messages; nothing else is on it",
}

// listensOn are services in a network that others must not reach them by, and the
// name, known in one network only, that their listener is bound to.
var listensOn = map[string]struct{ network, alias string }{
	"login":             {"metrics", "login-metrics"}, // its ops port
	"blackbox-exporter": {"metrics", "blackbox-metrics"},
}

// Which service can reach which is a decision: one more network for a service changes
// the threat model (docs/threat-model.md).
func TestNetworks_HoldWhoTheyShould(t *testing.T) {
	p := production(t)
	got := map[string][]string{}
	for name, s := range p.Services {
		for network := range s.Networks {
			got[network] = append(got[network], name)
		}
	}
	for _, names := range got {
		slices.Sort(names)
	}
	want := map[string][]string{
		"edge":     {"acme", "blackbox-exporter", "nginx"},
		"inside":   {"blackbox-exporter", "hasura", "login", "nginx"},
		"data":     {"hasura", "login", "migrate", "postgres", "postgres-exporter", "redis", "redis-exporter"},
		"metrics":  {"alertmanager", "blackbox-exporter", "edge-metrics", "grafana", "login", "nginx", "nginx-exporter", "node-exporter", "postgres-exporter", "prometheus", "redis-exporter"},
		"mail":     {"login"},
		"alerting": {"alertmanager"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("networks (-want +got):\n%s", diff)
	}
	for name, n := range p.Networks {
		if reason := waysOut[name]; n.Internal != (reason == "") {
			t.Errorf("network %s: internal is %v; the reason for a way out is %q", name, n.Internal, reason)
		}
	}
	if edge := p.Networks["edge"]; edge.EnableIPv6 == nil || !*edge.EnableIPv6 {
		t.Error("without IPv6 on the edge network all IPv6 clients share one address")
	}
	if p.Services["nginx"].Networks["edge"].GatewayPriority <= 0 {
		t.Error("nginx's way out, and its published ports, would be on the network that comes first by name")
	}
}

func TestNetworks_ListenersForMetricsAreOnTheirNetworkOnly(t *testing.T) {
	p := production(t)
	listeners := map[string]string{"login": *p.Services["login"].Environment["LOGIN_OPS_LISTEN"]}
	for _, argument := range p.Services["blackbox-exporter"].Command {
		if at, found := strings.CutPrefix(argument, "--web.listen-address="); found {
			listeners["blackbox-exporter"] = at
		}
	}
	for name, bound := range listensOn {
		if host, _, _ := strings.Cut(listeners[name], ":"); host != bound.alias {
			t.Errorf("%s listens on %q", name, listeners[name])
		}
		for network, s := range p.Services[name].Networks {
			if known := s != nil && slices.Contains(s.Aliases, bound.alias); known != (network == bound.network) {
				t.Errorf("%s is %s in the network %s: %v", bound.alias, name, network, known)
			}
		}
	}
}

func TestPorts_AreThePublicTwoAndGrafanaOnLoopback(t *testing.T) {
	type port struct {
		HostIP, Published string
		Target            uint32
	}
	var got []port
	for _, p := range production(t).Services["nginx"].Ports {
		got = append(got, port{p.HostIP, p.Published, p.Target})
	}
	want := []port{{"", "80", 8080}, {"", "443", 8443}, {"127.0.0.1", "3001", 8300}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("ports (-want +got):\n%s", diff)
	}
}

func TestStartOrder_IsDatabaseThenLoginAndMigrationsThenHasuraThenNginx(t *testing.T) {
	p := production(t)
	want := map[string]map[string]string{
		"login":   {"postgres": "service_healthy", "redis": "service_healthy"},
		"migrate": {"postgres": "service_healthy"},
		"hasura":  {"postgres": "service_healthy", "login": "service_healthy", "migrate": "service_completed_successfully"},
		"nginx":   {"login": "service_healthy", "hasura": "service_healthy"},
	}
	for name, conditions := range want {
		got := map[string]string{}
		for on, d := range p.Services[name].DependsOn {
			got[on] = d.Condition
		}
		if diff := cmp.Diff(conditions, got); diff != "" {
			t.Errorf("%s depends on (-want +got):\n%s", name, diff)
		}
	}
	if p.Services["login"].DependsOn["redis"].Required {
		t.Error("login waits for a Redis that most sites do not run")
	}
}

func TestProfiles_LeaveTheCoreAlone(t *testing.T) {
	got := map[string][]string{}
	for name, s := range production(t).Services {
		for _, profile := range s.Profiles {
			got[profile] = append(got[profile], name)
		}
	}
	if diff := cmp.Diff([]string{"acme", "monitoring", "redis", "redis-monitoring"}, slices.Sorted(maps.Keys(got))); diff != "" {
		t.Errorf("profiles (-want +got):\n%s", diff)
	}
	for _, core := range []string{"nginx", "login", "migrate", "hasura", "postgres"} {
		if profiles := production(t).Services[core].Profiles; len(profiles) > 0 {
			t.Errorf("%s runs only with %v", core, profiles)
		}
	}
}

func TestHasura_ProductionShowsNothingAndTrustsOnlyLoginsKeys(t *testing.T) {
	p := production(t)
	env := p.Services["hasura"].Environment
	for name, want := range map[string]string{
		"ENABLE_CONSOLE": "false", "DEV_MODE": "false", "ENABLED_APIS": "graphql", "ENABLE_TELEMETRY": "false",
		"ENABLE_RELAY": "false", "REDACT_ACTION_HANDLER_LOGS": "true", "DISABLE_EVENT_PROCESSING": "false",
		"ADMIN_INTERNAL_ERRORS": "false", "UNAUTHORIZED_ROLE": "public", "CONFIGURED_HEADER_PRECEDENCE": "true",
		"METADATA_DATABASE_URL":               "dynamic-from-file:///run/secrets/metadata_database_url",
		"DYNAMIC_SECRETS_ALLOWED_PATH_PREFIX": "/run/secrets/",
		"ENABLED_LOG_TYPES":                   "startup, http-log, webhook-log, websocket-log, jwk-refresh-log",
		"CORS_DOMAIN":                         "https://app.example.org",
	} {
		if got := env["HASURA_GRAPHQL_"+name]; got == nil || *got != want {
			t.Errorf("HASURA_GRAPHQL_%s is %v, not %q", name, got, want)
		}
	}
	for _, never := range []string{"HASURA_GRAPHQL_HTTP_LOG_QUERY_ONLY_ON_ERROR", "HASURA_GRAPHQL_DATABASE_URL", "HASURA_GRAPHQL_WS_READ_COOKIE"} {
		if _, set := env[never]; set {
			t.Errorf("%s is set", never)
		}
	}
	var jwt map[string]any
	if err := json.Unmarshal([]byte(*env["HASURA_GRAPHQL_JWT_SECRET"]), &jwt); err != nil {
		t.Fatal(err)
	}
	login := p.Services["login"].Environment
	want := map[string]any{
		"jwk_url": "http://login:3000/.well-known/jwks.json", "allowed_skew": 5.0,
		"issuer": *login["LOGIN_ISSUER"], "audience": *login["LOGIN_AUDIENCE"],
	}
	if diff := cmp.Diff(want, jwt); diff != "" {
		t.Errorf("JWT setting (-want +got):\n%s", diff)
	}
	job := p.Services["migrate"].Environment
	if off := job["HASURA_GRAPHQL_DISABLE_EVENT_PROCESSING"]; off == nil || *off != "true" {
		t.Error("the migrations job would run event triggers")
	}
	if _, set := job["HASURA_GRAPHQL_JWT_SECRET"]; set {
		t.Error("the migrations job would wait for login's keys, and login may wait for it")
	}
}
