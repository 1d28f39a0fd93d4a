package cmd

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"hasura-login/app/audit"
	"hasura-login/app/config"
	"hasura-login/app/login"
)

// exported is all that login keeps about a person, but hashes, secrets and tokens.
type exported struct {
	User     shownUser        `json:"user"`
	Factors  []login.Method   `json:"factors,omitempty"`
	Passkeys []shownPasskey   `json:"passkeys,omitempty"`
	Password bool             `json:"password"` // whether there is one
	Members  []membership     `json:"memberships,omitempty"`
	Mails    []login.MailFate `json:"mails,omitempty"`
	Events   []audit.Line     `json:"events,omitempty"`
}

// membership is an organisation that the person is a member of.
type membership struct {
	ID       string    `json:"id"`
	Name     string    `json:"name"`
	Role     string    `json:"role"`
	JoinedAt time.Time `json:"joinedAt"`
}

// shownPasskey is a passkey without what only computers read.
type shownPasskey struct {
	ID         string     `json:"id"`
	Name       string     `json:"name"`
	BackedUp   bool       `json:"backedUp"`
	CreatedAt  time.Time  `json:"createdAt"`
	LastUsedAt *time.Time `json:"lastUsedAt,omitempty"`
}

func passkeysOf(ctx context.Context, store Store, userID string) ([]shownPasskey, error) {
	list, err := store.Passkeys(ctx, userID)
	var shown []shownPasskey
	for _, p := range list {
		s := shownPasskey{ID: p.ID, Name: p.Name, BackedUp: p.BackedUp, CreatedAt: p.CreatedAt}
		if !p.LastUsedAt.IsZero() {
			s.LastUsedAt = &p.LastUsedAt
		}
		shown = append(shown, s)
	}
	return shown, err
}

// exportUser prints what login keeps about one user, for a request by that person.
func exportUser(ctx context.Context, env Environment, ref string) error {
	cfg, err := Load(env)
	if err != nil {
		return err
	}
	trail, err := verbTrail(cfg)
	if err != nil {
		return err
	}
	return withStore(ctx, env, func(ctx context.Context, cfg config.Config, store Store) error {
		return useOperator(ctx, cfg, store, func(ctx context.Context, o *login.Operator) error {
			o.Audit = trail
			ua, err := o.Find(ctx, ref)
			if err != nil {
				return err
			}
			e, err := export(ctx, cfg, store, ua, time.Now())
			if err != nil {
				return err
			}
			if err := o.RecordExported(ctx, ua.User.ID); err != nil {
				return err
			}
			return showJSON(env.Stdout, e)
		})
	})
}

// export collects what login keeps about an account.
func export(ctx context.Context, cfg config.Config, store Store, ua login.UserAccount, now time.Time) (exported, error) {
	id := ua.User.ID
	e := exported{User: shownUserOf(ua), Factors: ua.Account.Factors, Password: ua.Account.Password != ""}
	sessions, err := store.LiveSessions(ctx, id, now)
	if err != nil {
		return e, err
	}
	e.User.Sessions = shownSessionsOf(sessions)
	if e.User.Identities, err = identitiesOf(ctx, store, id); err != nil {
		return e, err
	}
	if e.Passkeys, err = passkeysOf(ctx, store, id); err != nil {
		return e, err
	}
	if cfg.Organizations {
		list, err := store.Memberships(ctx, id)
		if err != nil {
			return e, err
		}
		for _, m := range list {
			e.Members = append(e.Members, membership{m.Organization.ID, m.Organization.Name, string(m.Role), m.JoinedAt.UTC()})
		}
	}
	if e.Mails, err = store.MailsOf(ctx, id); err != nil {
		return e, err
	}
	return e, audit.Read(ctx, cfg.AuditDir, audit.Filter{User: id}, func(l audit.Line) error {
		e.Events = append(e.Events, l)
		return nil
	})
}

// ownExports makes copies for the owners of accounts, one at a time: each reads the whole
// audit trail, up to a gigabyte.
func ownExports(cfg config.Config, store Store) func(context.Context, login.UserAccount) ([]byte, error) {
	const patience = 15 * time.Second
	turn := make(chan struct{}, 1)
	return func(ctx context.Context, ua login.UserAccount) ([]byte, error) {
		select {
		case turn <- struct{}{}:
			defer func() { <-turn }()
		default:
			return nil, login.RetryLater(login.CodeOverloaded, patience, "Somebody else's data is being collected; try again shortly")
		}
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		e, err := export(ctx, cfg, store, ua, time.Now())
		if err != nil {
			return nil, err
		}
		return json.MarshalIndent(e, "", "  ")
	}
}

func replayCommand(env Environment) *cobra.Command {
	var since string
	var stdin bool
	c := verb("replay-deletions", "Delete again the users that the audit trail says were deleted since a backup; scripts/restore does so", func(ctx context.Context, _ []string) error {
		from, err := time.Parse(time.RFC3339, since)
		if err != nil {
			return errors.New("--since: the time of the backup, such as 2026-11-24T03:15:00Z")
		}
		return replayDeletions(ctx, env, from, stdin)
	})
	c.Flags().StringVar(&since, "since", "", "the time of the backup (required)")
	c.Flags().BoolVar(&stdin, "stdin", false, "also read lines of an audit trail from stdin, as audit --json prints them")
	return c
}

// replayDeletions brings a restored database up to date: it deletes users again who
// were deleted after the backup. It can be repeated.
func replayDeletions(ctx context.Context, env Environment, since time.Time, stdin bool) error {
	cfg, err := Load(env)
	if err != nil {
		return err
	}
	gone := map[string]bool{}
	note := func(l audit.Line) error {
		if audit.KindOf(login.Event{Name: l.Event}) == audit.KindDeletions && !l.Time.Before(since) && l.User != "" {
			gone[l.User] = true
		}
		return nil
	}
	if err := audit.Read(ctx, cfg.AuditDir, audit.Filter{Since: since, Kinds: []audit.Kind{audit.KindDeletions}}, note); err != nil {
		return err
	}
	if stdin {
		if err := eachLine(env.Stdin, note); err != nil {
			return err
		}
	}
	deleted := 0
	err = changing(ctx, env, func(ctx context.Context, o *login.Operator) error {
		for id := range gone {
			var known *login.Error
			err := o.DeleteAgain(ctx, id)
			if errors.As(err, &known) && known.Code == login.CodeNotFound {
				continue
			}
			if err != nil {
				return err
			}
			deleted++
		}
		return nil
	})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(env.Stdout, "%d of %d users who were deleted since %s were in the database, and are deleted again\n", deleted, len(gone), since.Format(time.RFC3339))
	return err
}

// eachLine passes over lines that are no events.
func eachLine(in io.Reader, found func(audit.Line) error) error {
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		var l audit.Line
		if json.Unmarshal(lines.Bytes(), &l) != nil {
			continue
		}
		if err := found(l); err != nil {
			return err
		}
	}
	return lines.Err()
}
