package cmd

import (
	"context"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"hasura-login/app/config"
	"hasura-login/app/login"
)

// signUpInvitation holds the flags of the verb.
type signUpInvitation struct {
	language     string
	revoke, list bool
}

func inviteSignUpCommand(env Environment) *cobra.Command {
	var v signUpInvitation
	c := &cobra.Command{
		Use: "invite [EMAIL]", Short: "Mail an invitation to sign up, which works once and for a week, also while sign-up is closed. A newer one replaces it", Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return v.run(c.Context(), env, args) },
	}
	c.Flags().StringVar(&v.language, "language", "", "of the mail, such as de")
	c.Flags().BoolVar(&v.revoke, "revoke", false, "make the open invitation of this address void")
	c.Flags().BoolVar(&v.list, "list", false, "list the open invitations to sign up")
	return c
}

func (v signUpInvitation) run(ctx context.Context, env Environment, args []string) error {
	if v.list == (len(args) == 1) || v.list && v.revoke {
		return fmt.Errorf("%w: either an EMAIL or --list", errUsage)
	}
	cfg, err := Load(env)
	if err != nil {
		return err
	}
	if v.list {
		return v.print(ctx, env)
	}
	if !v.revoke {
		if err := env.takesMail(cfg); err != nil {
			return err
		}
		if linkToInvitation(cfg) == "" {
			return fmt.Errorf("the mail has nothing to link to: set %sMAIL_INVITATION_LINK or %sHOSTED_PAGES=true", config.Prefix, config.Prefix)
		}
	}
	trail, err := verbTrail(cfg)
	if err != nil {
		return err
	}
	return withStore(ctx, env, func(ctx context.Context, cfg config.Config, store Store) error {
		o := login.Operator{Store: store, Audit: trail, Rules: login.Rules{EmailDomains: cfg.EmailDomains()}}
		if v.revoke {
			if err := o.RevokeSignUpInvitation(ctx, store, args[0]); err != nil {
				return login.AsError(err)
			}
			_, err := fmt.Fprintln(env.Stdout, "the invitation is void")
			return err
		}
		i, err := o.Invite(ctx, store, mailSecret(cfg), args[0], v.language)
		if err != nil {
			return login.AsError(err)
		}
		_, err = fmt.Fprintf(env.Stdout, "the mail is queued; its link works until %s at least\n", i.ExpiresAt.Format(time.RFC3339))
		return err
	})
}

func (v signUpInvitation) print(ctx context.Context, env Environment) error {
	return withStore(ctx, env, func(ctx context.Context, _ config.Config, store Store) error {
		list, err := store.Invitations(ctx, "", "", time.Now())
		if err != nil {
			return login.AsError(err)
		}
		out := tabwriter.NewWriter(env.Stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(out, "EMAIL\tINVITED\tEXPIRES")
		for _, i := range list {
			fmt.Fprintf(out, "%s\t%s\t%s\n", i.Email, i.CreatedAt.Format(time.RFC3339), i.ExpiresAt.Format(time.RFC3339))
		}
		return out.Flush()
	})
}
