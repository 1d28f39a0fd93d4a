package config_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hasura-login/app/config"
	"hasura-login/app/login"
)

func TestLoad_WhoMaySignUp(t *testing.T) {
	for name, c := range map[string]struct {
		vars []string
		want string // of the error; empty: fine
	}{
		"open":                     {[]string{"LOGIN_SIGNUP=open"}, ""},
		"invited":                  {[]string{"LOGIN_SIGNUP=invited"}, ""},
		"closed":                   {[]string{"LOGIN_SIGNUP=closed"}, ""},
		"another word":             {[]string{"LOGIN_SIGNUP=true"}, `LOGIN_SIGNUP: "true" is not one of open, invited, closed`},
		"the setting of before":    {[]string{"LOGIN_SIGNUP_ENABLED=false"}, "LOGIN_SIGNUP_ENABLED: replaced by LOGIN_SIGNUP: write LOGIN_SIGNUP=closed"},
		"domains":                  {[]string{"LOGIN_ALLOWED_EMAIL_DOMAINS=example.org, bücher.example", "LOGIN_BLOCKED_EMAIL_DOMAINS=students.example.org,ru"}, ""},
		"a wildcard":               {[]string{"LOGIN_ALLOWED_EMAIL_DOMAINS=*.example.org"}, `"*.example.org" is not a domain: write example.org, which includes its subdomains`},
		"a leading dot":            {[]string{"LOGIN_BLOCKED_EMAIL_DOMAINS=.example.org"}, `".example.org" is not a domain: write example.org`},
		"an @":                     {[]string{"LOGIN_BLOCKED_EMAIL_DOMAINS=@example.org"}, `write example.org`},
		"an address":               {[]string{"LOGIN_BLOCKED_EMAIL_DOMAINS=ann@example.org"}, "a whole address"},
		"an IP address":            {[]string{"LOGIN_ALLOWED_EMAIL_DOMAINS=127.0.0.1"}, "not an IP address"},
		"a URL":                    {[]string{"LOGIN_ALLOWED_EMAIL_DOMAINS=https://example.org"}, "is not a domain name"},
		"nothing between commas":   {[]string{"LOGIN_ALLOWED_EMAIL_DOMAINS=example.org,,example.com"}, `LOGIN_ALLOWED_EMAIL_DOMAINS: "" is not a domain`},
		"semicolons for commas":    {[]string{"LOGIN_BLOCKED_EMAIL_DOMAINS=example.org;example.com"}, "is not a domain name"},
		"an underscore in the way": {[]string{"LOGIN_BLOCKED_EMAIL_DOMAINS=exa_mple.org"}, "is not a domain name"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := config.Load(c.vars)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
	c, _, err := config.Load([]string{"LOGIN_ALLOWED_EMAIL_DOMAINS=Example.ORG, Bücher.example", "LOGIN_BLOCKED_EMAIL_DOMAINS=ЯНДЕКС.рф,edu"})
	if err != nil {
		t.Fatal(err)
	}
	want := login.EmailDomains{Allowed: []string{"example.org", "xn--bcher-kva.example"}, Blocked: []string{"xn--d1acpjx3f.xn--p1ai", "edu"}}
	if diff := cmp.Diff(want, c.EmailDomains()); diff != "" {
		t.Error(diff)
	}
}
