package bench_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"hasura-login/app/testserver"
)

// report is the table that a run prints and leaves in docs/benchmarks.md.
type report struct {
	cores int
	lines []string
}

func newReport(cores int) *report { return &report{cores: cores} }

func (r *report) add(what, detail, figure, target string) {
	if detail != "" {
		what += " (" + detail + ")"
	}
	line := fmt.Sprintf("| %s | %s | %s |", what, figure, target)
	fmt.Println(line) // progress of a long run
	r.lines = append(r.lines, line)
}

func (r *report) write(b *testing.B) {
	b.Helper()
	var text strings.Builder
	fmt.Fprintf(&text, `# Benchmarks

What `+"`make bench`"+` measured on %s: %d cores (%s), %s, Postgres on the same machine waiting for its disk, the load generator on the same cores, bcrypt cost %d.

The bound is what bcrypt alone does on all cores, taken before and after each round; the net bound is the bound less the share of the processor that the load generator used. Figures are medians of %d rounds. Single runs differ by some 15 %%; compare ratios, not rates.

| what | measured | wanted |
|---|---|---|
`, time.Now().UTC().Format(time.DateOnly), r.cores, processor(), runtime.Version(), cost, rounds)
	for _, line := range r.lines {
		fmt.Fprintln(&text, line)
	}
	path := filepath.Join(testserver.RepoRoot(b), "docs/benchmarks.md")
	check(b, os.WriteFile(path, []byte(text.String()), 0o644))
}

func processor() string {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown processor"
	}
	for line := range strings.Lines(string(info)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown processor"
}

var storedHash, _ = bcrypt.GenerateFromPassword([]byte(password), cost)

func hashOnce() { _ = bcrypt.CompareHashAndPassword(storedHash, []byte(password)) }
