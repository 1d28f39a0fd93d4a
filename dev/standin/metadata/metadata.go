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
	Table             TableName          `yaml:"table"`
	SelectPermissions []SelectPermission `yaml:"select_permissions"`
	UpdatePermissions []UpdatePermission `yaml:"update_permissions"`

	Configuration          any `yaml:"configuration"`
	IsEnum                 any `yaml:"is_enum"`
	ObjectRelationships    any `yaml:"object_relationships"`
	ArrayRelationships     any `yaml:"array_relationships"`
	ComputedFields         any `yaml:"computed_fields"`
	RemoteRelationships    any `yaml:"remote_relationships"`
	InsertPermissions      any `yaml:"insert_permissions"`
	DeletePermissions      any `yaml:"delete_permissions"`
	EventTriggers          any `yaml:"event_triggers"`
	ApolloFederationConfig any `yaml:"apollo_federation_config"`
}

// unserved are the keys of a table that Hasura serves and the stand-in does not.
func (t Table) unserved() []string {
	var names []string
	for _, f := range []struct {
		name  string
		value any
	}{
		{"configuration", t.Configuration}, {"is_enum", t.IsEnum},
		{"object_relationships", t.ObjectRelationships}, {"array_relationships", t.ArrayRelationships},
		{"computed_fields", t.ComputedFields}, {"remote_relationships", t.RemoteRelationships},
		{"insert_permissions", t.InsertPermissions}, {"delete_permissions", t.DeletePermissions},
		{"event_triggers", t.EventTriggers}, {"apollo_federation_config", t.ApolloFederationConfig},
	} {
		if list, isList := f.value.([]any); f.value != nil && (!isList || len(list) > 0) {
			names = append(names, f.name+" of "+t.Table.String())
		}
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
	Columns Columns        `yaml:"columns"`
	Filter  map[string]any `yaml:"filter"`
	Limit   *int           `yaml:"limit"`
	// AllowAggregations is read so that it can be refused; the stand-in has no aggregates.
	AllowAggregations bool `yaml:"allow_aggregations"`
}

// UpdatePermission lets a role change rows.
type UpdatePermission struct {
	Role       string           `yaml:"role"`
	Permission UpdateDefinition `yaml:"permission"`
	Comment    string           `yaml:"comment"`
}

// UpdateDefinition says which rows, which columns, and what must hold afterwards.
type UpdateDefinition struct {
	Columns Columns        `yaml:"columns"`
	Filter  map[string]any `yaml:"filter"`
	Check   map[string]any `yaml:"check"`
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
