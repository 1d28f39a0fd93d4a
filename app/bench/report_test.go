package bench_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"hasura-login/app/testserver"
)

// report is a section of docs/benchmarks.md: the table that a run prints.
type report struct {
	heading string
	intro   string
	lines   []string
}

func (r *report) add(what, detail, figure, target string) {
	if detail != "" {
		what += " (" + detail + ")"
	}
	line := fmt.Sprintf("| %s | %s | %s |", what, figure, target)
	fmt.Println(line) // progress of a long run
	r.lines = append(r.lines, line)
}

// write puts the section in the place of an earlier one with its heading.
func (r *report) write(b *testing.B) {
	b.Helper()
	path := filepath.Join(testserver.RepoRoot(b), "docs/benchmarks.md")
	old, err := os.ReadFile(path)
	check(b, err)
	const mark = "\n## "
	sections := strings.Split(string(old), mark)
	i := slices.IndexFunc(sections, func(s string) bool { return strings.HasPrefix(s, r.heading+"\n") })
	if i < 0 {
		i = len(sections)
		sections = append(sections, "")
	}
	sections[i] = r.text()
	check(b, os.WriteFile(path, []byte(strings.Join(sections, mark)), 0o644))
}

func (r *report) text() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s\n\n%s Measured on %s: %d cores (%s), %s.\n\n| what | measured | target |\n|---|---|---|\n",
		r.heading, r.intro, time.Now().UTC().Format(time.DateOnly), runtime.NumCPU(), processor(), runtime.Version())
	for _, line := range r.lines {
		fmt.Fprintln(&text, line)
	}
	return text.String()
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
