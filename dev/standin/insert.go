package standin

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// insertRows answers insert_<table> and …_one.
func (c call) insertRows(ctx context.Context, a access, f *field, kind fieldKind) (json.RawMessage, *graphqlError) {
	argument, selection := "objects", returning(f)
	objects, _ := f.args["objects"].([]any)
	if kind == insertOne {
		argument, selection, objects = "object", f.selection, []any{f.args["object"]}
	}
	var rows []row
	for _, o := range objects {
		values, _ := o.(map[string]any)
		inserted, refused := c.insert(ctx, a, values, f.args["on_conflict"], needed(a.table, selection))
		if refused != nil {
			if refused.Code != "not-found" { // a missing session variable is of no argument
				refused.Path = f.path + ".args." + argument
			}
			return nil, refused
		}
		rows = append(rows, inserted...)
	}
	if kind != insertOne {
		return c.response(ctx, a, rows, f)
	}
	values, refused := c.render(ctx, a, rows, f.selection)
	if refused != nil || len(values) == 0 {
		return jsonNull, refused
	}
	return values[0], nil
}

// insert writes one row, with the permission's presets, and returns it; none if
// on_conflict says so.
func (c call) insert(ctx context.Context, a access, values map[string]any, conflict any, columns []column) ([]row, *graphqlError) {
	s := c.statement()
	t := s.target(a.table)
	var names, exprs []string
	add := func(name string, value any) {
		target, _ := a.column(name)
		names = append(names, quote(name))
		exprs = append(exprs, s.bind(target, value))
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		add(name, values[name])
	}
	for _, name := range slices.Sorted(maps.Keys(a.inserts.Set)) {
		add(name, s.permissionValue(a.inserts.Set[name]))
	}
	query := fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s)", t.ref, strings.Join(names, ", "), strings.Join(exprs, ", "))
	if len(names) == 0 {
		query = "INSERT INTO " + t.ref + " DEFAULT VALUES"
	}
	check := s.permission(t, a.inserts.Check)
	if rule, ok := conflict.(map[string]any); ok {
		onConflict, updates := s.onConflict(a, t, rule)
		query += onConflict
		if updates {
			check = fmt.Sprintf("CASE WHEN %s THEN %s ELSE %s END", s.inserted(t.ref), check, s.permission(t, a.updates.Check))
		}
	}
	return c.change(ctx, a, s, query, check, columns)
}

// onConflict is the clause for a row that exists already.
func (s *statement) onConflict(a access, t source, rule map[string]any) (clause string, updates bool) {
	var key []string
	for _, k := range a.constraints {
		if k.name == rule["constraint"] {
			for _, name := range k.columns {
				key = append(key, quote(name))
			}
		}
	}
	clause = " ON CONFLICT (" + strings.Join(key, ", ") + ") DO "
	names, _ := rule["update_columns"].([]any)
	if len(names) == 0 || a.updates == nil {
		return clause + "NOTHING", false
	}
	var set []string
	for _, name := range names {
		column := quote(fmt.Sprint(name))
		set = append(set, column+" = excluded."+column)
	}
	set = append(set, s.presets(a)...)
	return fmt.Sprintf("%sUPDATE SET %s WHERE %s AND %s", clause, strings.Join(set, ", "),
		s.permission(t, a.updates.Filter), s.where(t, a.role, rule["where"])), true
}

// deleteRows answers delete_<table> and …_by_pk.
func (c call) deleteRows(ctx context.Context, a access, f *field, kind fieldKind) (json.RawMessage, *graphqlError) {
	s := c.statement()
	t := s.target(a.table)
	selection := returning(f)
	wanted := s.where(t, a.role, f.args["where"])
	if kind == deleteByKey {
		selection, wanted = f.selection, s.key(t, f.args)
	}
	columns := needed(a.table, selection)
	query := fmt.Sprintf("DELETE FROM %s WHERE %s AND %s RETURNING %s", t.ref, s.permission(t, a.deletes.Filter), wanted, s.outputs(t, columns))
	rows, refused := s.rows(ctx, query, columns)
	if refused != nil {
		return nil, refused
	}
	if kind != deleteByKey {
		return c.response(ctx, a, rows, f)
	}
	values, refused := c.render(ctx, a, rows, selection)
	if refused != nil || len(values) == 0 {
		return jsonNull, refused
	}
	return values[0], nil
}
