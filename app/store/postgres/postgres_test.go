package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"hasura-login/app/login"
	"hasura-login/app/store/postgres"
	"hasura-login/app/store/storetest"
	"hasura-login/app/testserver"
)

// TestStore shares one server among all tests, each with its own database.
func TestStore(t *testing.T) {
	f := newFixture(t)
	t.Run("Conforms", func(t *testing.T) {
		storetest.Run(t, func(t *testing.T) login.Store { return f.open(t, f.newDatabase(t)) })
	})
	t.Run("CannotCreateTables", f.cannotCreateTables)
	t.Run("MissingTablesAreUnavailableUntilTheyAreMade", f.missingTables)
	t.Run("RefusedRoleIsUnavailable", f.refusedRole)
	t.Run("BrokenColumnsDoNotLockOut", f.brokenColumns)
	t.Run("ClaimsThatNoTokenCarriesAreRefused", f.refusedClaims)
	t.Run("ClaimsFunction", f.claimsFunction)
	t.Run("ClaimsFunctionOfTheDocs", f.claimsExample)
	t.Run("ClaimsListsAreReadBackByPostgres", f.claimsLists)
	t.Run("ClaimsFunctionCannotBeLost", f.claimsStay)
	t.Run("ClaimsFunctionBeforeItsMigration", f.claimsBeforeTheMigration)
	t.Run("ClaimsFunctionThroughPgBouncer", f.claimsThroughPgBouncer)
	t.Run("ClaimsThatNobodyUsesCostNoStatement", f.unusedClaims)
	t.Run("HeldLockIsUnavailableInTime", f.heldLock)
	t.Run("LinkReplacedMeanwhileVerifiesNothing", f.replacedMeanwhile)
	t.Run("AddressChangedMeanwhileVoidsAReset", f.changedMeanwhile)
	t.Run("AddressThatAnAppChangesIsNotVerified", f.addressOfAnApp)
	t.Run("AddressChangedFromBothSidesEndsInNoDeadlock", f.addressDeadlock)
	t.Run("AddressOfBeforeStaysUntilItChanges", f.addressOfBefore)
	t.Run("HiddenCharactersAreTheDomains", f.hiddenCharacters)
	t.Run("DeadPooledConnectionsLoseNoCall", f.deadConnections)
	t.Run("ConnectionsKilledMidwayLeaveAWayOn", f.killedConnections)
	t.Run("URLRotatesUnderLoadWithoutAFailedCall", f.urlRotation)
	t.Run("RefreshRetiresWhatNewConnectionsHaveLeftBehind", f.noticedBefore)
	t.Run("UnreadableURLLeavesTheLastGoodOne", f.unreadableURL)
	t.Run("TokensOfTheReleaseBeforeGoOn", f.tokensOfBefore)
	t.Run("ChainGoesOnAfterARollbackAndAnUpgrade", f.rolledBackBetween)
	t.Run("RefreshesLeaveNoRowsAndTouchNoIndex", f.boundedRows)
	t.Run("ReadOnlyIsNotReady", f.readOnly)
	t.Run("PingsLeaveNothing", f.pingsLeaveNothing)
	t.Run("RefusedTemporaryFilesAreNoFullDisk", f.temporaryFilesRefused)
	t.Run("PgBouncer", f.pgbouncer)
	t.Run("DirectSessionsHaveATimeLimit", f.directLimit)
	t.Run("ImportedHashesAreFoundByTheirIndex", f.importedIndex)
	t.Run("WithoutOrganizationsTheirTablesAreNotNeeded", f.withoutOrganizations)
	t.Run("TablesOfTheApplicationStayItsOwn", f.tablesOfAnApp)
	t.Run("OrganizationsKeepAnOwnerWhoeverWrites", f.ownersOfAnApp)
	t.Run("InvitationOfASenderWhomAnAppDemotesIsVoid", f.senderOfAnApp)
	t.Run("OneOfASharedTransactionFailsAlone", f.sharedTransactions)
	t.Run("SigningKeysConform", f.signingKeys)
	t.Run("NoFurtherConnectionIsNoOutage", f.tooManyConnections)
	t.Run("Crashes", f.crashes)
}

// fixture is a server and a migrated database to copy from.
type fixture struct {
	*testserver.Postgres
	databases atomic.Int32
}

const (
	template = "login_template"
	role     = "hasura_login_a"
)

func newFixture(t testing.TB) *fixture {
	t.Helper()
	f := &fixture{Postgres: testserver.StartPostgres(t)}
	f.CreateDatabase(t, template)
	f.Migrate(t, template)
	f.MigrateOrganizations(t, template)
	f.MigrateOrganizations(t, template) // it may run twice
	return f
}

// newDatabase makes a database with the product's tables, all empty.
func (f *fixture) newDatabase(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("login_%d", f.databases.Add(1))
	f.Exec(t, "postgres", "CREATE DATABASE "+name+" TEMPLATE "+template)
	return name
}

// open opens a store as the service does in production, under its own role.
func (f *fixture) open(t testing.TB, database string) *postgres.Store {
	t.Helper()
	store := openURL(t, func() (string, error) { return f.URLFor(role, database), nil })
	store.UseOrganizations()
	return store
}

func openURL(t testing.TB, url func() (string, error)) *postgres.Store {
	t.Helper()
	store, err := postgres.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return store
}

// updates tells how many updates of sessions there were, and how many of them no
// index heard of.
func (f *fixture) updates(t *testing.T, database string) (hot, all int) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), f.URL(database))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	err = conn.QueryRow(t.Context(), `SELECT n_tup_hot_upd, n_tup_upd FROM pg_stat_user_tables WHERE relid = 'auth.sessions'::regclass`).Scan(&hot, &all)
	if err != nil {
		t.Fatal(err)
	}
	return hot, all
}

func (f *fixture) cannotCreateTables(t *testing.T) {
	database := f.newDatabase(t)
	conn, err := pgx.Connect(t.Context(), f.URLFor(role, database))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	for _, sql := range []string{
		"CREATE TABLE auth.mine (id int)", "CREATE TABLE public.mine (id int)", "CREATE SCHEMA mine",
		"ALTER TABLE auth.accounts ADD COLUMN mine int", "DROP TABLE auth.accounts", "TRUNCATE auth.accounts",
	} {
		if _, err := conn.Exec(t.Context(), sql); err == nil {
			t.Errorf("%s: done, want it refused", sql)
		}
	}
}

func (f *fixture) missingTables(t *testing.T) {
	const database = "login_bare"
	f.CreateDatabase(t, database)
	store := f.open(t, database)
	check := func(step string, want error) {
		t.Helper()
		_, err := store.UserAccountByEmail(t.Context(), "ann@example.org")
		if !errors.Is(err, want) {
			t.Errorf("%s: reading a user: %v, want %v", step, err, want)
		}
		live, err := store.LiveSessions(t.Context(), "00000000-0000-4000-8000-000000000000", time.Now())
		if unavailable := errors.Is(want, login.ErrUnavailable); len(live) > 0 || errors.Is(err, login.ErrUnavailable) != unavailable {
			t.Errorf("%s: listing sessions: %v", step, err)
		}
	}
	check("no tables", login.ErrUnavailable)
	if err := store.Ping(t.Context()); !errors.Is(err, login.ErrUnavailable) {
		t.Errorf("Ping without tables: %v, want ErrUnavailable", err)
	}
	f.Migrate(t, database)
	check("migrated", login.ErrNotFound)
	f.Exec(t, database, "REVOKE ALL ON auth.accounts FROM hasura_login")
	check("no grant", login.ErrUnavailable)
	f.Migrate(t, database)
	check("granted", login.ErrNotFound)
	if err := store.Ping(t.Context()); !errors.Is(err, login.ErrUnavailable) {
		t.Errorf("Ping without the tables of organizations: %v, want ErrUnavailable", err)
	}
	f.MigrateOrganizations(t, database)
	if err := store.Ping(t.Context()); err != nil {
		t.Errorf("Ping: %v", err)
	}
}
