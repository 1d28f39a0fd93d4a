package standin

import (
	"context"
	"encoding/json"
	"fmt"
)

// cursor is where a streaming subscription stands.
type cursor struct {
	column     column
	descending bool
	value      any
}

// newCursor reads the argument "cursor": one column with its initial value.
func (a access) newCursor(f *field) (*cursor, *graphqlError) {
	list, _ := f.args["cursor"].([]any)
	var object, initial map[string]any
	if len(list) > 0 {
		object, _ = list[0].(map[string]any)
		initial, _ = object["initial_value"].(map[string]any)
	}
	switch {
	case len(list) > 1 || len(initial) > 1:
		return nil, invalid(f.path+".args", "multiple column cursors are not supported yet")
	case len(initial) == 0:
		return nil, invalid(f.path+".args", "one streaming column field is expected")
	}
	c := &cursor{descending: object["ordering"] == "DESC"}
	for name, value := range initial {
		c.column, _ = a.column(name)
		c.value = value
	}
	return c, nil
}

// streamRows reads the next batch and moves the cursor behind it. No rows: nil.
func (c call) streamRows(ctx context.Context, a access, f *field, at *cursor) (json.RawMessage, *graphqlError) {
	operator, direction := "_gt", "ASC"
	if at.descending {
		operator, direction = "_lt", "DESC"
	}
	s := c.statement()
	t := s.target(a.table)
	conditions := s.chosen(a, t, f, nil)
	if at.value != nil {
		conditions += " AND " + s.comparison(t, at.column, operator, at.value, terms{value: func(v any) any { return v }})
	}
	columns := needed(a.table, f.selection)
	position := column{name: "?cursor", typ: at.column.typ}
	query := fmt.Sprintf("SELECT %s, %s FROM %s WHERE %s ORDER BY %s %s LIMIT %d", s.output(t.value(at.column)), s.outputs(t, columns),
		t.ref, conditions, t.value(at.column), direction, number(f, "batch_size", 0))
	rows, refused := s.rows(ctx, query, append([]column{position}, columns...))
	if refused != nil || len(rows) == 0 {
		return nil, refused
	}
	at.value = decodeJSON(rows[len(rows)-1][position.name])
	values, refused := c.render(ctx, a, rows, f.selection)
	return array(values), refused
}
