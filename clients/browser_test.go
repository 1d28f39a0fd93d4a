package clients_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"hasura-login/app/testbrowser"
)

// browser is a headless Chromium with an empty profile.
type browser struct{ ctx context.Context }

func startBrowser(t *testing.T) *browser { return &browser{ctx: testbrowser.Start(t)} }

// tab is one tab; the test's name for it appears in failures.
type tab struct {
	t    *testing.T
	ctx  context.Context
	name string
}

func (b *browser) open(t *testing.T, name, address string) *tab {
	t.Helper()
	ctx, _ := chromedp.NewContext(b.ctx)
	check(t, chromedp.Do(ctx))
	tb := &tab{t: t, ctx: ctx, name: name}
	t.Cleanup(func() {
		within, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		_ = chromedp.Cancel(within)
	})
	tb.visit(address)
	return tb
}

func (tb *tab) visit(address string) {
	tb.t.Helper()
	ctx, stop := context.WithTimeout(tb.ctx, testbrowser.Patience)
	defer stop()
	if err := chromedp.Do(ctx, chromedp.Navigate(address)); err != nil {
		tb.t.Fatalf("%s: %s: %v", tb.name, address, err)
	}
}

func try[T any](tb *tab, script string) (T, error) {
	ctx, stop := context.WithTimeout(tb.ctx, testbrowser.Patience)
	defer stop()
	return chromedp.Run(ctx, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
}

func eval[T any](tb *tab, script string) T {
	tb.t.Helper()
	value, err := try[T](tb, script)
	if err != nil {
		tb.t.Fatalf("%s: %s: %v", tb.name, script, err)
	}
	return value
}

// await waits until an expression is true.
func (tb *tab) await(expression string) {
	tb.t.Helper()
	for deadline := time.Now().Add(testbrowser.Patience); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		// A page that is being replaced answers with an error.
		if holds, err := try[bool](tb, "!!("+expression+")"); err == nil && holds {
			return
		}
	}
	text := eval[string](tb, `document.body?.innerText + "\n" + location.href + "\n" + JSON.stringify(window.shown)`)
	tb.t.Fatalf("%s: in vain: %s\n%s", tb.name, expression, text)
}

// js is a value as JavaScript.
func js(value any) string {
	b, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// page is the address of js/test/app/src/page.tsx.
func (s *site) page(mode string) string {
	return s.app + "/page.html?" + url.Values{"api": {s.gateway}, "mode": {mode}}.Encode()
}

// signUp makes a user, and the tab its own.
func (tb *tab) signUp(name string) {
	tb.t.Helper()
	tb.await(`window.auth && auth.state.status !== "loading"`)
	eval[any](tb, fmt.Sprintf(`auth.signUp(%s)`, js(map[string]string{"email": strings.ToLower(name) + "@example.org", "name": name, "password": password})))
}

func (tb *tab) signIn(name string) {
	tb.t.Helper()
	tb.await(`window.auth && auth.state.status !== "loading"`)
	eval[any](tb, fmt.Sprintf(`auth.signIn(%s)`, js(map[string]string{"email": strings.ToLower(name) + "@example.org", "password": password})))
}

// parts are the texts that the page shows.
var parts = []string{"urql query", "urql subscription", "Apollo query", "Apollo subscription"}

// shows waits until every part of the page shows this user and nobody else.
func (tb *tab) shows(name string) {
	tb.t.Helper()
	tb.await(fmt.Sprintf(`document.querySelector("#who").innerText === %s`, js("signed in: "+name)))
	for _, part := range parts {
		tb.await(fmt.Sprintf(`shown[%[1]s] === %[2]s && shown[%[1]s + ", React"] === %[2]s && document.body.innerText.includes(%[1]s + ", React: " + %[2]s)`, js(part), js(name)))
	}
	if leaks := eval[[]string](tb, `leaks`); len(leaks) > 0 {
		tb.t.Fatalf("%s showed another user's rows:\n%s", tb.name, strings.Join(leaks, "\n"))
	}
}

func TestBrowser(t *testing.T) {
	dir := freshApp(t)
	s := startSite(t, dir, "LOGIN_ACCESS_TTL=9s")
	b := startBrowser(t)
	s.t = t
	for _, mode := range []string{"cookie", "token"} {
		t.Run(mode, func(t *testing.T) {
			t.Run("the next user never sees the last one's data", func(t *testing.T) { s.nextUser(t, b, mode) })
			t.Run("twenty tabs at once, and none is signed out", func(t *testing.T) { s.twentyTabs(t, b, mode) })
			t.Run("subscriptions go on over a token's end", func(t *testing.T) { s.overExpiry(t, b, mode) })
			t.Run("a disabled user is refused at once", func(t *testing.T) { s.disabled(t, b, mode) })
		})
	}
	t.Run("the documentation's code works", func(t *testing.T) { s.documentation(t, b) })
	t.Run("the schema and the headers of a role", func(t *testing.T) { s.schemaAndRole(t, b) })
	t.Run("signing out wins over a refresh under way", func(t *testing.T) { s.signOutDuringRefresh(t, b) })
}

func (s *site) nextUser(t *testing.T, b *browser, mode string) {
	ann, bob := "Ann-"+mode, "Bob-"+mode
	first := b.open(t, "the first tab", s.page(mode))
	second := b.open(t, "the second tab", s.page(mode))
	first.signUp(ann)
	first.shows(ann)
	second.shows(ann)
	eval[any](first, `auth.signOut()`)
	for _, tb := range []*tab{first, second} {
		tb.await(`document.querySelector("#who").innerText === "signed-out" && !document.querySelector("li")`)
	}
	second.signUp(bob)
	first.shows(bob)
	second.shows(bob)
	// Without signing out first.
	first.signIn(ann)
	first.shows(ann)
	second.shows(ann)
}
