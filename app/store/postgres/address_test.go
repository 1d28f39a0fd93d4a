package postgres_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"testing"
	"time"
	"unicode"

	"github.com/jackc/pgx/v5"
	"golang.org/x/text/unicode/norm"

	"hasura-login/app/login"
	"hasura-login/app/store/storetest"
)

// columnsOfAddress are all columns of the tables of users and accounts, and those of
// others whose names sound like it. true: it speaks of the address that the user has,
// so auth.address_changed must clear it.
var columnsOfAddress = map[string]bool{
	"users.id": false, "users.email": false, "users.name": false, "users.created_at": false, "users.updated_at": false,
	"accounts.user_id": false, "accounts.password": false, "accounts.roles": false, "accounts.default_role": false, "accounts.claims": false,
	"accounts.session_version": false, "accounts.signouts": false, "accounts.unopened": false, "accounts.disabled_at": false,
	"accounts.email_verified_at": true, "mail_tokens.email": true,
	"mail_codes.email": false, "mail_codes.mail_id": false, // compared with the user's when one is spent
	"identities.email":  false, // as a provider wrote it
	"invitations.email": false, // whose reader was invited; an account need not have it
}

// Public report (newtheatre/stage-door#153): an application changed a user's address
// and the new one stayed verified, so the holder of the account counted as the owner of
// that mailbox. A later column either says nothing about the address, and is listed so,
// or is cleared too.
func (f *fixture) addressOfAnApp(t *testing.T) {
	database := f.newDatabase(t)
	store := f.open(t, database)
	root := f.connect(t, f.URL(database))
	rows, err := root.Query(t.Context(), `
		SELECT table_name || '.' || column_name FROM information_schema.columns
		WHERE (table_schema, table_name) IN (('public', 'users'), ('auth', 'accounts'))
			OR table_schema = 'auth' AND column_name ~ 'mail|addr|verif|confirm|phone'`)
	if err != nil {
		t.Fatal(err)
	}
	columns, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(columns)
	if known := slices.Sorted(maps.Keys(columnsOfAddress)); !slices.Equal(columns, known) {
		t.Fatalf("columns are %v, known are %v: say in this test whether a new one speaks of the user's address; if so, have auth.address_changed clear it", columns, known)
	}

	storetest.NewFamily(t, store, "ann@example.org")
	f.Exec(t, database, `
		CREATE ROLE app_one_column LOGIN;
		GRANT SELECT, UPDATE (email) ON public.users TO app_one_column`)
	for who, cleared := range map[string]bool{
		"postgres": true, "hasura_engine_a": true, "app_one_column": true, "hasura_login_a": false, "hasura_login_b": false,
	} {
		t.Run(who, func(t *testing.T) {
			f.Exec(t, database, `
				UPDATE auth.accounts SET email_verified_at = '2026-01-01';
				DELETE FROM auth.mail_tokens;
				INSERT INTO auth.mail_tokens (hash, user_id, purpose, email, version, created_at, expires_at, spent_at)
				SELECT sha256(purpose::bytea), id, purpose, email, 1, now(), now() + '1 day', spent
				FROM public.users, (VALUES ('reset-password', NULL), ('verify-email', NULL), ('change-email', NULL), ('spent', now())) AS t (purpose, spent)`)
			conn := f.connect(t, f.URLFor(who, database))
			exec(t, conn, `UPDATE public.users SET email = email`)
			known := func() (known bool, links int) {
				t.Helper()
				err := root.QueryRow(t.Context(), `
					SELECT email_verified_at IS NOT NULL, (SELECT count(*) FROM auth.mail_tokens) FROM auth.accounts`).Scan(&known, &links)
				if err != nil {
					t.Fatal(err)
				}
				return known, links
			}
			if verified, links := known(); !verified || links != 4 {
				t.Errorf("the same address: verified %t, %d links", verified, links)
			}
			exec(t, conn, `UPDATE public.users SET email = 'x' || md5(email) || '@example.org'`)
			if verified, links := known(); verified == cleared || (links == 1) != cleared {
				t.Errorf("verified %t, %d links; want it cleared: %t", verified, links, cleared)
			}
		})
	}
}

func (f *fixture) connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func exec(t *testing.T, conn *pgx.Conn, sql string, args ...any) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// An application that changes an address goes from the user to the account, the
// service from the account to the user. Where they meet, the service tries again.
func (f *fixture) addressDeadlock(t *testing.T) {
	m := f.meanwhile(t)
	m.exec(t, "ROLLBACK")
	link := m.link(t, login.PurposeChangeEmail, "ann@new.example")
	m.exec(t, "BEGIN")
	m.exec(t, "UPDATE public.users SET name = 'Anna'")
	done := m.blocked(t, func() error {
		return m.store.ChangeEmail(t.Context(), login.EmailChange{Token: link, Now: m.now})
	})
	_, err := m.other.Exec(t.Context(), "UPDATE public.users SET email = 'app@example.org'") // 1 s later one of the two has lost
	_, _ = m.other.Exec(t.Context(), "COMMIT")
	got := <-done
	if lost := err != nil; lost && got != nil || !lost && !errors.Is(got, login.ErrTokenUnknown) {
		t.Errorf("the application: %v; the service: %v", err, got)
	}
}

// The database refuses the same addresses as the domain, except for characters that the
// two know from different versions of Unicode.
func (f *fixture) hiddenCharacters(t *testing.T) {
	database := f.newDatabase(t)
	conn := f.connect(t, f.URL(database))
	exec(t, conn, `
		INSERT INTO public.users (email, name) VALUES ('ann@example.org', 'Ann');
		CREATE FUNCTION refused(c text) RETURNS boolean LANGUAGE plpgsql AS $$
		BEGIN
			UPDATE public.users SET name = 'a' || c || 'b';
			RETURN false;
		EXCEPTION WHEN check_violation THEN
			RETURN true;
		END $$`)
	all := sample()
	rows, err := conn.Query(t.Context(), `
		SELECT n FROM unnest($1::int[]) AS n WHERE refused(chr(n))`, all)
	if err != nil {
		t.Fatal(err)
	}
	refused, err := pgx.CollectRows(rows, pgx.RowTo[int32])
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range all {
		if inDatabase := slices.Contains(refused, r); inDatabase != inNoAddress(r) {
			t.Errorf("%U: the domain refuses it: %t, the database: %t", r, inNoAddress(r), inDatabase)
		}
	}
}

// sample returns the characters on both sides of each boundary of a refused range, and
// some more, without those that an address treats differently from a name.
func sample() (all []rune) {
	last := inNoAddress(1)
	for r := rune(2); r <= unicode.MaxRune; r++ {
		now := inNoAddress(r)
		for _, near := range []rune{r - 1, r} {
			unassigned := !unicode.IsGraphic(near) && !unicode.In(near, unicode.Cc, unicode.Cf, unicode.Co, unicode.Zl, unicode.Zp)
			if (now != last || r%4099 == 0) && !unassigned && near > '~' && !unicode.IsSpace(near) && norm.NFC.IsNormalString(string(near)) {
				all = append(all, near)
			}
		}
		last = now
	}
	return slices.Compact(all)
}

func inNoAddress(r rune) bool {
	_, err := login.NormalizeEmail("a" + string(r) + "b@example.org")
	return err != nil
}

// A row of before keeps its address until somebody changes that.
func (f *fixture) addressOfBefore(t *testing.T) {
	database := f.newDatabase(t)
	store := f.open(t, database)
	f.Exec(t, database, `
		ALTER TABLE public.users DISABLE TRIGGER users_form;
		INSERT INTO public.users (id, email, name) VALUES ('00000000-0000-4000-8000-000000000001', 'idn@bücher.example', U&'a\200Bb');
		INSERT INTO auth.accounts (user_id, password) SELECT id, 'hash' FROM public.users;
		INSERT INTO auth.mail_tokens (hash, user_id, purpose, email, version, created_at, expires_at)
			SELECT sha256('link'), id, 'change-email', 'new@bücher.example', 1, now(), now() + '1 hour' FROM public.users;
		ALTER TABLE public.users ENABLE TRIGGER users_form;
		UPDATE public.users SET created_at = now(), email = email`)
	f.Migrate(t, database)
	conn := f.connect(t, f.URL(database))
	for _, change := range []string{`email = 'idn2@bücher.example'`, `name = U&'c\200Bd'`} {
		if _, err := conn.Exec(t.Context(), "UPDATE public.users SET "+change); err == nil {
			t.Errorf("%s was taken", change)
		}
	}
	// A link that the previous release mailed for an address in its old form does not
	// work.
	var hash login.TokenHash
	var stored []byte
	if err := conn.QueryRow(t.Context(), "SELECT hash FROM auth.mail_tokens").Scan(&stored); err != nil {
		t.Fatal(err)
	}
	copy(hash[:], stored)
	if err := store.ChangeEmail(t.Context(), login.EmailChange{Token: hash, Now: time.Now()}); !errors.Is(err, login.ErrTokenUnknown) {
		t.Errorf("a link of before: %v, want ErrTokenUnknown", err)
	}
}
