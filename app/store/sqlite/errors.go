package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	driver "modernc.org/sqlite"
	codes "modernc.org/sqlite/lib"

	"hasura-login/app/store/internal/storeerr"
)

func explain(caller context.Context, doing string, err error) error {
	return storeerr.Explain(caller, doing, err, isUnavailable)
}

func isUnavailable(err error) bool {
	var answer *driver.Error
	if errors.As(err, &answer) {
		switch answer.Code() & 0xff { // the primary code
		case codes.SQLITE_BUSY, codes.SQLITE_LOCKED, codes.SQLITE_IOERR, codes.SQLITE_FULL,
			codes.SQLITE_CANTOPEN, codes.SQLITE_READONLY, codes.SQLITE_INTERRUPT:
			return true
		}
		return false
	}
	// database/sql has no value for a handle that was closed.
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, sql.ErrConnDone) ||
		errors.Is(err, sql.ErrTxDone) || strings.HasSuffix(err.Error(), "database is closed")
}

func isUniqueViolation(err error, column string) bool {
	var answer *driver.Error
	return errors.As(err, &answer) && (answer.Code() == codes.SQLITE_CONSTRAINT_UNIQUE || answer.Code() == codes.SQLITE_CONSTRAINT_PRIMARYKEY) && strings.Contains(answer.Error(), column)
}

// isRaised reports whether a trigger refused with the given message.
func isRaised(err error, reason string) bool {
	var answer *driver.Error
	return errors.As(err, &answer) && answer.Code() == codes.SQLITE_CONSTRAINT_TRIGGER && strings.Contains(answer.Error(), reason)
}
