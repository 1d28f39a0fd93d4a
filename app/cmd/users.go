package cmd

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hasura-login/app/config"
	"hasura-login/app/login"
	"hasura-login/app/mail"
)

// UsersCommand holds the verbs of operators for users.
func UsersCommand(env Environment) *cobra.Command {
	var page usersList
	var create usersCreate
	var asJSON, yes, withOrganizations bool
	list := verb("list", "List users, sorted by e-mail address", func(ctx context.Context, _ []string) error {
		return page.run(ctx, env, asJSON)
	})
	list.Flags().StringVar(&page.email, "email", "", "only addresses that contain this text")
	list.Flags().IntVar(&page.limit, "limit", 100, "how many to print at most, 0 for every user; the last line says how to continue")
	list.Flags().StringVar(&page.after, "after", "", "continue after this address")
	show := verb("show USER", "Show one user, by id or e-mail, with its accounts at providers and its live sessions", func(ctx context.Context, args []string) error {
		return showUser(ctx, env, args[0], asJSON)
	})
	add := verb("create EMAIL", "Add a user; the password is asked for, or read from stdin", func(ctx context.Context, args []string) error {
		return create.run(ctx, env, args[0], asJSON)
	})
	add.Flags().StringVar(&create.name, "name", "", "display name (required)")
	add.Flags().BoolVar(&create.noPassword, "no-password", false, "without a password: the user cannot sign in until a reset link or set-password sets one")
	add.Flags().StringSliceVar(&create.roles, "roles", nil, "roles, comma-separated; default: LOGIN_DEFAULT_ROLES")
	for _, c := range []*cobra.Command{list, show, add} {
		c.Flags().BoolVar(&asJSON, "json", false, "for scripts")
	}
	remove := verb("delete USER", "Delete a user and all data that belongs to it", func(ctx context.Context, args []string) error {
		return deleteUser(ctx, env, args[0], yes, withOrganizations)
	})
	remove.Flags().BoolVar(&yes, "yes", false, "do not ask")
	remove.Flags().BoolVar(&withOrganizations, "with-organizations", false, "also delete the organizations that would have no owner")
	return group("users", "The users, for operators; USER is an id or an e-mail address", list, show, add,
		change(env, "disable USER", "Close an account; its sessions end", "disabled; its sessions have ended, tokens already out expire within LOGIN_ACCESS_TTL",
			func(ctx context.Context, o *login.Operator, args []string) error {
				return o.SetDisabled(ctx, args[0], true)
			}),
		change(env, "enable USER", "Open a closed account", "enabled",
			func(ctx context.Context, o *login.Operator, args []string) error {
				return o.SetDisabled(ctx, args[0], false)
			}),
		change(env, "set-roles USER ROLE...", "Replace a user's roles; the first is the default. Sessions end", "roles replaced; sessions have ended, tokens already out keep the old roles until they expire",
			func(ctx context.Context, o *login.Operator, args []string) error {
				return o.SetRoles(ctx, args[0], roleList(args[1:]))
			}),
		verb("set-password USER", "Replace a password; it is asked for, or read from stdin. Sessions end", func(ctx context.Context, args []string) error {
			return setPassword(ctx, env, args[0])
		}),
		change(env, "reset-second-factor USER", "Remove a user's passkeys, authenticator app and recovery codes. Sessions end", "second factors removed; sessions have ended. The user signs in with the password, or with one that users reset-link gives",
			func(ctx context.Context, o *login.Operator, args []string) error {
				return o.ResetSecondFactor(ctx, args[0])
			}),
		verb("reseal-totp", "Encrypt every stored TOTP secret with the newest key", func(ctx context.Context, _ []string) error {
			return resealTOTP(ctx, env)
		}),
		change(env, "sign-out USER", "End all sessions of a user", "signed out everywhere; tokens already out expire within LOGIN_ACCESS_TTL",
			func(ctx context.Context, o *login.Operator, args []string) error { return o.SignOut(ctx, args[0]) }),
		change(env, "verify USER", "Mark a user's address as verified, without a mail", "marked as verified; tokens already out say so once they are refreshed",
			func(ctx context.Context, o *login.Operator, args []string) error {
				return o.SetEmailVerified(ctx, args[0])
			}),
		verb("reset-link USER", "Print a link, or a token, to set a new password; for users who get no mail. A newer one replaces it", func(ctx context.Context, args []string) error {
			return resetLink(ctx, env, args[0])
		}),
		verb("open-session USER", "Open a session of a user and print it as JSON. Who has it acts as the user; audited", func(ctx context.Context, args []string) error {
			return openSession(ctx, env, args[0])
		}),
		setClaimsCommand(env),
		normalizeCommand(env),
		importCommand(env),
		exportCommand(env),
		inviteCommand(env),
		inviteSignUpCommand(env),
		verb("export-one USER", "Print all that login keeps about a user, as JSON, without hashes and secrets; audited", func(ctx context.Context, args []string) error {
			return exportUser(ctx, env, args[0])
		}),
		replayCommand(env),
		verb("why USER", "What keeps a user from signing in: account, refusals, limits in force, mails", func(ctx context.Context, args []string) error {
			return whyUser(ctx, env, args[0])
		}),
		verb("unlock USER", "Clear the limits in force for an account; audited", func(ctx context.Context, args []string) error {
			return unlockUser(ctx, env, args[0])
		}),
		remove,
	)
}

// change makes a verb that does one thing to one user and says so.
func change(env Environment, use, short, done string, act func(ctx context.Context, o *login.Operator, args []string) error) *cobra.Command {
	return verb(use, short, func(ctx context.Context, args []string) error {
		return changeUser(ctx, env, done, func(ctx context.Context, o *login.Operator) error { return act(ctx, o, args) })
	})
}

// roleList takes roles as several arguments or separated by commas.
func roleList(args []string) []string { return strings.Split(strings.Join(args, ","), ",") }

type usersCreate struct {
	name       string
	noPassword bool
	roles      []string
}

func (v usersCreate) run(ctx context.Context, env Environment, email string, asJSON bool) error {
	create := func(ctx context.Context, o *login.Operator) (login.UserAccount, error) {
		return o.CreateWithoutPassword(ctx, email, v.name, v.roles)
	}
	if !v.noPassword {
		secret, err := askPassword(env)
		if err != nil {
			return err
		}
		create = func(ctx context.Context, o *login.Operator) (login.UserAccount, error) {
			return o.Create(ctx, email, v.name, secret, v.roles)
		}
	}
	return changing(ctx, env, func(ctx context.Context, o *login.Operator) error {
		ua, err := create(ctx, o)
		if err != nil {
			return err
		}
		if asJSON {
			return showJSON(env.Stdout, shownUserOf(ua))
		}
		_, err = fmt.Fprintf(env.Stdout, "created user %s\n", ua.User.ID)
		return err
	})
}

func setPassword(ctx context.Context, env Environment, ref string) error {
	secret, err := askPassword(env)
	if err != nil {
		return err
	}
	return changeUser(ctx, env, "password replaced; sessions have ended", func(ctx context.Context, o *login.Operator) error {
		return o.SetPassword(ctx, ref, secret)
	})
}

// resetLink prints a link if LOGIN_MAIL_RESET_LINK is set, otherwise only the token. It
// gives access to the account, so it goes only to stdout.
func resetLink(ctx context.Context, env Environment, ref string) error {
	cfg, err := Load(env)
	if err != nil {
		return err
	}
	return changing(ctx, env, func(ctx context.Context, o *login.Operator) error {
		token, stored, err := o.ResetToken(ctx, ref)
		if err != nil {
			return err
		}
		if to := linkToReset(cfg); to != "" {
			link, err := mail.ParseLink(to)
			if err != nil {
				return fmt.Errorf("%sMAIL_RESET_LINK: %w", config.Prefix, err)
			}
			token = link.With(token)
		}
		fmt.Fprintf(env.Stderr, "good for one use, until %s\n", stored.ExpiresAt.Format(time.RFC3339))
		_, err = fmt.Fprintln(env.Stdout, token)
		return err
	})
}

func deleteUser(ctx context.Context, env Environment, ref string, yes, withOrganizations bool) error {
	if !yes && !confirmed(env, "Delete the user and all its data?") {
		return errors.New("nothing was changed")
	}
	return changeUser(ctx, env, "deleted", func(ctx context.Context, o *login.Operator) error {
		return o.Delete(ctx, ref, withOrganizations)
	})
}
