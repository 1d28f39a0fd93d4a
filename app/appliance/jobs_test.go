package appliance_test

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"hasura-login/app/testserver"
	"hasura-login/hasura"
)

// job runs the migrations entrypoint with an engine and a CLI that write down how
// they are called. Both are scripts in the place of the image's programs.
func job(t *testing.T, cli, adminSecret string) (calls []string, output string, err error) {
	t.Helper()
	return jobIn(t, t.TempDir(), cli, adminSecret)
}

// jobIn is job in a folder of the test's own, with settings.
func jobIn(t *testing.T, dir, cli, adminSecret string, settings ...string) (calls []string, output string, err error) {
	t.Helper()
	write := func(name, text string, mode os.FileMode) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range []string{"bin", "secrets", "hasura", "tmp"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	write("secrets/admin_secret", adminSecret, 0o600)
	// As an editor of Windows leaves it.
	write("secrets/action_secret", "\ufeffthe-action-secret \r\n", 0o600)
	write("bin/graphql-engine", "#!/bin/sh\necho \"engine $* host=$HASURA_GRAPHQL_SERVER_HOST jwt=${HASURA_GRAPHQL_JWT_SECRET:-none}\" >>"+dir+"/calls\nexec sleep 60\n", 0o700)
	write("bin/nc", "#!/bin/sh\nexit 0\n", 0o700)
	write("bin/hasura-cli", "#!/bin/sh\nshift 4\n[ \"$HASURA_GRAPHQL_ADMIN_SECRET:$ACTION_SECRET\" = \""+adminSecret+":the-action-secret\" ] || exit 9\necho \"$*\" >>"+dir+"/calls\n"+cli, 0o700)
	places := strings.NewReplacer("/run/secrets", dir+"/secrets", "/tmp", dir+"/tmp", "cp -RL /hasura ", "cp -RL "+dir+"/hasura ")
	write("entrypoint.sh", places.Replace(read(t, "ops/migrate/entrypoint.sh")), 0o700)

	cmd := exec.CommandContext(t.Context(), "sh", filepath.Join(dir, "entrypoint.sh")) // #nosec G204 -- the project's own script
	cmd.Env = append(settings, "PATH="+dir+"/bin:/usr/bin:/bin")
	out, err := cmd.CombinedOutput()
	text, _ := os.ReadFile(filepath.Join(dir, "calls"))
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		if line != "" && !strings.HasPrefix(line, "engine ") {
			calls = append(calls, line)
		} else if line != "" && line != "engine serve --enabled-apis metadata --server-port 9691 host=127.0.0.1 jwt=none" {
			t.Errorf("the engine starts as %q", line)
		}
	}
	if strings.Contains(string(out)+strings.Join(calls, " "), adminSecret) && adminSecret != "" {
		t.Error("the admin secret is in an argument or in the output")
	}
	return calls, string(out), err
}

const (
	knownSource  = `case "$1 $2" in "metadata export") echo '{"version": 3, "sources": [{"kind": "postgres", "name": "default"}]}';; esac` + "\n"
	emptySystem  = `case "$1 $2" in "metadata export") echo '{"version": 3, "sources": []}';; esac` + "\n"
	exportCall   = "metadata export --output json"
	migrateCall  = "migrate apply --database-name default"
	metadataCall = "metadata apply"
)

func TestMigrate_GoesBeforeTheMetadataWhereverTheSourceIsKnown(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		cli  string
		want []string
	}{
		"a live system":   {knownSource, []string{exportCall, migrateCall, metadataCall, "metadata reload", "metadata inconsistency status"}},
		"an empty system": {emptySystem, []string{exportCall, metadataCall, migrateCall, "metadata reload", "metadata inconsistency status"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			calls, out, err := job(t, c.cli, "the-admin-secret")
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			if diff := cmp.Diff(c.want, calls); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
		})
	}
}

// Login would not start with such a value; a job that took it for false would leave the
// tables out first.
func TestMigrate_RefusesASettingThatIsNeitherTrueNorFalse(t *testing.T) {
	t.Parallel()
	calls, out, err := jobIn(t, t.TempDir(), knownSource, "the-admin-secret", "LOGIN_ORGANIZATIONS=yes")
	if err == nil || len(calls) > 0 || out != "migrate: LOGIN_ORGANIZATIONS: \"yes\" is neither true nor false\n" {
		t.Errorf("%v, calls %q, output %q", err, calls, out)
	}
}

// The job tracks the tables of organisations only if they are switched on, and builds
// the same project that the development stand-in reads.
func TestMigrate_OrganizationsAreTrackedOnlyWhereTheyAreOn(t *testing.T) {
	t.Parallel()
	with, err := hasura.WithOrganizations()
	if err != nil {
		t.Fatal(err)
	}
	for setting, want := range map[string]fs.FS{"": hasura.Project(), "LOGIN_ORGANIZATIONS=": hasura.Project(), "LOGIN_ORGANIZATIONS=false": hasura.Project(), "LOGIN_ORGANIZATIONS=true": with, "LOGIN_ORGANIZATIONS=1": with} {
		t.Run(setting, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := os.CopyFS(filepath.Join(dir, "hasura"), os.DirFS(filepath.Join(testserver.RepoRoot(t), "hasura"))); err != nil {
				t.Fatal(err)
			}
			if _, out, err := jobIn(t, dir, knownSource, "the-admin-secret", strings.Fields(setting)...); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			if diff := cmp.Diff(projectFiles(t, want), projectFiles(t, os.DirFS(filepath.Join(dir, "tmp/project")))); diff != "" {
				t.Errorf("the stand-in's project, and the job's (-stand-in +job):\n%s", diff)
			}
		})
	}
}

// projectFiles are the files of a project that the CLI reads.
func projectFiles(t *testing.T, project fs.FS) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, folder := range []string{"metadata", "migrations"} {
		err := fs.WalkDir(project, folder, func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			b, err := fs.ReadFile(project, name)
			files[name] = string(b)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return files
}

func TestMigrate_FailureOfAnyStepStopsTheDeploy(t *testing.T) {
	t.Parallel()
	for name, fails := range map[string]string{
		"the migrations": "migrate apply", "the metadata": "metadata apply", "reading the metadata": "metadata export",
		"the reload": "metadata reload", "an inconsistency": "metadata inconsistency status",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			calls, _, err := job(t, `case "$*" in "`+fails+`"*) exit 1;; esac`+"\n"+knownSource, "the-admin-secret")
			if err == nil {
				t.Error("the job ends well")
			}
			last := calls[len(calls)-1]
			if !strings.HasPrefix(last, fails) && last != "metadata inconsistency list" {
				t.Errorf("goes on to %q", last)
			}
		})
	}
}

func TestMigrate_AnEmptyAdminSecretStopsItBeforeTheEngineStarts(t *testing.T) {
	t.Parallel()
	if calls, out, err := job(t, knownSource, ""); err == nil || len(calls) > 0 || !strings.Contains(out, "admin_secret is empty") {
		t.Errorf("%v %v\n%s", calls, err, out)
	}
}

func TestPostgres_FirstStartGivesEachRoleItsOwnPassword(t *testing.T) {
	pg := testserver.StartPostgres(t)
	pg.CreateDatabase(t, "hasura")
	pg.Exec(t, "hasura", read(t, "ops/postgres/roles.sql"))
	dir := t.TempDir()
	password := func(role string) string { return "it's \"" + role + "\" \\ $x" }
	var roles []string
	for _, r := range []string{"login", "engine", "backup", "exporter"} {
		roles = append(roles, "hasura_"+r+"_a", "hasura_"+r+"_b")
	}
	run := func() ([]byte, error) {
		script := strings.ReplaceAll(read(t, "ops/postgres/init-roles.sh"), "/run/secrets", dir)
		cmd := exec.CommandContext(t.Context(), "sh", "-c", script) // #nosec G204 -- the project's own script
		cmd.Env = []string{"PATH=/usr/bin:/bin", "PGHOST=127.0.0.1", fmt.Sprintf("PGPORT=%d", pg.Port), "POSTGRES_DB=hasura"}
		return cmd.CombinedOutput()
	}
	if out, err := run(); err == nil || !strings.Contains(string(out), "is missing or empty") {
		t.Errorf("without its files: %v %s", err, out)
	}
	for i, r := range roles {
		text := password(r)
		if i%2 == 1 {
			text = "\ufeff" + text + " \r\n" // as an editor of Windows leaves it
		}
		if err := os.WriteFile(filepath.Join(dir, r), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := run(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	super, err := pgx.Connect(t.Context(), pg.URL("hasura"))
	if err != nil {
		t.Fatal(err)
	}
	defer super.Close(t.Context())
	for _, r := range roles {
		var verifier string
		if err := super.QueryRow(t.Context(), "SELECT rolpassword FROM pg_authid WHERE rolname = $1", r).Scan(&verifier); err != nil {
			t.Fatal(err)
		}
		if !scramMatches(t, verifier, password(r)) {
			t.Errorf("%s has another password: %s", r, verifier)
		}
	}
}

// Reports of an admin secret that is right and refused come from files with a byte order
// mark or a newline (docker secrets made on Windows).
func TestHasura_SecretFilesMayBeAsEditorsLeaveThem(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"admin_secret": "\ufeffthe-admin-secret\r\n", "action_secret": "the-action-secret \n\n",
		"graphql-engine": "#!/bin/sh\nprintf '%s|%s|%s' \"$HASURA_GRAPHQL_ADMIN_SECRET\" \"$ACTION_SECRET\" \"$HASURA_GRAPHQL_CORS_DOMAIN\"\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	command := production(t).Services["hasura"].Command
	places := strings.NewReplacer("/run/secrets", dir, "/origins/", filepath.Join(testserver.RepoRoot(t), "nginx/origins")+"/", "$$", "$")
	cmd := exec.CommandContext(t.Context(), command[0], command[1], places.Replace(command[2])) // #nosec G204 -- the project's own command
	cmd.Env = []string{"PATH=" + dir + ":/usr/bin:/bin", "HASURA_GRAPHQL_CORS_DOMAIN=https://App.example.org:443,http://[::1]:5173"}
	out, err := cmd.Output()
	if err != nil || string(out) != "the-admin-secret|the-action-secret|https://app.example.org" {
		t.Errorf("%v: %q", err, out)
	}
	if err := os.WriteFile(filepath.Join(dir, "admin_secret"), []byte("\ufeff \r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd = exec.CommandContext(t.Context(), command[0], command[1], places.Replace(command[2])) // #nosec G204 -- as above
	cmd.Env = []string{"PATH=" + dir + ":/usr/bin:/bin", "HASURA_GRAPHQL_CORS_DOMAIN=https://app.example.org"}
	if out, err := cmd.Output(); err == nil {
		t.Errorf("starts with an empty admin secret: %q", out)
	}
}
