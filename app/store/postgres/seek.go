package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// A failover promotes a standby, which begins a new timeline; timelines count up. An old
// primary that comes back may still accept writes, and what it has of sign-outs and
// passwords is old. So of several servers, login takes the one with the newest timeline,
// and none with an older timeline than it has seen.
const (
	seekFor     = time.Second
	seekOthers  = 300 * time.Millisecond // after one has answered
	compareEach = 5 * time.Second
)

var errOldPrimary = errors.New("this server was the primary before a failover")

// timeline is empty for a standby.
const timeline = `SELECT CASE WHEN pg_is_in_recovery() THEN '' ELSE substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) END`

// found is a server that can write, or why not.
type found struct {
	conn     *pgx.Conn
	timeline int64
	err      error
}

// refuses reports whether a server answered, and only took no further connection: it has
// too many, or a password has just changed. Calls may have connections that work.
func refuses(err error) bool {
	var answer *pgconn.PgError
	return errors.As(err, &answer) && !strings.HasPrefix(answer.Code, "57") // it starts or stops
}

// seek connects to all servers of the URL at once and returns a connection to the primary,
// or none if the primary is there but takes no further connection.
func (s *source) seek(ctx context.Context) (*pgx.Conn, error) {
	servers := s.servers()
	if len(servers) == 1 {
		ctx, cancel := context.WithTimeout(ctx, seekFor)
		defer cancel()
		conn, err := pgx.ConnectConfig(ctx, servers[0])
		if err != nil && !refuses(err) {
			err = errAway
		} else {
			err = nil
		}
		return conn, err
	}
	answers := make(chan found, len(servers))
	for _, server := range servers {
		go func() {
			ctx, cancel := context.WithTimeout(ctx, seekFor)
			defer cancel()
			answers <- ask(ctx, server)
		}()
	}
	var best found
	refused := false
	late := time.After(seekFor + seekOthers)
	for waiting := len(servers); waiting > 0; {
		select {
		case answer := <-answers:
			waiting--
			if answer.err != nil {
				refused = refused || refuses(answer.err)
				continue
			}
			if best.conn == nil {
				late = time.After(seekOthers)
			}
			if best.conn == nil || answer.timeline > best.timeline {
				best, answer = answer, best
			}
			abandon(answer.conn)
		case <-late:
			go func() { // those that answer later are not needed
				for range waiting {
					abandon((<-answers).conn)
				}
			}()
			waiting = 0
		}
	}
	if best.conn == nil && refused {
		return nil, nil
	}
	if best.conn == nil || s.outlived(best.timeline) {
		abandon(best.conn)
		return nil, errAway
	}
	s.prefer(best.conn.Config())
	return best.conn, nil
}

// ask connects to a server that can write and reads its timeline.
func ask(ctx context.Context, server *pgx.ConnConfig) found {
	conn, err := pgx.ConnectConfig(ctx, server)
	if err != nil {
		return found{err: err}
	}
	number, err := timelineOf(ctx, conn)
	if err != nil {
		abandon(conn)
		return found{err: err}
	}
	return found{conn: conn, timeline: number}
}

// timelineOf reads the timeline of a primary. It is 0 if the server cannot tell, as some
// hosted ones cannot.
func timelineOf(ctx context.Context, conn *pgx.Conn) (int64, error) {
	results, err := conn.PgConn().Exec(ctx, timeline).ReadAll()
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	if len(results) != 1 || len(results[0].Rows) != 1 {
		return 0, errors.New("no timeline")
	}
	number, err := strconv.ParseInt(string(results[0].Rows[0][0]), 16, 64)
	if err != nil {
		return 0, fmt.Errorf("not a primary: %w", err)
	}
	return number, nil
}

// outlived reports whether a newer timeline has been seen; otherwise it notes this one.
func (s *source) outlived(timeline int64) bool {
	for {
		newest := s.timeline.Load()
		if timeline < newest {
			return true
		}
		if s.timeline.CompareAndSwap(newest, timeline) {
			return false
		}
	}
}

// superseded reports whether another server of the URL has a newer timeline. It looks only
// now and then: the primary that is in use goes on answering, although a standby has been
// promoted.
func (s *source) superseded(ctx context.Context) bool {
	if now := time.Now(); now.Sub(s.compared) < compareEach {
		return false
	} else {
		s.compared = now
	}
	servers := s.servers()
	newest := s.timeline.Load()
	if len(servers) == 1 || newest == 0 {
		return false
	}
	newer := make(chan bool, len(servers))
	for _, server := range servers[1:] {
		go func() {
			ctx, cancel := context.WithTimeout(ctx, seekFor)
			defer cancel()
			answer := ask(ctx, server)
			abandon(answer.conn)
			newer <- answer.err == nil && answer.timeline > newest
		}()
	}
	for range servers[1:] {
		if <-newer {
			return true
		}
	}
	return false
}

// servers is the configuration for each server of the URL, the preferred one first.
func (s *source) servers() []*pgx.ConnConfig {
	all := s.newest()
	if !s.follows.Load() {
		return []*pgx.ConnConfig{all}
	}
	entries := append([]*pgconn.FallbackConfig{{Host: all.Host, Port: all.Port, TLSConfig: all.TLSConfig}}, all.Fallbacks...)
	var servers []*pgx.ConnConfig
	for _, entry := range entries {
		i := slices.IndexFunc(servers, func(c *pgx.ConnConfig) bool { return c.Host == entry.Host && c.Port == entry.Port })
		if i >= 0 { // the same server, with TLS or without
			servers[i].Fallbacks = append(servers[i].Fallbacks, entry)
			continue
		}
		one := all.Copy()
		one.Host, one.Port, one.TLSConfig, one.Fallbacks = entry.Host, entry.Port, entry.TLSConfig, nil
		servers = append(servers, one)
	}
	return servers
}

// prefer has new connections go to a server first: one that hangs would cost each of them
// its time limit.
func (s *source) prefer(c *pgx.ConnConfig) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.preferred = server{c.Host, c.Port}
}

type server struct {
	host string
	port uint16
}

// preferredFirst puts the entries of the preferred server before the others.
func (s *source) preferredFirst(c *pgx.ConnConfig) {
	entries := append([]*pgconn.FallbackConfig{{Host: c.Host, Port: c.Port, TLSConfig: c.TLSConfig}}, c.Fallbacks...)
	slices.SortStableFunc(entries, func(a, b *pgconn.FallbackConfig) int {
		return s.rank(a) - s.rank(b)
	})
	c.Host, c.Port, c.TLSConfig, c.Fallbacks = entries[0].Host, entries[0].Port, entries[0].TLSConfig, entries[1:]
}

func (s *source) rank(e *pgconn.FallbackConfig) int {
	if (server{e.Host, e.Port}) == s.preferred {
		return 0
	}
	return 1
}
