package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"hasura-login/app/login"
)

// Family is a user who refreshes again and again like a client with a bad connection:
// after an error it presents the same token again. Its clock stands still.
type Family struct {
	store    login.Store
	now      time.Time
	token    login.TokenKey
	proposed map[string]login.TokenKey // child by nonce, of every try with token
	before   *Family                   // as it was at the last exchange
}

// NewFamily creates a user with a session.
func NewFamily(t *testing.T, store login.Store, email string) *Family {
	t.Helper()
	k := newKit(t, store)
	return &Family{
		store: store, now: k.now, token: k.session(k.user(email)).Token,
		proposed: make(map[string]login.TokenKey),
	}
}

// On goes on at another store, or at the same that was opened again.
func (c *Family) On(store login.Store) { c.store = store }

// Step exchanges the token. login.ErrUnavailable or the context's error leaves
// the family at the same token; any other error means that the way on is lost.
func (c *Family) Step(ctx context.Context) error {
	r := newRotation(c.token, c.now)
	c.proposed[string(r.Nonce)] = childOf(r)
	got, err := c.store.RotateToken(ctx, r)
	if err != nil {
		return err
	}
	if len(got.Nonces) != 1 {
		return fmt.Errorf("%d nonces lead to the next token, want 1", len(got.Nonces))
	}
	child, ours := c.proposed[string(got.Nonces[0])]
	if !ours {
		return errors.New("the nonce belongs to none of the tries")
	}
	c.before = &Family{token: c.token, proposed: c.proposed, before: c.before}
	c.token, c.proposed = child, make(map[string]login.TokenKey)
	return nil
}

// Back forgets the answer to the last exchange, as a client does that it did not
// reach.
func (c *Family) Back() {
	c.token, c.proposed, c.before = c.before.token, c.before.proposed, c.before.before
}

// Reuse presents the token before the last one again, after the grace.
func (c *Family) Reuse(ctx context.Context) error {
	r := newRotation(c.before.before.token, c.now)
	r.Grace = noGrace
	_, err := c.store.RotateToken(ctx, r)
	return err
}

// Steps makes n exchanges, trying again where the store was unavailable, and
// returns how often it was.
func (c *Family) Steps(ctx context.Context, n int) (unavailable int, err error) {
	for done := 0; done < n; {
		switch err := c.Step(ctx); {
		case err == nil:
			done++
		case errors.Is(err, login.ErrUnavailable) && ctx.Err() == nil:
			unavailable++
		default:
			return unavailable, fmt.Errorf("after %d exchanges and %d failures: %w", done, unavailable, err)
		}
	}
	return unavailable, nil
}
