// Package pages are the hosted pages: sign in, sign up, a new password, the
// confirmation of an address, the account. They are HTML made here and work
// without script. The use cases behind them are those of the API, with the same
// limits, counts and audit entries.
package pages

//go:generate go run github.com/valyala/quicktemplate/qtc -skipLineComments -file pages.qtpl

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"hasura-login/app/language"
	"hasura-login/app/login"
)

// The paths. Each takes GET and POST.
const (
	pathSignIn  = "/auth/pages/signin"
	pathSignUp  = "/auth/pages/signup"
	pathForgot  = "/auth/pages/forgot"
	pathReset   = "/auth/pages/reset"
	pathVerify  = "/auth/pages/verify"
	pathAccount = "/auth/pages/account"
	// pathSecondFactor takes what a sign-in asks for after the password.
	pathSecondFactor = "/auth/pages/second-factor"
)

// Paths lists the pages.
func Paths() []string {
	return []string{pathSignIn, pathSignUp, pathForgot, pathReset, pathVerify, pathAccount, pathSecondFactor}
}

// ResetLink is where a mail leads whose token sets a new password; {token} is
// its place.
func ResetLink(publicURL string) string { return publicURL + pathReset + "?token={token}" }

// VerifyLink is where a mail leads whose token confirms an address.
func VerifyLink(publicURL string) string { return publicURL + pathVerify + "?token={token}" }

// Settings are what an operator says about the pages.
type Settings struct {
	// PublicURL is where browsers find the service: scheme, host and port.
	PublicURL string
	// Name is what users know the site by; the host of PublicURL if empty.
	Name string
	// ReturnURL is the app's page for users who have signed in. If empty they
	// stay here, at their account.
	ReturnURL     string
	SignUpEnabled bool
	MailEnabled   bool
	// PasswordMinLength is told to users; the policy decides.
	PasswordMinLength int
}

// Deps is what the pages work with.
type Deps struct {
	Service *login.Service
	// Identify tells whose an access token is that Service issued.
	Identify func(accessToken string) (login.Identity, error)
}

// Caller is what the web server knows beyond the request itself.
type Caller struct {
	Client login.Client
	// Attempted counts how a use case ended and passes the error on.
	Attempted func(op login.Operation, err error) error
}

// Site answers for all pages.
type Site struct {
	Settings
	Deps
	cookies     jar
	foreign     *http.CrossOriginProtection
	policy      string // Content-Security-Policy
	stylesheet  Asset
	icon        Asset
	now         func() time.Time
	returnTitle string // the host of ReturnURL
}

// New checks the settings.
func New(s Settings, d Deps) (*Site, error) {
	public, err := url.Parse(s.PublicURL)
	if err != nil {
		return nil, err
	}
	if s.Name == "" {
		s.Name = public.Host
	}
	site := &Site{
		Settings: s, Deps: d, cookies: jar{secure: public.Scheme == "https"},
		foreign: http.NewCrossOriginProtection(), stylesheet: stylesheet(), icon: icon(), now: time.Now,
	}
	// nginx hands on the host without its port, which then is not the origin's.
	if err := site.foreign.AddTrustedOrigin(s.PublicURL); err != nil {
		return nil, err
	}
	// Browsers hold a form's target against form-action after redirects too.
	targets := "'self'"
	if s.ReturnURL != "" {
		u, err := url.Parse(s.ReturnURL)
		if err != nil {
			return nil, err
		}
		site.returnTitle = u.Host
		targets += " " + u.Scheme + "://" + u.Host
	}
	site.policy = "default-src 'none'; style-src 'self'; img-src 'self'; form-action " + targets +
		"; frame-ancestors 'none'; base-uri 'none'"
	return site, nil
}

// visit is one request.
type visit struct {
	*Site
	*texts
	Caller
	w    http.ResponseWriter
	r    *http.Request
	trip trip
}

// Serve answers a request for one of Paths. An error says how the page that was
// written failed; its status is for the caller to set.
func (s *Site) Serve(w http.ResponseWriter, r *http.Request, c Caller) error {
	v := &visit{Site: s, texts: speak(c.Client.Language), Caller: c, w: w, r: r}
	// Mail of this request that comes in none of the languages asked for comes in the page's.
	v.Client.Language = language.Preferred(v.Client.Language + "," + v.Lang)
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", s.policy)
	h.Set("Cache-Control", "no-store")
	h.Set("Vary", "Accept-Language")
	err := v.answer()
	var shown formError
	if err == nil || errors.As(err, &shown) {
		return err
	}
	v.write(errorPage(v.page(v.Failed), v.problem(err)))
	return err
}

func (v *visit) answer() error {
	if err := v.foreign.Check(v.r); err != nil {
		return login.Errorf(login.CodeForbidden, "This form was sent from another site")
	}
	if err := v.r.ParseForm(); err != nil {
		return login.Errorf(login.CodeInvalidInput, "The form could not be read")
	}
	v.trip = tripOf(v.r.Form)
	post := v.r.Method == http.MethodPost
	switch v.r.URL.Path {
	case pathSignIn:
		return either(post, v.signIn, v.showSignIn)
	case pathSignUp:
		return either(post, v.signUp, v.showSignUp)
	case pathForgot:
		return either(post, v.forgot, v.showForgot)
	case pathReset:
		return either(post, v.reset, v.showReset)
	case pathVerify:
		return either(post, v.verify, v.showVerify)
	case pathSecondFactor:
		return either(post, v.answerChallenge, v.toSignIn)
	default:
		return either(post, v.changeAccount, v.showAccount)
	}
}

func either(post bool, change, show func() error) error {
	if post {
		return change()
	}
	return show()
}

func (v *visit) ctx() context.Context { return v.r.Context() }

// form returns a posted field; what stands in the address does not count.
func (v *visit) form(name string) string { return v.r.PostForm.Get(name) }

func (v *visit) write(html string) { _, _ = v.w.Write([]byte(html)) }

// redirect sends the browser on; a reload repeats no form then.
func (v *visit) redirect(to string) error {
	v.w.Header().Set("Location", to)
	v.w.WriteHeader(http.StatusSeeOther)
	return nil
}

// formError is of a form that was shown again and says what is wrong.
type formError struct{ error }

func (e formError) Unwrap() error { return e.error }

// trip is where a visitor is to end up, carried from page to page.
type trip struct {
	account bool   // at the account's page and not in the app
	state   string // of the app; handed back to it
	verify  string // token of a link that waits for the sign-in
}

const (
	paramTo    = "to"
	paramState = "state"
	// paramVerify is not what a mail calls it: a sign-in is no use of the token.
	paramVerify = "verify"
	toAccount   = "account"
	// maxState bounds what a page repeats.
	maxState = 200
)

func tripOf(form url.Values) trip {
	t := trip{account: form.Get(paramTo) == toAccount, state: form.Get(paramState)}
	if len(t.state) > maxState {
		t.state = ""
	}
	if token := form.Get(paramVerify); token != "" {
		if _, ok := login.HashMailToken(token); ok {
			t.verify = token
		}
	}
	return t
}

func (t trip) values() url.Values {
	values := url.Values{}
	if t.account {
		values.Set(paramTo, toAccount)
	}
	if t.state != "" {
		values.Set(paramState, t.state)
	}
	if t.verify != "" {
		values.Set(paramVerify, t.verify)
	}
	return values
}

// stays tells whether the visitor is to stay at the pages, and at which.
func (t trip) stays() (path string, ok bool) {
	if t.verify != "" {
		return pathVerify + "?" + url.Values{"token": {t.verify}}.Encode(), true
	}
	return pathAccount, t.account
}

// link leads to another page of the same trip.
func (t trip) link(path string) string {
	if query := t.values().Encode(); query != "" {
		return path + "?" + query
	}
	return path
}
