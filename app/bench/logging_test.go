package bench_test

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"hasura-login/app/testserver"
)

// measureLogging returns the part of a profile's samples in which the service worked on
// its log. Other programs slow all parts alike, so this resolves hundredths. Processor
// times with and without a log do not: they vary more from second to second.
func (s *subject) measureLogging(r *report) {
	const sessions = 32
	profiled := s.startProfiled()
	tokens := make([]string, sessions)
	for i := range tokens {
		tokens[i] = s.refreshToken(i)
	}
	refreshFor := func(d time.Duration) int {
		all := closedLoop(sessions, d, func(client, _ int) outcome {
			o, answer := post(s.client, profiled.api+"/auth/refresh", fmt.Appendf(nil, `{"refreshToken":%q}`, tokens[client]))
			if o.status == fasthttp.StatusOK {
				tokens[client] = refreshTokenOf(answer)
			}
			return o
		})
		return len(pick(all, isGood))
	}
	refreshFor(2 * time.Second)
	check(s.b, profiled.process.Signal(syscall.SIGUSR1))
	refreshes := refreshFor(40 * time.Second)
	check(s.b, profiled.process.Signal(syscall.SIGUSR1))
	profiled.process.WaitReady(s.b, 20*time.Second, func() error {
		_, err := os.Stat(profiled.profile)
		return err
	})
	share, total := shareOfStacks(s.b, profiled.profile, `go\.uber\.org/zap|/app/(audit|logsink)\.`)
	r.add("logging, of a refresh's processor time", fmt.Sprintf("a profile of %d refreshes, %.0f µs each", refreshes, total.Seconds()*1e6/float64(refreshes)), fmt.Sprintf("%.1f %%", share), "≤ 4 %")
}

type profiled struct {
	process      *testserver.Process
	api, profile string
}

// startProfiled starts a second service on the same database that writes a profile. The
// benchmark reads its lines through a pipe, as Docker does.
func (s *subject) startProfiled() profiled {
	s.b.Helper()
	root := testserver.RepoRoot(s.b)
	added, err := json.Marshal(map[string]map[string]string{"Replace": {
		filepath.Join(root, "app/profile.go"): filepath.Join(root, "app/bench/testdata/profile.go"),
	}})
	check(s.b, err)
	overlay, binary := filepath.Join(s.dir, "overlay.json"), filepath.Join(s.dir, "profiled")
	check(s.b, os.WriteFile(overlay, added, 0o600))
	build(s.b, binary, "-overlay", overlay)

	api, ops := testserver.Addr(testserver.FreePort(s.b)), testserver.Addr(testserver.FreePort(s.b))
	p := profiled{api: "http://" + api, profile: filepath.Join(s.dir, "cpu.profile")}
	cmd := exec.Command(binary, "serve")
	cmd.Env = append(slices.Clone(s.process.Env()), "CPU_PROFILE="+p.profile, "LOGIN_LISTEN="+api, "LOGIN_OPS_LISTEN="+ops) // the last of a name counts
	lines, out, err := os.Pipe()
	check(s.b, err)
	cmd.Stdout = out
	go func() { _, _ = io.Copy(io.Discard, lines) }()
	s.b.Cleanup(func() { _ = out.Close() })
	p.process = testserver.StartQuiet(s.b, cmd)
	p.process.WaitReady(s.b, 20*time.Second, func() error {
		if o, _ := post(s.client, p.api+"/.well-known/jwks.json", nil); o.status != fasthttp.StatusOK {
			return fmt.Errorf("status %d", o.status)
		}
		return nil
	})
	return p
}

// shareOfStacks returns the per cent of a profile that was spent in functions,
// and below them, whose names match.
func shareOfStacks(b *testing.B, profile, functions string) (share float64, total time.Duration) {
	b.Helper()
	out, err := exec.Command("go", "tool", "pprof", "-top", "-unit=ms", "-nodefraction=0", "-nodecount=1000000", "-focus="+functions, profile).Output()
	check(b, err)
	found := regexp.MustCompile(`accounting for \S+, ([\d.]+)% of (\S+) total`).FindSubmatch(out)
	if found == nil {
		b.Fatalf("pprof says %s", out)
	}
	share, err = strconv.ParseFloat(string(found[1]), 64)
	check(b, err)
	total, err = time.ParseDuration(string(found[2]))
	check(b, err)
	return share, total
}
