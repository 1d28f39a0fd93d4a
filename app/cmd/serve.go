package cmd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/signal"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"hasura-login/app/config"
	"hasura-login/app/login"
	"hasura-login/app/store/postgres"
	"hasura-login/app/token"
)

// secretPoll is how often a changed database URL is looked for. New connections
// use it at once; this retires the old ones.
const secretPoll = 2 * time.Second

func serveCommand(env Environment) *cobra.Command {
	return verb("serve", "Run in production; configured only by LOGIN_* variables and secret files", func(ctx context.Context, _ []string) error {
		return serve(ctx, env)
	})
}

// serve runs until SIGTERM.
func serve(ctx context.Context, env Environment) error {
	cfg, err := Load(env)
	if err != nil {
		return err
	}
	if err := unusable(cfg); err != nil {
		return fmt.Errorf("the configuration is not usable:\n%w", err)
	}
	p, err := NewPost(cfg)
	if err != nil {
		return fmt.Errorf("the configuration is not usable:\n%w", err)
	}
	b, err := openPostgres(ctx, cfg)
	if err != nil {
		return err
	}
	s, err := NewService(cfg, env, Wiring{Out: env.Stdout, Backend: b, Post: p, AllowOrigin: config.AllowOrigin(cfg.CORSOrigins), OpenRing: openRing(ctx)})
	if err != nil {
		return errors.Join(err, b.Store.Close())
	}
	s.drain = drainFor
	IgnoreClosedOutput()
	CollectEarlier()
	api, ops, err := Listen(ctx, cfg)
	if err != nil {
		return errors.Join(err, s.Close())
	}
	return s.Run(ctx, api, ops)
}

// openRing waits for the database if that keeps the ring: a service that gave up would be
// back only when somebody starts it again, perhaps long after the database.
func openRing(ctx context.Context) func(token.Keys, token.Hooks) (*token.Ring, error) {
	return func(k token.Keys, h token.Hooks) (*token.Ring, error) {
		retry := time.NewTicker(time.Second)
		defer retry.Stop()
		for told := false; ; told = true {
			ring, err := token.Open(k, h)
			if !errors.Is(err, login.ErrUnavailable) {
				return ring, err
			}
			if !told {
				h.OnProblem(token.Problem{File: ".", Text: err.Error() + "; waiting for it"})
			}
			select {
			case <-ctx.Done():
				return nil, err
			case <-retry.C:
			}
		}
	}
}

// IgnoreClosedOutput keeps SIGPIPE from ending a service when the reader of its log has
// gone.
func IgnoreClosedOutput() { signal.Ignore(syscall.SIGPIPE) }

// CollectEarlier has the garbage collector begin when the heap has grown by
// half instead of twice, unless GOGC says otherwise. Half of a busy heap are the
// limiter's tables, which cost the collector nothing; doubling them would.
func CollectEarlier() {
	const goDefault, percent = 100, 50
	if previous := debug.SetGCPercent(percent); previous != goDefault {
		debug.SetGCPercent(previous)
	}
}

// openPostgres makes a store that follows its URL as the secret file changes.
func openPostgres(ctx context.Context, cfg config.Config) (Backend, error) {
	if !cfg.DatabaseURL.IsSet() {
		return Backend{}, errors.New("LOGIN_DATABASE_URL or LOGIN_DATABASE_URL_FILE is not set")
	}
	store, err := postgres.Open(ctx, func() (string, error) {
		if url := cfg.DatabaseURL.Value(); url != "" {
			return url, nil
		}
		return "", errors.New("LOGIN_DATABASE_URL or LOGIN_DATABASE_URL_FILE is not set")
	})
	if err != nil {
		return Backend{}, err
	}
	if cfg.Organizations {
		store.UseOrganizations()
	}
	return Backend{
		Store: store, Keys: store, Draw: store.SharedKey, Time: store.Time, ForgetsAfterFailover: store.ForgetsAfterFailover,
		Run: func(ctx context.Context, log *zap.Logger) {
			if forgets, err := store.ForgetsAfterFailover(ctx); err == nil && forgets {
				log.Warn(asynchronousWarning)
			}
			var tasks sync.WaitGroup
			tasks.Go(func() { followURL(ctx, store, log) })
			tasks.Go(func() { store.Watch(ctx, tellOutage(log)) })
			tasks.Wait()
		},
	}, nil
}

// tellOutage logs when the database goes away and when it is back.
func tellOutage(log *zap.Logger) func(error) {
	return func(err error) {
		if err != nil {
			log.Warn("requests that need the database are refused until it is back", zap.Error(err))
			return
		}
		log.Info("the database is back")
	}
}

// followURL retires connections that were made with an older URL. If the URL cannot be
// read, it keeps the present connections and reports the problem once.
func followURL(ctx context.Context, store *postgres.Store, log *zap.Logger) {
	tick := time.NewTicker(secretPoll)
	defer tick.Stop()
	broken := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		changed, err := store.Refresh()
		if err != nil && !broken {
			log.Warn("the database's URL cannot be used; the last good one stays", zap.Error(err))
		}
		if changed {
			log.Info("the database's URL changed: connections of the old one are retired")
		}
		broken = err != nil
	}
}

// Listen binds both ports before anything is served, so that a port in use is
// an error at once.
func Listen(ctx context.Context, cfg config.Config) (api, ops net.Listener, err error) {
	if api, err = net.Listen("tcp", cfg.Listen); err != nil {
		return nil, nil, fmt.Errorf("the API's listener: %w", err)
	}
	at, err := ownAddress(ctx, cfg.OpsListen)
	if err == nil {
		ops, err = net.Listen("tcp", at)
	}
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("the ops listener: %w", err), api.Close())
	}
	return api, ops, nil
}

var _ login.Store = (*postgres.Store)(nil)
