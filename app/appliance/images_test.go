package appliance_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hasura-login/app/testserver"
)

// expectations are the rows of ops/images.tsv: setting, uid, programs, paths, evidence.
func expectations(t testing.TB) map[string][]string {
	t.Helper()
	rows := map[string][]string{}
	for line := range strings.Lines(read(t, "ops/images.tsv")) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		cells := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(cells) != 5 || !strings.HasPrefix(cells[4], "https://") {
			t.Fatalf("ops/images.tsv: %q", line)
		}
		rows[cells[0]] = cells
	}
	return rows
}

// Users, and programs that commands and health checks begin with, are those that the
// list expects of the image.
func TestImages_ListSaysWhatTheComposeFileExpects(t *testing.T) {
	settings := map[string]string{}
	for _, row := range pins(t) {
		settings[row[1]] = row[0]
	}
	rows := expectations(t)
	for name, s := range production(t).Services {
		setting := settings[s.Image]
		if setting == "" {
			continue // login's own
		}
		row := rows[setting]
		if row == nil {
			t.Errorf("ops/images.tsv lacks %s, of %s", setting, name)
			continue
		}
		if want := row[1] + ":" + row[1]; s.User != want {
			t.Errorf("%s runs as %s, ops/images.tsv says %s", name, s.User, want)
		}
		var programs []string
		// A service with only a command runs the image's own entrypoint.
		if s.Entrypoint != nil {
			programs = append(programs, append(slices.Clone([]string(s.Entrypoint)), s.Command...)[0])
		}
		if h := s.HealthCheck; h != nil && !h.Disable && len(h.Test) > 1 {
			programs = append(programs, strings.Fields(h.Test[1])[0])
		}
		for _, program := range programs {
			if !slices.Contains(strings.Fields(row[2]), program) {
				t.Errorf("%s needs %s, which ops/images.tsv does not expect of %s", name, program, setting)
			}
		}
	}
}

func TestImages_PageIsMadeFromTheList(t *testing.T) {
	var page strings.Builder
	page.WriteString(`# What is expected of the images

Made from ` + "`ops/images.tsv`" + ` by ` + "`go test ./app/appliance -run TestImages -update`" + `. ` + "`scripts/doctor --images`" + ` looks for it in the images that are on the machine: before a change of an image, pull it and run this.

| setting | runs as | programs | paths | evidence |
|---|---|---|---|---|
`)
	rows := expectations(t)
	for _, pin := range pins(t) {
		if row := rows[pin[0]]; row != nil {
			fmt.Fprintf(&page, "| `%s` | %s | %s | %s | %s |\n", row[0], row[1], row[2], row[3], row[4])
		}
	}
	if *update {
		if err := os.WriteFile(filepath.Join(testserver.RepoRoot(t), "docs/images.md"), []byte(page.String()), 0o644); err != nil { // #nosec G306 -- a page of the project
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(page.String(), read(t, "docs/images.md")); diff != "" {
		t.Errorf("run go test ./app/appliance -run TestImages -update (-want +got):\n%s", diff)
	}
}
