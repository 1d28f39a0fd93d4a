// Package testbrowser starts the Chromium that tests look at pages with.
package testbrowser

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"hasura-login/app/testserver"
)

// Patience is how long a step in the browser may take. Only a step that never ends needs
// that long: a busy machine makes steps slow.
const Patience = time.Minute

// Start returns the context of a tab in a headless Chromium with an empty profile, which
// ends with the test. It tries again if the browser does not come up: on a busy machine
// its processes sometimes wait for each other forever.
func Start(t testing.TB) context.Context {
	t.Helper()
	page := httptest.NewServer(http.NotFoundHandler())
	defer page.Close()
	var err error
	for range 3 {
		ctx, kill := launch(t)
		// The browser lives as long as the context of its first steps, so that one has no
		// deadline.
		late := time.AfterFunc(Patience/2, kill)
		err = chromedp.Do(ctx, chromedp.Navigate(page.URL))
		if late.Stop() && err == nil {
			t.Cleanup(func() {
				// First ask it to close.
				within, cancel := context.WithTimeout(ctx, 10*time.Second)
				defer cancel()
				_ = chromedp.Cancel(within)
				kill()
			})
			return ctx
		}
		kill()
	}
	t.Fatalf("Chromium does not come up: %v", err)
	return nil
}

func launch(t testing.TB) (ctx context.Context, kill func()) {
	t.Helper()
	options := []chromedp.ExecAllocatorOption{
		// Not the test's own folder: a process of the browser that still writes to it must
		// not fail the test.
		chromedp.ExecPath(testserver.Binary(t, "chromium", "chromium")), chromedp.UserDataDir(testserver.TempDir(t)),
		chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun, chromedp.IgnoreCertErrors,
	}
	for _, flag := range []string{
		"disable-quic", "disable-background-networking", "disable-component-update", "disable-sync",
	} {
		options = append(options, chromedp.Flag(flag, true))
	}
	ctx, kill = chromedp.NewExecAllocator(context.Background(), options...)
	ctx, _ = chromedp.NewContext(ctx)
	return ctx, kill
}
