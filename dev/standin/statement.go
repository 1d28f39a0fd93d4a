package standin

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"hasura-login/dev/standin/auth"
)

// statement collects the arguments of one SQL statement, and the first thing
// that is wrong with it.
type statement struct {
	dialect
	session *auth.Session
	args    []any
	failed  *graphqlError
}

func (s *statement) fail(f *graphqlError) string {
	if s.failed == nil {
		s.failed = f
	}
	return "NULL"
}

// bind adds a value and returns its placeholder in the statement.
func (s *statement) bind(c column, value any) string {
	arg, refused := s.argument(c, value)
	if refused != nil {
		return s.fail(refused)
	}
	s.args = append(s.args, arg)
	return s.placeholder(c, len(s.args))
}

// permission is a filter of the metadata; where is one of the client. They have
// the same form, but only the metadata's strings name session variables.
func (s *statement) permission(t *table, filter map[string]any) string {
	return s.condition(t, filter, s.permissionValue)
}

func (s *statement) where(t *table, exp any) string {
	filter, _ := exp.(map[string]any) // nil: no condition
	return s.condition(t, filter, func(v any) any { return v })
}

func (s *statement) permissionValue(v any) any {
	name, ok := v.(string)
	if !ok || !strings.HasPrefix(strings.ToLower(name), "x-hasura-") {
		return v
	}
	name = strings.ToLower(name)
	value, ok := s.session.Variables[name]
	if !ok {
		s.fail(&graphqlError{Message: fmt.Sprintf("missing session variable: %q", name), Code: "not-found"})
	}
	return value
}

func (s *statement) condition(t *table, filter map[string]any, valueOf func(any) any) string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(filter)) {
		switch name {
		case "_and", "_or":
			operands, _ := filter[name].([]any)
			all = append(all, s.combine(t, name, operands, valueOf))
		case "_not":
			inner, _ := filter[name].(map[string]any)
			all = append(all, "NOT "+s.condition(t, inner, valueOf))
		default:
			c, _ := t.column(name) // checked by the schema or when the metadata was loaded
			operands, _ := filter[name].(map[string]any)
			for _, operator := range slices.Sorted(maps.Keys(operands)) {
				all = append(all, s.comparison(c, operator, valueOf(operands[operator])))
			}
		}
	}
	return conjunction(all, " AND ", "TRUE")
}

func (s *statement) combine(t *table, name string, operands []any, valueOf func(any) any) string {
	var each []string
	for _, o := range operands {
		inner, _ := o.(map[string]any)
		each = append(each, s.condition(t, inner, valueOf))
	}
	if name == "_or" {
		return conjunction(each, " OR ", "FALSE")
	}
	return conjunction(each, " AND ", "TRUE")
}

func conjunction(conditions []string, word, empty string) string {
	if len(conditions) == 0 {
		return "(" + empty + ")"
	}
	return "(" + strings.Join(conditions, word) + ")"
}

func (s *statement) comparison(c column, operator string, value any) string {
	left := quote(c.name)
	switch operator {
	case "_is_null":
		if value == true {
			return left + " IS NULL"
		}
		return left + " IS NOT NULL"
	case "_in", "_nin":
		values, ok := value.([]any)
		if !ok {
			return s.fail(&graphqlError{Message: operator + " with a session variable is not supported by the stand-in", Code: "not-supported"})
		}
		var list []string
		for _, v := range values {
			list = append(list, s.bind(c, v))
		}
		not := map[bool]string{true: "NOT "}[operator == "_nin"]
		if list == nil {
			return "(" + not + "FALSE)"
		}
		return left + " " + not + "IN (" + strings.Join(list, ", ") + ")"
	}
	condition, refused := s.compare(operator, left, s.bind(c, value))
	if refused != nil {
		return s.fail(refused)
	}
	return condition
}

// rows runs a statement whose results are the columns in their output form, and
// returns each row's JSON values by column name.
func (s *statement) rows(ctx context.Context, db querier, sqlText string, columns []column) ([]row, *graphqlError) {
	if s.failed != nil {
		return nil, s.failed
	}
	result, err := db.QueryContext(ctx, sqlText, s.args...)
	if err != nil {
		return nil, s.refusal(err)
	}
	defer func() { _ = result.Close() }()
	var rows []row
	for result.Next() {
		texts := make([]sql.NullString, max(len(columns), 1))
		targets := make([]any, len(texts))
		for i := range texts {
			targets[i] = &texts[i]
		}
		if err := result.Scan(targets...); err != nil {
			return nil, s.refusal(err)
		}
		r := row{}
		for i, c := range columns {
			r[c.name] = jsonNull
			if texts[i].Valid {
				r[c.name] = s.decode(c, texts[i].String)
			}
		}
		rows = append(rows, r)
	}
	if err := result.Err(); err != nil {
		return nil, s.refusal(err)
	}
	return rows, nil
}

// row holds the JSON of each column that was read.
type row map[string]json.RawMessage

// render picks the selected fields in the client's order.
func (r row) render(selection []*field) json.RawMessage {
	var o object
	for _, f := range selection {
		if f.name == "__typename" {
			o.add(f.key, mustJSON(f.parent.Name))
		} else {
			o.add(f.key, r[f.name])
		}
	}
	return o.json()
}

func renderAll(rows []row, selection []*field) json.RawMessage {
	values := make([]json.RawMessage, len(rows))
	for i, r := range rows {
		values[i] = r.render(selection)
	}
	return array(values)
}

// selected are the columns that a selection reads.
func selected(t *table, selection []*field) []column {
	var columns []column
	for _, f := range selection {
		if c, ok := t.column(f.name); ok && !slices.Contains(columns, c) {
			columns = append(columns, c)
		}
	}
	return columns
}

// outputs lists the columns' output forms; a statement needs one at least.
func outputs(d dialect, columns []column) string {
	if len(columns) == 0 {
		return "NULL"
	}
	list := make([]string, len(columns))
	for i, c := range columns {
		list[i] = d.output(c)
	}
	return strings.Join(list, ", ")
}
