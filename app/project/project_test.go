package project_test

import (
	"bytes"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hasura-login/app/project"
	"hasura-login/dev/standin/metadata"
	"hasura-login/hasura"
)

// files are a project of somebody else's, as hasura init and the console leave it.
type files map[string]string

func theirs() files {
	return files{
		"config.yaml":           "version: 3\nendpoint: http://localhost:8080\nmetadata_directory: metadata\nactions:\n  kind: synchronous\n",
		"metadata/version.yaml": "version: 3\n",
		"metadata/databases/databases.yaml": `- name: other
  kind: postgres
  configuration: {connection_info: {database_url: {from_env: OTHER_URL}}}
  tables: "!include other/tables/tables.yaml"
- name: default
  kind: postgres
  configuration:
    connection_info:
      database_url:
        from_env: PG_URL
  tables: "!include default/tables/tables.yaml"
`,
		"metadata/databases/other/tables/tables.yaml":         "[]\n",
		"metadata/databases/default/tables/tables.yaml":       "- \"!include public_notes.yaml\" # our own\n",
		"metadata/databases/default/tables/public_notes.yaml": "table:\n  name: notes\n  schema: public\n",
		"migrations/default/1700000000000_notes/up.sql":       "CREATE TABLE notes (id int primary key, user_id uuid);\n",
		"migrations/default/1700000000000_notes/down.sql":     "DROP TABLE notes;\n",
		"metadata/actions.graphql":                            "# what we send\ntype Mutation {\n  \"\"\"pays { once }\"\"\"\n  pay(amount: Int!): Receipt\n}\n\ntype Receipt {\n  id: String!\n}\n\n",
		"metadata/actions.yaml":                               "# handlers of our own\nactions:\n- name: pay\n  definition:\n    kind: \"\"\n    handler: http://pay/pay # the old one\n  permissions:\n  - role: user\ncustom_types:\n  enums: []\n  input_objects: []\n  objects:\n  - name: Receipt # ours\n  scalars: []\n",
	}
}

func (f files) with(changes files) files {
	all := maps.Clone(f)
	for name, content := range changes {
		if all[name] = content; content == "" {
			delete(all, name)
		}
	}
	return all
}

// write puts the project into a folder.
func (f files) write(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range f {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// read returns the files of a folder.
func read(t *testing.T, dir string) files {
	t.Helper()
	in := hasura.Files{}
	if err := in.CopyFrom(os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	all := files{}
	for name, content := range in {
		all[name] = string(content)
	}
	return all
}

// add plans and applies, and returns what the plan prints.
func add(t *testing.T, dir string) string {
	t.Helper()
	plan, err := project.New(os.DirFS(dir), hasura.Project(), project.Options{Source: "default"})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := plan.Print(&out); err != nil {
		t.Fatal(err)
	}
	if err := plan.Apply(dir); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func load(t *testing.T, of fs.FS) *metadata.Metadata {
	t.Helper()
	m, err := metadata.Load(of)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// The result is read as the CLI reads it: with all of ours, and all of theirs.
func TestAdd_GivesAProjectWithBoth(t *testing.T) {
	forms := map[string]files{
		"as the console leaves it": theirs(),
		"no actions":               theirs().with(files{"metadata/actions.yaml": "", "metadata/actions.graphql": ""}),
		"empty lists": theirs().with(files{"metadata/actions.yaml": "actions: []\ncustom_types:\n  enums: []\n  input_objects: []\n  objects: []\n  scalars: []\n",
			"metadata/actions.graphql": "\n"}),
		"no custom types":            theirs().with(files{"metadata/actions.yaml": "actions: []\n", "metadata/actions.graphql": "\n"}),
		"custom types as {}":         theirs().with(files{"metadata/actions.yaml": "custom_types: {}\nactions:\n", "metadata/actions.graphql": "# none yet\n"}),
		"custom types first":         theirs().with(files{"metadata/actions.yaml": "---\ncustom_types:\n    objects:\n        - name: Receipt\nactions:\n    - name: pay\n      definition:\n          handler: http://pay/pay\n# the end\n"}),
		"quoted keys":                theirs().with(files{"metadata/actions.yaml": "\"actions\":\n  - name: \"pay\"\n    definition:\n      handler: http://pay/pay\n'custom_types':\n  objects:\n    - name: 'Receipt'\n"}),
		"no table":                   theirs().with(files{"metadata/databases/default/tables/tables.yaml": "[]\n", "metadata/databases/default/tables/public_notes.yaml": ""}),
		"without a line's end":       theirs().with(files{"metadata/databases/default/tables/tables.yaml": "- \"!include public_notes.yaml\""}),
		"a relationship of the name": theirs().with(files{"metadata/databases/default/tables/tables.yaml": "- table:\n    name: notes\n    schema: public\n  object_relationships:\n    - name: users\n      using:\n        foreign_key_constraint_on: user_id\n"}),
		"extended types":             theirs().with(files{"metadata/actions.graphql": "extend type Mutation { pay(amount: Int!): Receipt }\nscalar Money\ntype Receipt { id: String! }", "metadata/actions.yaml": strings.Replace(theirs()["metadata/actions.yaml"], "scalars: []", "scalars:\n  - name: Money", 1)}),
	}
	forms["lines of Windows"] = theirs().with(files{
		"metadata/actions.yaml": strings.ReplaceAll(theirs()["metadata/actions.yaml"], "\n", "\r\n"), "metadata/actions.graphql": strings.ReplaceAll(theirs()["metadata/actions.graphql"], "\n", "\r\n"),
	})
	ours := load(t, hasura.Project())
	for name, form := range forms {
		t.Run(name, func(t *testing.T) {
			dir := form.write(t)
			before := load(t, os.DirFS(dir))
			shown := add(t, dir)
			after := load(t, os.DirFS(dir))
			if want, got := len(ours.Actions)+len(before.Actions), len(after.Actions); want != got {
				t.Errorf("%d actions, want %d", got, want)
			}
			if want, got := len(ours.Types)+len(before.Types), len(after.Types); want != got {
				t.Errorf("%d types, want %d", got, want)
			}
			if len(after.Sources) != 2 || len(after.Sources[1].Tables) != len(before.Sources[1].Tables)+1 || len(after.Sources[0].Tables) != 0 {
				t.Errorf("the tables are %+v", after.Sources)
			}
			if _, err := os.Stat(filepath.Join(dir, "migrations/default/1764000000000_init/up.sql")); err != nil {
				t.Error(err)
			}
			if !strings.Contains(shown, "+++ metadata/databases/default/tables/tables.yaml") || !strings.Contains(shown, "+- \"!include public_users.yaml\"") {
				t.Errorf("it shows %s", shown)
			}
			// Every line of theirs is still there, in order; only [] and {} were
			// replaced.
			now := read(t, dir)
			for name, content := range form {
				rest := now[name]
				for line := range strings.Lines(content) {
					line = strings.TrimRight(line, "\r\n")
					if strings.HasSuffix(line, "[]") || strings.HasSuffix(line, "{}") {
						line = strings.TrimRight(line, "[]{} ")
					}
					at := strings.Index(rest, line)
					if at < 0 {
						t.Fatalf("%s lost the line %q:\n%s", name, line, now[name])
					}
					rest = rest[at+len(line):]
				}
			}
			if again := add(t, dir); again != "" {
				t.Errorf("a second time it does: %s", again)
			}
			if diff := cmp.Diff(now, read(t, dir)); diff != "" {
				t.Errorf("a second time it changes (-first +second):\n%s", diff)
			}
		})
	}
}

func TestAdd_RefusesWhatDoesNotFitAndChangesNothing(t *testing.T) {
	for name, tc := range map[string]struct {
		change files
		want   string
	}{
		"no project":                {files{"config.yaml": ""}, "config.yaml is missing: this is no project of the Hasura CLI"},
		"config of version 2":       {files{"config.yaml": "version: 2\n"}, `config.yaml: version is "2"`},
		"metadata of version 2":     {files{"metadata/version.yaml": "version: 2\n"}, `metadata/version.yaml: version is "2"`},
		"a folder outside":          {files{"config.yaml": "version: 3\nmetadata_directory: ../other\n"}, "leads out of the project"},
		"no such database":          {files{"metadata/databases/databases.yaml": "- name: other\n  kind: postgres\n"}, "has no database default; choose one with --source: other"},
		"another kind of database":  {files{"metadata/databases/databases.yaml": "- name: default\n  kind: mssql\n  tables: \"!include a.yaml\"\n"}, "is of kind mssql"},
		"tables in place":           {files{"metadata/databases/databases.yaml": "- name: default\n  kind: postgres\n  tables:\n  - table: {schema: public, name: notes}\n"}, "give them a file of their own"},
		"an action of the name":     {files{"metadata/actions.yaml": "actions:\n- name: signin\n  definition:\n    handler: http://mine\n"}, "metadata/actions.yaml: an action signin is there, with the handler http://mine"},
		"an action, name last":      {files{"metadata/actions.yaml": "actions:\n- definition:\n    handler: http://mine\n    headers:\n    - name: X-A\n      value: a\n  name: signin\n"}, "an action signin is there, with the handler http://mine"},
		"a users table, in braces":  {files{"metadata/databases/default/tables/tables.yaml": "- table: {schema: public, name: users}\n"}, "tables.yaml, line 1: a table users is tracked already"},
		"an action, dash alone":     {files{"metadata/actions.yaml": "actions:\n  -\n    name: signin\n    definition:\n      handler: http://mine\n"}, "an action signin is there, with the handler http://mine"},
		"a type of the name":        {files{"metadata/actions.graphql": "type AuthPayload { token: String! }"}, "a type AuthPayload is there, with other fields"},
		"a type named as an action": {files{"metadata/actions.graphql": "input signin { x: Int }"}, "signin is the name of something else"},
		"actions on one line":       {files{"metadata/actions.yaml": "actions: [{name: pay}]\n"}, "metadata/actions.yaml, line 1: actions stands on one line"},
		"a key twice":               {files{"metadata/actions.yaml": "actions: []\nactions: []\n"}, "line 2: actions is there twice"},
		"a tab":                     {files{"metadata/actions.yaml": "actions:\n\t- name: x\n"}, "line 2: a tab"},
		"no list":                   {files{"metadata/actions.yaml": "actions:\n  pay: {}\n"}, "line 2: expected an entry of a list"},
		"an open brace":             {files{"metadata/actions.graphql": "type Mutation { pay(x: Int): Int"}, "metadata/actions.graphql: a brace is not closed"},
		"an open description":       {files{"metadata/actions.graphql": "\"\"\"pays"}, "a description is not closed"},
		"no GraphQL":                {files{"metadata/actions.graphql": "mutation { pay }"}, `"mutation" is not the beginning of a type`},
		"a users table, tracked":    {files{"metadata/databases/default/tables/tables.yaml": "- table:\n    name: users\n    schema: public\n"}, "tables.yaml, line 1: a table users is tracked already"},
		"a users table's file":      {files{"metadata/databases/default/tables/public_users.yaml": "table: {name: users, schema: public}\n"}, "public_users.yaml is there, with another content"},
		"a users table, made":       {files{"migrations/default/1700000000001_users/up.sql": "-- users\nCREATE TABLE IF NOT EXISTS \"public\".\"users\"(id int);\n"}, `1700000000001_users/up.sql makes "public"."users"`},
		"a schema auth":             {files{"migrations/default/1700000000001_auth/up.sql": "create schema auth;\n"}, "1700000000001_auth/up.sql makes auth"},
		"a users view":              {files{"migrations/default/1700000000001_users/up.sql": "create view users as select 1;"}, "1700000000001_users/up.sql makes users"},
		"a table in auth":           {files{"migrations/default/1700000000001_auth/up.sql": "CREATE TABLE auth.users (id int);"}, "1700000000001_auth/up.sql makes auth.users"},
		"a migration's number":      {files{"migrations/default/1764000000000_mine/up.sql": "SELECT 1;"}, "1764000000000_mine has the number"},
		"another migration":         {files{"migrations/default/1764000000000_init/up.sql": "SELECT 1;"}, "1764000000000_init/up.sql is there, with another content"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := theirs().with(tc.change).write(t)
			before := read(t, dir)
			_, err := project.New(os.DirFS(dir), hasura.Project(), project.Options{Source: "default"})
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("the error is %v, want %q", err, tc.want)
			}
			if diff := cmp.Diff(before, read(t, dir)); diff != "" {
				t.Errorf("it changed (-before +after):\n%s", diff)
			}
		})
	}
}

// A project of an earlier release, with its own permission on our table, gets only the
// new parts; its changes stay and are named.
func TestAdd_BringsAnEarlierReleaseUpToDate(t *testing.T) {
	dir := theirs().write(t)
	add(t, dir)
	all := read(t, dir)
	yaml := all["metadata/actions.yaml"]
	from, to := strings.Index(yaml, "- name: signoutAll"), strings.Index(yaml, "- name: changePassword")
	all["metadata/actions.yaml"] = strings.Replace(yaml[:from]+yaml[to:], "comment: Make an account and sign it in", "comment: Join us", 1)
	all["metadata/actions.graphql"] = strings.Replace(all["metadata/actions.graphql"], "  signoutAll: OkPayload!\n", "", 1)
	delete(all, "migrations/default/1764410000000_passkeys/up.sql")
	users := "metadata/databases/default/tables/public_users.yaml"
	all[users] += "delete_permissions: []\n"
	dir = all.write(t)
	shown := add(t, dir)
	for _, want := range []string{
		"+  signoutAll: OkPayload!", "+- name: signoutAll", "new file migrations/default/1764410000000_passkeys/up.sql",
		"kept as it is: metadata/actions.yaml: the action signup differs", "kept as it is: " + users,
	} {
		if !strings.Contains(shown, want) {
			t.Errorf("it does not show %q:\n%s", want, shown)
		}
	}
	after := read(t, dir)
	if !strings.Contains(after["metadata/actions.yaml"], "comment: Join us") || after[users] != all[users] {
		t.Error("what the project had changed is gone")
	}
	if got, want := len(load(t, os.DirFS(dir)).Actions), len(load(t, hasura.Project()).Actions)+1; got != want {
		t.Errorf("%d actions, want %d", got, want)
	}
}

func TestApply_BringsFilesBackIfOneCannotBeWritten(t *testing.T) {
	dir := theirs().write(t)
	plan, err := project.New(os.DirFS(dir), hasura.Project(), project.Options{Source: "default"})
	if err != nil {
		t.Fatal(err)
	}
	// Somebody writes the last file of the plan meanwhile.
	last := plan.Changes[len(plan.Changes)-1]
	path := filepath.Join(dir, last.Path)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	before := read(t, dir)
	if err := plan.Apply(dir); err == nil || !strings.Contains(err.Error(), last.Path+": the file has changed meanwhile") {
		t.Errorf("the error is %v", err)
	}
	if diff := cmp.Diff(before, read(t, dir)); diff != "" {
		t.Errorf("half of it stayed (-before +after):\n%s", diff)
	}
}

func TestAdd_WithoutActionsLeavesThemAlone(t *testing.T) {
	dir := theirs().write(t)
	plan, err := project.New(os.DirFS(dir), hasura.Project(), project.Options{Source: "default", NoActions: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := plan.Apply(dir); err != nil {
		t.Fatal(err)
	}
	m := load(t, os.DirFS(dir))
	if len(m.Actions) != 1 || len(m.Sources[1].Tables) != 2 {
		t.Errorf("%d actions, %d tables", len(m.Actions), len(m.Sources[1].Tables))
	}
}

// What is named alike in another schema, or only named, is no clash.
func TestAdd_TakesTablesOfOtherSchemasForNoClash(t *testing.T) {
	dir := theirs().with(files{"migrations/default/1700000000001_more/up.sql": "CREATE TABLE shop.users (id int);\nCREATE TABLE users_archive (id int);\n-- create table users\nALTER TABLE members RENAME TO users2;\nCREATE SCHEMA authors;\n"}).write(t)
	add(t, dir)
}

func TestAdd_OrganizationsComeWithTheirTables(t *testing.T) {
	with, err := hasura.WithOrganizations()
	if err != nil {
		t.Fatal(err)
	}
	dir := theirs().write(t)
	add(t, dir) // first without
	plan, err := project.New(os.DirFS(dir), with, project.Options{Source: "default"})
	if err != nil {
		t.Fatal(err)
	}
	if err := plan.Apply(dir); err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, table := range load(t, os.DirFS(dir)).Sources[1].Tables {
		names[table.Table.String()] = true
	}
	for _, want := range []string{"public.notes", "public.users", "public.organizations", "public.memberships"} {
		if !names[want] {
			t.Errorf("%s is not tracked: %v", want, names)
		}
	}
	taken := theirs().with(files{"migrations/default/1700000000001_orgs/up.sql": "CREATE TABLE organizations (id int);"}).write(t)
	if _, err := project.New(os.DirFS(taken), with, project.Options{Source: "default"}); err == nil || !strings.Contains(err.Error(), "makes organizations") {
		t.Errorf("a table organizations of the project's own: %v", err)
	}
}
