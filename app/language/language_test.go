package language_test

import (
	"slices"
	"strings"
	"testing"

	"hasura-login/app/language"
)

// Reports of pages in the wrong language come from readers that take the first entry
// and neither weights nor regions into account (keycloak, authelia, ory/kratos).
func TestPreferred_IsByWeightThenByOrder(t *testing.T) {
	for header, want := range map[string]string{
		"":                                     "",
		"de":                                   "de",
		"de-CH,de;q=0.9":                       "de-CH",
		"de-CH,de;q=0.9,en;q=0.8":              "de-CH,en",
		"en;q=0.5, de":                         "de,en",
		"en;q=0.5,fr;q=0.8,de;q=0.8":           "fr,de,en",
		"da, en-gb;q=0.8, en;q=0.7":            "da,en-gb",
		"en;q=0, de;q=0.1":                     "de",
		"en;q=0.000,de;q=0.001":                "de",
		"*":                                    "",
		"*, de;q=0.5":                          "de",
		"fr;Q=0.1 , DE-ch ; q = 0.9":           "DE-ch,fr",
		"fr;q=2, de;q=0.1":                     "de",
		"fr;q=-1,de":                           "de",
		"fr;q=NaN,de;q=0.2":                    "de",
		"fr;q=0.1234,de;q=0.1":                 "de",
		"fr;level=1,de":                        "de",
		"zh-Hant-TW;q=1.0":                     "zh-Hant-TW",
		"sl-rozaj-biska-1994":                  "sl-rozaj-biska",
		"../de,de_DE,d,de-,-de,x\x00,\xff,en":  "en",
		",,;q=1,;;,=,":                         "",
		"de,de,DE,de-DE":                       "de,de-DE",
		"aa,bb,cc,dd,ee,ff,gg,hh,ii,jj":        "aa,bb,cc,dd,ee,ff,gg,hh",
		strings.Repeat("x", 5000) + ",de":      "",
		"en-US,en;q=0.5\r\nX-Injected: yes,de": "en-US,de",
	} {
		if got := language.Preferred(header); got != want {
			t.Errorf("%.60q: %q, want %q", header, got, want)
		}
	}
}

func TestLookup_CutsShortUntilItIsThere(t *testing.T) {
	for _, c := range []struct {
		preferred string
		there     []string
		want      string
	}{
		{"de-CH", []string{"en", "de"}, "de"},
		{"de-CH", []string{"de", "de-ch"}, "de-ch"},
		{"fr,de", []string{"en", "de"}, "de"},
		{"fr,de", []string{"en", "de", "fr"}, "fr"},
		{"zh-Hant-TW", []string{"zh", "zh-hant"}, "zh-hant"},
		{"zh-Hant-TW", []string{"zh"}, "zh"},
		{"de-x-local", []string{"de", "de-x"}, "de"},
		{"den", []string{"de"}, ""},
		{"fr", []string{"en"}, ""},
		{"", []string{"en"}, ""},
	} {
		got, found := language.Lookup(c.preferred, func(tag string) bool { return slices.Contains(c.there, tag) })
		if got != c.want || found != (c.want != "") {
			t.Errorf("%q among %q: %q, %v, want %q", c.preferred, c.there, got, found, c.want)
		}
	}
}

func FuzzPreferred(f *testing.F) {
	f.Add("de-CH,de;q=0.9,*;q=0.1")
	f.Fuzz(func(t *testing.T, header string) {
		list := language.Preferred(header)
		if again := language.Preferred(list); again != list {
			t.Errorf("%q becomes %q and then %q", header, list, again)
		}
		if len(list) > 8*27 {
			t.Errorf("%q is %d bytes long", list, len(list))
		}
		language.Lookup(header, func(string) bool { return false })
	})
}
