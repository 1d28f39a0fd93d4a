package console_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hasura-login/dev/console"
)

// make graphiql notes the sources that it built the page from.
func TestPage_IsBuiltFromItsSources(t *testing.T) {
	sums, err := os.ReadFile("graphiql/SHA256SUMS")
	if err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(bytes.NewReader(sums)); lines.Scan(); {
		want, name, _ := strings.Cut(lines.Text(), "  ")
		source, err := os.ReadFile(filepath.Join("graphiql", name)) // #nosec G304 -- a list of ours
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(source); hex.EncodeToString(sum[:]) != want {
			t.Errorf("%s has changed since the page was built: run make graphiql", name)
		}
	}
}

func TestHandler_ServesWhatThePageLoadsAndNothingElse(t *testing.T) {
	handler := console.Handler("/console")
	for path, want := range map[string]string{
		"/console/":              "text/html; charset=utf-8",
		"/console/style.css":     "text/css; charset=utf-8",
		"/console/graphiql.css":  "text/css; charset=utf-8 gzip",
		"/console/graphiql.js":   "text/javascript; charset=utf-8 gzip",
		"/console/licences.txt":  "text/plain; charset=utf-8 gzip",
		"/console/page.js":       "404",
		"/console/../console.go": "404",
		"/console/page.css":      "404",
	} {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		got := strings.TrimSpace(w.Header().Get("Content-Type") + " " + w.Header().Get("Content-Encoding"))
		if w.Code != http.StatusOK {
			got = http.StatusText(w.Code)
		}
		if want == "404" {
			want = http.StatusText(http.StatusNotFound)
		}
		if got != want || !strings.HasPrefix(w.Header().Get("Content-Security-Policy"), "default-src 'none'; script-src 'self';") {
			t.Errorf("%s: %s, %v; want %s", path, got, w.Header(), want)
		}
	}
}
