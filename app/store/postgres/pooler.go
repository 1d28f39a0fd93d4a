package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// A pooler such as pgbouncer in transaction mode gives each transaction to any of its
// own connections, so nothing that a session keeps is there the next time. Through a
// pooler, no statement is prepared, and each transaction carries the time limit. A
// direct connection keeps both for its whole life.

// errPooler asks for another try: a connection that was taken for a direct one
// leads to a pooler.
var errPooler = errors.New("connected through a pooler")

// setLimit sets the time limit of statements, for the session or, if $2 is true,
// for the transaction.
const setLimit = `SELECT set_config('statement_timeout', $1::text, $2::boolean)`

// conns runs statements on pooled connections, each with its time limit whichever way
// the connection leads.
type conns struct {
	pool   *pgxpool.Pool
	pooler *atomic.Bool
	limit  func() string
}

// limited begins a batch whose statements are one transaction, with its time limit.
func (c *conns) limited() *pgx.Batch {
	batch := &pgx.Batch{}
	batch.Queue(setLimit, c.limit(), true)
	return batch
}

// Exec is that of a pool.
func (c *conns) Exec(ctx context.Context, sql string, args ...any) (tag pgconn.CommandTag, err error) {
	if !c.pooler.Load() {
		return c.pool.Exec(ctx, sql, args...)
	}
	batch := c.limited()
	batch.Queue(sql, args...).Exec(func(t pgconn.CommandTag) error {
		tag = t
		return nil
	})
	err = c.pool.SendBatch(ctx, batch).Close()
	return tag, err
}

// QueryRow is that of a pool.
func (c *conns) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	if !c.pooler.Load() {
		return c.pool.QueryRow(ctx, sql, args...)
	}
	batch := c.limited()
	return &batchRow{query: batch.Queue(sql, args...), send: func() error { return c.pool.SendBatch(ctx, batch).Close() }}
}

// batchRow is the row of a batch's last statement.
type batchRow struct {
	query *pgx.QueuedQuery
	send  func() error
}

func (r *batchRow) Scan(dest ...any) error {
	r.query.QueryRow(func(row pgx.Row) error { return row.Scan(dest...) })
	return r.send()
}

// SendBatch is that of a pool.
func (c *conns) SendBatch(ctx context.Context, batch *pgx.Batch) pgx.BatchResults {
	if c.pooler.Load() {
		limited := c.limited()
		limited.QueuedQueries = append(limited.QueuedQueries, batch.QueuedQueries...)
		batch = limited
	}
	return c.pool.SendBatch(ctx, batch)
}

// inTx runs f in a transaction.
func (c *conns) inTx(ctx context.Context, f func(pgx.Tx) error) error {
	return pgx.BeginFunc(ctx, c.pool, func(tx pgx.Tx) error {
		if c.pooler.Load() {
			if _, err := tx.Exec(ctx, setLimit, c.limit(), true); err != nil {
				return err
			}
		}
		return f(tx)
	})
}

// collect reads every row of a statement.
func collect[T any](ctx context.Context, c *conns, read pgx.RowToFunc[T], sql string, args ...any) (all []T, err error) {
	var batch pgx.Batch
	batch.Queue(sql, args...).Query(func(rows pgx.Rows) error {
		all, err = pgx.CollectRows(rows, read)
		return err
	})
	err = c.SendBatch(ctx, &batch).Close()
	return all, err
}

// established sets up a new connection in one round trip. A pooler invents the process
// id in its answer, so the server's own id differs from it.
func (s *source) established(ctx context.Context, conn *pgx.Conn) error {
	// Unprepared, and by the simple protocol, which every pooler carries.
	sql := fmt.Sprintf(`SELECT set_config('statement_timeout', '%d', false) WHERE pg_backend_pid() = %d`,
		s.milliseconds.Load(), conn.PgConn().PID())
	results, err := conn.PgConn().Exec(ctx, sql).ReadAll()
	if err != nil {
		return err
	}
	if direct := len(results) == 1 && len(results[0].Rows) == 1; direct {
		return nil
	}
	// Others may have been connecting at the same time, and prepare statements too.
	cameToLight := s.pooler.CompareAndSwap(false, true)
	if cameToLight || conn.Config().DefaultQueryExecMode != s.newest().DefaultQueryExecMode {
		return errPooler
	}
	return nil
}
