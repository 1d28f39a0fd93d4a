// Package bench measures the service as it is built for production, on a real Postgres,
// against what bcrypt alone can do on the same machine in the same run. 'make bench'
// runs it; figures are ratios and medians of interleaved rounds, because the machine's
// speed varies.
package bench_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"hasura-login/app/config"
	"hasura-login/app/testserver"
)

const (
	cost         = 10
	password     = "correct horse staple"
	edgeSecret   = "edge-secret-0123456789abcdef0123456789ab"
	users        = 400
	rounds       = 5
	floodFactor  = 10
	floodFor     = 12 * time.Second
	timingSample = 500
)

// Limits are counted as in production, but high enough to refuse nothing.
var unlimited = map[string]string{
	"LOGIN_LIMIT_SIGNIN_CLIENT": "1000000-M", "LOGIN_LIMIT_SIGNIN_ACCOUNT": "1000000-M",
	"LOGIN_LIMIT_SIGNUP_CLIENT": "1000000-M", "LOGIN_LIMIT_REFRESH_CLIENT": "1000000-M", "LOGIN_LIMIT_REFRESH_SESSION": "1000000-M",
}

// subject is the service under measurement.
type subject struct {
	b       *testing.B
	dir     string
	binary  string
	process *testserver.Process
	api     string
	ops     string
	client  *fasthttp.Client
	bodies  [][]byte // a sign-in for each user
	startUp time.Duration
	idleRSS float64

	database string // URL; dev has none
	postgres *testserver.Postgres
}

// BenchmarkLogin is one run of everything; it does not repeat itself.
func BenchmarkLogin(b *testing.B) {
	cores := runtime.NumCPU()
	for range b.N {
		s := begin(b)
		r := &report{heading: "serve, on Postgres", intro: "The production service, with Postgres on the same machine waiting for its disk. In the runs with 64 clients, the CPU shares match production: those of the service relate to the clients' and Postgres's as its container's do to nginx's and Postgres's (`cpu_shares`)."}
		r.add("binary", "", fmt.Sprintf("%.1f MB", size(b, s.binary)/1e6), "≤ 25 MB")
		r.add("start to the first key set", "", fmt.Sprintf("%.0f ms", millis(s.startUp)), "≤ 50 ms")
		r.add("RSS idle", "", fmt.Sprintf("%.1f MiB", s.idleRSS), "≤ 20 MB")
		s.signUpAll()
		s.measureFlood(r, cores, 40) // before the 256 clients, whose memory is not the flood's
		s.measureThroughput(r, cores)
		s.weigh(asContainer)
		s.measureNeighbours(r)
		s.weigh(alike)
		s.measureRefresh(r, cores)
		s.measureLogging(r)
		s.measureScrape(r)
		s.measureTiming(r)
		r.write(b)
	}
}

func size(b *testing.B, path string) float64 {
	b.Helper()
	info, err := os.Stat(path)
	check(b, err)
	return float64(info.Size())
}

// build makes the binary as production has it.
func build(b *testing.B, binary string, flags ...string) {
	b.Helper()
	buildProgram(b, "hasura-login/app", binary, flags...)
}

func buildProgram(b *testing.B, path, binary string, flags ...string) {
	b.Helper()
	arguments := append([]string{"build", "-trimpath", "-tags", "nethttpomithttp2", "-ldflags", "-s -w", "-o", binary}, flags...)
	cmd := exec.Command("go", append(arguments, path)...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("building: %v\n%s", err, out)
	}
}

func newSubject(b *testing.B) *subject {
	b.Helper()
	s := &subject{b: b, dir: testserver.TempDir(b), client: newClient()}
	s.binary = filepath.Join(s.dir, "hasura-login")
	build(b, s.binary)
	s.api, s.ops = "http://"+testserver.Addr(testserver.FreePort(b)), "http://"+testserver.Addr(testserver.FreePort(b))
	return s
}

func (s *subject) apiAddr() string { return strings.TrimPrefix(s.api, "http://") }
func (s *subject) opsAddr() string { return strings.TrimPrefix(s.ops, "http://") }

// settings are those of every verb.
func settings() []string {
	env := []string{"LOGIN_PUBLIC_URL=" + passkeyOrigin, "LOGIN_EDGE_SECRET=" + edgeSecret, fmt.Sprintf("LOGIN_BCRYPT_COST=%d", cost)}
	for name, value := range unlimited {
		env = append(env, name+"="+value)
	}
	return env
}

// begin builds and starts the production service, warm but without users.
func begin(b *testing.B) *subject {
	b.Helper()
	return beginIn(b, true)
}

// beginIn starts it in a scheduling group of its own, or in that of the benchmark.
func beginIn(b *testing.B, ownGroup bool) *subject {
	b.Helper()
	s := newSubject(b)
	pg := testserver.StartDurablePostgres(b)
	pg.CreateDatabase(b, "app")
	pg.Migrate(b, "app")
	env := append(settings(),
		"PATH="+os.Getenv("PATH"), "LOGIN_KEYS_DIR="+filepath.Join(s.dir, "keys"), "LOGIN_AUDIT_DIR="+filepath.Join(s.dir, "audit"),
		"LOGIN_DATABASE_URL="+pg.URLFor("hasura_login_a", "app"), "LOGIN_LISTEN="+s.apiAddr(), "LOGIN_OPS_LISTEN="+s.opsAddr(),
	)
	for _, name := range config.Keys() {
		if name != "EDGE_SECRET" { // settings has it
			env = append(env, config.Prefix+name+"="+strings.Repeat("0", 32))
		}
	}
	rotate := exec.Command(s.binary, "keys", "rotate")
	rotate.Env = env
	if out, err := rotate.CombinedOutput(); err != nil {
		b.Fatalf("making a key: %v\n%s", err, out)
	}
	s.database, s.postgres = pg.URLFor("hasura_login_a", "app"), pg
	cmd := exec.Command(s.binary, "serve")
	cmd.Env = env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: ownGroup}
	s.start(cmd)
	return s
}

// Niceness of a scheduling group, and the weight of one as docker-compose.prod.yml
// has it: login's cpu_shares are an eighth of Postgres's and nginx's; of niceness 9
// a group weighs 137 to 1024.
const (
	alike       = 0
	asContainer = 9
)

// weigh gives the service its CPU weight against Postgres and the load generator. Each
// session has its own scheduling group (autogroup, see sched(7)).
func (s *subject) weigh(niceness int) {
	s.b.Helper()
	check(s.b, os.WriteFile(fmt.Sprintf("/proc/%d/autogroup", s.process.Pid()), fmt.Append(nil, niceness), 0))
}

// start waits for the first key set, then for the rest to settle.
func (s *subject) start(cmd *exec.Cmd) {
	s.b.Helper()
	began := time.Now()
	s.process = testserver.StartQuiet(s.b, cmd)
	for ; ; time.Sleep(time.Millisecond) {
		if o, _ := post(s.client, s.api+"/.well-known/jwks.json", nil); o.status == fasthttp.StatusOK {
			break
		}
		if time.Since(began) > 20*time.Second {
			s.b.Fatalf("the service does not start: %s", s.process.Output())
		}
	}
	s.startUp = time.Since(began)
	time.Sleep(2 * time.Second)
	s.idleRSS = s.rss()
}

func check(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// rss is the service's resident memory in MiB.
func (s *subject) rss() float64 {
	s.b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.process.Pid()))
	check(s.b, err)
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			var kB float64
			_, err := fmt.Sscanf(strings.TrimSpace(rest), "%f kB", &kB)
			check(s.b, err)
			return kB / 1024
		}
	}
	s.b.Fatal("no VmRSS")
	return 0
}

func (s *subject) signUpAll() {
	s.b.Helper()
	for i := range users {
		body := fmt.Appendf(nil, `{"email":"user%d@example.org","name":"User","password":%q}`, i, password)
		if o, answer := post(s.client, s.api+"/auth/signup", body); o.status != fasthttp.StatusCreated {
			s.b.Fatalf("signing up: %d %s", o.status, answer)
		}
		s.bodies = append(s.bodies, fmt.Appendf(nil, `{"email":"user%d@example.org","password":%q}`, i, password))
	}
}

func (s *subject) signIn(n int) outcome {
	o, _ := post(s.client, s.api+"/auth/signin", s.bodies[n%users])
	return o
}

// measureThroughput offers what 1, 16 and 256 patient clients do.
func (s *subject) measureThroughput(r *report, cores int) {
	for _, clients := range []int{1, 16, 256} {
		var ratios, goods, nets []float64
		for range rounds {
			before := bcryptBound(cores, 2*time.Second)
			var all []outcome
			share, took := shareOf(cores, func() {
				all = closedLoop(clients, 6*time.Second, func(client, n int) outcome { return s.signIn(client*7 + n) })
			})
			after := bcryptBound(cores, 2*time.Second)
			good := float64(len(pick(all, isGood))) / took.Seconds()
			net := (before + after) / 2 * (1 - share)
			if clients == 1 {
				net /= float64(cores) // one client keeps one core busy
			}
			ratios, goods, nets = append(ratios, good/net), append(goods, good), append(nets, net)
		}
		target := ""
		if clients == 16 {
			target = "≥ 0.95"
		}
		r.add(fmt.Sprintf("sign-ins, %d clients", clients), fmt.Sprintf("%.1f/s of %.1f/s net bound", median(goods), median(nets)), fmt.Sprintf("%.3f", median(ratios)), target)
	}
}

// measureFlood offers ten times as many sign-ins as the machine can hash.
func (s *subject) measureFlood(r *report, cores int, mostRSS int) {
	var ratios, goods, nets, bounds, refusedP99, acceptedP99, recovery []float64
	for range rounds {
		before := bcryptBound(cores, 2*time.Second)
		var all []outcome
		share, took := shareOf(cores, func() { all = openLoop(before*floodFactor, floodFor, s.signIn) })
		ended := time.Now()
		calm := s.backToNormal(ended)
		after := bcryptBound(cores, 2*time.Second)
		bound := (before + after) / 2
		good := float64(len(pick(all, isGood))) / took.Seconds()
		net := bound * (1 - share)
		ratios, goods, nets, bounds = append(ratios, good/net), append(goods, good), append(nets, net), append(bounds, bound)
		refusedP99 = append(refusedP99, millis(quantile(pick(all, isRefused), 0.99)))
		acceptedP99 = append(acceptedP99, millis(quantile(pick(all, isGood), 0.99)))
		recovery = append(recovery, calm.Seconds())
	}
	r.add("flood at 10 × the bound: successful sign-ins", fmt.Sprintf("%.1f/s of %.1f/s net bound (bound %.1f/s)", median(goods), median(nets), median(bounds)), fmt.Sprintf("%.3f", median(ratios)), "≥ 0.92")
	r.add("flood: refusals' p99", "", fmt.Sprintf("%.1f ms", median(refusedP99)), "≤ 5 ms")
	r.add("flood: accepted p99", "", fmt.Sprintf("%.0f ms", median(acceptedP99)), "≤ 1500 ms")
	r.add("flood: back to normal after", "", fmt.Sprintf("%.2f s", median(recovery)), "≤ 1.5 s")
	r.add("flood: RSS after it", "", fmt.Sprintf("%.1f MiB", s.rss()), fmt.Sprintf("≤ %d MB", mostRSS))
}

// backToNormal is how long after a moment a single sign-in takes no more than
// three hashes' time again.
func (s *subject) backToNormal(since time.Time) time.Duration {
	for {
		if o := s.signIn(0); o.status == fasthttp.StatusOK && o.took < 200*time.Millisecond {
			return time.Since(since)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// measureNeighbours asks the cheap endpoints while 64 clients keep every core hashing.
func (s *subject) measureNeighbours(r *report) {
	var jwks, ready, refresh, passkeys []float64
	key := s.passkey()
	for range rounds {
		token := s.refreshToken(0)
		stop := make(chan struct{})
		go func() {
			closedLoop(64, 6*time.Second, func(client, n int) outcome { return s.signIn(client*5 + n) })
			close(stop)
		}()
		time.Sleep(time.Second)
		var j, rd, rf, pk []time.Duration
		for end := time.Now().Add(4 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
			o, _ := post(s.client, s.api+"/.well-known/jwks.json", nil)
			j = append(j, o.took)
			o, _ = post(s.client, s.ops+"/readyz", nil)
			rd = append(rd, o.took)
			o, answer := post(s.client, s.api+"/auth/refresh", fmt.Appendf(nil, `{"refreshToken":%q}`, token))
			if o.status == fasthttp.StatusOK {
				rf = append(rf, o.took)
				token = refreshTokenOf(answer)
			}
			if o := s.signInPasskey(key); o.status == fasthttp.StatusOK {
				pk = append(pk, o.took)
			}
		}
		if len(pk) == 0 {
			s.b.Fatal("no passkey signed in")
		}
		<-stop
		jwks, ready, refresh = append(jwks, millis(quantile(j, 0.99))), append(ready, millis(quantile(rd, 0.99))), append(refresh, millis(quantile(rf, 0.99)))
		passkeys = append(passkeys, millis(quantile(pk, 0.99)))
	}
	r.add("key set's p99, 64 clients signing in", "", fmt.Sprintf("%.1f ms", median(jwks)), "≤ 5 ms")
	r.add("readyz's p99, 64 clients signing in", "", fmt.Sprintf("%.1f ms", median(ready)), "≤ 5 ms")
	r.add("refresh's p99, 64 clients signing in", "", fmt.Sprintf("%.1f ms", median(refresh)), "≤ 5 ms")
	r.add("passkey sign-in's p99, 64 clients signing in", "no hash", fmt.Sprintf("%.1f ms", median(passkeys)), "≤ 5 ms")
}

func (s *subject) refreshToken(user int) string {
	s.b.Helper()
	for {
		o, answer := post(s.client, s.api+"/auth/signin", s.bodies[user])
		if o.status == fasthttp.StatusOK {
			return refreshTokenOf(answer)
		}
	}
}

func refreshTokenOf(answer []byte) string {
	var g struct {
		RefreshToken string `json:"refreshToken"`
	}
	_ = json.Unmarshal(answer, &g)
	return g.RefreshToken
}

// measureRefresh has 32 sessions refresh as fast as they can.
func (s *subject) measureRefresh(r *report, cores int) {
	const sessions = 32
	tokens := make([]string, sessions)
	for i := range tokens {
		tokens[i] = s.refreshToken(i)
	}
	var ratios, rates []float64
	for range rounds {
		bound := bcryptBound(cores, 2*time.Second)
		began := time.Now()
		all := closedLoop(sessions, 4*time.Second, func(client, _ int) outcome {
			o, answer := post(s.client, s.api+"/auth/refresh", fmt.Appendf(nil, `{"refreshToken":%q}`, tokens[client]))
			if o.status == fasthttp.StatusOK {
				tokens[client] = refreshTokenOf(answer)
			}
			return o
		})
		rate := float64(len(pick(all, isGood))) / time.Since(began).Seconds()
		if bad := len(all) - len(pick(all, isGood)); bad > 0 {
			s.b.Errorf("%d of %d refreshes failed", bad, len(all))
		}
		ratios, rates = append(ratios, rate/bound), append(rates, rate)
	}
	r.add("refreshes", fmt.Sprintf("%.0f/s", median(rates)), fmt.Sprintf("%.1f × the bound's hashes", median(ratios)), "≥ 50 ×")
}

// measureTiming compares the answer times that a stranger could tell apart, and a good
// sign-in with its one hash.
func (s *subject) measureTiming(r *report) {
	disabled := exec.Command(s.binary, "users", "disable", "user1@example.org")
	disabled.Env = append([]string(nil), s.process.Env()...)
	if out, err := disabled.CombinedOutput(); err != nil {
		s.b.Fatalf("disabling a user: %v\n%s", err, out)
	}
	wrong := func(email string) []byte { return fmt.Appendf(nil, `{"email":%q,"password":"not it"}`, email) }
	kinds := map[string][]byte{"known": wrong("user0@example.org"), "unknown": wrong("nobody@example.org"), "disabled": wrong("user1@example.org")}
	var spread []float64
	told := map[string]int{}
	for range 3 {
		times := map[string][]time.Duration{}
		for range timingSample {
			for name, body := range kinds { // relies on Go's random map order
				o, _ := post(s.client, s.api+"/auth/signin", body)
				times[name] = append(times[name], o.took)
			}
		}
		known, unknown, off := quantile(times["known"], 0.5), quantile(times["unknown"], 0.5), quantile(times["disabled"], 0.5)
		spread = append(spread, millis(max(known, unknown, off)-min(known, unknown, off)))
		for pair, p := range map[string]float64{
			"known and unknown":  sameDistribution(times["known"], times["unknown"]),
			"known and disabled": sameDistribution(times["known"], times["disabled"]),
		} {
			if p > 0.05 {
				told[pair]++
			}
		}
	}
	r.add("known, unknown, disabled: medians differ by", "", fmt.Sprintf("%.2f ms", median(spread)), "≤ 1 ms")
	for _, pair := range []string{"known and unknown", "known and disabled"} {
		r.add("runs in which a rank test cannot tell "+pair+" apart", "", fmt.Sprintf("%d of 3", told[pair]), "≥ 2 of 3")
	}
	s.measureOverhead(r, "≤ 1.75 ×")
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
