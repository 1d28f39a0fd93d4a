package cmd

import (
	"context"
	"fmt"
	"hasura-login/app/config"
	"hasura-login/app/login"
	"hasura-login/app/password"
	"time"
)

// changing opens trail and store for a verb that changes something. Access tokens
// that are out, and WebSockets that Hasura has accepted, live on until the token
// expires.
func changing(ctx context.Context, env Environment, use func(ctx context.Context, o *login.Operator) error) error {
	cfg, err := Load(env)
	if err != nil {
		return err
	}
	trail, err := verbTrail(cfg)
	if err != nil {
		return err
	}
	return withOperator(ctx, env, func(ctx context.Context, o *login.Operator) error {
		o.Audit = trail
		return use(ctx, o)
	})
}

// withOperator opens the store for a verb that only reads.
func withOperator(ctx context.Context, env Environment, use func(ctx context.Context, o *login.Operator) error) error {
	return withStore(ctx, env, func(ctx context.Context, cfg config.Config, store Store) error {
		return useOperator(ctx, cfg, store, use)
	})
}

// withUser finds a user with its live sessions, for a verb that shows it.
func withUser(ctx context.Context, env Environment, ref string, show func(ctx context.Context, cfg config.Config, store Store, ua login.UserAccount, sessions []login.Session) error) error {
	return withStore(ctx, env, func(ctx context.Context, cfg config.Config, store Store) error {
		return useOperator(ctx, cfg, store, func(ctx context.Context, o *login.Operator) error {
			ua, err := o.Find(ctx, ref)
			if err != nil {
				return err
			}
			sessions, err := o.Sessions(ctx, ua.User.ID)
			if err != nil {
				return err
			}
			return show(ctx, cfg, store, ua, sessions)
		})
	})
}

// withStore opens the store for one verb.
func withStore(ctx context.Context, env Environment, use func(ctx context.Context, cfg config.Config, store Store) error) error {
	return withBackend(ctx, env, func(ctx context.Context, cfg config.Config, b Backend) error { return use(ctx, cfg, b.Store) })
}

func withBackend(ctx context.Context, env Environment, use func(ctx context.Context, cfg config.Config, b Backend) error) error {
	cfg, err := Load(env)
	if err != nil {
		return err
	}
	open := openPostgres
	if env.Open != nil {
		open = env.Open
	}
	b, err := open(ctx, cfg)
	if err != nil {
		return err
	}
	defer b.Store.Close()
	return use(ctx, cfg, b)
}

func useOperator(ctx context.Context, cfg config.Config, store Store, use func(ctx context.Context, o *login.Operator) error) error {
	hasher, err := password.New(password.Config{Cost: cfg.BcryptCost, Workers: 1, MaxWait: cfg.HashQueueMaxWait})
	if err != nil {
		return err
	}
	defer hasher.Close()
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	err = use(ctx, &login.Operator{
		Store: store, Mail: store, Emails: store, Organizations: store, Claims: claimSources(cfg, store), Hasher: hasher, Policy: password.NewPolicy(cfg.PasswordMinLength), Tokens: tokenNames(cfg),
		Roles: cfg.DefaultRoles,
	})
	if err != nil {
		err = login.AsError(err)
	}
	return err
}

func changeUser(ctx context.Context, env Environment, done string, change func(ctx context.Context, o *login.Operator) error) error {
	return changing(ctx, env, func(ctx context.Context, o *login.Operator) error {
		if err := change(ctx, o); err != nil {
			return err
		}
		_, err := fmt.Fprintln(env.Stdout, done)
		return err
	})
}
