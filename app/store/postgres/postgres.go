// Package postgres keeps users, accounts, sessions and refresh tokens in Postgres, in
// the tables that hasura/migrations makes. It creates and alters no tables: its role
// only has rights on rows.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"hasura-login/app/login"
	"hasura-login/app/store/internal/tokenfamily"
)

// callTimeout bounds every call, the wait for a connection included. The
// server's statement_timeout is the same, so that a statement whose caller has
// given up does not go on holding locks.
const callTimeout = 5 * time.Second

// deadlockPause is how long the other side of a deadlock gets to go on.
const deadlockPause = 50 * time.Millisecond

// Store implements login.Store.
type Store struct {
	pool          *conns
	source        *source
	presence      atomic.Pointer[presence]
	organizations bool // whether there are tables for them

	observe func(doing string, err error, took time.Duration) // nil: no one is told

	nextDrop atomic.Int64 // nanoseconds since 1970, see dropReadOnly
	spent    tokenfamily.Spent[string]

	exchanges exchanges
}

var _ login.Store = (*Store)(nil)

// Open makes a store on the database that url names. It connects to nothing yet
// and does not fail when the database is down or has no tables: methods then
// answer login.ErrUnavailable, and work as soon as the database does.
//
// url is asked again for every new connection, so that user and password can
// rotate while connections of the old ones are in use; see Refresh. It is an
// error only if url gives none, or one that cannot be read. The text of that
// error does not repeat the URL, which may hold a password.
//
// The pool holds at most 20 connections, unless the URL says otherwise with
// pool_max_conns.
func Open(ctx context.Context, url func() (string, error)) (*Store, error) {
	src := &source{url: url}
	config, err := src.poolConfig()
	if err != nil {
		return nil, err
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, errors.New("the database URL's pool settings are not usable")
	}
	limit := func() string { return strconv.FormatInt(src.milliseconds.Load(), 10) }
	s := &Store{pool: &conns{pool, &src.eachLimited, limit}, source: src}
	s.exchanges.run = s.exchangeAll
	s.presence.Store(newPresence())
	return s, nil
}

// Refresh asks for the URL and, if it has changed, retires the connections made with
// the old one: idle ones at once, those in use when they come back. It reports whether
// the URL had changed. When pg_stat_activity no longer shows the old role, no
// connection uses it any more.
func (s *Store) Refresh() (changed bool, err error) {
	changed, err = s.source.renewed()
	if changed {
		s.pool.pool.Reset()
	}
	return changed, err
}

// Observe sets a function that is called after every call: what was done (in a few
// words of a closed list), how it ended, and how long it took. It must be set before
// the first call.
func (s *Store) Observe(observe func(doing string, err error, took time.Duration)) {
	s.observe = observe
}

// Close waits for calls in flight and closes every connection.
func (s *Store) Close() error {
	s.pool.pool.Close()
	return nil
}

// call runs f within the time limit. It tries f a second time if nothing was sent
// because a pooled connection had died: a restart of Postgres costs only the calls in
// flight. It also tries again if nothing was done because the server only reads, because
// the connection turned out to lead to a pooler, or because of a deadlock.
// Deadlocks can happen when an application changes an address: it locks the user before
// the account, but everything here begins with the account.
func (s *Store) call(caller context.Context, doing string, f func(context.Context) error) error {
	return s.callWithin(caller, callTimeout, doing, f)
}

func (s *Store) callWithin(caller context.Context, limit time.Duration, doing string, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(caller, limit)
	defer cancel()
	begun := time.Now()
	err := errAway
	if present := s.presence.Load().ctx; present.Err() == nil {
		unbind := context.AfterFunc(present, cancel)
		err = s.tryAgain(ctx, f)
		unbind()
		if err != nil && present.Err() != nil {
			err = fmt.Errorf("%w: %w", errAway, err)
		}
	}
	err = explain(caller, doing, err)
	if s.observe != nil {
		s.observe(doing, err, time.Since(begun))
	}
	return err
}

func (s *Store) tryAgain(ctx context.Context, f func(context.Context) error) error {
	err := f(ctx)
	again := pgconn.SafeToRetry(err) || errors.Is(err, errPooler)
	if violates(err, readOnlyTransaction, "") {
		again = s.dropReadOnly()
	}
	if again && ctx.Err() == nil {
		err = f(ctx)
	}
	// Until the other side, which waited for the same row, has it: Postgres gives a free row
	// to the first that asks.
	for violates(err, deadlock, "") && sleep(ctx, deadlockPause) == nil {
		err = f(ctx)
	}
	return err
}

// sleep ends early, with an error, if the context does.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// dropReadOnly retires every connection, at most once a second, and reports whether it
// did: after a failover the old primary may go on serving connections that only read,
// while new ones reach its successor.
func (s *Store) dropReadOnly() bool {
	now, next := time.Now().UnixNano(), s.nextDrop.Load()
	if now < next || !s.nextDrop.CompareAndSwap(next, now+int64(time.Second)) {
		return false
	}
	s.pool.pool.Reset()
	return true
}

// exec runs one statement and answers none if it touched no row.
func (s *Store) exec(ctx context.Context, doing string, none error, sql string, args ...any) error {
	return s.call(ctx, doing, func(ctx context.Context) error {
		tag, err := s.pool.Exec(ctx, sql, args...)
		if err == nil && tag.RowsAffected() == 0 {
			return none
		}
		return err
	})
}

// utc gives a time of the database in the zone the domain speaks; NULL is zero.
func utc(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

// orNull is the other way: the zero time is NULL.
func orNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
