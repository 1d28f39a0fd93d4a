package clients_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPackage_FollowsTheContract(t *testing.T) {
	run(t, prepare(t), "npm", "run", "--silent", "generate", "--", "--check")
}

func TestPackage_TypesAndTestsAreRight(t *testing.T) {
	dir := prepare(t)
	run(t, dir, "npm", "run", "--silent", "typecheck")
	t.Log(run(t, dir, "npm", "run", "--silent", "test"))
}

func TestPackage_CoreIsSmall(t *testing.T) {
	t.Log(run(t, prepare(t), "npm", "run", "--silent", "size"))
}

// Where packages come from is the machine's business.
func TestLockfiles_NameNoRegistry(t *testing.T) {
	for _, name := range []string{"js/package-lock.json", "js/test/app/package-lock.json", "../examples/todos/package-lock.json"} {
		b, err := os.ReadFile(name) // #nosec G304 -- as listed
		check(t, err)
		if strings.Contains(string(b), `"resolved": "http`) {
			t.Errorf("%s names addresses; omit-lockfile-registry-resolved leaves them out", name)
		}
	}
}

// freshApp is a Vite project of its own, as its template makes it, that has installed the
// package from its tarball, with the code blocks of the documentation among its files. Its
// build checks types under strict. The address of the service is filled in when it is served.
func freshApp(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	tarball := strings.TrimSpace(run(t, prepare(t), "npm", "pack", "--silent", "--pack-destination", dir))
	check(t, os.CopyFS(dir, os.DirFS("js/test/app")))
	for name, text := range blocks(t) {
		check(t, os.WriteFile(filepath.Join(dir, "src", name), []byte(text), 0o600))
	}
	check(t, os.WriteFile(filepath.Join(dir, ".env"), []byte("VITE_LOGIN_URL="+placeholder+"\n"), 0o600))
	run(t, dir, "npm", "ci", "--silent", "--prefer-offline")
	run(t, dir, "npm", "install", "--silent", "--no-save", "--prefer-offline", filepath.Join(dir, tarball))
	run(t, dir, "npm", "run", "--silent", "build", "--", "--logLevel", "error")
	return dir
}
