package bench_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
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
// BENCH_GROWTH=10000000 adds that many, which takes about 30 GB of disk and an hour.
var growthSizes = []int{1_000, 10_000, 100_000, 1_000_000}

// imported is how many users the verb imports; more are made by Postgres itself.
const imported = 1_000_000

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
		intro:   "Users, made up and imported by `users import` from lines of JSON with bcrypt hashes, and a session for each; Postgres waits for its disk. Medians of 200 calls to the store, in ms, and in parentheses how many blocks of 8 kB Postgres reads or writes for each: these do not depend on what else the machine does.",
	}
	sizes := growthSizes
	if more, err := strconv.Atoi(os.Getenv("BENCH_GROWTH")); err == nil && more > sizes[len(sizes)-1] {
		sizes = append(slices.Clone(sizes), more)
	}
	rows := map[string][]string{}
	var names []string
	before := 0
	for _, size := range sizes {
		g.grow(r, before, size)
		g.addSessions()
		for what, figure := range g.measure(size) {
			rows[what] = append(rows[what], figure)
		}
		names = append(names, strconv.Itoa(size))
		before = size
	}
	for _, what := range slices.Sorted(maps.Keys(rows)) {
		r.add(what, "at "+strings.Join(names, ", ")+" users", strings.Join(rows[what], " · "), "")
	}
	r.write(b)
}

func newGrowth(b *testing.B) *growth {
	b.Helper()
	g := &growth{b: b, pg: testserver.StartDurablePostgres(b, testserver.CountingBlocks), dir: b.TempDir()}
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

// grow adds users, and the figures of importing most of a million.
func (g *growth) grow(r *report, from, to int) {
	if to > imported {
		g.sql(`SET session_replication_role = replica`, // no triggers: the addresses are right
			fmt.Sprintf(`INSERT INTO public.users (email, name) SELECT 'user' || n || '@example' || n %% 1000 || '.org', 'User ' || n FROM generate_series(%d, %d) AS n`, from, to-1),
			`INSERT INTO auth.accounts (user_id, password) SELECT id, '$2b$10$' || lpad(id::text, 53, '0') FROM public.users u WHERE NOT EXISTS (SELECT FROM auth.accounts a WHERE a.user_id = u.id)`)
		return
	}
	run := g.importUsers(from, to)
	if to == imported {
		n := float64(to - from)
		r.add("import of the last "+fmt.Sprint(to-from)+" users of a million", fmt.Sprintf("%.0f/s, so a million takes %.0f s; the verb uses the processor for %.0f s of them, and Postgres for %.0f s",
			n/run.took.Seconds(), imported/n*run.took.Seconds(), imported/n*run.verb.Seconds(), imported/n*run.postgres.Seconds()), fmt.Sprintf("%.0f s", run.took.Seconds()), "a million in ≤ 300 s")
		r.add("its memory at most", "RSS", fmt.Sprintf("%.0f MB", run.memory), "≤ 100 MB")
	}
}

// importRun is what an import took. Processor time does not depend on what else the
// machine does.
type importRun struct {
	took, verb, postgres time.Duration
	memory               float64 // of the verb, in MB
}

// postgresTime is the processor time of the server's processes, also of those that have
// ended. If one ends meanwhile, it looks again.
func (g *growth) postgresTime() time.Duration {
	for {
		ended := endedChildren(g.b, g.pg.Pid())
		sum := ended
		for _, pid := range children(g.b, g.pg.Pid()) {
			sum += processorTime(g.b, pid)
		}
		if endedChildren(g.b, g.pg.Pid()) == ended {
			return sum
		}
	}
}

// importUsers adds users with the verb.
func (g *growth) importUsers(from, to int) importRun {
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
	begun, before := time.Now(), g.postgresTime()
	out, err := cmd.CombinedOutput()
	run := importRun{took: time.Since(begun), postgres: g.postgresTime() - before}
	if err != nil {
		g.b.Fatalf("%v: %s", err, out)
	}
	check(g.b, os.Remove(path))
	run.verb = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	run.memory = float64(cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss) / 1000
	fmt.Printf("%d users after %v of import, of which the verb used the processor for %v and Postgres for %v\n", to, run.took.Round(time.Second), run.verb.Round(time.Second), run.postgres.Round(time.Second))
	return run
}

// addSessions gives each user that has none a session.
func (g *growth) addSessions() {
	g.sql(`
		INSERT INTO auth.sessions (id, user_id, version, created_at, last_used_at, idle_until, expires_at, family_hash, token_hash)
		SELECT gen_random_uuid(), u.id, 1, now(), now(), now() + interval '14 days', now() + interval '30 days', sha256(u.id::text::bytea), sha256(u.email::bytea)
		FROM public.users u WHERE NOT EXISTS (SELECT FROM auth.sessions s WHERE s.user_id = u.id)`,
		`VACUUM ANALYZE public.users, auth.accounts, auth.sessions`)
}

// sql runs statements that may take as long as they need.
func (g *growth) sql(statements ...string) {
	conn, err := pgx.Connect(g.b.Context(), g.pg.URL("app"))
	check(g.b, err)
	defer func() { _ = conn.Close(context.Background()) }()
	for _, statement := range statements {
		_, err = conn.Exec(g.b.Context(), statement)
		check(g.b, err)
	}
}

// measure takes the median of each call at this size, and its blocks.
func (g *growth) measure(size int) map[string]string {
	ctx, now := context.Background(), time.Now().UTC()
	// Opening many sessions ends the oldest of their user, so another one refreshes.
	refreshes, err := g.store.UserAccountByEmail(ctx, growthEmail(size/2))
	check(g.b, err)
	signsIn, err := g.store.UserAccountByEmail(ctx, growthEmail(size/3))
	check(g.b, err)
	token := login.TokenKey{Family: sha256.Sum256([]byte(uuid.NewString())), Token: sha256.Sum256([]byte(uuid.NewString()))}
	opened := func(owner login.UserAccount, key login.TokenKey) error {
		return g.store.CreateSession(ctx, login.NewSession{Session: login.Session{
			ID: uuid.NewString(), UserID: owner.User.ID, SessionVersion: owner.Account.SessionVersion,
			CreatedAt: now, LastUsedAt: now, IdleUntil: now.Add(time.Hour), ExpiresAt: now.Add(time.Hour),
		}, Token: key, MaxLive: 20})
	}
	check(g.b, opened(refreshes, token))
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
			return opened(signsIn, login.TokenKey{Family: id, Token: id})
		},
		"sweep that finds nothing": func() error {
			_, err := g.store.Sweep(ctx, login.Sweep{Now: now, NonceGrace: time.Minute, KeepEnded: time.Hour, Batch: 100})
			return err
		},
		"users list --email, a part of one address": func() error {
			_, err := g.store.ListUsers(ctx, login.UserFilter{EmailContains: []string{growthEmail(size - 1)[2:]}, Limit: 100})
			return err
		},
		"users list --email, a part of none": func() error {
			_, err := g.store.ListUsers(ctx, login.UserFilter{EmailContains: []string{"nobody"}, Limit: 100})
			return err
		},
		"count of queued mails": func() error { _, err := g.store.QueuedMails(ctx, now); return err },
		"users list, a page of 100": func() error {
			_, err := g.store.ListUsers(ctx, login.UserFilter{AfterEmail: some(), Limit: 100})
			return err
		},
	}
	figures := map[string]string{}
	for what, call := range calls {
		var times []time.Duration
		blocks := g.pg.BlocksOf(g.b, "app", 200, func() {
			begun := time.Now()
			check(g.b, call())
			times = append(times, time.Since(begun))
		})
		figures[what] = fmt.Sprintf("%.2f (%.0f)", millis(quantile(times, 0.5)), blocks)
	}
	figures["backup (pg_dump), s"] = fmt.Sprintf("%.1f", g.dump().Seconds())
	return figures
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
