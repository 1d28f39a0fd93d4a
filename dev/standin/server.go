// Package standin is a development stand-in for Hasura GraphQL Engine CE v2.48:
// it reads the metadata that production applies, calls the same actions in the
// same way, decides about tokens, roles and headers as the engine does, and
// answers the permitted table fields (queries with relationships and aggregates,
// inserts, updates, deletes, live queries, streams) from Postgres or SQLite. It stores no
// metadata and has no console.
package standin

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/vektah/gqlparser/v2/ast"

	"hasura-login/dev/standin/auth"
	"hasura-login/dev/standin/metadata"
)

// Config is the counterpart of the engine's environment.
type Config struct {
	Metadata *metadata.Metadata
	// Env looks up the variables that the metadata names.
	Env     func(name string) (string, bool)
	DB      *sql.DB
	Dialect Dialect

	AdminSecret      string    // must not be empty
	JWT              *auth.JWT // nil: admin secret only
	UnauthorizedRole string    // who sends no token; empty: refused

	// ConfiguredHeaderPrecedence lets an action's own headers win over the
	// client's of the same name.
	ConfiguredHeaderPrecedence bool
	// Preserve401Errors keeps HTTP status 401 on /v1/graphql.
	Preserve401Errors bool
	// DevMode shows extensions.internal to every role: passwords among it.
	DevMode bool
	// AllowOrigin is the CORS policy; nil allows every origin, as the engine does.
	AllowOrigin func(origin string) bool

	// Report gets errors in the background; nil: no one does.
	Report func(error)
	// Now is the clock for tokens and key sets; nil: time.Now.
	Now func() time.Time
	// KeyCycle is how often the key set is looked at; 0: 60 s, as the engine does.
	KeyCycle time.Duration
	// Refetch is how often live queries look for changes; 0: 1 s.
	Refetch time.Duration
	// Keepalive is how often a WebSocket is pinged; 0: 5 s.
	Keepalive time.Duration
	// InitTimeout is how long a WebSocket may wait with connection_init; 0: 3 s.
	InitTimeout time.Duration
}

// Server answers as the engine would.
type Server struct {
	cfg     Config
	auth    *auth.Authenticator
	dialect dialect
	client  *http.Client
	mux     *http.ServeMux

	tables   []*table
	actions  []metadata.Action
	types    ast.DefinitionList
	problems []string

	mu      sync.Mutex
	schemas map[string]*roleSchema

	stopped chan struct{} // closed when Run ends
}

// New reads the database's tables and, with a jwk_url, fetches the key set; like
// the engine it fails if that cannot be had. Metadata that is inconsistent with
// the database or the environment does not stop it: the objects are left out,
// Problems names them, and /healthz?strict=true answers 500.
func New(ctx context.Context, cfg Config) (*Server, error) {
	setDefault(&cfg.Report, func(error) {})
	setDefault(&cfg.Now, time.Now)
	setDuration(&cfg.KeyCycle, auth.DefaultCycle)
	setDuration(&cfg.Refetch, time.Second)
	setDuration(&cfg.Keepalive, 5*time.Second)
	setDuration(&cfg.InitTimeout, 3*time.Second)
	s := &Server{
		cfg: cfg, dialect: dialectFor(cfg.Dialect), types: cfg.Metadata.Types, schemas: map[string]*roleSchema{}, stopped: make(chan struct{}),
		// How the engine handles a redirect is not known; the stand-in returns it as it
		// is.
		client: &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	}
	var err error
	s.auth, err = auth.New(ctx, auth.Config{
		AdminSecret: cfg.AdminSecret, JWT: cfg.JWT, UnauthorizedRole: cfg.UnauthorizedRole, Now: cfg.Now, Report: cfg.Report,
	})
	if err != nil {
		return nil, fmt.Errorf("authentication: %w", err)
	}
	if err := s.load(ctx); err != nil {
		return nil, err
	}
	s.routes()
	return s, nil
}

func setDefault[F func(error) | func() time.Time](f *F, value F) {
	if *f == nil {
		*f = value
	}
}

func setDuration(d *time.Duration, value time.Duration) {
	if *d == 0 {
		*d = value
	}
}

// load keeps the consistent metadata and lists the inconsistent.
func (s *Server) load(ctx context.Context) error {
	for _, what := range s.cfg.Metadata.Unserved {
		s.problems = append(s.problems, "not served by the stand-in: "+what)
	}
	if err := s.loadTables(ctx); err != nil {
		return err
	}
	for _, a := range s.cfg.Metadata.Actions {
		if _, missing := metadata.Expand(a.Handler, s.cfg.Env); len(missing) > 0 {
			s.problems = append(s.problems, fmt.Sprintf("action %s: Value for environment variables not found: %v", a.Name, missing))
			continue
		}
		s.actions = append(s.actions, a)
	}
	// Admin's schema holds everything, so it shows every clash of names.
	_, err := s.schemaFor(auth.AdminRole)
	return err
}

// loadTables describes the tables first, so that their relationships find each other, and
// then keeps the permissions that fit.
func (s *Server) loadTables(ctx context.Context) error {
	metas := map[*table]metadata.Table{}
	for _, source := range s.cfg.Metadata.Sources {
		for _, meta := range source.Tables {
			t, err := loadTable(ctx, s.dialect, s.cfg.DB, meta)
			if err != nil {
				return err
			}
			if t == nil {
				s.problems = append(s.problems, fmt.Sprintf("no such table/view exists in source: %s", meta.Table))
				continue
			}
			s.tables = append(s.tables, t)
			metas[t] = meta
		}
	}
	for _, t := range s.tables {
		s.problems = append(s.problems, t.relate(metas[t], s.tables)...)
	}
	for _, t := range s.tables {
		s.problems = append(s.problems, t.permit(metas[t], s.tables)...)
	}
	return nil
}

// Problems are the inconsistent objects of the metadata.
func (s *Server) Problems() []string { return s.problems }

// Run keeps the key set fresh until ctx ends, and then closes every WebSocket.
// Until its first fetch, which is at once, every token is refused. It is called
// once.
func (s *Server) Run(ctx context.Context) {
	defer close(s.stopped)
	s.auth.Run(ctx, s.cfg.KeyCycle)
	<-ctx.Done()
}

// schemaFor makes a role's schema at its first use.
func (s *Server) schemaFor(role string) (*roleSchema, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if schema := s.schemas[role]; schema != nil {
		return schema, nil
	}
	schema, err := buildSchema(role, s.tables, s.actions, s.types)
	if err != nil {
		return nil, err
	}
	s.schemas[role] = schema
	return schema, nil
}
