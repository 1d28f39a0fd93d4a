package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"hasura-login/app/login"
)

// Chain is a user who refreshes again and again, as a client does that meets
// trouble: after an error it presents the same token once more. Its clock stands
// still, so the grace never passes however slow the machine is.
type Chain struct {
	store    login.Store
	now      time.Time
	token    login.TokenHash
	proposed map[string]login.TokenHash // child by nonce, of every try with token
	before   *Chain                     // as it was at the last exchange
}

// NewChain creates a user with a session.
func NewChain(t *testing.T, store login.Store, email string) *Chain {
	t.Helper()
	k := newKit(t, store)
	return &Chain{
		store: store, now: k.now, token: k.session(k.user(email)).Token,
		proposed: make(map[string]login.TokenHash),
	}
}

// Step exchanges the token. login.ErrUnavailable or the context's error leaves
// the chain at the same token; any other error means that the way on is lost.
func (c *Chain) Step(ctx context.Context) error {
	r := newRotation(c.token, c.now)
	c.proposed[string(r.Nonce)] = r.Child
	got, err := c.store.RotateToken(ctx, r)
	if err != nil {
		return err
	}
	child, ours := c.proposed[string(got.Nonce)]
	if !ours {
		return errors.New("the nonce belongs to none of the tries")
	}
	c.before = &Chain{token: c.token, proposed: c.proposed}
	c.token, c.proposed = child, make(map[string]login.TokenHash)
	return nil
}

// Back forgets the answer to the last exchange, as a client does that it did not
// reach.
func (c *Chain) Back() {
	c.token, c.proposed = c.before.token, c.before.proposed
}

// Reuse presents the token of the last exchange once more, after the grace.
func (c *Chain) Reuse(ctx context.Context) error {
	_, err := c.store.RotateToken(ctx, newRotation(c.before.token, c.now.Add(time.Hour)))
	return err
}

// Steps makes n exchanges, trying again where the store was unavailable, and
// returns how often it was.
func (c *Chain) Steps(ctx context.Context, n int) (unavailable int, err error) {
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
