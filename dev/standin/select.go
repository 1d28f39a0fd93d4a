package standin

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// restriction limits the rows of a field beyond what the client's filter says.
type restriction func(s *statement, t source) string

// selectRows answers <table> and, by the same way, <table>_by_pk.
func (c call) selectRows(ctx context.Context, a access, f *field, kind fieldKind) (json.RawMessage, *graphqlError) {
	var only restriction
	if kind == selectByKey {
		only = func(s *statement, t source) string { return s.key(t, f.args) }
	}
	values, refused := c.read(ctx, a, f, f.selection, only)
	switch {
	case refused != nil:
		return nil, refused
	case kind == selectMany:
		return array(values), nil
	case len(values) == 0:
		return jsonNull, nil
	default:
		return values[0], nil
	}
}

// read reads the rows that a field's arguments choose, with the selected fields.
func (c call) read(ctx context.Context, a access, f *field, selection []*field, only restriction) ([]json.RawMessage, *graphqlError) {
	s := c.statement()
	t := s.target(a.table)
	columns := needed(a.table, selection)
	start, refused := s.start(t, f)
	if refused != nil {
		return nil, refused
	}
	window, refused := a.window(f, a.selects.Limit)
	if refused != nil {
		return nil, refused
	}
	query := fmt.Sprintf("%s %s FROM %s WHERE %s%s%s", start, s.outputs(t, columns), t.ref, s.chosen(a, t, f, only), s.orderBy(t, a.role, f.args["order_by"]), window)
	rows, refused := s.rows(ctx, query, columns)
	if refused != nil {
		return nil, refused
	}
	return c.render(ctx, a, rows, selection)
}

// chosen is the condition of a field's rows: permitted, and wanted by the client.
func (s *statement) chosen(a access, t source, f *field, only restriction) string {
	condition := s.permission(t, a.selects.Filter) + " AND " + s.where(t, a.role, f.args["where"])
	if only != nil {
		condition += " AND " + only(s, t)
	}
	return condition
}

// key is the condition that all key columns have the given values.
func (s *statement) key(t source, values map[string]any) string {
	var all []string
	for _, c := range t.keyColumns() {
		all = append(all, t.value(c)+" = "+s.bind(c, values[c.name]))
	}
	return conjunction(all, " AND ", "FALSE")
}

// start is SELECT, or what keeps one row for each value of distinct_on. Then the order
// must begin with the same columns.
func (s *statement) start(t source, f *field) (string, *graphqlError) {
	distinct, _ := f.args["distinct_on"].([]any)
	if len(distinct) == 0 {
		return "SELECT", nil
	}
	var columns []string
	for _, name := range distinct {
		c, _ := t.column(fmt.Sprint(name))
		columns = append(columns, t.value(c))
	}
	if order, _ := f.args["order_by"].([]any); len(order) > 0 {
		leading := map[any]bool{}
		for _, each := range order[:min(len(order), len(distinct))] {
			object, _ := each.(map[string]any)
			for name := range object {
				leading[name] = true
			}
		}
		for _, name := range distinct {
			if !leading[name] || len(leading) != len(distinct) {
				return "", invalid(f.path+".args", `"distinct_on" columns must match initial "order_by" columns`)
			}
		}
	}
	start := s.distinctOn(strings.Join(columns, ", "))
	if start == "" {
		return "", &graphqlError{Message: "distinct_on is not supported on SQLite", Code: "not-supported"}
	}
	return start, nil
}

// orderBy names only columns and relationships that the schema knows.
func (s *statement) orderBy(t source, role string, value any) string {
	list, _ := value.([]any)
	var terms []string
	for _, each := range list {
		object, _ := each.(map[string]any)
		terms = append(terms, s.ordered(t, role, object, func(expression string) string { return expression })...)
	}
	if terms == nil {
		return ""
	}
	return " ORDER BY " + strings.Join(terms, ", ")
}

// ordered are the terms of one object. A related row's column is read by a subquery,
// which wrap puts around it.
func (s *statement) ordered(t source, role string, object map[string]any, wrap func(string) string) []string {
	var terms []string
	for _, name := range slices.Sorted(maps.Keys(object)) {
		switch how := object[name].(type) {
		case string:
			terms = append(terms, wrap(t.ref+"."+quote(name))+" "+orderings[how])
		case map[string]any:
			r, _ := t.relationship(name)
			inner := s.inner(r.to)
			condition := strings.Join(append(r.join(t, inner), s.permission(inner, r.to.accessOf(role).selects.Filter)), " AND ")
			terms = append(terms, s.ordered(inner, role, how, func(expression string) string {
				return wrap(fmt.Sprintf("(SELECT %s FROM %s AS %s WHERE %s)", expression, s.table(inner.name), inner.ref, condition))
			})...)
		}
	}
	return terms
}

var orderings = map[string]string{
	"asc": "ASC NULLS LAST", "asc_nulls_first": "ASC NULLS FIRST", "asc_nulls_last": "ASC NULLS LAST",
	"desc": "DESC NULLS FIRST", "desc_nulls_first": "DESC NULLS FIRST", "desc_nulls_last": "DESC NULLS LAST",
}

// window is LIMIT and OFFSET; the permission's limit caps the client's.
func (a access) window(f *field, most *int) (string, *graphqlError) {
	limit, offset := number(f, "limit", -1), number(f, "offset", 0)
	if offset < 0 {
		return "", &graphqlError{Message: "OFFSET must not be negative", Code: "data-exception"}
	}
	if most != nil && (limit < 0 || limit > *most) {
		limit = *most
	}
	var b strings.Builder
	if limit >= 0 {
		fmt.Fprintf(&b, " LIMIT %d", limit)
	} else if offset > 0 {
		fmt.Fprintf(&b, " LIMIT %d", 1<<31-1) // SQLite has no OFFSET without it
	}
	if offset > 0 {
		fmt.Fprintf(&b, " OFFSET %d", offset)
	}
	return b.String(), nil
}

// number reads an argument that the schema has checked.
func number(f *field, arg string, otherwise int) int {
	n, ok := f.args[arg].(json.Number)
	if !ok {
		return otherwise
	}
	count, err := strconv.Atoi(n.String())
	if err != nil {
		return otherwise
	}
	return count
}
