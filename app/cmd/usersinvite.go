package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hasura-login/app/config"
	"hasura-login/app/login"
	"hasura-login/app/password"
)

type usersInvite struct {
	all, dryRun          bool
	filter               string
	perMinute, perDomain int
}

// inviteFilters say which accounts to invite.
var inviteFilters = map[string]func(login.Account) bool{
	"no-password": func(a login.Account) bool { return password.CheckStored(a.Password) != nil },
	"imported":    func(a login.Account) bool { return !strings.HasPrefix(a.Password, "$2a$") },
}

func inviteCommand(env Environment) *cobra.Command {
	var v usersInvite
	c := verb("invite-reset", "Mail users a link to set a password, paced; for those whose password did not come along. Run again, it invites no one twice in a week", func(ctx context.Context, _ []string) error {
		return v.run(ctx, env)
	})
	c.Flags().BoolVar(&v.all, "all", false, "every user, with or without a password")
	c.Flags().StringVar(&v.filter, "filter", "", "no-password: users without a password; imported: also users who still have the imported password")
	c.Flags().IntVar(&v.perMinute, "per-minute", 60, "mails a minute")
	c.Flags().IntVar(&v.perDomain, "per-domain", 20, "mails a minute to one domain")
	c.Flags().BoolVar(&v.dryRun, "dry-run", false, "count, and say how long it will take")
	return c
}

func (v usersInvite) run(ctx context.Context, env Environment) error {
	wanted, whom, err := v.whom()
	if err != nil {
		return err
	}
	cfg, err := Load(env)
	if err != nil {
		return err
	}
	if !v.dryRun {
		if err := env.takesMail(cfg); err != nil {
			return err
		}
	}
	trail, err := verbTrail(cfg)
	if err != nil {
		return err
	}
	return withStore(ctx, env, func(ctx context.Context, cfg config.Config, store Store) error {
		o := login.Operator{Audit: trail}
		if !v.dryRun {
			if err := o.RecordSetPasswordMailed(ctx, whom); err != nil {
				return err
			}
		}
		done, err := o.MailSetPasswordLinks(ctx, store, login.SetPasswordMails{
			Wanted: wanted, PerMinute: v.perMinute, PerDomain: v.perDomain, Secret: mailSecret(cfg), DryRun: v.dryRun,
		})
		if err != nil {
			return fmt.Errorf("%s queued, not all; run it again for the others: %w", counted(done.Mails, "mail is", "mails are"), login.AsError(err))
		}
		queued := counted(done.Mails, "mail is queued", "mails are queued")
		if v.dryRun {
			queued = counted(done.Mails, "mail would be queued", "mails would be queued")
		}
		fmt.Fprint(env.Stdout, queued)
		if done.Mails > 0 {
			fmt.Fprintf(env.Stdout, ", the last for %s", done.Last.Format(time.RFC3339))
		}
		_, err = fmt.Fprintf(env.Stdout, "; %s an invitation already\n", counted(done.Already, "user has", "users have"))
		return err
	})
}

func (v usersInvite) whom() (wanted func(login.Account) bool, name string, err error) {
	names := []string{"imported", "no-password"}
	wanted, known := inviteFilters[v.filter]
	switch {
	case v.perMinute < 1 || v.perMinute > 6000 || v.perDomain < 1 || v.perDomain > 6000:
		return nil, "", errors.New("--per-minute and --per-domain: between 1 and 6000")
	case v.all == (v.filter != ""):
		return nil, "", fmt.Errorf("%w: either --all or --filter, which is one of: %s", errUsage, strings.Join(names, ", "))
	case v.all:
		return func(login.Account) bool { return true }, "all", nil
	case !known || !slices.Contains(names, v.filter):
		return nil, "", fmt.Errorf("--filter: one of %s", strings.Join(names, ", "))
	}
	return wanted, v.filter, nil
}
