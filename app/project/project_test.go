package project_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
	"gopkg.in/yaml.v3"

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
	for _, c := range plan.Changes {
		if err := onceEach(c.Path, c.New); err != nil {
			t.Errorf("%v in:\n%s", err, c.New)
		}
	}
	return out.String()
}

// onceEach reads a file back with a library, and reports a name that is there twice.
func onceEach(name string, content []byte) error {
	if filepath.Ext(name) != ".yaml" {
		return nil
	}
	var parsed any
	if err := yaml.Unmarshal(content, &parsed); err != nil {
		return err
	}
	top, _ := parsed.(map[string]any)
	types, _ := top["custom_types"].(map[string]any)
	for _, list := range []any{top["actions"], types["enums"], types["input_objects"], types["objects"], types["scalars"]} {
		seen := map[any]bool{}
		entries, _ := list.([]any)
		for _, e := range entries {
			entry, _ := e.(map[string]any)
			if seen[entry["name"]] {
				return fmt.Errorf("%v is there twice", entry["name"])
			}
			seen[entry["name"]] = true
		}
	}
	return nil
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
		"texts and lists on a line":  theirs().with(files{"metadata/actions.yaml": "actions:\n  - name: pay # once\n    definition: {handler: 'http://pay/pay', headers: [{name: \"a]\", value: b}]} # on one line\n    comment: |-\n      - name: signin\n      actions:\n    permissions: [{role: user}]\ncustom_types:\n  objects:\n    - name: Receipt\n      description: \"it's \\\"one\\\"\" # yes\n"}),
		"tables of its own":          theirs().with(files{"metadata/databases/default/tables/tables.yaml": "- table: {schema: shop, name: users}\n- table: {name: notes}\n  select_permissions:\n    - role: user\n      permission:\n        columns: [id]\n        filter: {user_id: {_eq: X-Hasura-User-Id}}\n"}),
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
		"no project":                       {files{"config.yaml": ""}, "config.yaml is missing: this is no project of the Hasura CLI"},
		"config of version 2":              {files{"config.yaml": "version: 2\n"}, `config.yaml: version is "2"`},
		"metadata of version 2":            {files{"metadata/version.yaml": "version: 2\n"}, `metadata/version.yaml: version is "2"`},
		"a folder outside":                 {files{"config.yaml": "version: 3\nmetadata_directory: ../other\n"}, "leads out of the project"},
		"no such database":                 {files{"metadata/databases/databases.yaml": "- name: other\n  kind: postgres\n"}, "has no database default; choose one with --source: other"},
		"another kind of database":         {files{"metadata/databases/databases.yaml": "- name: default\n  kind: mssql\n  tables: \"!include a.yaml\"\n"}, "is of kind mssql"},
		"tables in place":                  {files{"metadata/databases/databases.yaml": "- name: default\n  kind: postgres\n  tables:\n  - table: {schema: public, name: notes}\n"}, "give them a file of their own"},
		"an action of the name":            {files{"metadata/actions.yaml": "actions:\n- name: signin\n  definition:\n    handler: http://mine\n"}, "metadata/actions.yaml: an action signin is there, with the handler http://mine"},
		"an action, name last":             {files{"metadata/actions.yaml": "actions:\n- definition:\n    handler: http://mine\n    headers:\n    - name: X-A\n      value: a\n  name: signin\n"}, "an action signin is there, with the handler http://mine"},
		"a users table, in braces":         {files{"metadata/databases/default/tables/tables.yaml": "- table: {schema: public, name: users}\n"}, "tables.yaml, line 1: a table users is tracked already"},
		"an action, dash alone":            {files{"metadata/actions.yaml": "actions:\n  -\n    name: signin\n    definition:\n      handler: http://mine\n"}, "an action signin is there, with the handler http://mine"},
		"a type of the name":               {files{"metadata/actions.graphql": "type AuthPayload { token: String! }"}, "a type AuthPayload is there, with other fields"},
		"a type named as an action":        {files{"metadata/actions.graphql": "input signin { x: Int }"}, "signin is the name of something else"},
		"actions on one line":              {files{"metadata/actions.yaml": "actions: [{name: pay}]\n"}, "metadata/actions.yaml, line 1: actions stands on one line"},
		"a key twice":                      {files{"metadata/actions.yaml": "actions: []\nactions: []\n"}, "line 2: actions is there twice"},
		"a tab":                            {files{"metadata/actions.yaml": "actions:\n\t- name: x\n"}, "line 2: a tab"},
		"no list":                          {files{"metadata/actions.yaml": "actions:\n  pay: {}\n"}, "line 2: expected an entry of a list"},
		"an open brace":                    {files{"metadata/actions.graphql": "type Mutation { pay(x: Int): Int"}, "metadata/actions.graphql: a brace is not closed"},
		"an open description":              {files{"metadata/actions.graphql": "\"\"\"pays"}, "a description is not closed"},
		"no GraphQL":                       {files{"metadata/actions.graphql": "mutation { pay }"}, `"mutation" is not the beginning of a type`},
		"a users table, tracked":           {files{"metadata/databases/default/tables/tables.yaml": "- table:\n    name: users\n    schema: public\n"}, "tables.yaml, line 1: a table users is tracked already"},
		"a users table's file":             {files{"metadata/databases/default/tables/public_users.yaml": "table: {name: users, schema: public}\n"}, "public_users.yaml is there, with another content"},
		"a users table, made":              {files{"migrations/default/1700000000001_users/up.sql": "-- users\nCREATE TABLE IF NOT EXISTS \"public\".\"users\"(id int);\n"}, `1700000000001_users/up.sql makes "public"."users"`},
		"a schema auth":                    {files{"migrations/default/1700000000001_auth/up.sql": "create schema auth;\n"}, "1700000000001_auth/up.sql makes auth"},
		"a users view":                     {files{"migrations/default/1700000000001_users/up.sql": "create view users as select 1;"}, "1700000000001_users/up.sql makes users"},
		"a table in auth":                  {files{"migrations/default/1700000000001_auth/up.sql": "CREATE TABLE auth.users (id int);"}, "1700000000001_auth/up.sql makes auth.users"},
		"a migration's number":             {files{"migrations/default/1764000000000_mine/up.sql": "SELECT 1;"}, "1764000000000_mine has the number"},
		"another migration":                {files{"migrations/default/1764000000000_init/up.sql": "SELECT 1;"}, "1764000000000_init/up.sql is there, with another content"},
		"a list that is indented":          {files{"metadata/databases/default/tables/tables.yaml": "  - table:\n      name: users\n      schema: public\n"}, "tables.yaml, line 1: a list that is indented; write it as a block list that begins in the first column, as hasura metadata export does"},
		"tables as JSON":                   {files{"metadata/databases/default/tables/tables.yaml": "[{\"table\": {\"name\": \"notes\"}}]\n"}, "tables.yaml, line 1: expected an entry of a list"},
		"a table in braces of braces":      {files{"metadata/databases/default/tables/tables.yaml": "- {table: {name: users}}\n"}, "tables.yaml, line 1: an entry that is no map"},
		"a table with an anchor":           {files{"metadata/databases/default/tables/tables.yaml": "- table:\n    name: &n users\n"}, "tables.yaml, line 2: a value that is not whole"},
		"a table with an escape":           {files{"metadata/databases/default/tables/tables.yaml": "- table:\n    name: \"us\\u0065rs\"\n"}, "tables.yaml, line 2: a table in a form"},
		"a table, colon apart":             {files{"metadata/databases/default/tables/tables.yaml": "- table:\n    name : users\n"}, "tables.yaml, line 2: a table in a form"},
		"a table, name only":               {files{"metadata/databases/default/tables/tables.yaml": "- table: users\n"}, "tables.yaml, line 1: a table users is tracked already"},
		"a table, configured first":        {files{"metadata/databases/default/tables/tables.yaml": "- configuration:\n    custom_name: u\n  table:\n    schema: public\n    name: users\n"}, "tables.yaml, line 1: a table users is tracked already"},
		"a table after a document":         {files{"metadata/databases/default/tables/tables.yaml": "- \"!include public_notes.yaml\"\n...\n"}, "tables.yaml, line 2: expected an entry of a list"},
		"a users table, included":          {files{"metadata/databases/default/tables/tables.yaml": "- \"!include public_notes.yaml\"\n- \"!include app_users.yaml\"\n", "metadata/databases/default/tables/app_users.yaml": "table:\n  name: users\n  schema: public\n"}, "tables.yaml, line 2: a table users is tracked already"},
		"an included table in braces":      {files{"metadata/databases/default/tables/public_notes.yaml": "{table: {name: users, schema: public}}\n"}, "public_notes.yaml, line 1: no key table"},
		"an included file that is missing": {files{"metadata/databases/default/tables/tables.yaml": "- \"!include a.yaml\"\n"}, "tables.yaml, line 1: lstat"},
		"actions in braces":                {files{"metadata/actions.yaml": "{actions: [], custom_types: {}}\n"}, "actions.yaml, line 1: neither"},
		"actions as JSON":                  {files{"metadata/actions.yaml": "{\n  \"actions\": [],\n  \"custom_types\": {}\n}\n"}, "actions.yaml, line 1: neither"},
		"all keys indented":                {files{"metadata/actions.yaml": "  actions: []\n  custom_types: {}\n"}, "actions.yaml, line 1: expected a key"},
		"the end of a document":            {files{"metadata/actions.yaml": "actions: []\n...\n"}, "actions.yaml, line 2: neither"},
		"a directive":                      {files{"metadata/actions.yaml": "%YAML 1.2\n---\nactions: []\n"}, "actions.yaml, line 2: a second document"},
		"an entry in braces":               {files{"metadata/actions.yaml": "actions:\n- {name: signin, definition: {handler: http://mine}}\n"}, "actions.yaml, line 2: an entry that is no map"},
		"a key, colon apart":               {files{"metadata/actions.yaml": "actions:\n- name : signin\n  definition:\n    handler: http://mine\n"}, "actions.yaml, line 2: an entry that is no map"},
		"a name with an anchor":            {files{"metadata/actions.yaml": "actions:\n- name: &n signin\n  definition:\n    handler: http://mine\n"}, "actions.yaml, line 2: a value that is not whole"},
		"a name with an escape":            {files{"metadata/actions.yaml": "actions:\n- name: \"sign\\u0069n\"\n"}, "actions.yaml, line 2: a name that is not one word"},
		"a key with an escape":             {files{"metadata/actions.yaml": "actions:\n- \"n\\u0061me\": signin\n"}, "actions.yaml, line 2"},
		"a name on the next line":          {files{"metadata/actions.yaml": "actions:\n- name:\n    signin\n"}, "actions.yaml, line 3: neither"},
		"a key with a question mark":       {files{"metadata/actions.yaml": "actions:\n- ? name\n  : signin\n"}, "actions.yaml, line 2"},
		"a key that merges":                {files{"metadata/actions.yaml": "actions:\n- <<: {name: signin}\n"}, "actions.yaml, line 2: an entry that is no map"},
		"a name with a tag":                {files{"metadata/actions.yaml": "actions:\n- name: !!str signin\n"}, "actions.yaml, line 2: a value that is not whole"},
		"no name":                          {files{"metadata/actions.yaml": "actions:\n- definition:\n    handler: http://mine\n"}, "actions.yaml, line 2: an entry without exactly one name"},
		"two names":                        {files{"metadata/actions.yaml": "actions:\n- name: pay\n  name: signin\n"}, "actions.yaml, line 2: an entry without exactly one name"},
		"a list on its line and below":     {files{"metadata/actions.yaml": "actions: []\n- name: pay\n"}, "actions.yaml, line 1: actions has a value on its line and below it"},
		"a list with an anchor":            {files{"metadata/actions.yaml": "actions: &a\n- name: pay\n"}, "actions.yaml, line 1: a value that is not whole"},
		"a text over lines":                {files{"metadata/actions.yaml": "actions:\n- name: pay\n  comment: \"a\n- name: signin\"\n"}, "actions.yaml, line 3: a value that is not whole"},
		"a text that looks like a comment": {files{"metadata/actions.yaml": "actions:\n- name: pay\n  comment: |\n    a\n    # b\n"}, "actions.yaml, line 5: a text whose line looks like a comment"},
		"braces over lines":                {files{"metadata/actions.yaml": "actions:\n- name: pay\n  definition: {\n    handler: a}\n"}, "actions.yaml, line 3: a value that is not whole"},
		"another kind of line end":         {files{"metadata/actions.yaml": "actions: []\u2028custom_types: {}\n"}, "actions.yaml, line 1: a control character"},
		"types at two depths":              {files{"metadata/actions.yaml": "custom_types:\n    enums: []\n  objects: []\n"}, "actions.yaml, line 3: expected a key"},
		"no colours":                       {files{"metadata/actions.yaml": "actions:\n- name: signin\n  definition:\n    handler: \"http://\x1b[31m\"\n"}, "actions.yaml, line 4: a control character"},
		"a name that would colour":         {files{"config.yaml": "version: \"\x1b[31m\"\n"}, `version is "\x1b[31m"`},
		"an unlogged table":                {files{"migrations/default/1700000000001_x/up.sql": "CREATE UNLOGGED TABLE public.users (id int);"}, "1700000000001_x/up.sql makes public.users (line 1)"},
		"a view replaced":                  {files{"migrations/default/1700000000001_x/up.sql": "CREATE OR REPLACE VIEW users AS SELECT 1;"}, "1700000000001_x/up.sql makes users (line 1)"},
		"a recursive view":                 {files{"migrations/default/1700000000001_x/up.sql": "CREATE OR REPLACE TEMP RECURSIVE VIEW users (a) AS SELECT 1;"}, "1700000000001_x/up.sql makes users (line 1)"},
		"a second statement":               {files{"migrations/default/1700000000001_x/up.sql": "SELECT 1; CREATE TABLE users (id int);"}, "1700000000001_x/up.sql makes users (line 1)"},
		"a statement after a comment":      {files{"migrations/default/1700000000001_x/up.sql": "-- one\n/* c\n */ CREATE TABLE users (id int);"}, "1700000000001_x/up.sql makes users (line 3)"},
		"a comment within a statement":     {files{"migrations/default/1700000000001_x/up.sql": "CREATE/**/TABLE--\nusers (id int);"}, "1700000000001_x/up.sql makes users (line 1)"},
		"a statement after a text":         {files{"migrations/default/1700000000001_x/up.sql": "SELECT '--'; CREATE TABLE users (id int);"}, "1700000000001_x/up.sql makes users (line 1)"},
		"a statement after a dollar text":  {files{"migrations/default/1700000000001_x/up.sql": "SELECT $$ -- $$; CREATE TABLE users (id int);"}, "1700000000001_x/up.sql makes users (line 1)"},
		"a statement between texts":        {files{"migrations/default/1700000000001_x/up.sql": "SELECT '/*'; CREATE TABLE users (id int); SELECT '*/';"}, "1700000000001_x/up.sql makes users (line 1)"},
		"a foreign table":                  {files{"migrations/default/1700000000001_x/up.sql": "CREATE FOREIGN TABLE users (id int) SERVER s;"}, "1700000000001_x/up.sql makes users (line 1)"},
		"a schema by its owner":            {files{"migrations/default/1700000000001_x/up.sql": "CREATE SCHEMA IF NOT EXISTS AUTHORIZATION auth;"}, "1700000000001_x/up.sql makes auth (line 1)"},
		"an enum of the name":              {files{"migrations/default/1700000000001_x/up.sql": "CREATE TYPE users AS ENUM ('a');"}, "1700000000001_x/up.sql makes users (line 1)"},
		"an index of the name":             {files{"migrations/default/1700000000001_x/up.sql": "CREATE UNIQUE INDEX CONCURRENTLY users ON members (id);"}, "1700000000001_x/up.sql makes users (line 1)"},
		"a table renamed":                  {files{"migrations/default/1700000000001_x/up.sql": "ALTER TABLE IF EXISTS members\n  RENAME TO users;"}, "1700000000001_x/up.sql makes users (line 1)"},
		"a schema renamed":                 {files{"migrations/default/1700000000001_x/up.sql": "ALTER SCHEMA x RENAME TO \"auth\";"}, `1700000000001_x/up.sql makes "auth" (line 1)`},
		"a table moved":                    {files{"migrations/default/1700000000001_x/up.sql": "ALTER TABLE shop.users SET SCHEMA public;"}, "1700000000001_x/up.sql makes public.users (line 1)"},
		"a name with escapes":              {files{"migrations/default/1700000000001_x/up.sql": "CREATE TABLE U&\"\\0075sers\" (id int);"}, "1700000000001_x/up.sql makes U&"},
		"a flat migration":                 {files{"migrations/default/1700000000001_x.up.sql": "CREATE TABLE users (id int);"}, "1700000000001_x.up.sql makes users (line 1)"},
		"a migration in YAML":              {files{"migrations/default/1700000000001_x/up.yaml": "- type: run_sql\n  args:\n    sql: CREATE TABLE users (id int)\n"}, "1700000000001_x/up.yaml makes users (line 3)"},
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
	dir := theirs().with(files{"migrations/default/1700000000001_more/up.sql": "CREATE TABLE shop.users (id int);\nCREATE TABLE users_archive (id int);\n-- create table users\nALTER TABLE members RENAME TO users2;\nCREATE SCHEMA authors;\nCREATE SCHEMA IF NOT EXISTS shop AUTHORIZATION auth;\n/* create schema auth */\nALTER TABLE members RENAME COLUMN a TO users;\nINSERT INTO shop.users SELECT 1;\nCREATE INDEX users_name ON users (name);\n", "migrations/default/1700000000002_old.down.sql": "CREATE TABLE users (id int);"}).write(t)
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

// What is no regular file is neither read nor written through.
func TestAdd_RefusesLinksAndPipes(t *testing.T) {
	for name, tc := range map[string]struct {
		plant func(path string) error
		want  string
	}{
		"a link": {func(path string) error { return os.Symlink("version.yaml", path) }, "metadata/actions.yaml is a symbolic link; put a regular file in its place"},
		"a pipe": {func(path string) error { return unix.Mkfifo(path, 0o600) }, "metadata/actions.yaml is not a regular file"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := theirs().with(files{"metadata/actions.yaml": ""}).write(t)
			path := filepath.Join(dir, "metadata/actions.yaml")
			plan, err := project.New(os.DirFS(dir), hasura.Project(), project.Options{Source: "default"})
			if err != nil {
				t.Fatal(err)
			}
			if err := tc.plant(path); err != nil {
				t.Fatal(err)
			}
			if err := plan.Apply(dir); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("when it writes, the error is %v", err)
			}
			if _, err := project.New(os.DirFS(dir), hasura.Project(), project.Options{Source: "default"}); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("when it reads, the error is %v", err)
			}
		})
	}
}

func TestApply_WritesThroughNoPlantedLink(t *testing.T) {
	dir := theirs().with(files{"victim": "mine"}).write(t)
	if err := os.Symlink("../victim", filepath.Join(dir, "metadata/actions.yaml.hasura-login")); err != nil {
		t.Fatal(err)
	}
	add(t, dir)
	if got, err := os.ReadFile(filepath.Join(dir, "victim")); err != nil || string(got) != "mine" {
		t.Errorf("the link's target is %q, %v", got, err)
	}
	left, err := filepath.Glob(filepath.Join(dir, "metadata/.hasura-login-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("it left %v, %v", left, err)
	}
}

func TestPrint_ShowsControlCharactersAsEscapes(t *testing.T) {
	plan := project.Plan{Changes: []project.Change{{Path: "a.graphql", Old: []byte("# \x1b]0;x\a \u202e\x9b \ttab é\n"), New: []byte("# \x1b]0;x\a \u202e\x9b \ttab é\nscalar A\n")}}}
	var out bytes.Buffer
	if err := plan.Print(&out); err != nil || !strings.Contains(out.String(), ` # \x1b]0;x\a \u202e\x9b `+"\ttab é\n") {
		t.Errorf("it prints %q, %v", out.String(), err)
	}
}
