// Package pages serves the hosted pages: sign-in, sign-up, a new password, the confirmation of an address, the
// account. The server renders them. One script serves passkeys, and everything else works without scripts.
// The pages run the use cases of the API, with the same limits, counts and audit entries.
package pages

//go:generate go run github.com/valyala/quicktemplate/qtc -skipLineComments -file pages.qtpl

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"hasura-login/app/brand"
	"hasura-login/app/language"
	"hasura-login/app/login"
	"hasura-login/app/provider"
)

// The paths. Each takes GET and POST.
const (
	pathSignIn  = "/auth/pages/signin"
	pathSignUp  = "/auth/pages/signup"
	pathForgot  = "/auth/pages/forgot"
	pathReset   = "/auth/pages/reset"
	pathVerify  = "/auth/pages/verify"
	pathAccount = "/auth/pages/account"
	// pathInvitation is the target of the mails that invite.
	pathInvitation = "/auth/pages/invitation"
	// pathSecondFactor asks for the second factor of a sign-in.
	pathSecondFactor = "/auth/pages/second-factor"
	// Sign-in by mail: the page that asks for the address, and the targets of the code and
	// the link.
	pathMail     = "/auth/pages/signin/mail"
	pathMailCode = "/auth/pages/signin/mail/code"
	pathMailLink = "/auth/pages/signin/mail/link"
)

// Paths lists the pages.
func Paths() []string {
	return []string{pathSignIn, pathSignUp, pathForgot, pathReset, pathVerify, pathAccount, pathInvitation, pathSecondFactor, pathMail, pathMailCode, pathMailLink}
}

// Entrances lists paths of the site that lead to a page: the front door, and the address
// where password managers look for the form that changes a password.
func Entrances() []string { return []string{"/", "/.well-known/change-password"} }

// ResetLink is the target of a mailed link that sets a new password; {token} stands for
// its token.
func ResetLink(publicURL string) string { return publicURL + pathReset + "?token={token}" }

// VerifyLink is the target of a mailed link that confirms an address.
func VerifyLink(publicURL string) string { return publicURL + pathVerify + "?token={token}" }

// AccountLink is the address of the account's page.
func AccountLink(publicURL string) string { return publicURL + pathAccount }

// MailLogoLink is the address of the logo in mails. It stays the same when the logo
// changes, because mails are kept.
func MailLogoLink(publicURL string) string { return publicURL + pathMailLogo }

// InvitationLink is the link in mails that invite.
func InvitationLink(publicURL string) string { return publicURL + pathInvitation + "?token={token}" }

// SignInLink is the target of a mailed link that signs in.
func SignInLink(publicURL string) string { return publicURL + pathMailLink + "?token={token}" }

// Settings are the operator's settings for the pages.
type Settings struct {
	// PublicURL is where browsers find the service: scheme, host and port.
	PublicURL string
	Name      string // of the site, for users
	Brand     brand.Brand
	// Apps are the apps that signed-in users can continue to; the first is the default.
	// Without any, users stay at their account page.
	Apps          []App
	SignUpEnabled bool
	MailEnabled   bool
	MailSignIn    bool // a mailed code signs in
	// Catalogue has the texts; Language is for visitors who ask for none of its languages.
	Catalogue *language.Catalogue
	Language  string
	// PasswordMinLength is shown to users; the policy decides.
	PasswordMinLength int
	// CommonPasswords are refused, one a line; the script says so early.
	CommonPasswords string
}

// Deps are the dependencies of the pages.
type Deps struct {
	Service   *login.Service
	Providers []*provider.Provider // with which people can sign in
	Flows     provider.Flows
	// Identify returns the owner of an access token that Service issued.
	Identify func(accessToken string) (login.Identity, error)
	// Export returns all that is kept about an account, as JSON.
	Export func(ctx context.Context, ua login.UserAccount) ([]byte, error)
}

// Caller is what the web server knows about a request apart from its content.
type Caller struct {
	Client login.Client
	// Attempted counts the result of a use case and returns its error.
	Attempted func(op login.Operation, err error) error
}

// Site answers for all pages.
type Site struct {
	Settings
	Deps
	cookies jar
	foreign *http.CrossOriginProtection
	policy  string // Content-Security-Policy
	assets  assets
	texts   map[string]*texts // by language
	now     func() time.Time
}

// New checks the settings.
func New(s Settings, d Deps) (*Site, error) {
	public, err := url.Parse(s.PublicURL)
	if err != nil {
		return nil, err
	}
	site := &Site{
		Settings: s, Deps: d, cookies: jar{secure: public.Scheme == "https"},
		foreign: http.NewCrossOriginProtection(), assets: assetsOf(s.Brand, []byte(s.CommonPasswords)), texts: map[string]*texts{}, now: time.Now,
	}
	for _, l := range s.Catalogue.Languages() {
		if site.texts[l.Tag], err = textsOf(l); err != nil {
			return nil, fmt.Errorf("the texts of the language %s: %w", l.Tag, err)
		}
	}
	// nginx passes on the host without its port, so it may differ from the origin's.
	if err := site.foreign.AddTrustedOrigin(s.PublicURL); err != nil {
		return nil, err
	}
	// Browsers apply form-action also to redirects after a form.
	targets, err := s.origins()
	if err != nil {
		return nil, err
	}
	site.policy = "default-src 'none'; script-src " + scriptSource() + "; connect-src 'self'; style-src 'self'; img-src 'self'; form-action " + strings.Join(append([]string{"'self'"}, targets...), " ") +
		"; frame-ancestors 'none'; base-uri 'none'"
	return site, nil
}

// request is a browser's request, with everything needed to answer it.
type request struct {
	*Site
	*texts
	Caller
	w           http.ResponseWriter
	r           *http.Request
	returnState returnState
	byPasskey   bool // the visitor's session was opened or elevated by a passkey
}

// request prepares the answer.
func (s *Site) request(w http.ResponseWriter, r *http.Request, c Caller) *request {
	preferred := s.chosenLanguage(w, r) + "," + c.Client.Language
	v := &request{Site: s, texts: s.speak(preferred), Caller: c, w: w, r: r}
	// Mail of this request uses the page's language if none of the requested ones is
	// supported.
	v.Client.Language = language.Preferred(preferred + "," + v.Tag)
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", s.policy)
	h.Set("Cache-Control", "no-store")
	h.Set("Vary", "Accept-Language, Cookie")
	return v
}

// Serve answers a request for one of Paths. An error says how the page that it wrote
// failed; the caller sets the error's status.
func (s *Site) Serve(w http.ResponseWriter, r *http.Request, c Caller) error {
	v := s.request(w, r, c)
	err := v.answer()
	var shown formError
	if err == nil || errors.As(err, &shown) {
		return err
	}
	v.writeError(err)
	return err
}

// ServeError answers a browser's request that failed before it came to a page. The
// caller sets the status.
func (s *Site) ServeError(w http.ResponseWriter, r *http.Request, c Caller, err error) {
	v := s.request(w, r, c)
	v.returnState.account = true
	v.writeError(err)
}

func (v *request) writeError(err error) {
	p := v.page(v.Failed)
	if has(err, login.CodeNotFound) && v.r.Method == http.MethodGet {
		p.Title = v.NotFound
		v.write(errorPage(p, problem{Message: v.NotFoundIntro}))
		return
	}
	v.write(errorPage(p, v.problem(err)))
}

func (v *request) answer() error {
	p, callback := v.providerOf(v.r.URL.Path)
	// Any site may send people to a provider; the flow checks what comes back.
	if err := v.foreign.Check(v.r); err != nil && p == nil {
		return login.Errorf(login.CodeForbidden, "This form was sent from another site")
	}
	if err := v.r.ParseForm(); err != nil {
		return login.Errorf(login.CodeInvalidInput, "The form could not be read")
	}
	if callback && p != nil {
		return v.endProvider(p)
	}
	var err error
	if v.returnState, err = v.returnStateOf(v.r.Form); err != nil {
		return err
	}
	if strings.HasPrefix(v.r.URL.Path, pathOAuth) {
		if p == nil {
			return login.Errorf(login.CodeNotFound, "There is no such provider")
		}
		return v.beginProvider(p)
	}
	if entrance := slices.Index(Entrances(), v.r.URL.Path); entrance >= 0 {
		return v.redirect(pathAccount + []string{"", "#" + doPassword + "-form"}[entrance])
	}
	if !slices.Contains(Paths(), v.r.URL.Path) {
		return login.Errorf(login.CodeNotFound, "There is no such page")
	}
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
	case pathInvitation:
		return either(post, v.answerInvitation, v.showInvitation)
	case pathSecondFactor:
		return either(post, v.answerChallenge, v.toSignIn)
	case pathMail:
		return either(post, v.mailSignIn, v.showMailSignIn)
	case pathMailCode:
		return either(post, v.enterMailCode, v.showMailSignIn)
	case pathMailLink:
		return either(post, v.followMailLink, v.showMailLink)
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

func (v *request) ctx() context.Context { return v.r.Context() }

// form returns a posted field and ignores the query.
func (v *request) form(name string) string { return v.r.PostForm.Get(name) }

func (v *request) write(html string) { _, _ = v.w.Write([]byte(html)) }

// redirect sends the browser to another page, so that a reload does not repeat a form.
func (v *request) redirect(to string) error {
	v.w.Header().Set("Location", to)
	v.w.WriteHeader(http.StatusSeeOther)
	return nil
}

// formError is the error of a form that was shown again with a message.
type formError struct{ error }

func (e formError) Unwrap() error { return e.error }
