package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sync/semaphore"
)

// Every statement is prepared once and kept: SQLite takes longer to read most of
// them than to run them.

// reader is several connections that read.
type reader struct {
	*sql.DB
	prepared sync.Map // *sql.Stmt by its text
}

func (r *reader) statement(ctx context.Context, query string) (*sql.Stmt, error) {
	if known, ok := r.prepared.Load(query); ok {
		return known.(*sql.Stmt), nil
	}
	stmt, err := r.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	if first, lost := r.prepared.LoadOrStore(query, stmt); lost {
		return first.(*sql.Stmt), stmt.Close()
	}
	return stmt, nil
}

// QueryRowContext is that of a sql.DB.
func (r *reader) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	stmt, err := r.statement(ctx, query)
	if err != nil {
		return r.DB.QueryRowContext(ctx, query, args...) // a sql.Row with that error
	}
	return stmt.QueryRowContext(ctx, args...)
}

// QueryContext is that of a sql.DB.
func (r *reader) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	stmt, err := r.statement(ctx, query)
	if err != nil {
		return nil, err
	}
	return stmt.QueryContext(ctx, args...)
}

// writer is the one connection that writes.
type writer struct {
	db *sql.DB
	tx *transaction
	// turn is whose turn it is to write, first come, first served. database/sql
	// hands a connection to any of those who wait, and under load some would wait
	// for seconds.
	turn *semaphore.Weighted
}

func newWriter(path string) (*writer, error) {
	db, err := connect(path, 1)
	if err != nil {
		return nil, err
	}
	conn, err := db.Conn(context.Background())
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening the database file: %w", err), db.Close())
	}
	return &writer{db: db, tx: &transaction{conn: conn, prepared: map[string]*sql.Stmt{}}, turn: semaphore.NewWeighted(1)}, nil
}

// Close closes the file; a transaction in flight is rolled back.
func (w *writer) Close() error {
	return errors.Join(w.tx.conn.Close(), w.db.Close())
}

// transact runs f when it is its turn, and commits unless f fails.
func (w *writer) transact(ctx context.Context, f func(context.Context, *transaction) error) (err error) {
	if err := w.turn.Acquire(ctx, 1); err != nil {
		return err
	}
	defer w.turn.Release(1)
	committed := false
	defer func() {
		if !committed {
			// It fails if there is nothing to roll back. But a statement may have run
			// although its caller left before the answer, BEGIN included.
			_, _ = w.tx.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
		}
	}()
	if _, err := w.tx.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	if err := f(ctx, w.tx); err != nil {
		return err
	}
	_, err = w.tx.ExecContext(ctx, "COMMIT")
	committed = err == nil
	return err
}

// transaction is the writer's connection while it is somebody's turn.
type transaction struct {
	conn     *sql.Conn
	prepared map[string]*sql.Stmt
}

func (t *transaction) statement(ctx context.Context, query string) (*sql.Stmt, error) {
	if stmt, ok := t.prepared[query]; ok {
		return stmt, nil
	}
	stmt, err := t.conn.PrepareContext(ctx, query)
	if err == nil {
		t.prepared[query] = stmt
	}
	return stmt, err
}

// ExecContext is that of a sql.Tx.
func (t *transaction) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	stmt, err := t.statement(ctx, query)
	if err != nil {
		return nil, err
	}
	return stmt.ExecContext(ctx, args...)
}

// QueryRowContext is that of a sql.Tx.
func (t *transaction) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	stmt, err := t.statement(ctx, query)
	if err != nil {
		return t.conn.QueryRowContext(ctx, query, args...) // a sql.Row with that error
	}
	return stmt.QueryRowContext(ctx, args...)
}
