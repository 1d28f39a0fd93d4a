package standin

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// numericTypes can be added up; comparableTypes have a least and a greatest value.
var (
	numericTypes    = []string{"Int", "Float", "smallint", "bigint", "numeric", "float8"}
	comparableTypes = append([]string{"String", "bpchar", "citext", "timestamptz", "timestamp", "date", "time", "timetz"}, numericTypes...)
)

// aggregate answers <table>_aggregate: figures over all rows, and the rows.
func (c call) aggregate(ctx context.Context, a access, f *field, only restriction) (json.RawMessage, *graphqlError) {
	var o object
	for _, inner := range f.selection {
		var value json.RawMessage
		var refused *graphqlError
		switch inner.name {
		case "aggregate":
			value, refused = c.figures(ctx, a, f, inner, only)
		case "nodes":
			var rows []json.RawMessage
			rows, refused = c.read(ctx, a, f, inner.selection, only)
			value = array(rows)
		default:
			value = mustJSON(inner.parent.Name)
		}
		if refused != nil {
			return nil, refused
		}
		o.add(inner.key, value)
	}
	return o.json(), nil
}

// figures runs one statement over the rows that the field's arguments choose; the
// permission's limit is for rows only.
func (c call) figures(ctx context.Context, a access, f, wanted *field, only restriction) (json.RawMessage, *graphqlError) {
	s := c.statement()
	t := s.target(a.table)
	start, refused := s.start(t, f)
	if refused != nil {
		return nil, refused
	}
	window, refused := a.window(f, nil)
	if refused != nil {
		return nil, refused
	}
	var results []column
	var expressions []string
	add := func(name, typ, expression string) {
		results = append(results, column{name: name, typ: typ})
		expressions = append(expressions, s.output(expression))
	}
	for _, figure := range wanted.selection {
		if figure.name == "count" {
			add(figure.key, "Int", count(figure))
		}
		for _, of := range figure.selection {
			if col, ok := a.column(of.name); ok {
				add(figure.key+"."+of.key, col.typ, fmt.Sprintf("%s(%s)", figure.name, quote(col.name)))
			}
		}
	}
	if len(expressions) == 0 {
		expressions = []string{"NULL"}
	}
	query := fmt.Sprintf("SELECT %s FROM (%s %s.* FROM %s WHERE %s%s%s) AS chosen", strings.Join(expressions, ", "), start, t.ref, t.ref,
		s.chosen(a, t, f, only), s.orderBy(t, a.role, f.args["order_by"]), window)
	rows, refused := s.rows(ctx, query, results)
	if refused != nil {
		return nil, refused
	}
	return rows[0].figures(wanted.selection, ""), nil
}

// count is count(*), or that of the rows in which the named columns are not all null.
func count(f *field) string {
	names, _ := f.args["columns"].([]any)
	var columns []string
	for _, n := range names {
		columns = append(columns, quote(fmt.Sprint(n)))
	}
	of := strings.Join(columns, ", ")
	switch {
	case len(columns) == 0:
		return "count(*)"
	case len(columns) > 1:
		of = "(" + of + ")"
	}
	if f.args["distinct"] == true {
		of = "DISTINCT " + of
	}
	return "count(" + of + ")"
}

func (r row) figures(selection []*field, prefix string) json.RawMessage {
	var o object
	for _, f := range selection {
		switch {
		case f.name == "__typename":
			o.add(f.key, mustJSON(f.parent.Name))
		case len(f.selection) > 0:
			o.add(f.key, r.figures(f.selection, f.key+"."))
		default:
			o.add(f.key, r[prefix+f.key])
		}
	}
	return o.json()
}

// ofTypes are the columns whose type is one of the list.
func ofTypes(columns []column, types []string) []column {
	return slices.DeleteFunc(slices.Clone(columns), func(c column) bool { return c.list || !slices.Contains(types, c.typ) })
}
