package pages

import (
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"time"

	"hasura-login/app/login"
)

// The cookies. No script can read them; none is sent with a form of another site.
const (
	cookieSession = "login-session" // the refresh token
	cookieAccess  = "login-access"  // the access token, so that not every page spends a refresh token
	cookieDevice  = "login-device"  // the device token; stays when the session ends
	cookieNotice  = "login-notice"  // the notice on the next page
	cookieReturn  = "login-return"  // where the visitor goes on after the link of a mail
)

const (
	deviceLife = 90 * 24 * time.Hour
	noticeLife = time.Minute
	returnLife = login.ResetTokenLife
	// accessMargin ends the use of an access token before it expires.
	accessMargin = 30 * time.Second
)

// jar reads and writes cookies.
type jar struct{ secure bool }

// name binds a cookie to this host if the site uses TLS: then no sibling domain can
// replace it.
func (j jar) name(name string) string {
	if j.secure {
		return "__Host-" + name
	}
	return name
}

// appSession is the cookie in which apps of this host keep their session.
func (j jar) appSession() string {
	if j.secure {
		return "session"
	}
	return "dev-session"
}

func (j jar) get(r *http.Request, name string) string {
	c, err := r.Cookie(j.name(name))
	if err != nil {
		return ""
	}
	return strings.Clone(c.Value) // the web server reuses its buffers
}

// set keeps a value for a time; a time of 0 deletes the cookie. It is Lax, so that a
// user who follows a link from a mail or from the app is recognised; a GET changes
// nothing.
func (j jar) set(w http.ResponseWriter, name, value string, life time.Duration) {
	j.setFor(w, name, value, life, false)
}

// setFor also sets a cookie that comes with forms of other sites, where TLS allows it.
func (j jar) setFor(w http.ResponseWriter, name, value string, life time.Duration, foreignForms bool) {
	sameSite := http.SameSiteLaxMode
	if foreignForms && j.secure {
		sameSite = http.SameSiteNoneMode
	}
	age := int(life / time.Second)
	if age <= 0 {
		age = -1
	}
	http.SetCookie(w, &http.Cookie{ // #nosec G124 -- Secure follows the public URL: plain HTTP is for development
		Name: j.name(name), Value: value, Path: "/", MaxAge: age,
		HttpOnly: true, Secure: j.secure, SameSite: sameSite,
	})
}

// keep makes a grant the browser's session.
func (v *request) keep(g login.Grant) {
	now := v.now()
	v.cookies.set(v.w, cookieSession, g.RefreshToken, g.RefreshTokenExpiresAt.Sub(now))
	v.cookies.set(v.w, cookieAccess, g.Token, g.TokenExpiresAt.Sub(now)-accessMargin)
	if g.DeviceToken != "" {
		v.cookies.set(v.w, cookieDevice, g.DeviceToken, deviceLife)
	}
}

func (v *request) forget() {
	v.cookies.set(v.w, cookieSession, "", 0)
	v.cookies.set(v.w, cookieAccess, "", 0)
}

// errSignedOut: no one is signed in.
var errSignedOut = errors.New("signed out")

// identify finds out who is signed in, with a new access token if needed. Tabs that do
// so at the same time all get the same successor of their refresh token.
func (v *request) identify() (login.Identity, error) {
	if access := v.cookies.get(v.r, cookieAccess); access != "" {
		if id, err := v.Identify(access); err == nil {
			return id, nil
		}
	}
	refresh := v.cookies.get(v.r, cookieSession)
	if refresh == "" {
		return v.identifyByApp()
	}
	g, err := v.Service.Refresh(v.ctx(), login.RefreshInput{RefreshToken: refresh, Client: v.Client})
	if err = v.Attempted(login.OpRefresh, err); err != nil {
		if has(err, login.CodeInvalidRefreshToken) {
			v.forget()
			return login.Identity{}, errSignedOut
		}
		return login.Identity{}, err
	}
	v.keep(g)
	return v.Identify(g.Token)
}

// identifyByApp finds out who is signed in in an app of this host, one that keeps its
// session in a cookie: nobody should sign in again to look after the account.
func (v *request) identifyByApp() (login.Identity, error) {
	kept := v.cookies.get(v.r, v.cookies.appSession())
	if kept == "" {
		return login.Identity{}, errSignedOut
	}
	id, err := v.Service.CookieIdentity(v.ctx(), kept)
	if err = v.Attempted(login.OpGateway, err); has(err, login.CodeUnauthenticated) {
		return login.Identity{}, errSignedOut
	}
	return id, err
}

// signedOut sends a visitor whose session has ended to sign in; other errors pass.
func (v *request) signedOut(err error) error {
	switch {
	case errors.Is(err, errSignedOut):
	case has(err, login.CodeUnauthenticated):
		v.forget()
		v.flash(noticeSessionOver)
	default:
		return err
	}
	next := v.returnState
	next.account = next.challenge == ""
	return v.redirect(next.link(pathSignIn))
}

func has(err error, code login.Code) bool { return login.AsError(err).Code == code }

// enter opens a session for a visitor who has just signed in. The visitor continues to
// the app that asked for the sign-in, or to a page.
func (v *request) enter(g login.Grant) error {
	v.endSession()
	v.keep(g)
	path, stays := v.returnState.stays()
	if g.RolesWithheld { // an app would find its user without them
		v.flash(noticeFactorWanted)
		path, stays = v.returnState.link(pathAccount), true
	}
	if stays {
		return v.redirect(path)
	}
	id, err := v.Identify(g.Token)
	if err != nil {
		return err
	}
	return v.handOver(id)
}

// endSession ends the browser's session.
func (v *request) endSession() {
	if kept := v.cookies.get(v.r, v.cookies.appSession()); kept != "" {
		_ = v.Attempted(login.OpSignOut, v.Service.SignOutCookie(v.ctx(), kept, v.Client))
		v.cookies.set(v.w, v.cookies.appSession(), "", 0)
	}
	refresh := v.cookies.get(v.r, cookieSession)
	if refresh == "" {
		return
	}
	// If this fails, the session expires by itself; the browser forgets its token.
	_ = v.Attempted(login.OpSignOut, v.Service.SignOut(v.ctx(), login.RefreshInput{RefreshToken: refresh, Client: v.Client}))
}

// flash leaves a notice for the next page.
func (v *request) flash(n notice) { v.flashAbout(n, "") }

// flashAbout leaves a notice that names an address or an organisation.
func (v *request) flashAbout(n notice, what string) {
	v.cookies.set(v.w, cookieNotice, string(n)+"."+base64.RawURLEncoding.EncodeToString([]byte(what)), noticeLife)
}

// flashed takes the notice that the previous page left, and its text. The notice is one
// of a closed list, and no URL says which, so none makes a page show any other text.
func (v *request) flashed() (n notice, text string) {
	kept := v.cookies.get(v.r, cookieNotice)
	if kept == "" {
		return "", ""
	}
	v.cookies.set(v.w, cookieNotice, "", 0)
	name, about, _ := strings.Cut(kept, ".")
	what, _ := base64.RawURLEncoding.DecodeString(about)
	return notice(name), strings.NewReplacer("{email}", string(what), "{organization}", string(what)).Replace(v.Notices[notice(name)])
}
