package standin

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"hasura-login/dev/standin/metadata"
)

type postgresDialect struct{}

// graphQLNames are the Postgres types whose GraphQL name is another.
var graphQLNames = map[string]string{
	"text": "String", "varchar": "String", "int4": "Int", "float4": "Float", "bool": "Boolean",
	"int8": "bigint", "int2": "smallint",
}

func (postgresDialect) columns(ctx context.Context, db querier, table metadata.TableName) ([]column, error) {
	return rowsOf(ctx, db, func(rows *sql.Rows) (c column, err error) {
		err = rows.Scan(&c.name, &c.typ, &c.sqlType, &c.list, &c.nullable, &c.key)
		if name, ok := graphQLNames[c.typ]; ok {
			c.typ = name
		}
		return c, err
	}, `
		SELECT a.attname, coalesce(e.typname, t.typname), format_type(a.atttypid, NULL), e.oid IS NOT NULL,
		       NOT a.attnotnull, coalesce(a.attnum = ANY (i.indkey), false)
		FROM pg_attribute a
		JOIN pg_type t ON t.oid = a.atttypid
		LEFT JOIN pg_type e ON e.oid = t.typelem AND t.typcategory = 'A'
		LEFT JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary
		WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped
		ORDER BY a.attnum`, postgresDialect{}.table(table))
}

func (postgresDialect) table(name metadata.TableName) string {
	return pgx.Identifier{name.Schema, name.Name}.Sanitize()
}

// The columns come as one JSON text, because database/sql reads no arrays.
func (postgresDialect) constraints(ctx context.Context, db querier, table metadata.TableName) ([]constraint, error) {
	return rowsOf(ctx, db, func(rows *sql.Rows) (c constraint, err error) {
		var columns []byte
		if err := rows.Scan(&c.name, &columns); err != nil {
			return c, err
		}
		err = json.Unmarshal(columns, &c.columns)
		return c, err
	}, `
		SELECT c.conname, (SELECT json_agg(a.attname ORDER BY k.n)::text FROM unnest(c.conkey) WITH ORDINALITY k (num, n)
		                   JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.num)
		FROM pg_constraint c WHERE c.conrelid = to_regclass($1) AND c.contype IN ('p', 'u') ORDER BY c.conname`, postgresDialect{}.table(table))
}

func (postgresDialect) foreignKeys(ctx context.Context, db querier, table metadata.TableName) ([]foreignKey, error) {
	return rowsOf(ctx, db, func(rows *sql.Rows) (k foreignKey, err error) {
		var columns []byte
		if err := rows.Scan(&k.to.Schema, &k.to.Name, &columns); err != nil {
			return k, err
		}
		err = json.Unmarshal(columns, &k.columns)
		return k, err
	}, `
		SELECT n.nspname, t.relname,
		       (SELECT json_object_agg(a.attname, b.attname)::text FROM unnest(c.conkey, c.confkey) k (num, other)
		        JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.num
		        JOIN pg_attribute b ON b.attrelid = c.confrelid AND b.attnum = k.other)
		FROM pg_constraint c JOIN pg_class t ON t.oid = c.confrelid JOIN pg_namespace n ON n.oid = t.relnamespace
		WHERE c.conrelid = to_regclass($1) AND c.contype = 'f' ORDER BY c.conname`, postgresDialect{}.table(table))
}

func (postgresDialect) output(expression string) string { return "to_json(" + expression + ")::text" }

func (postgresDialect) decode(_ column, text string) json.RawMessage { return json.RawMessage(text) }

// placeholder casts from text, so that it is Postgres that refuses a bad uuid.
func (postgresDialect) placeholder(c column, n int) string {
	return fmt.Sprintf("($%d::text)::%s", n, c.sqlType)
}

func (postgresDialect) argument(c column, value any) (any, *graphqlError) {
	if (c.typ == "json" || c.typ == "jsonb") && value != nil {
		return string(mustJSON(value)), nil
	}
	return sqlText(value), nil
}

func (postgresDialect) list(c column, n int) string {
	return fmt.Sprintf("(SELECT unnest(($%d::text)::%s[]))", n, c.sqlType)
}

func (postgresDialect) listArgument(text string) any { return text }

func (postgresDialect) compare(operator, left, right string) (string, *graphqlError) {
	sql, ok := comparisons[operator]
	if !ok {
		sql = map[string]string{
			"_like": "LIKE", "_nlike": "NOT LIKE", "_ilike": "ILIKE", "_nilike": "NOT ILIKE",
			"_similar": "SIMILAR TO", "_nsimilar": "NOT SIMILAR TO",
			"_regex": "~", "_nregex": "!~", "_iregex": "~*", "_niregex": "!~*",
		}[operator]
	}
	return left + " " + sql + " " + right, nil
}

func (postgresDialect) staleReturning() bool { return false }

func (postgresDialect) inserted(table string) string { return table + ".xmax = 0" }

func (postgresDialect) distinctOn(columns string) string {
	return "SELECT DISTINCT ON (" + columns + ")"
}

// refusal follows Hasura's table of SQLSTATEs.
func (postgresDialect) refusal(err error) *graphqlError {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return &graphqlError{Message: "connection error", Code: "postgres-error", Status: 500, Internal: err.Error()}
	}
	prefixes := map[string]string{
		"23505": "Uniqueness violation. ", "23502": "Not-NULL violation. ", "23503": "Foreign key violation. ",
		"23P01": "Exclusion violation. ", "23001": "Can not delete or update due to data being referred. ",
	}
	switch {
	case prefixes[pg.Code] != "":
		return &graphqlError{Message: prefixes[pg.Code] + pg.Message, Code: "constraint-violation"}
	case pg.Code == "23514":
		return &graphqlError{Message: "Check constraint violation. " + pg.Message, Code: "permission-error"}
	case pg.Code == "22025": // a LIKE pattern's escape
		return &graphqlError{Message: pg.Message, Code: "bad-request"}
	case strings.HasPrefix(pg.Code, "22"):
		return &graphqlError{Message: pg.Message, Code: "data-exception"}
	case pg.Code == "53300":
		return &graphqlError{Message: "max connections reached on postgres", Code: "postgres-max-connections-error", Status: 500}
	default:
		return databaseError(pg.Message)
	}
}

// quote quotes an identifier for either database.
func quote(name string) string { return pgx.Identifier{name}.Sanitize() }

// sqlText is a coerced value as the text that Postgres casts; nil stays NULL.
func sqlText(value any) any {
	switch v := value.(type) {
	case nil, string:
		return v
	case json.Number:
		return v.String()
	case bool:
		return fmt.Sprint(v)
	case []any:
		return arrayLiteral(v)
	default:
		return string(mustJSON(v))
	}
}

// arrayLiteral is the text of a Postgres array.
func arrayLiteral(values []any) string {
	elements := make([]string, len(values))
	for i, v := range values {
		if v == nil {
			elements[i] = "NULL"
			continue
		}
		elements[i] = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(fmt.Sprint(sqlText(v))) + `"`
	}
	return "{" + strings.Join(elements, ",") + "}"
}
