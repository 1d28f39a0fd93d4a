// Package clients_test runs the snippets of docs/frontend.md, with the libraries
// they name, against the real service and the stand-in.
package clients_test

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"hasura-login/app/testserver"
)

var namedBlock = regexp.MustCompile("(?ms)^```js (\\w+\\.js)\n(.*?)^```$")

func TestFrontend_SnippetsWorkWithTheRealLibraries(t *testing.T) {
	node, npm := tool(t, "node"), tool(t, "npm")
	dir := t.TempDir()
	for _, name := range []string{"package.json", "package-lock.json", ".npmrc", "scenario.mjs"} {
		copyFile(t, name, filepath.Join(dir, name))
	}
	page, err := os.ReadFile(filepath.Join(testserver.RepoRoot(t), "docs/frontend.md"))
	if err != nil {
		t.Fatal(err)
	}
	blocks := namedBlock.FindAllStringSubmatch(string(page), -1)
	if len(blocks) != 6 {
		t.Fatalf("docs/frontend.md has %d named blocks, the scenario runs 6", len(blocks))
	}
	for _, b := range blocks {
		if err := os.WriteFile(filepath.Join(dir, b[1]), []byte(b[2]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run(t, dir, npm, "ci", "--silent", "--prefer-offline")
	api, graphql := startService(t)
	t.Log(run(t, dir, node, "scenario.mjs", api, graphql+"/v1/graphql"))
}

// TestLockfile_NamesNoRegistry: where packages come from is the machine's business.
func TestLockfile_NamesNoRegistry(t *testing.T) {
	b, err := os.ReadFile("package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(b), `"resolved"`) || strings.Contains(string(b), "://") {
		t.Error("package-lock.json names addresses; omit-lockfile-registry-resolved leaves them out")
	}
}

func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%s is missing: install Node.js 20 or newer", name)
	}
	return path
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from) // #nosec G304 -- the test's own files
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func run(t *testing.T, dir, program string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...) // #nosec G204 -- the test's own programs
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", filepath.Base(program), strings.Join(args, " "), err, out)
	}
	return string(out)
}

// startService builds the binary and runs its development verb, with tokens that
// end while the scenario looks on.
func startService(t *testing.T) (api, graphql string) {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "hasura-login")
	run(t, testserver.RepoRoot(t), "go", "build", "-o", binary, "./dev")
	listen, stand, ops := testserver.Addr(testserver.FreePort(t)), testserver.Addr(testserver.FreePort(t)), testserver.Addr(testserver.FreePort(t))
	cmd := exec.Command(binary, "--listen", listen, "--graphql", stand, "--ops", ops, "--data", t.TempDir()) // #nosec G204 -- just built
	cmd.Env = append(os.Environ(), "LOGIN_ACCESS_TTL=9s", "LOGIN_LIMIT_REFRESH_SESSION=off")
	p := testserver.Start(t, cmd)
	p.WaitReady(t, 60*time.Second, func() error {
		if err := testserver.Dial(stand); err != nil {
			return err
		}
		res, err := http.Get("http://" + listen + "/healthz")
		if err != nil {
			return err
		}
		return res.Body.Close()
	})
	return "http://" + listen, "http://" + stand
}
