package project_test

import (
	"io/fs"
	"testing"

	"gopkg.in/yaml.v3"

	"hasura-login/app/project"
	"hasura-login/hasura"
)

// Whatever the two files hold: either it is refused, or the project then has all of ours,
// so that a second plan is empty.
func FuzzAdd_IsDoneOnce(f *testing.F) {
	f.Add(theirs()["metadata/actions.graphql"], theirs()["metadata/actions.yaml"], theirs()["metadata/databases/default/tables/tables.yaml"])
	f.Add("type Query { a(b: [Int!] = [1], \"\"\"c\"\"\" d: E = F @g(h: \"i\")): [J!]! @k }\nunion L = | M | N", "actions: []\ncustom_types: {}\n", "[]")
	f.Add("enum A { B C }\nextend type A { d: Int }\ndirective @x on FIELD", "custom_types:\n  objects: # none\n\nactions:\n# none\n", "")
	f.Add("", "", "- table:\n    name: x\n")
	f.Fuzz(func(t *testing.T, graphql, actions, tables string) {
		all := hasura.Files{}
		for name, content := range theirs() {
			all[name] = []byte(content)
		}
		all["metadata/actions.graphql"], all["metadata/actions.yaml"] = []byte(graphql), []byte(actions)
		all["metadata/databases/default/tables/tables.yaml"] = []byte(tables)
		plan, err := project.New(all, hasura.Project(), project.Options{Source: "default"})
		if err != nil {
			return
		}
		for _, c := range plan.Changes {
			var valid any
			if yaml.Unmarshal(c.Old, &valid) == nil {
				if err := onceEach(c.Path, c.New); err != nil {
					t.Errorf("%s: %v:\n%s", c.Path, err, c.New)
				}
			}
			all[c.Path] = c.New
		}
		again, err := project.New(fs.FS(all), hasura.Project(), project.Options{Source: "default"})
		if err != nil || len(again.Changes) > 0 {
			t.Errorf("a second time: %v, %d changes\n%s\n%s\n%s", err, len(again.Changes), all["metadata/actions.graphql"], all["metadata/actions.yaml"], all["metadata/databases/default/tables/tables.yaml"])
		}
	})
}
