package standin

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// needed are the columns that a selection reads, and those that lead to other tables.
func needed(t *table, selection []*field) []column {
	var columns []column
	add := func(name string) {
		if c, ok := t.column(name); ok && !slices.Contains(columns, c) {
			columns = append(columns, c)
		}
	}
	for _, f := range selection {
		add(f.name)
		if r, _, ok := t.related(f.name); ok {
			for _, name := range slices.Sorted(maps.Keys(r.columns)) {
				add(name)
			}
		}
	}
	return columns
}

// related finds the relationship behind a field's name.
func (t *table) related(field string) (r relationship, aggregate, ok bool) {
	if r, ok = t.relationship(field); ok {
		return r, false, true
	}
	name, aggregate := strings.CutSuffix(field, "_aggregate")
	r, ok = t.relationship(name)
	return r, aggregate, ok && aggregate && r.array
}

// render picks the selected fields in the client's order; related rows are read for each
// row.
func (c call) render(ctx context.Context, a access, rows []row, selection []*field) ([]json.RawMessage, *graphqlError) {
	values := make([]json.RawMessage, len(rows))
	for i, r := range rows {
		var o object
		for _, f := range selection {
			value, refused := c.renderField(ctx, a, r, f)
			if refused != nil {
				return nil, refused
			}
			o.add(f.key, value)
		}
		values[i] = o.json()
	}
	return values, nil
}

func (c call) renderField(ctx context.Context, a access, values row, f *field) (json.RawMessage, *graphqlError) {
	if f.name == "__typename" {
		return mustJSON(f.parent.Name), nil
	}
	r, aggregate, ok := a.table.related(f.name)
	if !ok {
		return values[f.name], nil
	}
	only := func(s *statement, t source) string {
		var all []string
		for _, name := range slices.Sorted(maps.Keys(r.columns)) {
			theirs, _ := t.column(r.columns[name])
			all = append(all, t.value(theirs)+" = "+s.bind(theirs, decodeJSON(values[name])))
		}
		return conjunction(all, " AND ", "TRUE")
	}
	to := r.to.accessOf(a.role)
	if aggregate {
		return c.aggregate(ctx, to, f, only)
	}
	found, refused := c.read(ctx, to, f, f.selection, only)
	switch {
	case refused != nil:
		return nil, refused
	case r.array:
		return array(found), nil
	case len(found) == 0:
		return jsonNull, nil
	default:
		return found[0], nil
	}
}
