package cmd

import (
	"cmp"
	"context"
	"fmt"
	"hasura-login/app/config"
	"hasura-login/app/login"
	"io"
	"strings"
	"time"
)

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
	return withUser(ctx, env, ref, func(ctx context.Context, _ config.Config, store Store, ua login.UserAccount, sessions []login.Session) (err error) {
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
