package standin

import (
	"context"
	"encoding/json"
	"fmt"

	"hasura-login/dev/standin/auth"
)

// cursor is where a streaming subscription stands.
type cursor struct {
	column     column
	descending bool
	value      any
}

// newCursor reads the argument "cursor": one column with its initial value.
func (a access) newCursor(f *field) (*cursor, *graphqlError) {
	refuse := func() (*cursor, *graphqlError) {
		return nil, invalid("$.selectionSet."+f.name+".args.cursor", "one cursor with one column is expected")
	}
	list, _ := f.args["cursor"].([]any)
	if len(list) != 1 {
		return refuse()
	}
	object, _ := list[0].(map[string]any)
	initial, _ := object["initial_value"].(map[string]any)
	if len(initial) != 1 {
		return refuse()
	}
	c := &cursor{descending: object["ordering"] == "DESC"}
	for name, value := range initial {
		c.column, _ = a.column(name)
		c.value = value
	}
	return c, nil
}

// streamRows reads the next batch and moves the cursor behind it. No rows: nil.
func (a access) streamRows(ctx context.Context, d dialect, db querier, session *auth.Session, f *field, c *cursor) (json.RawMessage, *graphqlError) {
	size, refused := rowCount(f, "batch_size")
	if refused != nil {
		return nil, refused
	}
	operator, direction := "_gt", "ASC"
	if c.descending {
		operator, direction = "_lt", "DESC"
	}
	s := &statement{dialect: d, session: session}
	conditions := s.permission(a.table, a.selects.Filter) + " AND " + s.where(a.table, f.args["where"])
	if c.value != nil {
		conditions += " AND " + s.comparison(c.column, operator, c.value)
	}
	columns := selected(a.table, f.selection)
	at := column{name: "?cursor", typ: c.column.typ}
	query := fmt.Sprintf("SELECT %s, %s FROM %s WHERE %s ORDER BY %s %s LIMIT %d", d.output(c.column), outputs(d, columns),
		d.table(a.name), conditions, quote(c.column.name), direction, size)
	rows, refused := s.rows(ctx, db, query, append([]column{at}, columns...))
	if refused != nil || len(rows) == 0 {
		return nil, refused
	}
	c.value = decodeJSON(rows[len(rows)-1][at.name])
	return renderAll(rows, f.selection), nil
}
