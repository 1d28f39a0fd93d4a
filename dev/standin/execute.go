package standin

import (
	"context"
	"database/sql"
	"encoding/json"

	"github.com/vektah/gqlparser/v2/ast"

	"hasura-login/dev/standin/auth"
)

// plan is an operation checked against the caller's schema.
type plan struct {
	*operation
	schema *roleSchema
	fields []*field
}

// prepare checks an operation. Nothing has been executed when it fails.
func (s *Server) prepare(op *operation, session *auth.Session) (*plan, *graphqlError) {
	schema, err := s.schemaFor(session.Role)
	if err != nil {
		s.cfg.Report(err)
		return nil, &graphqlError{Message: "internal error", Code: "unexpected", Status: 500}
	}
	root := map[ast.Operation]*ast.Definition{
		ast.Query: schema.Query, ast.Mutation: schema.Mutation, ast.Subscription: schema.Subscription,
	}[op.kind]
	if root == nil {
		return nil, invalid("$", "no %ss exist", op.kind)
	}
	c := selector{coercer{schema: schema.Schema, variables: op.variables}, op.fragments}
	fields, refused := c.selection(op.selection, root, "$")
	if refused == nil && op.kind == ast.Subscription && len(fields) > 1 {
		refused = invalid("$", "subscriptions must select one top level field")
	}
	if refused != nil {
		return nil, refused
	}
	return &plan{op, schema, fields}, nil
}

// result is the result of a query or mutation.
type result struct {
	data    json.RawMessage
	cookies []string // of mutation actions
}

// execute runs the root fields one after the other in document order. The first
// failure ends it and takes all results with it.
func (s *Server) execute(ctx context.Context, p *plan, c caller) (*result, *graphqlError) {
	r := &result{}
	run := func(db querier) (data json.RawMessage, refused *graphqlError) {
		r.data, refused = s.fields(ctx, p, c, db, r)
		return r.data, refused
	}
	var refused *graphqlError
	if p.kind == ast.Mutation && p.onlyTables() {
		_, refused = s.inTransaction(ctx, s.cfg.DB, run)
	} else {
		_, refused = run(s.cfg.DB)
	}
	return r, refused
}

// onlyTables reports whether every root field is a table's: then a mutation is one
// transaction, otherwise each table field has its own.
func (p *plan) onlyTables() bool {
	for _, f := range p.fields {
		if _, ok := p.schema.tables[f.name]; !ok {
			return false
		}
	}
	return true
}

func (s *Server) fields(ctx context.Context, p *plan, c caller, db querier, r *result) (json.RawMessage, *graphqlError) {
	var data object
	for _, f := range p.fields {
		value, refused := s.rootField(ctx, p, c, db, f, r)
		if refused != nil {
			return nil, refused
		}
		data.add(f.key, value)
	}
	return data.json(), nil
}

func (s *Server) rootField(ctx context.Context, p *plan, c caller, db querier, f *field, r *result) (json.RawMessage, *graphqlError) {
	switch f.name {
	case "__typename":
		return mustJSON(f.parent.Name), nil
	case "__schema", "__type":
		return introspector{p.schema}.answer(f), nil
	case "no_queries_available":
		return mustJSON("There are no queries available to the current role. Either there are no sources or remote schemas configured, or the current role doesn't have the required permissions."), nil
	}
	if a := p.schema.actions[f.name]; a != nil {
		value, cookies, refused := s.callAction(ctx, a, c, f, p.text)
		if refused != nil {
			return nil, refused
		}
		if p.kind == ast.Mutation {
			r.cookies = append(r.cookies, cookies...)
		}
		return renderAction(value, f.selection), nil
	}
	t := p.schema.tables[f.name]
	on := call{dialect: s.dialect, db: db, session: c.session, tables: s.tables}
	switch t.kind {
	case selectMany, selectByKey:
		return on.selectRows(ctx, t.access, f, t.kind)
	case selectAggregate:
		return on.aggregate(ctx, t.access, f, nil)
	default:
		return s.inTransaction(ctx, db, func(db querier) (json.RawMessage, *graphqlError) {
			on.db = db
			switch t.kind {
			case insertMany, insertOne:
				return on.insertRows(ctx, t.access, f, t.kind)
			case deleteWhere, deleteByKey:
				return on.deleteRows(ctx, t.access, f, t.kind)
			default:
				return on.updateRows(ctx, t.access, f, t.kind)
			}
		})
	}
}

// inTransaction runs f in a new transaction unless it is in one already.
func (s *Server) inTransaction(ctx context.Context, db querier, f func(querier) (json.RawMessage, *graphqlError)) (json.RawMessage, *graphqlError) {
	pool, ok := db.(*sql.DB)
	if !ok {
		return f(db)
	}
	tx, err := pool.BeginTx(ctx, nil)
	if err != nil {
		return nil, s.dialect.refusal(err)
	}
	defer func() { _ = tx.Rollback() }() // without effect after the commit
	value, refused := f(tx)
	if refused != nil {
		return nil, refused
	}
	if err := tx.Commit(); err != nil {
		return nil, s.dialect.refusal(err)
	}
	return value, nil
}
