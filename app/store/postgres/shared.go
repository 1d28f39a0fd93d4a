package postgres

import (
	"context"
	"crypto/rand"
	"time"

	"hasura-login/app/login"
)

// SharedKey returns the random key of that name. The first replica that asks draws it.
func (s *Store) SharedKey(ctx context.Context, name string) (key []byte, err error) {
	const draw = `INSERT INTO auth.shared_keys (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING`
	const read = `SELECT value FROM auth.shared_keys WHERE name = $1`
	fresh := make([]byte, 32)
	_, _ = rand.Read(fresh) // never fails: it ends the process instead
	err = s.call(ctx, "reading a shared key", func(ctx context.Context) error {
		if _, err := s.pool.Exec(ctx, draw, name, fresh); err != nil {
			return err
		}
		return s.pool.QueryRow(ctx, read, name).Scan(&key)
	})
	return key, err
}

// Time returns the time by the clock of the database, the only one that all replicas share.
func (s *Store) Time(ctx context.Context) (at time.Time, err error) {
	err = s.queryRow(ctx, "reading the clock", login.ErrNotFound, `SELECT clock_timestamp()`, nil, func() []any { return []any{&at} })
	return at, err
}
