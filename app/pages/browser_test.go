package pages_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"hasura-login/app/testbrowser"
)

// browser is a headless Chromium with an empty profile.
type browser struct {
	t   *testing.T
	ctx context.Context
	axe string // the source of axe-core, which checks for accessibility
}

func startBrowser(t *testing.T) *browser {
	t.Helper()
	b := &browser{t: t, ctx: testbrowser.Start(t), axe: axeSource(t)}
	b.run(chromedp.EmulateViewport(1280, 860))
	return b
}

// axeSource installs axe-core in the version and with the digest of the lockfile.
func axeSource(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"package.json", "package-lock.json", ".npmrc"} {
		text, err := os.ReadFile(filepath.Join("axe", name))
		check(t, err)
		check(t, os.WriteFile(filepath.Join(dir, name), text, 0o600))
	}
	npm, err := exec.LookPath("npm")
	if err != nil {
		t.Fatal("npm is missing: install Node.js 20 or newer")
	}
	cmd := exec.CommandContext(t.Context(), npm, "ci", "--silent", "--prefer-offline")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("npm ci: %v\n%s", err, out)
	}
	source, err := os.ReadFile(filepath.Join(dir, "node_modules/axe-core/axe.min.js"))
	check(t, err)
	return string(source)
}

type step = chromedp.Action[chromedp.Void]

func (b *browser) run(steps ...step) {
	b.t.Helper()
	ctx, stop := context.WithTimeout(b.ctx, testbrowser.Patience)
	defer stop()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.fail(err)
	}
}

// get returns the result of a browser's action.
func get[T any](b *browser, a chromedp.Action[T]) T {
	b.t.Helper()
	ctx, stop := context.WithTimeout(b.ctx, testbrowser.Patience)
	defer stop()
	value, err := chromedp.Run(ctx, a)
	if err != nil {
		b.fail(err)
	}
	return value
}

func (b *browser) fail(err error) {
	b.t.Helper()
	ctx, stop := context.WithTimeout(b.ctx, 5*time.Second)
	defer stop()
	address, _ := chromedp.Run(ctx, chromedp.Location())
	html, _ := chromedp.Run(ctx, chromedp.OuterHTML(chromedp.CSS("html")))
	b.t.Fatalf("%v\nat %s:\n%s", err, address, html)
}

// load waits for the page that steps lead to and returns its status.
func (b *browser) load(steps ...step) int {
	b.t.Helper()
	ctx, stop := context.WithTimeout(b.ctx, testbrowser.Patience)
	defer stop()
	response, err := chromedp.RunResponse(ctx, steps...)
	if err != nil {
		b.fail(err)
	}
	return int(response.Status)
}

func (b *browser) open(url string) int {
	b.t.Helper()
	return b.load(chromedp.Navigate(url))
}

// follow clicks a link with this text.
func (b *browser) follow(text string) int {
	b.t.Helper()
	return b.load(chromedp.Click(chromedp.Search(fmt.Sprintf("//a[normalize-space()=%q]", text))))
}

// unfold opens a collapsed part of the page.
func (b *browser) unfold(title string) {
	b.t.Helper()
	b.run(chromedp.Click(chromedp.Search(fmt.Sprintf("//summary[normalize-space()=%q]", title))))
}

func (b *browser) fill(values ...string) {
	b.t.Helper()
	for i := 0; i < len(values); i += 2 {
		input := chromedp.CSS("#" + values[i])
		b.run(chromedp.Clear(input), chromedp.SendKeys(input, values[i+1]))
	}
}

// submit presses the button with this text.
func (b *browser) submit(button string) int {
	b.t.Helper()
	return b.load(chromedp.Click(chromedp.Search(fmt.Sprintf("//button[normalize-space()=%q]", button))))
}

// shows fails unless the page visibly has these texts.
func (b *browser) shows(texts ...string) {
	b.t.Helper()
	got := eval[string](b, "document.body.innerText") // nodes may be of the page before
	for _, text := range texts {
		if !strings.Contains(got, text) {
			b.t.Fatalf("the page does not say %q but:\n%s", text, got)
		}
	}
}

func eval[T any](b *browser, script string) T {
	b.t.Helper()
	return get(b, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
}

func (b *browser) prefer(scheme string) {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		// Without animations: otherwise axe would measure a colour between two others.
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}},
	})
	check(b.t, err)
}

// look checks a page for accessibility, in light and dark, and for fitting
// screens, and takes its pictures; "go test -artifacts" keeps them.
func (b *browser) look(name string) {
	b.t.Helper()
	for scheme, rules := range map[string]string{"light": `{}`, "dark": `{runOnly: ["color-contrast"]}`} {
		b.prefer(scheme)
		b.checkAccessibility(name+" in "+scheme, rules)
		b.checkTargets(name + " in " + scheme)
		b.picture(name + "-" + scheme)
		b.run(chromedp.EmulateViewport(390, 844))
		b.picture(name + "-" + scheme + "-phone")
		b.run(chromedp.EmulateViewport(1280, 860))
	}
	b.checkReflow(name)
	b.run(chromedp.EmulateViewport(1280, 860))
	b.prefer("light")
}

// checkAccessibility fails for what axe-core finds against WCAG 2.2 AA.
func (b *browser) checkAccessibility(what, options string) {
	b.t.Helper()
	if !eval[bool](b, `typeof axe === "object"`) {
		eval[bool](b, b.axe+"; true")
	}
	found := eval[[]string](b, `axe.run(document, `+options+`).then(r =>
		r.violations.map(v => v.id + ": " + v.help + "\n" + v.nodes.map(n => n.html + "\n" + n.failureSummary).join("\n")))`)
	if len(found) > 0 {
		b.t.Errorf("%s: axe finds\n%s", what, strings.Join(found, "\n\n"))
	}
}

// checkTargets fails for what a finger would miss.
func (b *browser) checkTargets(what string) {
	b.t.Helper()
	small := eval[[]string](b, `[...document.querySelectorAll("a, button, input:not([type=hidden]), summary")]
		.filter(e => e.checkVisibility() && e.getBoundingClientRect().height < 44).map(e => e.outerHTML)`)
	if len(small) > 0 {
		b.t.Errorf("%s: lower than 44 pixels: %q", what, small)
	}
}

// checkReflow fails if a page needs horizontal scrolling on the smallest screens, or
// with text of twice the size (WCAG 1.4.10 and 1.4.4).
func (b *browser) checkReflow(what string) {
	b.t.Helper()
	for _, c := range []struct {
		pixels int
		letter string
	}{{320, "100%"}, {640, "200%"}} {
		b.run(chromedp.EmulateViewport(int64(c.pixels), 640))
		width := eval[int](b, fmt.Sprintf(`document.documentElement.style.fontSize = %q; document.documentElement.scrollWidth`, c.letter))
		if width > c.pixels {
			b.t.Errorf("%s at %d pixels and %s: %d pixels wide", what, c.pixels, c.letter, width)
		}
	}
	eval[string](b, `document.documentElement.style.fontSize = ""`)
}

func (b *browser) picture(name string) {
	b.t.Helper()
	if kept := flag.Lookup("test.artifacts"); kept.Value.String() != "true" {
		return
	}
	beyond := true
	shot, err := chromedp.Call(b.ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{CaptureBeyondViewport: &beyond})
	check(b.t, err)
	check(b.t, os.WriteFile(filepath.Join(b.t.ArtifactDir(), name+".png"), shot.Data, 0o600))
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
