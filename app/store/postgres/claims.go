package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"hasura-login/app/login"
)

var _ login.ClaimsFunction = (*Store)(nil)

// defaultClaims is the body of the default of auth.claims, as the migration makes it.
const defaultClaims = `SELECT ''{}''::jsonb /* the default */`

// asksForClaims is true if the project has replaced auth.claims, or renamed it: the caller
// still finds it then. It is part of statements that run anyway: one look into an index,
// and only once for each statement.
const asksForClaims = `COALESCE((
		SELECT p.prosrc <> '` + defaultClaims + `' FROM pg_catalog.pg_proc p
		WHERE p.proname = 'claims' AND p.proargtypes = '2950'::oidvector AND p.pronamespace = 'auth'::regnamespace
	), to_regprocedure('auth.call_claims(uuid)') IS NOT NULL)`

const (
	// claimsLimit is in force for one transaction. Nothing that the function does lifts it:
	// the limit of a statement is the one at its start.
	claimsLimit = `SELECT set_config('statement_timeout', '50ms', true), set_config('transaction_read_only', 'on', true)`
	// callClaims calls a function that the project has replaced, once, and does not send
	// what is too long.
	callClaims = `
		WITH answer AS MATERIALIZED (SELECT auth.call_claims($1)::text AS claims WHERE ` + asksForClaims + `)
		SELECT octet_length(claims), CASE WHEN octet_length(claims) <= $2 THEN claims END FROM answer`
)

// CallClaims implements login.ClaimsFunction.
func (s *Store) CallClaims(ctx context.Context, userID string) (claims map[string]string, err error) {
	err = s.call(ctx, "asking for claims", func(ctx context.Context) error {
		var length *int
		var answer *string
		var batch pgx.Batch
		batch.Queue(claimsLimit)
		batch.Queue(callClaims, userID, login.MaxClaimsBytes).QueryRow(func(row pgx.Row) error { return row.Scan(&length, &answer) })
		switch err := s.pool.SendBatch(ctx, &batch); {
		case errors.Is(err, pgx.ErrNoRows):
			return nil // the default
		case err != nil:
			return orClaimsFault(err)
		case length == nil:
			return &login.ClaimsFault{Reason: login.ClaimsMalformed, Detail: "the answer is NULL"}
		case answer == nil:
			return &login.ClaimsFault{Reason: login.ClaimsTooLarge, Detail: fmt.Sprintf("the answer has %d bytes, of at most %d", *length, login.MaxClaimsBytes)}
		}
		claims, err = decodeClaims(*answer)
		return err
	})
	return claims, err
}

// notOfTheFunction lists SQLSTATEs, or classes of them, that the function itself does
// not cause.
var notOfTheFunction = []string{"08", "28", "3D000", "40", "53", "57P", "58"}

// orClaimsFault tells the function's own errors from those of a database that cannot be
// asked. The text of an error may quote rows, so only that about names and rights is kept.
func orClaimsFault(err error) error {
	var answer *pgconn.PgError
	if !errors.As(err, &answer) || slices.ContainsFunc(notOfTheFunction, func(prefix string) bool { return strings.HasPrefix(answer.Code, prefix) }) {
		return err
	}
	fault := &login.ClaimsFault{Reason: login.ClaimsFailed, Detail: "SQLSTATE " + answer.Code}
	switch {
	case answer.Code == queryCanceled:
		fault.Reason = login.ClaimsSlow
	case strings.HasPrefix(answer.Code, "42"), answer.Code == readOnlyTransaction:
		fault.Detail += ": " + answer.Message
	}
	return fault
}

// decodeClaims turns the function's answer into session variables: a string stays as it
// is, a list of strings becomes the literal of a Postgres array, which is how Hasura
// reads one.
func decodeClaims(answer string) (map[string]string, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal([]byte(answer), &members); err != nil || members == nil {
		return nil, &login.ClaimsFault{Reason: login.ClaimsMalformed, Detail: "the answer is not a JSON object"}
	}
	claims := make(map[string]string, len(members))
	for name, raw := range members {
		value, err := decodeClaim(raw)
		if err != nil {
			return nil, &login.ClaimsFault{Reason: login.ClaimsMalformed, Detail: fmt.Sprintf("%q is neither a string nor a list of strings", name)}
		}
		claims[name] = value
	}
	return claims, nil
}

var arrays = pgtype.NewMap()

func decodeClaim(raw json.RawMessage) (string, error) {
	var value *string
	if err := json.Unmarshal(raw, &value); err == nil && value != nil {
		return *value, nil
	}
	var list []*string
	if err := json.Unmarshal(raw, &list); err != nil || list == nil || slices.Contains(list, nil) {
		return "", errors.New("no claim")
	}
	literal, err := arrays.Encode(pgtype.TextArrayOID, pgtype.TextFormatCode, list, nil)
	return string(literal), err
}
