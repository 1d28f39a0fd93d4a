package postgres_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"hasura-login/app/login"
	"hasura-login/app/testserver"
)

// withoutOrganizations: an installation that does not use them has none of their tables.
func (f *fixture) withoutOrganizations(t *testing.T) {
	const database = "without_organizations"
	f.CreateDatabase(t, database)
	f.Migrate(t, database)
	store := openURL(t, func() (string, error) { return f.URLFor(role, database), nil })
	if err := store.Ping(t.Context()); err != nil {
		t.Errorf("Ping: %v", err)
	}
	f.Exec(t, database, `INSERT INTO public.users (id, email, name) VALUES ('00000000-0000-4000-8000-000000000001', 'ann@example.org', 'Ann'), ('00000000-0000-4000-8000-000000000002', 'bob@example.org', 'Bob');
		INSERT INTO auth.accounts (user_id, password) SELECT id, 'hash' FROM public.users`)
	if err := store.DeleteUser(t.Context(), "00000000-0000-4000-8000-000000000001", -1); err != nil {
		t.Errorf("deleting a user: %v", err)
	}
	if _, err := store.DeleteUserAndOrganizations(t.Context(), "00000000-0000-4000-8000-000000000002", true); err != nil {
		t.Errorf("deleting a user and organizations: %v", err)
	}
}

// tablesOfAnApp: the migration must not take over a table that happens to have its name.
func (f *fixture) tablesOfAnApp(t *testing.T) {
	up, err := os.ReadFile(filepath.Join(testserver.RepoRoot(t), "hasura/organizations/migrations/default/1764700000001_organizations/up.sql"))
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{"organizations", "memberships"} {
		database := "app_with_" + table
		f.CreateDatabase(t, database)
		f.Migrate(t, database)
		conn := f.connect(t, f.URL(database))
		if _, err := conn.Exec(t.Context(), "CREATE TABLE public."+table+" (id int)"); err != nil {
			t.Fatal(err)
		}
		_, err := conn.Exec(t.Context(), string(up), pgx.QueryExecModeSimpleProtocol)
		if err == nil || !strings.Contains(err.Error(), "is a table of the application") {
			t.Errorf("with a table %s of the application: %v", table, err)
		}
	}
}

// ownersOfAnApp: an application, or a console, writes to the tables too.
func (f *fixture) ownersOfAnApp(t *testing.T) {
	database := f.newDatabase(t)
	const seed = `
		INSERT INTO public.users (id, email, name) VALUES ('00000000-0000-4000-8000-000000000001', 'ann@example.org', 'Ann'), ('00000000-0000-4000-8000-000000000002', 'bob@example.org', 'Bob');
		INSERT INTO public.organizations (id, name) VALUES ('00000000-0000-4000-8000-00000000000a', 'A'), ('00000000-0000-4000-8000-00000000000b', 'B');
		INSERT INTO public.memberships (organization_id, user_id, role) SELECT o.id, u.id, CASE u.name WHEN 'Ann' THEN 'owner' ELSE 'member' END FROM public.organizations o, public.users u`
	f.Exec(t, database, seed)
	conn := f.connect(t, f.URL(database))
	for _, statement := range []string{
		`DELETE FROM public.memberships`,
		`DELETE FROM public.memberships WHERE role = 'owner'`,
		`DELETE FROM public.users`,
		`DELETE FROM public.users WHERE name = 'Ann'`,
		`UPDATE public.memberships SET role = 'admin'`,
		`UPDATE public.memberships SET organization_id = '00000000-0000-4000-8000-00000000000b' WHERE role = 'owner' AND organization_id = '00000000-0000-4000-8000-00000000000a' AND (SELECT count(*) FROM public.memberships) = 4`,
	} {
		if _, err := conn.Exec(t.Context(), statement); err == nil {
			t.Errorf("%s was taken", statement)
		}
	}
	for _, statement := range []string{
		`UPDATE public.memberships SET role = CASE role WHEN 'owner' THEN 'member' ELSE 'owner' END`, // one hands over to the other
		`DELETE FROM public.users WHERE name = 'Ann'`,
		`DELETE FROM public.organizations WHERE name = 'A'`,
		`TRUNCATE public.users CASCADE`,
	} {
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Errorf("%s: %v", statement, err)
		}
	}
}

// senderOfAnApp: the roles that an application writes count too.
func (f *fixture) senderOfAnApp(t *testing.T) {
	database := f.newDatabase(t)
	const ann, bob, organization = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002", "00000000-0000-4000-8000-00000000000a"
	f.Exec(t, database, `
		INSERT INTO public.users (id, email, name) VALUES ('`+ann+`', 'ann@example.org', 'Ann'), ('`+bob+`', 'bob@example.org', 'Bob');
		INSERT INTO auth.accounts (user_id, password) SELECT id, 'hash' FROM public.users;
		INSERT INTO public.organizations (id, name) VALUES ('`+organization+`', 'A');
		INSERT INTO public.memberships (organization_id, user_id, role) SELECT '`+organization+`', id, 'owner' FROM public.users`)
	store, now := f.open(t, database), time.Now()
	i := login.Invitation{
		ID: "00000000-0000-4000-8000-00000000000b", Hash: login.TokenHash{1}, Email: "eve@example.org", Organization: login.Organization{ID: organization},
		Role: login.RoleAdmin, InvitedBy: bob, CreatedAt: now, ExpiresAt: now.Add(login.InvitationLife),
	}
	if err := store.AddInvitation(t.Context(), i, login.QueuedMail{ID: i.ID, Kind: login.MailOrganizationInvitation, Recipient: i.Email, CreatedAt: now}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		statement string
		want      error
	}{
		{`SELECT`, nil},
		{`UPDATE public.memberships SET role = 'admin' WHERE user_id = '` + bob + `'`, login.ErrTokenUnknown},
		{`UPDATE public.memberships SET role = 'owner' WHERE user_id = '` + bob + `'`, nil},
		{`DELETE FROM public.memberships WHERE user_id = '` + bob + `'`, login.ErrTokenUnknown},
	} {
		f.Exec(t, database, c.statement)
		if _, err := store.Invitation(t.Context(), i.Hash, now); !errors.Is(err, c.want) {
			t.Errorf("after %s: %v, want %v", c.statement, err, c.want)
		}
		if by, err := store.InvitedBy(t.Context(), i.Email, now); err != nil || (by == login.InviterMember) != (c.want == nil) {
			t.Errorf("after %s: invited by %v, %v", c.statement, by, err)
		}
	}
}
