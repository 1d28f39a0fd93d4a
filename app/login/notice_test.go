package login_test

import (
	"context"
	"net/netip"
	"slices"
	"testing"
	"time"

	"hasura-login/app/login"
)

// told sends the mails that are due and returns their kinds.
func (w *world) told(t *testing.T) []login.MailKind {
	t.Helper()
	kinds := []login.MailKind{}
	for _, m := range w.sendAll(t) {
		kinds = append(kinds, m.Kind)
	}
	return kinds
}

func (w *world) wantTold(t *testing.T, want ...login.MailKind) {
	t.Helper()
	if got := w.told(t); !slices.Equal(got, want) {
		t.Errorf("told %v, want %v", got, want)
	}
}

func TestNotice_NewDeviceIsOneWithoutADeviceTokenAndNotTheOneOfSignUp(t *testing.T) {
	w := newWorld(t)
	g := w.signUp(t, "ann@example.org")
	w.wantTold(t)
	in := login.SignInInput{Email: "ann@example.org", Password: goodPassword, DeviceToken: g.DeviceToken, Client: home}
	if _, err := w.SignIn(context.Background(), in); err != nil {
		t.Fatal(err)
	}
	w.wantTold(t)
	in.DeviceToken = "somebody else's"
	in.Client = login.Client{Addr: netip.MustParseAddr("2001:db8::7"), Language: "de"}
	if _, err := w.SignIn(context.Background(), in); err != nil {
		t.Fatal(err)
	}
	sent := w.sendAll(t)
	if len(sent) != 1 || sent[0].Kind != login.MailNewDevice || sent[0].Recipient != "ann@example.org" {
		t.Fatalf("told %+v", sent)
	}
	if p := sent[0].Payload; p.Name != "" || p.Language != "de" || p.From != "2001:db8::/64" || !p.At.Equal(w.clock.Now()) {
		t.Errorf("payload %+v", p)
	}
	in.Password = "wrong password"
	_, err := w.SignIn(context.Background(), in)
	wantCode(t, err, login.CodeInvalidCredentials)
	w.wantTold(t) // a guesser cannot fill a mailbox
}

func TestNotice_PasswordChangedAndReset(t *testing.T) {
	w := newWorld(t)
	g := w.signUp(t, "ann@example.org")
	_, err := w.ChangePassword(context.Background(), identity(g), login.ChangePasswordInput{CurrentPassword: goodPassword, NewPassword: newPassword, Client: home})
	if err != nil {
		t.Fatal(err)
	}
	w.wantTold(t, login.MailPasswordChanged)
	w.forgot(t, "ann@example.org")
	_, token := w.mailed(t)
	if _, err := w.reset(token, goodPassword); err != nil {
		t.Fatal(err)
	}
	w.wantTold(t, login.MailPasswordChanged)
}

func TestNotice_SessionEndedForReuse(t *testing.T) {
	w := newWorld(t, noGrace)
	g := w.signUp(t, "ann@example.org")
	next, err := w.refresh(g.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(time.Minute)
	if _, err := w.refresh(g.RefreshToken); err != nil {
		t.Fatalf("its successor was never used: %v", err)
	}
	if _, err := w.refresh(next.RefreshToken); err != nil {
		t.Fatal(err)
	}
	w.wantTold(t)
	_, err = w.refresh(g.RefreshToken)
	wantCode(t, err, login.CodeInvalidRefreshToken)
	w.wantTold(t, login.MailSessionsEnded)
}

func TestNotice_OfAKindThatIsOffIsNotQueued(t *testing.T) {
	w := newWorld(t, func(_ *login.Deps, r *login.Rules) { r.Notices = []login.MailKind{login.MailPasswordChanged} })
	g := w.signUp(t, "ann@example.org")
	if _, err := w.signIn("ann@example.org", goodPassword); err != nil {
		t.Fatal(err)
	}
	if err := w.askChange(g, "ann@new.example", goodPassword); err != nil {
		t.Fatal(err)
	}
	_, token := w.mailed(t)
	w.sendAll(t)
	if err := w.verifyIn(g, token); err != nil {
		t.Fatal(err)
	}
	w.wantTold(t)
}

// Three of a kind an hour; a day where the address may be a stranger's.
func TestNotice_FillsNoMailbox(t *testing.T) {
	for name, c := range map[string]struct {
		verified bool
		hours    int
		want     int
	}{
		"an hour":                       {true, 1, 3},
		"a day":                         {true, 24, 72},
		"a day of an unknown mailbox":   {false, 24, 3},
		"two days of such a mailbox":    {false, 48, 6},
		"an hour of an unknown mailbox": {false, 1, 3},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.signUp(t, "ann@example.org")
			if c.verified {
				if err := w.operator().SetEmailVerified(context.Background(), "ann@example.org"); err != nil {
					t.Fatal(err)
				}
			}
			told := 0
			for range c.hours {
				for range 5 {
					if _, err := w.signIn("ann@example.org", goodPassword); err != nil {
						t.Fatal(err)
					}
				}
				told += len(w.told(t))
				w.clock.Advance(time.Hour)
			}
			if told != c.want {
				t.Errorf("%d mails, want %d", told, c.want)
			}
		})
	}
}

// Someone who makes, uses and deletes accounts with another person's address causes no
// more mails than that mailbox's limit, and can still do everything else.
func TestMail_ToAMailboxThatNobodyProvedIsLimitedForTheMailboxItself(t *testing.T) {
	w := newWorld(t)
	w.limiter.refuseRecipient = "ann@example.org"
	g := w.signUp(t, "bob@example.org")
	in := login.SignUpInput{Email: "ann@example.org", Name: "Ann", Password: goodPassword, Client: home}
	if _, err := w.SignUp(context.Background(), in); err != nil {
		t.Fatal(err)
	}
	if _, err := w.signIn("ann@example.org", goodPassword); err != nil {
		t.Fatal(err)
	}
	w.wantTold(t)
	if err := w.operator().SetEmailVerified(context.Background(), "ann@example.org"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.signIn("ann@example.org", goodPassword); err != nil {
		t.Fatal(err)
	}
	w.wantTold(t, login.MailNewDevice)

	w.limiter.refuseRecipient = "bob@example.org"
	if err := w.askChange(g, "bob@new.example", goodPassword); err != nil {
		t.Fatal(err)
	}
	_, token := w.mailed(t)
	if err := w.verifyIn(g, token); err != nil {
		t.Fatal(err)
	}
	w.wantTold(t)
}

func TestRequireVerifiedEmail_SignUpWhoseMailIsTooManyStillMakesTheAccount(t *testing.T) {
	w := newWorld(t, requireVerified)
	w.limiter.refuseRecipient = "ann@example.org"
	_, err := w.SignUp(context.Background(), login.SignUpInput{Email: "ann@example.org", Name: "Ann", Password: goodPassword, Client: home})
	wantCode(t, err, login.CodeEmailNotVerified)
	w.wantTold(t)
	w.askVerification(t, "ann@example.org")
	_, token := w.mailed(t)
	if err := w.verifyWith(token, goodPassword); err != nil {
		t.Error(err)
	}
}

// If a notice cannot be queued, the act that it reports still stands.
func TestNotice_FailureIsNotTheRequests(t *testing.T) {
	w := newWorld(t, func(d *login.Deps, _ *login.Rules) { d.Mail = noNotices{d.Mail} })
	w.signUp(t, "ann@example.org")
	if _, err := w.signIn("ann@example.org", goodPassword); err != nil {
		t.Errorf("signing in: %v", err)
	}
}

type noNotices struct{ login.MailStore }

func (noNotices) QueueNotice(context.Context, login.QueuedMail, login.NoticeRate) (bool, error) {
	return false, login.ErrUnavailable
}
