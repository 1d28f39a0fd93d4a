package metadata

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
)

// defaultActionTimeout is Hasura's.
const defaultActionTimeout = 30 * time.Second

// actionsFile is actions.yaml, with the keys that the CLI keeps.
type actionsFile struct {
	Actions []struct {
		Name       string `yaml:"name"`
		Definition struct {
			Kind                 string   `yaml:"kind"`
			Handler              string   `yaml:"handler"`
			ForwardClientHeaders bool     `yaml:"forward_client_headers"`
			Headers              []Header `yaml:"headers"`
			Timeout              *int     `yaml:"timeout"` // seconds
			RequestTransform     any      `yaml:"request_transform"`
			ResponseTransform    any      `yaml:"response_transform"`
		} `yaml:"definition"`
		Permissions []struct {
			Role string `yaml:"role"`
		} `yaml:"permissions"`
		Comment string `yaml:"comment"`
	} `yaml:"actions"`
	CustomTypes struct {
		Enums        []customType `yaml:"enums"`
		InputObjects []customType `yaml:"input_objects"`
		Objects      []customType `yaml:"objects"`
		Scalars      []customType `yaml:"scalars"`
	} `yaml:"custom_types"`
}

type customType struct {
	Name          string `yaml:"name"`
	Description   string `yaml:"description"`
	Relationships any    `yaml:"relationships"`
}

// loadActions merges actions.yaml (handler, headers, permissions) with
// actions.graphql (arguments, output, query or mutation).
func (m *Metadata) loadActions(dir fs.FS) error {
	var file actionsFile
	yamlErr := decodeFile(dir, "actions.yaml", &file)
	sdl, sdlErr := fs.ReadFile(dir, "actions.graphql")
	noYAML, noSDL := errors.Is(yamlErr, fs.ErrNotExist), errors.Is(sdlErr, fs.ErrNotExist)
	switch {
	case noYAML && noSDL:
		return nil
	case noYAML != noSDL:
		return errors.New("actions.yaml and actions.graphql: one is missing, and the CLI would then drop every action from the server")
	case yamlErr != nil || sdlErr != nil:
		return errors.Join(yamlErr, sdlErr)
	}
	doc, err := parser.ParseSchema(&ast.Source{Name: "actions.graphql", Input: string(sdl)})
	if err != nil {
		return fmt.Errorf("actions.graphql: %w", err)
	}
	fields := map[string]*ast.FieldDefinition{}
	operations := map[string]ast.Operation{}
	for _, def := range append(append(ast.DefinitionList{}, doc.Definitions...), doc.Extensions...) {
		operation := map[string]ast.Operation{"Query": ast.Query, "Mutation": ast.Mutation}[def.Name]
		if operation == "" {
			m.Types = append(m.Types, def)
			continue
		}
		for _, f := range def.Fields {
			fields[f.Name], operations[f.Name] = f, operation
		}
	}
	return errors.Join(m.mergeActions(file, fields, operations), checkCustomTypes(file, m.Types))
}

func (m *Metadata) mergeActions(file actionsFile, fields map[string]*ast.FieldDefinition, operations map[string]ast.Operation) error {
	var errs []error
	for _, a := range file.Actions {
		f := fields[a.Name]
		if f == nil {
			errs = append(errs, fmt.Errorf("actions.yaml: action %s is not in actions.graphql", a.Name))
			continue
		}
		delete(fields, a.Name)
		d := a.Definition
		if kind := d.Kind; kind != "" && kind != "synchronous" || d.RequestTransform != nil || d.ResponseTransform != nil {
			m.Unserved = append(m.Unserved, "asynchronous kind or transforms of action "+a.Name)
		}
		action := Action{
			Name: a.Name, Operation: operations[a.Name], Arguments: f.Arguments, Output: f.Type, Comment: a.Comment,
			Handler: d.Handler, ForwardClientHeaders: d.ForwardClientHeaders, Headers: d.Headers, Timeout: defaultActionTimeout,
		}
		if d.Timeout != nil {
			if *d.Timeout < 0 {
				errs = append(errs, fmt.Errorf("actions.yaml: action %s: negative timeout", a.Name))
			}
			action.Timeout = time.Duration(*d.Timeout) * time.Second
		}
		for _, h := range d.Headers {
			if (h.Value == "") == (h.ValueFromEnv == "") || strings.HasPrefix(h.ValueFromEnv, "HASURA_GRAPHQL_") {
				errs = append(errs, fmt.Errorf("actions.yaml: action %s: header %s needs either value or a value_from_env that does not begin with HASURA_GRAPHQL_", a.Name, h.Name))
			}
		}
		for _, p := range a.Permissions {
			action.Roles = append(action.Roles, p.Role)
		}
		m.Actions = append(m.Actions, action)
	}
	for name := range fields {
		errs = append(errs, fmt.Errorf("actions.graphql: action %s is not in actions.yaml and would have no handler", name))
	}
	return errors.Join(errs...)
}

// checkCustomTypes refuses a type that is named in one file only.
func checkCustomTypes(file actionsFile, types ast.DefinitionList) error {
	c := file.CustomTypes
	listed := map[string]bool{}
	for _, list := range [][]customType{c.Enums, c.InputObjects, c.Objects, c.Scalars} {
		for _, t := range list {
			listed[t.Name] = true
		}
	}
	var errs []error
	for _, t := range types {
		if !listed[t.Name] {
			errs = append(errs, fmt.Errorf("actions.yaml: custom_types does not list %s", t.Name))
		}
		delete(listed, t.Name)
	}
	for name := range listed {
		errs = append(errs, fmt.Errorf("actions.graphql: custom type %s is not defined", name))
	}
	return errors.Join(errs...)
}
