package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"hasura-login/dev/standin"
	"hasura-login/dev/standin/metadata"
)

const (
	// schemaSync is how often the engine asks whether the metadata has changed.
	schemaSync = time.Second
	// drain is what requests in flight get at the end; WebSockets close after it.
	drain = 30 * time.Second
	// keysWithin is how long a new schema's first fetch of keys may take. The engine
	// keeps its keys over a change of the metadata; here the schema before serves on.
	keysWithin = 2 * time.Second
)

// engine serves whatever metadata is in effect.
type engine struct {
	settings settings
	catalog  catalog
	source   *sql.DB // of the metadata's source; nil before there is one
	log      log
	now      atomic.Pointer[schema]
}

// schema is one metadata with the tables as they were when it was read.
type schema struct {
	*standin.Server
	version int
	stop    context.CancelFunc
}

func runEngine(ctx context.Context, args, environ []string) error {
	s, err := readSettings(args, environ)
	if err != nil {
		return err
	}
	db, err := open(s.metadataURL)
	if err != nil {
		return err
	}
	defer db.Close()
	e := &engine{settings: s, catalog: catalog{db}, log: log{out: os.Stdout}}
	if err := e.catalog.prepare(ctx); err != nil {
		return err
	}
	if err := e.load(ctx); err != nil {
		return err
	}
	ln, err := net.Listen("tcp", s.listen)
	if err != nil {
		return err
	}
	e.log.startup("starting API server on " + ln.Addr().String())
	return e.serve(ctx, ln)
}

func (e *engine) serve(ctx context.Context, ln net.Listener) error {
	server := &http.Server{Handler: e.log.requests(e.routes()), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 30 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ln) }()
	go e.followMetadata(ctx)
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	e.log.startup("shutting down")
	patience, cancel := context.WithTimeout(context.Background(), drain)
	defer cancel()
	err := server.Shutdown(patience)
	e.now.Load().stop()
	if errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	return err
}

func (e *engine) routes() http.Handler {
	mux := http.NewServeMux()
	if e.settings.serves("metadata") {
		mux.HandleFunc("POST /v1/metadata", e.adminAPI)
		mux.HandleFunc("POST /v2/query", e.adminAPI)
	} else {
		mux.Handle("POST /v1/metadata", http.HandlerFunc(notHere))
		mux.Handle("POST /v2/query", http.HandlerFunc(notHere))
	}
	if !e.settings.serves("graphql") {
		mux.Handle("/v1/graphql", http.HandlerFunc(notHere))
		mux.Handle("/v1alpha1/graphql", http.HandlerFunc(notHere))
	}
	mux.HandleFunc("GET /healthz", e.healthz)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { e.now.Load().ServeHTTP(w, r) })
	return mux
}

// notHere is how an API that is switched off looks.
func notHere(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusNotFound, map[string]string{"path": "$", "error": "resource does not exist", "code": "not-found"})
}

// healthz is about the metadata's database; the tables' own goes into the schema.
func (e *engine) healthz(w http.ResponseWriter, r *http.Request) {
	if e.catalog.db.PingContext(r.Context()) != nil {
		http.Error(w, "ERROR", http.StatusInternalServerError)
		return
	}
	e.now.Load().ServeHTTP(w, r)
}

// load reads the metadata and puts its schema in the place of the one before.
func (e *engine) load(ctx context.Context) error {
	m, version, err := e.catalog.load(ctx)
	if err != nil {
		return err
	}
	db, err := e.openSource(m)
	if err != nil {
		return err
	}
	role, _ := e.settings.lookup(prefix + "UNAUTHORIZED_ROLE")
	server, err := standin.New(ctx, standin.Config{
		Metadata: m, Env: e.settings.lookup, DB: db, Dialect: standin.Postgres,
		AdminSecret: e.settings.adminSecret, JWT: e.settings.jwt, UnauthorizedRole: role,
		ConfiguredHeaderPrecedence: e.settings.headerPrecedence, Preserve401Errors: e.settings.preserve401,
		DevMode: e.settings.devMode, AllowOrigin: e.settings.allowOrigin(), Report: e.log.trouble,
	})
	if err != nil {
		return err
	}
	for _, problem := range server.Problems() {
		e.log.trouble(fmt.Errorf("inconsistent metadata: %s", problem))
	}
	running, stop := context.WithCancel(context.Background())
	go server.Run(running)
	before := e.now.Load()
	if before != nil && e.settings.jwt != nil {
		time.Sleep(keysWithin)
	}
	e.now.Store(&schema{Server: server, version: version, stop: stop})
	if before != nil {
		before.stop()
	}
	return nil
}

// openSource connects to the metadata's only source, once; without one it uses the
// metadata's own database, where no table is read.
func (e *engine) openSource(m *metadata.Metadata) (*sql.DB, error) {
	if len(m.Sources) == 0 {
		return e.catalog.db, nil
	}
	if e.source != nil {
		return e.source, nil
	}
	url, err := sourceURL(&e.settings, m.Sources[0].Configuration.ConnectionInfo.DatabaseURL)
	if err != nil {
		return nil, err
	}
	e.source, err = open(url)
	return e.source, err
}

// followMetadata takes up what another process has changed.
func (e *engine) followMetadata(ctx context.Context) {
	for ctx.Err() == nil {
		time.Sleep(schemaSync)
		version, err := e.catalog.resourceVersion(ctx)
		if err == nil && version != e.now.Load().version {
			err = e.load(ctx)
		}
		if err != nil && ctx.Err() == nil {
			e.log.trouble(err)
		}
	}
}
