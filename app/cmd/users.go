package cmd

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/term"

	"hasura-login/app/config"
	"hasura-login/app/login"
	"hasura-login/app/password"
)

type usersVerb struct {
	List        usersList        `cmd:"" help:"List users in the order of their e-mail."`
	Show        usersShow        `cmd:"" help:"Show one user and its live sessions."`
	Create      usersCreate      `cmd:"" help:"Add a user; the password is asked for, or read from stdin."`
	Disable     usersDisable     `cmd:"" help:"Close an account; its sessions end."`
	Enable      usersEnable      `cmd:"" help:"Open a closed account."`
	SetRoles    usersSetRoles    `cmd:"" help:"Replace a user's roles; the first is the default. Sessions end."`
	SetPassword usersSetPassword `cmd:"" help:"Replace a password; it is asked for, or read from stdin. Sessions end."`
	SignOut     usersSignOut     `cmd:"" help:"End all sessions of a user."`
	Delete      usersDelete      `cmd:"" help:"Delete a user and everything that hangs on it."`
}

// userRef is the argument that names a user.
type userRef struct {
	User string `arg:"" help:"Id or e-mail address."`
}

// withOperator opens the store for one verb. Access tokens that are out, and
// WebSockets that Hasura has accepted, live on until the token expires.
func withOperator(ctx context.Context, env Environment, use func(ctx context.Context, o *login.Operator) error) error {
	cfg, err := load(env)
	if err != nil {
		return err
	}
	if !cfg.DatabaseURL.IsSet() {
		return errors.New("LOGIN_DATABASE_URL or LOGIN_DATABASE_URL_FILE is not set")
	}
	b, err := openPostgres(ctx, cfg)
	if err != nil {
		return err
	}
	defer b.store.Close()
	return useOperator(ctx, env, cfg, b.store, use)
}

func useOperator(ctx context.Context, env Environment, cfg config.Config, store login.Store, use func(ctx context.Context, o *login.Operator) error) error {
	gate, err := password.New(password.Config{Cost: cfg.BcryptCost, Workers: 1, MaxWait: cfg.HashQueueMaxWait})
	if err != nil {
		return err
	}
	defer gate.Close()
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	err = use(ctx, &login.Operator{
		Store: store, Hasher: gate, Policy: password.NewPolicy(cfg.PasswordMinLength),
		Audit: operatorAudit(env), Roles: cfg.DefaultRoles,
	})
	if err != nil {
		err = login.AsError(err)
	}
	return err
}

type usersList struct {
	Email string `help:"Only addresses that contain this text."`
	Limit int    `default:"100" help:"At most so many; the last line says how to go on."`
	After string `help:"Go on after this address."`
	JSON  bool   `help:"For scripts."`
}

// Run lists users.
func (v usersList) Run(ctx context.Context, env Environment) error {
	if v.Limit < 1 || v.Limit > 10000 {
		return errors.New("--limit: between 1 and 10000")
	}
	return withOperator(ctx, env, func(ctx context.Context, o *login.Operator) error {
		users, err := o.List(ctx, login.UserFilter{EmailContains: v.Email, AfterEmail: v.After, Limit: v.Limit})
		if err != nil {
			return err
		}
		if v.JSON {
			shown := make([]shownUser, 0, len(users))
			for _, h := range users {
				shown = append(shown, shownUserOf(h))
			}
			return showJSON(env.Stdout, shown)
		}
		t := tabwriter.NewWriter(env.Stdout, 0, 4, 2, ' ', 0)
		fmt.Fprintln(t, "ID\tE-MAIL\tNAME\tROLES\tSTATE\tCREATED")
		for _, h := range users {
			u := shownUserOf(h)
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", u.ID, u.Email, u.Name, strings.Join(u.Roles, ","), u.State, u.CreatedAt.Format(time.DateOnly))
		}
		if err := t.Flush(); err != nil {
			return err
		}
		if len(users) == v.Limit {
			fmt.Fprintf(env.Stdout, "more with: --after %s\n", users[len(users)-1].User.Email)
		}
		return nil
	})
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
	DisabledAt  time.Time         `json:"disabledAt,omitzero"`
	Sessions    []shownSession    `json:"sessions,omitempty"`
}

type shownSession struct {
	ID         string    `json:"id"`
	Client     string    `json:"client"`
	Prefix     string    `json:"clientPrefix"`
	CreatedAt  time.Time `json:"createdAt"`
	LastUsedAt time.Time `json:"lastUsedAt"`
}

func shownUserOf(h login.Holder) shownUser {
	u := shownUser{
		ID: h.User.ID, Email: h.User.Email, Name: h.User.Name, Roles: h.Account.Roles, DefaultRole: h.Account.DefaultRole,
		Claims: h.Account.Claims, State: "enabled", CreatedAt: h.User.CreatedAt.UTC(), DisabledAt: h.Account.DisabledAt,
	}
	if !h.Account.DisabledAt.IsZero() {
		u.State = "disabled"
	}
	return u
}

type usersShow struct {
	userRef
	JSON bool `help:"For scripts."`
}

// Run shows one user.
func (v usersShow) Run(ctx context.Context, env Environment) error {
	return withOperator(ctx, env, func(ctx context.Context, o *login.Operator) error {
		h, err := o.Find(ctx, v.User)
		if err != nil {
			return err
		}
		sessions, err := o.Sessions(ctx, h.User.ID)
		if err != nil {
			return err
		}
		u := shownUserOf(h)
		for _, s := range sessions {
			u.Sessions = append(u.Sessions, shownSession{s.ID, s.ClientName, s.ClientPrefix, s.CreatedAt.UTC(), s.LastUsedAt.UTC()})
		}
		if v.JSON {
			return showJSON(env.Stdout, u)
		}
		fmt.Fprintf(env.Stdout, "id        %s\ne-mail    %s\nname      %s\nroles     %s (default %s)\nstate     %s\ncreated   %s\nsessions  %d\n",
			u.ID, u.Email, u.Name, strings.Join(u.Roles, ", "), u.DefaultRole, u.State, u.CreatedAt.Format(time.RFC3339), len(u.Sessions))
		for _, s := range u.Sessions {
			fmt.Fprintf(env.Stdout, "  %s  last used %s  from %s  %s\n", s.ID, s.LastUsedAt.Format(time.RFC3339), s.Prefix, s.Client)
		}
		return nil
	})
}

type usersCreate struct {
	Email string   `arg:"" help:"E-mail address."`
	Name  string   `required:"" help:"Display name."`
	Roles []string `help:"Roles, comma-separated; default: LOGIN_DEFAULT_ROLES."`
	JSON  bool     `help:"For scripts."`
}

// Run adds a user.
func (v usersCreate) Run(ctx context.Context, env Environment) error {
	secret, err := askPassword(env)
	if err != nil {
		return err
	}
	return withOperator(ctx, env, func(ctx context.Context, o *login.Operator) error {
		h, err := o.Create(ctx, v.Email, v.Name, secret, v.Roles)
		if err != nil {
			return err
		}
		if v.JSON {
			return showJSON(env.Stdout, shownUserOf(h))
		}
		_, err = fmt.Fprintf(env.Stdout, "created user %s\n", h.User.ID)
		return err
	})
}

type usersDisable struct{ userRef }

// Run closes an account.
func (v usersDisable) Run(ctx context.Context, env Environment) error {
	return changeUser(ctx, env, "disabled; its sessions have ended, tokens already out expire within LOGIN_ACCESS_TTL", func(ctx context.Context, o *login.Operator) error {
		return o.SetDisabled(ctx, v.User, true)
	})
}

type usersEnable struct{ userRef }

// Run opens an account.
func (v usersEnable) Run(ctx context.Context, env Environment) error {
	return changeUser(ctx, env, "enabled", func(ctx context.Context, o *login.Operator) error {
		return o.SetDisabled(ctx, v.User, false)
	})
}

type usersSetRoles struct {
	userRef
	Roles []string `arg:"" help:"Roles; the first is the default. Role user is added if it is missing."`
}

// Run replaces roles.
func (v usersSetRoles) Run(ctx context.Context, env Environment) error {
	return changeUser(ctx, env, "roles replaced; sessions have ended, tokens already out keep the old roles until they expire", func(ctx context.Context, o *login.Operator) error {
		return o.SetRoles(ctx, v.User, v.Roles)
	})
}

type usersSetPassword struct{ userRef }

// Run replaces a password.
func (v usersSetPassword) Run(ctx context.Context, env Environment) error {
	secret, err := askPassword(env)
	if err != nil {
		return err
	}
	return changeUser(ctx, env, "password replaced; sessions have ended", func(ctx context.Context, o *login.Operator) error {
		return o.SetPassword(ctx, v.User, secret)
	})
}

type usersSignOut struct{ userRef }

// Run ends sessions.
func (v usersSignOut) Run(ctx context.Context, env Environment) error {
	return changeUser(ctx, env, "signed out everywhere; tokens already out expire within LOGIN_ACCESS_TTL", func(ctx context.Context, o *login.Operator) error {
		return o.SignOut(ctx, v.User)
	})
}

type usersDelete struct {
	userRef
	Yes bool `help:"Do not ask."`
}

// Run deletes a user.
func (v usersDelete) Run(ctx context.Context, env Environment) error {
	if !v.Yes && !confirmed(env, "Delete the user and everything that hangs on it?") {
		return errors.New("nothing was changed")
	}
	return changeUser(ctx, env, "deleted", func(ctx context.Context, o *login.Operator) error {
		return o.Delete(ctx, v.User)
	})
}

func changeUser(ctx context.Context, env Environment, done string, change func(ctx context.Context, o *login.Operator) error) error {
	return withOperator(ctx, env, func(ctx context.Context, o *login.Operator) error {
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
