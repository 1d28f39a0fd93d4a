package pages_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"slices"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"hasura-login/app/login"
	"hasura-login/app/testserver"
	"hasura-login/dev/preview"
)

// With it, a test looks at everything in both brands and languages, not in turns.
var everything = flag.Bool("everything", false, "look at every state in every language and brand of the test")

// views are the languages and brands in which pages and mails are looked at.
var views = []struct{ language, brand string }{{"pl", "sample"}, {"ja", "sample"}, {"de", "own"}}

// viewsOf are those of the nth state: one of them in turn, unless the flag says more.
func viewsOf(n int) []struct{ language, brand string } {
	if *everything {
		return views
	}
	return views[n%len(views) : n%len(views)+1]
}

// startPreview starts the development stack and returns the address of its preview.
func startPreview(t *testing.T) string {
	t.Helper()
	graphql := testserver.Addr(testserver.FreePort(t))
	startServiceAt(t, testserver.Addr(testserver.FreePort(t)), graphql)
	testserver.Eventually(t, "the preview answers", func() bool { return testserver.Dial(graphql) == nil })
	return "http://" + graphql + "/preview"
}

// Every page in every state that a person can come to, each reached without script: axe,
// light and dark, on a phone, with large letters, and by keyboard.
func TestPages_EveryState(t *testing.T) {
	at := startPreview(t)
	b := startBrowser(t)
	for i, name := range preview.Pages() {
		for _, v := range viewsOf(i) {
			shown := fmt.Sprintf("%s-%s-%s", name, v.brand, v.language)
			if status := b.open(fmt.Sprintf("%s/page/%s?language=%s&brand=%s", at, name, v.language, v.brand)); status != 200 {
				b.t.Fatalf("%s: %s", shown, eval[string](b, `document.body.innerText`))
			}
			if tag := eval[string](b, `document.documentElement.lang`); tag != v.language {
				t.Errorf("%s is in %q", shown, tag)
			}
			if loaded := eval[bool](b, `[...document.images].every(i => i.complete && i.naturalWidth > 0)`); !loaded {
				t.Errorf("%s: an image cannot be seen", shown)
			}
			b.walk(shown)
			b.look(shown)
		}
	}
}

// walk goes through the page with the Tab key: it comes by all that can be used, in the
// order of the page, and shows where it is.
func (b *browser) walk(what string) {
	b.t.Helper()
	type stop struct {
		At   int
		Seen bool
	}
	count := eval[int](b, `(() => {
		const all = [...document.querySelectorAll("a[href], button, input:not([type=hidden]), summary")].filter(e => e.checkVisibility());
		window.walked = [];
		document.addEventListener("focusin", ({ target }) => {
			const style = getComputedStyle(target);
			window.walked.push({ At: all.indexOf(target), Seen: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0 });
		});
		document.body.tabIndex = -1;
		document.body.focus();
		document.body.removeAttribute("tabindex");
		window.walked = [];
		return all.length;
	})()`)
	var steps []step
	for range count {
		steps = append(steps, chromedp.KeyEvent(kb.Tab))
	}
	b.run(steps...)
	var stops []stop
	check(b.t, json.Unmarshal([]byte(eval[string](b, `JSON.stringify(window.walked)`)), &stops))
	var want []int
	for i := range count {
		want = append(want, i)
	}
	var got []int
	for _, s := range stops {
		got = append(got, s.At)
		if !s.Seen {
			b.t.Errorf("%s: the focus on element %d cannot be seen", what, s.At)
		}
	}
	if !slices.Equal(got, want) {
		b.t.Errorf("%s: the Tab key comes by the elements %v of %d", what, got, count)
	}
}

// Each mail, as a mail program with a browser inside shows it.
func TestMails_LookRightInABrowser(t *testing.T) {
	at := startPreview(t)
	b := startBrowser(t)
	for i, kind := range login.MailKinds() {
		for _, v := range viewsOf(i) {
			name := fmt.Sprintf("mail-%s-%s-%s", kind, v.brand, v.language)
			if status := b.open(fmt.Sprintf("%s/mail/%s?language=%s&brand=%s", at, kind, v.language, v.brand)); status != 200 {
				b.t.Fatalf("%s: %s", name, eval[string](b, `document.body.innerText`))
			}
			for scheme, rules := range map[string]string{"light": `{runOnly: ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]}`, "dark": `{runOnly: ["color-contrast"]}`} {
				b.prefer(scheme)
				b.checkAccessibility(name+" in "+scheme, rules)
				b.run(chromedp.EmulateViewport(390, 844))
				b.picture(name + "-" + scheme + "-phone")
				b.run(chromedp.EmulateViewport(1280, 860))
			}
			b.checkReflow(name)
		}
	}
}
