package login_test

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"hasura-login/app/login"
	"hasura-login/app/logintest"
)

// organizing is an Option of a service that keeps organisations.
func organizing(d *login.Deps, _ *login.Rules) {
	store := d.Store.(login.OrganizationStore)
	d.Organizations = store
	d.Claims = append(d.Claims, login.OrganizationClaims{Store: store})
}

// member is a user of an organising service with a session.
type member struct {
	login.Identity
	email string
}

// citizen signs a user up and verifies the address.
func (w *world) citizen(t *testing.T, email string) member {
	t.Helper()
	g := w.signUp(t, email)
	yes := login.AccountChange{EmailVerified: true}
	logintest.Check(t, w.store.UpdateAccount(t.Context(), g.UserID, yes, w.clock.Now()))
	return member{identity(g), email}
}

// invited mails an invitation and returns its token.
func (w *world) invited(t *testing.T, by member, organizationID, email, role string) string {
	t.Helper()
	i, err := w.InviteMember(t.Context(), by.Identity, login.InviteMemberInput{OrganizationID: organizationID, Email: email, Role: role, Client: home})
	logintest.Check(t, err)
	return invitationToken(t, i)
}

func invitationToken(t *testing.T, i login.Invitation) string {
	t.Helper()
	tokens, err := logintest.MailSecret.Tokens(i.ID)
	logintest.Check(t, err)
	return tokens[0]
}

// joined is a user who is a member.
func (w *world) joined(t *testing.T, by member, organizationID, email, role string) member {
	t.Helper()
	m := w.citizen(t, email)
	_, err := w.AcceptInvitation(t.Context(), m.Identity, w.invited(t, by, organizationID, email, role), home)
	logintest.Check(t, err)
	return m
}

func (w *world) created(t *testing.T, owner member) login.Organization {
	t.Helper()
	m, err := w.CreateOrganization(t.Context(), owner.Identity, "Example", home)
	logintest.Check(t, err)
	return m.Organization
}

func TestOrganizations_AreOffUnlessTheServiceKeepsThem(t *testing.T) {
	w := newWorld(t)
	ann := w.citizen(t, "ann@example.org")
	ctx, id := t.Context(), uuid.NewString()
	for name, call := range map[string]func() error{
		"create":  func() error { _, err := w.CreateOrganization(ctx, ann.Identity, "Example", home); return err },
		"list":    func() error { _, err := w.ListOrganizations(ctx, ann.Identity); return err },
		"members": func() error { _, err := w.ListMembers(ctx, ann.Identity, id, "", home); return err },
		"change":  func() error { return w.ChangeMemberRole(ctx, ann.Identity, id, id, "member", home) },
		"remove":  func() error { return w.RemoveMember(ctx, ann.Identity, id, id, home) },
		"leave":   func() error { return w.LeaveOrganization(ctx, ann.Identity, id, home) },
		"delete":  func() error { return w.DeleteOrganization(ctx, ann.Identity, id, home) },
		"invite": func() error {
			_, err := w.InviteMember(ctx, ann.Identity, login.InviteMemberInput{OrganizationID: id, Email: "bob@example.org"})
			return err
		},
		"invitations": func() error { _, err := w.ListInvitations(ctx, ann.Identity, id, home); return err },
		"revoke":      func() error { return w.RevokeInvitation(ctx, ann.Identity, id, id, home) },
	} {
		t.Run(name, func(t *testing.T) { wantCode(t, call(), login.CodeOrganizationsDisabled) })
	}
}

func TestOrganizations_NamesHaveTheRulesOfNames(t *testing.T) {
	w := newWorld(t, organizing)
	ann := w.citizen(t, "ann@example.org")
	for _, name := range []string{"", "  ", strings.Repeat("x", login.MaxOrganizationRunes+1), "a\u200bb", "a\nb", "a\x00b", "\xff"} {
		_, err := w.CreateOrganization(t.Context(), ann.Identity, name, home)
		wantCode(t, err, login.CodeInvalidInput)
	}
	m, err := w.CreateOrganization(t.Context(), ann.Identity, "  Söhne & Töchter  ", home)
	logintest.Check(t, err)
	if m.Organization.Name != "Söhne & Töchter" || m.Role != login.RoleOwner {
		t.Errorf("made %+v", m)
	}
}

func TestOrganizations_OthersLearnNothingOfThem(t *testing.T) {
	w := newWorld(t, organizing)
	ann, eve := w.citizen(t, "ann@example.org"), w.citizen(t, "eve@example.org")
	o := w.created(t, ann)
	ctx := t.Context()
	var answers []string
	for _, id := range []string{o.ID, strings.ToUpper(o.ID), uuid.NewString(), "no-uuid"} {
		_, members := w.ListMembers(ctx, eve.Identity, id, "", home)
		_, invitations := w.ListInvitations(ctx, eve.Identity, id, home)
		_, invite := w.InviteMember(ctx, eve.Identity, login.InviteMemberInput{OrganizationID: id, Email: "bob@example.org", Client: home})
		for _, err := range []error{
			members, invitations, invite, w.ChangeMemberRole(ctx, eve.Identity, id, ann.UserID, "member", home), w.RemoveMember(ctx, eve.Identity, id, ann.UserID, home),
			w.LeaveOrganization(ctx, eve.Identity, id, home), w.DeleteOrganization(ctx, eve.Identity, id, home), w.RevokeInvitation(ctx, eve.Identity, id, uuid.NewString(), home),
		} {
			wantCode(t, err, login.CodeNotFound)
			answers = append(answers, err.Error())
		}
	}
	for _, a := range answers {
		if a != answers[0] {
			t.Errorf("answers differ: %q and %q", a, answers[0])
		}
	}
}

func TestOrganizations_AddressesAreForThoseWhoManageMembers(t *testing.T) {
	w := newWorld(t, organizing)
	ann := w.citizen(t, "ann@example.org")
	o := w.created(t, ann)
	bob := w.joined(t, ann, o.ID, "bob@example.org", "member")
	carl := w.joined(t, ann, o.ID, "carl@example.org", "admin")
	for _, c := range []struct {
		by   member
		want map[string]string
	}{
		{ann, map[string]string{ann.UserID: ann.email, bob.UserID: bob.email, carl.UserID: carl.email}},
		{carl, map[string]string{ann.UserID: ann.email, bob.UserID: bob.email, carl.UserID: carl.email}},
		{bob, map[string]string{ann.UserID: "", bob.UserID: bob.email, carl.UserID: ""}},
	} {
		list, err := w.ListMembers(t.Context(), c.by.Identity, o.ID, "", home)
		logintest.Check(t, err)
		got := map[string]string{}
		for _, m := range list {
			got[m.UserID] = m.Email
		}
		if fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%s sees %v, want %v", c.by.email, got, c.want)
		}
	}
	_, err := w.ListMembers(t.Context(), bob.Identity, o.ID, "x", home)
	wantCode(t, err, login.CodeInvalidInput)
}

func TestOrganizations_TheLastOwnerHandsOverOrDeletesFirst(t *testing.T) {
	w := newWorld(t, organizing)
	ann := w.citizen(t, "ann@example.org")
	o := w.created(t, ann)
	bob := w.joined(t, ann, o.ID, "bob@example.org", "member")
	ctx := t.Context()
	wantCode(t, w.DeleteAccount(ctx, ann.Identity, goodPassword, home), login.CodeLastOwner)
	wantCode(t, w.LeaveOrganization(ctx, ann.Identity, o.ID, home), login.CodeLastOwner)
	wantCode(t, w.ChangeMemberRole(ctx, ann.Identity, o.ID, ann.UserID, "member", home), login.CodeLastOwner)
	wantCode(t, w.operator().Delete(ctx, "ann@example.org", false), login.CodeLastOwner)
	wantCode(t, w.ChangeMemberRole(ctx, bob.Identity, o.ID, bob.UserID, "owner", home), login.CodeForbidden)
	wantCode(t, w.ChangeMemberRole(ctx, ann.Identity, o.ID, bob.UserID, "Owner!", home), login.CodeInvalidInput)
	logintest.Check(t, w.ChangeMemberRole(ctx, ann.Identity, o.ID, bob.UserID, "owner", home))
	logintest.Check(t, w.DeleteAccount(ctx, ann.Identity, goodPassword, home))
	logintest.Check(t, w.DeleteOrganization(ctx, bob.Identity, o.ID, home))
	logintest.Check(t, w.DeleteAccount(ctx, bob.Identity, goodPassword, home))
}

func TestOrganizations_AnOperatorCanDeleteThemWithTheirOwner(t *testing.T) {
	w := newWorld(t, organizing)
	ann := w.citizen(t, "ann@example.org")
	o := w.created(t, ann)
	bob := w.joined(t, ann, o.ID, "bob@example.org", "admin")
	logintest.Check(t, w.operator().Delete(t.Context(), "ann@example.org", true))
	if list, err := w.ListOrganizations(t.Context(), bob.Identity); err != nil || len(list) != 0 {
		t.Errorf("%v, %v", list, err)
	}
}

// The trail shows what a deletion did to other people's organisations.
func TestAudit_DeletingAUserNamesTheOrganizationsThatItChanges(t *testing.T) {
	for name, remove := range map[string]func(o *login.Operator, ann member) error{
		"with organizations": func(o *login.Operator, ann member) error { return o.Delete(t.Context(), ann.email, true) },
		"again":              func(o *login.Operator, ann member) error { return o.DeleteAgain(t.Context(), ann.UserID) },
	} {
		w := newWorld(t, organizing)
		ann := w.citizen(t, "ann@example.org")
		alone, shared := w.created(t, ann), w.created(t, ann)
		bob := w.joined(t, ann, shared.ID, "bob@example.org", "admin")
		logintest.Check(t, remove(w.operator(), ann))
		want := map[string]login.Event{
			"user":  {Name: login.EventUserDeleted, UserID: ann.UserID, Actor: login.ActorOperator},
			"alone": {Name: login.EventOrganizationDeleted, UserID: ann.UserID, Organization: alone.ID, Actor: login.ActorOperator},
			"shared": {
				Name: login.EventMemberRoleChanged, UserID: ann.UserID, Organization: shared.ID, Member: bob.UserID, Role: login.RoleOwner,
				RoleBefore: login.RoleAdmin, Actor: login.ActorOperator,
			},
		}
		if name == "with organizations" {
			want["shared"] = login.Event{Name: login.EventOrganizationDeleted, UserID: ann.UserID, Organization: shared.ID, Actor: login.ActorOperator}
		}
		for which, e := range want {
			if !slices.Contains(w.audit.Events(), e) {
				t.Errorf("%s: nothing tells of %s: %+v", name, which, w.audit.Events())
			}
		}
	}
}

func TestOrganizations_DeletingOneTakesARecentProof(t *testing.T) {
	w := newWorld(t, organizing)
	ann := w.citizen(t, "ann@example.org")
	o := w.created(t, ann)
	w.clock.Advance(time.Hour)
	wantCode(t, w.DeleteOrganization(t.Context(), ann.Identity, o.ID, home), login.CodeElevationRequired)
	_, err := w.Elevate(t.Context(), ann.Identity, login.ElevateInput{Proof: login.Proof{Method: login.MethodPassword, Password: goodPassword}, Client: home})
	logintest.Check(t, err)
	logintest.Check(t, w.DeleteOrganization(t.Context(), ann.Identity, o.ID, home))
}

func TestOrganizations_ActsAreAuditedWithWhomTheyAreAbout(t *testing.T) {
	w := newWorld(t, organizing)
	ann := w.citizen(t, "ann@example.org")
	o := w.created(t, ann)
	bob := w.joined(t, ann, o.ID, "bob@example.org", "member")
	logintest.Check(t, w.ChangeMemberRole(t.Context(), ann.Identity, o.ID, bob.UserID, "admin", home))
	logintest.Check(t, w.RemoveMember(t.Context(), ann.Identity, o.ID, bob.UserID, home))
	want := map[login.EventName][5]string{ // user, member, organisation, role, role before
		login.EventOrganizationCreated: {ann.UserID, "", o.ID}, login.EventMemberInvited: {ann.UserID, "", o.ID, "member"},
		login.EventInvitationAccepted: {bob.UserID, ann.UserID, o.ID}, login.EventMemberRoleChanged: {ann.UserID, bob.UserID, o.ID, "admin", "member"},
		login.EventMemberRemoved: {ann.UserID, bob.UserID, o.ID, "", "admin"},
	}
	for _, e := range w.audit.Events() {
		if expected, ok := want[e.Name]; ok {
			if got := [5]string{e.UserID, e.Member, e.Organization, string(e.Role), string(e.RoleBefore)}; got != expected {
				t.Errorf("%s: %v, want %v", e.Name, got, expected)
			}
			delete(want, e.Name)
		}
	}
	if len(want) > 0 {
		t.Errorf("not recorded: %v", want)
	}
}

// The database takes more spellings of an id than the audit trail, which is searched by one.
func TestAudit_HasOneSpellingOfAnID(t *testing.T) {
	w := newWorld(t, organizing)
	ann := w.citizen(t, "ann@example.org")
	spellings := map[string]func(string) string{
		"capitals": strings.ToUpper, "no hyphens": func(id string) string { return strings.ReplaceAll(id, "-", "") },
		"braces": func(id string) string { return "{" + id + "}" }, "urn": func(id string) string { return "urn:uuid:" + id },
	}
	for name, spell := range spellings {
		o := w.created(t, ann)
		bob, eve := w.joined(t, ann, o.ID, strings.ReplaceAll(name, " ", "")+"@example.org", "member"), w.joined(t, ann, o.ID, strings.ReplaceAll(name, " ", "")+"2@example.org", "member")
		i, err := w.InviteMember(t.Context(), ann.Identity, login.InviteMemberInput{OrganizationID: o.ID, Email: "new@example.org", Client: home})
		logintest.Check(t, err)
		other, err := w.SignIn(t.Context(), login.SignInInput{Email: ann.email, Password: goodPassword, Client: home})
		logintest.Check(t, err)
		for n, act := range []func() error{
			func() error {
				return w.ChangeMemberRole(t.Context(), ann.Identity, spell(o.ID), spell(bob.UserID), "billing", home)
			},
			func() error { return w.RemoveMember(t.Context(), ann.Identity, o.ID, spell(bob.UserID), home) },
			func() error { return w.LeaveOrganization(t.Context(), eve.Identity, spell(o.ID), home) },
			func() error { return w.RevokeInvitation(t.Context(), ann.Identity, o.ID, spell(i.ID), home) },
			func() error { return w.DeleteOrganization(t.Context(), ann.Identity, spell(o.ID), home) },
			func() error { return w.EndSession(t.Context(), ann.Identity, spell(identity(other).SessionID), home) },
		} {
			switch err := act(); {
			case name == "capitals":
				logintest.Check(t, err)
			case login.AsError(err) == nil || login.AsError(err).Code != login.CodeNotFound:
				t.Errorf("%s, act %d: %v, want %s", name, n, err, login.CodeNotFound)
			}
		}
	}
	for _, e := range w.audit.Events() {
		for _, id := range []string{e.UserID, e.Member, e.Organization, e.SessionID} {
			if parsed, err := uuid.Parse(id); id != "" && (err != nil || parsed.String() != id) {
				t.Errorf("%s names %q", e.Name, id)
			}
		}
	}
}

// none, one and many organisations are {}, {a}, {a,b} in the token.
func TestOrganizations_TheirIDsAreInTheNextTokenAsAnArray(t *testing.T) {
	s := logintest.Start(t, organizing)
	g, err := s.SignUp(t.Context(), login.SignUpInput{Email: "ann@example.org", Name: "Ann", Password: goodPassword})
	logintest.Check(t, err)
	want := "{}"
	var ids []string
	for range 4 {
		if got := hasuraClaims(t, g)["x-hasura-org-ids"]; got != want {
			t.Fatalf("x-hasura-org-ids is %v, want %s", got, want)
		}
		claims := hasuraClaims(t, g)
		id := login.Identity{UserID: g.UserID, SessionID: claims["x-hasura-session-id"].(string)}
		m, err := s.CreateOrganization(t.Context(), id, "Example", home)
		logintest.Check(t, err)
		ids = append(ids, m.Organization.ID)
		g, err = s.Refresh(t.Context(), login.RefreshInput{RefreshToken: g.RefreshToken})
		logintest.Check(t, err)
		want = "{" + strings.Join(slices.Sorted(slices.Values(ids)), ",") + "}"
	}
}

// A membership that changes while eight clients refresh is in every token that was asked
// for afterwards, and no token lacks the claim.
func TestOrganizations_AChangeDuringRefreshesByEightClientsShowsAtTheNext(t *testing.T) {
	w := newWorld(t, organizing)
	s := logintest.StartOn(t, w.store, organizing, func(d *login.Deps, _ *login.Rules) { d.Limiter = &fakeLimiter{} })
	ann, bob := w.citizen(t, "ann@example.org"), w.citizen(t, "bob@example.org")
	o := w.created(t, ann)
	claimAt := []string{"{}", "", "{" + o.ID + "}", ""} // by the stage; while a change is under way either is right
	var stage, refreshes atomic.Int64
	var clients sync.WaitGroup
	stop := make(chan struct{})
	for range 8 {
		g, err := s.SignIn(t.Context(), login.SignInInput{Email: bob.email, Password: goodPassword, Client: home})
		logintest.Check(t, err)
		clients.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				before := stage.Load()
				next, err := s.Refresh(t.Context(), login.RefreshInput{RefreshToken: g.RefreshToken, Client: home})
				if err != nil {
					t.Error(err)
					return
				}
				after := stage.Load()
				claim := hasuraClaims(t, next)["x-hasura-org-ids"]
				if claim != claimAt[0] && claim != claimAt[2] {
					t.Errorf("x-hasura-org-ids is %v", claim)
				}
				if want := claimAt[before%4]; before == after && want != "" && claim != want {
					t.Errorf("stage %d: x-hasura-org-ids is %v, want %s", before, claim, want)
				}
				g = next
				refreshes.Add(1)
			}
		})
	}
	settle := func() {
		stage.Add(1)
		for since := refreshes.Load(); refreshes.Load() < since+16 && !t.Failed(); {
			runtime.Gosched()
		}
	}
	for range 8 {
		token := w.invited(t, ann, o.ID, bob.email, "member")
		stage.Add(1)
		_, err := w.AcceptInvitation(t.Context(), bob.Identity, token, home)
		logintest.Check(t, err)
		settle()
		stage.Add(1)
		logintest.Check(t, w.RemoveMember(t.Context(), ann.Identity, o.ID, bob.UserID, home))
		settle()
	}
	close(stop)
	clients.Wait()
}

// An installation without organisations asks the store no more than before them: one
// call for a refresh. With them it is one more, for the token.
func TestOrganizations_CostOneQuestionForATokenAndNoneWhereTheyAreOff(t *testing.T) {
	for name, c := range map[string]struct {
		option []logintest.Option
		calls  int
	}{"off": {nil, 1}, "on": {[]logintest.Option{organizing}, 2}} {
		t.Run(name, func(t *testing.T) {
			store := logintest.OpenStore(t)
			calls := 0
			store.Observe(func(string, error, time.Duration) { calls++ })
			s := logintest.StartOn(t, store, c.option...)
			g, err := s.SignUp(t.Context(), login.SignUpInput{Email: "ann@example.org", Name: "Ann", Password: goodPassword})
			logintest.Check(t, err)
			calls = 0
			_, err = s.Refresh(t.Context(), login.RefreshInput{RefreshToken: g.RefreshToken})
			logintest.Check(t, err)
			if calls != c.calls {
				t.Errorf("a refresh takes %d calls of the store, want %d", calls, c.calls)
			}
		})
	}
}
