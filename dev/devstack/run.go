// Package devstack runs everything for development on loopback: login, a stand-in for
// Hasura and SQLite in one process. It also has the operators' verbs for its data.
package devstack

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"hasura-login/app/cmd"
	"hasura-login/app/config"
	"hasura-login/app/store/sqlite"
	"hasura-login/app/token"
	"hasura-login/dev/standin"
	"hasura-login/dev/standin/auth"
	"hasura-login/dev/standin/metadata"
	"hasura-login/hasura"
)

// The links of mails if no page is set up for them; a developer sets links of the app,
// or takes the token from these.
const (
	resetLink  = "http://localhost:5173/reset#token={token}"
	verifyLink = "http://localhost:5173/verify#token={token}"
)

// stack holds the flags.
type stack struct {
	listen  string
	graphql string
	ops     string
	data    string
}

// Main runs everything, or the verb that args name, and returns the exit code as
// cmd.Main does.
func Main(ctx context.Context, args []string, env cmd.Environment) int {
	var s stack
	// The verbs read the configuration when they run, after the flags are parsed.
	verbs := env
	verbs.Vars = nil
	verbs.Settings = func() ([]string, error) { return s.vars(env) }
	verbs.Open = func(context.Context, config.Config) (cmd.Backend, error) { return s.open() }
	root := &cobra.Command{
		Use:   "dev",
		Short: "Run login, a stand-in for Hasura and SQLite on loopback",
		Long:  "Run login, a stand-in for Hasura and SQLite on loopback, or manage the users, keys and audit trail of its data.",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return s.run(c.Context(), verbs) },
	}
	root.PersistentFlags().StringVar(&s.data, "data", "./.data", "folder for the database, keys and secrets")
	root.Flags().StringVar(&s.listen, "listen", "127.0.0.1:3000", "the login API")
	root.Flags().StringVar(&s.graphql, "graphql", "127.0.0.1:8080", "the stand-in for Hasura")
	root.Flags().StringVar(&s.ops, "ops", "127.0.0.1:9100", "metrics and health")
	root.AddCommand(cmd.KeysCommand(verbs), cmd.UsersCommand(verbs), cmd.AuditCommand(verbs))
	return cmd.Run(ctx, root, args, env)
}

func (v stack) open() (cmd.Backend, error) {
	store, err := sqlite.Open(filepath.Join(v.data, "login.db"))
	return cmd.Backend{Store: store}, err
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
	post, err := cmd.NewPrintingPost(cfg, env.Stdout, resetLink, verifyLink)
	if err != nil {
		return err
	}
	store, err := sqlite.Open(filepath.Join(v.data, "login.db"))
	if err != nil {
		return err
	}
	s, err := cmd.NewService(cfg, env, cmd.Wiring{
		Out: env.Stderr, Backend: cmd.Backend{Store: store}, Post: post, AllowOrigin: v.allowOrigin(cfg),
		OpenRing: func(f token.Folder, h token.Hooks) (*token.Ring, error) { return token.Create(f, alg, h) },
	})
	if err != nil {
		return errors.Join(err, store.Close())
	}
	return v.serve(ctx, env, cfg, s, store)
}

// vars is the environment, with what development adds where it says nothing.
func (v stack) vars(env cmd.Environment) ([]string, error) {
	if err := os.MkdirAll(v.data, 0o700); err != nil {
		return nil, err
	}
	set := map[string]bool{}
	for _, entry := range env.Vars {
		name, _, _ := strings.Cut(entry, "=")
		set[strings.TrimSuffix(name, "_FILE")] = true
	}
	defaults := map[string]string{
		"LISTEN": v.listen, "OPS_LISTEN": v.ops, "KEYS_DIR": filepath.Join(v.data, "keys"), "AUDIT_DIR": filepath.Join(v.data, "audit"), "SHUTDOWN_GRACE": "5s",
		"HOSTED_PAGES": "true", "PUBLIC_URL": publicURL(v.listen),
	}
	for _, name := range config.Keys() {
		if name == "EDGE_SECRET" {
			continue // with one, only what nginx passes on would have an address
		}
		secret, err := keptSecret(filepath.Join(v.data, strings.ToLower(name)))
		if err != nil {
			return nil, err
		}
		defaults[name] = secret
	}
	vars := slices.Clone(env.Vars)
	for name, value := range defaults {
		if !set[config.Prefix+name] {
			vars = append(vars, config.Prefix+name+"="+value)
		}
	}
	return vars, nil
}

// publicURL is where a browser on this machine finds a listener.
func publicURL(listen string) string {
	host, port, _ := net.SplitHostPort(listen)
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port)
}

// keptSecret is drawn at the first start, so that devices stay known over restarts.
func keptSecret(path string) (string, error) {
	if b, err := os.ReadFile(path); err == nil { // #nosec G304 -- in the data folder
		return string(b), nil
	}
	var raw [32]byte
	if _, err := rand.Read(raw[:]); err != nil {
		return "", err
	}
	secret := hex.EncodeToString(raw[:])
	return secret, os.WriteFile(path, []byte(secret), 0o600)
}

// allowOrigin lets any page served from this machine call, besides those listed.
func (v stack) allowOrigin(cfg config.Config) func(string) bool {
	allowed := config.AllowOrigin(cfg.CORSOrigins)
	return func(origin string) bool {
		u, err := url.Parse(origin)
		if err != nil {
			return false
		}
		host := u.Hostname()
		ip := net.ParseIP(host)
		return allowed(origin) || host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
	}
}

// serve runs login first and then the stand-in: like Hasura, the stand-in
// does not start without a key set.
func (v stack) serve(ctx context.Context, env cmd.Environment, cfg config.Config, s *cmd.Service, store *sqlite.Store) error {
	api, ops, err := cmd.Listen(ctx, cfg)
	if err != nil {
		return errors.Join(err, s.Close())
	}
	graphql, err := net.Listen("tcp", v.graphql)
	if err != nil {
		return errors.Join(fmt.Errorf("the stand-in's listener: %w", err), api.Close(), ops.Close(), s.Close())
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	served := make(chan error, 1)
	go func() { served <- s.Run(ctx, api, ops) }()
	hasura, err := v.standIn(ctx, cfg, s, store, "http://"+api.Addr().String())
	if err != nil {
		stop()
		return errors.Join(err, graphql.Close(), <-served)
	}
	for _, problem := range hasura.Problems() {
		s.Log().Warn("inconsistent metadata: left out", zap.String("problem", problem))
	}
	server := &http.Server{Handler: hasura, ReadHeaderTimeout: 10 * time.Second}
	go hasura.Run(ctx)
	go func() { _ = server.Serve(graphql) }()
	fmt.Fprint(env.Stdout, greeting(api.Addr(), graphql.Addr(), ops.Addr(), v.data))
	err = <-served
	return errors.Join(err, server.Close())
}

func (v stack) standIn(ctx context.Context, cfg config.Config, s *cmd.Service, store *sqlite.Store, loginURL string) (*standin.Server, error) {
	meta, err := metadata.Load(hasura.Project())
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
		DB: store.DB(), Dialect: standin.SQLite, AdminSecret: adminSecret,
		JWT: &auth.JWT{
			JWKURL: loginURL + "/.well-known/jwks.json",
			Issuer: cfg.Issuer, Audience: auth.Strings{cfg.Audience}, AllowedSkew: int(token.ClockSkew.Seconds()),
		},
		UnauthorizedRole: "public", ConfiguredHeaderPrecedence: true, AllowOrigin: v.allowOrigin(cfg),
		Report: func(err error) { s.Log().Warn("stand-in", zap.Error(err)) },
	})
}
