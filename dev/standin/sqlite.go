package standin

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"modernc.org/sqlite"
	sqlitelib "modernc.org/sqlite/lib"

	"hasura-login/dev/standin/metadata"
)

type sqliteDialect struct{}

// columns reads the table's shape. SQLite has no uuid and no timestamptz; the
// project's names tell them from text: id and …_id, and …_at.
func (sqliteDialect) columns(ctx context.Context, db querier, table metadata.TableName) ([]column, error) {
	return rowsOf(ctx, db, func(rows *sql.Rows) (c column, err error) {
		err = rows.Scan(&c.name, &c.sqlType, &c.nullable, &c.key)
		c.typ = sqliteType(c)
		return c, err
	}, `SELECT name, upper(type), NOT "notnull" AND pk = 0, pk > 0 FROM pragma_table_info(?) ORDER BY cid`, sqliteName(table))
}

func sqliteType(c column) string {
	switch {
	case c.sqlType == "INTEGER":
		return "Int"
	case c.sqlType == "BOOLEAN":
		return "Boolean"
	case c.sqlType == "REAL":
		return "Float"
	case c.name == "id" || strings.HasSuffix(c.name, "_id"):
		return "uuid"
	case strings.HasSuffix(c.name, "_at"):
		return "timestamptz"
	}
	return "String"
}

func sqliteName(t metadata.TableName) string {
	if t.Schema == "public" {
		return t.Name
	}
	return t.Schema + "_" + t.Name
}

func (sqliteDialect) table(name metadata.TableName) string { return quote(sqliteName(name)) }

// constraints names them as Postgres would.
func (d sqliteDialect) constraints(ctx context.Context, db querier, table metadata.TableName) ([]constraint, error) {
	return rowsOf(ctx, db, func(rows *sql.Rows) (c constraint, err error) {
		var origin string
		var columns []byte
		if err := rows.Scan(&origin, &columns); err != nil {
			return c, err
		}
		if err := json.Unmarshal(columns, &c.columns); err != nil {
			return c, err
		}
		c.name = table.Name + "_pkey"
		if origin == "u" {
			c.name = table.Name + "_" + strings.Join(c.columns, "_") + "_key"
		}
		return c, nil
	}, `
		SELECT l.origin, (SELECT json_group_array(name) FROM (SELECT name FROM pragma_index_info(l.name) ORDER BY seqno))
		FROM pragma_index_list(?) l WHERE l.origin IN ('pk', 'u') AND NOT l.partial ORDER BY l.seq`, sqliteName(table))
}

func (sqliteDialect) foreignKeys(ctx context.Context, db querier, table metadata.TableName) ([]foreignKey, error) {
	type pair struct {
		key             int // the same for every pair of a foreign key
		table, from, to string
	}
	pairs, err := rowsOf(ctx, db, func(rows *sql.Rows) (p pair, err error) {
		err = rows.Scan(&p.key, &p.table, &p.from, &p.to)
		return p, err
	}, `SELECT id, "table", "from", "to" FROM pragma_foreign_key_list(?) ORDER BY id, seq`, sqliteName(table))
	var list []foreignKey
	for i, p := range pairs {
		if i == 0 || p.key != pairs[i-1].key {
			list = append(list, foreignKey{to: metadata.TableName{Schema: "public", Name: p.table}, columns: map[string]string{}})
		}
		list[len(list)-1].columns[p.from] = p.to
	}
	return list, err
}

func (sqliteDialect) output(expression string) string { return "CAST(" + expression + " AS TEXT)" }

func (sqliteDialect) decode(c column, text string) json.RawMessage {
	switch c.typ {
	case "Boolean":
		return mustJSON(text == "1")
	case "Int", "Float":
		return json.RawMessage(text)
	}
	return mustJSON(text)
}

func (sqliteDialect) placeholder(_ column, n int) string { return fmt.Sprintf("?%d", n) }

var uuidForm = regexp.MustCompile(`^[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}$`)

// argument refuses what Postgres would refuse, and writes times as the store does.
func (sqliteDialect) argument(c column, value any) (any, *graphqlError) {
	text, isText := value.(string)
	switch {
	case c.typ == "Boolean":
		return value, nil
	case !isText || c.typ == "String":
		return sqlText(value), nil
	case c.typ == "uuid" && !uuidForm.MatchString(text):
		return nil, &graphqlError{Message: fmt.Sprintf("invalid input syntax for type uuid: %q", text), Code: "data-exception"}
	case c.typ == "uuid":
		return strings.ToLower(text), nil
	case c.typ == "timestamptz":
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return nil, &graphqlError{Message: fmt.Sprintf("invalid input syntax for type timestamp with time zone: %q", text), Code: "data-exception"}
		}
		return at.UTC().Format("2006-01-02T15:04:05.000000-07:00"), nil
	}
	return text, nil
}

func (sqliteDialect) list(_ column, n int) string {
	return fmt.Sprintf("(SELECT value FROM json_each(?%d))", n)
}

// listArgument reads the elements of an array that need no quotes.
func (sqliteDialect) listArgument(text string) any {
	elements := []string{}
	for e := range strings.SplitSeq(strings.Trim(text, "{}"), ",") {
		if e = strings.Trim(strings.TrimSpace(e), `"`); e != "" {
			elements = append(elements, e)
		}
	}
	return string(mustJSON(elements))
}

// compare: LIKE in SQLite has no regard for case, and there is nothing like the
// other patterns.
func (sqliteDialect) compare(operator, left, right string) (string, *graphqlError) {
	if sql, ok := comparisons[operator]; ok {
		return left + " " + sql + " " + right, nil
	}
	switch operator {
	case "_ilike":
		return left + " LIKE " + right, nil
	case "_nilike":
		return left + " NOT LIKE " + right, nil
	}
	return "", &graphqlError{Message: operator + " is not supported on SQLite", Code: "not-supported"}
}

func (sqliteDialect) staleReturning() bool { return true }

func (sqliteDialect) inserted(string) string { return "TRUE" }

func (sqliteDialect) distinctOn(string) string { return "" }

var sqliteConstraint = regexp.MustCompile(`CHECK constraint failed: (\w+)`)

func (sqliteDialect) refusal(err error) *graphqlError {
	var lite *sqlite.Error
	if !errors.As(err, &lite) {
		return databaseError(err.Error())
	}
	switch lite.Code() {
	case sqlitelib.SQLITE_CONSTRAINT_CHECK:
		name := "unknown"
		if m := sqliteConstraint.FindStringSubmatch(lite.Error()); m != nil {
			name = m[1]
		}
		table, _, _ := strings.Cut(name, "_") // constraints are named <table>_<column>_check
		return &graphqlError{Message: fmt.Sprintf("Check constraint violation. new row for relation %q violates check constraint %q", table, name), Code: "permission-error"}
	case sqlitelib.SQLITE_CONSTRAINT_NOTNULL:
		return &graphqlError{Message: "Not-NULL violation. " + lite.Error(), Code: "constraint-violation"}
	case sqlitelib.SQLITE_CONSTRAINT_UNIQUE:
		return &graphqlError{Message: "Uniqueness violation. " + lite.Error(), Code: "constraint-violation"}
	}
	return databaseError(lite.Error())
}
