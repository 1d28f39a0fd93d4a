// Package metadata reads a project of the Hasura CLI (config v3, metadata v3) as
// the CLI does before it applies one: includes are resolved, actions.yaml and
// actions.graphql are merged. It is stricter in three places where the CLI would
// lose something without a word: an unknown key, an unknown file, and one of the
// two action files without its twin are errors.
package metadata

import (
	"slices"
	"time"

	"github.com/vektah/gqlparser/v2/ast"
)

// Metadata is what `hasura metadata apply` would send, as far as the stand-in
// serves it.
type Metadata struct {
	Sources []Source
	Actions []Action
	// Types are the custom types of actions.graphql, Query and Mutation left out.
	Types ast.DefinitionList
	// Unserved names the objects that Hasura would serve and the stand-in does not.
	Unserved []string
}

// Source is a database.
type Source struct {
	Name          string
	Configuration SourceConfiguration
	Tables        []Table
}

// Table is a tracked table.
type Table struct {
	Table               TableName          `yaml:"table"`
	ObjectRelationships []Relationship     `yaml:"object_relationships"`
	ArrayRelationships  []Relationship     `yaml:"array_relationships"`
	SelectPermissions   []SelectPermission `yaml:"select_permissions"`
	InsertPermissions   []InsertPermission `yaml:"insert_permissions"`
	UpdatePermissions   []UpdatePermission `yaml:"update_permissions"`
	DeletePermissions   []DeletePermission `yaml:"delete_permissions"`

	Configuration          any `yaml:"configuration"`
	IsEnum                 any `yaml:"is_enum"`
	ComputedFields         any `yaml:"computed_fields"`
	RemoteRelationships    any `yaml:"remote_relationships"`
	EventTriggers          any `yaml:"event_triggers"`
	ApolloFederationConfig any `yaml:"apollo_federation_config"`
}

// unserved are the parts of a table that Hasura serves and the stand-in does not.
func (t Table) unserved() []string {
	var names []string
	for _, f := range []struct {
		name  string
		value any
	}{
		{"configuration", t.Configuration}, {"is_enum", t.IsEnum},
		{"computed_fields", t.ComputedFields}, {"remote_relationships", t.RemoteRelationships},
		{"event_triggers", t.EventTriggers}, {"apollo_federation_config", t.ApolloFederationConfig},
	} {
		if list, isList := f.value.([]any); f.value != nil && (!isList || len(list) > 0) {
			names = append(names, f.name+" of "+t.Table.String())
		}
	}
	note := func(what, role string, is bool) {
		if is {
			names = append(names, what+" of "+t.Table.String()+" for role "+role)
		}
	}
	for _, p := range t.SelectPermissions {
		note("computed fields", p.Role, len(p.Permission.ComputedFields) > 0)
		note("chosen root fields", p.Role, p.Permission.QueryRootFields != nil || p.Permission.SubscriptionRootFields != nil)
	}
	for _, p := range t.InsertPermissions {
		note("backend_only inserts", p.Role, p.Permission.BackendOnly)
		note("validate_input of inserts", p.Role, p.Permission.ValidateInput != nil)
	}
	for _, p := range t.UpdatePermissions {
		note("backend_only updates", p.Role, p.Permission.BackendOnly)
		note("validate_input of updates", p.Role, p.Permission.ValidateInput != nil)
	}
	for _, p := range t.DeletePermissions {
		note("backend_only deletes", p.Role, p.Permission.BackendOnly)
		note("validate_input of deletes", p.Role, p.Permission.ValidateInput != nil)
	}
	return names
}

// TableName is a table with its schema.
type TableName struct {
	Schema string `yaml:"schema"`
	Name   string `yaml:"name"`
}

func (n TableName) String() string { return n.Schema + "." + n.Name }

// SelectPermission lets a role read rows.
type SelectPermission struct {
	Role       string           `yaml:"role"`
	Permission SelectDefinition `yaml:"permission"`
	Comment    string           `yaml:"comment"`
}

// SelectDefinition says which rows and columns.
type SelectDefinition struct {
	Columns                Columns        `yaml:"columns"`
	Filter                 map[string]any `yaml:"filter"`
	Limit                  *int           `yaml:"limit"`
	AllowAggregations      bool           `yaml:"allow_aggregations"`
	ComputedFields         []string       `yaml:"computed_fields"`
	QueryRootFields        any            `yaml:"query_root_fields"`
	SubscriptionRootFields any            `yaml:"subscription_root_fields"`
}

// InsertPermission lets a role add rows.
type InsertPermission struct {
	Role       string           `yaml:"role"`
	Permission InsertDefinition `yaml:"permission"`
	Comment    string           `yaml:"comment"`
}

// InsertDefinition says which columns a client gives (nil: all), which are set for it,
// and what must hold afterwards.
type InsertDefinition struct {
	Columns       *Columns       `yaml:"columns"`
	Set           map[string]any `yaml:"set"`
	Check         map[string]any `yaml:"check"`
	BackendOnly   bool           `yaml:"backend_only"`
	ValidateInput any            `yaml:"validate_input"`
}

// UpdatePermission lets a role change rows.
type UpdatePermission struct {
	Role       string           `yaml:"role"`
	Permission UpdateDefinition `yaml:"permission"`
	Comment    string           `yaml:"comment"`
}

// UpdateDefinition says which rows, which columns, and what must hold afterwards.
type UpdateDefinition struct {
	Columns       Columns        `yaml:"columns"`
	Set           map[string]any `yaml:"set"`
	Filter        map[string]any `yaml:"filter"`
	Check         map[string]any `yaml:"check"`
	BackendOnly   bool           `yaml:"backend_only"`
	ValidateInput any            `yaml:"validate_input"`
}

// DeletePermission lets a role remove rows.
type DeletePermission struct {
	Role       string           `yaml:"role"`
	Permission DeleteDefinition `yaml:"permission"`
	Comment    string           `yaml:"comment"`
}

// DeleteDefinition says which rows.
type DeleteDefinition struct {
	Filter        map[string]any `yaml:"filter"`
	BackendOnly   bool           `yaml:"backend_only"`
	ValidateInput any            `yaml:"validate_input"`
}

// Columns is a list of columns, or all of them ('*' in the file).
type Columns struct {
	All   bool
	Names []string
}

// Has reports whether the column is one of them.
func (c Columns) Has(name string) bool { return c.All || slices.Contains(c.Names, name) }

// UnmarshalYAML reads a list of names or the string '*'.
func (c *Columns) UnmarshalYAML(unmarshal func(any) error) error {
	var star string
	if err := unmarshal(&star); err == nil && star == "*" {
		c.All = true
		return nil
	}
	return unmarshal(&c.Names)
}

// Action is a field that a handler answers.
type Action struct {
	Name                 string
	Operation            ast.Operation // ast.Query or ast.Mutation
	Arguments            ast.ArgumentDefinitionList
	Output               *ast.Type
	Comment              string
	Roles                []string
	Handler              string // URL, {{VAR}} unresolved
	ForwardClientHeaders bool
	Headers              []Header
	Timeout              time.Duration
}

// Header is sent to an action's handler.
type Header struct {
	Name         string `yaml:"name"`
	Value        string `yaml:"value"` // may hold {{VAR}}
	ValueFromEnv string `yaml:"value_from_env"`
}
