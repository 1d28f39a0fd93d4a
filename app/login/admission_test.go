package login_test

import (
	"testing"

	"hasura-login/app/login"
	"hasura-login/app/logintest"
)

func signUps(mode login.SignUpMode) logintest.Option {
	return func(_ *login.Deps, r *login.Rules) { r.SignUp = mode }
}

func domains(allowed, blocked []string) logintest.Option {
	return func(_ *login.Deps, r *login.Rules) {
		r.EmailDomains = login.EmailDomains{Allowed: allowed, Blocked: blocked}
	}
}

// Everything that makes an account or gives one a new address asks the same rule. The
// reports behind it are of services that asked it only at one of the doors.
var admissions = map[string]struct {
	option logintest.Option
	email  string
	want   login.Code // empty: it may have an account
}{
	"open":                          {signUps(login.SignUpOpen), "ann@example.org", ""},
	"invited":                       {signUps(login.SignUpInvited), "ann@example.org", login.CodeInvitationRequired},
	"closed":                        {signUps(login.SignUpClosed), "ann@example.org", login.CodeSignupDisabled},
	"a mode that nobody has set":    {signUps(""), "ann@example.org", login.CodeSignupDisabled},
	"an allowed domain":             {domains([]string{"example.org"}, nil), "ann@example.org", ""},
	"another":                       {domains([]string{"example.org"}, nil), "ann@example.com", login.CodeEmailNotAllowed},
	"one of several":                {domains([]string{"example.org", "example.com"}, nil), "ann@example.com", ""},
	"in capitals":                   {domains([]string{"example.org"}, nil), "Ann@EXAMPLE.org", ""},
	"a subdomain of an allowed one": {domains([]string{"example.org"}, nil), "ann@mail.eu.example.org", ""},
	"one that only ends the same":   {domains([]string{"example.org"}, nil), "ann@notexample.org", login.CodeEmailNotAllowed},
	"one that only begins the same": {domains([]string{"example.org"}, nil), "ann@example.org.evil.example", login.CodeEmailNotAllowed},
	"it stands before the @":        {domains([]string{"example.org"}, nil), "example.org@evil.example", login.CodeEmailNotAllowed},
	"a blocked domain":              {domains(nil, []string{"throwaway.example"}), "ann@throwaway.example", login.CodeEmailNotAllowed},
	"a subdomain of a blocked one":  {domains(nil, []string{"throwaway.example"}), "ann@mx7.throwaway.example", login.CodeEmailNotAllowed},
	"a whole top-level domain":      {domains(nil, []string{"example"}), "ann@any.example", login.CodeEmailNotAllowed},
	"not blocked":                   {domains(nil, []string{"throwaway.example"}), "ann@example.org", ""},
	"blocked below an allowed one":  {domains([]string{"example.org"}, []string{"students.example.org"}), "ann@students.example.org", login.CodeEmailNotAllowed},
	"next to the blocked one":       {domains([]string{"example.org"}, []string{"students.example.org"}), "ann@staff.example.org", ""},
	"allowed below a blocked one":   {domains([]string{"ok.example.org"}, []string{"example.org"}), "ann@ok.example.org", login.CodeEmailNotAllowed},
	"U-labels, allowed":             {domains([]string{"xn--bcher-kva.example"}, nil), "ann@BÜCHER.example", ""},
	"A-labels, allowed":             {domains([]string{"xn--bcher-kva.example"}, nil), "ann@xn--bcher-kva.example", ""},
	"U-labels, blocked":             {domains(nil, []string{"xn--bcher-kva.example"}), "ann@bu\u0308cher.example", login.CodeEmailNotAllowed},
	"another dot, blocked":          {domains(nil, []string{"throwaway.example"}), "ann@throwaway。example", login.CodeEmailNotAllowed},
	"full width, blocked":           {domains(nil, []string{"throwaway.example"}), "ann@ｔｈｒｏｗａｗａｙ.example", login.CodeEmailNotAllowed},
}

func wantAdmission(t *testing.T, err error, want login.Code) {
	t.Helper()
	if want != "" {
		wantCode(t, err, want)
	} else if err != nil {
		t.Fatal(err)
	}
}

func TestAdmission_BySignUp(t *testing.T) {
	for name, c := range admissions {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, c.option, costsNoHash(t))
			if c.want == "" {
				w = newWorld(t, c.option)
			}
			_, err := w.SignUp(t.Context(), login.SignUpInput{Email: c.email, Name: "Ann", Password: goodPassword, Client: home})
			wantAdmission(t, err, c.want)
		})
	}
}

func TestAdmission_ByProvider(t *testing.T) {
	for name, c := range admissions {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, c.option)
			_, err := w.atProvider(t, atCorp("1", c.email))
			wantAdmission(t, err, c.want)
		})
	}
}

func TestAdmission_ByMailedCode(t *testing.T) {
	for name, c := range admissions {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, byMail(login.MailSignInSignUp), c.option)
			// The answer is the same for everybody: it must not tell who has an account.
			r := w.request(t, c.email)
			if sent := len(r.mails) > 0; sent != (c.want == "") {
				t.Fatalf("mails %+v", r.mails)
			}
			// A restart may change the rules between a code and its use.
			before := newWorld(t, byMail(login.MailSignInSignUp))
			r = before.request(t, c.email)
			code := r.code(t)
			r.w = newWorldOn(t, before.store, byMail(login.MailSignInSignUp), c.option)
			_, err := r.enter(code)
			wantAdmission(t, err, c.want)
		})
	}
}

// The modes are for new accounts; the domains are for new addresses, too.
func TestAdmission_ByChangeOfAddress(t *testing.T) {
	for name, c := range admissions {
		want := c.want
		if want != login.CodeEmailNotAllowed {
			want = ""
		}
		t.Run(name, func(t *testing.T) {
			before := newWorld(t)
			g := before.signUp(t, "first@first.example.net")
			now := newWorldOn(t, before.store, c.option)
			in := login.RequestEmailChangeInput{NewEmail: c.email, Password: goodPassword, Client: home}
			wantAdmission(t, now.RequestEmailChange(t.Context(), identity(g), in), want)

			wantAdmission(t, before.RequestEmailChange(t.Context(), identity(g), in), "")
			_, token := before.mailed(t)
			wantAdmission(t, now.VerifyEmail(t.Context(), login.VerifyEmailInput{Token: token, Identity: identity(g), Client: home}), want)
		})
	}
}

// Settings change after people have signed up. The rules are for new accounts only.
func TestAdmission_AnAccountThatExistsSignsIn(t *testing.T) {
	for name, option := range map[string]logintest.Option{
		"closed": signUps(login.SignUpClosed), "invited": signUps(login.SignUpInvited), "blocked": domains(nil, []string{"example.org"}),
	} {
		t.Run(name, func(t *testing.T) {
			before := newWorld(t)
			g := before.signUp(t, "ann@example.org")
			_, err := before.atProvider(t, atCorp("1", "bob@example.org"))
			wantAdmission(t, err, "")
			now := newWorldOn(t, before.store, option, byMail(login.MailSignInSignUp))
			_, err = now.signIn("ann@example.org", goodPassword)
			wantAdmission(t, err, "")
			_, err = now.refresh(g.RefreshToken)
			wantAdmission(t, err, "")
			_, err = now.atProvider(t, atCorp("1", "bob@example.org"))
			wantAdmission(t, err, "")
			now.sendAll(t) // notices
			r := now.request(t, "ann@example.org")
			_, err = r.enter(r.code(t))
			wantAdmission(t, err, "")
		})
	}
}
