package cmd

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"hasura-login/app/config"
	"hasura-login/app/login"
	"hasura-login/app/mail"
	"hasura-login/app/password"
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
		return useOperator(ctx, env, cfg, store, use)
	})
}

// withStore opens the store for one verb.
func withStore(ctx context.Context, env Environment, use func(ctx context.Context, cfg config.Config, store Store) error) error {
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
	return use(ctx, cfg, b.Store)
}

func useOperator(ctx context.Context, _ Environment, cfg config.Config, store Store, use func(ctx context.Context, o *login.Operator) error) error {
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

// shownUser is a user as operators see it: never a hash.
type shownUser struct {
	ID          string            `json:"id"`
	Email       string            `json:"email"`
	Name        string            `json:"name"`
	Roles       []string          `json:"roles"`
	DefaultRole string            `json:"defaultRole"`
	Claims      map[string]string `json:"claims,omitempty"`
	State       string            `json:"state"` // enabled or disabled
	CreatedAt   time.Time         `json:"createdAt"`
	VerifiedAt  time.Time         `json:"emailVerifiedAt,omitzero"`
	DisabledAt  time.Time         `json:"disabledAt,omitzero"`
	Identities  []shownIdentity   `json:"identities,omitempty"`
	Sessions    []shownSession    `json:"sessions,omitempty"`
}

type shownSession struct {
	ID         string    `json:"id"`
	Client     string    `json:"client"`
	Prefix     string    `json:"clientPrefix"`
	CreatedAt  time.Time `json:"createdAt"`
	LastUsedAt time.Time `json:"lastUsedAt"`
	AMR        []string  `json:"amr,omitempty"` // how its owner has proved who they are (RFC 8176)
}

func shownSessionsOf(sessions []login.Session) []shownSession {
	shown := make([]shownSession, len(sessions))
	for i, s := range sessions {
		shown[i] = shownSession{s.ID, s.ClientName, s.ClientPrefix, s.CreatedAt.UTC(), s.LastUsedAt.UTC(), s.AMR}
	}
	return shown
}

func shownUserOf(ua login.UserAccount) shownUser {
	u := shownUser{
		ID: ua.User.ID, Email: ua.User.Email, Name: ua.User.Name, Roles: ua.Account.Roles, DefaultRole: ua.Account.DefaultRole,
		Claims: ua.Account.Claims, State: "enabled", CreatedAt: ua.User.CreatedAt.UTC(),
		VerifiedAt: ua.Account.EmailVerifiedAt, DisabledAt: ua.Account.DisabledAt,
	}
	if !ua.Account.DisabledAt.IsZero() {
		u.State = "disabled"
	}
	return u
}

func showUser(ctx context.Context, env Environment, ref string, asJSON bool) error {
	return withStore(ctx, env, func(ctx context.Context, cfg config.Config, store Store) error {
		return useOperator(ctx, env, cfg, store, func(ctx context.Context, o *login.Operator) error {
			ua, err := o.Find(ctx, ref)
			if err != nil {
				return err
			}
			sessions, err := o.Sessions(ctx, ua.User.ID)
			if err != nil {
				return err
			}
			u := shownUserOf(ua)
			u.Sessions = shownSessionsOf(sessions)
			if u.Identities, err = identitiesOf(ctx, store, ua.User.ID); err != nil {
				return err
			}
			if asJSON {
				return showJSON(env.Stdout, u)
			}
			printUser(env.Stdout, u)
			return nil
		})
	})
}

func printUser(w io.Writer, u shownUser) {
	verified := "not verified"
	if !u.VerifiedAt.IsZero() {
		verified = "verified " + u.VerifiedAt.Format(time.RFC3339)
	}
	fmt.Fprintf(w, "id        %s\ne-mail    %s (%s)\nname      %s\nroles     %s (default %s)\nstate     %s\ncreated   %s\n",
		u.ID, u.Email, verified, u.Name, strings.Join(u.Roles, ", "), u.DefaultRole, u.State, u.CreatedAt.Format(time.RFC3339))
	fmt.Fprintf(w, "providers %d\n", len(u.Identities))
	for _, i := range u.Identities {
		fmt.Fprintf(w, "  %s  %s  as %s  linked %s  last used %s\n", i.Provider, i.Issuer, cmp.Or(i.Email, "–"), i.LinkedAt.Format(time.RFC3339), i.LastUsedAt.Format(time.RFC3339))
	}
	fmt.Fprintf(w, "sessions  %d\n", len(u.Sessions))
	for _, s := range u.Sessions {
		opened := cmp.Or(strings.Join(s.AMR, "+"), "–")
		fmt.Fprintf(w, "  %s  last used %s  from %s  by %s  %s\n", s.ID, s.LastUsedAt.Format(time.RFC3339), s.Prefix, opened, s.Client)
	}
}

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

func changeUser(ctx context.Context, env Environment, done string, change func(ctx context.Context, o *login.Operator) error) error {
	return changing(ctx, env, func(ctx context.Context, o *login.Operator) error {
		if err := change(ctx, o); err != nil {
			return err
		}
		_, err := fmt.Fprintln(env.Stdout, done)
		return err
	})
}

// askPassword reads a password twice from a terminal, or one line from a pipe.
// It is never an argument: arguments are seen by every user of the host.
func askPassword(env Environment) (string, error) {
	in, ok := env.Stdin.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		line, err := bufio.NewReader(io.LimitReader(env.Stdin, 4096)).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", err
		}
		if line = strings.TrimRight(line, "\r\n"); line == "" {
			return "", errors.New("the password was to come on stdin, but there was none")
		}
		return line, nil
	}
	var typed [2]string
	for i, prompt := range []string{"Password: ", "Again: "} {
		fmt.Fprint(env.Stderr, prompt)
		b, err := term.ReadPassword(int(in.Fd()))
		fmt.Fprintln(env.Stderr)
		if err != nil {
			return "", err
		}
		typed[i] = string(b)
	}
	if typed[0] != typed[1] {
		return "", errors.New("the two passwords differ")
	}
	return typed[0], nil
}
