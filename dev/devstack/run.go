// Package devstack runs everything for development on loopback: login and a stand-in for
// Hasura in one process, on SQLite or a Postgres. It also has the operators' verbs for its
// data.
package devstack

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"hasura-login/app/cmd"
	"hasura-login/app/config"
	"hasura-login/app/token"
	"hasura-login/dev/console"
	"hasura-login/dev/inbox"
	"hasura-login/dev/preview"
	"hasura-login/dev/standin"
	"hasura-login/dev/standin/auth"
	"hasura-login/dev/standin/metadata"
)

// The links of mails if no page is set up for them; a developer sets links of the app,
// or takes the token from these.
const (
	resetLink  = "http://localhost:5173/reset#token={token}"
	verifyLink = "http://localhost:5173/verify#token={token}"
)

// stack holds the flags.
type stack struct {
	listen      string
	graphql     string
	ops         string
	data        string
	databaseURL string
	add         []string
}

// Main runs everything, or the verb that args name, and returns the exit code as
// cmd.Main does.
func Main(ctx context.Context, args []string, env cmd.Environment) int {
	var s stack
	// The verbs read the configuration when they run, after the flags are parsed.
	verbs := env
	verbs.Vars, verbs.ShowsMail = nil, true
	verbs.Settings = func() ([]string, error) {
		if err := s.hasRun(); err != nil {
			return nil, err
		}
		return s.vars(env)
	}
	verbs.Open = func(ctx context.Context, cfg config.Config) (cmd.Backend, error) {
		db, err := s.openDatabase(ctx, cfg.Organizations)
		return db.backend, err
	}
	root := &cobra.Command{
		Use:   "dev",
		Short: "Run login, a stand-in for Hasura and SQLite on loopback",
		Long:  "Run login, a stand-in for Hasura and SQLite on loopback, or manage the users, keys and audit trail of its data.",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			stack := verbs
			stack.Settings = func() ([]string, error) {
				if err := s.checkAddresses(variable(env, config.Prefix+"PUBLIC_URL")); err != nil {
					return nil, err
				}
				return s.vars(env) // makes the data folder
			}
			return s.run(c.Context(), stack)
		},
	}
	root.PersistentFlags().StringVar(&s.data, "data", "./.data", "folder for the database, keys and secrets")
	root.PersistentFlags().StringVar(&s.databaseURL, "database-url", "", "a Postgres to use instead of SQLite, as a user who may create roles (default: the variable DATABASE_URL)")
	root.Flags().StringArrayVar(&s.add, "add", nil, "a folder with more migrations and tables, laid out like hasura/; may be repeated")
	root.Flags().StringVar(&s.listen, "listen", "127.0.0.1:3000", "the login API")
	root.Flags().StringVar(&s.graphql, "graphql", "127.0.0.1:8080", "the stand-in for Hasura")
	root.Flags().StringVar(&s.ops, "ops", "127.0.0.1:9100", "metrics and health")
	root.PersistentPreRun = func(*cobra.Command, []string) {
		// No flag's default: --help would print the password.
		s.databaseURL = cmp.Or(s.databaseURL, variable(env, "DATABASE_URL"))
	}
	root.AddCommand(cmd.KeysCommand(verbs), cmd.UsersCommand(verbs), cmd.AuditCommand(verbs))
	return cmd.Run(ctx, root, args, env)
}

// variable is a variable of the process's environment.
func variable(env cmd.Environment, name string) string {
	for _, entry := range env.Vars {
		if value, ok := strings.CutPrefix(entry, name+"="); ok {
			return value
		}
	}
	return ""
}

// run serves everything on loopback until interrupted.
func (v stack) run(ctx context.Context, env cmd.Environment) error {
	cfg, err := cmd.Load(env)
	if err != nil {
		return err
	}
	cmd.CollectEarlier()
	cmd.IgnoreClosedOutput()
	alg, err := token.ParseAlgorithm(cfg.JWTAlg)
	if err != nil {
		return err
	}
	mails := &inbox.Inbox{}
	post, err := cmd.NewPrintingPost(cfg, env.Stdout, mails.Keep, resetLink, verifyLink)
	if err != nil {
		return err
	}
	project, err := v.project(cfg.Organizations)
	if err != nil {
		return err
	}
	db, err := v.openDatabase(ctx, cfg.Organizations)
	if err != nil {
		return err
	}
	applied, err := db.prepare(ctx, project)
	if err != nil {
		return errors.Join(err, db.backend.Store.Close(), db.close())
	}
	for _, name := range applied {
		fmt.Fprintln(env.Stdout, "migration", name)
	}
	s, err := cmd.NewService(cfg, env, cmd.Wiring{
		Out: logTo(env.Stderr), Backend: db.backend, Post: post, AllowOrigin: v.allowOrigin(cfg),
		OpenRing: func(k token.Keys, h token.Hooks) (*token.Ring, error) { return token.Create(k, alg, h) },
	})
	if err != nil {
		return errors.Join(err, db.backend.Store.Close(), db.close())
	}
	return errors.Join(v.serve(ctx, env, cfg, s, db, project, mails), db.close())
}

// serve runs login first and then the stand-in: like Hasura, the stand-in
// does not start without a key set.
func (v stack) serve(ctx context.Context, env cmd.Environment, cfg config.Config, s *cmd.Service, db database, project fs.FS, mails *inbox.Inbox) error {
	api, ops, err := cmd.Listen(ctx, cfg)
	if err != nil {
		return errors.Join(v.ofFlag(err), s.Close())
	}
	graphql, err := net.Listen("tcp", v.graphql)
	if err != nil {
		return errors.Join(v.ofFlag(fmt.Errorf("the stand-in's listener: %w", err)), api.Close(), ops.Close(), s.Close())
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	served := make(chan error, 1)
	go func() { served <- s.Run(ctx, api, ops) }()
	hasura, err := v.standIn(ctx, cfg, s, db, project, "http://"+api.Addr().String())
	if err != nil {
		stop()
		return errors.Join(err, graphql.Close(), <-served)
	}
	for _, problem := range hasura.Problems() {
		s.Log().Warn("inconsistent metadata: left out", zap.String("problem", problem))
	}
	shown, err := v.preview(ctx, env)
	if err != nil {
		stop()
		return errors.Join(err, graphql.Close(), <-served)
	}
	front, err := v.front(cfg, pages(hasura, mails, shown), "http://"+api.Addr().String())
	if err != nil {
		stop()
		return errors.Join(err, graphql.Close(), <-served)
	}
	server := &http.Server{Handler: front, ReadHeaderTimeout: 10 * time.Second}
	go hasura.Run(ctx)
	go func() { _ = server.Serve(graphql) }()
	fmt.Fprint(env.Stdout, v.greeting(api.Addr(), graphql.Addr(), ops.Addr()))
	cmd.ForgetStart() // again: the stand-in has started after login
	err = <-served
	stop()
	shown.Wait()
	return errors.Join(err, server.Close())
}

// pages puts the pages for developers before the stand-in, on paths that it does not know.
func pages(hasura http.Handler, mails *inbox.Inbox, shown *preview.Preview) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/console", console.Handler("/console"))
	mux.Handle("/console/", console.Handler("/console"))
	mux.Handle("/inbox", mails.Handler("/inbox"))
	mux.Handle("/inbox/", mails.Handler("/inbox"))
	mux.Handle("/preview", shown.Handler())
	mux.Handle("/preview/", shown.Handler())
	mux.Handle("GET /{$}", http.RedirectHandler("/console/", http.StatusFound))
	mux.Handle("/", hasura)
	return mux
}

// preview shows what the developer's settings make of pages and mails.
func (v stack) preview(ctx context.Context, env cmd.Environment) (*preview.Preview, error) {
	settings, err := env.Settings()
	return preview.New(ctx, settings, "/preview"), err
}

// address is a flag that says where to listen.
type address struct{ flag, value string }

func (v stack) addresses() []address {
	return []address{{"--listen", v.listen}, {"--graphql", v.graphql}, {"--ops", v.ops}}
}

// checkAddresses refuses flags that name no address, or one at which browsers would send
// passwords in the clear.
func (v stack) checkAddresses(public string) error {
	for _, a := range v.addresses() {
		at, err := net.ResolveTCPAddr("tcp", a.value)
		if err != nil {
			return fmt.Errorf("%s must be an address with a port, such as 127.0.0.1:3000: %w", a.flag, err)
		}
		local := at.IP == nil || at.IP.IsLoopback() || at.IP.IsUnspecified()
		if a.flag == "--listen" && public == "" && !local {
			return fmt.Errorf("%s %s: without https, pages work only on this machine. Listen on 127.0.0.1 or 0.0.0.0, or set %sPUBLIC_URL to the https URL that leads here", a.flag, a.value, config.Prefix)
		}
	}
	return nil
}

// ofFlag names the flag of an address at which login or the stand-in cannot listen.
func (v stack) ofFlag(err error) error {
	var at *net.OpError
	if !errors.As(err, &at) || at.Addr == nil {
		return err
	}
	for _, a := range v.addresses() {
		_, port, _ := net.SplitHostPort(a.value)
		switch {
		case !strings.HasSuffix(at.Addr.String(), ":"+port):
		case errors.Is(err, syscall.EADDRINUSE):
			return fmt.Errorf("%s is in use by another program. Stop it, or choose another address with %s (make run ARGS='%s 127.0.0.1:…')", at.Addr, a.flag, a.flag)
		default:
			return fmt.Errorf("%s: %w", a.flag, at)
		}
	}
	return err
}

// hasRun refuses a data folder in which the stack has not run: a verb that made one would
// show no users, where the operator has only mistyped its name.
func (v stack) hasRun() error {
	kept := v.data
	if v.databaseURL == "" {
		kept = v.databaseFile()
	}
	_, err := os.Stat(kept)
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("--data: %s is not there. Name the folder of make run, or run it once, which makes the folder", kept)
	}
	return err
}

func (v stack) standIn(ctx context.Context, cfg config.Config, s *cmd.Service, db database, project fs.FS, loginURL string) (*standin.Server, error) {
	meta, err := metadata.Load(project)
	if err != nil {
		return nil, err
	}
	adminSecret, err := keptSecret(filepath.Join(v.data, "admin_secret"))
	if err != nil {
		return nil, err
	}
	vars := map[string]string{"LOGIN_URL": loginURL, "ACTION_SECRET": cfg.ActionSecret.Values()[0]}
	return standin.New(ctx, standin.Config{
		Metadata: meta, Env: func(name string) (string, bool) { value, ok := vars[name]; return value, ok },
		DB: db.db, Dialect: db.dialect, AdminSecret: adminSecret,
		JWT: &auth.JWT{
			JWKURL: loginURL + "/.well-known/jwks.json",
			Issuer: cfg.Issuer, Audience: auth.Strings{cfg.Audience}, AllowedSkew: int(token.ClockSkew.Seconds()),
		},
		UnauthorizedRole: "public", ConfiguredHeaderPrecedence: true, AllowOrigin: v.allowOrigin(cfg),
		Report: func(err error) { s.Log().Warn("stand-in", zap.Error(err)) },
	})
}
