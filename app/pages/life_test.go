package pages_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"hasura-login/app/cmd"
	"hasura-login/app/testbrowser"
	"hasura-login/app/testserver"
	"hasura-login/dev/devstack"
)

const (
	firstPassword  = "slow green teapots"
	secondPassword = "battery of volta 1800"
	thirdPassword  = "seven tame otters"
	edgeSecret     = "edge-secret-of-the-test-0123456789"
)

// service is login in development mode, with the pages on.
type service struct {
	t   *testing.T
	api string // host:port
	log *testserver.Output
}

// startService runs login at an address, with what the environment adds, until
// the test ends.
func startService(t *testing.T, api string, vars ...string) *service {
	t.Helper()
	return startServiceAt(t, api, testserver.Addr(testserver.FreePort(t)), vars...)
}

// startServiceAt does so with the stand-in for Hasura at an address, too.
func startServiceAt(t *testing.T, api, graphql string, vars ...string) *service {
	t.Helper()
	s := &service{t: t, api: api, log: &testserver.Output{}}
	args := []string{
		"--data", t.TempDir(), "--listen", s.api,
		"--graphql", graphql, "--ops", testserver.Addr(testserver.FreePort(t)),
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan int, 1)
	go func() {
		done <- devstack.Main(ctx, args, cmd.Environment{Stdin: strings.NewReader(""), Stdout: s.log, Stderr: s.log, Vars: vars, Version: "v0-test"})
	}()
	t.Cleanup(func() {
		stop()
		if code := <-done; code != 0 {
			t.Errorf("login ended with %d:\n%s", code, s.log)
		}
	})
	testserver.Eventually(t, "login answers", func() bool { return testserver.Dial(s.api) == nil })
	return s
}

// signInElsewhere opens another session of an account.
func (s *service) signInElsewhere(email, password, userAgent string) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, "http://"+s.api+"/auth/signin",
		strings.NewReader(fmt.Sprintf(`{"email":%q,"password":%q}`, email, password)))
	check(s.t, err)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", userAgent)
	resp, err := http.DefaultClient.Do(req)
	check(s.t, err)
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		answer, _ := io.ReadAll(resp.Body)
		s.t.Fatalf("signing in elsewhere: %s %s", resp.Status, answer)
	}
}

// A user's life in a real browser, through the real gateway with TLS and a real
// mail server.
func TestPages_FromSignUpToDeletion(t *testing.T) {
	mails := testserver.StartMailpit(t, false)
	t.Setenv("SSL_CERT_FILE", mails.CertFile)
	api := testserver.Addr(testserver.FreePort(t))
	gateway := testserver.StartNginx(t, testserver.NginxSettings{
		Entry: "tls", Names: "localhost", Login: api, Hasura: testserver.Addr(testserver.FreePort(t)), EdgeSecret: edgeSecret,
	})
	site := fmt.Sprintf("https://localhost:%d", gateway.TLSPort)
	s := startService(t, api,
		"LOGIN_PUBLIC_URL="+site, "LOGIN_HOSTED_PAGES_NAME=Example", "LOGIN_EDGE_SECRET="+edgeSecret,
		"LOGIN_MAIL_SMTP_HOST=127.0.0.1", fmt.Sprintf("LOGIN_MAIL_SMTP_PORT=%d", mails.Port),
		"LOGIN_MAIL_SMTP_USER="+mails.User, "LOGIN_MAIL_SMTP_PASSWORD="+mails.Password, "LOGIN_MAIL_FROM=Example <login@example.org>",
		"LOGIN_MAIL_NOTICES=off",
	)
	b := startBrowser(t)
	arrived := 0
	// link waits for a mail and returns the link in it.
	link := func(subject string) string {
		t.Helper()
		var text string
		testserver.Eventually(t, "a mail: "+subject, func() bool {
			list := mails.Mails(t)
			if len(list) > arrived {
				arrived, text = len(list), list[0].Subject+"\n"+list[0].Text
			}
			return strings.HasPrefix(text, subject)
		})
		return regexp.MustCompile(`https://localhost\S+`).FindString(text)
	}

	b.open(site + "/auth/pages/signin")
	b.look("signin")
	b.follow("New here? Create an account")
	b.fill("form-name", `Kim <script>alert(1)</script>`, "form-email", "kim@example.org", "form-password", "password123")
	if status := b.submit("Create account"); status != http.StatusBadRequest {
		t.Errorf("a common password: %d", status)
	}
	b.shows("It is among the most common ones")
	b.look("signup-refused")
	b.fill("form-password", firstPassword)
	b.submit("Create account")
	b.shows("Kim <script>alert(1)</script>", "kim@example.org", "not confirmed yet", "this device")

	confirm := link("Confirm")
	b.open(confirm)
	b.look("verify")
	b.submit("Confirm address")
	b.shows("Your e-mail address is confirmed.", "confirmed")
	b.open(confirm)
	b.shows("confirmed already")

	b.open(site + "/auth/pages/account")
	b.submit("Sign out")
	b.shows("You are signed out.")
	b.follow("Forgot your password?")
	b.fill("form-email", "kim@example.org")
	b.submit("Send link")
	b.shows("Check your mail", "a mail is on its way")
	b.look("forgot-sent")
	reset := link("Set a new password")
	b.open(reset)
	b.look("reset")
	b.open(reset) // as a program that checks mails does: nothing is spent
	b.fill("form-password", secondPassword)
	b.submit("Set password")
	b.shows("Your new password is set.", "Where you are signed in")
	b.submit("Sign out")

	b.fill("form-email", "kim@example.org", "form-password", firstPassword)
	if status := b.submit("Sign in"); status != http.StatusUnauthorized {
		t.Errorf("the old password: %d", status)
	}
	b.shows("E-mail address or password wrong")
	b.look("signin-refused")
	focus := eval[string](b, `document.activeElement.id`)
	kept, password := get(b, chromedp.Value(chromedp.CSS("#form-email"))), get(b, chromedp.Value(chromedp.CSS("#form-password")))
	if focus != "form-password" || kept != "kim@example.org" || password != "" {
		t.Errorf("after a wrong password the focus is on %q, the address is %q, the password %q", focus, kept, password)
	}
	// The focus is on the next field, so no mouse is needed.
	b.load(chromedp.KeyEvent(secondPassword), chromedp.KeyEvent(kb.Enter))
	s.signInElsewhere("kim@example.org", secondPassword, "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0")
	s.signInElsewhere("kim@example.org", secondPassword, "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1")
	b.open(site + "/auth/pages/account")
	b.shows("Firefox on Windows", "Safari on iPhone", "Chrome on Linux")
	b.look("account")
	b.submit("Sign out: Safari on iPhone")
	b.shows("Signed out there.")

	b.unfold("Change password")
	b.fill("password-current", firstPassword, "password-password", thirdPassword)
	b.submit("Change password")
	b.shows("This is not your current password")
	b.look("account-refused")
	b.fill("password-current", secondPassword, "password-password", thirdPassword)
	b.submit("Change password")
	b.shows("Your password is changed.")

	b.unfold("Change e-mail address")
	b.fill("email-email", "kimi@example.org", "email-current", thirdPassword)
	b.submit("Change e-mail address")
	b.shows("A mail is on its way to kimi@example.org")
	b.open(link("Confirm"))
	b.submit("Confirm address")
	b.shows("kimi@example.org")

	b.unfold("Delete account")
	b.fill("delete-current", thirdPassword)
	b.look("account-delete")
	b.submit("Delete for good")
	b.shows("Your account is deleted.")
	b.fill("form-email", "kimi@example.org", "form-password", thirdPassword)
	if status := b.submit("Sign in"); status != http.StatusUnauthorized {
		t.Errorf("after deletion: %d", status)
	}

	everything := s.log.String() + gateway.Output() + string(bytes.Join(gateway.AccessLog(t, 1), nil))
	for _, secret := range []string{"kim@", "kimi@", firstPassword, secondPassword, thirdPassword, tokenOf(confirm), tokenOf(reset)} {
		if strings.Contains(everything, secret) {
			t.Errorf("%q is in a log", secret)
		}
	}
}

func tokenOf(link string) string { return link[strings.Index(link, "token=")+len("token="):] }

// app is an app without a server of its own, on an origin of its own.
type app struct {
	*httptest.Server
	login string
}

func startApp(t *testing.T, ask string) *app {
	t.Helper()
	script, err := os.ReadFile("testdata/app.js")
	check(t, err)
	a := &app{}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/app.js" {
			w.Header().Set("Content-Type", "text/javascript")
			_, _ = w.Write(script)
			return
		}
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<!doctype html><title>app</title><button id="in">Log in</button><button id="out">Log out</button><p id="who">nobody</p><script type="module">
			import { signInAt, takeCode, post } from '/app.js';
			const taken = takeCode();
			document.querySelector('#in').onclick = () => signInAt('%[1]s', %[2]s);
			document.querySelector('#out').onclick = async () => {
				const { refreshToken } = JSON.parse(localStorage.getItem('grant'));
				localStorage.removeItem('grant');
				await post('%[1]s/auth/signout', { refreshToken });
				location.reload();
			};
			if (taken) localStorage.setItem('grant', JSON.stringify(await post('%[1]s/auth/exchange', taken)));
			const grant = JSON.parse(localStorage.getItem('grant'));
			if (grant) {
				const me = await fetch('%[1]s/auth/me', { headers: { Authorization: 'Bearer ' + grant.token } }).then((r) => r.json());
				document.querySelector('#who').textContent = me.email;
			}
			document.title = 'ready';
		</script>`, a.login, ask)
	}))
	t.Cleanup(a.Close)
	return a
}

// Two apps, each on an origin of its own.
func TestPages_BringAUserBackToTheApp(t *testing.T) {
	web, admin := startApp(t, "{}"), startApp(t, "{ app: 'admin' }")
	s := startService(t, testserver.Addr(testserver.FreePort(t)), "LOGIN_APPS=web="+web.URL+"/signed-in,admin="+admin.URL+"/in?from=login")
	login := "http://" + s.api
	web.login, admin.login = login, login
	b := startBrowser(t)
	who := func(want, at string) {
		t.Helper()
		b.run(chromedp.Poll[chromedp.Void](fmt.Sprintf(`document.title === "ready" && document.querySelector("#who").textContent === %q`, want), chromedp.WithPollingTimeout(testbrowser.Patience)))
		if got := get(b, chromedp.Location()); got != at {
			t.Errorf("the address is %q", got)
		}
	}

	b.open(web.URL)
	b.submit("Log in")
	b.follow("New here? Create an account")
	b.fill("form-name", "Kim", "form-email", "kim@example.org", "form-password", firstPassword)
	b.submit("Create account")
	who("kim@example.org", web.URL+"/signed-in")

	// The other app needs one click, on a page that names its target.
	b.open(admin.URL)
	b.submit("Log in")
	b.shows("You are signed in as Kim")
	b.look("continue")
	b.submit("Continue to " + strings.TrimPrefix(admin.URL, "http://"))
	who("kim@example.org", admin.URL+"/in?from=login")
	b.open(login + "/auth/pages/account")
	b.shows("Where you are signed in")
	b.look("account-of-an-app")

	// A link that somebody else made signs nobody in, because the app did not ask for it.
	b.open(admin.URL + "/in?from=login&code=stolen&state=guess")
	who("kim@example.org", admin.URL+"/in?from=login")
	b.submit("Log out")
	who("nobody", admin.URL+"/in?from=login")
	b.open(admin.URL + "/in?from=login&code=stolen&state=guess")
	who("nobody", admin.URL+"/in?from=login")

	// Signing out of one app signs out at the pages, but not of the other app.
	b.open(login + "/auth/pages/account")
	b.shows("Sign in")
	b.open(web.URL + "/signed-in")
	who("kim@example.org", web.URL+"/signed-in")
}
