package cmd

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/spf13/cobra"

	"hasura-login/app/clientip"
	"hasura-login/app/config"
	"hasura-login/app/pages"
	"hasura-login/app/ratelimit"
	"hasura-login/app/store/postgres"
	"hasura-login/app/token"
)

func checkCommand(env Environment) *cobra.Command {
	var online bool
	c := verb("check", "Read the configuration, report every error at once, print it masked", func(ctx context.Context, _ []string) error {
		if err := checkConfig(env); err != nil || !online {
			return err
		}
		return checkDatabase(ctx, env)
	})
	c.Flags().BoolVar(&online, "online", false, "also ask the database")
	return c
}

// asynchronousWarning is what an operator should know about standbys.
const asynchronousWarning = "Postgres has standbys and waits for none (synchronous_standby_names is empty): after a failover, a session that was signed out or an old password can work again; see docs/sizing.md"

func checkDatabase(ctx context.Context, env Environment) error {
	cfg, err := Load(env)
	if err != nil {
		return err
	}
	b, err := openPostgres(ctx, cfg)
	if err != nil {
		return err
	}
	defer b.Store.Close()
	forgets, err := b.ForgetsAfterFailover(ctx)
	if err != nil {
		return err
	}
	if forgets {
		fmt.Fprintln(env.Stdout, "Warning: "+asynchronousWarning)
	}
	return nil
}

// checkConfig prints every setting as it was understood, then every problem.
func checkConfig(env Environment) error {
	cfg, lines, err := config.Load(env.Vars)
	for _, line := range lines {
		fmt.Fprintln(env.Stdout, line)
	}
	problems := problemLines(err, unusable(cfg))
	if len(problems) == 0 {
		fmt.Fprintln(env.Stdout, "\nThe configuration is usable.")
		return nil
	}
	fmt.Fprintf(env.Stderr, "\n%d problem(s):\n", len(problems))
	for _, p := range problems {
		fmt.Fprintln(env.Stderr, "  "+p)
	}
	return errFailed
}

// unusable is every problem that serve would meet after reading the settings, found
// by the code that serve itself runs; it connects to nothing.
func unusable(cfg config.Config) error {
	problems := []error{cfg.Missing()}
	add := func(name string, err error) {
		if err != nil {
			problems = append(problems, fmt.Errorf("%s%s: %w", config.Prefix, name, err))
		}
	}
	if url := cfg.DatabaseURL.Value(); url != "" {
		add("DATABASE_URL", postgres.CheckURL(url))
	}
	if url := cfg.RedisURL.Value(); url != "" {
		add("REDIS_URL", ratelimit.CheckRedisURL(url))
	}
	add("ISSUER", token.Names{Issuer: cfg.Issuer, Audience: cfg.Audience}.Check())
	_, limitsErr := limits(cfg)
	_, nat64Err := nat64(cfg)
	_, lookErr := loadLook(cfg)
	var postErr, pagesErr error
	if lookErr == nil {
		_, postErr = NewPost(cfg)
		_, pagesErr = newPages(cfg, pages.Deps{}, true)
	}
	_, passkeysErr := newPasskeys(cfg)
	_, providersErr := loadProviders(cfg, nil)
	return errors.Join(append(problems, limitsErr, nat64Err, lookErr, postErr, pagesErr, passkeysErr, providersErr)...)
}

func problemLines(errs ...error) []string {
	var lines []string
	for _, err := range errs {
		if err != nil {
			lines = append(lines, strings.Split(err.Error(), "\n")...)
		}
	}
	return lines
}

func nat64(cfg config.Config) (netip.Prefix, error) {
	return clientip.ParseNAT64(config.Prefix+"NAT64_PREFIX", cfg.NAT64Prefix)
}

// limits reads the LIMIT_* settings; the error joins every problem.
func limits(cfg config.Config) (ratelimit.Limits, error) {
	var l ratelimit.Limits
	var problems []string
	for _, setting := range []struct {
		name, value string
		into        *ratelimit.Limit
	}{
		{"LIMIT_SIGNIN_CLIENT", cfg.LimitSigninClient, &l.SignInClient},
		{"LIMIT_DEVICE_CLIENT", cfg.LimitDeviceClient, &l.DeviceClient},
		{"LIMIT_SIGNIN_ACCOUNT", cfg.LimitSigninAccount, &l.SignInAccount},
		{"LIMIT_SIGNUP_CLIENT", cfg.LimitSignupClient, &l.SignUpClient},
		{"LIMIT_REFRESH_CLIENT", cfg.LimitRefreshClient, &l.RefreshClient},
		{"LIMIT_REFRESH_SESSION", cfg.LimitRefreshSession, &l.RefreshSession},
		{"LIMIT_RESET_CLIENT", cfg.LimitResetClient, &l.ResetClient},
		{"LIMIT_RESET_ACCOUNT", cfg.LimitResetAccount, &l.ResetAccount},
		{"LIMIT_MAIL_STRANGERS", cfg.LimitMailStrangers, &l.MailStrangers},
	} {
		parsed, err := ratelimit.ParseLimit(config.Prefix+setting.name, setting.value)
		if err != nil {
			problems = append(problems, err.Error())
		}
		*setting.into = parsed
	}
	if len(problems) > 0 {
		return l, fmt.Errorf("%s", strings.Join(problems, "\n"))
	}
	return l, nil
}
