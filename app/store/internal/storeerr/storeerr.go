// Package storeerr gives the errors of every store their one form.
package storeerr

import (
	"context"
	"errors"
	"fmt"

	"hasura-login/app/login"
)

// Explain wraps an error with what the store was doing and, if isUnavailable says that
// the database could not be asked, with login.ErrUnavailable. caller is the context of
// the call without the store's own time limit.
func Explain(caller context.Context, doing string, err error, isUnavailable func(error) bool) error {
	switch {
	case err == nil:
		return nil
	case isKnown(err):
		return fmt.Errorf("%s: %w", doing, err)
	case errors.Is(caller.Err(), context.Canceled):
		return fmt.Errorf("%s: %w", doing, context.Canceled)
	case isUnavailable(err):
		return fmt.Errorf("%s: %w: %w", doing, login.ErrUnavailable, err)
	default:
		return fmt.Errorf("%s: %w", doing, err)
	}
}

// isKnown reports whether an error has a meaning in the domain.
func isKnown(err error) bool {
	for _, known := range []error{
		login.ErrNotFound, login.ErrEmailTaken, login.ErrStale,
		login.ErrTokenUnknown, login.ErrTokenReused, login.ErrUnavailable,
	} {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}
