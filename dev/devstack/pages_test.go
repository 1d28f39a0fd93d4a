package devstack_test

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"hasura-login/app/testbrowser"
	"hasura-login/app/testserver"
)

var screenshots = flag.String("screenshots", "", "write a picture of each page to this folder")

type step = chromedp.Action[chromedp.Void]

// browser starts a headless Chromium. run makes steps in it; shows waits for a
// condition on a page that may reload meanwhile; picture saves a screenshot if
// -screenshots asks for it.
func browser(t *testing.T) (run func(steps ...step), shows func(condition string), picture func(name string)) {
	t.Helper()
	ctx := testbrowser.Start(t)
	run = func(steps ...step) {
		t.Helper()
		within, cancel := context.WithTimeout(ctx, testbrowser.Patience)
		defer cancel()
		if err := chromedp.Do(within, steps...); err != nil {
			html, _ := chromedp.Run(ctx, chromedp.OuterHTML(chromedp.CSS("html")))
			t.Fatalf("%v: %s", err, html)
		}
	}
	shows = func(condition string) {
		t.Helper()
		testserver.Eventually(t, condition, func() bool {
			holds, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("Boolean("+condition+")"))
			return err == nil && holds
		})
	}
	picture = func(name string) {
		t.Helper()
		if *screenshots == "" {
			return
		}
		time.Sleep(500 * time.Millisecond) // until frames are drawn
		png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
		if err == nil {
			err = os.WriteFile(filepath.Join(*screenshots, name+".png"), png, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return run, shows, picture
}

func poll(condition string) step {
	return chromedp.Poll[chromedp.Void](condition, chromedp.WithPollingTimeout(testbrowser.Patience))
}

// A person tries the API without a program: signs up, asks, watches, reads the mail.
func TestPages_SignUpQueryWatchAndReadAMail(t *testing.T) {
	r := start(t)
	r.awaitGreeting(t)
	run, shows, picture := browser(t)
	run(chromedp.EmulateViewport(1280, 800), chromedp.Navigate("http://"+r.GraphQL+"/"),
		poll(`document.querySelector("#who").textContent === "Role public"`),
		chromedp.SendKeys(chromedp.CSS("#email"), "ann@example.org"), chromedp.SendKeys(chromedp.CSS("#password"), "wrong"),
		chromedp.Click(chromedp.CSS("#session button")), poll(`document.querySelector("#problem").textContent !== ""`),
		chromedp.SetValue(chromedp.CSS("#password"), "correct horse staple"),
		chromedp.Click(chromedp.CSS("#signup")), poll(`document.querySelector("#who").textContent === "Role user, ann@example.org"`))
	const answer = `document.querySelector(".result-window .CodeMirror")?.CodeMirror.getValue()`
	const editor = `document.querySelector(".graphiql-query-editor .CodeMirror").CodeMirror`
	// The editor parses what is typed after a moment; before, it does not know a subscription.
	ask := func(operation, query string) {
		run(chromedp.Evaluate[chromedp.Void](editor+`.setValue(`+strconv.Quote(query)+`)`),
			poll(editor+`.operations?.[0]?.operation === "`+operation+`"`), chromedp.Click(chromedp.CSS(".graphiql-execute-button")))
	}
	run(chromedp.Click(chromedp.CSS(".graphiql-execute-button")), poll(answer+`.includes('"email": "ann@example.org"')`))
	picture("console")
	// The schema is that of the session's role.
	run(chromedp.Click(chromedp.CSS("[aria-label='Show Documentation Explorer']")),
		poll(`document.querySelector(".graphiql-doc-explorer-content")?.textContent.includes("subscription_root")`))
	ask("subscription", "subscription { users { name } }")
	run(poll(answer + `.includes('"name": "ann"')`))
	grant := post(t, "http://"+r.API+"/auth/signin", "", map[string]string{"email": "ann@example.org", "password": "correct horse staple"})
	token, _ := grant["token"].(string)
	if got := r.query(t, token, `mutation { update_users(where: {}, _set: {name: "Anna"}) { affected_rows } }`); !strings.Contains(got, `"affected_rows":1`) {
		t.Fatal(got)
	}
	run(poll(answer + `.includes('"name": "Anna"')`))
	// A reload keeps the session, and a sign-out ends it.
	run(chromedp.Reload(), poll(`document.querySelector("#who").textContent === "Role user, ann@example.org"`),
		chromedp.Click(chromedp.CSS("#signout")), poll(`document.querySelector("#who").textContent === "Role public"`))
	ask("query", "{ users { name } }")
	run(poll(answer + `.includes("field 'users' not found in type: 'query_root'")`))

	run(chromedp.Navigate("http://" + r.GraphQL + "/inbox"))
	if status := post(t, "http://"+r.API+"/auth/password/forgot", "", map[string]string{"email": "ann@example.org"}); status != nil {
		t.Logf("the answer: %v", status)
	}
	// It comes without a reload, whole: recipient, text with its link, and HTML in a frame.
	shows(`document.querySelector("article pre a")?.href.includes("/auth/pages/reset?token=") &&
		document.querySelector("article iframe").srcdoc.includes("/auth/pages/reset?token=") &&
		document.querySelector("article dl").textContent.includes("ann@example.org")`)
	picture("inbox")
}
