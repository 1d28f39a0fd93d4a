package login_test

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/bcrypt"

	"hasura-login/app/login"
)

func TestSignUp_NormalizesTheAddressAndSignsIn(t *testing.T) {
	w := newWorld(t)
	g, err := w.SignUp(context.Background(), login.SignUpInput{Email: "  A+B@Example.ORG ", Name: " Ann ", Password: goodPassword, Client: home})
	if err != nil {
		t.Fatal(err)
	}
	ua, err := w.Me(context.Background(), identity(g))
	if err != nil {
		t.Fatal(err)
	}
	if ua.User.Email != "a+b@example.org" || ua.User.Name != "Ann" || !slices.Equal(ua.Account.Roles, []string{"user"}) {
		t.Errorf("stored %+v", ua)
	}
	if _, err := w.signIn("a+B@EXAMPLE.org", goodPassword); err != nil {
		t.Errorf("signing in with capitals: %v", err)
	}
}

func TestSignUp_RefusesATakenAddressWithoutAHash(t *testing.T) {
	hasher := &countedHasher{}
	w := newWorld(t, hasher.in)
	w.signUp(t, "ann@example.org")
	before := hasher.count.Load()
	_, err := w.SignUp(context.Background(), login.SignUpInput{Email: "ANN@example.org", Name: "Ann", Password: goodPassword, Client: home})
	wantCode(t, err, login.CodeEmailTaken)
	if n := hasher.count.Load() - before; n != 0 {
		t.Errorf("%d hashes spent on a taken address", n)
	}
	if got := w.limiter.settlements(); !slices.Equal(got, []string{"failed"}) {
		t.Errorf("a search for addresses was settled as %v", got)
	}
}

func TestSignUp_ClosedBySetting(t *testing.T) {
	w := newWorld(t, func(_ *login.Deps, r *login.Rules) { r.SignUp = login.SignUpClosed })
	_, err := w.SignUp(context.Background(), login.SignUpInput{Email: "ann@example.org", Name: "Ann", Password: goodPassword, Client: home})
	wantCode(t, err, login.CodeSignupDisabled)
}

func TestSignIn_EveryWrongWayCostsOneHashAndSaysTheSame(t *testing.T) {
	hasher := &countedHasher{}
	w := newWorld(t, hasher.in)
	w.signUp(t, "ann@example.org")
	disabled := w.signUp(t, "off@example.org")
	setDisabled(t, w, disabled.UserID)

	for name, email := range map[string]string{"unknown": "nobody@example.org", "wrong": "ann@example.org", "disabled": "off@example.org"} {
		before := hasher.count.Load()
		_, err := w.signIn(email, "not the password")
		wantCode(t, err, login.CodeInvalidCredentials)
		if msg := login.AsError(err).Message; msg != "Email or password wrong" {
			t.Errorf("%s: message %q", name, msg)
		}
		if n := hasher.count.Load() - before; n != 1 {
			t.Errorf("%s: %d hashes, want 1", name, n)
		}
	}
	if got := w.limiter.settlements(); !slices.Equal(got, []string{"failed", "failed", "failed"}) {
		t.Errorf("settled %v", got)
	}
}

func TestSignIn_DisabledIsToldOnlyAfterTheRightPassword(t *testing.T) {
	w := newWorld(t)
	g := w.signUp(t, "ann@example.org")
	setDisabled(t, w, g.UserID)
	_, err := w.signIn("ann@example.org", goodPassword)
	wantCode(t, err, login.CodeAccountDisabled)
	_, err = w.refresh(g.RefreshToken)
	wantCode(t, err, login.CodeInvalidRefreshToken)
}

func TestSignIn_RefusedByTheLimiterCostsNothing(t *testing.T) {
	hasher := &countedHasher{}
	w := newWorld(t, hasher.in)
	w.limiter.refuse = login.RetryLater(login.CodeRateLimited, 1, "later")
	_, err := w.signIn("ann@example.org", goodPassword)
	wantCode(t, err, login.CodeRateLimited)
	if n := hasher.count.Load(); n != 0 {
		t.Errorf("%d hashes", n)
	}
	if diff := cmp.Diff([]login.EventName{login.EventThrottled}, w.audit.Names()); diff != "" {
		t.Error(diff)
	}
}

func TestSignIn_KnownDeviceIsPassedToBothLimiters(t *testing.T) {
	hasher := &countedHasher{}
	w := newWorld(t, hasher.in)
	g := w.signUp(t, "ann@example.org")
	_, err := w.SignIn(context.Background(), login.SignInInput{Email: "ann@example.org", Password: goodPassword, DeviceToken: g.DeviceToken, Client: home})
	if err != nil {
		t.Fatal(err)
	}
	last := w.limiter.attempts[len(w.limiter.attempts)-1]
	if !strings.HasPrefix(last.DeviceID, "device ") || !hasher.last.Load().KnownDevice {
		t.Errorf("attempt %+v, work %+v", last, hasher.last.Load())
	}
}

// A device beyond what its client may ask with known devices waits with strangers,
// and its owner is not told of a new device.
func TestSignIn_ADeviceOfACrowdedClientIsStillKnownButNotFirst(t *testing.T) {
	hasher := &countedHasher{}
	w := newWorld(t, hasher.in)
	g := w.signUp(t, "ann@example.org")
	w.limiter.crowded = true
	_, err := w.SignIn(context.Background(), login.SignInInput{Email: "ann@example.org", Password: goodPassword, DeviceToken: g.DeviceToken, Client: home})
	if err != nil {
		t.Fatal(err)
	}
	if last := hasher.last.Load(); last.KnownDevice || last.Lane() != login.LaneSignIn {
		t.Errorf("work %+v", last)
	}
	w.wantTold(t)
}

// A previous holder's device must not count as known: it falls under the limits for
// strangers, and the owner gets a notice.
func TestSignIn_ADeviceOfBeforeAResetIsAStranger(t *testing.T) {
	hasher := &countedHasher{}
	w := newWorld(t, hasher.in)
	thief := w.signUp(t, "ann@example.org")
	w.forgot(t, "ann@example.org")
	_, token := w.mailed(t)
	owner, err := w.reset(token, newPassword)
	if err != nil {
		t.Fatal(err)
	}
	w.sendAll(t)
	for name, c := range map[string]struct {
		device string
		known  bool
		told   []login.MailKind
	}{
		"the owner's": {owner.DeviceToken, true, nil},
		"the thief's": {thief.DeviceToken, false, []login.MailKind{login.MailNewDevice}},
	} {
		_, err = w.SignIn(context.Background(), login.SignInInput{Email: "ann@example.org", Password: newPassword, DeviceToken: c.device, Client: home})
		if err != nil {
			t.Fatal(err)
		}
		if got := hasher.last.Load().KnownDevice; got != c.known {
			t.Errorf("%s: known to the hash limiter: %v", name, got)
		}
		counted := w.limiter.attempts[len(w.limiter.attempts)-1]
		if counted.Unsolicited != "" {
			counted = w.limiter.attempts[len(w.limiter.attempts)-2]
		}
		if got := counted.DeviceID != ""; got != c.known {
			t.Errorf("%s: counted as %+v", name, counted)
		}
		w.wantTold(t, c.told...)
		if n := hasher.places.Load(); n != 0 {
			t.Errorf("%s: %d places are kept for nobody", name, n)
		}
	}
}

func TestSignIn_AnOverloadedHashLimiterGivesTheAttemptBack(t *testing.T) {
	hasher := &countedHasher{}
	w := newWorld(t, hasher.in)
	w.signUp(t, "ann@example.org")
	hasher.refuse.Store(true)
	_, err := w.signIn("ann@example.org", goodPassword)
	wantCode(t, err, login.CodeOverloaded)
	if got := w.limiter.settlements(); !slices.Equal(got, []string{"released"}) {
		t.Errorf("settled %v", got)
	}
}

// Under a flood a look into the database for each refusal would cost more than
// the refusal.
func TestSignIn_AFullHashLimiterIsAskedBeforeTheDatabase(t *testing.T) {
	hasher := &countedHasher{}
	w := newWorld(t, hasher.in, func(d *login.Deps, _ *login.Rules) { d.Store = noLookups{d.Store, t} })
	hasher.full.Store(true)
	_, err := w.signIn("ann@example.org", goodPassword)
	wantCode(t, err, login.CodeOverloaded)
	if got := w.limiter.settlements(); !slices.Equal(got, []string{"released"}) {
		t.Errorf("settled %v", got)
	}
}

type noLookups struct {
	login.Store
	t *testing.T
}

func (n noLookups) UserAccountByEmail(context.Context, string) (login.UserAccount, error) {
	n.t.Error("the database was asked")
	return login.UserAccount{}, login.ErrNotFound
}

func TestSignIn_AStaleHashIsReplacedWithoutEndingSessions(t *testing.T) {
	hasher := &countedHasher{}
	w := newWorld(t, hasher.in)
	g := w.signUp(t, "ann@example.org")
	before, err := w.store.UserAccountByID(context.Background(), g.UserID)
	if err != nil {
		t.Fatal(err)
	}
	hasher.stale.Store(true)
	if _, err := w.signIn("ann@example.org", goodPassword); err != nil {
		t.Fatal(err)
	}
	w.Wait()
	after, err := w.store.UserAccountByID(context.Background(), g.UserID)
	if err != nil {
		t.Fatal(err)
	}
	if after.Account.Password == before.Account.Password || after.Account.SessionVersion != before.Account.SessionVersion {
		t.Errorf("hash replaced: %t, version %d → %d", after.Account.Password != before.Account.Password, before.Account.SessionVersion, after.Account.SessionVersion)
	}
	if _, err := w.refresh(g.RefreshToken); err != nil {
		t.Errorf("an earlier session ended: %v", err)
	}
}

// A sign-in that was hashing the old password when it was changed gets nothing.
func TestSignIn_LosesTheRaceAgainstAPasswordChange(t *testing.T) {
	hasher := &countedHasher{}
	w := newWorld(t, hasher.in)
	g := w.signUp(t, "ann@example.org")
	hasher.afterVerify = func() {
		hasher.afterVerify = nil
		if _, err := w.ChangePassword(context.Background(), identity(g), login.ChangePasswordInput{CurrentPassword: goodPassword, NewPassword: newPassword, Client: home}); err != nil {
			t.Errorf("changing the password: %v", err)
		}
	}
	_, err := w.signIn("ann@example.org", goodPassword)
	wantCode(t, err, login.CodeInvalidCredentials)
}

// lostStore is unavailable: it finds no account.
type lostStore struct{ login.Store }

func (lostStore) UserAccountByEmail(context.Context, string) (login.UserAccount, error) {
	return login.UserAccount{}, login.ErrUnavailable
}

func TestSignIn_GivesItsPlaceInTheHashLimiterBackWithoutADatabase(t *testing.T) {
	hasher := &countedHasher{}
	w := newWorldOn(t, lostStore{}, hasher.in)
	_, err := w.signIn("ann@example.org", goodPassword)
	wantCode(t, login.AsError(err), login.CodeUnavailable)
	_, err = w.SignUp(context.Background(), login.SignUpInput{Email: "ann@example.org", Name: "Ann", Password: goodPassword, Client: home})
	wantCode(t, login.AsError(err), login.CodeUnavailable)
	if n := hasher.places.Load(); n != 0 {
		t.Errorf("%d places were kept for nobody", n)
	}
}

// A place that leaked would have the hash limiter count somebody who never comes.
func TestAdmit_APanicKeepsNoPlace(t *testing.T) {
	hasher := &countedHasher{}
	w := newWorld(t, hasher.in, func(d *login.Deps, _ *login.Rules) { d.Store = panickingStore{d.Store} })
	for name, call := range map[string]func() error{
		"signing in": func() error { _, err := w.signIn("ann@example.org", goodPassword); return err },
		"signing up": func() error {
			_, err := w.SignUp(context.Background(), login.SignUpInput{Email: "ann@example.org", Name: "Ann", Password: goodPassword, Client: home})
			return err
		},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			_ = call()
		}()
		if n := hasher.places.Load(); n != 0 {
			t.Errorf("%s: %d places are kept for nobody", name, n)
		}
	}
}

type panickingStore struct{ login.Store }

func (panickingStore) UserAccountByEmail(context.Context, string) (login.UserAccount, error) {
	panic("a defect")
}

func setDisabled(t *testing.T, w *world, userID string) {
	t.Helper()
	yes := true
	if err := w.store.UpdateAccount(context.Background(), userID, login.AccountChange{Disabled: &yes}, w.clock.Now()); err != nil {
		t.Fatal(err)
	}
}

// countedHasher counts the hashes of the real limiter and can be told to misbehave.
type countedHasher struct {
	login.Hasher
	count       atomic.Int64
	places      atomic.Int64 // kept and not used yet
	last        atomic.Pointer[login.HashRequest]
	refuse      atomic.Bool
	full        atomic.Bool
	stale       atomic.Bool
	afterVerify func()
}

func (h *countedHasher) in(d *login.Deps, _ *login.Rules) {
	h.Hasher = d.Hasher
	d.Hasher = h
}

func (h *countedHasher) Admit(w login.HashRequest) (login.HashRequest, error) {
	if h.full.Load() {
		return w, login.RetryLater(login.CodeOverloaded, 1, "busy")
	}
	w, err := h.Hasher.Admit(w)
	if err == nil {
		h.places.Add(1)
	}
	return w, err
}

func (h *countedHasher) Release(w login.HashRequest) {
	h.leave(w)
	h.Hasher.Release(w)
}

func (h *countedHasher) leave(w login.HashRequest) {
	if w.HasTicket {
		h.places.Add(-1)
	}
}

func (h *countedHasher) Hash(ctx context.Context, w login.HashRequest, p string) (string, error) {
	h.leave(w)
	h.count.Add(1)
	return h.Hasher.Hash(ctx, w, p)
}

func (h *countedHasher) Verify(ctx context.Context, w login.HashRequest, hash, p string) (bool, bool, error) {
	h.leave(w)
	if h.refuse.Load() {
		return false, false, login.RetryLater(login.CodeOverloaded, 1, "busy")
	}
	h.count.Add(1)
	h.last.Store(&w)
	ok, stale, err := h.Hasher.Verify(ctx, w, hash, p)
	if h.afterVerify != nil {
		h.afterVerify()
	}
	return ok, stale || h.stale.Load(), err
}

// A hash of before passwords had one form, or an imported one, goes on working as it
// was typed, and is replaced by one that opens on any system (matrix-org/synapse#3306).
func TestSignIn_AHashOfAnotherFormIsReplaced(t *testing.T) {
	w := newWorld(t)
	g := w.signUp(t, "ann@example.org")
	typed, composed := "man\u0303ana manana", "ma\u00f1ana manana"
	raw, err := bcrypt.GenerateFromPassword([]byte(typed), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	ua, err := w.store.UserAccountByID(t.Context(), g.UserID)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.store.ReplaceHash(t.Context(), g.UserID, ua.Account.Password, string(raw)); err != nil {
		t.Fatal(err)
	}
	_, err = w.signIn("ann@example.org", composed)
	wantCode(t, err, login.CodeInvalidCredentials)
	if _, err := w.signIn("ann@example.org", typed); err != nil {
		t.Fatal(err)
	}
	w.Wait()
	for _, form := range []string{typed, composed} {
		if _, err := w.signIn("ann@example.org", form); err != nil {
			t.Errorf("%+q: %v", form, err)
		}
	}
}
