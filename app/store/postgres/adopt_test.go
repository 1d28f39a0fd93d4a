package postgres_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"hasura-login/app/login"
	"hasura-login/app/store/storetest"
	"hasura-login/app/testserver"
)

// asBefore gives all families the form of the release before, as a rollback does,
// and then the tables of today again, as the next upgrade does.
func (f *fixture) asBefore(t *testing.T, database string) {
	t.Helper()
	down, err := os.ReadFile(filepath.Join(testserver.RepoRoot(t), "hasura/migrations/default/1764350000000_token_families/down.sql"))
	if err != nil {
		t.Fatal(err)
	}
	f.Exec(t, database, "BEGIN;\n"+string(down)+"\nCOMMIT;")
	f.Migrate(t, database)
}

// tokensOfBefore has the clients of the release before refresh at this one, which
// must sign none of them out: one whose answer was lost, one at rest, and eight
// calls at once.
func (f *fixture) tokensOfBefore(t *testing.T) {
	database := f.newDatabase(t)
	store := f.open(t, database)
	for round := range 3 {
		family := storetest.NewFamily(t, store, fmt.Sprintf("lost%d@example.org", round))
		if _, err := family.Steps(t.Context(), 2); err != nil {
			t.Fatal(err)
		}
		f.asBefore(t, database)
		if _, err := family.Steps(t.Context(), 5); err != nil {
			t.Fatalf("refreshing a token of the release before: %v", err)
		}
		if err := family.Reuse(t.Context()); !errors.Is(err, login.ErrTokenReused) {
			t.Errorf("reuse after the family was moved: %v", err)
		}
	}

	token := f.session(t, store, "eight@example.org")
	f.asBefore(t, database)
	var calls sync.WaitGroup
	nonces := make([]string, 8)
	for i := range nonces {
		calls.Go(func() {
			got, err := store.RotateToken(t.Context(), rotation(token, byte(i)))
			if err != nil {
				t.Errorf("call %d: %v", i, err)
				return
			}
			nonces[i] = string(got.Nonces[0])
		})
	}
	calls.Wait()
	for _, n := range nonces {
		if n != nonces[0] {
			t.Fatal("calls at once with a token of the release before got several successors")
		}
	}
}

// rolledBackBetween has the release before go on with a family that this one had
// moved, and this one take it up again. A token spent before that stays spent.
func (f *fixture) rolledBackBetween(t *testing.T) {
	database := f.newDatabase(t)
	store := f.open(t, database)
	first := f.session(t, store, "ann@example.org")
	f.asBefore(t, database)
	moved := rotation(first, 1)
	if _, err := store.RotateToken(t.Context(), moved); err != nil {
		t.Fatal(err)
	}
	theirs := login.TokenKey{Family: first.Family, Token: sha256.Sum256([]byte("of the release before"))}
	f.Exec(t, database, fmt.Sprintf(`INSERT INTO auth.refresh_tokens (hash, session_id, parent_hash, nonce, created_at)
		SELECT '\x%x', session_id, hash, '\x00', now() FROM auth.refresh_tokens WHERE hash = '\x%x'`, theirs.Token[:], moved.Child[:]))
	if _, err := store.RotateToken(t.Context(), rotation(theirs, 2)); err != nil {
		t.Fatalf("the family of the release before: %v", err)
	}
	spent := rotation(first, 3)
	spent.Grace = -time.Second
	if _, err := store.RotateToken(t.Context(), spent); !errors.Is(err, login.ErrTokenReused) {
		t.Errorf("a spent token: %v, want ErrTokenReused", err)
	}
}

// boundedRows counts what two thousand refreshes leave: nothing.
func (f *fixture) boundedRows(t *testing.T) {
	database := f.newDatabase(t)
	store := f.open(t, database)
	for i := range 5 {
		if _, err := storetest.NewFamily(t, store, fmt.Sprintf("user%d@example.org", i)).Steps(t.Context(), 400); err != nil {
			t.Fatal(err)
		}
	}
	f.Exec(t, database, `DO $$ BEGIN
		IF (SELECT count(*) FROM auth.refresh_tokens) > 0 OR (SELECT count(*) FROM auth.sessions) <> 5 THEN
			RAISE 'refreshes left rows'; END IF;
		IF (SELECT max(length(recent)) FROM auth.sessions) > 1152 THEN RAISE 'a family has grown'; END IF;
		END $$`)
	var hot, all int
	eventually(t, "statistics arrive", func() bool {
		hot, all = f.updates(t, database)
		return all >= 2000
	})
	if hot*10 < all*9 {
		t.Errorf("%d of %d updates left the indexes alone, want nine of ten", hot, all)
	}
}

func (f *fixture) session(t *testing.T, store login.Store, email string) login.TokenKey {
	t.Helper()
	now := time.Now()
	id := func(n int) string { return fmt.Sprintf("%08x-0000-4000-8000-%012x", f.databases.Add(1), n) }
	ua := login.UserAccount{
		User:    login.User{ID: id(1), Email: email, Name: "Ann", CreatedAt: now, UpdatedAt: now},
		Account: login.Account{Password: "hash", Roles: []string{"user"}, DefaultRole: "user", SessionVersion: 1},
	}
	n := login.NewSession{
		Session: login.Session{
			ID: id(2), UserID: ua.User.ID, SessionVersion: 1, CreatedAt: now, LastUsedAt: now,
			IdleUntil: now.Add(time.Hour), ExpiresAt: now.Add(time.Hour), ClientPrefix: "unknown",
		},
		Token: login.TokenKey{Family: sha256.Sum256([]byte("family of " + email)), Token: sha256.Sum256([]byte(email))}, MaxLive: 20,
	}
	if err := store.CreateUser(t.Context(), ua, &n); err != nil {
		t.Fatal(err)
	}
	return n.Token
}

func rotation(token login.TokenKey, n byte) login.Rotation {
	now := time.Now()
	nonce := sha256.Sum256([]byte{n})
	return login.Rotation{
		Presented: token, Child: sha256.Sum256(append(token.Token[:], n)), Nonce: nonce[:],
		Now: now, Grace: time.Minute, IdleUntil: now.Add(time.Hour),
	}
}
