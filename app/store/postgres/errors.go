package postgres

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/puddle/v2"

	"hasura-login/app/store/internal/storeerr"
)

// SQLSTATEs that methods give a meaning of their own.
const (
	uniqueViolation     = "23505"
	foreignKeyViolation = "23503"
	readOnlyTransaction = "25006"
	queryCanceled       = "57014" // by its time limit, too
	limitExceeded       = "53400"
	checkViolation      = "23514"
	deadlock            = "40P01"
)

// unavailable lists the SQLSTATEs, or classes of them, that say "not now" rather
// than "wrong": https://www.postgresql.org/docs/current/errcodes-appendix.html
var unavailable = []string{
	"08",    // connection exceptions
	"25006", // read-only transaction: a standby, or a primary being demoted
	"28",    // the role or its password is refused
	"3D000", // no such database
	"3F000", // no such schema: before the migrations
	"40",    // deadlock or serialisation failure: rolled back
	"42P01", // no such table: before the migrations
	"42501", // insufficient privilege: before the grants
	"42703", // no such column: before the migration that adds it
	"53",    // out of connections, memory or disk
	"55P03", // a lock was not to be had in time
	"57",    // shut down, starting up, statement timeout
	"58",    // I/O error of the server
}

func explain(caller context.Context, doing string, err error) error {
	return storeerr.Explain(caller, doing, err, isUnavailable)
}

func isUnavailable(err error) bool {
	var answer *pgconn.PgError
	if errors.As(err, &answer) {
		for _, prefix := range unavailable {
			if strings.HasPrefix(answer.Code, prefix) {
				return true
			}
		}
		return false
	}
	var connecting *pgconn.ConnectError
	var network net.Error
	return errors.As(err, &connecting) || errors.As(err, &network) || errors.Is(err, errNotReplicated) || errors.Is(err, errAway) || errors.Is(err, errOldPrimary) ||
		pgconn.Timeout(err) || pgconn.SafeToRetry(err) ||
		errors.Is(err, context.DeadlineExceeded) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, pgconn.ErrConnClosed) || errors.Is(err, puddle.ErrClosedPool)
}

// violates reports whether err is a violation of the given kind and, if one is named,
// of that constraint.
func violates(err error, sqlstate, constraint string) bool {
	var answer *pgconn.PgError
	return errors.As(err, &answer) && answer.Code == sqlstate &&
		(constraint == "" || answer.ConstraintName == constraint)
}
