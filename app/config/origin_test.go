package config_test

import (
	"strings"
	"testing"

	"hasura-login/app/config"
)

// Reports of pages that get no CORS headers because the setting is written in another
// form than browsers send: a trailing default port (envoyproxy, traefik), capitals and
// IDN (keycloak's web origins), [::1] (vite), wildcards of subdomains (supabase, nhost).
func TestParseOrigin_IsWhatABrowserSends(t *testing.T) {
	for text, want := range map[string]string{
		"https://app.example.org":            "https://app.example.org",
		"HTTPS://App.Example.Org":            "https://app.example.org",
		"https://app.example.org:443":        "https://app.example.org",
		"https://app.example.org:0443":       "https://app.example.org",
		"https://app.example.org:8443":       "https://app.example.org:8443",
		"http://localhost:80":                "http://localhost",
		"http://localhost:5173":              "http://localhost:5173",
		"http://[::1]:5173":                  "http://[::1]:5173",
		"http://[0:0:0:0:0:0:0:1]":           "http://[::1]",
		"http://[::FFFF:127.0.0.1]:3000":     "http://[::ffff:7f00:1]:3000",
		"http://127.0.0.1:5173":              "http://127.0.0.1:5173",
		"https://bücher.example":             "https://xn--bcher-kva.example",
		"https://BÜCHER.example":             "https://xn--bcher-kva.example",
		"https://xn--bcher-kva.example":      "https://xn--bcher-kva.example",
		"https://faß.example":                "https://xn--fa-hia.example",
		"https://my_app.example.org":         "https://my_app.example.org",
		"https://r3---sn.example.org":        "https://r3---sn.example.org",
		"https://*.example.org":              "https://*.example.org",
		"https://*.Example.org:443":          "https://*.example.org",
		"https://*.bücher.example:8443":      "https://*.xn--bcher-kva.example:8443",
		"http://*.localhost:3000":            "http://*.localhost:3000",
		"https://app。example。org":            "https://app.example.org",
		"https://login.example.org.":         "https://login.example.org.",
		"https://*.preview.app.example.org":  "https://*.preview.app.example.org",
		"https://deploy-1--site.example.org": "https://deploy-1--site.example.org",
	} {
		if got, err := config.ParseOrigin(text); err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", text, got, err, want)
		}
	}
	for _, text := range []string{
		"", "*", "null", "app.example.org", "//app.example.org", "https://", "https://*", "https://*.", "https://a.*.example.org",
		"https://*example.org", "https://**.example.org", "https://app.example.org/", "https://app.example.org/x",
		"https://app.example.org?x", "https://app.example.org?", "https://app.example.org#", "https://app.example.org:", "https://app.example.org:0",
		"https://app.example.org:65536", "https://app.example.org:x", "https://ann@app.example.org", "https://ann:pw@app.example.org",
		"ftp://app.example.org", "https:app.example.org", "https://app..example.org", "https://.example.org", "https://127.1", "https://1",
		"https://0x7f.0.0.1", "https://*.127.0.0.1", "https://[::1", "https://[fe80::1%25eth0]", "https://app example.org", "https://app.example.org\\x",
		"https://a%41.example", "https://a;}", "https://[127.0.0.1]",
	} {
		if got, err := config.ParseOrigin(text); err == nil {
			t.Errorf("%s: taken as %s", text, got)
		} else if strings.Contains(err.Error(), "pw") {
			t.Errorf("the error repeats a password: %v", err)
		}
	}
}

func TestAllowOrigin_PatternsStandForOneLabel(t *testing.T) {
	allow := config.AllowOrigin([]string{"https://app.example.org", "https://*.example.com", "http://*.localhost:3000", "http://[::1]:5173"})
	for origin, want := range map[string]bool{
		"https://app.example.org": true, "https://x.example.com": true, "https://preview-7.example.com": true,
		"http://ann.localhost:3000": true, "http://[::1]:5173": true,
		"https://example.com": false, "https://a.b.example.com": false, "https://.example.com": false,
		"http://x.example.com": false, "https://x.example.com:8443": false, "https://x.example.com.evil.example": false,
		"https://evil.example/.example.com": false, "https://evil:x@x.example.com": false, "https://evil.example?.example.com": false,
		"http://ann.localhost": false, "http://[::1]": false, "null": false, "": false, "https://y.app.example.org": false,
	} {
		if got := allow(origin); got != want {
			t.Errorf("%s: %v, want %v", origin, got, want)
		}
	}
}

func TestLoad_OriginsAndTheIssuer(t *testing.T) {
	cfg, lines, err := config.Load([]string{
		"LOGIN_CORS_ORIGINS=https://App.example.org:443, https://app.example.org,https://bücher.example",
		"LOGIN_ISSUER=https://login.example.org", "LOGIN_PUBLIC_URL=https://Login.Example.org:443/",
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(cfg.CORSOrigins, " "); got != "https://app.example.org https://xn--bcher-kva.example" {
		t.Errorf("origins %s", got)
	}
	if cfg.Origin() != "https://login.example.org" {
		t.Errorf("the site's origin is %s", cfg.Origin())
	}
	shown := false
	for _, l := range lines {
		shown = shown || l.Name == "LOGIN_CORS_ORIGINS" && l.Value == "https://app.example.org,https://xn--bcher-kva.example"
	}
	if !shown {
		t.Error("check does not print the origins as browsers send them")
	}
	for setting, says := range map[string]string{
		"LOGIN_CORS_ORIGINS=*":                             "not an origin",
		"LOGIN_CORS_ORIGINS=https://app.example.org/":      "not an origin",
		"LOGIN_CORS_ORIGINS=http://app.example.org":        "needs https",
		"LOGIN_CORS_ORIGINS=https://ann:pw@example.org":    "names a user",
		"LOGIN_ISSUER=http://login.example.org":            "needs https",
		"LOGIN_ISSUER=HTTP://login.example.org":            "needs https",
		"LOGIN_ISSUER=https://login.example.org@evil.test": "names a user",
		"LOGIN_ISSUER=https://login.example.org\\x":        "not a URL",
		"LOGIN_PUBLIC_URL=https://*.example.org":           "LOGIN_PUBLIC_URL",
	} {
		name, _, _ := strings.Cut(setting, "=")
		if _, _, err := config.Load([]string{setting}); err == nil || !strings.Contains(err.Error(), name+": ") || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %s", setting, err, says)
		}
	}
	for _, good := range []string{"LOGIN_ISSUER=hasura-login", "LOGIN_ISSUER=urn:example:login", "LOGIN_ISSUER=http://localhost:8080", "LOGIN_CORS_ORIGINS=http://[::1]:5173,http://*.localhost:3000"} {
		if _, _, err := config.Load([]string{good}); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
}
