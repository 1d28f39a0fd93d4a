package postgres

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	defaultMaxConns = 20
	connectTimeout  = 3 * time.Second
	// Connections end of themselves too, not all at once: whoever forgets to
	// call Refresh still gets rid of an old role within the hour, and memory
	// that a backend has gathered is given back.
	connLifetime       = 30 * time.Minute
	connLifetimeJitter = 10 * time.Minute
)

// source knows the newest connection URL.
type source struct {
	url func() (string, error)

	mu      sync.Mutex
	last    string          // the last good URL
	parsed  *pgx.ConnConfig // of last
	changes int             // how often last has become another
	retired int             // changes at the last call of renewed
}

// poolConfig makes the pool's settings from the URL as it is now.
func (s *source) poolConfig() (*pgxpool.Config, error) {
	url, err := s.url()
	if err != nil {
		return nil, err
	}
	config, err := parse(url)
	if err != nil {
		return nil, err
	}
	s.last, s.parsed = url, config.ConnConfig
	if !strings.Contains(url, "pool_max_conns") {
		config.MaxConns = defaultMaxConns
	}
	config.MaxConnLifetime = connLifetime
	config.MaxConnLifetimeJitter = connLifetimeJitter
	config.ShouldPing = func(_ context.Context, p pgxpool.ShouldPingParams) bool {
		return p.IdleDuration > time.Second || hasNews(p.Conn.PgConn().Conn())
	}
	config.BeforeConnect = func(_ context.Context, c *pgx.ConnConfig) error {
		*c = *s.newest()
		return nil
	}
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
	config, err := parse(url)
	if err != nil {
		return err
	}
	s.last, s.parsed = url, config.ConnConfig
	s.changes++
	return nil
}

// renewed asks for the URL and tells whether it has changed since the last call
// of renewed; new connections may have noticed before.
func (s *source) renewed() (bool, error) {
	err := s.reread()
	s.mu.Lock()
	defer s.mu.Unlock()
	changed := s.changes != s.retired
	s.retired = s.changes
	return changed, err
}

// newest is the configuration for a new connection. A URL that cannot be read
// just now, a secret file being replaced, leaves the last good one in force.
func (s *source) newest() *pgx.ConnConfig {
	_ = s.reread()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.parsed.Copy()
}

// parse reads a URL and adds our limits where it does not set its own.
func parse(url string) (*pgxpool.Config, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		// The driver's text quotes the URL, and masks passwords only as far as
		// it can recognise them.
		return nil, errors.New("the database URL cannot be read")
	}
	conn := config.ConnConfig
	if conn.ConnectTimeout == 0 {
		conn.ConnectTimeout = connectTimeout
	}
	for name, value := range map[string]string{
		"application_name":  "hasura-login",
		"statement_timeout": strconv.FormatInt(callTimeout.Milliseconds(), 10),
	} {
		if _, set := conn.RuntimeParams[name]; !set {
			conn.RuntimeParams[name] = value
		}
	}
	return config, nil
}
