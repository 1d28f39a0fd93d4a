package password_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/crypto/bcrypt"

	"hasura-login/app/login"
	"hasura-login/app/password"
)

var annaLang = []string{"anna.lang85@example.org", "Anna-Maria Lang Zo\u00ebzo\u00eb"}

func TestPolicy_AcceptsWhatIsLongEnoughAndNotGuessable(t *testing.T) {
	cases := map[string]string{
		"eight characters":               "x9$kQ2!z",
		"lower case alone":               "gzkqvwmx",
		"a phrase with spaces":           "correct horse battery staple",
		"leading and trailing space":     "  gzk qv  ",
		"eight characters of Cyrillic":   "жъщзфыцё",
		"eight characters of Devanagari": "घोड़ा बैट",
		"72 bytes":                       strings.Repeat("gzkqvwmx", 9),
		"18 emoji are 72 bytes":          strings.Repeat("🐎", 18),
		"a long phrase with the name":    "anna eats 14 green apples",
		"72 bytes once composed":         strings.Repeat("u\u0308", 36),
		"a word of fewer than four":      "85gzkqvwm",
		"a word within a good password":  "plangent-gzkqvwmx",
	}
	policy := password.NewPolicy(0)
	for name, plain := range cases {
		t.Run(name, func(t *testing.T) {
			if err := policy.Check(plain, annaLang...); err != nil {
				t.Errorf("%q: %v", plain, err)
			}
		})
	}
}

func TestPolicy_RefusesAndSaysWhy(t *testing.T) {
	cases := []struct{ name, plain, says string }{
		{"empty", "", "at least 8 characters"},
		{"seven characters", "x9$kQ2!", "at least 8 characters; it has 7"},
		{"seven characters of 28 bytes", strings.Repeat("🐎", 7), "at least 8 characters; it has 7"},
		{"73 bytes", strings.Repeat("gzkqvwmx", 9) + "y", "72 bytes"},
		{"25 emoji", strings.Repeat("🐎", 25), "an emoji 4 or more); it has 100"},
		{"seven characters, decomposed", strings.Repeat("e\u0301", 7), "at least 8 characters; it has 7"},
		{"NUL", "gzkqvwmx\x00gzk", "NUL"},
		{"not UTF-8", "gzkqvwmx\xff", "UTF-8"},
		{"common", "password", "most common"},
		{"common in capitals", "PassWord1", "most common"},
		{"common, a number", "1234567890", "most common"},
		{"the first of the list", firstCommon(), "most common"},
		{"the last of the list", lastCommon(), "most common"},
		{"the e-mail address", "anna.lang85@example.org", "built on"},
		{"before the @", "anna.lang85", "built on"},
		{"before the @, without the dot", "ANNALANG85", "built on"},
		{"name and a year", "Anna2026!", "built on"},
		{"both names", "langanna", "built on"},
		{"both names and little more", "Anna+Maria+Lang=1", "built on"},
		{"name and a common password", "Anna12345678", "built on"},
		{"domain", "example123", "built on"},
		{"the product", "hasura2026", "built on"},
		{"the name, decomposed", "Zoe\u0308zoe\u0308zoë1", "built on"},
		{"the product twice", "Hasura-Hasura", "built on"},
	}
	policy := password.NewPolicy(0)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			err := policy.Check(c.plain, annaLang...)
			var refusal *login.Error
			if !errors.As(err, &refusal) || refusal.Code != login.CodeInvalidInput {
				t.Fatalf("%q: got %v, want invalid-input", c.plain, err)
			}
			if refusal.Field != "password" || !strings.Contains(refusal.Message, c.says) {
				t.Errorf("message %q does not name the field and %q", refusal.Message, c.says)
			}
			if c.plain != "" && c.plain != "password" && strings.Contains(refusal.Message, c.plain) {
				t.Errorf("message %q repeats the password", refusal.Message)
			}
		})
	}
}

func TestPolicy_MinimumIsASetting(t *testing.T) {
	policy := password.NewPolicy(15)
	if err := policy.Check("gzkqvwmxgzkqvw"); err == nil {
		t.Error("14 characters accepted")
	}
	if err := policy.Check("gzkqvwmxgzkqvwm"); err != nil {
		t.Error(err)
	}
	if err := policy.Check("hasura gzkqvwmx"); err == nil {
		t.Error("the product name and 9 characters accepted")
	}
}

func TestPolicy_RefusesEveryCommonPassword(t *testing.T) {
	policy := password.NewPolicy(0)
	for plain := range strings.Lines(password.CommonPasswords) {
		if err := policy.Check(strings.TrimSuffix(plain, "\n")); err == nil {
			t.Errorf("accepted %q", plain)
		}
	}
}

// The search relies on the order, and entries that another rule refuses anyway
// would only look like a longer list.
func TestCommonPasswords_AreSortedAndUseful(t *testing.T) {
	lines := commonLines()
	if len(lines) < 3000 {
		t.Errorf("%d entries, want at least 3000", len(lines))
	}
	if !slices.IsSorted(lines) {
		t.Error("not sorted by byte")
	}
	if unique := len(slices.Compact(slices.Clone(lines))); unique != len(lines) {
		t.Errorf("%d entries are double", len(lines)-unique)
	}
	for _, line := range lines {
		if line != strings.ToLower(line) || utf8.RuneCountInString(line) < password.DefaultMinLength {
			t.Errorf("%q can never match", line)
		}
	}
	if !strings.HasSuffix(password.CommonPasswords, "\n") {
		t.Error("the last line does not end")
	}
}

func commonLines() []string {
	return strings.Split(strings.TrimSuffix(password.CommonPasswords, "\n"), "\n")
}

func firstCommon() string { return commonLines()[0] }
func lastCommon() string  { return commonLines()[len(commonLines())-1] }

func FuzzPolicy_WhatItAcceptsCanBeHashedWhole(f *testing.F) {
	f.Add("gzkqvwmx", "anna@example.org", "Anna")
	f.Add(strings.Repeat("🐎", 25), "", "")
	f.Add("İİİİİİİİ\x00", "İ", "ß@ẞ")
	policy := password.NewPolicy(0)
	f.Fuzz(func(t *testing.T, plain, email, name string) {
		err := policy.Check(plain, email, name)
		var refusal *login.Error
		switch {
		case err != nil && (!errors.As(err, &refusal) || refusal.Code != login.CodeInvalidInput):
			t.Errorf("%q: %v", plain, err)
		case err != nil:
		case strings.Contains(plain, "\x00"), utf8.RuneCountInString(plain) < password.DefaultMinLength:
			t.Errorf("accepted %q", plain)
		default:
			if _, err := bcrypt.GenerateFromPassword([]byte(plain), bcrypt.MinCost); err != nil {
				t.Errorf("accepted %q: %v", plain, err)
			}
		}
	})
}
