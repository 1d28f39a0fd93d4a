package standin

import (
	"context"
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
	rows, err := db.QueryContext(ctx, `SELECT name, upper(type), NOT "notnull" AND pk = 0, pk > 0 FROM pragma_table_info(?) ORDER BY cid`, sqliteName(table))
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var columns []column
	for rows.Next() {
		var c column
		if err := rows.Scan(&c.name, &c.sqlType, &c.nullable, &c.key); err != nil {
			return nil, err
		}
		switch {
		case c.sqlType == "INTEGER":
			c.typ = "Int"
		case c.name == "id" || strings.HasSuffix(c.name, "_id"):
			c.typ = "uuid"
		case strings.HasSuffix(c.name, "_at"):
			c.typ = "timestamptz"
		default:
			c.typ = "String"
		}
		columns = append(columns, c)
	}
	return columns, rows.Err()
}

func sqliteName(t metadata.TableName) string {
	if t.Schema == "public" {
		return t.Name
	}
	return t.Schema + "_" + t.Name
}

func (sqliteDialect) table(name metadata.TableName) string { return quote(sqliteName(name)) }

func (sqliteDialect) output(c column) string { return "CAST(" + quote(c.name) + " AS TEXT)" }

func (sqliteDialect) decode(c column, text string) json.RawMessage {
	if c.typ == "Int" {
		return json.RawMessage(text)
	}
	return mustJSON(text)
}

func (sqliteDialect) placeholder(column, int) string { return "?" }

var uuidForm = regexp.MustCompile(`^[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}$`)

// argument refuses what Postgres would refuse, and writes times as the store does.
func (sqliteDialect) argument(c column, value any) (any, *graphqlError) {
	text, isText := value.(string)
	switch {
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
