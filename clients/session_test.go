package clients_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"hasura-login/app/testserver"
)

const graphqlOf = `(query) => auth.fetch(auth.graphql, {
	method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify({query})
}).then((r) => r.json())`

// own is the name in the own row, or the codes of the errors.
const own = `(` + graphqlOf + `)("{ users { name } }").then(({data, errors}) =>
	data ? data.users.map((u) => u.name).join() : errors.map((e) => e.extensions.code).join())`

// ages makes the stored access token look as if its time were over.
const ages = `(() => {
	const key = Object.keys(localStorage).find((k) => k.startsWith("hasura-login ") && !k.endsWith(" device"));
	localStorage.setItem(key, JSON.stringify({...JSON.parse(localStorage.getItem(key)), since: 1}));
})()`

// twentyTabs opens twenty tabs at once, whose access token has expired in token mode.
func (s *site) twentyTabs(t *testing.T, b *browser, mode string) {
	name := "Tina-" + mode
	first := b.open(t, "the first tab", s.page(mode))
	first.signUp(name)
	first.shows(name)
	if mode == "token" {
		eval[any](first, ages)
	}
	before, began := s.requests.count(), time.Now()
	tabs := make([]*tab, 20)
	var wg sync.WaitGroup
	for i := range tabs {
		tabs[i] = b.open(t, fmt.Sprintf("tab %d", i), "about:blank")
		wg.Go(func() { tabs[i].visit(s.page(mode) + "&parts=none") })
	}
	wg.Wait()
	for _, tb := range tabs {
		tb.await(`window.auth && auth.user?.name === ` + js(name))
		if got := eval[string](tb, own); got != name {
			t.Errorf("%s: %s", tb.name, got)
		}
	}
	// One for all tabs; and one more as often as a token has come to its end since.
	n, allowed := s.requests.count()-before, 1+int(time.Since(began)/(5*time.Second))
	if mode == "token" && (n < 1 || n > allowed) {
		t.Errorf("%d refreshes, not 1 to %d", n, allowed)
	}
	if cookies := eval[string](first, `document.cookie`); cookies != "" {
		t.Errorf("scripts read %q", cookies)
	}
	if kept := eval[string](first, `JSON.stringify({...localStorage, ...sessionStorage})`); mode == "cookie" && kept != "{}" {
		t.Errorf("the page keeps %s", kept)
	}
	// And all of them are signed out at once.
	eval[any](tabs[7], `auth.signOut()`)
	for _, tb := range append(tabs, first) {
		tb.await(`auth.state.status === "signed-out"`)
	}
}

// A sign-out while another tab's refresh is on its way to the service, or on its way back.
func (s *site) signOutDuringRefresh(t *testing.T, b *browser) {
	first := b.open(t, "the first tab", s.page("token")+"&parts=none")
	second := b.open(t, "the second tab", s.page("token")+"&parts=none")
	first.signUp("Dora")
	for _, held := range []*valve{&s.requests, &s.answers} {
		second.await(`auth.user?.name === "Dora"`)
		eval[any](second, ages)
		reached, release := held.hold()
		t.Cleanup(release)
		eval[any](second, `window.refreshing = auth.token(); 0`)
		testserver.Eventually(t, "the refresh is held", reached)
		eval[any](first, `auth.signOut()`)
		release()
		if token := eval[any](second, `refreshing`); token != nil {
			t.Errorf("the refresh gave %v", token)
		}
		for _, tb := range []*tab{first, second} {
			tb.await(`auth.state.status === "signed-out"`)
			if kept := eval[int](tb, `Object.keys(localStorage).filter((k) => !k.endsWith(" device")).length`); kept != 0 {
				t.Errorf("%s still has a session", tb.name)
			}
		}
		first.signIn("Dora")
		if n := eval[int](first, `auth.call("sessions").then((sessions) => sessions.length)`); n != 1 {
			t.Errorf("%d sessions are left at the service", n)
		}
	}
}

// Subscriptions in both libraries, over the end of the token that opened the connection.
func (s *site) overExpiry(t *testing.T, b *browser, mode string) {
	name, renamed := "Sue-"+mode, "Susan-"+mode
	tb := b.open(t, "the tab", s.page(mode))
	tb.signUp(name)
	tb.shows(name)
	tb.await(fmt.Sprintf(`opened.length > %d`, eval[int](tb, `opened.length`)))
	if got := eval[string](tb, fmt.Sprintf(`rename(%s)`, js(renamed))); got != "ok" {
		t.Fatal(got)
	}
	for _, part := range []string{"urql subscription", "Apollo subscription", "urql subscription, React", "Apollo subscription, React"} {
		tb.await(fmt.Sprintf(`shown[%s] === %s`, js(part), js(renamed)))
	}
}

// An operator disables the user: with a cookie the next request is refused, with a token
// the next one after the access token's end.
func (s *site) disabled(t *testing.T, b *browser, mode string) {
	tb := b.open(t, "the tab", s.page(mode)+"&parts=none")
	other := b.open(t, "another tab", s.page(mode)+"&parts=none")
	tb.signUp("Dan-" + mode)
	other.await(`auth.user`)
	s.operator("users", "disable", "dan-"+mode+"@example.org")
	if mode == "token" {
		eval[any](tb, ages)
	}
	if got := eval[string](tb, own+`.catch((err) => err.code)`); strings.HasPrefix(got, "Dan") {
		t.Errorf("after the account was disabled: %s", got)
	}
	for _, tb := range []*tab{tb, other} {
		tb.await(`auth.state.status === "signed-out"`)
	}
}
