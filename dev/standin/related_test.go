package standin_test

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/golang-jwt/jwt/v5"

	"hasura-login/app/store/sqlite"
	"hasura-login/app/testserver"
	"hasura-login/dev/standin"
	"hasura-login/dev/standin/auth"
	"hasura-login/dev/standin/metadata"
)

// The tables of a small app: lists that have members, and todos on them.
const (
	relatedTables = `
		CREATE TABLE lists (id uuid PRIMARY KEY, title text NOT NULL);
		CREATE TABLE members (list_id uuid NOT NULL REFERENCES lists (id), user_id uuid NOT NULL, PRIMARY KEY (list_id, user_id));
		CREATE TABLE todos (id integer PRIMARY KEY, list_id uuid NOT NULL REFERENCES lists (id), owner_id uuid,
		  text text NOT NULL UNIQUE, done boolean NOT NULL DEFAULT false, effort integer);
		INSERT INTO lists VALUES ('10000000-0000-4000-8000-000000000001', 'home'), ('10000000-0000-4000-8000-000000000002', 'work');
		INSERT INTO members VALUES ('10000000-0000-4000-8000-000000000001', '` + annID + `'), ('10000000-0000-4000-8000-000000000002', '` + bobID + `');
		INSERT INTO todos VALUES (1, '10000000-0000-4000-8000-000000000001', '` + annID + `', 'wash', true, 3),
		  (2, '10000000-0000-4000-8000-000000000001', '` + annID + `', 'cook', false, 5), (3, '10000000-0000-4000-8000-000000000002', '` + bobID + `', 'plan', false, NULL);`

	relatedMetadata = `
- table: {schema: public, name: lists}
  array_relationships:
    - {name: todos, using: {foreign_key_constraint_on: {table: {schema: public, name: todos}, column: list_id}}}
    - {name: members, using: {manual_configuration: {remote_table: {schema: public, name: members}, column_mapping: {id: list_id}}}}
  select_permissions:
    - {role: user, permission: {columns: [id, title], filter: {members: {user_id: {_eq: X-Hasura-User-Id}}}, allow_aggregations: true}}
    - {role: guest, permission: {columns: [title], filter: {id: {_in: X-Hasura-List-Ids}}}}
    - {role: gone, permission: {columns: [title], filter: {nobody: {user_id: {_eq: X-Hasura-User-Id}}}}}
- table: {schema: public, name: members}
- table: {schema: public, name: todos}
  object_relationships:
    - {name: list, using: {foreign_key_constraint_on: list_id}}
    - {name: gone, using: {foreign_key_constraint_on: owner_id}}
  select_permissions:
    - {role: user, permission: {columns: [id, text, done, effort, list_id], filter: {list: {members: {user_id: {_eq: X-Hasura-User-Id}}}}, allow_aggregations: true}}
  insert_permissions:
    - role: user
      permission:
        columns: [id, list_id, text, effort]
        set: {owner_id: X-Hasura-User-Id, done: false}
        check: {_exists: {_table: {schema: public, name: members}, _where: {user_id: {_eq: X-Hasura-User-Id}}}, list: {members: {user_id: {_eq: X-Hasura-User-Id}}}}
  update_permissions:
    - {role: user, permission: {columns: [text, effort], set: {done: true}, filter: {owner_id: {_eq: X-Hasura-User-Id}}, check: {}}}
  delete_permissions:
    - {role: user, permission: {filter: {owner_id: {_eq: X-Hasura-User-Id}}}}
`
)

func relatedEngine(t *testing.T, dialect standin.Dialect) *engine {
	t.Helper()
	var db *sql.DB
	if dialect == standin.SQLite {
		store, err := sqlite.Open(filepath.Join(t.TempDir(), "app.db"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = store.Close() })
		db = store.DB()
		if _, err := db.Exec(relatedTables); err != nil {
			t.Fatal(err)
		}
	} else {
		pg := testserver.StartPostgres(t)
		pg.CreateDatabase(t, "app")
		pg.Exec(t, "app", relatedTables)
		var err error
		if db, err = sql.Open("pgx", pg.URL("app")); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
	}
	source := metadata.Source{Name: "default"}
	if err := yaml.UnmarshalWithOptions([]byte(relatedMetadata), &source.Tables, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	return startOver(t, db, dialect, func(c *standin.Config) { c.Metadata = &metadata.Metadata{Sources: []metadata.Source{source}} })
}

// A newcomer's own tables, on either database.
func TestTables_RelationshipsAggregatesInsertsAndDeletes(t *testing.T) {
	const home, work = "10000000-0000-4000-8000-000000000001", "10000000-0000-4000-8000-000000000002"
	failed := coded("permission-error", "$.selectionSet.insert_todos_one.args.object", "check constraint of an insert/update permission has failed")
	for _, dialect := range []standin.Dialect{standin.SQLite, standin.Postgres} {
		t.Run(string(dialect), func(t *testing.T) {
			e := relatedEngine(t, dialect)
			ann := tokenFor(t, annID, nil)
			for _, step := range []struct{ query, want string }{
				{`{ lists { title todos(order_by: {id: desc}) { text list { title } } } }`,
					`{"data":{"lists":[{"title":"home","todos":[{"list":{"title":"home"},"text":"cook"},{"list":{"title":"home"},"text":"wash"}]}]}}`},
				{`{ todos(where: {list: {title: {_eq: "work"}}}) { text } }`, `{"data":{"todos":[]}}`},
				{`{ lists(where: {todos: {text: {_eq: "plan"}}}) { title } }`, `{"data":{"lists":[]}}`},
				{`{ lists { members { user_id } } }`, refusal("$.selectionSet.lists.selectionSet.members", "field 'members' not found in type: 'lists'")},
				{`{ todos(order_by: [{list: {title: asc}}, {id: asc}], limit: 1) { text done } }`, `{"data":{"todos":[{"done":true,"text":"wash"}]}}`},
				{`{ todos_aggregate { aggregate { count sum { effort } max { text } avg { effort } } nodes { id } } }`,
					`{"data":{"todos_aggregate":{"aggregate":{"avg":{"effort":4},"count":2,"max":{"text":"wash"},"sum":{"effort":8}},"nodes":[{"id":1},{"id":2}]}}}`},
				{`{ lists { todos_aggregate(where: {done: {_eq: true}}) { aggregate { n: count(columns: effort, distinct: true) } } } }`, `{"data":{"lists":[{"todos_aggregate":{"aggregate":{"n":1}}}]}}`},
				{`mutation { insert_todos_one(object: {id: 4, list_id: "` + home + `", text: "new"}) { text done list { title } } }`,
					`{"data":{"insert_todos_one":{"done":false,"list":{"title":"home"},"text":"new"}}}`},
				{`mutation { insert_todos_one(object: {id: 5, list_id: "` + work + `", text: "theirs"}) { text } }`, failed},
				{`mutation { insert_todos_one(object: {id: 5, list_id: "` + home + `", text: "x", owner_id: "` + bobID + `"}) { text } }`,
					refusal("$.selectionSet.insert_todos_one.args.object.owner_id", "field 'owner_id' not found in type: 'todos_insert_input'")},
				{`mutation { insert_todos(objects: [{id: 6, list_id: "` + home + `", text: "new", effort: 7}], on_conflict: {constraint: todos_text_key, update_columns: [effort]}) { affected_rows returning { id effort done } } }`,
					`{"data":{"insert_todos":{"affected_rows":1,"returning":[{"done":true,"effort":7,"id":4}]}}}`},
				{`mutation { insert_todos(objects: {id: 6, list_id: "` + home + `", text: "new"}, on_conflict: {constraint: todos_text_key, update_columns: [effort], where: {effort: {_gt: 10}}}) { affected_rows } }`,
					`{"data":{"insert_todos":{"affected_rows":0}}}`},
				{`mutation { update_todos(where: {list: {title: {_eq: "home"}}, text: {_eq: "new"}}, _inc: {effort: 2}) { returning { effort } } }`, `{"data":{"update_todos":{"returning":[{"effort":9}]}}}`},
				{`mutation { update_todos(where: {}, _inc: {effort: 2}, _set: {effort: 1}) { affected_rows } }`,
					refusal("$.selectionSet.update_todos.args", "Column found in multiple operators: ['effort'].")},
				{`mutation { delete_todos_by_pk(id: 3) { id } delete_todos(where: {text: {_eq: "new"}}) { affected_rows returning { id list { title } } } }`,
					`{"data":{"delete_todos":{"affected_rows":1,"returning":[{"id":4,"list":{"title":"home"}}]},"delete_todos_by_pk":null}}`},
			} {
				if got := e.query(t, ann, step.query); got != step.want {
					t.Errorf("%s:\n%s, want\n%s", step.query, got, step.want)
				}
			}
			guest := tokenFor(t, annID, jwt.MapClaims{auth.DefaultNamespace: map[string]any{
				"x-hasura-default-role": "guest", "x-hasura-allowed-roles": []string{"guest"}, "x-hasura-list-ids": `{` + work + `}`,
			}})
			if got := e.query(t, guest, `{ lists { title } }`); got != `{"data":{"lists":[{"title":"work"}]}}` {
				t.Errorf("a list of the session: %s", got)
			}
			problems := strings.Join(e.Problems(), "\n")
			for _, want := range []string{
				"relationship gone of public.todos: no foreign key on [owner_id]",
				`select permission of role gone on public.lists: "nobody" does not exist`,
			} {
				if !strings.Contains(problems, want) {
					t.Errorf("the problems lack %q:\n%s", want, problems)
				}
			}
		})
	}
}
