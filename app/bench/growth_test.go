package bench_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"hasura-login/app/login"
	"hasura-login/app/store/postgres"
	"hasura-login/app/testserver"
)

// growthSizes are how many users, with a session each, the figures are taken at.
var growthSizes = []int{1_000, 10_000, 100_000, 1_000_000}

// growth is a database that grows.
type growth struct {
	b      *testing.B
	pg     *testserver.Postgres
	store  *postgres.Store
	binary string
	dir    string
}

// BenchmarkGrowth imports users until there are a million, with the verb from a
// generated file, and times the service's work at each size.
func BenchmarkGrowth(b *testing.B) {
	g := newGrowth(b)
	r := &report{
		heading: "Growth",
		intro:   "A million users, made up and imported by `users import` from lines of JSON with bcrypt hashes, and a session for each; Postgres waits for its disk. Medians of 200 calls to the store, in ms.",
	}
	rows := map[string][]string{}
	order := []string{"sign-in's look-up", "look-up of an unknown address", "refresh", "new session", "sweep that finds nothing", "users list, a page of 100", "users list --email, for an address that is rare"}
	before := 0
	for _, size := range growthSizes {
		took, memory := g.importUsers(before, size)
		g.addSessions()
		for what, median := range g.measure(size) {
			rows[what] = append(rows[what], fmt.Sprintf("%.2f", millis(median)))
		}
		rows["backup (pg_dump), s"] = append(rows["backup (pg_dump), s"], fmt.Sprintf("%.1f", g.dump().Seconds()))
		if size == growthSizes[len(growthSizes)-1] {
			n := float64(size - before)
			r.add("import of the last "+fmt.Sprint(size-before)+" users", fmt.Sprintf("%.0f/s, so a million takes %.0f s", n/took.Seconds(), 1e6/n*took.Seconds()), fmt.Sprintf("%.0f s", took.Seconds()), "a million in ≤ 300 s")
			r.add("its memory at most", "RSS", fmt.Sprintf("%.0f MB", memory), "≤ 100 MB")
		}
		before = size
	}
	for _, what := range append(order, "backup (pg_dump), s") {
		r.add(what, "at 10³, 10⁴, 10⁵, 10⁶ users", strings.Join(rows[what], " · "), "")
	}
	r.write(b)
}

func newGrowth(b *testing.B) *growth {
	b.Helper()
	g := &growth{b: b, pg: testserver.StartDurablePostgres(b), dir: b.TempDir()}
	g.pg.CreateDatabase(b, "app")
	g.pg.Migrate(b, "app")
	g.binary = filepath.Join(g.dir, "hasura-login")
	build(b, g.binary)
	store, err := postgres.Open(b.Context(), func() (string, error) { return g.pg.URLFor("hasura_login_a", "app"), nil })
	check(b, err)
	b.Cleanup(func() { _ = store.Close() })
	g.store = store
	return g
}

func growthEmail(i int) string { return fmt.Sprintf("user%d@example%d.org", i, i%1000) }

// importUsers adds users with the verb, and returns its time, and its memory in MB.
func (g *growth) importUsers(from, to int) (time.Duration, float64) {
	path := filepath.Join(g.dir, "users.ndjson")
	f, err := os.Create(path) // #nosec G304 -- in a folder of its own
	check(g.b, err)
	w := bufio.NewWriter(f)
	for i := from; i < to; i++ {
		fmt.Fprintf(w, `{"id":%q,"email":%q,"name":"User %d","passwordHash":"$2b$10$%053d","emailVerified":true,"createdAt":"2024-01-02T03:04:05Z"}`+"\n", uuid.NewString(), growthEmail(i), i, i)
	}
	check(g.b, w.Flush())
	check(g.b, f.Close())
	cmd := exec.Command(g.binary, "users", "import", "--from", "ndjson", path) // #nosec G204 -- just built
	cmd.Env = []string{"LOGIN_DATABASE_URL=" + g.pg.URLFor("hasura_login_a", "app"), "LOGIN_AUDIT_DIR=" + filepath.Join(g.dir, "audit")}
	begun := time.Now()
	out, err := cmd.CombinedOutput()
	took := time.Since(begun)
	if err != nil {
		g.b.Fatalf("%v: %s", err, out)
	}
	check(g.b, os.Remove(path))
	fmt.Printf("%d users after %v of import, of which the verb used the processor for %v\n", to, took.Round(time.Second), (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Round(time.Second))
	return took, float64(cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss) / 1000
}

// addSessions gives each user that has none a session.
func (g *growth) addSessions() {
	conn, err := pgx.Connect(g.b.Context(), g.pg.URL("app"))
	check(g.b, err)
	defer func() { _ = conn.Close(context.Background()) }()
	_, err = conn.Exec(g.b.Context(), `
		INSERT INTO auth.sessions (id, user_id, version, created_at, last_used_at, idle_until, expires_at, family_hash, token_hash)
		SELECT gen_random_uuid(), u.id, 1, now(), now(), now() + interval '14 days', now() + interval '30 days', sha256(u.id::text::bytea), sha256(u.email::bytea)
		FROM public.users u WHERE NOT EXISTS (SELECT FROM auth.sessions s WHERE s.user_id = u.id)`)
	check(g.b, err)
	_, err = conn.Exec(g.b.Context(), `VACUUM ANALYZE public.users, auth.accounts, auth.sessions`)
	check(g.b, err)
}

// measure takes the median of each call at this size.
func (g *growth) measure(size int) map[string]time.Duration {
	ctx, now := context.Background(), time.Now().UTC()
	owner, err := g.store.UserAccountByEmail(ctx, growthEmail(size/2))
	check(g.b, err)
	token := login.TokenKey{Family: sha256.Sum256([]byte(uuid.NewString())), Token: sha256.Sum256([]byte(uuid.NewString()))}
	opened := func(key login.TokenKey) error {
		return g.store.CreateSession(ctx, login.NewSession{Session: login.Session{
			ID: uuid.NewString(), UserID: owner.User.ID, SessionVersion: owner.Account.SessionVersion,
			CreatedAt: now, LastUsedAt: now, IdleUntil: now.Add(time.Hour), ExpiresAt: now.Add(time.Hour),
		}, Token: key, MaxLive: 20})
	}
	check(g.b, opened(token))
	some := func() string { return growthEmail(rand.N(size)) } // #nosec G404 -- any
	calls := map[string]func() error{
		"sign-in's look-up": func() error { _, err := g.store.UserAccountByEmail(ctx, some()); return err },
		"look-up of an unknown address": func() error {
			if _, err := g.store.UserAccountByEmail(ctx, "x"+some()); !errors.Is(err, login.ErrNotFound) {
				return fmt.Errorf("found: %w", err)
			}
			return nil
		},
		"refresh": func() error {
			child := sha256.Sum256([]byte(uuid.NewString()))
			_, err := g.store.RotateToken(ctx, login.Rotation{Presented: token, Child: child, Nonce: child[:], Now: time.Now().UTC(), Grace: time.Second, IdleUntil: now.Add(time.Hour)})
			token.Token = child
			return err
		},
		"new session": func() error {
			id := sha256.Sum256([]byte(uuid.NewString()))
			return opened(login.TokenKey{Family: id, Token: id})
		},
		"sweep that finds nothing": func() error {
			_, err := g.store.Sweep(ctx, login.Sweep{Now: now, NonceGrace: time.Minute, KeepEnded: time.Hour, Batch: 100})
			return err
		},
		"users list, a page of 100": func() error {
			_, err := g.store.ListUsers(ctx, login.UserFilter{AfterEmail: some(), Limit: 100})
			return err
		},
	}
	medians := map[string]time.Duration{}
	for what, call := range calls {
		medians[what] = quantile(g.times(200, call), 0.5)
	}
	medians["users list --email, for an address that is rare"] = quantile(g.times(5, func() error {
		_, err := g.store.ListUsers(ctx, login.UserFilter{EmailContains: []string{growthEmail(size - 1)}, Limit: 100})
		return err
	}), 0.5)
	return medians
}

func (g *growth) times(n int, call func() error) []time.Duration {
	times := make([]time.Duration, n)
	for i := range times {
		begun := time.Now()
		check(g.b, call())
		times[i] = time.Since(begun)
	}
	return times
}

// dump is how long a backup takes.
func (g *growth) dump() time.Duration {
	conn, err := pgx.ParseConfig(g.pg.URL("app"))
	check(g.b, err)
	cmd := exec.Command(testserver.Binary(g.b, "pg_dump", "postgresql"), "-Fc", "-h", conn.Host, "-p", fmt.Sprint(conn.Port), "-U", conn.User, "-f", filepath.Join(g.dir, "dump"), conn.Database) // #nosec G204 -- a server of the test's
	begun := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		g.b.Fatalf("%v: %s", err, out)
	}
	return time.Since(begun)
}
