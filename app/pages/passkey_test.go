package pages_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"

	"hasura-login/app/testserver"
)

// authenticator is a virtual authenticator of Chromium.
type authenticator struct {
	b  *browser
	id webauthn.AuthenticatorID
}

func (b *browser) addAuthenticator(transport webauthn.AuthenticatorTransport) authenticator {
	b.t.Helper()
	added, err := chromedp.Call(b.ctx, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
		Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: transport, HasResidentKey: true, HasUserVerification: true,
		IsUserVerified: true, AutomaticPresenceSimulation: true,
	}})
	check(b.t, err)
	return authenticator{b, added.AuthenticatorID}
}

// touched has the authenticator answer by itself, or wait for a touch. It also answers what waits
// already: the sign-in page asks as soon as it is open, so set what the answer will be before that.
func (a authenticator) touched(yes bool) {
	a.b.t.Helper()
	_, err := chromedp.Call(a.b.ctx, webauthn.SetAutomaticPresenceSimulation, webauthn.SetAutomaticPresenceSimulationParams{AuthenticatorID: a.id, Enabled: yes})
	check(a.b.t, err)
}

func (a authenticator) verifies(yes bool) {
	a.b.t.Helper()
	_, err := chromedp.Call(a.b.ctx, webauthn.SetUserVerified, webauthn.SetUserVerifiedParams{AuthenticatorID: a.id, IsUserVerified: yes})
	check(a.b.t, err)
}

func (a authenticator) remove() {
	a.b.t.Helper()
	_, err := chromedp.Call(a.b.ctx, webauthn.RemoveVirtualAuthenticator, webauthn.RemoveVirtualAuthenticatorParams{AuthenticatorID: a.id})
	check(a.b.t, err)
}

// Passkeys from the first to the last, in a real browser.
func TestPages_PasskeysInABrowser(t *testing.T) {
	api := testserver.Addr(testserver.FreePort(t))
	site := "http://localhost:" + api[strings.LastIndex(api, ":")+1:]
	startService(t, api, "LOGIN_PUBLIC_URL="+site, "LOGIN_HOSTED_PAGES_NAME=Example")
	b := startBrowser(t)
	b.open(site + "/auth/pages/signup")
	_, err := chromedp.Call(b.ctx, webauthn.Enable, webauthn.EnableParams{})
	check(t, err)
	phone := b.addAuthenticator(webauthn.AuthenticatorTransportInternal)
	b.fill("form-name", "Kim", "form-email", "kim@example.org", "form-password", firstPassword)
	b.submit("Create account")

	b.unfold("Add a passkey")
	b.fill("add-passkey-name", "Phone", "add-passkey-current", firstPassword)
	b.submit("Add a passkey")
	b.shows("Your device asks for your finger, face or PIN.")
	b.look("add-passkey")
	phone.verifies(false)
	b.run(chromedp.Click(chromedp.CSS("form.passkey button")), chromedp.WaitVisible(chromedp.CSS("form.passkey [role=alert]")))
	b.shows("The passkey was not used.")
	phone.verifies(true)
	b.submit("Add a passkey")
	b.shows("The passkey is added.", "Your passkeys", "Phone")

	// Changes of credentials need the passkey now.
	b.unfold("Add a passkey")
	b.fill("add-passkey-name", "Key ring", "add-passkey-current", firstPassword)
	b.submit("Add a passkey")
	b.shows("This change takes your passkey.")
	b.look("elevate-passkey")
	b.submit("Use a passkey")
	b.shows("For the next minutes you can make your change.")
	phone.touched(false)
	key := b.addAuthenticator(webauthn.AuthenticatorTransportUsb)
	b.unfold("Add a passkey")
	b.fill("add-passkey-name", "Key ring") // the passkey stands for the password
	b.submit("Add a passkey")
	b.submit("Add a passkey")
	b.shows("Phone", "Key ring")
	b.look("account-with-passkeys")
	key.remove()
	b.submit("Sign out")

	// With the suggestions of the form, or its button.
	b.look("signin-passkey")
	b.open(site + "/auth/pages/signup") // so that no request waits
	phone.touched(true)
	b.open(site + "/auth/pages/signin")
	b.run(chromedp.WaitVisible(chromedp.CSS(".who")))
	b.shows("by passkey")
	phone.verifies(false)
	b.submit("Sign out")
	b.run(chromedp.Click(chromedp.CSS("form.passkey button")), chromedp.WaitVisible(chromedp.CSS("form.passkey [role=alert]")))
	b.shows("The passkey was not used.")
	phone.verifies(true)
	b.submit("Sign in with a passkey")
	b.shows("by passkey")

	// After the password.
	phone.touched(false)
	b.submit("Sign out")
	b.fill("form-email", "kim@example.org", "form-password", firstPassword)
	b.submit("Sign in")
	b.shows("One more step", "This account also asks for a passkey.")
	b.look("second-factor-passkey")
	phone.touched(true)
	b.submit("Use a passkey")
	b.shows("by password and a second factor")

	rename := fmt.Sprintf(`//li[.//span[normalize-space()=%q]]//summary`, "Key ring")
	b.run(chromedp.Click(chromedp.Search(rename)))
	field := chromedp.Search(`//li[.//span[normalize-space()="Key ring"]]//input[@name="name"]`)
	b.run(chromedp.Clear(field), chromedp.SendKeys(field, "Lost key"))
	b.load(chromedp.Click(chromedp.Search(`//li[.//span[normalize-space()="Key ring"]]//button[normalize-space()="Rename"]`)))
	b.shows("The passkey has its new name.", "Lost key")
	b.run(chromedp.Click(chromedp.Search(`//li[.//span[normalize-space()="Lost key"]]//summary`)))
	// The session was opened with a passkey, which proves more than the password.
	if fields := eval[int](b, `document.querySelectorAll("input[type=password][autocomplete=current-password]").length`); fields > 0 {
		t.Errorf("%d forms ask for the password after a passkey", fields)
	}
	b.load(chromedp.Click(chromedp.Search(`//li[.//span[normalize-space()="Lost key"]]//button[normalize-space()="Remove this passkey"]`)))
	b.shows("The passkey is removed.")
	if got := get(b, chromedp.Text(chromedp.CSS("body"))); strings.Contains(got, "Lost key") {
		t.Errorf("it is still there:\n%s", got)
	}

	// Without scripts the page has the password form, and no button without effect.
	phone.touched(false)
	b.submit("Sign out")
	_, err = chromedp.Call(b.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	check(t, err)
	b.open(site + "/auth/pages/signin")
	b.fill("form-email", "kim@example.org", "form-password", firstPassword)
	if status := b.submit("Sign in"); status != http.StatusOK {
		t.Errorf("without script: %d", status)
	}
	b.shows("Passkeys need JavaScript")
}
