package cmd

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
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"hasura-login/app/config"
	"hasura-login/app/login"
	"hasura-login/app/standin"
	"hasura-login/app/standin/auth"
	"hasura-login/app/standin/metadata"
	"hasura-login/app/store/sqlite"
	"hasura-login/app/token"
	"hasura-login/hasura"
)

type devVerb struct {
	listen  string
	graphql string
	ops     string
	data    string
}

func devCommand(env Environment) *cobra.Command {
	var v devVerb
	c := verb("dev", "Run everything for development on loopback: login, a stand-in for Hasura, SQLite", func(ctx context.Context, _ []string) error {
		return v.run(ctx, env)
	})
	c.Flags().StringVar(&v.listen, "listen", "127.0.0.1:3000", "the login API")
	c.Flags().StringVar(&v.graphql, "graphql", "127.0.0.1:8080", "the stand-in for Hasura")
	c.Flags().StringVar(&v.ops, "ops", "127.0.0.1:9100", "metrics and health")
	c.Flags().StringVar(&v.data, "data", "./.data", "folder for the database, keys and secrets")
	return c
}

// run serves everything on loopback until interrupted.
func (v devVerb) run(ctx context.Context, env Environment) error {
	cfg, err := v.config(env)
	if err != nil {
		return err
	}
	collectEarlier()
	store, err := sqlite.Open(filepath.Join(v.data, "login.db"))
	if err != nil {
		return err
	}
	alg, err := token.ParseAlgorithm(cfg.JWTAlg)
	if err != nil {
		return errors.Join(err, store.Close())
	}
	p, err := newDevPost(cfg, env.Stdout)
	if err != nil {
		return errors.Join(err, store.Close())
	}
	s, err := newService(cfg, env, env.Stderr, backend{store: store}, p, v.allowOrigin(cfg), func(f token.Folder, h token.Hooks) (*token.Ring, error) {
		return token.Create(f, alg, h)
	})
	if err != nil {
		return errors.Join(err, store.Close())
	}
	return v.serve(ctx, env, s, store)
}

// config is the environment's, with what development adds where it says nothing.
func (v devVerb) config(env Environment) (config.Config, error) {
	if err := os.MkdirAll(v.data, 0o700); err != nil {
		return config.Config{}, err
	}
	set := map[string]bool{}
	for _, entry := range env.Vars {
		name, _, _ := strings.Cut(entry, "=")
		set[strings.TrimSuffix(name, "_FILE")] = true
	}
	defaults := map[string]string{
		"LISTEN": v.listen, "OPS_LISTEN": v.ops, "KEYS_DIR": filepath.Join(v.data, "keys"), "SHUTDOWN_GRACE": "5s",
		"HOSTED_PAGES": "true", "PUBLIC_URL": publicURL(v.listen),
	}
	for _, name := range []string{"ACTION_SECRET", "DEVICE_SECRET"} {
		secret, err := keptSecret(filepath.Join(v.data, strings.ToLower(name)))
		if err != nil {
			return config.Config{}, err
		}
		defaults[name] = secret
	}
	for name, value := range defaults {
		if !set[config.Prefix+name] {
			env.Vars = append(env.Vars, config.Prefix+name+"="+value)
		}
	}
	return load(env)
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

// allowOrigin lets any page served from this machine call, beside those listed.
func (v devVerb) allowOrigin(cfg config.Config) func(string) bool {
	allowed := listed(cfg.CORSOrigins)
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

// serve runs login first and the stand-in beside it: like Hasura, the stand-in
// does not start without a key set.
func (v devVerb) serve(ctx context.Context, env Environment, s *service, store *sqlite.Store) error {
	api, ops, err := listen(ctx, s.cfg)
	if err != nil {
		return errors.Join(err, s.close())
	}
	graphql, err := net.Listen("tcp", v.graphql)
	if err != nil {
		return errors.Join(fmt.Errorf("the stand-in's listener: %w", err), api.Close(), ops.Close(), s.close())
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	served := make(chan error, 1)
	go func() { served <- s.run(ctx, api, ops) }()
	hasura, err := v.standIn(ctx, s, store, "http://"+api.Addr().String())
	if err != nil {
		stop()
		return errors.Join(err, graphql.Close(), <-served)
	}
	for _, problem := range hasura.Problems() {
		s.log.Warn("inconsistent metadata: left out", zap.String("problem", problem))
	}
	server := &http.Server{Handler: hasura, ReadHeaderTimeout: 10 * time.Second}
	go hasura.Run(ctx)
	go func() { _ = server.Serve(graphql) }()
	fmt.Fprint(env.Stdout, greeting(api.Addr(), graphql.Addr(), ops.Addr(), v.data))
	err = <-served
	return errors.Join(err, server.Close())
}

func (v devVerb) standIn(ctx context.Context, s *service, store *sqlite.Store, loginURL string) (*standin.Server, error) {
	meta, err := metadata.Load(hasura.Project())
	if err != nil {
		return nil, err
	}
	adminSecret, err := keptSecret(filepath.Join(v.data, "admin_secret"))
	if err != nil {
		return nil, err
	}
	vars := map[string]string{"LOGIN_URL": loginURL, "ACTION_SECRET": s.cfg.ActionSecret.Values()[0]}
	return standin.New(ctx, standin.Config{
		Metadata: meta, Env: func(name string) (string, bool) { value, ok := vars[name]; return value, ok },
		DB: store.DB(), Dialect: standin.SQLite, AdminSecret: adminSecret,
		JWT: &auth.JWT{
			JWKURL: loginURL + "/.well-known/jwks.json",
			Issuer: s.cfg.Issuer, Audience: auth.Strings{s.cfg.Audience}, AllowedSkew: int(token.ClockSkew.Seconds()),
		},
		UnauthorizedRole: "public", ConfiguredHeaderPrecedence: true, AllowOrigin: v.allowOrigin(s.cfg),
		Report: func(err error) { s.log.Warn("stand-in", zap.Error(err)) },
	})
}

var _ login.Store = (*sqlite.Store)(nil)
