package standin

import (
	"context"
	"database/sql"
	"encoding/json"

	"hasura-login/dev/standin/metadata"
)

// Dialect names the kind of database behind Config.DB.
type Dialect string

// The dialects.
const (
	Postgres Dialect = "postgres"
	SQLite   Dialect = "sqlite"
)

// querier is a *sql.DB or a *sql.Tx.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// rowsOf reads every row of a query.
func rowsOf[T any](ctx context.Context, db querier, scan func(*sql.Rows) (T, error), query string, args ...any) ([]T, error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var list []T
	for rows.Next() {
		each, err := scan(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, each)
	}
	return list, rows.Err()
}

// column of a tracked table.
type column struct {
	name     string
	typ      string // GraphQL type: String, Int, uuid, timestamptz …
	sqlType  string // type to cast an argument to
	list     bool   // an array of typ
	nullable bool
	key      bool // part of the primary key
}

// constraint is a primary key or another unique constraint.
type constraint struct {
	name    string
	columns []string
}

// foreignKey maps columns of a table to the columns that they refer to.
type foreignKey struct {
	to      metadata.TableName
	columns map[string]string
}

// dialect is what differs between the databases.
type dialect interface {
	// columns describes a table; none if it is not there.
	columns(ctx context.Context, db querier, table metadata.TableName) ([]column, error)
	constraints(ctx context.Context, db querier, table metadata.TableName) ([]constraint, error)
	foreignKeys(ctx context.Context, db querier, table metadata.TableName) ([]foreignKey, error)
	// table is the table's name in a statement.
	table(name metadata.TableName) string
	// output makes an expression of a value whose text decode turns into JSON.
	output(expression string) string
	decode(c column, text string) json.RawMessage
	// placeholder stands for the n-th argument, counted from 1, as a value of the
	// column's type; argument is what to bind to it.
	placeholder(c column, n int) string
	argument(c column, value any) (any, *graphqlError)
	// list is the right side of IN for the n-th argument, an array of the column's type
	// that a session variable holds as text; listArgument is what to bind to it.
	list(c column, n int) string
	listArgument(text string) any
	// compare is the condition for one of Hasura's operators on text or values.
	compare(operator, left, right string) (string, *graphqlError)
	// refusal translates the database's error.
	refusal(err error) *graphqlError
	// staleReturning: RETURNING shows rows as they were before triggers touched them.
	staleReturning() bool
	// inserted tells, in RETURNING, a new row from one that ON CONFLICT updated.
	inserted(table string) string
	// distinctOn begins a SELECT that keeps the first row of each value; "" if there is
	// no such thing.
	distinctOn(columns string) string
}

func dialectFor(d Dialect) dialect {
	if d == SQLite {
		return sqliteDialect{}
	}
	return postgresDialect{}
}

// comparisons are the operators that both databases spell alike.
var comparisons = map[string]string{
	"_eq": "=", "_neq": "<>", "_gt": ">", "_lt": "<", "_gte": ">=", "_lte": "<=",
}

func databaseError(internal string) *graphqlError {
	return &graphqlError{Message: "database query error", Code: "unexpected", Status: 500, Internal: internal}
}
