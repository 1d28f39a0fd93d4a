package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	driver "modernc.org/sqlite"
	codes "modernc.org/sqlite/lib"

	"hasura-login/app/login"
)

// explain wraps an error with what was being done and, where the file could not
// be used just now, with login.ErrUnavailable. caller is the context of the call
// before our own limit was put on it.
func explain(caller context.Context, doing string, err error) error {
	switch {
	case err == nil:
		return nil
	case isOutcome(err):
		return fmt.Errorf("%s: %w", doing, err)
	case errors.Is(caller.Err(), context.Canceled):
		return fmt.Errorf("%s: %w", doing, context.Canceled)
	case isUnavailable(err):
		return fmt.Errorf("%s: %w: %w", doing, login.ErrUnavailable, err)
	default:
		return fmt.Errorf("%s: %w", doing, err)
	}
}

// isOutcome tells what the domain knows from what went wrong.
func isOutcome(err error) bool {
	for _, known := range []error{
		login.ErrNotFound, login.ErrEmailTaken, login.ErrStale, login.ErrTokenUnknown, login.ErrTokenReused,
	} {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
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
	return errors.As(err, &answer) && answer.Code() == codes.SQLITE_CONSTRAINT_UNIQUE && strings.Contains(answer.Error(), column)
}
