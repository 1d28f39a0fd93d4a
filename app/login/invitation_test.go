package login_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"hasura-login/app/login"
	"hasura-login/app/logintest"
	"hasura-login/app/ratelimit"
)

func (w *world) signUpWith(t *testing.T, email, token string) (login.Grant, error) {
	t.Helper()
	return w.SignUp(t.Context(), login.SignUpInput{Email: email, Name: "Bob", Password: goodPassword, Invitation: token, Client: home})
}

func (w *world) accept(t *testing.T, m member, token string) error {
	t.Helper()
	_, err := w.AcceptInvitation(t.Context(), m.Identity, token, home)
	return err
}

// rolesIn are the roles of an organisation's members, by address.
func (w *world) rolesIn(t *testing.T, by member, organizationID string) map[string]login.MemberRole {
	t.Helper()
	list, err := w.ListMembers(t.Context(), by.Identity, organizationID, "", home)
	logintest.Check(t, err)
	roles := map[string]login.MemberRole{}
	for _, m := range list {
		roles[m.Email] = m.Role
	}
	return roles
}

func TestInvitation_IsForOneAddressOnceUntilItExpiresOrIsRevoked(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(t *testing.T, w *world, ann member, o login.Organization, i login.Invitation)
		// What a person with the token gets: who signs up, and who is signed in to the account
		// of the address or of another.
		signUp, accept, other login.Code
	}{
		"open": {func(*testing.T, *world, member, login.Organization, login.Invitation) {}, "", "", login.CodeForbidden},
		"after expiry": {func(_ *testing.T, w *world, _ member, _ login.Organization, _ login.Invitation) {
			w.clock.Advance(login.InvitationLife)
		}, login.CodeInvalidToken, login.CodeInvalidToken, login.CodeInvalidToken},
		"revoked": {func(t *testing.T, w *world, ann member, o login.Organization, i login.Invitation) {
			logintest.Check(t, w.RevokeInvitation(t.Context(), ann.Identity, o.ID, i.ID, home))
		}, login.CodeInvalidToken, login.CodeInvalidToken, login.CodeInvalidToken},
		"replaced": {func(t *testing.T, w *world, ann member, o login.Organization, i login.Invitation) {
			w.invited(t, ann, o.ID, i.Email, "member")
		}, login.CodeInvalidToken, login.CodeInvalidToken, login.CodeInvalidToken},
		"of a deleted organization": {func(t *testing.T, w *world, ann member, o login.Organization, _ login.Invitation) {
			logintest.Check(t, w.DeleteOrganization(t.Context(), ann.Identity, o.ID, home))
		}, login.CodeInvalidToken, login.CodeInvalidToken, login.CodeInvalidToken},
		"used": {func(t *testing.T, w *world, _ member, _ login.Organization, i login.Invitation) {
			_, err := w.signUpWith(t, i.Email, invitationToken(t, i))
			logintest.Check(t, err)
		}, login.CodeInvalidToken, "", login.CodeInvalidToken},
	} {
		t.Run(name, func(t *testing.T) {
			for _, way := range []string{"sign-up", "account", "another"} {
				w := newWorld(t, organizing)
				ann := w.citizen(t, "ann@example.org")
				eve := w.citizen(t, "eve@example.org")
				o := w.created(t, ann)
				i, err := w.InviteMember(t.Context(), ann.Identity, login.InviteMemberInput{OrganizationID: o.ID, Email: "Bob@Example.org", Role: "admin", Client: home})
				logintest.Check(t, err)
				token := invitationToken(t, i)
				var bob member
				if way == "account" && name != "used" {
					bob = w.citizen(t, "bob@example.org")
				}
				c.spoil(t, w, ann, o, i)
				want := login.Code("")
				switch way {
				case "sign-up":
					_, err = w.signUpWith(t, "bob@example.org", token)
					want = c.signUp
				case "account":
					if name == "used" {
						continue
					}
					err = w.accept(t, bob, token)
					want = c.accept
				default:
					eve = w.signedInAgain(t, eve)
					err = w.accept(t, eve, token)
					want = c.other
				}
				if want != "" {
					wantCode(t, err, want)
					continue
				}
				logintest.Check(t, err)
				if role := w.rolesIn(t, ann, o.ID)["bob@example.org"]; role != login.RoleAdmin {
					t.Errorf("%s: the role is %q", way, role)
				}
			}
		})
	}
}

// signedInAgain is the same user with a new session: the clock may have moved.
func (w *world) signedInAgain(t *testing.T, m member) member {
	t.Helper()
	g, err := w.signIn(m.email, goodPassword)
	logintest.Check(t, err)
	return member{identity(g), m.email}
}

func TestInvitation_ASignUpWithAnotherAddressIsRefusedAsAnUnknownToken(t *testing.T) {
	w := newWorld(t, organizing)
	ann := w.citizen(t, "ann@example.org")
	token := w.invited(t, ann, w.created(t, ann).ID, "bob@example.org", "")
	_, another := w.signUpWith(t, "eve@example.org", token)
	_, unknown := w.signUpWith(t, "eve@example.org", strings.Repeat("A", 43))
	_, malformed := w.signUpWith(t, "eve@example.org", "x")
	for _, err := range []error{another, unknown, malformed} {
		wantCode(t, err, login.CodeInvalidToken)
		if err.Error() != unknown.Error() {
			t.Errorf("answers differ: %v", err)
		}
	}
}

func TestInvitation_ASignUpCountsAsVerificationAndOpensASession(t *testing.T) {
	w := newWorld(t, organizing, func(_ *login.Deps, r *login.Rules) { r.RequireVerifiedEmail = false })
	ann := w.citizen(t, "ann@example.org")
	token := w.invited(t, ann, w.created(t, ann).ID, "bob@example.org", "")
	w.sendAll(t)
	strict := logintest.StartOn(t, w.store, logintest.SessionIDs, organizing, func(_ *login.Deps, r *login.Rules) { r.RequireVerifiedEmail = true })
	g, err := strict.SignUp(t.Context(), login.SignUpInput{Email: "bob@example.org", Name: "Bob", Password: goodPassword, Invitation: token, Client: home})
	logintest.Check(t, err)
	ua, err := strict.Me(t.Context(), identity(g))
	logintest.Check(t, err)
	if ua.Account.EmailVerifiedAt.IsZero() || ua.Account.Unopened {
		t.Errorf("account %+v", ua.Account)
	}
	if mails := w.sendAll(t); len(mails) != 0 {
		t.Errorf("mails were sent: %v", mails)
	}
}

// A stranger who signed up with somebody else's address and was never let in does not keep
// the person from accepting.
func TestInvitation_ReplacesASignUpThatWasNeverOpened(t *testing.T) {
	w := newWorld(t, organizing, func(_ *login.Deps, r *login.Rules) { r.RequireVerifiedEmail = true })
	_, err := w.SignUp(t.Context(), login.SignUpInput{Email: "bob@example.org", Name: "Mallory", Password: newPassword, Client: home})
	wantCode(t, err, login.CodeEmailNotVerified)
	ann := w.verifiedByOperator(t, "ann@example.org")
	token := w.invited(t, ann, w.created(t, ann).ID, "bob@example.org", "")
	seen, err := w.Invitation(t.Context(), token, home)
	logintest.Check(t, err)
	if seen.HasAccount {
		t.Error("it says that the address has an account")
	}
	_, err = w.signUpWith(t, "bob@example.org", token)
	logintest.Check(t, err)
	_, err = w.signIn("bob@example.org", newPassword)
	wantCode(t, err, login.CodeInvalidCredentials)
	_, err = w.signIn("bob@example.org", goodPassword)
	logintest.Check(t, err)
}

// verifiedByOperator is a user of a service that opens sessions to verified addresses only.
func (w *world) verifiedByOperator(t *testing.T, email string) member {
	t.Helper()
	_, err := w.operator().Create(t.Context(), email, "Ann", goodPassword, nil)
	logintest.Check(t, err)
	logintest.Check(t, w.operator().SetEmailVerified(t.Context(), email))
	return w.signedInAgain(t, member{email: email})
}

func TestInvitation_OfAUserWhoExists(t *testing.T) {
	w := newWorld(t, organizing)
	ann := w.citizen(t, "ann@example.org")
	o := w.created(t, ann)
	bob := member{identity(w.signUp(t, "bob@example.org")), "bob@example.org"} // not verified
	token := w.invited(t, ann, o.ID, bob.email, "")
	seen, err := w.Invitation(t.Context(), token, home)
	logintest.Check(t, err)
	if !seen.HasAccount || seen.Email != bob.email || seen.Organization.Name != "Example" || seen.Role != login.RoleMember {
		t.Errorf("the invitation says %+v", seen)
	}
	_, err = w.signUpWith(t, bob.email, token)
	wantCode(t, err, login.CodeEmailTaken)
	logintest.Check(t, w.accept(t, bob, token)) // the sign-up has not spent it
	wantCode(t, w.accept(t, bob, token), login.CodeInvalidToken)
	ua, err := w.Me(t.Context(), bob.Identity)
	logintest.Check(t, err)
	if ua.Account.EmailVerifiedAt.IsZero() {
		t.Error("the link from the mailbox and the session did not verify the address")
	}
}

func TestInvitation_OfADisabledUserOpensNothing(t *testing.T) {
	w := newWorld(t, organizing)
	ann := w.citizen(t, "ann@example.org")
	o := w.created(t, ann)
	bob := w.citizen(t, "bob@example.org")
	token := w.invited(t, ann, o.ID, bob.email, "")
	logintest.Check(t, w.operator().SetDisabled(t.Context(), bob.email, true))
	wantCode(t, w.accept(t, bob, token), login.CodeUnauthenticated)
	_, err := w.signUpWith(t, bob.email, token)
	wantCode(t, err, login.CodeEmailTaken)
	logintest.Check(t, w.operator().SetDisabled(t.Context(), bob.email, false))
	logintest.Check(t, w.accept(t, w.signedInAgain(t, bob), token))
}

func TestInvitation_TellsItsSenderNothingOfAccounts(t *testing.T) {
	w := newWorld(t, organizing)
	ann := w.citizen(t, "ann@example.org")
	o := w.created(t, ann)
	w.citizen(t, "known@example.org")
	w.joined(t, ann, o.ID, "member@example.org", "member")
	w.sendAll(t)
	logintest.Check(t, w.operator().SetDisabled(t.Context(), "known@example.org", true))
	for _, email := range []string{"known@example.org", "member@example.org", "nobody@example.org"} {
		i, err := w.InviteMember(t.Context(), ann.Identity, login.InviteMemberInput{OrganizationID: o.ID, Email: email, Client: home})
		logintest.Check(t, err)
		if i.Email != email || i.Role != login.RoleMember {
			t.Errorf("%s: %+v", email, i)
		}
		mails := w.sendAll(t)
		if len(mails) != 1 || mails[0].Kind != login.MailOrganizationInvitation || mails[0].Recipient != email || mails[0].UserID != "" {
			t.Errorf("%s: mails %+v", email, mails)
		}
	}
}

func TestInvitation_TakesAVerifiedSenderAndMail(t *testing.T) {
	w := newWorld(t, organizing)
	ann := member{identity(w.signUp(t, "ann@example.org")), "ann@example.org"}
	o := w.created(t, ann)
	in := login.InviteMemberInput{OrganizationID: o.ID, Email: "bob@example.org", Client: home}
	_, err := w.InviteMember(t.Context(), ann.Identity, in)
	wantCode(t, err, login.CodeEmailNotVerified)
	logintest.Check(t, w.operator().SetEmailVerified(t.Context(), ann.email))
	for _, wrong := range []login.InviteMemberInput{
		{OrganizationID: o.ID, Email: "bob"}, {OrganizationID: o.ID, Email: "bob@example.org", Role: "Owner"}, {OrganizationID: o.ID, Email: "bob@example.org", Language: "../x"},
	} {
		_, err := w.InviteMember(t.Context(), ann.Identity, wrong)
		wantCode(t, err, login.CodeInvalidInput)
	}
	silent := logintest.StartOn(t, w.store, logintest.SessionIDs, organizing, func(_ *login.Deps, r *login.Rules) { r.MailEnabled = false })
	_, err = silent.InviteMember(t.Context(), ann.Identity, in)
	wantCode(t, err, login.CodeMailDisabled)
	picky := logintest.StartOn(t, w.store, logintest.SessionIDs, organizing, func(_ *login.Deps, r *login.Rules) {
		r.EmailDomains = login.EmailDomains{Blocked: []string{"example.org"}}
	})
	_, err = picky.InviteMember(t.Context(), ann.Identity, in)
	wantCode(t, err, login.CodeEmailNotAllowed)
}

type unobserved struct{}

func (unobserved) Throttled(string) {}
func (unobserved) Degraded(bool)    {}

func TestInvitation_IsLimitedByItsSenderAndItsRecipient(t *testing.T) {
	s := logintest.Start(t, logintest.SessionIDs, organizing, func(d *login.Deps, _ *login.Rules) {
		limiter, err := ratelimit.New(ratelimit.Config{Limits: ratelimit.DefaultLimits(), Observer: unobserved{}, Now: d.Now})
		logintest.Check(t, err)
		t.Cleanup(limiter.Close)
		d.Limiter = limiter
	})
	invite := func(by member, o, email string) error {
		_, err := s.InviteMember(t.Context(), by.Identity, login.InviteMemberInput{OrganizationID: o, Email: email, Client: login.Client{Addr: home.Addr}})
		return err
	}
	people := make([]member, 2)
	organizations := make([]string, 2)
	for n, email := range []string{"ann@example.org", "eve@example.org"} {
		g, err := s.SignUp(t.Context(), login.SignUpInput{Email: email, Name: "Ann", Password: goodPassword})
		logintest.Check(t, err)
		people[n] = member{identity(g), email}
		logintest.Check(t, s.Store.UpdateAccount(t.Context(), g.UserID, login.AccountChange{EmailVerified: true}, s.Clock.Now()))
		m, err := s.CreateOrganization(t.Context(), people[n].Identity, "Example", home)
		logintest.Check(t, err)
		organizations[n] = m.Organization.ID
	}
	// A mailbox: another sender does not get more.
	logintest.Check(t, invite(people[0], organizations[0], "bob@example.org"))
	logintest.Check(t, invite(people[0], organizations[0], "bob@example.org"))
	wantCode(t, invite(people[0], organizations[0], "bob@example.org"), login.CodeRateLimited)
	wantCode(t, invite(people[1], organizations[1], "bob@example.org"), login.CodeRateLimited)
	// A sender, whatever the addresses and clients, within one hour of the clock: the limit
	// starts again with the next.
	s.Clock.Advance(s.Clock.Now().Truncate(time.Hour).Add(time.Hour).Sub(s.Clock.Now()))
	sent := 0
	for n := range 200 {
		if n%8 == 0 {
			s.Clock.Advance(time.Minute)
		}
		err := invite(people[1], organizations[1], "user"+uuid.NewString()[:8]+"@example.org")
		if err != nil {
			wantCode(t, err, login.CodeRateLimited)
			break
		}
		sent++
	}
	if sent < 20 || sent > 30 {
		t.Errorf("a sender got %d invitations through", sent)
	}
}

// Sign-up by invitation while it is otherwise not open: which invitation helps.
func TestInvitation_HelpsWhereSignUpIsNotOpen(t *testing.T) {
	for _, c := range []struct {
		mode                   login.SignUpMode
		none, member, operator login.Code
	}{
		{login.SignUpOpen, "", "", ""},
		{login.SignUpInvited, login.CodeInvitationRequired, "", ""},
		{login.SignUpClosed, login.CodeSignupDisabled, login.CodeSignupDisabled, ""},
	} {
		t.Run(string(c.mode), func(t *testing.T) {
			w := newWorld(t, organizing, func(_ *login.Deps, r *login.Rules) { r.SignUp = c.mode; r.MailSignIn = login.MailSignInSignUp })
			ann := w.verifiedByOperator(t, "ann@example.org")
			invitations := w.store.(login.InvitationStore)
			byMember := func(email string) string { return w.invited(t, ann, w.created(t, ann).ID, email, "") }
			byOperator := func(email string) string {
				i, err := w.operator().Invite(t.Context(), invitations, logintest.MailSecret, email, "de")
				logintest.Check(t, err)
				return invitationToken(t, i)
			}
			check := func(way string, err error, want login.Code) {
				t.Helper()
				if err == nil && want == "" {
					return
				}
				if err == nil || want == "" || login.AsError(err).Code != want {
					t.Errorf("%s: %v, want %q", way, err, want)
				}
			}
			_, err := w.signUpWith(t, "a1@example.org", "")
			check("without", err, c.none)
			_, err = w.signUpWith(t, "a2@example.org", byMember("a2@example.org"))
			check("a member's", err, c.member)
			_, err = w.signUpWith(t, "a3@example.org", byOperator("a3@example.org"))
			check("an operator's", err, c.operator)

			// A mailed code proves the mailbox, and a provider may vouch for it.
			provider := func(email string, vouches bool) error {
				a := login.Assertion{Provider: "corp", Issuer: "https://id.example.org", Subject: email, Email: email, EmailVerified: vouches, Name: "Bob"}
				_, err := w.SignInProvider(t.Context(), login.ProviderSignInInput{Assertion: a, Flow: []byte(email), Expires: w.clock.Now().Add(time.Minute), Client: home})
				return err
			}
			check("provider, without", provider("b1@example.org", true), c.none)
			byMember("b2@example.org")
			check("provider, a member's", provider("b2@example.org", true), c.member)
			byOperator("b3@example.org")
			check("provider, an operator's", provider("b3@example.org", true), c.operator)
			byOperator("b4@example.org")
			check("provider that does not vouch", provider("b4@example.org", false), c.none)
			if c.mode != login.SignUpOpen {
				if by, err := invitations.InvitedBy(t.Context(), "b3@example.org", w.clock.Now()); err != nil || by != login.InviterNone {
					t.Errorf("the invitation is not spent: %d, %v", by, err)
				}
			}
			for email, want := range map[string]login.Code{"c1@example.org": c.none, "c2@example.org": c.member, "c3@example.org": c.operator} {
				switch email {
				case "c2@example.org":
					byMember(email)
				case "c3@example.org":
					byOperator(email)
				}
				w.sendAll(t)
				_, err := w.RequestMailSignIn(t.Context(), login.RequestMailSignInInput{Email: email, Client: home})
				logintest.Check(t, err)
				if mails := w.sendAll(t); (len(mails) == 1) != (want == "") {
					t.Errorf("%s: mails %v", email, mails)
				}
			}
		})
	}
}

func TestInvitation_OfAnOperator(t *testing.T) {
	w := newWorld(t, func(_ *login.Deps, r *login.Rules) { r.SignUp = login.SignUpInvited }) // keeps no organisations
	store := w.store.(login.InvitationStore)
	o := w.operator()
	invite := func(email string) (login.Invitation, error) {
		return o.Invite(t.Context(), store, logintest.MailSecret, email, "")
	}
	i, err := invite("Bob@Example.org")
	logintest.Check(t, err)
	w.clock.Advance(time.Minute) // an operator's clock is the machine's
	if mails := w.sendAll(t); len(mails) != 1 || mails[0].Kind != login.MailSignUpInvitation || mails[0].Recipient != "bob@example.org" {
		t.Errorf("mails %v", mails)
	}
	logintest.Check(t, o.RevokeSignUpInvitation(t.Context(), store, "bob@example.org"))
	wantCode(t, o.RevokeSignUpInvitation(t.Context(), store, "bob@example.org"), login.CodeNotFound)
	_, err = w.signUpWith(t, "bob@example.org", invitationToken(t, i))
	wantCode(t, err, login.CodeInvalidToken)
	i, err = invite("bob@example.org")
	logintest.Check(t, err)
	seen, err := w.Invitation(t.Context(), invitationToken(t, i), home)
	logintest.Check(t, err)
	if seen.HasAccount || seen.Organization.ID != "" {
		t.Errorf("the invitation says %+v", seen)
	}
	g, err := w.signUpWith(t, "bob@example.org", invitationToken(t, i))
	logintest.Check(t, err)
	_, err = invite("bob@example.org")
	wantCode(t, err, login.CodeEmailTaken)
	_, err = invite("bob")
	wantCode(t, err, login.CodeInvalidInput)
	wantCode(t, w.accept(t, member{identity(g), ""}, invitationToken(t, i)), login.CodeInvalidToken)
}

// Where organisations were switched off, their invitations open nothing.
func TestInvitation_ToAnOrganizationIsVoidWhereTheyAreOff(t *testing.T) {
	w := newWorld(t, organizing)
	ann := w.citizen(t, "ann@example.org")
	token := w.invited(t, ann, w.created(t, ann).ID, "bob@example.org", "")
	off := logintest.StartOn(t, w.store, logintest.SessionIDs)
	_, err := off.Invitation(t.Context(), token, home)
	wantCode(t, err, login.CodeInvalidToken)
	_, err = off.SignUp(t.Context(), login.SignUpInput{Email: "bob@example.org", Name: "Bob", Password: goodPassword, Invitation: token, Client: home})
	wantCode(t, err, login.CodeInvalidToken)
}

// What a mail repeats of the organisation's name, which its members choose.
func TestInvitation_RepeatsNoNameThatIsALink(t *testing.T) {
	w := newWorld(t, organizing)
	ann := w.citizen(t, "ann@example.org")
	for name, want := range map[string]string{
		"Example": "Example", "Söhne & Co. KG": "Söhne & Co. KG", "<b>x</b>": "", "Win at evil.example": "", "https://evil.example": "", "write me@evil": "", "a.b": "", "Pay at evil．com": "", "evil｡com": "", "write me＠evil": "",
	} {
		m, err := w.CreateOrganization(t.Context(), ann.Identity, name, home)
		logintest.Check(t, err)
		w.invited(t, ann, m.Organization.ID, "bob@example.org", "")
		mails := w.sendAll(t)
		if len(mails) != 1 || mails[0].Payload.Organization != want || mails[0].Payload.Account != login.Masked(ann.email) || mails[0].Payload.Name != "" {
			t.Errorf("%q: %+v", name, mails)
		}
	}
}

// What an invitation does besides its own purpose is in the trail too.
func TestAudit_AnInvitationNamesTheAccountThatItRemovesAndTheAddressThatItVerifies(t *testing.T) {
	w := newWorld(t, organizing, func(_ *login.Deps, r *login.Rules) { r.RequireVerifiedEmail = true })
	ann := w.verifiedByOperator(t, "ann@example.org")
	o := w.created(t, ann)
	_, err := w.signUpWith(t, "bob@example.org", "")
	wantCode(t, err, login.CodeEmailNotVerified)
	squatter, err := w.store.UserAccountByEmail(t.Context(), "bob@example.org")
	logintest.Check(t, err)
	_, err = w.signUpWith(t, "bob@example.org", w.invited(t, ann, o.ID, "bob@example.org", ""))
	logintest.Check(t, err)
	removed := login.Event{Name: login.EventUnopenedRemoved, Operation: login.OpSignUp, UserID: squatter.User.ID, ClientPrefix: home.Prefix(), Actor: login.ActorUser}
	if !slices.Contains(w.audit.Events(), removed) {
		t.Errorf("nothing tells of the account that went: %+v", w.audit.Events())
	}

	w = newWorld(t, organizing)
	ann = w.citizen(t, "ann@example.org")
	g, err := w.signUpWith(t, "bob@example.org", "")
	logintest.Check(t, err)
	bob := member{identity(g), "bob@example.org"}
	for range 2 {
		logintest.Check(t, w.accept(t, bob, w.invited(t, ann, w.created(t, ann).ID, bob.email, "")))
	}
	verified := 0
	for _, e := range w.audit.Events() {
		if e.Name == login.EventEmailVerified && e.UserID == bob.UserID && e.Operation == login.OpAcceptInvitation {
			verified++
		}
	}
	if verified != 1 {
		t.Errorf("the address was verified once, and recorded %d times", verified)
	}
}
