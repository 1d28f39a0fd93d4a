package login_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"hasura-login/app/login"
	"hasura-login/app/logintest"
)

// breakage names the method that the stores of a service fail in.
type breakage struct{ method string }

func (b *breakage) in(d *login.Deps, _ *login.Rules) {
	d.Store, d.Credentials, d.Identities = brokenStore{d.Store, b}, brokenCredentials{d.Credentials, b}, brokenIdentities{d.Identities, b}
}

func (b *breakage) err(method string) error {
	if b.method == method {
		return login.ErrUnavailable
	}
	return nil
}

type brokenStore struct {
	login.Store
	*breakage
}

func (s brokenStore) CreateSession(ctx context.Context, n login.NewSession) error {
	if err := s.err("CreateSession"); err != nil {
		return err
	}
	return s.Store.CreateSession(ctx, n)
}

func (s brokenStore) UserAccountByID(ctx context.Context, id string) (login.UserAccount, error) {
	if err := s.err("UserAccountByID"); err != nil {
		return login.UserAccount{}, err
	}
	return s.Store.UserAccountByID(ctx, id)
}

type brokenCredentials struct {
	login.CredentialStore
	*breakage
}

func (s brokenCredentials) EndChallenge(ctx context.Context, hash login.TokenHash) error {
	if err := s.err("EndChallenge"); err != nil {
		return err
	}
	return s.CredentialStore.EndChallenge(ctx, hash)
}

func (s brokenCredentials) Elevate(ctx context.Context, id string, amr []string, now time.Time) error {
	if err := s.err("Elevate"); err != nil {
		return err
	}
	return s.CredentialStore.Elevate(ctx, id, amr, now)
}

type brokenIdentities struct {
	login.IdentityStore
	*breakage
}

func (s brokenIdentities) SpendFlow(ctx context.Context, flow login.TokenHash, expires time.Time) error {
	if err := s.err("SpendFlow"); err != nil {
		return err
	}
	return s.IdentityStore.SpendFlow(ctx, flow, expires)
}

// An act that a store has done is recorded, and its owner told, even if the database goes
// away before the rest of the use case.
func TestEvents_OfAnActWhoseRestFails(t *testing.T) {
	addTOTP := func(t *testing.T, w *world) func() error {
		g := w.verified(t, "ann@example.org")
		e, err := w.EnrolTOTP(t.Context(), identity(g), goodPassword, home)
		if err != nil {
			t.Fatal(err)
		}
		in := login.AddTOTPInput{Enrolment: e.Enrolment, Code: authenticator{w, e.Secret}.code(t), Client: home}
		return func() error { return w.AddTOTP(t.Context(), identity(g), in) }
	}
	recoveryCode := func(t *testing.T, w *world) (login.Grant, string) {
		g := w.verified(t, "ann@example.org")
		a := w.enrol(t, g)
		w.elevate(t, g, login.MethodTOTP, a.code(t))
		codes, err := w.NewRecoveryCodes(t.Context(), identity(g), goodPassword, home)
		if err != nil {
			t.Fatal(err)
		}
		return g, codes[0]
	}
	signIn := func(t *testing.T, w *world) func() error {
		_, code := recoveryCode(t, w)
		e := w.challenged(t, "ann@example.org")
		return func() error { _, err := w.answer(e.Challenge, login.MethodRecoveryCode, code); return err }
	}
	elevate := func(t *testing.T, w *world) func() error {
		g, code := recoveryCode(t, w)
		proof := login.Proof{Method: login.MethodRecoveryCode, Code: code}
		return func() error {
			_, err := w.Elevate(t.Context(), identity(g), login.ElevateInput{Proof: proof, Client: home})
			return err
		}
	}
	signUpAgain := func(t *testing.T, w *world) func() error {
		signUp := func() error {
			_, err := w.SignUp(t.Context(), login.SignUpInput{Email: "ann@example.org", Name: "Ann", Password: goodPassword, Client: home})
			return err
		}
		wantCode(t, signUp(), login.CodeEmailNotVerified)
		return signUp
	}
	for name, c := range map[string]struct {
		prepare func(*testing.T, *world) func() error
		breaks  string
		event   login.EventName
		notice  login.MailKind // empty: none
		options []logintest.Option
	}{
		"an app, with its enrolment":     {addTOTP, "EndChallenge", login.EventSecondFactorAdded, login.MailSecondFactorAdded, nil},
		"an app, with its elevation":     {addTOTP, "Elevate", login.EventSecondFactorAdded, login.MailSecondFactorAdded, nil},
		"a recovery code's challenge":    {signIn, "EndChallenge", login.EventRecoveryCodeUsed, login.MailRecoveryCodeUsed, nil},
		"a recovery code's session":      {signIn, "CreateSession", login.EventRecoveryCodeUsed, login.MailRecoveryCodeUsed, nil},
		"a recovery code's elevation":    {elevate, "Elevate", login.EventRecoveryCodeUsed, login.MailRecoveryCodeUsed, nil},
		"a sign-up that replaces others": {signUpAgain, "UserAccountByID", login.EventSignUpReplaced, "", []logintest.Option{requireVerified}},
	} {
		t.Run(name, func(t *testing.T) {
			b := &breakage{}
			w := newWorld(t, append(c.options, b.in)...)
			act := c.prepare(t, w)
			w.sendAll(t)
			b.method = c.breaks
			if err := act(); err == nil {
				t.Fatal("the rest did not fail")
			}
			if names := w.audit.Names(); !slices.Contains(names, c.event) {
				t.Errorf("audit: %v", names)
			}
			if told := w.told(t); c.notice != "" && !slices.Contains(told, c.notice) {
				t.Errorf("told: %v", told)
			}
		})
	}
}

// A person who proves an address that nobody had proved takes the account over. The trail
// says that the address is verified and what became of the credentials of before.
func TestEvents_OfAProvedAddress(t *testing.T) {
	reset := func(t *testing.T, w *world, token string) {
		_, err := w.reset(token, newPassword)
		if err != nil && login.AsError(err).Code != login.CodeSecondFactorRequired {
			t.Fatal(err)
		}
	}
	byReset := func(t *testing.T, w *world) {
		w.forgot(t, "ann@example.org")
		_, token := w.mailed(t)
		reset(t, w, token)
	}
	byOperator := func(t *testing.T, w *world) {
		token, _, err := w.operator().ResetToken(t.Context(), "ann@example.org")
		if err != nil {
			t.Fatal(err)
		}
		reset(t, w, token)
	}
	byMailed := func(t *testing.T, w *world) (login.Grant, error) {
		r := w.request(t, "ann@example.org")
		return r.enter(r.code(t))
	}
	byCode := func(t *testing.T, w *world) {
		if _, err := byMailed(t, w); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		verified bool // before
		prove    func(*testing.T, *world)
		want     []login.EventName
	}{
		"a reset":                              {false, byReset, []login.EventName{login.EventPasswordReset, login.EventEmailVerified, login.EventCredentialsRemoved, login.EventSignedIn}},
		"a reset of a verified account":        {true, byReset, []login.EventName{login.EventPasswordReset, login.EventSignedIn}},
		"an operator's link proves no address": {false, byOperator, []login.EventName{login.EventPasswordReset, login.EventCredentialsRemoved, login.EventSignedIn}},
		"a mailed code":                        {false, byCode, []login.EventName{login.EventEmailVerified, login.EventCredentialsRemoved, login.EventSignedIn}},
		"a mailed code of a verified account":  {true, byCode, []login.EventName{login.EventSignedIn}},
		"a mailed code and a second factor": {false, func(t *testing.T, w *world) {
			a := w.enrol(t, login.Grant{UserID: w.userID(t, "ann@example.org"), Token: w.audit.Events()[0].SessionID})
			w.sendAll(t)
			_, err := byMailed(t, w)
			wantCode(t, err, login.CodeSecondFactorRequired)
			if _, err := w.answer(login.AsError(err).Challenge, login.MethodTOTP, a.code(t)); err != nil {
				t.Fatal(err)
			}
		}, []login.EventName{login.EventSecondFactorAdded, login.EventEmailVerified, login.EventSignedIn}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, byMail(login.MailSignInKnown))
			g := w.signUp(t, "ann@example.org")
			if c.verified {
				w.markVerified(t, "ann@example.org")
			}
			before := len(w.audit.Events())
			c.prove(t, w)
			var got []login.EventName
			for _, e := range w.audit.Events()[before:] {
				if e.Name == login.EventPasswordResetRequested || e.Name == login.EventPasswordResetLink || e.Name == login.EventMailSignInRequested {
					continue
				}
				got = append(got, e.Name)
				if e.UserID != g.UserID || e.Name == login.EventSignedIn && (e.SessionID == "" || e.SessionID == g.Token) {
					t.Errorf("event %+v", e)
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("audit: %v, want %v", got, c.want)
			}
		})
	}
}

// A link proves the same whoever handed it over.
func TestReset_OfWhicheverLinkIsACodeBesideASecondFactor(t *testing.T) {
	for name, link := range map[string]func(*testing.T, *world) string{
		"mailed": func(t *testing.T, w *world) string {
			w.forgot(t, "ann@example.org")
			_, token := w.mailed(t)
			return token
		},
		"an operator's": func(t *testing.T, w *world) string {
			token, _, err := w.operator().ResetToken(t.Context(), "ann@example.org")
			if err != nil {
				t.Fatal(err)
			}
			return token
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			a := w.enrol(t, w.verified(t, "ann@example.org"))
			w.sendAll(t)
			_, err := w.reset(link(t, w), newPassword)
			wantCode(t, err, login.CodeSecondFactorRequired)
			g, err := w.answer(login.AsError(err).Challenge, login.MethodTOTP, a.code(t))
			if err != nil {
				t.Fatal(err)
			}
			if amr := w.sessionOf(t, g).AMR; !slices.Equal(amr, []string{"otp", "mfa"}) {
				t.Errorf("amr %q", amr)
			}
		})
	}
}
