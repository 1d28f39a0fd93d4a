package pages

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"hasura-login/app/language"
)

const (
	// paramLanguages lists the languages that a person prefers, best first; the name and
	// the form are those of OpenID Connect.
	paramLanguages = "ui_locales"
	// cookieLanguage keeps the language that a person chose.
	cookieLanguage = "login-language"
	languageLife   = 365 * 24 * time.Hour
)

// chosenLanguage returns the languages that the address asks for, or the one that was
// chosen earlier in this browser.
func (s *Site) chosenLanguage(w http.ResponseWriter, r *http.Request) string {
	asked := language.Preferred(strings.ReplaceAll(r.URL.Query().Get(paramLanguages), " ", ","))
	if tag, found := language.Lookup(asked, s.Catalogue.Has); found {
		s.cookies.set(w, cookieLanguage, tag, languageLife)
		return asked
	}
	return language.Preferred(s.cookies.get(r, cookieLanguage))
}

// languageLink leads to the same page in another language.
type languageLink struct{ URL, Tag, Text string }

// languageLinks are for pages that can be opened again as they are: the answer to a form
// could not.
func (v *request) languageLinks() []languageLink {
	if v.r.Method == http.MethodPost || !slices.Contains(Paths(), v.r.URL.Path) {
		return nil
	}
	var links []languageLink
	query := v.r.URL.Query()
	for _, l := range v.Catalogue.Languages() {
		query.Set(paramLanguages, l.Tag)
		links = append(links, languageLink{v.r.URL.Path + "?" + query.Encode(), l.Tag, l.OwnName()})
	}
	return links
}
