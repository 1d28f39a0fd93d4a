package sqlite_test

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"hasura-login/app/login"
	"hasura-login/app/store/sqlite"
	"hasura-login/app/store/storetest"
)

func TestStore_Conforms(t *testing.T) {
	storetest.Run(t, func(t *testing.T) login.Store { return open(t, newPath(t)) })
}

func TestOpen_MakesAFileForItsOwnerAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a b?mode=ro#%41;.db") // a name, whatever it looks like
	store := open(t, path)
	storetest.NewFamily(t, store, "ann@example.org")
	files, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*"))
	if err != nil || len(files) < 2 || files[0] != path {
		t.Fatalf("files %q, %v, want %q and its log", files, err, path)
	}
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		if mode := info.Mode().Perm(); mode != 0o600 {
			t.Errorf("%s: mode %o, want 600", filepath.Base(file), mode)
		}
	}
}

func TestOpen_FailsWhereNoFileCanBe(t *testing.T) {
	for _, path := range []string{filepath.Join(t.TempDir(), "missing", "login.db"), t.TempDir()} {
		if store, err := sqlite.Open(path); err == nil {
			_ = store.Close()
			t.Errorf("Open(%q) succeeded", path)
		}
	}
	junk := newPath(t)
	if err := os.WriteFile(junk, []byte("this is no database at all, but long enough to look at"), 0o600); err != nil {
		t.Fatal(err)
	}
	if store, err := sqlite.Open(junk); err == nil {
		_ = store.Close()
		t.Error("Open took a file that is no database")
	}
}

func TestStore_KeepsAllOverAReopening(t *testing.T) {
	path := newPath(t)
	first := open(t, path)
	storetest.NewFamily(t, first, "ann@example.org")
	before, err := first.UserAccountByEmail(t.Context(), "ann@example.org")
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second := open(t, path)
	after, err := second.UserAccountByEmail(t.Context(), "ann@example.org")
	if err != nil || after.User != before.User {
		t.Errorf("user %+v, %v, want %+v", after.User, err, before.User)
	}
	sessions, err := second.LiveSessions(t.Context(), before.User.ID, before.User.CreatedAt)
	if err != nil || len(sessions) != 1 {
		t.Errorf("%d sessions, %v, want 1", len(sessions), err)
	}
}

// TestStore_SharesItsFile has the service and an operator's command at one file.
func TestStore_SharesItsFile(t *testing.T) {
	path := newPath(t)
	stores := []*sqlite.Store{open(t, path), open(t, path)}
	var running sync.WaitGroup
	for i := range 20 {
		family := storetest.NewFamily(t, stores[i%2], fmt.Sprintf("user%02d@example.org", i))
		running.Go(func() {
			if unavailable, err := family.Steps(t.Context(), 20); err != nil || unavailable > 0 {
				t.Errorf("refreshing: %v, unavailable %d times", err, unavailable)
			}
		})
	}
	running.Wait()
}

func TestDB_ShowsUsersAsPostgresWould(t *testing.T) {
	store := open(t, newPath(t))
	storetest.NewFamily(t, store, "ann@example.org") // created 18:30 at five hours ahead of UTC
	var created, updated string
	read := func() {
		t.Helper()
		err := store.DB().QueryRowContext(t.Context(), `SELECT created_at, updated_at FROM users WHERE email = 'ann@example.org'`).Scan(&created, &updated)
		if err != nil {
			t.Fatal(err)
		}
	}
	read()
	if want := "2026-11-24T13:30:00.123456+00:00"; created != want || updated != want {
		t.Errorf("created_at %s, updated_at %s, want %s", created, updated, want)
	}
	if _, err := store.DB().ExecContext(t.Context(), `UPDATE users SET name = 'Ann New', updated_at = 'x'`); err != nil {
		t.Fatal(err)
	}
	read()
	if !regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00$`).MatchString(updated) {
		t.Errorf("updated_at %q is not of the form of created_at", updated)
	}
	ua, err := store.UserAccountByEmail(t.Context(), "ann@example.org")
	if err != nil {
		t.Fatal(err)
	}
	if age := time.Since(ua.User.UpdatedAt); ua.User.Name != "Ann New" || age < -time.Minute || age > time.Minute {
		t.Errorf("name %q, updated %s ago", ua.User.Name, age)
	}
}

func TestUserAccount_BrokenColumnsDoNotLockOut(t *testing.T) {
	store := open(t, newPath(t))
	family := storetest.NewFamily(t, store, "ann@example.org")
	if _, err := store.DB().ExecContext(t.Context(), `UPDATE auth_accounts SET claims = '{"x-hasura-org": 7}'`); err == nil {
		t.Error("a claim that is no string was taken")
	}
	if _, err := store.DB().ExecContext(t.Context(), `DROP TRIGGER auth_accounts_claims`); err != nil { // a hand of before
		t.Fatal(err)
	}
	for claims, roles := range map[string]string{
		`[1, 2]`: `[]`, `null`: `null`, `broken`: `{`, `"text"`: `"user"`,
		`{"x-hasura-org": 7, "x-hasura-team": "red"}`: `["user", null, 1]`,
	} {
		if _, err := store.DB().ExecContext(t.Context(), `UPDATE auth_accounts SET claims = ?, roles = ?`, claims, roles); err != nil {
			t.Fatal(err)
		}
		ua, err := store.UserAccountByEmail(t.Context(), "ann@example.org")
		if err != nil {
			t.Errorf("claims %s, roles %s: %v", claims, roles, err)
		}
		if len(claims) > 20 && (len(ua.Account.Claims) != 1 || ua.Account.Claims["x-hasura-team"] != "red" || len(ua.Account.Roles) != 1) {
			t.Errorf("claims %v, roles %v", ua.Account.Claims, ua.Account.Roles)
		}
		if err := family.Step(t.Context()); err != nil {
			t.Errorf("claims %s, roles %s: %v", claims, roles, err)
		}
	}
}

func BenchmarkStore(b *testing.B) {
	storetest.Bench(b, func(b *testing.B) login.Store { return open(b, newPath(b)) })
}

func newPath(t testing.TB) string { return filepath.Join(t.TempDir(), "login.db") }

func open(t testing.TB, path string) *sqlite.Store {
	t.Helper()
	store, err := sqlite.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return store
}

// Everybody who writes waits while it runs, and there are thousands of tokens for
// one session.
func TestSweep_DoesNotReadEveryToken(t *testing.T) {
	path := newPath(t)
	open(t, path)
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query("EXPLAIN QUERY PLAN "+sqlite.SweepTokens, 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	steps := ""
	for rows.Next() {
		var id, parent, unused int
		var step string
		if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
			t.Fatal(err)
		}
		steps += step + "\n"
	}
	if !strings.Contains(steps, "SEARCH t USING") || rows.Err() != nil {
		t.Errorf("the tokens are not found by their session, %v:\n%s", rows.Err(), steps)
	}
}

// A file of the release before has a row for each token and no family on the session.
func TestOpen_TokensOfTheReleaseBeforeGoOn(t *testing.T) {
	path := newPath(t)
	store := open(t, path)
	family := storetest.NewFamily(t, store, "ann@example.org")
	if _, err := family.Steps(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		`INSERT INTO auth_refresh_tokens (hash, session_id, parent_hash, nonce, created_at)
			SELECT token_hash, id, parent_hash, token_nonce, exchanged_at FROM auth_sessions`,
		`DROP INDEX auth_sessions_family_hash_idx`,
		`ALTER TABLE auth_sessions DROP COLUMN family_hash`, `ALTER TABLE auth_sessions DROP COLUMN token_hash`,
		`ALTER TABLE auth_sessions DROP COLUMN token_nonce`, `ALTER TABLE auth_sessions DROP COLUMN parent_hash`,
		`ALTER TABLE auth_sessions DROP COLUMN recent`, `ALTER TABLE auth_sessions DROP COLUMN exchanged_at`,
	} {
		if _, err := store.DB().ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	family.On(open(t, path))
	if _, err := family.Steps(t.Context(), 3); err != nil {
		t.Fatalf("refreshing a token of the release before: %v", err)
	}
	if err := family.Reuse(t.Context()); !errors.Is(err, login.ErrTokenReused) {
		t.Errorf("reuse: %v", err)
	}
}

// As in Postgres: what an application makes of an address is not verified.
func TestAddress_ThatTheAppChangesIsNotVerified(t *testing.T) {
	store := open(t, filepath.Join(t.TempDir(), "login.db"))
	storetest.NewFamily(t, store, "ann@example.org")
	ua, err := store.UserAccountByEmail(t.Context(), "ann@example.org")
	if err != nil {
		t.Fatal(err)
	}
	if err := store.UpdateAccount(t.Context(), ua.User.ID, login.AccountChange{EmailVerified: true}, time.Now()); err != nil {
		t.Fatal(err)
	}
	if _, err := store.DB().ExecContext(t.Context(), `UPDATE users SET email = 'new@example.org'`); err != nil {
		t.Fatal(err)
	}
	ua, err = store.UserAccountByEmail(t.Context(), "new@example.org")
	if err != nil || !ua.Account.EmailVerifiedAt.IsZero() {
		t.Errorf("verified at %s, %v", ua.Account.EmailVerifiedAt, err)
	}
}
