package pages

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"hasura-login/app/login"
)

// App is an application whose users sign in here.
type App struct {
	Name       string
	ReturnURLs []string // its pages for users who have signed in; the first is the usual one
}

// returnTo finds the address that an app asks to be called back at. It is compared
// in the very words: nothing that only looks alike is followed (RFC 9700, 4.1.3).
func (s *Site) returnTo(app, address string) (string, error) {
	if app == "" && address == "" {
		return s.usual(), nil
	}
	for _, a := range s.Apps {
		switch {
		case app != "" && a.Name != app:
		case address == "":
			return a.ReturnURLs[0], nil
		case slices.Contains(a.ReturnURLs, address):
			return address, nil
		}
	}
	if address == "" {
		return "", login.Invalid(paramApp, "no app of this name is set up here")
	}
	return "", login.Invalid(paramReturn, "this address is not one of the app's")
}

// usual is the return URL for an app that names none; empty: there is none.
func (s *Site) usual() string {
	if len(s.Apps) == 0 {
		return ""
	}
	return s.Apps[0].ReturnURLs[0]
}

// origins are those that a form may lead to.
func (s Settings) origins() ([]string, error) {
	var origins []string
	for _, a := range s.Apps {
		for _, address := range a.ReturnURLs {
			u, err := url.Parse(address)
			if err != nil {
				return nil, fmt.Errorf("the app %s: %w", a.Name, err)
			}
			if origin := u.Scheme + "://" + u.Host; !slices.Contains(origins, origin) {
				origins = append(origins, origin)
			}
		}
	}
	return origins, nil
}

// hostOf names an app's page for people.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}

// handOver sends the visitor, whose session stays here, back to the app with a code
// that only the app can redeem.
func (v *request) handOver(id login.Identity) error {
	code, err := v.Service.HandOver(v.ctx(), id, v.returnState.challenge)
	if err != nil {
		return err
	}
	given := url.Values{paramCode: {code}}
	if v.returnState.state != "" {
		given.Set(paramState, v.returnState.state)
	}
	mark := "?"
	if strings.Contains(v.returnState.returnURL, "?") {
		mark = "&"
	}
	return v.redirect(v.returnState.returnURL + mark + given.Encode())
}
