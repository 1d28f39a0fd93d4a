package pages

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"hasura-login/app/login"
	"hasura-login/app/provider"
)

const (
	pathOAuth    = "/auth/oauth/"
	pathCallback = "/callback"
	// cookieBrowser binds a sign-in with a provider to the browser that began it.
	cookieBrowser = "login-browser"

	fieldProvider = "provider"
	fieldIdentity = "identity"
	doLink        = "link-identity"
	doUnlink      = "unlink-identity"
)

// ProviderPaths are the paths where sign-ins with providers begin and end; :provider
// stands for the provider's name. The second also takes POST.
func ProviderPaths() (begin, end string) {
	return pathOAuth + ":provider", pathOAuth + ":provider" + pathCallback
}

// providerOf finds the provider that a path names.
func (v *request) providerOf(path string) (p *provider.Provider, callback bool) {
	name, ok := strings.CutPrefix(path, pathOAuth)
	if !ok {
		return nil, false
	}
	name, callback = strings.CutSuffix(name, pathCallback)
	return v.providerNamed(name), callback
}

func (v *request) providerNamed(name string) *provider.Provider {
	i := slices.IndexFunc(v.Providers, func(p *provider.Provider) bool { return p.Name == name })
	if i < 0 {
		return nil
	}
	return v.Providers[i]
}

// beginProvider sends the browser to a provider.
func (v *request) beginProvider(p *provider.Provider) error {
	address, err := v.authURL(p, login.Identity{})
	if err = v.Attempted(login.OpSignInProvider, err); err != nil {
		return v.signInAgain(err)
	}
	return v.redirect(address)
}

// authURL begins a flow of this browser and returns the provider's URL. A flow with an
// identity links the provider to its account.
func (v *request) authURL(p *provider.Provider, link login.Identity) (string, error) {
	browser := v.cookies.get(v.r, cookieBrowser)
	flow := provider.Flow{Provider: p.Name, Link: link, ReturnState: v.returnState.values().Encode()}
	begun, err := v.Flows.Begin(browser, flow)
	if errors.Is(err, provider.ErrBrowser) {
		browser = provider.NewBrowser()
		begun, err = v.Flows.Begin(browser, flow)
	}
	if err != nil {
		return "", err
	}
	// Browsers send no Lax cookie with a form from the provider. This cookie proves only
	// that the browser began the flow.
	v.cookies.setFor(v.w, cookieBrowser, browser, provider.FlowLife, p.FormPost)
	return p.AuthURL(v.ctx(), begun)
}

// endProvider handles the browser's return from the provider.
func (v *request) endProvider(p *provider.Provider) error {
	flow, a, err := v.assertion(p)
	if err == nil {
		v.returnState, err = v.flowState(flow)
	}
	if flow.Link.UserID != "" {
		return v.linkProvider(flow, a, err)
	}
	var g login.Grant
	if err == nil {
		g, err = v.Service.SignInProvider(v.ctx(), login.ProviderSignInInput{
			Assertion: a, Flow: flow.ID, Expires: time.Unix(flow.Expires, 0), Client: v.Client, DeviceToken: v.cookies.get(v.r, cookieDevice),
			SecondFactor: slices.ContainsFunc(a.AMR, func(m string) bool { return slices.Contains(p.SecondFactor, m) }),
		})
	}
	if err = v.Attempted(login.OpSignInProvider, err); err == nil {
		return v.enter(g)
	}
	if has(err, login.CodeSecondFactorRequired) {
		return v.askSecondFactor(login.AsError(err))
	}
	return v.signInAgain(err)
}

// assertion returns the provider's assertion, if this browser began the flow.
func (v *request) assertion(p *provider.Provider) (provider.Flow, login.Assertion, error) {
	get := v.r.Form.Get
	flow, begun, err := v.Flows.End(v.cookies.get(v.r, cookieBrowser), p.Name, get("state"))
	if err != nil {
		return flow, login.Assertion{}, login.Caused(login.CodeInvalidToken, err, "This sign-in was not begun in this browser, or too long ago; begin it again")
	}
	if refusal := get("error"); refusal != "" || get("code") == "" {
		if refusal == "server_error" || refusal == "temporarily_unavailable" {
			return flow, login.Assertion{}, login.Errorf(login.CodeProviderUnavailable, "%s is not available right now", p.Title)
		}
		return flow, login.Assertion{}, login.Errorf(login.CodeProviderRefused, "%s has not confirmed who you are; begin the sign-in again", p.Title)
	}
	a, err := p.Assert(v.ctx(), provider.Response{Request: begun, Code: get("code"), Issuer: get("iss"), User: get("user")})
	return flow, a, err
}

// flowState returns where the visitor was going when the flow began.
func (v *request) flowState(flow provider.Flow) (returnState, error) {
	values, err := url.ParseQuery(flow.ReturnState)
	if err != nil {
		return returnState{}, err
	}
	return v.returnStateOf(values)
}

// linkProvider ends a flow that began on an account page.
func (v *request) linkProvider(flow provider.Flow, a login.Assertion, err error) error {
	if err == nil {
		err = v.Service.LinkIdentity(v.ctx(), flow.Link, login.LinkInput{Assertion: a, Flow: flow.ID, Expires: time.Unix(flow.Expires, 0), Client: v.Client})
	}
	if err = v.Attempted(login.OpLinkIdentity, err); err == nil {
		return v.stay(noticeLinked)
	}
	if has(err, login.CodeUnauthenticated) {
		return v.signedOut(err)
	}
	return err
}

// signInAgain shows the sign-in page with what went wrong at a provider.
func (v *request) signInAgain(err error) error {
	f := v.signInForm("")
	f.Failed, f.Alert = true, v.problem(err).Message
	if has(err, login.CodeEmailNotVerified) {
		f.Links = append(f.Links, link{v.returnState.link(pathVerify), v.VerifyAgain})
	}
	p := v.page(v.SignIn)
	// An answer that comes twice, by a reload or the back button, ends nothing.
	if _, here, _ := v.whoIsHere(); here {
		p.Notice = v.StillSignedIn
		f.Links = append([]link{{v.returnState.link(pathSignIn), v.GoOn}}, f.Links...)
	}
	v.write(formPage(p, f))
	return formError{err}
}

// providerLink is a button that leads to a provider.
type providerLink struct {
	URL, Text, Brand string
}

func (v *request) providerLinks() []providerLink {
	var links []providerLink
	for _, p := range v.Providers {
		links = append(links, providerLink{v.returnState.link(pathOAuth + p.Name), v.signInWith(p.Brand, p.Title), p.Brand})
	}
	return links
}

// identityRow is an account at a provider, on the account page.
type identityRow struct {
	Title, Email, Used, UsedAt string
	Unlink                     form
}

// identityForms are the forms for accounts at providers.
func (v *request) identityForms(a *account, id login.Identity) error {
	all, err := v.Service.ListIdentities(v.ctx(), id)
	if err = v.Attempted(login.OpIdentities, err); err != nil {
		return err
	}
	for _, i := range all {
		title := i.Provider
		if p := v.providerNamed(i.Provider); p != nil {
			title = p.Title
		}
		row := identityRow{
			Title: title, Email: i.Email, Used: v.Ago(i.LastUsedAt, v.now()),
			UsedAt: i.LastUsedAt.UTC().Format("2006-01-02T15:04:05Z"), Unlink: v.button(pathAccount, doUnlink, v.Unlink),
		}
		row.Unlink.Detail = title
		row.Unlink.Hidden = append(row.Unlink.Hidden, hidden{fieldIdentity, i.ID})
		a.Identities = append(a.Identities, row)
	}
	for _, p := range v.Providers {
		if slices.ContainsFunc(all, func(i login.ProviderIdentity) bool { return i.Provider == p.Name }) {
			continue
		}
		f := v.button(pathAccount, doLink, v.linkTo(p.Title))
		f.Hidden = append(f.Hidden, hidden{fieldProvider, p.Name})
		a.Link = append(a.Link, f)
	}
	return nil
}

// leaveToLink leads to the provider by a page instead of a redirect: browsers would
// apply the policy for forms to every address on the way.
func (v *request) leaveToLink(id login.Identity) error {
	p := v.providerNamed(v.form(fieldProvider))
	if p == nil {
		return login.Errorf(login.CodeNotFound, "There is no such provider")
	}
	address := ""
	err := v.Service.MayLink(v.ctx(), id, v.Client)
	if err == nil {
		address, err = v.authURL(p, id)
	}
	if err = v.Attempted(login.OpLinkIdentity, err); err != nil {
		return err
	}
	v.write(leavePage(v.page(v.linkTo(p.Title)), address, v.goTo(p.Title)))
	return nil
}

func (v *request) unlink(id login.Identity) error {
	err := v.Service.UnlinkIdentity(v.ctx(), id, v.form(fieldIdentity), v.Client)
	// An identity that is gone already needs no removal.
	if err = v.Attempted(login.OpUnlinkIdentity, err); err != nil && !has(err, login.CodeNotFound) {
		return err
	}
	return v.stay(noticeUnlinked)
}
