package standin

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// change is one UPDATE: its rows, in addition to the permission's filter, and its
// values.
type change struct {
	values map[string]any // the arguments _set, _inc and so on
	where  any            // a bool_exp, or
	key    map[string]any // the values of the primary key
}

// checkColumn is the permission's check, evaluated on each row after the write.
const checkColumn = "?check"

// updateRows answers update_<table>, …_by_pk and …_many.
func (c call) updateRows(ctx context.Context, a access, f *field, kind fieldKind) (json.RawMessage, *graphqlError) {
	switch kind {
	case updateByKey:
		key, _ := f.args["pk_columns"].(map[string]any)
		if a.setsNothing(f.args) {
			return json.RawMessage("{}"), nil // whatever is selected
		}
		rows, refused := c.update(ctx, a, f, change{values: f.args, key: key}, needed(a.table, f.selection))
		if refused != nil {
			return nil, refused
		}
		values, refused := c.render(ctx, a, rows, f.selection)
		if refused != nil || len(values) == 0 {
			return jsonNull, refused
		}
		return values[0], nil
	case updateMany:
		return c.updateMany(ctx, a, f)
	default:
		return c.updateWhere(ctx, a, f, change{values: f.args, where: f.args["where"]})
	}
}

// updateMany: the engine answers nothing for one change that sets nothing, and makes SQL
// of it that does not parse when it stands among others.
func (c call) updateMany(ctx context.Context, a access, f *field) (json.RawMessage, *graphqlError) {
	updates, _ := f.args["updates"].([]any)
	answers := make([]json.RawMessage, 0, len(updates))
	for _, u := range updates {
		one, _ := u.(map[string]any)
		if a.setsNothing(one) {
			if len(updates) > 1 {
				return nil, databaseError("syntax error at or near \"WHERE\"")
			}
			continue
		}
		answer, refused := c.updateWhere(ctx, a, f, change{values: one, where: one["where"]})
		if refused != nil {
			return nil, refused
		}
		answers = append(answers, answer)
	}
	return array(answers), nil
}

func (a access) setsNothing(values map[string]any) bool {
	for operator := range updateOperators {
		if set, _ := values[operator].(map[string]any); len(set) > 0 {
			return false
		}
	}
	return len(a.updates.Set) == 0
}

// updateWhere renders the mutation response of one change.
func (c call) updateWhere(ctx context.Context, a access, f *field, ch change) (json.RawMessage, *graphqlError) {
	var rows []row
	if !a.setsNothing(ch.values) {
		var refused *graphqlError
		if rows, refused = c.update(ctx, a, f, ch, needed(a.table, returning(f))); refused != nil {
			return nil, refused
		}
	}
	return c.response(ctx, a, rows, f)
}

// returning is what a mutation response selects of the rows.
func returning(f *field) []*field {
	var all []*field
	for _, inner := range f.selection {
		if inner.name == "returning" {
			all = append(all, inner.selection...)
		}
	}
	return all
}

// response renders a mutation response.
func (c call) response(ctx context.Context, a access, rows []row, f *field) (json.RawMessage, *graphqlError) {
	var o object
	for _, inner := range f.selection {
		switch inner.name {
		case "affected_rows":
			o.add(inner.key, mustJSON(len(rows)))
		case "returning":
			values, refused := c.render(ctx, a, rows, inner.selection)
			if refused != nil {
				return nil, refused
			}
			o.add(inner.key, array(values))
		default:
			o.add(inner.key, mustJSON(inner.parent.Name))
		}
	}
	return o.json(), nil
}

// updateOperators make the new value of a column from its old one and the argument.
var updateOperators = map[string]func(column, value string) string{
	"_set":            func(_, v string) string { return v },
	"_inc":            func(c, v string) string { return c + " + " + v },
	"_append":         func(c, v string) string { return c + " || " + v },
	"_prepend":        func(c, v string) string { return v + " || " + c },
	"_delete_key":     func(c, v string) string { return c + " - " + v },
	"_delete_elem":    func(c, v string) string { return c + " - " + v },
	"_delete_at_path": func(c, v string) string { return c + " #- " + v },
}

// operandTypes are those of the operators whose argument has another type than the column.
var operandTypes = map[string]column{
	"_delete_key":     {typ: "String", sqlType: "text"},
	"_delete_elem":    {typ: "Int", sqlType: "int4"},
	"_delete_at_path": {typ: "String", sqlType: "text[]"},
}

// update runs one UPDATE within the caller's transaction and returns the changed rows.
func (c call) update(ctx context.Context, a access, f *field, ch change, columns []column) ([]row, *graphqlError) {
	s := c.statement()
	t := s.target(a.table)
	set := map[string]string{}
	var twice []string
	for _, operator := range slices.Sorted(maps.Keys(updateOperators)) {
		values, _ := ch.values[operator].(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(values)) {
			if set[name] != "" {
				twice = append(twice, "'"+name+"'")
				continue
			}
			target, _ := a.column(name)
			operand, other := operandTypes[operator]
			if !other {
				operand = target
			}
			set[name] = quote(name) + " = " + updateOperators[operator](t.value(target), s.bind(operand, values[name]))
		}
	}
	if twice != nil {
		return nil, invalid(f.path+".args", "Column found in multiple operators: [%s].", strings.Join(twice, ", "))
	}
	assignments := append(slices.Sorted(maps.Values(set)), s.presets(a)...)
	wanted := s.where(t, a.role, ch.where)
	if ch.key != nil {
		wanted = s.key(t, ch.key)
	}
	query := fmt.Sprintf("UPDATE %s SET %s WHERE %s AND %s", t.ref, strings.Join(assignments, ", "), s.permission(t, a.updates.Filter), wanted)
	return c.change(ctx, a, s, query, s.permission(t, a.updates.Check), columns)
}

// presets are the assignments that an update permission makes by itself.
func (s *statement) presets(a access) []string {
	var set []string
	for _, name := range slices.Sorted(maps.Keys(a.updates.Set)) {
		c, _ := a.column(name)
		set = append(set, quote(name)+" = "+s.bind(c, s.permissionValue(a.updates.Set[name])))
	}
	return set
}

// change runs a statement that writes rows, tests the permission's check on each, and
// returns them.
func (c call) change(ctx context.Context, a access, s *statement, query, check string, columns []column) ([]row, *graphqlError) {
	// The key is read along so that rows can be read again.
	read := columns
	for _, k := range a.keyColumns() {
		if !slices.Contains(read, k) {
			read = append(slices.Clone(read), k)
		}
	}
	query += " RETURNING " + s.outputs(s.target(a.table), read) + ", CAST(" + check + " AS TEXT)"
	// Decoded as a number: a truth value is 1 or true, both of which JSON knows.
	rows, refused := s.rows(ctx, query, append(slices.Clone(read), column{name: checkColumn, typ: "Int"}))
	if refused != nil {
		return nil, refused
	}
	for _, r := range rows {
		if held := string(r[checkColumn]); held != "true" && held != "1" {
			return nil, &graphqlError{Message: "check constraint of an insert/update permission has failed", Code: "permission-error"}
		}
	}
	if s.staleReturning() {
		return c.reread(ctx, a, rows, columns)
	}
	return rows, nil
}

// reread reads changed rows again, after their triggers.
func (c call) reread(ctx context.Context, a access, changed []row, columns []column) ([]row, *graphqlError) {
	if len(columns) == 0 || len(a.keyColumns()) == 0 {
		return changed, nil
	}
	rows := make([]row, 0, len(changed))
	for _, r := range changed {
		s := c.statement()
		t := s.target(a.table)
		key := map[string]any{}
		for _, k := range a.keyColumns() {
			key[k.name] = decodeJSON(r[k.name])
		}
		condition := s.key(t, key)
		found, refused := s.rows(ctx, fmt.Sprintf("SELECT %s FROM %s WHERE %s", s.outputs(t, columns), t.ref, condition), columns)
		if refused != nil {
			return nil, refused
		}
		rows = append(rows, found...)
	}
	return rows, nil
}
