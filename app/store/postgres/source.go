package postgres

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	defaultMaxConns = 20
	connectTimeout  = 3 * time.Second
	// Connections also end by themselves, at different times: an old role is gone
	// within an hour even without a call of Refresh, and the memory of a backend is
	// given back.
	connLifetime       = 30 * time.Minute
	connLifetimeJitter = 10 * time.Minute
)

// source knows the newest connection URL.
type source struct {
	url func() (string, error)
	// pooler is whether the newest URL has led to a pooler.
	pooler       atomic.Bool
	prepares     atomic.Bool  // the pooler keeps track of prepared statements
	eachLimited  atomic.Bool  // the server gives the role no time limit, so each transaction carries it
	milliseconds atomic.Int64 // statement_timeout
	follows      atomic.Bool  // the URL names several servers and means the primary

	timeline atomic.Int64 // the newest seen, of a URL with several servers
	compared time.Time    // when the servers were last compared; only Watch uses it

	mu        sync.Mutex
	preferred server
	last      string          // the last good URL
	parsed    *pgx.ConnConfig // of last
	changes   int             // how often last has become another
	retired   int             // changes at the last call of renewed
}

// poolConfig makes the pool's settings from the URL as it is now.
func (s *source) poolConfig() (*pgxpool.Config, error) {
	url, err := s.url()
	if err != nil {
		return nil, err
	}
	config, limit, err := parse(url)
	if err != nil {
		return nil, err
	}
	s.last, s.parsed = url, config.ConnConfig
	s.milliseconds.Store(limit)
	s.follows.Store(followsPrimary(url, config.ConnConfig))
	if !strings.Contains(url, "pool_max_conns") {
		config.MaxConns = defaultMaxConns
	}
	config.MaxConnLifetime = connLifetime
	config.MaxConnLifetimeJitter = connLifetimeJitter
	config.ShouldPing = func(_ context.Context, p pgxpool.ShouldPingParams) bool {
		return p.IdleDuration > time.Second || hasNews(p.Conn.PgConn().Conn())
	}
	config.BeforeConnect = func(ctx context.Context, c *pgx.ConnConfig) error {
		*c = *s.newest()
		if !s.follows.Load() || s.timeline.Load() != 0 {
			return nil
		}
		conn, err := s.seek(ctx) // the first of them may be an old primary
		abandon(conn)
		*c = *s.newest()
		return err
	}
	config.AfterConnect = s.established
	return config, nil
}

// reread asks for the URL.
func (s *source) reread() error {
	url, err := s.url()
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if url == s.last {
		return nil
	}
	config, limit, err := parse(url)
	if err != nil {
		return err
	}
	s.last, s.parsed = url, config.ConnConfig
	s.milliseconds.Store(limit)
	s.follows.Store(followsPrimary(url, config.ConnConfig))
	s.pooler.Store(false)
	s.eachLimited.Store(false)
	s.changes++
	return nil
}

// renewed asks for the URL and reports whether it has changed since the last call of
// renewed. New connections may have used the new URL before.
func (s *source) renewed() (bool, error) {
	err := s.reread()
	s.mu.Lock()
	defer s.mu.Unlock()
	changed := s.changes != s.retired
	s.retired = s.changes
	return changed, err
}

// generation counts the URLs.
func (s *source) generation() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changes
}

// newest is the configuration for a new connection. A URL that cannot be read
// just now, a secret file being replaced, leaves the last good one in force.
func (s *source) newest() *pgx.ConnConfig {
	_ = s.reread()
	s.mu.Lock()
	defer s.mu.Unlock()
	newest := s.parsed.Copy()
	if s.follows.Load() {
		s.preferredFirst(newest)
	}
	if s.pooler.Load() && !s.prepares.Load() && !strings.Contains(s.last, "default_query_exec_mode") {
		newest.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
	}
	return newest
}

// CheckURL returns what is wrong with a connection URL, without repeating the URL.
func CheckURL(url string) error {
	_, _, err := parse(url)
	return err
}

// parse reads a URL and adds our limits where it does not set its own. The time
// limit of statements comes apart, in milliseconds: poolers refuse connections that
// bring such parameters along.
func parse(url string) (*pgxpool.Config, int64, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		// The driver's text quotes the URL, and masks passwords only as far as
		// it can recognise them.
		return nil, 0, errors.New("the database URL cannot be read")
	}
	conn := config.ConnConfig
	conn.OnNotice = noticed
	if conn.ConnectTimeout == 0 {
		conn.ConnectTimeout = connectTimeout
	}
	if _, set := conn.RuntimeParams["application_name"]; !set {
		conn.RuntimeParams["application_name"] = "hasura-login"
	}
	limit := callTimeout.Milliseconds()
	if own, set := conn.RuntimeParams["statement_timeout"]; set {
		if limit, err = strconv.ParseInt(own, 10, 32); err != nil || limit < 0 {
			return nil, 0, errors.New("the database URL's statement_timeout is not a number of milliseconds")
		}
		delete(conn.RuntimeParams, "statement_timeout")
	}
	if !strings.Contains(url, "target_session_attrs") && severalServers(conn) {
		conn.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	}
	return config, limit, nil
}

// followsPrimary reports whether a URL means the primary among several servers.
func followsPrimary(url string, conn *pgx.ConnConfig) bool {
	if !severalServers(conn) {
		return false
	}
	_, attrs, set := strings.Cut(url, "target_session_attrs=")
	return !set || strings.HasPrefix(attrs, "read-write") || strings.HasPrefix(attrs, "primary")
}

// severalServers reports whether a URL names more than one server. If so, the
// connection goes to the one that can write, unless target_session_attrs says
// otherwise. The fallbacks of one server, with TLS and without, have the same address.
func severalServers(conn *pgx.ConnConfig) bool {
	return slices.ContainsFunc(conn.Fallbacks, func(f *pgconn.FallbackConfig) bool {
		return f.Host != conn.Host || f.Port != conn.Port
	})
}
