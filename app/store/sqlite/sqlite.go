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

	_ "modernc.org/sqlite" // the driver

	"hasura-login/app/login"
	"hasura-login/app/store/internal/tokenfamily"
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

// Store implements login.Store. SQLite has one writer at a time: all writes go through
// one connection, so that none fails with "database is locked". Reads run at the same
// time (write-ahead log).
type Store struct {
	read  *reader
	write *writer
	spent tokenfamily.Spent[string]

	observe func(doing string, err error, took time.Duration) // nil: no one is told
}

var _ login.Store = (*Store)(nil)

// Open opens the database file, or creates it so that only its owner can read it, and
// adds missing tables. Its folder must exist.
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
	write, err := newWriter(path)
	if err != nil {
		return nil, err
	}
	read, err := connect(path, readers)
	if err != nil {
		return nil, errors.Join(err, write.Close())
	}
	s := &Store{write: write, read: &reader{DB: read}}
	err = s.update(context.Background(), "making the tables", makeTables)
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func connect(path string, connections int) (*sql.DB, error) {
	settings := url.Values{
		"_busy_timeout": {fmt.Sprint(busyTimeout.Milliseconds())},
		"_journal_mode": {"WAL"},
		"_synchronous":  {"NORMAL"},
		"_foreign_keys": {"on"},
		"_dqs":          {"false"},
		// The writer that fills the log copies it into the database and waits for the
		// disk; with SQLite's default of 1000 pages that would be one refresh in a
		// hundred.
		"_pragma": {"wal_autocheckpoint(4000)"},
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
func (s *Store) DB() *sql.DB { return s.read.DB }

// Ping implements login.Store. It overwrites an unused number in the file's header with
// itself, so a full disk or a read-only file is noticed.
func (s *Store) Ping(ctx context.Context) error {
	err := s.view(ctx, "pinging the database", func(ctx context.Context, db *reader) error {
		var n int
		return db.QueryRowContext(ctx, `SELECT count(*) FROM (SELECT 1 FROM users LIMIT 1)`).Scan(&n)
	})
	if err != nil {
		return err
	}
	return s.update(ctx, "writing to the database", func(ctx context.Context, tx *transaction) error {
		_, err := tx.ExecContext(ctx, `PRAGMA user_version = 0`)
		return err
	})
}

// Close waits for calls in flight and closes the file.
func (s *Store) Close() error {
	return errors.Join(s.read.Close(), s.write.Close())
}

// Observe sets a function that is called after every call: what was done (in a few
// words of a closed list), how it ended, and how long it took. It must be set before
// the first call.
func (s *Store) Observe(observe func(doing string, err error, took time.Duration)) {
	s.observe = observe
}

// view runs f, which only reads, within the time limit.
func (s *Store) view(caller context.Context, doing string, f func(context.Context, *reader) error) error {
	return s.call(caller, doing, func(ctx context.Context) error { return f(ctx, s.read) })
}

// update runs f in the only transaction that may write, within the time limit. It
// commits unless f fails.
func (s *Store) update(caller context.Context, doing string, f func(context.Context, *transaction) error) error {
	return s.call(caller, doing, func(ctx context.Context) error { return s.write.transact(ctx, f) })
}

func (s *Store) call(caller context.Context, doing string, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(caller, callTimeout)
	defer cancel()
	begun := time.Now()
	err := explain(caller, doing, f(ctx))
	if s.observe != nil {
		s.observe(doing, err, time.Since(begun))
	}
	return err
}

// listOf reads every row of a query.
func listOf[T any](ctx context.Context, s *Store, doing string, read func(scanner) (T, error), query string, args ...any) (all []T, err error) {
	err = s.view(ctx, doing, func(ctx context.Context, db *reader) error {
		rows, err := db.QueryContext(ctx, query, args...)
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			each, err := read(rows)
			if err != nil {
				return err
			}
			all = append(all, each)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// execOne runs one statement in f's transaction and answers none if it touched
// no row.
func execOne(ctx context.Context, tx *transaction, none error, query string, args ...any) error {
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
