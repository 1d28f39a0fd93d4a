package pages

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"hasura-login/app/login"
)

// App is an application whose users sign in at the pages.
type App struct {
	Name       string
	ReturnURLs []string // its pages for signed-in users; the first is the default
}

// returnTo finds the return URL that an app asks for. It must match a listed one
// exactly, because URLs that only look alike may belong to somebody else (RFC 9700,
// 4.1.3).
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

// usual returns the return URL for an app that names none; empty if there is none.
func (s *Site) usual() string {
	if len(s.Apps) == 0 {
		return ""
	}
	return s.Apps[0].ReturnURLs[0]
}

// origins returns the origins that a form may lead to.
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

// hostOf returns the host of an app's page, to show to people.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}

// handOver redirects the visitor to the app with a code that only the app can redeem.
// The visitor's session at the pages stays.
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
