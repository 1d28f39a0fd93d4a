package pages_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/pquerna/otp/totp"

	"hasura-login/app/testserver"
)

// An authenticator app from its QR code to its end, in a real browser.
func TestPages_SecondFactorInABrowser(t *testing.T) {
	api := testserver.Addr(testserver.FreePort(t))
	startService(t, api, "LOGIN_PUBLIC_URL=http://"+api, "LOGIN_HOSTED_PAGES_NAME=Example")
	site := "http://" + api
	b := startBrowser(t)
	b.open(site + "/auth/pages/signup")
	b.fill("form-name", "Kim", "form-email", "kim@example.org", "form-password", firstPassword)
	b.submit("Create account")

	b.unfold("Add an authenticator app")
	b.fill("add-app-current", firstPassword)
	b.submit("Add an authenticator app")
	b.shows("Scan this with the app")
	b.look("add-app")
	secret := strings.ReplaceAll(get(b, chromedp.Text(chromedp.CSS(".secret"))), " ", "")
	// The service takes the codes of three steps. These two stay good if a step ends meanwhile.
	code := func(steps int) string {
		t.Helper()
		c, err := totp.GenerateCode(secret, time.Now().Add(time.Duration(steps)*30*time.Second))
		check(t, err)
		return c
	}
	b.fill("confirm-app-code", code(0))
	b.submit("Add an authenticator app")
	b.shows("The app is added.")
	b.look("account-with-app")
	b.submit("Sign out")

	b.fill("form-email", "kim@example.org", "form-password", firstPassword)
	if status := b.submit("Sign in"); status != http.StatusOK {
		t.Errorf("the right password before the second factor: %d", status)
	}
	b.shows("One more step", "Do not ask for a code on this device")
	b.look("second-factor")
	b.fill("form-code", "000000")
	b.submit("Sign in")
	b.shows("This code is wrong or was used already.")
	b.look("second-factor-refused")
	b.fill("form-code", code(1))
	b.submit("Sign in")
	b.shows("by password and a second factor")
	b.unfold("Make new recovery codes")
	b.fill("new-codes-current", firstPassword)
	b.submit("Make new recovery codes")
	b.shows("Your recovery codes")
	b.look("recovery-codes")
}
