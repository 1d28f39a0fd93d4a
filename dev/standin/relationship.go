package standin

import (
	"fmt"
	"maps"
	"slices"

	"hasura-login/dev/standin/metadata"
)

// relationship leads from the rows of a table to those of another.
type relationship struct {
	name    string
	array   bool // several rows; otherwise one or none
	to      *table
	columns map[string]string // of the table, to those of the other
	// always: each row has one of the other table, as a foreign key of columns that are
	// not null promises.
	always bool
}

func (t *table) relationship(name string) (relationship, bool) {
	for _, r := range t.relationships {
		if r.name == name {
			return r, true
		}
	}
	return relationship{}, false
}

// relate adds the relationships of the metadata, once all tables are known, and returns
// those that are inconsistent.
func (t *table) relate(meta metadata.Table, tables []*table) []string {
	var problems []string
	for array, list := range map[bool][]metadata.Relationship{false: meta.ObjectRelationships, true: meta.ArrayRelationships} {
		for _, m := range list {
			r, why := t.resolve(m, array, tables)
			if _, taken := t.column(m.Name); taken {
				why = "the table has a column of this name"
			}
			if why != "" {
				problems = append(problems, fmt.Sprintf("relationship %s of %s: %s", m.Name, t.name, why))
				continue
			}
			t.relationships = append(t.relationships, r)
		}
	}
	slices.Sort(problems)
	return problems
}

func (t *table) resolve(m metadata.Relationship, array bool, tables []*table) (relationship, string) {
	r := relationship{name: m.Name, array: array}
	find := func(name metadata.TableName) string {
		for _, other := range tables {
			if other.name == name {
				r.to = other
				return ""
			}
		}
		return fmt.Sprintf("table %s is not tracked", name)
	}
	switch k := m.Using.ForeignKey; {
	case m.Using.Manual != nil:
		r.columns = m.Using.Manual.ColumnMapping
		return r, find(m.Using.Manual.RemoteTable)
	case k == nil:
		return r, "it says neither foreign_key_constraint_on nor manual_configuration"
	case k.Table != nil: // the other table refers to this one
		if why := find(*k.Table); why != "" {
			return r, why
		}
		key := keyOf(r.to.foreignKeys, k.Columns, t.name)
		if key == nil {
			return r, fmt.Sprintf("no foreign key of %s on %v refers to the table", r.to.name, k.Columns)
		}
		r.columns = map[string]string{}
		for theirs, ours := range key.columns {
			r.columns[ours] = theirs
		}
		return r, ""
	default:
		key := keyOf(t.foreignKeys, k.Columns, metadata.TableName{})
		if key == nil {
			return r, fmt.Sprintf("no foreign key on %v", k.Columns)
		}
		r.columns, r.always = key.columns, true
		for _, name := range k.Columns {
			c, _ := t.column(name)
			r.always = r.always && !c.nullable
		}
		return r, find(key.to)
	}
}

// keyOf finds the foreign key on exactly these columns, to a table if one is named.
func keyOf(keys []foreignKey, columns []string, to metadata.TableName) *foreignKey {
	wanted := slices.Sorted(slices.Values(columns))
	for i, k := range keys {
		if slices.Equal(slices.Sorted(maps.Keys(k.columns)), wanted) && (to.Name == "" || k.to == to) {
			return &keys[i]
		}
	}
	return nil
}

// permit keeps the permissions that fit the table, once its relationships are known,
// and returns the problems of the others.
func (t *table) permit(meta metadata.Table, tables []*table) []string {
	var problems []string
	check := func(kind, role string, columns metadata.Columns, preset map[string]any, filters ...map[string]any) bool {
		for _, name := range append(slices.Sorted(maps.Keys(preset)), columns.Names...) {
			if _, ok := t.column(name); !ok {
				problems = append(problems, fmt.Sprintf("%s permission of role %s on %s: %q does not exist", kind, role, t.name, name))
				return false
			}
		}
		for _, f := range filters {
			if why := t.checkFilter(f, tables); why != "" {
				problems = append(problems, fmt.Sprintf("%s permission of role %s on %s: %s", kind, role, t.name, why))
				return false
			}
		}
		return true
	}
	for _, p := range meta.SelectPermissions {
		if check("select", p.Role, p.Permission.Columns, nil, p.Permission.Filter) {
			t.meta.SelectPermissions = append(t.meta.SelectPermissions, p)
		}
	}
	for _, p := range meta.InsertPermissions {
		var columns metadata.Columns
		if p.Permission.Columns != nil {
			columns = *p.Permission.Columns
		}
		if !p.Permission.BackendOnly && check("insert", p.Role, columns, p.Permission.Set, p.Permission.Check) {
			t.meta.InsertPermissions = append(t.meta.InsertPermissions, p)
		}
	}
	for _, p := range meta.UpdatePermissions {
		if !p.Permission.BackendOnly && check("update", p.Role, p.Permission.Columns, p.Permission.Set, p.Permission.Filter, p.Permission.Check) {
			t.meta.UpdatePermissions = append(t.meta.UpdatePermissions, p)
		}
	}
	for _, p := range meta.DeletePermissions {
		if !p.Permission.BackendOnly && check("delete", p.Role, metadata.Columns{}, nil, p.Permission.Filter) {
			t.meta.DeletePermissions = append(t.meta.DeletePermissions, p)
		}
	}
	return problems
}

// checkFilter returns what is wrong with a filter of the metadata, or "".
func (t *table) checkFilter(filter map[string]any, tables []*table) string {
	for _, name := range slices.Sorted(maps.Keys(filter)) {
		if why := t.checkTerm(name, filter[name], tables); why != "" {
			return why
		}
	}
	return ""
}

func (t *table) checkTerm(name string, value any, tables []*table) string {
	if list, isList := value.([]any); isList {
		for _, each := range list {
			inner, ok := each.(map[string]any)
			if !ok || name != "_and" && name != "_or" {
				return fmt.Sprintf("unexpected list under %q", name)
			}
			if why := t.checkFilter(inner, tables); why != "" {
				return why
			}
		}
		return ""
	}
	operands, ok := value.(map[string]any)
	if !ok {
		return fmt.Sprintf("unexpected value under %q", name)
	}
	if name == "_not" {
		return t.checkFilter(operands, tables)
	}
	if name == "_exists" {
		other, where := existing(operands, tables)
		if other == nil {
			return "_exists needs _table, which is tracked, and _where"
		}
		return other.checkFilter(where, tables)
	}
	if r, ok := t.relationship(name); ok {
		return r.to.checkFilter(operands, tables)
	}
	if _, ok := t.column(name); !ok {
		return fmt.Sprintf("%q does not exist", name)
	}
	for operator, operand := range operands {
		if _, known := columnOperators[operator]; known {
			other, isText := operand.(string)
			if _, ok := t.column(other); !isText || !ok {
				return fmt.Sprintf("%s of %q names no column", operator, name)
			}
		} else if _, known := operatorTakesList[operator]; !known {
			return fmt.Sprintf("operator %q is not served", operator)
		}
	}
	return ""
}

// existing reads the operands of _exists; nil if the table is not tracked.
func existing(operands map[string]any, tables []*table) (*table, map[string]any) {
	var name metadata.TableName
	switch named := operands["_table"].(type) {
	case string:
		name = metadata.TableName{Schema: "public", Name: named}
	case map[string]any:
		schema, _ := named["schema"].(string)
		table, _ := named["name"].(string)
		name = metadata.TableName{Schema: schema, Name: table}
	}
	where, _ := operands["_where"].(map[string]any)
	for _, t := range tables {
		if t.name == name {
			return t, where
		}
	}
	return nil, nil
}
