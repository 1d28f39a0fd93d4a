package standin

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"hasura-login/dev/standin/auth"
)

// selectRows answers <table> and, by the same way, <table>_by_pk.
func (a access) selectRows(ctx context.Context, d dialect, db querier, session *auth.Session, f *field, kind fieldKind) (json.RawMessage, *graphqlError) {
	s := &statement{dialect: d, session: session}
	conditions := s.permission(a.table, a.selects.Filter)
	if kind == selectByKey {
		conditions += " AND " + s.key(a.table, f.args)
	} else {
		conditions += " AND " + s.where(a.table, f.args["where"])
	}
	columns := selected(a.table, f.selection)
	query := fmt.Sprintf("SELECT %s FROM %s WHERE %s%s", outputs(d, columns), d.table(a.name), conditions, orderBy(f.args["order_by"]))
	window, refused := a.window(f)
	if refused != nil {
		return nil, refused
	}
	rows, refused := s.rows(ctx, db, query+window, columns)
	switch {
	case refused != nil:
		return nil, refused
	case kind == selectMany:
		return renderAll(rows, f.selection), nil
	case len(rows) == 0:
		return jsonNull, nil
	default:
		return rows[0].render(f.selection), nil
	}
}

// key is the condition that all key columns have the given values.
func (s *statement) key(t *table, values map[string]any) string {
	var all []string
	for _, c := range t.keyColumns() {
		all = append(all, quote(c.name)+" = "+s.bind(c, values[c.name]))
	}
	return conjunction(all, " AND ", "FALSE")
}

// orderBy names only columns that the schema knows.
func orderBy(value any) string {
	list, _ := value.([]any)
	var terms []string
	for _, each := range list {
		object, _ := each.(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(object)) {
			if how, ok := object[name].(string); ok {
				terms = append(terms, quote(name)+" "+orderings[how])
			}
		}
	}
	if terms == nil {
		return ""
	}
	return " ORDER BY " + strings.Join(terms, ", ")
}

var orderings = map[string]string{
	"asc": "ASC NULLS LAST", "asc_nulls_first": "ASC NULLS FIRST", "asc_nulls_last": "ASC NULLS LAST",
	"desc": "DESC NULLS FIRST", "desc_nulls_first": "DESC NULLS FIRST", "desc_nulls_last": "DESC NULLS LAST",
}

// window is LIMIT and OFFSET; the permission's limit caps the client's.
func (a access) window(f *field) (string, *graphqlError) {
	limit, refused := rowCount(f, "limit")
	if refused != nil {
		return "", refused
	}
	offset, refused := rowCount(f, "offset")
	if refused != nil {
		return "", refused
	}
	if most := a.selects.Limit; most != nil && (limit < 0 || limit > *most) {
		limit = *most
	}
	var b strings.Builder
	if limit >= 0 {
		fmt.Fprintf(&b, " LIMIT %d", limit)
	} else if offset >= 0 {
		fmt.Fprintf(&b, " LIMIT %d", 1<<31-1) // SQLite has no OFFSET without it
	}
	if offset >= 0 {
		fmt.Fprintf(&b, " OFFSET %d", offset)
	}
	return b.String(), nil
}

// rowCount reads a non-negative Int argument; -1 where it is not given.
func rowCount(f *field, arg string) (int, *graphqlError) {
	n, ok := f.args[arg].(json.Number)
	if !ok {
		return -1, nil
	}
	count, err := strconv.Atoi(n.String())
	if err != nil || count < 0 {
		return 0, invalid("$.selectionSet."+f.name+".args."+arg, "expected a non-negative 32-bit integer for type 'Int', but found %s", n)
	}
	return count, nil
}
