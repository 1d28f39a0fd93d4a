// Package sqlite keeps users, accounts, sessions and refresh tokens in one file,
// for development and small installations on one machine. It makes its own
// tables: users and those that begin with auth_.
package sqlite

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/semaphore"
	_ "modernc.org/sqlite" // the driver

	"hasura-login/app/login"
)

const (
	// callTimeout bounds every call, its wait for the one writer included.
	callTimeout = 5 * time.Second
	// busyTimeout is how long SQLite waits for another process that writes.
	busyTimeout = 4 * time.Second
	readers     = 4
)

//go:embed schema.sql
var schema string

// Store implements login.Store. SQLite has one writer at a time: all writing
// goes through one connection, so that none meets "database is locked". Reading
// goes on beside it (write-ahead log).
type Store struct {
	write, read *sql.DB
	// turn is whose turn it is to write, first come, first served. database/sql
	// hands a connection to any of those who wait, and under load some would wait
	// for seconds.
	turn *semaphore.Weighted
}

var _ login.Store = (*Store)(nil)

// Open opens the database file, or makes it, readable by its owner alone, with
// the tables that are missing. Its folder must exist.
func Open(path string) (*Store, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("opening the database file: %w", err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) // #nosec G304 -- the operator's own path
	if err != nil {
		return nil, fmt.Errorf("opening the database file: %w", err)
	}
	if err := f.Close(); err != nil {
		return nil, fmt.Errorf("opening the database file: %w", err)
	}
	write, err := connect(path, 1, "immediate")
	if err != nil {
		return nil, err
	}
	read, err := connect(path, readers, "deferred")
	if err != nil {
		return nil, errors.Join(err, write.Close())
	}
	s := &Store{write: write, read: read, turn: semaphore.NewWeighted(1)}
	err = s.update(context.Background(), "making the tables", func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, schema)
		return err
	})
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func connect(path string, connections int, lock string) (*sql.DB, error) {
	settings := url.Values{
		"_busy_timeout": {fmt.Sprint(busyTimeout.Milliseconds())},
		"_journal_mode": {"WAL"},
		"_synchronous":  {"NORMAL"},
		"_foreign_keys": {"on"},
		"_txlock":       {lock},
		"_dqs":          {"false"},
	}
	name := url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: settings.Encode()}
	db, err := sql.Open("sqlite", name.String())
	if err != nil {
		return nil, fmt.Errorf("opening the database file: %w", err)
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db, nil
}

// DB gives direct SQL to the development stand-in for Hasura, which answers
// queries from users. Writing through it works too, one statement at a time.
func (s *Store) DB() *sql.DB { return s.read }

// Ping implements login.Store.
func (s *Store) Ping(ctx context.Context) error {
	return s.view(ctx, "pinging the database", func(ctx context.Context, db *sql.DB) error {
		var n int
		return db.QueryRowContext(ctx, `SELECT count(*) FROM (SELECT 1 FROM users LIMIT 1)`).Scan(&n)
	})
}

// Close waits for calls in flight and closes the file.
func (s *Store) Close() error {
	return errors.Join(s.read.Close(), s.write.Close())
}

// view runs f, which only reads, within the time limit.
func (s *Store) view(caller context.Context, doing string, f func(context.Context, *sql.DB) error) error {
	ctx, cancel := context.WithTimeout(caller, callTimeout)
	defer cancel()
	return explain(caller, doing, f(ctx, s.read))
}

// update runs f in a transaction that alone may write, within the time limit. It
// commits unless f fails.
func (s *Store) update(caller context.Context, doing string, f func(context.Context, *sql.Tx) error) error {
	ctx, cancel := context.WithTimeout(caller, callTimeout)
	defer cancel()
	return explain(caller, doing, s.transact(ctx, f))
}

func (s *Store) transact(ctx context.Context, f func(context.Context, *sql.Tx) error) error {
	if err := s.turn.Acquire(ctx, 1); err != nil {
		return err
	}
	defer s.turn.Release(1)
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := f(ctx, tx); err != nil {
		_ = tx.Rollback()
		return err
	}
	return tx.Commit()
}

// execOne runs one statement in f's transaction and answers none if it touched
// no row.
func execOne(ctx context.Context, tx *sql.Tx, none error, query string, args ...any) error {
	result, err := tx.ExecContext(ctx, query, args...)
	if err != nil {
		return err
	}
	n, err := result.RowsAffected()
	if err == nil && n == 0 {
		return none
	}
	return err
}
