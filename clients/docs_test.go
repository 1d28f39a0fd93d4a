package clients_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"hasura-login/app/testserver"
)

// blocks are the code blocks of the documentation that have a file name.
func blocks(t testing.TB) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, page := range []string{"frontend.md", "hosted-pages.md"} {
		text, err := os.ReadFile(filepath.Join(testserver.RepoRoot(t), "docs", page))
		check(t, err)
		for _, m := range regexp.MustCompile("(?ms)^```tsx? (\\S+)\n(.*?)^```$").FindAllSubmatch(text, -1) {
			found[string(m[1])] = string(m[2])
		}
	}
	for _, name := range []string{"auth.ts", "App.tsx", "apollo.ts", "server.ts", "hosted.ts"} {
		if found[name] == "" {
			t.Fatalf("no page in docs/ has a block %s", name)
		}
	}
	return found
}

// documentation is the app of docs/frontend.md and docs/hosted-pages.md.
func (s *site) documentation(t *testing.T, b *browser) {
	page := s.app + "/docs.html"
	tb := b.open(t, "the page", page)
	tb.says("Nobody is signed in.")
	if got := eval[string](tb, `signIn("dot@example.org", "wrong horse staple")`); got != "The e-mail address or the password is wrong." {
		t.Errorf("the wrong password: %q", got)
	}
	eval[any](tb, `auth.signUp({email: "dot@example.org", name: "Dot", password: `+js(password)+`})`)
	tb.press("Sign out dot@example.org")
	tb.says("Nobody is signed in.")
	if got := eval[any](tb, `signIn("dot@example.org", `+js(password)+`)`); got != nil {
		t.Errorf("the right password: %v", got)
	}
	if got := eval[string](tb, `emails()`); got != "dot@example.org" {
		t.Errorf("Apollo: %s", got)
	}

	// The server renders with the cookie of the browser.
	tb.visit(s.app + "/ssr")
	tb.says("Hello Dot, your address is dot@example.org.")
	tb.visit(page)
	tb.press("Sign out dot@example.org")
	tb.visit(s.app + "/ssr")
	tb.says("Nobody is signed in.")

	// Away to the hosted pages, and back with a code that only this tab can use.
	tb.visit(page)
	tb.await(`window.signInAtPages`)
	eval[any](tb, `setTimeout(signInAtPages)`)
	tb.await(`location.pathname === "/auth/pages/signin"`)
	tb.fill("email", "dot@example.org", "password", password)
	tb.press("Sign in")
	tb.says("Sign out dot@example.org")
	if got := eval[string](tb, `returned + " " + location.href`); got != "true "+page {
		t.Errorf("back: %s", got)
	}
	eval[any](tb, `auth.signOut()`)
	tb.visit(page + "?code=stolen&state=guess")
	tb.says("Nobody is signed in.")
	if eval[bool](tb, `returned`) {
		t.Error("a code that nobody asked for signs in")
	}
}

// schemaAndRole reads the schema as graphql-js does, and asks for a role that the user does
// not have.
func (s *site) schemaAndRole(t *testing.T, b *browser) {
	tb := b.open(t, "the page", s.page("token")+"&parts=none")
	tb.signUp("Greg")
	if !eval[bool](tb, `schema().then((names) => names.includes("users") && names.includes("sessions"))`) {
		t.Errorf("the schema has %v", eval[[]string](tb, `schema()`))
	}
	if code := eval[int](tb, `forged()`); code != 4403 {
		t.Errorf("with a header for another role the connection ends with %d", code)
	}
}
