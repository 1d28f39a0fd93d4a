package login_test

import (
	"context"
	"encoding/json"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hasura-login/app/login"
	"hasura-login/app/logintest"
	"hasura-login/app/webauthn/webauthntest"
)

const origin = logintest.Origin

// answer has an authenticator answer options.
func answer(t *testing.T, options json.RawMessage, err error, authenticator func([]byte) ([]byte, error)) []byte {
	t.Helper()
	if err != nil {
		t.Fatalf("options: %v", err)
	}
	answer, err := authenticator(options)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// addPasskey gives a signed-in account a passkey.
func (w *world) addPasskey(t *testing.T, id login.Identity, password string) (*webauthntest.Authenticator, login.Passkey) {
	t.Helper()
	a := webauthntest.New(origin)
	options, err := w.PasskeyOptions(context.Background(), id, password, home)
	p, err := w.AddPasskey(context.Background(), id, login.AddPasskeyInput{Name: "Phone", Answer: answer(t, options, err, a.Create), Client: home})
	if err != nil {
		t.Fatalf("adding a passkey: %v", err)
	}
	return a, p
}

func (w *world) signInPasskey(t *testing.T, a *webauthntest.Authenticator) (login.Grant, error) {
	t.Helper()
	options, err := w.SignInPasskeyOptions(context.Background())
	return w.SignInPasskey(context.Background(), login.SignInPasskeyInput{Answer: answer(t, options, err, a.Get), Client: home})
}

func (w *world) sessionOf(t *testing.T, g login.Grant) login.Session {
	t.Helper()
	session, _, err := w.store.SessionUserAccount(context.Background(), g.Token, w.clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	return session
}

func TestPasskey_SignsInByItself(t *testing.T) {
	w := newWorld(t)
	g := w.signUp(t, "ann@example.org")
	a, p := w.addPasskey(t, identity(g), goodPassword)
	if p.Name != "Phone" || !p.LastUsedAt.IsZero() {
		t.Errorf("%+v", p)
	}
	if _, err := w.refresh(g.RefreshToken); err != nil {
		t.Errorf("the session that added it ended: %v", err)
	}
	signedIn, err := w.signInPasskey(t, a)
	if err != nil {
		t.Fatal(err)
	}
	if signedIn.UserID != g.UserID || signedIn.DeviceToken == "" {
		t.Errorf("%+v", signedIn)
	}
	session := w.sessionOf(t, signedIn)
	if diff := cmp.Diff([]string{"hwk", "user", "mfa"}, session.AMR); diff != "" || !session.ElevatedAt.Equal(w.clock.Now()) {
		t.Errorf("elevated at %v, amr (-want +got): %s", session.ElevatedAt, diff)
	}
	list, err := w.ListPasskeys(context.Background(), identity(signedIn))
	if err != nil || len(list) != 1 || !list[0].LastUsedAt.Equal(w.clock.Now()) || list[0].SignCount != 1 {
		t.Errorf("%+v, %v", list, err)
	}
	if !slices.Contains(w.audit.Names(), login.EventPasskeyAdded) {
		t.Error("not audited")
	}
}

// hashCounter counts what costs a hash.
type hashCounter struct {
	login.Hasher
	hashes *int
}

func (c hashCounter) Verify(ctx context.Context, w login.HashRequest, hash, password string) (bool, bool, error) {
	*c.hashes++
	return c.Hasher.Verify(ctx, w, hash, password)
}

func (c hashCounter) Admit(w login.HashRequest) (login.HashRequest, error) {
	*c.hashes++
	return c.Hasher.Admit(w)
}

func TestPasskey_SignInCostsNoHash(t *testing.T) {
	hashes := new(int)
	w := newWorld(t, func(d *login.Deps, _ *login.Rules) { d.Hasher = hashCounter{d.Hasher, hashes} })
	a, _ := w.addPasskey(t, identity(w.signUp(t, "ann@example.org")), goodPassword)
	*hashes = 0
	if _, err := w.signInPasskey(t, a); err != nil {
		t.Fatal(err)
	}
	if *hashes != 0 {
		t.Errorf("it cost %d", *hashes)
	}
	if got := login.PolicyOf(login.OpSignInPasskey).Lane; got != login.LaneNone {
		t.Errorf("its hashes would wait in lane %d", got)
	}
}

// A key that is backed up is not bound to hardware, and amr says so.
func TestPasskey_AMRSaysWhereTheKeyMayBe(t *testing.T) {
	w := newWorld(t)
	id := identity(w.signUp(t, "ann@example.org"))
	a := webauthntest.New(origin)
	a.Flags |= webauthntest.BackupEligible
	options, err := w.PasskeyOptions(context.Background(), id, goodPassword, home)
	_, err = w.AddPasskey(context.Background(), id, login.AddPasskeyInput{Answer: answer(t, options, err, a.Create), Client: home})
	if err != nil {
		t.Fatal(err)
	}
	g, err := w.signInPasskey(t, a)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"swk", "user", "mfa"}, w.sessionOf(t, g).AMR); diff != "" {
		t.Error(diff)
	}
}

func TestPasskey_IsTheSecondFactorAfterAPassword(t *testing.T) {
	w := newWorld(t)
	a, _ := w.addPasskey(t, identity(w.signUp(t, "ann@example.org")), goodPassword)
	e := w.challenged(t, "ann@example.org")
	if !slices.Equal(e.Methods, []login.Method{login.MethodPasskey}) || !strings.Contains(string(e.PasskeyOptions), `"challenge":"`+e.Challenge+`"`) {
		t.Fatalf("methods %v, options %s", e.Methods, e.PasskeyOptions)
	}
	proof := login.Proof{Method: login.MethodPasskey, Answer: answer(t, e.PasskeyOptions, nil, a.Get)}
	in := login.SignInSecondFactorInput{Challenge: e.Challenge, Proof: proof, Client: home}
	g, err := w.SignInSecondFactor(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"pwd", "hwk", "user", "mfa"}, w.sessionOf(t, g).AMR); diff != "" {
		t.Error(diff)
	}
	_, err = w.SignInSecondFactor(context.Background(), in)
	wantCode(t, err, login.CodeInvalidToken)
	// An answer to the challenge of one sign-in does not answer another.
	in.Challenge = w.challenged(t, "ann@example.org").Challenge
	_, err = w.SignInSecondFactor(context.Background(), in)
	wantCode(t, err, login.CodeInvalidCredentials)
}

func TestPasskey_Elevates(t *testing.T) {
	w := newWorld(t)
	g := w.signUp(t, "ann@example.org")
	id := identity(g)
	ctx := context.Background()
	_, err := w.ElevationOptions(ctx, id, home)
	wantCode(t, err, login.CodeNotFound)
	a, p := w.addPasskey(t, id, goodPassword)
	wantCode(t, w.RemovePasskey(ctx, id, p.ID, goodPassword, home), login.CodeElevationRequired)

	elevate := func(id login.Identity, answer []byte) error {
		_, err := w.Elevate(ctx, id, login.ElevateInput{Proof: login.Proof{Method: login.MethodPasskey, Answer: answer}, Client: home})
		return err
	}
	options, err := w.ElevationOptions(ctx, id, home)
	signed := answer(t, options, err, a.Get)
	other, err := w.signInPasskey(t, a)
	if err != nil {
		t.Fatal(err)
	}
	wantCode(t, elevate(identity(other), signed), login.CodeInvalidCredentials) // of another session
	anonymous, err := w.SignInPasskeyOptions(ctx)
	wantCode(t, elevate(id, answer(t, anonymous, err, a.Get)), login.CodeInvalidCredentials)
	options, err = w.ElevationOptions(ctx, id, home)
	signed = answer(t, options, err, a.Get)
	if err := elevate(id, signed); err != nil {
		t.Fatal(err)
	}
	wantCode(t, elevate(id, signed), login.CodeInvalidCredentials) // again
	// The passkey stands for the password too.
	if err := w.RemovePasskey(ctx, id, p.ID, "", home); err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(10 * time.Minute)
	wantCode(t, w.DeleteAccount(ctx, id, "", home), login.CodeInvalidInput)
}

func TestPasskey_ChallengeIsSignedOnce(t *testing.T) {
	w := newWorld(t)
	a, _ := w.addPasskey(t, identity(w.signUp(t, "ann@example.org")), goodPassword)
	options, err := w.SignInPasskeyOptions(context.Background())
	signed := answer(t, options, err, a.Get)
	again := answer(t, options, nil, a.Get)
	var mu sync.Mutex
	opened := 0
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			_, err := w.SignInPasskey(context.Background(), login.SignInPasskeyInput{Answer: signed, Client: home})
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				opened++
			} else if login.AsError(err).Code != login.CodeInvalidToken {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if opened != 1 {
		t.Errorf("%d sessions were opened", opened)
	}
	_, err = w.SignInPasskey(context.Background(), login.SignInPasskeyInput{Answer: again, Client: home})
	wantCode(t, err, login.CodeInvalidToken)
	if slices.Contains(w.audit.Names(), login.EventPasskeyRegressed) {
		t.Error("a repetition was taken for a clone")
	}
}

func TestPasskey_ClonedAuthenticatorIsRefusedAndAudited(t *testing.T) {
	w := newWorld(t)
	a, p := w.addPasskey(t, identity(w.signUp(t, "ann@example.org")), goodPassword)
	clone := a.Clone()
	for range 3 {
		if _, err := w.signInPasskey(t, a); err != nil {
			t.Fatal(err)
		}
	}
	_, err := w.signInPasskey(t, clone)
	wantCode(t, err, login.CodeInvalidCredentials)
	if !slices.Contains(w.audit.Names(), login.EventPasskeyRegressed) {
		t.Error("not audited")
	}
	g, err := w.signInPasskey(t, a)
	if err != nil {
		t.Fatalf("the owner: %v", err)
	}
	list, err := w.ListPasskeys(context.Background(), identity(g))
	if err != nil || list[0].ID != p.ID || list[0].SignCount != 4 {
		t.Errorf("%+v, %v", list, err)
	}
}

// Whatever is wrong is refused with a code of the list, and spends nothing of the
// owner's.
func TestPasskey_BadAnswersSpendNothing(t *testing.T) {
	w := newWorld(t)
	g := w.signUp(t, "ann@example.org")
	a, _ := w.addPasskey(t, identity(g), goodPassword)
	bobs, _ := w.addPasskey(t, identity(w.signUp(t, "bob@example.org")), goodPassword)
	for name, c := range map[string]struct {
		change func(a *webauthntest.Authenticator)
		want   login.Code
	}{
		"wrong origin":      {func(a *webauthntest.Authenticator) { a.Origin = "https://evil.example" }, login.CodeInvalidCredentials},
		"wrong RP id":       {func(a *webauthntest.Authenticator) { a.RPID = "evil.example" }, login.CodeInvalidCredentials},
		"user not verified": {func(a *webauthntest.Authenticator) { a.Flags = webauthntest.UserPresent }, login.CodeInvalidCredentials},
		"another's handle":  {func(a *webauthntest.Authenticator) { a.Handle = bobs.Handle }, login.CodeInvalidCredentials},
		"another's passkey": {func(a *webauthntest.Authenticator) { a.CredentialID = bobs.CredentialID }, login.CodeInvalidCredentials},
		"unknown":           {func(a *webauthntest.Authenticator) { a.CredentialID = []byte("unknown") }, login.CodeInvalidCredentials},
		"no handle":         {func(a *webauthntest.Authenticator) { a.NoHandle = true }, login.CodeInvalidCredentials},
		"another ceremony":  {func(a *webauthntest.Authenticator) { a.Type = "webauthn.create" }, login.CodeInvalidCredentials},
	} {
		wrong := a.Clone()
		c.change(wrong)
		if _, err := w.signInPasskey(t, wrong); login.AsError(err).Code != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, c := range map[string]struct {
		answer []byte
		want   login.Code
	}{
		"nothing":  {nil, login.CodeInvalidInput},
		"no JSON":  {[]byte("x"), login.CodeInvalidInput},
		"empty":    {[]byte("{}"), login.CodeInvalidInput},
		"too long": {[]byte(`{"id":"` + strings.Repeat("A", login.MaxPasskeyAnswer) + `"}`), login.CodeInvalidInput},
	} {
		_, err := w.SignInPasskey(context.Background(), login.SignInPasskeyInput{Answer: c.answer, Client: home})
		if login.AsError(err).Code != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	list, err := w.ListPasskeys(context.Background(), identity(g))
	if err != nil || list[0].SignCount != 0 || !list[0].LastUsedAt.IsZero() {
		t.Errorf("%+v, %v", list, err)
	}
	if _, err := w.signInPasskey(t, a); err != nil {
		t.Error(err)
	}
}

func TestPasskey_ChallengeOfItsTime(t *testing.T) {
	w := newWorld(t)
	a, _ := w.addPasskey(t, identity(w.signUp(t, "ann@example.org")), goodPassword)
	options, err := w.SignInPasskeyOptions(context.Background())
	signed := answer(t, options, err, a.Get)
	w.clock.Advance(login.ChallengeLife)
	_, err = w.SignInPasskey(context.Background(), login.SignInPasskeyInput{Answer: signed, Client: home})
	wantCode(t, err, login.CodeInvalidToken)
	forged := strings.Replace(string(options), `"challenge":"AQ`, `"challenge":"AA`, 1)
	_, err = w.SignInPasskey(context.Background(), login.SignInPasskeyInput{Answer: answer(t, json.RawMessage(forged), nil, a.Get), Client: home})
	wantCode(t, err, login.CodeInvalidToken)
}

// A challenge from before a change of password, or of another client or session, is
// void.
func TestPasskey_BegunCeremoniesAreOfTheirSessionAndVersion(t *testing.T) {
	elsewhere := login.Client{Addr: netip.MustParseAddr("198.51.100.1")}
	for name, c := range map[string]struct {
		meanwhile func(t *testing.T, w *world, g login.Grant) login.Identity
		client    login.Client
	}{
		"the password changed": {func(t *testing.T, w *world, g login.Grant) login.Identity {
			changed, err := w.ChangePassword(context.Background(), identity(g), login.ChangePasswordInput{CurrentPassword: goodPassword, NewPassword: newPassword, Client: home})
			if err != nil {
				t.Fatal(err)
			}
			return identity(changed)
		}, home},
		"another session": {func(t *testing.T, w *world, _ login.Grant) login.Identity {
			g, err := w.signIn("ann@example.org", goodPassword)
			if err != nil {
				t.Fatal(err)
			}
			return identity(g)
		}, home},
		"another client": {func(_ *testing.T, _ *world, g login.Grant) login.Identity { return identity(g) }, elsewhere},
		"expired": {func(_ *testing.T, w *world, g login.Grant) login.Identity {
			w.clock.Advance(login.ChallengeLife)
			return identity(g)
		}, home},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			g := w.signUp(t, "ann@example.org")
			options, err := w.PasskeyOptions(context.Background(), identity(g), goodPassword, home)
			created := answer(t, options, err, webauthntest.New(origin).Create)
			id := c.meanwhile(t, w, g)
			_, err = w.AddPasskey(context.Background(), id, login.AddPasskeyInput{Answer: created, Client: c.client})
			wantCode(t, err, login.CodeInvalidToken)
		})
	}
}

func TestPasskey_SecondFactorChallengeEndsWithThePassword(t *testing.T) {
	w := newWorld(t)
	a, _ := w.addPasskey(t, identity(w.signUp(t, "ann@example.org")), goodPassword)
	e := w.challenged(t, "ann@example.org")
	signed := answer(t, e.PasskeyOptions, nil, a.Get)
	if err := w.operator().SetPassword(context.Background(), "ann@example.org", newPassword); err != nil {
		t.Fatal(err)
	}
	_, err := w.SignInSecondFactor(context.Background(), login.SignInSecondFactorInput{
		Challenge: e.Challenge, Proof: login.Proof{Method: login.MethodPasskey, Answer: signed}, Client: home,
	})
	wantCode(t, err, login.CodeInvalidToken)
}

func TestPasskey_RegistrationTakesWhatProvesSomething(t *testing.T) {
	w := newWorld(t)
	id := identity(w.signUp(t, "ann@example.org"))
	ctx := context.Background()
	for name, c := range map[string]struct {
		change func(a *webauthntest.Authenticator)
		want   login.Code
	}{
		"attestation none":   {func(*webauthntest.Authenticator) {}, ""},
		"attestation packed": {func(a *webauthntest.Authenticator) { a.Format = "packed" }, ""},
		"another format":     {func(a *webauthntest.Authenticator) { a.Format = "tpm" }, login.CodeInvalidToken},
		"wrong origin":       {func(a *webauthntest.Authenticator) { a.Origin = "https://evil.example" }, login.CodeInvalidToken},
		"wrong RP id":        {func(a *webauthntest.Authenticator) { a.RPID = "evil.example" }, login.CodeInvalidToken},
		"user not verified":  {func(a *webauthntest.Authenticator) { a.Flags = webauthntest.UserPresent }, login.CodeInvalidToken},
	} {
		a := webauthntest.New(origin)
		c.change(a)
		w.clock.Advance(time.Minute)
		options, err := w.PasskeyOptions(ctx, id, goodPassword, home)
		created := answer(t, options, err, a.Create)
		p, err := w.AddPasskey(ctx, id, login.AddPasskeyInput{Answer: created, Client: home})
		switch {
		case c.want != "":
			if login.AsError(err).Code != c.want {
				t.Errorf("%s: %v", name, err)
			}
		case err != nil:
			t.Errorf("%s: %v", name, err)
		default:
			ua, err := w.Me(ctx, id)
			if err == nil { // so that the next is the first again
				err = w.store.(login.PasskeyStore).RemovePasskey(ctx, id.UserID, p.ID, ua.Account.SessionVersion, false)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestPasskey_OneCredentialIsOfOneAccount(t *testing.T) {
	w := newWorld(t)
	ann, bob := identity(w.signUp(t, "ann@example.org")), identity(w.signUp(t, "bob@example.org"))
	a, _ := w.addPasskey(t, ann, goodPassword)
	options, err := w.PasskeyOptions(context.Background(), bob, goodPassword, home)
	again := answer(t, options, err, a.CreateAgain)
	_, err = w.AddPasskey(context.Background(), bob, login.AddPasskeyInput{Answer: again, Client: home})
	wantCode(t, err, login.CodeCredentialExists)
	if !slices.Contains(w.audit.Names(), login.EventRefused) {
		t.Error("not audited")
	}
}

func TestPasskey_NamesAndOwners(t *testing.T) {
	w := newWorld(t)
	ann, bob := identity(w.signUp(t, "ann@example.org")), identity(w.signUp(t, "bob@example.org"))
	_, p := w.addPasskey(t, ann, goodPassword)
	ctx := context.Background()
	if err := w.RenamePasskey(ctx, ann, p.ID, "  Key ring ", home); err != nil {
		t.Fatal(err)
	}
	list, err := w.ListPasskeys(ctx, ann)
	if err != nil || list[0].Name != "Key ring" {
		t.Errorf("%+v, %v", list, err)
	}
	for name, c := range map[string]struct {
		id      login.Identity
		passkey string
		name    string
		want    login.Code
	}{
		"another's":     {bob, p.ID, "Mine", login.CodeNotFound},
		"no such":       {ann, "x", "Mine", login.CodeNotFound},
		"too long":      {ann, p.ID, strings.Repeat("ä", 61), login.CodeInvalidInput},
		"hidden signs":  {ann, p.ID, "a\u202eb", login.CodeInvalidInput},
		"signed out":    {login.Identity{}, p.ID, "Mine", login.CodeUnauthenticated},
		"control signs": {ann, p.ID, "a\x00b", login.CodeInvalidInput},
	} {
		if err := w.RenamePasskey(ctx, c.id, c.passkey, c.name, home); login.AsError(err).Code != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	wantCode(t, w.RemovePasskey(ctx, bob, p.ID, goodPassword, home), login.CodeNotFound)
}

func TestLastWayIn_CannotBeRemoved(t *testing.T) {
	w := newWorld(t)
	g := w.signUp(t, "ann@example.org")
	ctx := context.Background()
	_, err := w.RemovePassword(ctx, identity(g), goodPassword, home)
	wantCode(t, err, login.CodeLastWayIn)
	a, p := w.addPasskey(t, identity(g), goodPassword)
	signedIn, err := w.signInPasskey(t, a)
	if err != nil {
		t.Fatal(err)
	}
	w.sendAll(t)
	left, err := w.RemovePassword(ctx, identity(signedIn), "", home)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(w.sendAll(t), func(m login.QueuedMail) bool { return m.Kind == login.MailPasswordRemoved }) {
		t.Error("the owner is not told")
	}
	_, err = w.refresh(g.RefreshToken)
	wantCode(t, err, login.CodeInvalidRefreshToken)
	_, err = w.signIn("ann@example.org", goodPassword)
	wantCode(t, err, login.CodeInvalidCredentials)
	_, err = w.RemovePassword(ctx, identity(left), "", home)
	wantCode(t, err, login.CodeNotFound)
	wantCode(t, w.RemovePasskey(ctx, identity(left), p.ID, "", home), login.CodeLastWayIn)
	second, _ := w.addPasskey(t, identity(left), "")
	if err := w.RemovePasskey(ctx, identity(left), p.ID, "", home); err != nil {
		t.Error(err)
	}
	if _, err := w.signInPasskey(t, second); err != nil {
		t.Error(err)
	}
	_, err = w.signInPasskey(t, a)
	wantCode(t, err, login.CodeInvalidCredentials)
	// A new password is set as it was removed.
	if _, err := w.ChangePassword(ctx, identity(left), login.ChangePasswordInput{NewPassword: newPassword, Client: home}); err != nil {
		t.Error(err)
	}
}

// An id in capitals names the same passkey.
func TestLastWayIn_IsKeptUnderAnySpellingOfItsID(t *testing.T) {
	before := newWorld(t)
	g := before.signUp(t, "ann@example.org")
	if err := before.link(t, g, atCorp("1", "ann@example.org")); err != nil {
		t.Fatal(err)
	}
	a, p := before.addPasskey(t, identity(g), goodPassword)
	g, err := before.signInPasskey(t, a)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorldOn(t, before.store, func(d *login.Deps, _ *login.Rules) { d.Providers = nil })
	if g, err = w.RemovePassword(t.Context(), identity(g), goodPassword, home); err != nil {
		t.Fatal(err)
	}
	wantCode(t, w.RemovePasskey(t.Context(), identity(g), strings.ToUpper(p.ID), "", home), login.CodeLastWayIn)
}

// A setting may take away a way in that the stores still know.
func TestLastWayIn_IsOneThatTheServiceTakes(t *testing.T) {
	noPasskeys := func(d *login.Deps, _ *login.Rules) { d.Passkeys = nil }
	noProviders := func(d *login.Deps, _ *login.Rules) { d.Providers = nil }
	for name, c := range map[string]struct {
		options []logintest.Option
		want    login.Code // empty: the password goes
	}{
		"both are taken":        {nil, ""},
		"no passkeys any more":  {[]logintest.Option{noPasskeys}, ""},
		"no providers any more": {[]logintest.Option{noProviders}, ""},
		"neither any more":      {[]logintest.Option{noPasskeys, noProviders}, login.CodeLastWayIn},
		"neither, but by mail":  {[]logintest.Option{noPasskeys, noProviders, byMail(login.MailSignInKnown)}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			before := newWorld(t)
			g := before.signUp(t, "ann@example.org")
			if err := before.link(t, g, atCorp("1", "ann@example.org")); err != nil {
				t.Fatal(err)
			}
			a, _ := before.addPasskey(t, identity(g), goodPassword)
			g, err := before.signInPasskey(t, a) // which elevates
			if err != nil {
				t.Fatal(err)
			}
			w := newWorldOn(t, before.store, c.options...)
			_, err = w.RemovePassword(t.Context(), identity(g), goodPassword, home)
			if c.want == "" && err != nil {
				t.Error(err)
			} else if c.want != "" {
				wantCode(t, err, c.want)
			}
		})
	}
}

func TestPasskey_OfAnAccountThatMayNotBeEntered(t *testing.T) {
	w := newWorld(t, func(_ *login.Deps, r *login.Rules) { r.RequireVerifiedEmail = true })
	o := w.operator()
	ua, err := o.Create(context.Background(), "ann@example.org", "Ann", goodPassword, []string{"user"})
	if err != nil {
		t.Fatal(err)
	}
	o.Issuer, o.Rules = logintest.SessionIDIssuer{}, login.Rules{RefreshTTL: time.Hour, RefreshIdle: time.Hour, MaxSessions: 5}
	g, err := o.OpenSession(context.Background(), ua.User.ID)
	if err != nil {
		t.Fatal(err)
	}
	a, _ := w.addPasskey(t, identity(g), goodPassword)
	_, err = w.signInPasskey(t, a)
	wantCode(t, err, login.CodeEmailNotVerified)
	if err := o.SetDisabled(context.Background(), ua.User.ID, true); err != nil {
		t.Fatal(err)
	}
	_, err = w.signInPasskey(t, a)
	wantCode(t, err, login.CodeAccountDisabled)
}

func TestPasskeys_ThatTheServiceDoesNotTake(t *testing.T) {
	w := newWorld(t, func(d *login.Deps, _ *login.Rules) { d.Passkeys = nil })
	id := identity(w.signUp(t, "ann@example.org"))
	_, err := w.SignInPasskeyOptions(context.Background())
	wantCode(t, err, login.CodePasskeysDisabled)
	_, err = w.SignInPasskey(context.Background(), login.SignInPasskeyInput{Answer: []byte("{}"), Client: home})
	wantCode(t, err, login.CodePasskeysDisabled)
	_, err = w.PasskeyOptions(context.Background(), id, goodPassword, home)
	wantCode(t, err, login.CodePasskeysDisabled)
}

// Recovery codes stand in for a passkey too.
func TestRecoveryCodes_StandInForAPasskey(t *testing.T) {
	w := newWorld(t)
	g := w.signUp(t, "ann@example.org")
	a, _ := w.addPasskey(t, identity(g), goodPassword)
	signedIn, err := w.signInPasskey(t, a)
	if err != nil {
		t.Fatal(err)
	}
	codes, err := w.NewRecoveryCodes(context.Background(), identity(signedIn), "", home)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.answer(w.challenged(t, "ann@example.org").Challenge, login.MethodRecoveryCode, codes[0]); err != nil {
		t.Error(err)
	}
}

// A passkey sign-in makes an unknown device known; a known device causes no notice
// about a new device.
func TestPasskey_KnownDevicesAreNotNew(t *testing.T) {
	w := newWorld(t)
	g := w.signUp(t, "ann@example.org")
	a, _ := w.addPasskey(t, identity(g), goodPassword)
	tells := func(deviceToken string) bool {
		w.sendAll(t)
		options, err := w.SignInPasskeyOptions(context.Background())
		_, err = w.SignInPasskey(context.Background(), login.SignInPasskeyInput{Answer: answer(t, options, err, a.Get), DeviceToken: deviceToken, Client: home})
		if err != nil {
			t.Fatal(err)
		}
		return slices.ContainsFunc(w.sendAll(t), func(m login.QueuedMail) bool { return m.Kind == login.MailNewDevice })
	}
	if tells(g.DeviceToken) {
		t.Error("told of a device that is known")
	}
	if !tells("") || !tells("device of bob@example.org x") {
		t.Error("not told of a new one")
	}
}

// If mailed codes sign in, every account has a way in that is not a credential.
func TestLastWayIn_IsNotTheLastWhereMailSignsIn(t *testing.T) {
	w := newWorld(t, func(_ *login.Deps, r *login.Rules) { r.MailSignIn = login.MailSignInKnown })
	g := w.signUp(t, "ann@example.org")
	if _, err := w.RemovePassword(context.Background(), identity(g), goodPassword, home); err != nil {
		t.Error(err)
	}
}
