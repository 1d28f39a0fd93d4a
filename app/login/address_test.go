package login_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"hasura-login/app/login"
)

// The public reports: one mailbox had an account for each way to write its domain
// (flora-pm/flora-server#561) or its letters' case (supabase/auth#1414), and mail to
// a domain outside ASCII was refused on the way (bitwarden/server#1512).
func TestNormalizeEmail_OneFormForEachMailbox(t *testing.T) {
	for want, written := range map[string][]string{
		"a+b@example.org":                        {"a+b@example.org", " A+B@Example.ORG ", "a+b@EXAMPLE。org", "\u00a0a+b@ｅｘａｍｐｌｅ.org"},
		"idn@xn--bcher-kva.example":              {"idn@bücher.example", "IDN@BÜCHER.example", "idn@bu\u0308cher.example", "idn@xn--bcher-kva.example", "idn@XN--Bcher-KVA.example"},
		"a@xn--strae-oqa.example":                {"a@straße.example", "a@STRAẞE.example"},
		"ünï@example.org":                        {"ünï@example.org", "u\u0308ni\u0308@example.org", "ÜNÏ@example.org"},
		"用户@xn--fsqu00a.xn--55qx5d":              {"用户@例子.公司"},
		"a@xn--ll-0ea.example":                   {"a@l·l.example"},
		"a@xn--mgbh0fb.xn--wgbh1c":               {"a@مثال.مصر"},
		"o'neil@sub.example.org":                 {"o'neil@sub.example.org"},
		"!#$%&'*+-/=?^_`{|}~@b.c":                {"!#$%&'*+-/=?^_`{|}~@b.c"},
		"a@b--c.example":                         {"a@b--c.example"},
		strings.Repeat("a", 64) + "@example.org": {strings.Repeat("A", 64) + "@example.org"},
	} {
		for _, raw := range written {
			if got, err := login.NormalizeEmail(raw); err != nil || got != want {
				t.Errorf("NormalizeEmail(%+q) = %q, %v; want %q", raw, got, err, want)
			}
		}
	}
}

func TestNormalizeEmail_IsStable(t *testing.T) {
	for r := rune(1); r <= unicode.MaxRune; r++ {
		if !unicode.IsGraphic(r) {
			continue // refused
		}
		for _, raw := range []string{"a" + string(r) + "b@example.org", "a@x" + string(r) + "y.example"} {
			once, err := login.NormalizeEmail(raw)
			if err != nil {
				continue
			}
			if again, err := login.NormalizeEmail(once); err != nil || again != once || !norm.NFC.IsNormalString(once) {
				t.Errorf("%U: %q becomes %q, then %q, %v", r, raw, once, again, err)
			}
		}
	}
}

// The public reports: addresses were taken that no mail reaches, of the kinds
// "two dots" and "hyphen at an end" of a domain.
func TestNormalizeEmail_RefusesAndSaysWhatIsWrong(t *testing.T) {
	long := func(n int) string {
		return strings.Repeat("a", 64) + "@" + strings.Repeat("b.", (n-65-3)/2) + strings.Repeat("c", (n-65-3)%2+1) + ".d"
	}
	for says, written := range map[string][]string{
		"must not be empty":     {"", " ", "\t"},
		"space or a line break": {"a b@example.org", "a\n@example.org", "a\u00a0b@example.org", "a@exam\u2003ple.org", "a\u2028@example.org"},
		"UTF-8":                 {"\xff@example.org"},
		"needs one @":           {"a", "a@b@example.org", "a@@example.org", "a＠example.org"},
		"before the @":          {"@example.org", `"quoted"@example.org`, "x<ann@example.org", "(x)ann@example.org", `a\b@example.org`, "a,b@example.org"},
		"a dot before the @":    {"a..b@example.org", ".a@example.org", "a.@example.org", "ü..b@example.org"},
		"longer than 64 bytes":  {strings.Repeat("a", 65) + "@example.org", strings.Repeat("ü", 33) + "@example.org"},
		"after the @":           {"a@", "a@[", "a@a_b.example", "a@b!.example", "a@☕.example", "a@xn--53h.example", "a@xn--.example", "a@xn--a.example", "a@xn--bcher-kv.example", "a@b\u0301.\u0301b.example", "a@א1b.example", "a@\u1100.example", "a@xn--x-.example", "a@b\u20ddc.example", "a@a・b.example", "a@bü--x.example.", "a@ab--ü.example"},
		"a dot after the @":     {"u@example..org", "a@.org", "a@.", "a@example.", "a@example.org.", "a@example。。org", "a@example.org。", "a@..", "a@ü..example"},
		"hyphen":                {"u@-example.org", "u@example-.org", "u@a.-b.c", "u@－example.org", "u@-ü.example", "u@ü-.example"},
		"needs a dot":           {"a@example", "a@ü"},
		"IP address":            {"a@192.0.2.1", "a@[192.0.2.1]", "a@[IPv6:2001:db8::1]", "a@example.1", "a@0x7f.1", "a@127.0x1", "a@example.0x", "a@１９２.0.2.1"},
		"domain name is longer": {"a@" + strings.Repeat("b", 64) + ".example", "a@" + strings.Repeat("ü", 60) + ".example"},
		"longer than 254 bytes": {long(255), long(300), "a@" + strings.Repeat("ü.", 4000) + "example"},
		"must not hold U+200B":  {"a\u200b@example.org", "\u200ba@example.org", "a@example\u200b.org", "a@example.org\u200b"},
		"must not hold U+00AD":  {"a@exam\u00adple.org"},
		"must not hold U+202E":  {"a\u202e@example.org"},
		"must not hold U+200D":  {"a@\u0915\u094d\u200d\u0937.example", "a@xn--11b6iy14e.example"},
	} {
		for _, raw := range written {
			got, err := login.NormalizeEmail(raw)
			if err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("NormalizeEmail(%+q) = %q, %v; want it refused with %q", raw, got, err, says)
				continue
			}
			wantCode(t, err, login.CodeInvalidInput)
		}
	}
	if got, err := login.NormalizeEmail(long(254)); err != nil || got != long(254) {
		t.Errorf("NormalizeEmail of 254 bytes: %v", err)
	}
}

// Public reports (validatorjs/validator.js#940 and #2036): an address pasted with a
// zero-width space made another account that its owner could not sign in to. Such a
// character is refused wherever it stands.
func TestHiddenCharacters_AreInNoAddressNameOrLabel(t *testing.T) {
	w := newWorld(t)
	refused := 0
	for _, r := range []rune{
		0, '\t', 0x7f, 0x85, 0xad, 0x34f, 0x600, 0x61c, 0x115f, 0x1160, 0x17b4, 0x180b, 0x180e, 0x200b, 0x200c, 0x200d, 0x200e, 0x200f,
		0x202a, 0x202e, 0x2028, 0x2029, 0x2060, 0x2061, 0x2064, 0x2066, 0x2069, 0x206a, 0x206f, 0x2800, 0x3164, 0xe000, 0xf8ff, 0xfe00, 0xfe0f,
		0xfeff, 0xffa0, 0xfff9, 0xfffc, 0xfffd, 0xffff, 0x378, 0x13441, 0x16fe4, 0x1bca0, 0x1d159, 0x1d173, 0x1fffe, 0x50000,
		0xe0001, 0xe0020, 0xe007f, 0xe0100, 0xe01ef, 0xe0fff, 0xf0000, 0x10ffff,
	} {
		for _, address := range []string{"a" + string(r) + "b@example.org", "a@b" + string(r) + "c.example", string(r) + "a@example.org"} {
			if r == '\t' && strings.HasPrefix(address, "\t") {
				continue // a blank before the address is not part of it
			}
			if got, err := login.NormalizeEmail(address); err == nil && r != 0x85 && r != 0x2028 && r != 0x2029 {
				t.Errorf("%U in an address becomes %q", r, got)
			}
		}
		_, err := w.SignUp(t.Context(), login.SignUpInput{Email: "ann@example.org", Name: "An" + string(r) + "n", Password: goodPassword, Client: home})
		wantCode(t, err, login.CodeInvalidInput)
		if !strings.Contains(err.Error(), fmt.Sprintf("name: must not hold %U", r)) {
			t.Errorf("%U in a name: %v", r, err)
		}
		refused++
	}
	browser := home
	browser.Name = "Fire\u202efox\u200b \U000e0041on \u2800Linux"
	g, err := w.SignUp(t.Context(), login.SignUpInput{Email: "ann@example.org", Name: " Zoe\u0308 ", Password: goodPassword, Client: browser})
	if err != nil {
		t.Fatal(err)
	}
	me, err := w.Me(t.Context(), identity(g))
	if err != nil || me.User.Name != "Zoë" {
		t.Errorf("name %+q, %v", me.User.Name, err)
	}
	sessions, err := w.Sessions(t.Context(), identity(g))
	if err != nil || len(sessions) != 1 || sessions[0].ClientName != "Firefox on Linux" {
		t.Errorf("sessions %+v, %v", sessions, err)
	}
}

// Every way in takes an address in any of its forms for the same account.
func TestAddress_EveryFormIsTheSameAccount(t *testing.T) {
	w := newWorld(t)
	written, stored := "Idn@Bücher.example", "idn@xn--bcher-kva.example"
	g := w.signUp(t, written)
	me, err := w.Me(t.Context(), identity(g))
	if err != nil || me.User.Email != stored {
		t.Fatalf("stored as %q, %v", me.User.Email, err)
	}
	for _, form := range []string{written, stored, "idn@bu\u0308cher.example"} {
		_, err := w.SignUp(t.Context(), login.SignUpInput{Email: form, Name: "Ann", Password: goodPassword, Client: home})
		wantCode(t, err, login.CodeEmailTaken)
		if _, err := w.signIn(form, goodPassword); err != nil {
			t.Errorf("signing in as %s: %v", form, err)
		}
		err = w.RequestEmailChange(t.Context(), identity(g), login.RequestEmailChangeInput{NewEmail: form, Password: goodPassword, Client: home})
		wantCode(t, err, login.CodeInvalidInput)
		if err := w.RequestPasswordReset(t.Context(), login.RequestPasswordResetInput{Email: form, Client: home}); err != nil {
			t.Error(err)
		}
	}
	resets := 0
	for _, m := range w.sendAll(t) {
		if m.Kind == login.MailResetPassword && m.Recipient == stored {
			resets++
		}
	}
	if resets != 3 {
		t.Errorf("%d mails to %s, want 3", resets, stored)
	}
	for _, a := range w.limiter.attempts {
		if a.Account != "" && a.Account != stored {
			t.Errorf("%s was counted for %q", a.Operation, a.Account)
		}
	}
}
