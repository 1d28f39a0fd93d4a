package bench_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"hasura-login/app/testserver"
)

// poolSize is how many connections the service has at most.
const poolSize = 20

// refreshFor is how long clients refresh in each round.
const refreshFor = 4 * time.Second

// BenchmarkRefresh has 1, 16 and 128 clients refresh as fast as they can, and pgbench run
// the service's own statement on as many connections; peers do the same (see peers).
func BenchmarkRefresh(b *testing.B) {
	s := begin(b)
	s.signUpAll()
	db := s.openDatabase()
	peers := peers(b)
	r := &report{heading: "Refreshes", intro: "Clients that refresh as fast as they can, each with a session of its own, and pgbench with the service's own statement on as many connections as the service uses. The generator, the service and Postgres share the cores. Medians of " + fmt.Sprint(rounds) + " interleaved rounds."}
	for _, clients := range []int{1, 16, 128} {
		ours := s.sessions(clients)
		var runs, pgbench, ratios []float64
		var all []refreshRun
		others := make([][]refreshRun, len(peers))
		theirs := make([]refresher, len(peers))
		for i, p := range peers {
			theirs[i] = p.sessions(b, s.client, clients)
		}
		for range rounds {
			before := s.used()
			run := measureRefreshes(b, ours)
			run.usage = s.used().since(before)
			all, runs = append(all, run), append(runs, run.perSecond)
			tps := db.pgbench(min(clients, poolSize))
			pgbench = append(pgbench, tps)
			cores := min(clients, runtime.NumCPU()) // one client keeps one core busy
			ratios = append(ratios, run.perSecond/(1-run.usage.generator.Seconds()/refreshFor.Seconds()/float64(cores))/tps)
			for i := range peers {
				others[i] = append(others[i], measureRefreshes(b, theirs[i]))
			}
		}
		r.refreshes(fmt.Sprintf("refreshes, %d clients", clients), all)
		r.add("of what Postgres does", fmt.Sprintf("pgbench: %.0f/s on %d connections; the generator's share taken off", median(pgbench), min(clients, poolSize)), fmt.Sprintf("%.2f", median(ratios)), "≥ 0.6")
		for i, p := range peers {
			var times []float64
			for round, run := range others[i] {
				times = append(times, runs[round]/run.perSecond)
			}
			r.refreshes(p.name+", "+fmt.Sprint(clients)+" clients", others[i])
			r.add("ours to "+p.name+"'s", "", fmt.Sprintf("%.2f ×", median(times)), "≥ 2 ×")
		}
	}
	r.write(b)
}

// refresher refreshes a client's session.
type refresher struct {
	clients int
	refresh func(client int) outcome
}

// refreshRun is one round.
type refreshRun struct {
	perSecond, p50, p99 float64
	usage               usage
}

func measureRefreshes(b *testing.B, f refresher) refreshRun {
	b.Helper()
	began := time.Now()
	all := closedLoop(f.clients, refreshFor, func(client, _ int) outcome { return f.refresh(client) })
	took := time.Since(began)
	good := pick(all, isGood)
	if len(good) < len(all) {
		b.Errorf("%d of %d refreshes failed", len(all)-len(good), len(all))
	}
	return refreshRun{perSecond: float64(len(good)) / took.Seconds(), p50: millis(quantile(good, 0.5)), p99: millis(quantile(good, 0.99))}
}

// refreshes adds the line of some rounds.
func (r *report) refreshes(what string, runs []refreshRun) {
	column := func(of func(refreshRun) float64) float64 {
		var values []float64
		for _, run := range runs {
			values = append(values, of(run))
		}
		return median(values)
	}
	detail := fmt.Sprintf("median %.1f ms, p99 %.1f ms", column(func(r refreshRun) float64 { return r.p50 }), column(func(r refreshRun) float64 { return r.p99 }))
	if runs[0].usage != (usage{}) {
		each := func(of func(usage) time.Duration) float64 {
			return column(func(r refreshRun) float64 { return of(r.usage).Seconds() * 1e6 / r.perSecond / refreshFor.Seconds() })
		}
		detail += fmt.Sprintf("; processor time of each: the generator %.0f µs, the service %.0f µs, Postgres %.0f µs",
			each(func(u usage) time.Duration { return u.generator }), each(func(u usage) time.Duration { return u.service }), each(func(u usage) time.Duration { return u.postgres }))
	}
	r.add(what, detail, fmt.Sprintf("%.0f/s", column(func(r refreshRun) float64 { return r.perSecond })), "")
}

// sessions opens one for each client.
func (s *subject) sessions(clients int) refresher {
	s.b.Helper()
	tokens := make([]string, clients)
	for i := range tokens {
		tokens[i] = s.refreshToken(i)
	}
	return refresher{clients, func(client int) outcome {
		o, answer := post(s.client, s.api+"/auth/refresh", fmt.Appendf(nil, `{"refreshToken":%q}`, tokens[client]))
		if isGood(o.status) {
			tokens[client] = refreshTokenOf(answer)
		}
		return o
	}}
}

// usage is processor time.
type usage struct{ generator, service, postgres time.Duration }

// used is what each has used so far; Postgres has a process for each connection.
type used struct {
	generator, service time.Duration
	postgres           map[int]time.Duration
}

func (u used) since(before used) usage {
	difference := usage{generator: u.generator - before.generator, service: u.service - before.service}
	for pid, time := range u.postgres {
		difference.postgres += time - before.postgres[pid]
	}
	return difference
}

func (s *subject) used() used {
	s.b.Helper()
	u := used{ownCPU(), processorTime(s.b, s.process.Pid()), map[int]time.Duration{}}
	for _, pid := range children(s.b, s.postgres.Pid()) {
		u.postgres[pid] = processorTime(s.b, pid)
	}
	return u
}

// children lists the processes that a process has started and that run.
func children(b *testing.B, of int) (pids []int) {
	b.Helper()
	folders, err := filepath.Glob("/proc/[0-9]*")
	check(b, err)
	for _, folder := range folders {
		pid, _ := strconv.Atoi(filepath.Base(folder))
		if parent, _ := statOf(pid); parent == of {
			pids = append(pids, pid)
		}
	}
	return pids
}

// processorTime returns the processor time of a process; 0 if it has ended.
func processorTime(b *testing.B, pid int) time.Duration {
	b.Helper()
	return ticks(b, pid, 11)
}

// endedChildren is the processor time of what a process has started and that has ended.
func endedChildren(b *testing.B, pid int) time.Duration {
	b.Helper()
	return ticks(b, pid, 13)
}

// ticks adds a field of /proc/PID/stat and the next one: user and system time.
func ticks(b *testing.B, pid, field int) time.Duration {
	b.Helper()
	_, fields := statOf(pid)
	if len(fields) < field+2 {
		return 0
	}
	const tick = 10 * time.Millisecond // USER_HZ is 100
	user, err := strconv.Atoi(fields[field])
	check(b, err)
	system, err := strconv.Atoi(fields[field+1])
	check(b, err)
	return time.Duration(user+system) * tick
}

// statOf reads /proc/PID/stat: the parent and the fields after the name.
func statOf(pid int) (parent int, fields []string) {
	stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, rest, ok := strings.Cut(string(stat), ") ")
	if !ok {
		return 0, nil
	}
	fields = strings.Fields(rest)
	parent, _ = strconv.Atoi(fields[1])
	return parent, fields
}

// database runs the service's exchange without the service.
type database struct {
	s      *subject
	script string
}

// openDatabase makes sessions for pgbench, and a script of the statement that the server
// sees while the service exchanges a token.
func (s *subject) openDatabase() database {
	s.b.Helper()
	conn, err := pgx.Connect(s.b.Context(), s.postgres.URL("app"))
	check(s.b, err)
	defer func() { _ = conn.Close(s.b.Context()) }()
	one := s.sessions(1)
	check(s.b, errUnlessGood(one.refresh(0)))
	var statement string
	check(s.b, conn.QueryRow(s.b.Context(), `SELECT query FROM pg_stat_activity WHERE query LIKE '%token_nonce = $5%' AND pid <> pg_backend_pid() LIMIT 1`).Scan(&statement))
	for parameter, value := range map[string]string{
		"$1": `sha256(convert_to('pgbench' || :client_id::text, 'UTF8'))`, "$2": "now()",
		"$3": `sha256(convert_to(:client_id::text || '/' || :last::text, 'UTF8'))`,
		"$4": `sha256(convert_to(:client_id::text || '/' || :next::text, 'UTF8'))`, "$5": `sha256(convert_to(:next::text, 'UTF8'))`,
		"$6": "now() + interval '14 days'", "$7": "interval '10 seconds'",
	} {
		statement = strings.ReplaceAll(statement, parameter, value)
	}
	db := database{s, filepath.Join(s.dir, "exchange.pgbench")}
	check(s.b, os.WriteFile(db.script, []byte("\\set next :last + 1\n"+strings.Join(strings.Fields(statement), " ")+";\n\\set last :next\n"), 0o600))
	return db
}

func errUnlessGood(o outcome) error {
	if !isGood(o.status) {
		return fmt.Errorf("status %d", o.status)
	}
	return nil
}

// firstTokens gives each connection of pgbench a session whose tokens it can name.
const firstTokens = `
	DELETE FROM auth.sessions WHERE client_name = 'pgbench';
	INSERT INTO auth.sessions (id, user_id, version, created_at, last_used_at, idle_until, expires_at, family_hash, token_hash, client_name, amr)
	SELECT gen_random_uuid(), user_id, 1, now(), now(), now() + interval '14 days', now() + interval '30 days',
		sha256(convert_to('pgbench' || n, 'UTF8')), sha256(convert_to(n || '/0', 'UTF8')), 'pgbench', 'pwd'
	FROM (SELECT user_id, row_number() OVER () - 1 AS n FROM auth.accounts LIMIT 20) AS a`

var tpsOf = regexp.MustCompile(`tps = ([\d.]+)`)

// pgbench is how many exchanges a second the server does on some connections.
func (d database) pgbench(connections int) float64 {
	d.s.b.Helper()
	d.s.postgres.Exec(d.s.b, "app", firstTokens)
	config, err := pgx.ParseConfig(d.s.database)
	check(d.s.b, err)
	cmd := exec.Command(testserver.Binary(d.s.b, "pgbench", "postgresql"), "-n", "-M", "prepared", "-D", "last=0", "-c", fmt.Sprint(connections), "-T", fmt.Sprint(refreshFor.Seconds()), // #nosec G204 -- a server of the test's
		"-f", d.script, "-h", config.Host, "-p", fmt.Sprint(config.Port), "-U", config.User, config.Database)
	out, err := cmd.CombinedOutput()
	if err != nil {
		d.s.b.Fatalf("pgbench: %v\n%s", err, out)
	}
	found := tpsOf.FindSubmatch(out)
	if found == nil {
		d.s.b.Fatalf("pgbench says %s", out)
	}
	tps, err := strconv.ParseFloat(string(found[1]), 64)
	check(d.s.b, err)
	return tps
}
