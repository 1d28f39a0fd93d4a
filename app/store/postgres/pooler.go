package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// A pooler such as pgbouncer in transaction mode gives each transaction to any of its
// own connections, so nothing that a session keeps is there the next time. Through a
// pooler, each transaction carries the time limit, unless the role has one, and no
// statement is prepared, unless the pooler keeps track of prepared statements, as pgbouncer
// does since 1.21. A direct connection keeps both for its whole life.

// errPooler asks for another try: a connection that was taken for a direct one
// leads to a pooler.
var errPooler = errors.New("connected through a pooler")

// setLimit sets the time limit of statements, for the session or, if $2 is true,
// for the transaction.
const setLimit = `SELECT set_config('statement_timeout', $1::text, $2::boolean)`

// conns runs statements on pooled connections, each with its time limit whichever way
// the connection leads.
type conns struct {
	pool        *pgxpool.Pool
	eachLimited *atomic.Bool // each transaction carries the time limit
	limit       func() string
}

// limited begins a batch whose statements are one transaction, with its time limit.
func (c *conns) limited() *pgx.Batch {
	batch := &pgx.Batch{}
	batch.Queue(setLimit, c.limit(), true)
	return batch
}

// onOne runs f on one connection; errNotReplicated if a commit of f did not wait for a
// standby although it should have.
func (c *conns) onOne(ctx context.Context, f func(*pgx.Conn) error) error {
	conn, err := c.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	err = f(conn.Conn())
	if data := conn.Conn().PgConn().CustomData(); data[notReplicated] != nil {
		delete(data, notReplicated)
		return errNotReplicated
	}
	return err
}

// Exec is that of a pool.
func (c *conns) Exec(ctx context.Context, sql string, args ...any) (tag pgconn.CommandTag, err error) {
	if !c.eachLimited.Load() {
		err = c.onOne(ctx, func(conn *pgx.Conn) (err error) {
			tag, err = conn.Exec(ctx, sql, args...)
			return err
		})
		return tag, err
	}
	batch := c.limited()
	batch.Queue(sql, args...).Exec(func(t pgconn.CommandTag) error {
		tag = t
		return nil
	})
	return tag, c.send(ctx, batch)
}

// QueryRow is that of a pool.
func (c *conns) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	if !c.eachLimited.Load() {
		return rowFunc(func(dest ...any) error {
			return c.onOne(ctx, func(conn *pgx.Conn) error { return conn.QueryRow(ctx, sql, args...).Scan(dest...) })
		})
	}
	return rowFunc(func(dest ...any) error {
		batch := c.limited()
		batch.Queue(sql, args...).QueryRow(func(row pgx.Row) error { return row.Scan(dest...) })
		return c.send(ctx, batch)
	})
}

// rowFunc is a row that is asked for when it is read.
type rowFunc func(dest ...any) error

func (f rowFunc) Scan(dest ...any) error { return f(dest...) }

// SendBatch runs a batch in one transaction; its statements' callbacks get the rows.
func (c *conns) SendBatch(ctx context.Context, batch *pgx.Batch) error {
	if c.eachLimited.Load() {
		limited := c.limited()
		limited.QueuedQueries = append(limited.QueuedQueries, batch.QueuedQueries...)
		batch = limited
	}
	return c.send(ctx, batch)
}

func (c *conns) send(ctx context.Context, batch *pgx.Batch) error {
	return c.onOne(ctx, func(conn *pgx.Conn) error { return conn.SendBatch(ctx, batch).Close() })
}

// inTx runs f in a transaction.
func (c *conns) inTx(ctx context.Context, f func(pgx.Tx) error) error {
	return c.onOne(ctx, func(conn *pgx.Conn) error {
		return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
			if c.eachLimited.Load() {
				if _, err := tx.Exec(ctx, setLimit, c.limit(), true); err != nil {
					return err
				}
			}
			return f(tx)
		})
	})
}

// notReplicated marks a connection in its custom data, see noticed.
const notReplicated = "not replicated"

// errNotReplicated says that a change is committed on the primary and perhaps nowhere else.
var errNotReplicated = errors.New("committed without waiting for the standby")

// noticed marks the connection of a commit that stopped waiting for a synchronous
// standby, because an operator cancelled it or the server shuts down. Postgres reports
// such a commit as a success with a warning, but a failover could undo it.
func noticed(conn *pgconn.PgConn, n *pgconn.Notice) {
	if n.Routine == "SyncRepWaitForLSN" { // the text depends on the server's language
		conn.CustomData()[notReplicated] = true
	}
}

// listOf reads every row of a statement.
func listOf[T any](ctx context.Context, s *Store, doing string, read pgx.RowToFunc[T], sql string, args ...any) (all []T, err error) {
	err = s.call(ctx, doing, func(ctx context.Context) (err error) {
		var batch pgx.Batch
		batch.Queue(sql, args...).Query(func(rows pgx.Rows) error {
			all, err = pgx.CollectRows(rows, read)
			return err
		})
		return s.pool.SendBatch(ctx, &batch)
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// collectIn reads every row of a statement in a transaction.
func collectIn[T any](ctx context.Context, tx pgx.Tx, read pgx.RowToFunc[T], sql string, args ...any) ([]T, error) {
	rows, err := tx.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, read)
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
	if s.follows.Load() {
		if number, err := timelineOf(ctx, conn); err != nil || s.outlived(number) {
			return errors.Join(errOldPrimary, err)
		}
	}
	if direct := len(results) == 1 && len(results[0].Rows) == 1; direct {
		return nil
	}
	return s.establishedThroughPooler(ctx, conn)
}

// tracked asks a pooler, in one transaction, whether it keeps track of prepared statements:
// then it gives them names of its own. It also reads the time limit that the server gives
// the role, in milliseconds.
const (
	trackedName = "hasura_login_tracked"
	tracked     = `SELECT NOT EXISTS (SELECT FROM pg_prepared_statements WHERE name = '` + trackedName + `'),
		(SELECT setting::int FROM pg_settings WHERE name = 'statement_timeout')`
)

func (s *source) establishedThroughPooler(ctx context.Context, conn *pgx.Conn) error {
	prepares, limit, err := askPooler(ctx, conn.PgConn())
	if err != nil {
		return err
	}
	s.eachLimited.Store(limit == 0 || limit > s.milliseconds.Load())
	s.prepares.Store(prepares)
	// Others may have been connecting at the same time, and prepare statements too.
	cameToLight := s.pooler.CompareAndSwap(false, true)
	if cameToLight && s.eachLimited.Load() || conn.Config().DefaultQueryExecMode != s.newest().DefaultQueryExecMode {
		return errPooler
	}
	return nil
}

// askPooler sends all in one pipeline: without a pooler's help, a prepared statement is on
// the server's connection only until the end of the transaction.
func askPooler(ctx context.Context, conn *pgconn.PgConn) (prepares bool, limit int64, err error) {
	pipeline := conn.StartPipeline(ctx)
	pipeline.SendPrepare(trackedName, tracked, nil)
	pipeline.SendQueryPrepared(trackedName, nil, nil, nil)
	pipeline.SendDeallocate(trackedName)
	err = pipeline.Sync()
	for err == nil {
		var answer any
		answer, err = pipeline.GetResults()
		if answer == nil {
			break
		}
		rows, ok := answer.(*pgconn.ResultReader)
		if !ok {
			continue
		}
		for rows.NextRow() {
			prepares = string(rows.Values()[0]) == "t"
			limit, err = strconv.ParseInt(string(rows.Values()[1]), 10, 64)
		}
		if _, closeErr := rows.Close(); err == nil {
			err = closeErr
		}
	}
	return prepares, limit, errors.Join(err, pipeline.Close())
}
