package standin_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"

	"hasura-login/dev/standin"
	"hasura-login/dev/standin/auth"
	"hasura-login/dev/standin/metadata"
)

type object = map[string]any

// metadataJSON is a case's metadata in the form of the engine's metadata API, version 3.
func metadataJSON(m *metadata.Metadata, database string) object {
	tables := []object{}
	for _, t := range m.Sources[0].Tables {
		selects, inserts, updates, deletes := []object{}, []object{}, []object{}, []object{}
		for _, p := range t.SelectPermissions {
			selects = append(selects, object{"role": p.Role, "permission": object{"columns": columns(p.Permission.Columns), "filter": orEmpty(p.Permission.Filter)}})
		}
		for _, p := range t.UpdatePermissions {
			definition := object{"columns": columns(p.Permission.Columns), "filter": orEmpty(p.Permission.Filter)}
			if p.Permission.Check != nil {
				definition["check"] = p.Permission.Check
			}
			updates = append(updates, object{"role": p.Role, "permission": definition})
		}
		for _, p := range t.InsertPermissions {
			inserts = append(inserts, object{"role": p.Role, "permission": object{"columns": columns(*p.Permission.Columns), "check": orEmpty(p.Permission.Check)}})
		}
		for _, p := range t.DeletePermissions {
			deletes = append(deletes, object{"role": p.Role, "permission": object{"filter": orEmpty(p.Permission.Filter)}})
		}
		tables = append(tables, object{"insert_permissions": inserts, "delete_permissions": deletes, "table": object{"schema": t.Table.Schema, "name": t.Table.Name}, "select_permissions": selects, "update_permissions": updates})
	}
	actions := []object{}
	for _, a := range m.Actions {
		arguments, headers, permissions := []object{}, []object{}, []object{}
		for _, arg := range a.Arguments {
			arguments = append(arguments, object{"name": arg.Name, "type": arg.Type.String()})
		}
		for _, h := range a.Headers {
			header := object{"name": h.Name}
			if h.ValueFromEnv != "" {
				header["value_from_env"] = h.ValueFromEnv
			} else {
				header["value"] = h.Value
			}
			headers = append(headers, header)
		}
		for _, role := range a.Roles {
			permissions = append(permissions, object{"role": role})
		}
		definition := object{
			"handler": a.Handler, "type": string(a.Operation), "arguments": arguments, "output_type": a.Output.String(),
			"forward_client_headers": a.ForwardClientHeaders, "headers": headers, "timeout": int(a.Timeout.Seconds()),
		}
		if a.Operation == ast.Mutation {
			definition["kind"] = "synchronous"
		}
		actions = append(actions, object{"name": a.Name, "definition": definition, "permissions": permissions})
	}
	types := []object{}
	for _, d := range m.Types {
		fields := []object{}
		for _, f := range d.Fields {
			fields = append(fields, object{"name": f.Name, "type": f.Type.String()})
		}
		types = append(types, object{"name": d.Name, "fields": fields})
	}
	return object{
		"version": 3,
		"sources": []object{{
			"name": "default", "kind": "postgres", "tables": tables,
			"configuration": object{"connection_info": object{"database_url": database, "isolation_level": "read-committed", "use_prepared_statements": false}},
		}},
		"actions":      actions,
		"custom_types": object{"objects": types},
	}
}

func columns(c metadata.Columns) any {
	if c.All {
		return "*"
	}
	return c.Names
}

func orEmpty(filter map[string]any) map[string]any {
	if filter == nil {
		return map[string]any{}
	}
	return filter
}

// fake is the stand-in behind the engine's environment and metadata API.
type fake struct {
	t      testing.TB
	env    map[string]string
	serves atomic.Pointer[standin.Server]
}

func (f *fake) listen() string {
	srv := httptest.NewServer(f)
	f.t.Cleanup(srv.Close)
	return srv.URL
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	now := f.serves.Load()
	switch {
	case now != nil:
		now.ServeHTTP(w, r)
	case r.URL.Path == "/healthz":
		_, _ = w.Write([]byte("OK"))
	case r.URL.Path == "/v1/metadata" && r.Header.Get("X-Hasura-Admin-Secret") == f.env["HASURA_GRAPHQL_ADMIN_SECRET"]:
		if err := f.replace(r); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
		}
	default:
		http.Error(w, "not yet", http.StatusServiceUnavailable)
	}
}

func (f *fake) replace(r *http.Request) error {
	var call struct {
		Type string `json:"type"`
		Args struct {
			Metadata struct {
				Sources []struct {
					Tables        json.RawMessage `json:"tables"`
					Configuration struct {
						ConnectionInfo struct {
							DatabaseURL string `json:"database_url"`
						} `json:"connection_info"`
					} `json:"configuration"`
				} `json:"sources"`
				Actions     []actionJSON `json:"actions"`
				CustomTypes struct {
					Objects []struct {
						Name   string  `json:"name"`
						Fields []field `json:"fields"`
					} `json:"objects"`
				} `json:"custom_types"`
			} `json:"metadata"`
		} `json:"args"`
	}
	if err := json.NewDecoder(r.Body).Decode(&call); err != nil || call.Type != "replace_metadata" {
		return errors.Join(err, errors.New("no replace_metadata"))
	}
	sent := call.Args.Metadata
	source := metadata.Source{Name: "default"}
	// JSON is YAML, and the tables are read as those of a project are.
	if err := yaml.Unmarshal(sent.Sources[0].Tables, &source.Tables); err != nil {
		return err
	}
	m := &metadata.Metadata{Sources: []metadata.Source{source}}
	for _, a := range sent.Actions {
		m.Actions = append(m.Actions, a.action())
	}
	for _, o := range sent.CustomTypes.Objects {
		d := &ast.Definition{Kind: ast.Object, Name: o.Name}
		for _, x := range o.Fields {
			d.Fields = append(d.Fields, &ast.FieldDefinition{Name: x.Name, Type: typeOf(x.Type)})
		}
		m.Types = append(m.Types, d)
	}
	return f.serve(m, sent.Sources[0].Configuration.ConnectionInfo.DatabaseURL)
}

func (f *fake) serve(m *metadata.Metadata, database string) error {
	db, err := sql.Open("pgx", database)
	if err != nil {
		return err
	}
	f.t.Cleanup(func() { _ = db.Close() })
	env := func(name string) string { return f.env["HASURA_GRAPHQL_"+name] }
	cfg := standin.Config{
		Metadata: m, DB: db, Dialect: standin.Postgres, Env: environment(f.env),
		AdminSecret: env("ADMIN_SECRET"), UnauthorizedRole: env("UNAUTHORIZED_ROLE"),
		ConfiguredHeaderPrecedence: env("CONFIGURED_HEADER_PRECEDENCE") == "true",
		Preserve401Errors:          env("PRESERVE_401_ERRORS") == "true", DevMode: env("DEV_MODE") == "true",
	}
	if text := env("JWT_SECRET"); text != "" {
		if cfg.JWT, err = auth.ParseJWT(text); err != nil {
			return err
		}
	}
	refetch, _ := strconv.Atoi(env("LIVE_QUERIES_MULTIPLEXED_REFETCH_INTERVAL"))
	wait, _ := strconv.Atoi(env("WEBSOCKET_CONNECTION_INIT_TIMEOUT"))
	cfg.Refetch, cfg.InitTimeout = time.Duration(refetch)*time.Millisecond, time.Duration(wait)*time.Second
	s, err := standin.New(context.Background(), cfg)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); s.Run(ctx) }()
	f.t.Cleanup(func() { cancel(); <-ended })
	f.serves.Store(s)
	return nil
}

type field struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

type actionJSON struct {
	Name       string `json:"name"`
	Definition struct {
		Handler              string  `json:"handler"`
		Type                 string  `json:"type"`
		Arguments            []field `json:"arguments"`
		OutputType           string  `json:"output_type"`
		ForwardClientHeaders bool    `json:"forward_client_headers"`
		Timeout              int     `json:"timeout"`
		Headers              []struct {
			Name         string `json:"name"`
			Value        string `json:"value"`
			ValueFromEnv string `json:"value_from_env"`
		} `json:"headers"`
	} `json:"definition"`
	Permissions []struct {
		Role string `json:"role"`
	} `json:"permissions"`
}

func (a actionJSON) action() metadata.Action {
	d := a.Definition
	action := metadata.Action{
		Name: a.Name, Operation: ast.Operation(d.Type), Output: typeOf(d.OutputType), Handler: d.Handler,
		ForwardClientHeaders: d.ForwardClientHeaders, Timeout: time.Duration(d.Timeout) * time.Second,
	}
	for _, x := range d.Arguments {
		action.Arguments = append(action.Arguments, &ast.ArgumentDefinition{Name: x.Name, Type: typeOf(x.Type)})
	}
	for _, h := range d.Headers {
		action.Headers = append(action.Headers, metadata.Header{Name: h.Name, Value: h.Value, ValueFromEnv: h.ValueFromEnv})
	}
	for _, p := range a.Permissions {
		action.Roles = append(action.Roles, p.Role)
	}
	return action
}

// typeOf reads a type such as String! as the schema's parser does.
func typeOf(text string) *ast.Type {
	doc, err := parser.ParseSchema(&ast.Source{Input: "type T { f: " + text + " }"})
	if err != nil {
		return ast.NamedType(text, nil)
	}
	return doc.Definitions[0].Fields[0].Type
}
