package appliance_test

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hasura-login/app/config"
	"hasura-login/app/testserver"
)

var update = flag.Bool("update", false, "write docs/secrets.md again")

const secretsFile = "ops/secrets.tsv"

// secret is a line of the list.
type secret struct {
	name, made, rotated, lost string
	uid, length               int
	values                    string
}

func secrets(t testing.TB) []secret {
	t.Helper()
	var list []secret
	for line := range strings.Lines(read(t, secretsFile)) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "#") {
			continue
		}
		cells := strings.Split(line, "\t")
		if len(cells) != 7 || slices.Contains(cells, "") {
			t.Fatalf("%s: %q has not seven columns", secretsFile, line)
		}
		uid, err := strconv.Atoi(cells[1])
		length, err2 := strconv.Atoi(cells[2])
		if err != nil || err2 != nil || !regexp.MustCompile(`^([0-9]|-)$`).MatchString(cells[3]) {
			t.Fatalf("%s: %q has something else where a number belongs", secretsFile, line)
		}
		list = append(list, secret{name: cells[0], uid: uid, length: length, values: cells[3], made: cells[4], rotated: cells[5], lost: cells[6]})
	}
	return list
}

func find(list []secret, name string) (secret, bool) {
	at := slices.IndexFunc(list, func(s secret) bool { return s.name == name })
	if at < 0 {
		return secret{}, false
	}
	return list[at], true
}

// Every secret belongs to the user of the service that mounts its folder. Secrets that
// only scripts read belong to root and are mounted nowhere.
func TestSecrets_BelongToTheServiceThatMountsThem(t *testing.T) {
	users := map[string][]string{"operator": {"0:0"}}
	for _, service := range production(t).Services {
		for _, v := range service.Volumes {
			if _, folder, ok := strings.Cut(v.Source, "/secrets/"); ok {
				users[folder] = append(users[folder], service.User)
			}
		}
	}
	for i, s := range secrets(t) {
		mounts := users[strings.Split(s.name, "/")[0]]
		if want := fmt.Sprintf("%d:%d", s.uid, s.uid); len(mounts) == 0 || slices.ContainsFunc(mounts, func(user string) bool { return user != want }) {
			t.Errorf("%s belongs to %s, its folder is mounted by %q", s.name, want, mounts)
		}
		if sources, ok := strings.CutPrefix(s.made, "copy "); ok {
			for source := range strings.FieldsSeq(sources) {
				if _, listed := find(secrets(t), source); !listed {
					t.Errorf("%s is a copy of %s, which is not listed", s.name, source)
				}
			}
		}
		if earlier := secrets(t)[:i]; slices.ContainsFunc(earlier, func(e secret) bool { return e.name == s.name }) {
			t.Errorf("%s is listed twice", s.name)
		}
	}
}

// The list has every file that the compose file names below /run/secrets, and every
// secret that login reads.
func TestSecrets_ListIsWhole(t *testing.T) {
	list := secrets(t)
	for name, service := range production(t).Services {
		for variable, value := range service.Environment {
			if value == nil || !strings.HasSuffix(variable, "_FILE") {
				continue
			}
			if file, ok := strings.CutPrefix(*value, "/run/secrets/"); ok {
				if _, listed := find(list, name+"/"+file); !listed {
					t.Errorf("%s reads secrets/%s/%s, which %s does not list", name, name, file, secretsFile)
				}
			}
		}
	}
	dev := read(t, devFile)
	for _, key := range config.Keys() {
		s, listed := find(list, "login/"+strings.ToLower(key))
		if !listed || s.length < 32 || s.values != "2" {
			t.Errorf("login's key %s is listed as %+v; want it with 32 characters and 2 values", key, s)
		}
		if !strings.Contains(dev, config.Prefix+key+":") {
			t.Errorf("%s lacks %s%s", devFile, config.Prefix, key)
		}
	}
}

// A secret that no script rotates says so; each rotation has its row in the runbook,
// with when, and what users notice.
func TestSecrets_HaveARotation(t *testing.T) {
	runbook := read(t, "docs/runbooks/rotation.md")
	for _, s := range secrets(t) {
		if s.rotated == "-" {
			continue
		}
		if _, err := os.Stat(filepath.Join(testserver.RepoRoot(t), "scripts", s.rotated)); err != nil {
			t.Errorf("%s: %v", s.name, err)
		}
		if row := "| `scripts/" + s.rotated; strings.HasPrefix(s.rotated, "rotate-") && !strings.Contains(runbook, row) {
			t.Errorf("docs/runbooks/rotation.md has no row for %s", s.rotated)
		}
		if (s.made == "given") != (s.rotated == "set-secret") {
			t.Errorf("%s is made by %q and rotated by %s", s.name, s.made, s.rotated)
		}
	}
}

// Go, scripts and documents used to give three answers to which mode a key's file has.
func TestSecrets_DocumentsNameTheModesInForce(t *testing.T) {
	inForce := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^[A-Z_]+_?MODE=(0[0-7]{3})$`).FindAllStringSubmatch(read(t, "scripts/lib/secrets.bash"), -1) {
		inForce[m[1]] = true
	}
	if len(inForce) != 3 {
		t.Fatalf("scripts/lib/secrets.bash has the modes %v", inForce)
	}
	root := testserver.RepoRoot(t)
	for _, pattern := range []string{"docs/*.md", "docs/*/*.md"} {
		files, _ := filepath.Glob(filepath.Join(root, pattern))
		for _, path := range files {
			name, _ := filepath.Rel(root, path)
			for _, mode := range regexp.MustCompile(`\b0[4-7][0457]{2}\b`).FindAllString(read(t, name), -1) {
				if !inForce[mode] {
					t.Errorf("%s names mode %s, which nothing has", name, mode)
				}
			}
		}
	}
}

// filesNaming are the repository's files, tests included, whose path or text matches.
func filesNaming(t testing.TB, what *regexp.Regexp) []string {
	t.Helper()
	root := testserver.RepoRoot(t)
	var names []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if path != root && (strings.HasPrefix(d.Name(), ".") && d.Name() != ".github" || d.Name() == "node_modules" || d.Name() == "bin" || d.Name() == "dist") {
				return filepath.SkipDir
			}
			return nil
		}
		if info, err := d.Info(); err != nil || !info.Mode().IsRegular() || info.Size() > 1<<20 {
			return err
		}
		name, _ := filepath.Rel(root, path)
		if what.MatchString(name) || what.MatchString(read(t, name)) {
			names = append(names, filepath.ToSlash(name))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	return names
}

// secretsPage returns docs/secrets.md: the text around the list.
func secretsPage(list []secret) string {
	var page strings.Builder
	page.WriteString(`# Secrets

Generated from ` + "`ops/secrets.tsv`" + ` by ` + "`go test ./app/appliance -run TestSecrets -update`" + `; the scripts read the same list. A folder below ` + "`secrets/`" + ` is named after a service, and its files belong to that service's user, with mode 0400 in a folder of mode 0500. The list does not contain the signing keys: login writes them itself, to ` + "`keys/`" + ` ([key ring](key-ring.md)).

` + "`scripts/init-secrets`" + ` generates missing secrets and leaves existing ones unchanged. ` + "`scripts/doctor`" + ` finds secrets that are missing, too short, have too many values or can be read by others. To rotate secrets, see [rotation](runbooks/rotation.md). For what a thief can do with each file, see the [threat model](threat-model.md).

| secret | uid | source | rotated by | to recover after a loss |
|---|---|---|---|---|
`)
	for _, s := range list {
		made := map[string]string{"random": "random", "given": "set by you", "later": "generated when needed"}[s.made]
		if made == "" {
			made = "derived from other secrets"
		}
		rotated := "–"
		if s.rotated != "-" {
			rotated = "`scripts/" + s.rotated + "`"
		}
		fmt.Fprintf(&page, "| `%s` | %d | %s | %s | %s |\n", s.name, s.uid, made, rotated, s.lost)
	}
	return page.String()
}

func TestSecrets_PageIsMadeFromTheList(t *testing.T) {
	want := secretsPage(secrets(t))
	path := filepath.Join(testserver.RepoRoot(t), "docs/secrets.md")
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil { // #nosec G306 -- a page of the project
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(want, read(t, "docs/secrets.md")); diff != "" {
		t.Errorf("run go test ./app/appliance -run TestSecrets -update (-want +got):\n%s", diff)
	}
}
