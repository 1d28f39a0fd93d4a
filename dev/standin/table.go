package standin

import (
	"context"
	"fmt"
	"strings"

	"hasura-login/dev/standin/auth"
	"hasura-login/dev/standin/metadata"
)

// table is a tracked table that exists.
type table struct {
	name    metadata.TableName
	columns []column
	meta    metadata.Table
}

// stem begins the names of the table's fields and types.
func (t *table) stem() string {
	if t.name.Schema == "public" {
		return t.name.Name
	}
	return t.name.Schema + "_" + t.name.Name
}

func (t *table) column(name string) (column, bool) {
	for _, c := range t.columns {
		if c.name == name {
			return c, true
		}
	}
	return column{}, false
}

func (t *table) keyColumns() []column {
	var key []column
	for _, c := range t.columns {
		if c.key {
			key = append(key, c)
		}
	}
	return key
}

// access is what one role may do with one table.
type access struct {
	*table
	selects *metadata.SelectDefinition // nil: nothing
	updates *metadata.UpdateDefinition
}

// accessOf finds a role's permissions; admin has all.
func (t *table) accessOf(role string) access {
	a := access{table: t}
	if role == auth.AdminRole {
		a.selects = &metadata.SelectDefinition{Columns: metadata.Columns{All: true}}
		a.updates = &metadata.UpdateDefinition{Columns: metadata.Columns{All: true}}
		return a
	}
	for i, p := range t.meta.SelectPermissions {
		if p.Role == role {
			a.selects = &t.meta.SelectPermissions[i].Permission
		}
	}
	for i, p := range t.meta.UpdatePermissions {
		if p.Role == role {
			a.updates = &t.meta.UpdatePermissions[i].Permission
		}
	}
	return a
}

func (a access) readable() []column {
	if a.selects == nil {
		return nil
	}
	return a.permitted(a.selects.Columns)
}

func (a access) writable() []column {
	if a.updates == nil {
		return nil
	}
	return a.permitted(a.updates.Columns)
}

func (a access) permitted(list metadata.Columns) []column {
	var columns []column
	for _, c := range a.columns {
		if list.Has(c.name) {
			columns = append(columns, c)
		}
	}
	return columns
}

// readsKey reports whether the _by_pk fields exist: the table has a key and the role
// reads all its columns.
func (a access) readsKey() bool {
	key := a.keyColumns()
	for _, c := range key {
		if a.selects == nil || !a.selects.Columns.Has(c.name) {
			return false
		}
	}
	return len(key) > 0
}

// loadTable describes a tracked table and returns its inconsistencies. The result is
// nil if there is no such table.
func loadTable(ctx context.Context, d dialect, db querier, meta metadata.Table) (*table, []string, error) {
	columns, err := d.columns(ctx, db, meta.Table)
	if err != nil {
		return nil, nil, fmt.Errorf("describing table %s: %w", meta.Table, err)
	}
	if len(columns) == 0 {
		return nil, []string{fmt.Sprintf("no such table/view exists in source: %s", meta.Table)}, nil
	}
	t := &table{name: meta.Table, columns: columns}
	t.meta.Table = meta.Table
	var problems []string
	for _, p := range meta.SelectPermissions {
		if why := t.checkPermission(p.Permission.Columns, p.Permission.Filter); why != "" {
			problems = append(problems, fmt.Sprintf("select permission of role %s on %s: %s", p.Role, meta.Table, why))
			continue
		}
		t.meta.SelectPermissions = append(t.meta.SelectPermissions, p)
	}
	for _, p := range meta.UpdatePermissions {
		if why := t.checkPermission(p.Permission.Columns, p.Permission.Filter, p.Permission.Check); why != "" {
			problems = append(problems, fmt.Sprintf("update permission of role %s on %s: %s", p.Role, meta.Table, why))
			continue
		}
		t.meta.UpdatePermissions = append(t.meta.UpdatePermissions, p)
	}
	return t, problems, nil
}

// checkPermission returns the error of a permission, or "".
func (t *table) checkPermission(columns metadata.Columns, filters ...map[string]any) string {
	for _, name := range columns.Names {
		if _, ok := t.column(name); !ok {
			return fmt.Sprintf("%q does not exist", name)
		}
	}
	for _, f := range filters {
		if why := t.checkFilter(f); why != "" {
			return why
		}
	}
	return ""
}

func (t *table) checkFilter(filter map[string]any) string {
	for name, value := range filter {
		switch operands := value.(type) {
		case []any: // of _and, _or
			for _, each := range operands {
				inner, ok := each.(map[string]any)
				if !ok || name != "_and" && name != "_or" {
					return fmt.Sprintf("unexpected list under %q", name)
				}
				if why := t.checkFilter(inner); why != "" {
					return why
				}
			}
		case map[string]any:
			if name == "_not" {
				return t.checkFilter(operands)
			}
			if _, ok := t.column(name); !ok {
				return fmt.Sprintf("%q does not exist", name)
			}
			for operator := range operands {
				if _, known := operatorTakesList[operator]; !known {
					return fmt.Sprintf("operator %q is not served", operator)
				}
			}
		default:
			return fmt.Sprintf("unexpected value under %q", name)
		}
	}
	return ""
}

// operatorTakesList holds the operators on columns; textOperators are those that
// only text has.
var (
	operatorTakesList = map[string]bool{
		"_eq": false, "_neq": false, "_gt": false, "_lt": false, "_gte": false, "_lte": false,
		"_in": true, "_nin": true, "_is_null": false,
		"_like": false, "_nlike": false, "_ilike": false, "_nilike": false, "_similar": false, "_nsimilar": false,
		"_regex": false, "_nregex": false, "_iregex": false, "_niregex": false,
	}
	plainOperators = strings.Fields("_eq _neq _gt _lt _gte _lte _in _nin _is_null")
	textOperators  = strings.Fields("_like _nlike _ilike _nilike _similar _nsimilar _regex _nregex _iregex _niregex")
)
