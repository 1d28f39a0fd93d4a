package cmd

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"hasura-login/app/login"
)

func normalizeCommand(env Environment) *cobra.Command {
	var dryRun bool
	c := verb("normalize", "Bring addresses of before to their one form (docs/runbooks/addresses.md). Tells of each, and of those that a person must decide", func(ctx context.Context, _ []string) error {
		return normalizeUsers(ctx, env, dryRun)
	})
	c.Flags().BoolVar(&dryRun, "dry-run", false, "change nothing")
	return c
}

// normalizeUsers fails if any address keeps a form that no sign-in can find.
func normalizeUsers(ctx context.Context, env Environment, dryRun bool) error {
	done, left := 0, 0
	open := changing
	if dryRun {
		open = withOperator
	}
	// A large table takes longer than other verbs have.
	err := open(ctx, env, func(_ context.Context, o *login.Operator) error {
		t := tabwriter.NewWriter(env.Stdout, 0, 4, 2, ' ', 0)
		err := o.NormalizeEmails(ctx, dryRun, func(r login.Respelling) error {
			outcome := "respelled"
			var refused *login.Error
			switch {
			case r.Err == nil && dryRun:
				outcome = "would be respelled"
			case errors.Is(r.Err, login.ErrEmailTaken):
				outcome = "clash: another user has, or would get, this address"
			case errors.Is(r.Err, login.ErrStale):
				outcome = "changed meanwhile: run this again"
			case errors.As(r.Err, &refused):
				outcome = "no address: " + refused.Message
			}
			if r.Err == nil {
				done++
			} else {
				left++
			}
			_, err := fmt.Fprintf(t, "%s\t%q\t%s\t%s\n", r.UserID, r.From, r.To, outcome)
			return err
		})
		return errors.Join(err, t.Flush())
	})
	switch {
	case err != nil:
		return err
	case left > 0:
		return fmt.Errorf("%s their form, and nobody can sign in with them: see docs/runbooks/addresses.md", counted(left, "address keeps", "addresses keep"))
	case done == 0:
		fmt.Fprintln(env.Stdout, "every address is in its form")
	}
	return nil
}
