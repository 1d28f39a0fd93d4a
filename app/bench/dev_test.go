package bench_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"hasura-login/app/testserver"
)

// BenchmarkDev measures the dev verb, which has the stand-in and SQLite in its
// one process, as far as its users would notice.
func BenchmarkDev(b *testing.B) {
	cores := runtime.NumCPU()
	for range b.N {
		s := beginDev(b)
		r := &report{heading: "dev, on SQLite", intro: "What `make run` starts: login, the stand-in for Hasura and SQLite in one process."}
		r.add("start to the first key set", "", fmt.Sprintf("%.0f ms", millis(s.startUp)), "")
		r.add("RSS idle", "", fmt.Sprintf("%.1f MiB", s.idleRSS), "≤ 30 MB")
		s.signUpAll()
		s.measureFlood(r, cores, 45)
		s.measureNeighbours(r)
		s.measureRefresh(r, cores)
		s.measureOverhead(r, "≤ 1.5 ms")
		r.write(b)
	}
}

func beginDev(b *testing.B) *subject {
	b.Helper()
	s := newSubject(b)
	program := filepath.Join(s.dir, "dev")
	buildProgram(b, "hasura-login/dev", program)
	graphql := testserver.Addr(testserver.FreePort(b))
	// Its log goes to stderr, because reading it would add to the measured time.
	cmd := exec.Command("sh", "-c", `exec "$0" "$@" 2>/dev/null`, program, "--listen", s.apiAddr(), "--ops", s.opsAddr(), "--graphql", graphql, "--data", filepath.Join(s.dir, "data"))
	cmd.Env = append(settings(), "PATH="+os.Getenv("PATH"))
	s.start(cmd)
	return s
}
