package login_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"hasura-login/app/login"
	"hasura-login/app/logintest"
)

func inviting(perMinute, perDomain int) login.SetPasswordMails {
	return login.SetPasswordMails{
		Wanted: func(a login.Account) bool { return a.Password == "" }, PerMinute: perMinute, PerDomain: perDomain, Secret: logintest.MailSecret,
	}
}

// invitees are users without a password, and one of each kind that gets no invitation.
func invitees(t *testing.T, w *world, operator *login.Operator, domains ...string) {
	t.Helper()
	for _, domain := range domains {
		for i := range 30 {
			if _, err := operator.CreateWithoutPassword(t.Context(), fmt.Sprintf("user%02d@%s", i, domain), "Ann", nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := operator.CreateWithoutPassword(t.Context(), "disabled@example.org", "Bob", nil); err != nil {
		t.Fatal(err)
	}
	if err := operator.SetDisabled(t.Context(), "disabled@example.org", true); err != nil {
		t.Fatal(err)
	}
	w.signUp(t, "has-one@example.org")
}

// A mailbox provider blocks an unknown sender of many mails at once, so each mail has
// its own time.
func TestSetPassword_SpreadsMailsOverTime(t *testing.T) {
	w := newWorld(t)
	operator := w.operator()
	invitees(t, w, operator, "big.example", "small.example")
	store := w.store.(login.SetPasswordStore)
	done, err := operator.MailSetPasswordLinks(t.Context(), store, inviting(60, 10))
	if err != nil || done.Mails != 60 || done.Already != 0 {
		t.Fatalf("%+v, %v", done, err)
	}
	// Thirty of a domain leave one in six seconds.
	if took := time.Until(done.Last); took < 160*time.Second || took > 180*time.Second {
		t.Errorf("the last leaves after %v", took)
	}
	last := map[string]time.Time{}
	begun := time.Now()
	for i := range 60 {
		m, err := store.ClaimMail(t.Context(), begun.Add(time.Hour), time.Hour)
		if err != nil || m.Kind != login.MailSetPassword {
			t.Fatalf("mail %d: %+v, %v", i, m, err)
		}
		domain := m.Recipient[len("user00@"):]
		if gap := m.CreatedAt.Sub(last[domain]); gap < 6*time.Second {
			t.Fatalf("%s gets two within %v", domain, gap)
		}
		last[domain] = m.CreatedAt
	}
	if n, err := store.QueuedMails(t.Context(), begun.Add(-time.Minute)); n != 0 || err != nil {
		t.Errorf("mails of later count as waiting: %d, %v", n, err)
	}
}

func TestSetPassword_InvitesNobodyTwice(t *testing.T) {
	w := newWorld(t)
	operator := w.operator()
	invitees(t, w, operator, "example.org")
	store := w.store.(login.SetPasswordStore)
	try := inviting(6000, 6000)
	try.DryRun = true
	if done, err := operator.MailSetPasswordLinks(t.Context(), store, try); err != nil || done.Mails != 30 {
		t.Errorf("dry run: %+v, %v", done, err)
	}
	for _, want := range []login.SetPasswordPlan{{Mails: 30}, {Already: 30}} {
		done, err := operator.MailSetPasswordLinks(t.Context(), store, inviting(6000, 6000))
		if done.Last = (time.Time{}); err != nil || done != want {
			t.Errorf("%+v, %v; want %+v", done, err, want)
		}
	}
}

// A user who signs in only by passkeys needs no password either.
func TestSetPassword_InvitesNobodyWhoSignsInOnlyByPasskeys(t *testing.T) {
	w := newWorld(t)
	key, _ := w.addPasskey(t, identity(w.signUp(t, "ann@example.org")), goodPassword)
	g, err := w.signInPasskey(t, key)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.RemovePassword(t.Context(), identity(g), "", home); err != nil {
		t.Fatal(err)
	}
	operator := w.operator()
	if _, err := operator.CreateWithoutPassword(t.Context(), "bob@example.org", "Bob", nil); err != nil {
		t.Fatal(err)
	}
	w.sendAll(t)
	store := w.store.(login.SetPasswordStore)
	if done, err := operator.MailSetPasswordLinks(t.Context(), store, inviting(6000, 6000)); err != nil || done.Mails != 1 {
		t.Errorf("%+v, %v; want one mail", done, err)
	}
	ua := w.account(t, "ann@example.org")
	if mails, err := store.MailsOf(t.Context(), ua.User.ID); err != nil || slices.ContainsFunc(mails, func(m login.MailFate) bool { return m.Kind == login.MailSetPassword }) {
		t.Errorf("a user with a passkey is invited to set a password: %v", err)
	}
}

// A user who signs in only by a provider needs no password, and is asked to set none,
// whatever the filter. One who has a password too is invited if the filter asks for it.
func TestSetPassword_InvitesNobodyWhoSignsInOnlyByAProvider(t *testing.T) {
	w := newWorld(t)
	operator := w.operator()
	store := w.store.(login.SetPasswordStore)
	link := func(ua login.UserAccount, subject string) {
		t.Helper()
		now := w.clock.Now()
		err := store.AddIdentity(t.Context(), ua.Account.SessionVersion, login.ProviderIdentity{
			ID: uuid.NewString(), UserID: ua.User.ID, Provider: "google", Issuer: "https://accounts.google.com", Subject: subject, CreatedAt: now, LastUsedAt: now,
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, email := range []string{"provider@example.org", "neither@example.org"} {
		if _, err := operator.CreateWithoutPassword(t.Context(), email, "Ann", nil); err != nil {
			t.Fatal(err)
		}
	}
	w.signUp(t, "both@example.org")
	for subject, email := range map[string]string{"1": "provider@example.org", "2": "both@example.org"} {
		ua, err := store.UserAccountByEmail(t.Context(), email)
		if err != nil {
			t.Fatal(err)
		}
		link(ua, subject)
	}
	all := inviting(6000, 6000)
	all.Wanted = func(login.Account) bool { return true }
	for _, c := range []struct {
		name string
		in   login.SetPasswordMails
		want login.SetPasswordPlan
	}{{"without a password", inviting(6000, 6000), login.SetPasswordPlan{Mails: 1}}, {"all", all, login.SetPasswordPlan{Mails: 1, Already: 1}}} {
		done, err := operator.MailSetPasswordLinks(t.Context(), store, c.in)
		if done.Last = (time.Time{}); err != nil || done != c.want {
			t.Errorf("%s: %+v, %v; want %+v", c.name, done, err, c.want)
		}
	}
	ua, err := store.UserAccountByEmail(t.Context(), "provider@example.org")
	if err != nil {
		t.Fatal(err)
	}
	if mails, err := store.MailsOf(t.Context(), ua.User.ID); err != nil || len(mails) > 0 {
		t.Errorf("who signs in by a provider gets %d mails, %v", len(mails), err)
	}
}

// The link of an invitation sets the password, days after it was sent.
func TestSetPassword_TheLinkSetsAPassword(t *testing.T) {
	w := newWorld(t)
	operator := w.operator()
	if _, err := operator.CreateWithoutPassword(t.Context(), "ann@example.org", "Ann", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := operator.MailSetPasswordLinks(t.Context(), w.store.(login.SetPasswordStore), inviting(60, 60)); err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(time.Minute)
	sent := w.sendAll(t)
	if len(sent) != 1 {
		t.Fatalf("%d mails", len(sent))
	}
	tokens, err := logintest.MailSecret.Tokens(sent[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(6 * 24 * time.Hour)
	if _, err := w.ResetPassword(t.Context(), login.ResetPasswordInput{Token: tokens[0], NewPassword: newPassword, Client: home}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.signIn("ann@example.org", newPassword); err != nil {
		t.Error(err)
	}
}
