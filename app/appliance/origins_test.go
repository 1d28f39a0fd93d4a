package appliance_test

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hasura-login/app/config"
	"hasura-login/app/testserver"
)

const manyOrigins = "https://App.Example.org:443,https://Bücher.example,http://[::1]:5173, https://*.Example.com,http://localhost:80,https://*.pages.example:8443"

// Public reports: because an origin was written in an unexpected form, pages could not
// read any answer, or nginx did not start. The forms were Vite's [::1], default ports,
// and preview deployments (Vercel, Netlify) under a wildcard.
func TestOrigins_NginxComparesThemAsLoginAndHasuraDo(t *testing.T) {
	g := newGateway(t, testserver.NginxSettings{CORSOrigins: manyOrigins})
	for origin, allowed := range map[string]bool{
		"https://app.example.org": true, "https://xn--bcher-kva.example": true, "http://[::1]:5173": true, "https://x-1.example.com": true, "http://localhost": true,
		"https://site.pages.example:8443": true,
		"https://example.com":             false, "https://a.b.example.com": false, "https://x.example.com:8443": false,
		"https://x.example.com.evil.example": false, "https://xexample.com": false, "https://evil/.example.com": false,
		"http://x.example.com": false, "https://site.pages.example": false, "http://[::1]": false, "https://.example.com": false,
	} {
		a := g.do(t, "POST", g.URL("/nothing"), `{}`, "Origin", origin)
		want := ""
		if allowed {
			want = origin
		}
		if got := a.Header.Get("Access-Control-Allow-Origin"); got != want {
			t.Errorf("%s: allowed is %q", origin, got)
		}
	}
}

func TestOrigins_OnesThatCannotMatchStopNothing(t *testing.T) {
	g := newGateway(t, testserver.NginxSettings{CORSOrigins: `*,app.example.org,https://a;},https://$host,https://a/b,null,",~.*,https://[::1,https://*,https://a.*.b,https://*.,https://app.example.org`})
	if !strings.Contains(g.Output(), "CORS_ORIGINS: '*' is left out") {
		t.Errorf("nothing is said about what is left out:\n%s", g.Output())
	}
	for origin, want := range map[string]string{
		"https://app.example.org": "https://app.example.org", "https://a": "", "null": "", "https://evil.example": "", "https://localhost": "",
		"https://a.x.b": "", "app.example.org": "",
	} {
		if got := g.do(t, "POST", g.URL("/nothing"), `{}`, "Origin", origin).Header.Get("Access-Control-Allow-Origin"); got != want {
			t.Errorf("%s: allowed is %q", origin, got)
		}
	}
}

// The engine ends itself at a domain that this pattern does not match, its own.
var hasuraDomain = regexp.MustCompile(`^https?://(\*\.)?([a-zA-Z0-9-]+\.)*[a-zA-Z0-9-]+(:[0-9]+)*$`)

func TestOrigins_HasuraGetsWhatItUnderstands(t *testing.T) {
	for list, want := range map[string]string{
		"https://app.example.org": "https://app.example.org",
		manyOrigins:               "https://app.example.org,https://xn--bcher-kva.example,https://*.example.com,http://localhost,https://*.pages.example:8443",
		"http://[::1]:5173":       "https://nothing.invalid",
		"*":                       "https://nothing.invalid",
		"https://my_app.example.org,https://a.b.test.": "https://nothing.invalid",
		" , https://a.example ,, ":                     "https://a.example",
	} {
		// #nosec G204 -- the project's own script
		out, err := exec.Command("sh", filepath.Join(testserver.RepoRoot(t), "nginx/origins/origins.sh"), "--hasura", list).Output()
		got := strings.TrimSuffix(string(out), "\n")
		if err != nil || got != want {
			t.Errorf("%q becomes %q, %v, want %q", list, got, err, want)
		}
		for domain := range strings.SplitSeq(got, ",") {
			if !hasuraDomain.MatchString(domain) {
				t.Errorf("%q becomes %q, which the engine refuses", list, domain)
			}
		}
	}
	hasura := production(t).Services["hasura"]
	if command := strings.Join(hasura.Command, " "); !strings.Contains(command, `HASURA_GRAPHQL_CORS_DOMAIN=$(sh /origins/origins.sh --hasura "$HASURA_GRAPHQL_CORS_DOMAIN")`) {
		t.Errorf("the engine gets the list as it is written: %s", command)
	}
}

// nginx and Hasura have no library for names outside ASCII. They get the form that
// login makes of a name, whichever awk their images have.
func TestOrigins_NamesOutsideASCIIAreTheSameForAll(t *testing.T) {
	var list, want []string
	for _, host := range []string{
		"bücher.example", "BÜCHER.example", "*.münchen.bücher.example", "пример.испытание", "ПРИМЕР.испытание", "παράδειγμα.δοκιμή",
		"例え.テスト", "i❤.ws", "faß.example", "aüböc-x.example", "مثال.إختبار", "उदाहरण.परीक्षा", "xn--bcher-kva.example", "ü.example:8443",
	} {
		origin, err := config.ParseOrigin("https://" + host)
		if err != nil {
			t.Fatal(err)
		}
		list, want = append(list, "https://"+host), append(want, origin)
	}
	for _, shell := range [][]string{{"sh"}, {"busybox", "sh"}} {
		args := append(shell[1:], filepath.Join(testserver.RepoRoot(t), "nginx/origins/origins.sh"), strings.Join(list, ","))
		out, err := exec.Command(shell[0], args...).CombinedOutput() // #nosec G204 -- the project's own script
		if diff := cmp.Diff(want, strings.Fields(string(out))); err != nil || diff != "" {
			t.Errorf("%v: %v (-want +got):\n%s", shell, err, diff)
		}
	}
}
