package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"hasura-login/app/audit"
	"hasura-login/app/clientip"
	"hasura-login/app/clock"
	"hasura-login/app/config"
	"hasura-login/app/control"
	"hasura-login/app/device"
	"hasura-login/app/httpapi"
	"hasura-login/app/login"
	"hasura-login/app/logsink"
	"hasura-login/app/mail"
	"hasura-login/app/metrics"
	"hasura-login/app/password"
	"hasura-login/app/ratelimit"
	"hasura-login/app/token"
	"hasura-login/app/totp"
)

const (
	refreshGrace = 10 * time.Second
	maxSessions  = 20
	// drainFor is how long a stopping service still takes new requests: nginx
	// may be sending the last ones while it is being told of the successor.
	drainFor = 3 * time.Second
)

// Backend is the store of a verb, and the task that must run alongside it.
type Backend struct {
	Store Store
	Keys  token.Table                                            // nil: it can keep no signing keys
	Draw  func(ctx context.Context, name string) ([]byte, error) // nil: there are no other replicas
	Time  func(ctx context.Context) (time.Time, error)           // that all replicas share; nil: there are none
	// ForgetsAfterFailover is whether a failover undoes the newest changes; nil: there is none.
	ForgetsAfterFailover func(ctx context.Context) (bool, error)
	Run                  func(ctx context.Context, log *zap.Logger) // nil: nothing
}

// Store is all that a store keeps.
type Store interface {
	login.Store
	login.MailStore
	login.EmailStore
	login.Outbox
	login.CredentialStore
	login.PasskeyStore
	login.ImportStore
	login.IdentityStore
	login.InvitationStore
	login.OrganizationStore
	// Observe sets a function that is called after every call: what was done, how it
	// ended, how long it took.
	Observe(func(doing string, err error, took time.Duration))
}

// Service is everything that runs behind one pair of listeners.
type Service struct {
	cfg      config.Config
	log      *zap.Logger
	logs     *logsink.Sink
	clock    *clock.Clock
	store    Store
	backend  Backend
	ring     *token.Ring
	hasher   *password.HashLimiter
	limiter  *ratelimit.Limiter
	login    *login.Service
	mail     *mail.Worker // nil: no mail is sent
	metrics  *metrics.Metrics
	writable func(ctx context.Context) error // whether the store can write, as it was a moment ago
	trail    *audit.Trail
	api      *httpapi.API
	ops      *http.Server
	drain    time.Duration
}

// Wiring is what differs between production and development.
type Wiring struct {
	Out         io.Writer // of the log
	Backend     Backend
	Post        *Post // nil: no mail is sent
	AllowOrigin func(origin string) bool
	Clock       func() time.Time // this machine's; nil: time.Now
	// OpenRing opens the key ring, or makes a missing one.
	OpenRing func(token.Keys, token.Hooks) (*token.Ring, error)
}

// NewService wires a service; nothing runs yet.
func NewService(cfg config.Config, env Environment, w Wiring) (*Service, error) {
	lims, err := limits(cfg)
	if err != nil {
		return nil, err
	}
	prefix, err := nat64(cfg)
	if err != nil {
		return nil, err
	}
	level, err := zapcore.ParseLevel(cfg.LogLevel)
	if err != nil {
		return nil, err
	}
	s := &Service{cfg: cfg, backend: w.Backend, clock: clock.New(time.Now)}
	if w.Clock != nil {
		s.clock = clock.New(w.Clock)
	}
	// Its metrics are named before there is anybody to count.
	providers, err := loadProviders(cfg, s)
	if err != nil {
		return nil, err
	}
	s.metrics = metrics.New(env.Version, routes(cfg), namesOf(providers)...)
	logs := newLoggers(w.Out, level, s.metrics)
	s.log, s.logs = logs.direct, logs.sink
	s.store = w.Backend.Store
	s.store.Observe(s.metrics.Store)
	s.writable = httpapi.Cached(s.store.Ping)
	if s.trail, err = openTrail(cfg, s.store, s.metrics, s.log); err != nil {
		return nil, err
	}
	auditor := metrics.CountingAuditor(s.trail, s.metrics)
	ring, err := keys(cfg, w.Backend.Keys)
	if err != nil {
		return nil, err
	}
	ring.Now = s.clock.Now
	if s.ring, err = w.OpenRing(ring, s.ringHooks(auditor)); err != nil {
		return nil, err
	}
	names := tokenNames(cfg)
	issuer, err := token.NewIssuer(s.ring, names)
	if err != nil {
		return nil, err
	}
	verifier, err := token.NewVerifier(s.ring, names)
	if err != nil {
		return nil, err
	}
	if s.limiter, err = ratelimit.New(ratelimit.Config{Limits: lims, RedisURL: redisURL(cfg), Observer: s.metrics, Now: s.clock.Now}); err != nil {
		return nil, err
	}
	if s.hasher, err = password.New(password.Config{Cost: cfg.BcryptCost, Workers: cfg.HashWorkers, MaxWait: cfg.HashQueueMaxWait, Observer: s.metrics}); err != nil {
		return nil, err
	}
	queued := func() {}
	if w.Post != nil {
		s.mail = newMailWorker(cfg, s.clock.Now, w.Post, w.Backend.Store, s.metrics, s.log)
		queued = s.mail.Wake
	}
	ceremonies, err := newPasskeys(cfg)
	if err != nil {
		return nil, err
	}
	s.login = login.NewService(login.Deps{
		Store: s.store, Mail: s.store, Credentials: s.store, Identities: s.store, Invitations: s.store, Organizations: organizations(cfg, s.store), PasskeyStore: s.store, Passkeys: ceremonies, OneTimePasswords: oneTimePasswords(cfg), MailSecret: mailSecret(cfg), MailQueued: queued, Hasher: s.hasher, Policy: password.NewPolicy(cfg.PasswordMinLength), Issuer: issuer, Now: s.clock.Now,
		Limiter: s.limiter, Devices: device.NewTokens(func() [][]byte { return bytesOf(cfg.ServerSecret.Values()) }), Audit: auditor, Providers: infosOf(providers),
		Claims: claimSources(cfg, s.store),
	}, rules(cfg, w.Post != nil))
	site, err := newPages(cfg, pageDeps(cfg, s.clock.Now, s.store, s.login, verifier, providers), w.Post != nil)
	if err != nil {
		return nil, err
	}
	s.api = httpapi.New(httpapi.Config{
		Service: s.login, Verifier: verifier, JWKS: s.ring.JWKS, Ready: s.ready,
		ActionSecrets: cfg.ActionSecret.Values, Calls: s.limiter,
		Clients:     clientip.New(cfg.EdgeSecret.Values, prefix),
		AllowOrigin: w.AllowOrigin, Origin: cfg.Origin(), Audit: auditor, Observer: s.metrics, Log: logs.requests, Pages: site,
	})
	s.metrics.SetTokensIssued(func(alg string) uint64 { return issuer.Issued(token.Algorithm(alg)) })
	s.observe()
	return s, nil
}

// organizations is nil unless the settings say that the service keeps organisations.
func organizations(cfg config.Config, store Store) login.OrganizationStore {
	if cfg.Organizations {
		return store
	}
	return nil
}

// claimSources returns the store's sources of claims that are not part of the account.
func claimSources(cfg config.Config, store Store) []login.ClaimSource {
	var sources []login.ClaimSource
	if function, ok := store.(login.ClaimsFunction); ok { // SQLite has no functions
		sources = append(sources, login.FunctionClaims{Function: function, Rules: tokenNames(cfg)})
	}
	if cfg.Organizations {
		sources = append(sources, login.OrganizationClaims{Store: store})
	}
	return sources
}

func rules(cfg config.Config, mailEnabled bool) login.Rules {
	return login.Rules{
		SignUp: login.SignUpMode(cfg.SignUp), EmailDomains: cfg.EmailDomains(), DefaultRoles: cfg.DefaultRoles,
		RefreshTTL: cfg.RefreshTTL, RefreshIdle: cfg.RefreshIdle, RefreshGrace: refreshGrace, MaxSessions: maxSessions,
		MailEnabled: mailEnabled, MailSignIn: login.MailSignIn(cfg.MailSignIn), RequireVerifiedEmail: cfg.RequireVerifiedEmail, Notices: cfg.Notices(),
		SecondFactorRoles: cfg.SecondFactorRoles, ElevationTTL: cfg.ElevationTTL, RememberDevice: cfg.RememberDevice,
	}
}

// oneTimePasswords names the service to authenticator apps as browsers see it.
func oneTimePasswords(cfg config.Config) *totp.Secrets {
	name := cfg.Issuer
	if u, err := url.Parse(cfg.Origin()); err == nil && u.Host != "" {
		name = u.Host
	}
	return totp.New(cmp.Or(cfg.HostedPagesName, name), cfg.TOTPSecret.Values)
}

// observe connects the metrics with the values that they read at each scrape, and makes
// the ops listener.
func (s *Service) observe() {
	s.metrics.SetHashQueueLength(s.hasher.Len)
	s.metrics.SetHashWorkers(s.cfg.Workers())
	s.metrics.Keys(func() metrics.KeyStates {
		status := s.ring.Status()
		return metrics.KeyStates{
			Pending: status.Keys[token.Pending], Active: status.Keys[token.Active], Retired: status.Keys[token.Retired],
			ActiveAge: status.ActiveAge, Problems: status.Problems,
		}
	})
	keys := httpapi.Check{Name: "keys", Run: func(context.Context) error { return s.ring.Check() }}
	store := httpapi.Check{Name: "store", Run: s.writable}
	trail := httpapi.Check{Name: "audit", Advisory: true, Run: func(context.Context) error { return s.trail.Writable() }}
	log := httpapi.Check{Name: "log", Advisory: true, Run: func(context.Context) error { return s.logs.Check() }}
	s.ops = httpapi.OpsServer(httpapi.Ops(s.metrics.Handler(), []httpapi.Check{keys}, []httpapi.Check{store, trail, log}))
	s.ops.ErrorLog, _ = zap.NewStdLogAt(s.log, zap.WarnLevel) // fails for other levels only
}

func (s *Service) ready(ctx context.Context) error {
	return errors.Join(s.ring.Check(), s.writable(ctx))
}

func (s *Service) ringHooks(auditor login.Auditor) token.Hooks {
	return token.Hooks{
		OnProblem: func(p token.Problem) { s.log.Warn("key ring", zap.Stringer("problem", p)) },
		OnChange: func(c token.Change) {
			s.log.Info("signing key", zap.String("kid", c.KID), zap.String("from", string(c.From)), zap.String("to", string(c.To)))
			if c.Revoked {
				auditor.Record(context.Background(), login.Event{Name: login.EventKeyRevoked, Reason: c.KID})
			} else if c.To == token.Active {
				auditor.Record(context.Background(), login.Event{Name: login.EventKeyRotated, Reason: c.KID})
			}
		},
	}
}

// Log is where the service writes.
func (s *Service) Log() *zap.Logger { return s.log }

// Run serves on both listeners until ctx ends, then stops in good order: new
// requests are still taken for a moment, everything in flight is answered.
func (s *Service) Run(ctx context.Context, api, ops net.Listener) error {
	// The output of libraries goes the same way, because stderr can block like stdout.
	restore, err := zap.RedirectStdLogAt(s.log, zap.WarnLevel)
	if err != nil {
		return errors.Join(err, s.Close())
	}
	defer restore()
	background, stopBackground := context.WithCancel(context.WithoutCancel(ctx))
	var tasks sync.WaitGroup
	tasks.Go(func() { s.ring.Run(background) })
	tasks.Go(func() { s.trail.Run(background) })
	if s.backend.Time != nil {
		told := func(err error) { s.log.Warn("clock", zap.Error(err)) }
		if err := s.clock.Ask(ctx, s.backend.Time); err != nil {
			told(err)
		}
		tasks.Go(func() { s.clock.Follow(background, s.backend.Time, told) })
	}
	tasks.Go(func() { s.shareLimits(background) })
	tasks.Go(func() {
		if err := control.Serve(background, s.cfg.AuditDir, s.limiter); err != nil {
			s.log.Warn("users why and unlock cannot ask this process", zap.Error(err))
		}
	})
	tasks.Go(func() {
		login.RunSweeper(background, s.store, s.clock.Now, refreshGrace, func(err error) { s.log.Warn("sweeping", zap.Error(err)) })
	})
	tasks.Go(func() {
		login.RunGauge(background, s.backend.Store, s.hasher, func(err error) { s.log.Warn("measuring imported hashes", zap.Error(err)) })
	})
	if s.cfg.UnopenedTTL > 0 {
		tasks.Go(func() {
			s.login.RunRemover(background, s.cfg.UnopenedTTL, func(err error) { s.log.Warn("removing unopened accounts", zap.Error(err)) })
		})
	}
	if s.mail != nil {
		tasks.Go(func() { s.mail.Run(background) })
	}
	if s.backend.Run != nil {
		tasks.Go(func() { s.backend.Run(background, s.log) })
	}
	failed := make(chan error, 2)
	go func() { failed <- s.api.Serve(api) }()
	go func() { failed <- s.ops.Serve(ops) }()
	s.log.Info("serving", zap.Stringer("api", api.Addr()), zap.Stringer("ops", ops.Addr()))
	ForgetStart()
	select {
	case err = <-failed:
	case <-ctx.Done():
		s.log.Info("stopping: answering the requests in flight")
		s.api.Drain()
		time.Sleep(s.drain)
		err = s.shutdown()
	}
	stopBackground()
	tasks.Wait()
	return errors.Join(err, s.Close())
}

func (s *Service) shutdown() error {
	ctx, cancel := context.WithTimeout(context.Background(), s.cfg.ShutdownGrace)
	defer cancel()
	if err := s.api.Shutdown(ctx); err != nil {
		return fmt.Errorf("requests were cut off after %s: %w", s.cfg.ShutdownGrace, err)
	}
	return s.ops.Close()
}

// Close ends a service that does not run.
func (s *Service) Close() error {
	s.login.Wait()
	s.hasher.Close()
	s.limiter.Close()
	s.trail.Close()
	err := s.store.Close()
	s.log.Info("stopped")
	s.logs.Close()
	return err
}

// shareLimits gives the limiter the key that all replicas count with. Until the database
// has answered, this replica counts with a key of its own: without the database, no attempt
// can succeed anyway. The key does not depend on a secret, so no rotation resets the counts.
func (s *Service) shareLimits(ctx context.Context) {
	if s.backend.Draw == nil || !s.cfg.RedisURL.IsSet() {
		return
	}
	retry := time.NewTicker(time.Second)
	defer retry.Stop()
	for {
		key, err := s.backend.Draw(ctx, "limits")
		if err == nil {
			s.limiter.SetKey(key)
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-retry.C:
		}
	}
}

func redisURL(cfg config.Config) func() string {
	if !cfg.RedisURL.IsSet() {
		return nil
	}
	return cfg.RedisURL.Value
}

func bytesOf(values []string) [][]byte {
	list := make([][]byte, len(values))
	for i, v := range values {
		list[i] = []byte(v)
	}
	return list
}
