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

// call holds the inputs that the statements of one root field share.
type call struct {
	dialect
	db      querier
	session *auth.Session
	tables  []*table // all, for _exists
}

func (c call) statement() *statement { return &statement{call: c} }

// statement collects the arguments of one SQL statement, and the first thing
// that is wrong with it.
type statement struct {
	call
	args   []any
	nested int // how many tables have a name of the statement's own
	failed *graphqlError
}

// source is a table in a statement. ref qualifies its columns.
type source struct {
	*table
	ref string
}

func (s source) value(c column) string { return s.ref + "." + quote(c.name) }

// target is the table that a statement is about, under its own name: SQLite knows no
// other in RETURNING.
func (s *statement) target(t *table) source { return source{t, s.table(t.name)} }

// inner is a table of a subquery, under a name that no other has.
func (s *statement) inner(t *table) source {
	s.nested++
	return source{t, fmt.Sprintf("_%d", s.nested)}
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

// terms tell a filter of the metadata from one of a client, which have the same form:
// only the metadata's strings name session variables, and only a client's way to another
// table leads through what its role may read there.
type terms struct {
	value func(any) any
	role  string // of the client; "" in the metadata
}

func (s *statement) permission(t source, filter map[string]any) string {
	return s.condition(t, filter, terms{value: s.permissionValue})
}

func (s *statement) where(t source, role string, exp any) string {
	filter, _ := exp.(map[string]any) // nil: no condition
	return s.condition(t, filter, terms{value: func(v any) any { return v }, role: role})
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

func (s *statement) condition(t source, filter map[string]any, how terms) string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(filter)) {
		operands, _ := filter[name].(map[string]any)
		switch name {
		case "_and", "_or":
			list, _ := filter[name].([]any)
			all = append(all, s.combine(t, name, list, how))
			continue
		case "_not":
			all = append(all, "NOT "+s.condition(t, operands, how))
			continue
		case "_exists":
			if how.role == "" {
				other, where := existing(operands, s.tables)
				all = append(all, s.exists(s.inner(other), nil, where, how))
				continue
			}
		}
		if r, ok := t.relationship(name); ok {
			inner := s.inner(r.to)
			all = append(all, s.exists(inner, r.join(t, inner), operands, how))
			continue
		}
		c, _ := t.column(name) // checked by the schema or when the metadata was loaded
		for _, operator := range slices.Sorted(maps.Keys(operands)) {
			all = append(all, s.comparison(t, c, operator, operands[operator], how))
		}
	}
	return conjunction(all, " AND ", "TRUE")
}

// join is the condition that rows of two tables belong together.
func (r relationship) join(from, to source) []string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(r.columns)) {
		all = append(all, to.ref+"."+quote(r.columns[name])+" = "+from.ref+"."+quote(name))
	}
	return all
}

func (s *statement) exists(t source, join []string, filter map[string]any, how terms) string {
	all := append(join, s.condition(t, filter, how))
	if how.role != "" {
		all = append(all, s.permission(t, t.accessOf(how.role).selects.Filter))
	}
	return fmt.Sprintf("EXISTS (SELECT 1 FROM %s AS %s WHERE %s)", s.table(t.name), t.ref, strings.Join(all, " AND "))
}

func (s *statement) combine(t source, name string, operands []any, how terms) string {
	var each []string
	for _, o := range operands {
		inner, _ := o.(map[string]any)
		each = append(each, s.condition(t, inner, how))
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

func (s *statement) comparison(t source, c column, operator string, operand any, how terms) string {
	left := t.value(c)
	if sql := columnOperators[operator]; sql != "" {
		other, _ := operand.(string)
		return left + " " + sql + " " + t.ref + "." + quote(other)
	}
	value := how.value(operand)
	switch operator {
	case "_is_null":
		if value == true {
			return left + " IS NULL"
		}
		return left + " IS NOT NULL"
	case "_in", "_nin":
		return left + map[string]string{"_in": " IN ", "_nin": " NOT IN "}[operator] + s.list(c, value)
	}
	condition, refused := s.compare(operator, left, s.bind(c, value))
	if refused != nil {
		return s.fail(refused)
	}
	return condition
}

// list is the right side of IN.
func (s *statement) list(c column, value any) string {
	if text, ok := value.(string); ok { // a session variable: an array as Postgres writes it
		s.args = append(s.args, s.listArgument(text))
		return s.dialect.list(c, len(s.args))
	}
	values, _ := value.([]any)
	if len(values) == 0 {
		return "(SELECT NULL WHERE FALSE)"
	}
	list := make([]string, len(values))
	for i, v := range values {
		list[i] = s.bind(c, v)
	}
	return "(" + strings.Join(list, ", ") + ")"
}

// rows runs a statement whose results are the columns in their output form, and
// returns each row's JSON values by column name.
func (s *statement) rows(ctx context.Context, sqlText string, columns []column) ([]row, *graphqlError) {
	if s.failed != nil {
		return nil, s.failed
	}
	result, err := s.db.QueryContext(ctx, sqlText, s.args...)
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

// outputs lists the columns' output forms; a statement needs one at least.
func (s *statement) outputs(t source, columns []column) string {
	if len(columns) == 0 {
		return "NULL"
	}
	list := make([]string, len(columns))
	for i, c := range columns {
		list[i] = s.output(t.value(c))
	}
	return strings.Join(list, ", ")
}
