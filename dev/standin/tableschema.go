package standin

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// table writes the fields and types of a table that the role may use.
func (s *sdl) table(a access) {
	if a.selects == nil && a.inserts == nil && a.updates == nil && a.deletes == nil {
		return
	}
	readable, stem := a.readable(), a.stem()
	for _, c := range a.columns {
		s.useScalar(c.typ)
	}
	s.boolExp(a, readable, stem)
	if len(readable) > 0 {
		s.selectFields(a, readable, stem)
	}
	returning := ""
	if len(readable) > 0 {
		returning = fmt.Sprintf("returning: [%s!]!", stem)
	}
	if a.inserts != nil || a.updates != nil || a.deletes != nil {
		fmt.Fprintf(&s.types, "type %s_mutation_response { affected_rows: Int! %s }\n", stem, returning)
	}
	if insertable := a.insertable(); len(insertable) > 0 {
		s.insertFields(a, insertable, stem)
	}
	if writable := a.writable(); len(writable) > 0 {
		s.updateFields(a, writable, stem)
	}
	if a.deletes != nil {
		s.deleteFields(a, stem)
	}
}

func (s *sdl) field(a access, kind fieldKind, name, root, description, signature string) {
	s.schema.tables[name] = tableField{a, kind}
	s.root(root, fmt.Sprintf(description, `"`+a.text()+`"`), name+signature)
}

// text is the table's name as the engine's descriptions have it.
func (t *table) text() string {
	if t.name.Schema == "public" {
		return t.name.Name
	}
	return t.name.String()
}

// rowArguments choose rows, as the engine describes them.
func rowArguments(stem string) string {
	return fmt.Sprintf(`("distinct select on columns" distinct_on: [%[1]s_select_column!] `+
		`"limit the number of rows returned" limit: Int`+asCount+` `+
		`"skip the first n rows. Use only with order_by" offset: Int`+asBigInt+` `+
		`"sort the rows by one or more columns" order_by: [%[1]s_order_by!] `+
		`"filter the rows returned" where: %[1]s_bool_exp)`, stem)
}

func (s *sdl) selectFields(a access, readable []column, stem string) {
	related, orders := "", ""
	for _, r := range a.related() {
		to := r.to.stem()
		switch mayBeMissing := a.limited(r); {
		case r.array:
			related += fmt.Sprintf(" \"An array relationship\" %s%s: [%s!]!", r.name, rowArguments(to), to)
			if r.to.accessOf(a.role).selects.AllowAggregations {
				related += fmt.Sprintf(" \"An aggregate relationship\" %s_aggregate%s: %s_aggregate!", r.name, rowArguments(to), to)
			}
		case mayBeMissing:
			related += fmt.Sprintf(" \"An object relationship\" %s: %s", r.name, to)
		default:
			related += fmt.Sprintf(" \"An object relationship\" %s: %s!", r.name, to)
		}
		if !r.array {
			orders += fmt.Sprintf(" %s: %s_order_by", r.name, to)
		}
	}
	fmt.Fprintf(&s.types, "%q type %s { %s%s }\n", fmt.Sprintf("columns and relationships of %q", a.text()), stem, fieldsOf(readable, outputType), related)
	fmt.Fprintf(&s.types, "input %s_order_by { %s%s }\n", stem, fieldsOf(readable, func(column) string { return "order_by" }), orders)
	fmt.Fprintf(&s.types, "enum %s_select_column { %s }\n", stem, namesOf(readable))
	fmt.Fprintf(&s.types, "input %s_stream_cursor_value_input { %s }\n", stem, fieldsOf(readable, inputType))
	fmt.Fprintf(&s.types, "input %[1]s_stream_cursor_input { initial_value: %[1]s_stream_cursor_value_input! ordering: cursor_ordering }\n", stem)
	for _, root := range []string{queryRoot, subscriptionRoot} {
		s.field(a, selectMany, stem, root, "fetch data from the table: %s", rowArguments(stem)+": ["+stem+"!]!")
		if a.readsKey() {
			s.field(a, selectByKey, stem+"_by_pk", root, "fetch data from the table: %s using primary key columns", "("+keyArguments(a)+"): "+stem)
		}
		if a.selects.AllowAggregations {
			s.field(a, selectAggregate, stem+"_aggregate", root, "fetch aggregated fields from the table: %s", rowArguments(stem)+": "+stem+"_aggregate!")
		}
	}
	if a.selects.AllowAggregations {
		s.aggregateTypes(readable, stem)
	}
	s.field(a, selectStream, stem+"_stream", subscriptionRoot, "fetch data from the table in a streaming manner: %s",
		fmt.Sprintf(`("maximum number of rows returned in a single batch" batch_size: Int!`+asCount+` "cursor to stream the results returned by the query" cursor: [%[1]s_stream_cursor_input]! "filter the rows returned" where: %[1]s_bool_exp): [%[1]s!]!`, stem))
}

// limited: the related row may be missing, or hidden from the role.
func (a access) limited(r relationship) bool {
	return !r.always || len(r.to.accessOf(a.role).selects.Filter) > 0
}

func (s *sdl) aggregateTypes(readable []column, stem string) {
	fmt.Fprintf(&s.types, "type %[1]s_aggregate { aggregate: %[1]s_aggregate_fields nodes: [%[1]s!]! }\n", stem)
	fields := fmt.Sprintf("count(columns: [%s_select_column!], distinct: Boolean): Int!", stem)
	for _, f := range []struct {
		name  string
		types []string
		typ   func(column) string
	}{
		{"avg", numericTypes, func(column) string { return "Float" }}, {"max", comparableTypes, inputTypeName},
		{"min", comparableTypes, inputTypeName}, {"sum", numericTypes, inputTypeName},
	} {
		if columns := ofTypes(readable, f.types); len(columns) > 0 {
			fields += fmt.Sprintf(" %s: %s_%s_fields", f.name, stem, f.name)
			fmt.Fprintf(&s.types, "type %s_%s_fields { %s }\n", stem, f.name, fieldsOf(columns, f.typ))
		}
	}
	fmt.Fprintf(&s.types, "type %s_aggregate_fields { %s }\n", stem, fields)
	s.useScalar("Float")
}

func (s *sdl) insertFields(a access, insertable []column, stem string) {
	fmt.Fprintf(&s.types, "input %s_insert_input { %s }\n", stem, fieldsOf(insertable, inputType))
	conflict := ""
	if len(a.constraints) > 0 {
		conflict = fmt.Sprintf(", \"upsert condition\" on_conflict: %s_on_conflict", stem)
		names := make([]string, len(a.constraints))
		for i, c := range a.constraints {
			names[i] = c.name
		}
		updatable := "\"placeholder (do not use)\" _PLACEHOLDER"
		if writable := a.writable(); len(writable) > 0 {
			updatable = namesOf(writable)
		}
		fmt.Fprintf(&s.types, "enum %s_constraint { %s }\nenum %s_update_column { %s }\n", stem, strings.Join(names, " "), stem, updatable)
		fmt.Fprintf(&s.types, "input %[1]s_on_conflict { constraint: %[1]s_constraint! update_columns: [%[1]s_update_column!]! = [] where: %[1]s_bool_exp }\n", stem)
	}
	s.field(a, insertMany, "insert_"+stem, mutationRoot, "insert data into the table: %s",
		fmt.Sprintf("(\"the rows to be inserted\" objects: [%[1]s_insert_input!]!%[2]s): %[1]s_mutation_response", stem, conflict))
	if len(a.readable()) > 0 {
		s.field(a, insertOne, "insert_"+stem+"_one", mutationRoot, "insert a single row into the table: %s",
			fmt.Sprintf("(\"the row to be inserted\" object: %[1]s_insert_input!%[2]s): %[1]s", stem, conflict))
	}
}

func (s *sdl) deleteFields(a access, stem string) {
	s.field(a, deleteWhere, "delete_"+stem, mutationRoot, "delete data from the table: %s",
		fmt.Sprintf("(\"filter the rows which have to be deleted\" where: %[1]s_bool_exp!): %[1]s_mutation_response", stem))
	if a.readsKey() {
		s.field(a, deleteByKey, "delete_"+stem+"_by_pk", mutationRoot, "delete single row from the table: %s", "("+keyArguments(a)+"): "+stem)
	}
}

func (s *sdl) updateFields(a access, writable []column, stem string) {
	inputs := ""
	for _, f := range []struct {
		operator string
		columns  []column
		typ      func(column) string
	}{
		{"_append", ofTypes(writable, []string{"jsonb"}), inputType},
		{"_delete_at_path", ofTypes(writable, []string{"jsonb"}), func(column) string { return "[String!]" }},
		{"_delete_elem", ofTypes(writable, []string{"jsonb"}), func(column) string { return "Int" }},
		{"_delete_key", ofTypes(writable, []string{"jsonb"}), func(column) string { return "String" }},
		{"_inc", ofTypes(writable, numericTypes), inputType},
		{"_prepend", ofTypes(writable, []string{"jsonb"}), inputType},
		{"_set", writable, inputType},
	} {
		if len(f.columns) > 0 {
			inputs += fmt.Sprintf("%s: %s%s_input ", f.operator, stem, f.operator)
			fmt.Fprintf(&s.types, "input %s%s_input { %s }\n", stem, f.operator, fieldsOf(f.columns, f.typ))
		}
	}
	fmt.Fprintf(&s.types, "input %[1]s_updates { %[2]swhere: %[1]s_bool_exp! }\n", stem, inputs)
	s.field(a, updateWhere, "update_"+stem, mutationRoot, "update data of the table: %s",
		fmt.Sprintf("(%[2]s\"filter the rows which have to be updated\" where: %[1]s_bool_exp!): %[1]s_mutation_response", stem, inputs))
	s.field(a, updateMany, "update_"+stem+"_many", mutationRoot, "update multiples rows of table: %s",
		fmt.Sprintf("(\"updates to execute, in order\" updates: [%[1]s_updates!]!): [%[1]s_mutation_response]", stem))
	if !a.readsKey() {
		return
	}
	fmt.Fprintf(&s.types, "input %s_pk_columns_input { %s }\n", stem, keyArguments(a))
	s.field(a, updateByKey, "update_"+stem+"_by_pk", mutationRoot, "update single row of the table: %s",
		fmt.Sprintf("(%[2]spk_columns: %[1]s_pk_columns_input!): %[1]s", stem, inputs))
}

// boolExp filters by the columns that the role reads, and by rows of other tables.
func (s *sdl) boolExp(a access, readable []column, stem string) {
	fmt.Fprintf(&s.types, "input %[1]s_bool_exp { _and: [%[1]s_bool_exp!] _not: %[1]s_bool_exp _or: [%[1]s_bool_exp!]", stem)
	for _, c := range readable {
		if !c.list {
			fmt.Fprintf(&s.types, " %s: %s_comparison_exp", c.name, c.typ)
		}
	}
	for _, r := range a.related() {
		fmt.Fprintf(&s.types, " %s: %s_bool_exp", r.name, r.to.stem())
	}
	s.types.WriteString(" }\n")
}

func (s *sdl) comparison(typ string) {
	fmt.Fprintf(&s.types, "input %s_comparison_exp {", typ)
	operators := plainOperators
	if typ == "String" || typ == "citext" {
		operators = slices.Concat(plainOperators, textOperators)
	}
	for _, operator := range operators {
		operand := typ + asColumn
		if operatorTakesList[operator] {
			operand = "[" + typ + "!]" + asColumn
		} else if operator == "_is_null" {
			operand = "Boolean"
		}
		fmt.Fprintf(&s.types, " %s: %s", operator, operand)
	}
	s.types.WriteString(" }\n")
}

func keyArguments(a access) string {
	return fieldsOf(a.keyColumns(), func(c column) string { return inputTypeName(c) + "!" + asColumn })
}

func fieldsOf(columns []column, typ func(column) string) string {
	var fields []string
	for _, c := range columns {
		fields = append(fields, c.name+": "+typ(c))
	}
	return strings.Join(fields, " ")
}

func namesOf(columns []column) string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.name
	}
	return strings.Join(names, " ")
}

func inputTypeName(c column) string {
	if c.list {
		return "[" + c.typ + "!]"
	}
	return c.typ
}

func inputType(c column) string { return inputTypeName(c) + asColumn }

func outputType(c column) string {
	if c.nullable {
		return inputTypeName(c)
	}
	return inputTypeName(c) + "!"
}

var nameForm = regexp.MustCompile(`^[_A-Za-z][_0-9A-Za-z]*$`)

// isName reports whether GraphQL allows the name.
func isName(text string) bool { return nameForm.MatchString(text) }
