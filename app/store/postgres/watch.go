package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
)

// While there is no primary, waiting helps no one: every call fails at once, and calls in
// flight end, until a server answers that can write. A server that hangs looks like one
// that is slow. The difference is a connection that nothing else uses: if even a ping has
// no answer there, the server hangs.
const (
	pingEvery = 300 * time.Millisecond
	pingFor   = 1200 * time.Millisecond
	seekEvery = 100 * time.Millisecond
)

// errAway means that no server that can write has answered lately.
var errAway = errors.New("no database that can write answers")

// presence is the time during which the database answers. It ends when the database goes
// away, and calls in flight end with it.
type presence struct {
	ctx context.Context
	end context.CancelFunc
}

func newPresence() *presence {
	ctx, end := context.WithCancel(context.Background())
	return &presence{ctx, end}
}

// Watch follows the primary until ctx ends. It calls told when the database goes away,
// and with nil when it is back.
func (s *Store) Watch(ctx context.Context, told func(error)) {
	var conn *pgx.Conn
	defer func() { abandon(conn) }()
	for made := 0; ; {
		if now := s.source.generation(); now != made {
			abandon(conn) // its role may be about to lose its password
			conn, made = nil, now
		}
		var err error
		if conn, err = s.look(ctx, conn); ctx.Err() != nil {
			return
		}
		wait := pingEvery
		if err != nil {
			wait = seekEvery
		}
		if p := s.presence.Load(); err != nil && p.ctx.Err() == nil {
			p.end()
			s.pool.pool.Reset() // connections to a server that hangs would hang again
			told(err)
		} else if err == nil && p.ctx.Err() != nil {
			s.presence.Store(newPresence())
			told(nil)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// look pings the primary, or seeks it if the connection is lost. A lost connection alone is
// no outage: the server may have been restarted.
func (s *Store) look(ctx context.Context, conn *pgx.Conn) (*pgx.Conn, error) {
	if conn == nil {
		return s.source.seek(ctx)
	}
	ping, cancel := context.WithTimeout(ctx, pingFor)
	defer cancel()
	err := conn.Ping(ping)
	if err == nil && !s.source.superseded(ctx) {
		return conn, nil
	}
	abandon(conn)
	if ping.Err() != nil {
		return nil, errAway
	}
	next, seekErr := s.source.seek(ctx)
	if err == nil && seekErr == nil {
		s.pool.pool.Reset() // its connections lead to the old primary
	}
	return next, seekErr
}

// abandon closes a connection without waiting for a server that may hang.
func abandon(conn *pgx.Conn) {
	if conn != nil {
		_ = conn.PgConn().Conn().Close()
	}
}
