package appliance_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hasura-login/app/testserver"
)

// pins are the rows of ops/pins.tsv: setting, image, end of life, source.
func pins(t testing.TB) [][]string {
	t.Helper()
	var rows [][]string
	for line := range strings.Lines(read(t, "ops/pins.tsv")) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		cells := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(cells) != 4 || !regexp.MustCompile(`^(20\d\d-\d\d|next|unknown)$`).MatchString(cells[2]) || !strings.HasPrefix(cells[3], "https://") {
			t.Fatalf("ops/pins.tsv: %q", line)
		}
		rows = append(rows, cells)
	}
	return rows
}

// The versions stand in one list; where compose and Docker need them again, they are
// the same.
func TestPins_AreTheImagesInUse(t *testing.T) {
	inForce, offered := exampleEnv(t)
	listed := map[string]string{}
	for _, row := range pins(t) {
		listed[row[0]] = row[1]
		if slices.Contains(offered, row[0]) { // of development only
			inForce[row[0]] = strings.TrimPrefix(regexp.MustCompile(`(?m)^#`+row[0]+`=.*$`).FindString(read(t, ".env.example")), "#"+row[0]+"=")
		}
		if inForce[row[0]] != row[1] {
			t.Errorf(".env.example has %s=%s, ops/pins.tsv %s", row[0], inForce[row[0]], row[1])
		}
	}
	for name := range inForce {
		if strings.HasSuffix(name, "_IMAGE") && name != "HASURA_LOGIN_IMAGE" && listed[name] == "" {
			t.Errorf("ops/pins.tsv lacks %s", name)
		}
	}
	if !strings.Contains(read(t, "Dockerfile"), "ARG GO_IMAGE="+listed["GO_IMAGE"]+"\n") {
		t.Errorf("the Dockerfile builds with another image than %s", listed["GO_IMAGE"])
	}
	for _, m := range regexp.MustCompile(`\$\{([A-Z_]+_IMAGE):-([^}]+)\}`).FindAllStringSubmatch(read(t, devFile), -1) {
		if listed[m[1]] != m[2] {
			t.Errorf("%s has %s as %s, ops/pins.tsv %s", devFile, m[1], m[2], listed[m[1]])
		}
	}
}

// Only Hasura's community images: the plain tags hold proprietary parts.
func TestPins_HasuraIsTheCommunityEdition(t *testing.T) {
	var engine, job string
	for _, row := range pins(t) {
		switch row[0] {
		case "HASURA_IMAGE":
			engine = row[1]
		case "HASURA_MIGRATE_IMAGE":
			job = row[1]
		}
	}
	if !strings.HasSuffix(engine, "-ce") || job != engine+".cli-migrations-v3" {
		t.Errorf("the engine is %s and its migrations job %s", engine, job)
	}
}

func pinsPage(rows [][]string) string {
	var page strings.Builder
	page.WriteString(`# Pins

Generated from ` + "`ops/pins.tsv`" + ` by ` + "`go test ./app/appliance -run TestPins -update`" + `. An install and a deploy add the digest of each image to ` + "`.env`" + `. ` + "`make pins`" + ` asks every registry whether the tag exists for amd64 and arm64, and names version lines whose maintenance has ended or ends within 60 days; ` + "`make image-vulnerabilities`" + ` scans the images. The workflow ` + "`pins.yml`" + ` does both every night and opens an issue if it finds something; Renovate (` + "`renovate.json`" + `) proposes new versions.

"next" means that maintenance of a line ends when the next version appears; "unknown" means that no date is published.

| setting | image | maintained until | source |
|---|---|---|---|
`)
	for _, row := range rows {
		fmt.Fprintf(&page, "| `%s` | `%s` | %s | <%s> |\n", row[0], row[1], row[2], row[3])
	}
	return page.String()
}

func TestPins_PageIsMadeFromTheList(t *testing.T) {
	want := pinsPage(pins(t))
	if *update {
		if err := os.WriteFile(filepath.Join(testserver.RepoRoot(t), "docs/pins.md"), []byte(want), 0o644); err != nil { // #nosec G306 -- a page of the project
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(want, read(t, "docs/pins.md")); diff != "" {
		t.Errorf("run go test ./app/appliance -run TestPins -update (-want +got):\n%s", diff)
	}
}
