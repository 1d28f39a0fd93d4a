package clients_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"testing"

	"github.com/chromedp/chromedp"

	"hasura-login/app/testbrowser"
	"hasura-login/app/testserver"
)

const todos = "../examples/todos"

// The example as its README starts it, but built: over http on localhost, with its own
// table in SQLite.
func TestTodos_FromSignUpToALiveListInTwoWindows(t *testing.T) {
	api, graphql := testserver.Addr(testserver.FreePort(t)), testserver.Addr(testserver.FreePort(t))
	out := t.TempDir()
	run(t, todos, "npm", "ci", "--silent", "--prefer-offline")
	build := exec.CommandContext(t.Context(), "npm", "run", "--silent", "build", "--", "--logLevel", "error", "--outDir", out) // #nosec G204 -- the test's own folder
	build.Dir, build.Env = todos, append(os.Environ(), "VITE_API=http://localhost:"+port(graphql))
	if said, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	server := httptest.NewServer(http.FileServer(http.Dir(out)))
	t.Cleanup(server.Close)
	app := "http://localhost:" + port(server.Listener.Addr().String()) + "/"
	b := startBrowser(t)

	// A newcomer may open the page first: it was blank for as long as nothing answered.
	first := b.open(t, "the first window", app)
	first.says("no answer from http://localhost:" + port(graphql))
	startStack(t, api, graphql, []string{"--add", todos + "/hasura"}, "LOGIN_APPS=todos="+app)
	first.press("I am new here")
	first.fill("name", "Tom", "email", "tom@example.org", "password", password)
	first.press("Create account")
	first.says("Tom’s todos")
	second := b.open(t, "the second window", app)
	second.says("Tom’s todos")

	first.fill("text", "Buy milk")
	first.press("Add")
	second.says("Buy milk")
	second.await(`document.querySelector("li input").click() === undefined`)
	first.await(`document.querySelector("li input")?.checked`)
	if cookies := eval[string](first, `document.cookie`); cookies != "" {
		t.Errorf("scripts read %q", cookies)
	}

	second.press("Sign out")
	first.says("Sign in on the page of the service")
	first.press("Sign in on the page of the service")
	first.await(`location.pathname === "/auth/pages/signin"`)
	first.fill("email", "tom@example.org", "password", password)
	first.press("Sign in")
	first.says("Buy milk")
	second.says("Buy milk")
	if address := eval[string](first, `location.href`); address != app {
		t.Errorf("back at %s", address)
	}

	first.press("Remove")
	second.await(`!document.body.innerText.includes("Buy milk")`)
	second.press("Sign out")
	first.press("I am new here")
	first.fill("name", "Una", "email", "una@example.org", "password", "wrong")
	first.press("Create account")
	first.await(`document.querySelector("[role=alert]")?.innerText.length > 10`)
}

func (tb *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	tb.t.Helper()
	ctx, stop := context.WithTimeout(tb.ctx, testbrowser.Patience)
	defer stop()
	if err := chromedp.Do(ctx, steps...); err != nil {
		tb.t.Fatalf("%s: %v\n%s", tb.name, err, eval[string](tb, `document.body.innerText`))
	}
}

// press clicks the button with this text.
func (tb *tab) press(button string) {
	tb.t.Helper()
	tb.do(chromedp.Click(chromedp.Search(fmt.Sprintf("//button[normalize-space()=%q]", button))))
}

// fill types into fields by their names.
func (tb *tab) fill(values ...string) {
	tb.t.Helper()
	for i := 0; i < len(values); i += 2 {
		input := chromedp.CSS(fmt.Sprintf("input[name=%s]", values[i]))
		tb.do(chromedp.Clear(input), chromedp.SendKeys(input, values[i+1]))
	}
}

// says waits until the page visibly has a text.
func (tb *tab) says(text string) {
	tb.t.Helper()
	tb.await(`document.body?.innerText.includes(` + js(text) + `)`)
}
