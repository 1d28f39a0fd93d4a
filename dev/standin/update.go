package standin

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"hasura-login/dev/standin/auth"
)

// change is one UPDATE: its rows, in addition to the permission's filter, and its
// values.
type change struct {
	set   any
	where any            // a bool_exp, or
	key   map[string]any // the values of the primary key
}

// checkColumn is the permission's check, evaluated on each row after the update.
const checkColumn = "?check"

// updateRows answers update_<table>, …_by_pk and …_many.
func (a access) updateRows(ctx context.Context, d dialect, db querier, session *auth.Session, f *field, kind fieldKind) (json.RawMessage, *graphqlError) {
	switch kind {
	case updateByKey:
		key, _ := f.args["pk_columns"].(map[string]any)
		rows, refused := a.update(ctx, d, db, session, change{set: f.args["_set"], key: key}, selected(a.table, f.selection))
		if refused != nil || len(rows) == 0 {
			return jsonNull, refused
		}
		return rows[0].render(f.selection), nil
	case updateMany:
		updates, _ := f.args["updates"].([]any)
		answers := make([]json.RawMessage, len(updates))
		for i, u := range updates {
			one, _ := u.(map[string]any)
			answer, refused := a.updateWhere(ctx, d, db, session, change{set: one["_set"], where: one["where"]}, f)
			if refused != nil {
				return nil, refused
			}
			answers[i] = answer
		}
		return array(answers), nil
	default:
		return a.updateWhere(ctx, d, db, session, change{set: f.args["_set"], where: f.args["where"]}, f)
	}
}

// updateWhere renders the mutation response of one change.
func (a access) updateWhere(ctx context.Context, d dialect, db querier, session *auth.Session, c change, f *field) (json.RawMessage, *graphqlError) {
	var columns []column
	for _, inner := range f.selection {
		if inner.name == "returning" {
			columns = append(columns, selected(a.table, inner.selection)...)
		}
	}
	rows, refused := a.update(ctx, d, db, session, c, columns)
	if refused != nil {
		return nil, refused
	}
	var o object
	for _, inner := range f.selection {
		switch inner.name {
		case "affected_rows":
			o.add(inner.key, mustJSON(len(rows)))
		case "returning":
			o.add(inner.key, renderAll(rows, inner.selection))
		default:
			o.add(inner.key, mustJSON(inner.parent.Name))
		}
	}
	return o.json(), nil
}

// update runs one UPDATE within the caller's transaction and returns the changed rows.
// If there is nothing to set, it does nothing.
func (a access) update(ctx context.Context, d dialect, db querier, session *auth.Session, c change, columns []column) ([]row, *graphqlError) {
	set, _ := c.set.(map[string]any)
	if len(set) == 0 {
		return nil, nil
	}
	s := &statement{dialect: d, session: session}
	var assignments []string
	for _, name := range slices.Sorted(maps.Keys(set)) {
		target, _ := a.column(name)
		assignments = append(assignments, quote(name)+" = "+s.bind(target, set[name]))
	}
	conditions := s.permission(a.table, a.updates.Filter)
	if c.key != nil {
		conditions += " AND " + s.key(a.table, c.key)
	} else {
		conditions += " AND " + s.where(a.table, c.where)
	}
	// The key is read along so that rows can be read again.
	read := columns
	for _, k := range a.keyColumns() {
		if !slices.Contains(read, k) {
			read = append(slices.Clone(read), k)
		}
	}
	query := fmt.Sprintf("UPDATE %s SET %s WHERE %s RETURNING %s", d.table(a.name), strings.Join(assignments, ", "), conditions, outputs(d, read))
	query += ", CAST(" + s.permission(a.table, a.updates.Check) + " AS TEXT)"
	// Decoded as a number: a truth value is 1 or true, both of which JSON knows.
	rows, refused := s.rows(ctx, db, query, append(slices.Clone(read), column{name: checkColumn, typ: "Int"}))
	if refused != nil {
		return nil, refused
	}
	for _, r := range rows {
		if held := string(r[checkColumn]); held != "true" && held != "1" {
			return nil, &graphqlError{Message: "check constraint of an insert/update permission has failed", Code: "permission-error"}
		}
	}
	if d.staleReturning() {
		return a.reread(ctx, d, db, session, rows, columns)
	}
	return rows, nil
}

// reread reads changed rows again, after their triggers.
func (a access) reread(ctx context.Context, d dialect, db querier, session *auth.Session, changed []row, columns []column) ([]row, *graphqlError) {
	if len(columns) == 0 {
		return changed, nil
	}
	rows := make([]row, 0, len(changed))
	for _, r := range changed {
		s := &statement{dialect: d, session: session}
		key := map[string]any{}
		for _, k := range a.keyColumns() {
			key[k.name] = decodeJSON(r[k.name])
		}
		condition := s.key(a.table, key)
		found, refused := s.rows(ctx, db, fmt.Sprintf("SELECT %s FROM %s WHERE %s", outputs(d, columns), d.table(a.name), condition), columns)
		if refused != nil {
			return nil, refused
		}
		rows = append(rows, found...)
	}
	return rows, nil
}
