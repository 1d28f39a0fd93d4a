package standin

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"hasura-login/dev/standin/auth"
	"hasura-login/dev/standin/metadata"
)

// table is a tracked table that exists.
type table struct {
	name          metadata.TableName
	columns       []column
	constraints   []constraint
	relationships []relationship
	foreignKeys   []foreignKey
	meta          metadata.Table // its consistent part
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

// access is what one role may do with one table; nil: nothing.
type access struct {
	*table
	role    string
	selects *metadata.SelectDefinition
	inserts *metadata.InsertDefinition
	updates *metadata.UpdateDefinition
	deletes *metadata.DeleteDefinition
}

// accessOf finds a role's permissions; admin has all.
func (t *table) accessOf(role string) access {
	a := access{table: t, role: role}
	if role == auth.AdminRole {
		all := metadata.Columns{All: true}
		a.selects = &metadata.SelectDefinition{Columns: all, AllowAggregations: true}
		a.inserts = &metadata.InsertDefinition{}
		a.updates = &metadata.UpdateDefinition{Columns: all}
		a.deletes = &metadata.DeleteDefinition{}
		return a
	}
	for i, p := range t.meta.SelectPermissions {
		if p.Role == role {
			a.selects = &t.meta.SelectPermissions[i].Permission
		}
	}
	for i, p := range t.meta.InsertPermissions {
		if p.Role == role {
			a.inserts = &t.meta.InsertPermissions[i].Permission
		}
	}
	for i, p := range t.meta.UpdatePermissions {
		if p.Role == role {
			a.updates = &t.meta.UpdatePermissions[i].Permission
		}
	}
	for i, p := range t.meta.DeletePermissions {
		if p.Role == role {
			a.deletes = &t.meta.DeletePermissions[i].Permission
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

// insertable are the columns that a client may give: a preset one is not among them.
func (a access) insertable() []column {
	if a.inserts == nil {
		return nil
	}
	all := metadata.Columns{All: true}
	if a.inserts.Columns != nil {
		all = *a.inserts.Columns
	}
	return without(a.permitted(all), a.inserts.Set)
}

func (a access) writable() []column {
	if a.updates == nil {
		return nil
	}
	return without(a.permitted(a.updates.Columns), a.updates.Set)
}

func without(columns []column, preset map[string]any) []column {
	return slices.DeleteFunc(columns, func(c column) bool { _, is := preset[c.name]; return is })
}

// related are the relationships to tables that the role reads.
func (a access) related() []relationship {
	var list []relationship
	for _, r := range a.relationships {
		if r.to.accessOf(a.role).selects != nil {
			list = append(list, r)
		}
	}
	return list
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

// loadTable describes a tracked table. The result is nil if there is no such table.
func loadTable(ctx context.Context, d dialect, db querier, meta metadata.Table) (*table, error) {
	columns, err := d.columns(ctx, db, meta.Table)
	if err != nil {
		return nil, fmt.Errorf("describing table %s: %w", meta.Table, err)
	}
	// A name that GraphQL does not allow is not in the schema.
	columns = slices.DeleteFunc(columns, func(c column) bool { return !isName(c.name) })
	if len(columns) == 0 {
		return nil, nil
	}
	t := &table{name: meta.Table, columns: columns, meta: metadata.Table{Table: meta.Table}}
	if t.constraints, err = d.constraints(ctx, db, meta.Table); err != nil {
		return nil, fmt.Errorf("describing the constraints of %s: %w", meta.Table, err)
	}
	if t.foreignKeys, err = d.foreignKeys(ctx, db, meta.Table); err != nil {
		return nil, fmt.Errorf("describing the foreign keys of %s: %w", meta.Table, err)
	}
	return t, nil
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
	// columnOperators compare with another column of the row; only the metadata has them.
	columnOperators = map[string]string{"_ceq": "=", "_cneq": "<>", "_cgt": ">", "_clt": "<", "_cgte": ">=", "_clte": "<="}
	plainOperators  = strings.Fields("_eq _neq _gt _lt _gte _lte _in _nin _is_null")
	textOperators   = strings.Fields("_like _nlike _ilike _nilike _similar _nsimilar _regex _nregex _iregex _niregex")
)
