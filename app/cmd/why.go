package cmd

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"time"

	"hasura-login/app/audit"
	"hasura-login/app/config"
	"hasura-login/app/control"
	"hasura-login/app/login"
	"hasura-login/app/ratelimit"
)

const (
	whyBack     = 24 * time.Hour
	whyRefusals = 10
)

// whyUser shows on one screen what keeps a person from signing in.
func whyUser(ctx context.Context, env Environment, ref string) error {
	return withUser(ctx, env, ref, func(ctx context.Context, cfg config.Config, store Store, ua login.UserAccount, sessions []login.Session) error {
		mails, err := store.MailsOf(ctx, ua.User.ID)
		if err != nil {
			return err
		}
		showAccount(env.Stdout, cfg, ua, len(sessions))
		refusals, count, clients, err := refusalsOf(ctx, cfg, ua.User.ID)
		if err != nil {
			fmt.Fprintf(env.Stdout, "refusals   unknown: %v\n", err)
		} else {
			showRefusals(env.Stdout, refusals, count)
		}
		standing, processes, err := control.InForce(ctx, cfg.AuditDir, ua.User.Email, clients)
		if err != nil {
			return err
		}
		showLimits(env.Stdout, standing, processes)
		showMails(env.Stdout, mails)
		return nil
	})
}

// unlockUser clears the limits of an account.
func unlockUser(ctx context.Context, env Environment, ref string) error {
	cfg, err := Load(env)
	if err != nil {
		return err
	}
	return changing(ctx, env, func(ctx context.Context, o *login.Operator) error {
		ua, err := o.Find(ctx, ref)
		if err != nil {
			return err
		}
		_, _, clients, err := refusalsOf(ctx, cfg, ua.User.ID)
		if err != nil {
			return err
		}
		standing, processes, err := control.Forget(ctx, cfg.AuditDir, ua.User.Email, clients)
		if err != nil {
			return err
		}
		if processes == 0 {
			return fmt.Errorf("no process serves with the audit folder %s, so there are no limits to clear: processes keep them in memory. Run this with the %sAUDIT_DIR (in development: the --data) of the one that serves", cfg.AuditDir, config.Prefix)
		}
		if err := o.RecordUnlocked(ctx, ua.User.ID); err != nil {
			return err
		}
		fmt.Fprintln(env.Stdout, "the account's limits are cleared")
		if len(standing) > 0 {
			fmt.Fprintln(env.Stdout, "limits of clients stay, and end by themselves:")
			showLimits(env.Stdout, standing, processes)
		}
		return nil
	})
}

func showAccount(w io.Writer, cfg config.Config, ua login.UserAccount, sessions int) {
	u := shownUserOf(ua)
	state := u.State
	if !u.DisabledAt.IsZero() {
		state += " since " + u.DisabledAt.Format(time.RFC3339) + ": sign-ins are refused with account-disabled"
	}
	verified := "yes, since " + u.VerifiedAt.Format(time.RFC3339)
	if u.VerifiedAt.IsZero() {
		verified = "no"
		if cfg.RequireVerifiedEmail {
			verified = "no: sign-ins are refused with email-not-verified"
		}
	}
	factors := []string{"password"}
	if ua.Account.Password == "" {
		factors = []string{"no password: users reset-link gives one"}
	}
	for _, f := range ua.Account.Factors {
		factors = append(factors, string(f))
	}
	fmt.Fprintf(w, "id         %s\ne-mail     %s\nverified   %s\nstate      %s\nfactors    %s\ncreated    %s\nsessions   %d live\n",
		u.ID, u.Email, verified, state, strings.Join(factors, ", "), u.CreatedAt.Format(time.RFC3339), sessions)
}

// refusalsOf returns the newest refusals of a user, how many there were, and the
// clients that they came from.
func refusalsOf(ctx context.Context, cfg config.Config, userID string) (newest []audit.Line, count int, clients []netip.Addr, err error) {
	filter := audit.Filter{Since: time.Now().Add(-whyBack), User: userID, Kinds: []audit.Kind{audit.KindRefusals, audit.KindThrottled}}
	err = audit.Read(ctx, cfg.AuditDir, filter, func(l audit.Line) error {
		if l.Event != login.EventRefused && l.Event != login.EventThrottled {
			return nil
		}
		count += max(1, l.Count)
		newest = append(newest, l)
		if len(newest) > whyRefusals {
			newest = newest[1:]
		}
		if p, err := netip.ParsePrefix(l.Client); err == nil && !slices.Contains(clients, p.Addr()) && len(clients) < 64 {
			clients = append(clients, p.Addr())
		}
		return nil
	})
	return newest, count, clients, err
}

func showRefusals(w io.Writer, newest []audit.Line, count int) {
	fmt.Fprintf(w, "refusals   %d in the last 24 hours\n", count)
	for _, l := range newest {
		reason := l.Reason
		if l.Scope != "" {
			reason += ", limit of " + l.Scope
		}
		fmt.Fprintf(w, "  %s  %s  %s  × %d  from %s\n", l.Time.Format(time.RFC3339), l.Operation, reason, max(1, l.Count), l.Client)
	}
}

func showLimits(w io.Writer, standing []ratelimit.Standing, processes int) {
	switch {
	case processes == 0:
		fmt.Fprintln(w, "limits     unknown: no process serves here")
	case len(standing) == 0:
		fmt.Fprintln(w, "limits     none in force")
	default:
		fmt.Fprintf(w, "limits     %d in force\n", len(standing))
	}
	for _, s := range standing {
		whom := "everybody's attempts"
		if s.Scope == ratelimit.ScopeDevice {
			whom = "attempts of known devices"
		}
		if s.Client != "" {
			whom = "attempts from " + s.Client
		}
		what := string(s.Operation)
		if what == "" {
			what = "mail " + string(s.Mail)
		}
		fmt.Fprintf(w, "  %s  %s (%s, %d of %d)  until %s\n", what, whom, s.Scope, s.Count, s.Limit, s.Ends.Format(time.RFC3339))
	}
}

func showMails(w io.Writer, mails []login.MailFate) {
	fmt.Fprintf(w, "mails      %d in the last week\n", len(mails))
	for _, m := range mails {
		fate := "waits, " + counted(m.Attempts, "attempt", "attempts")
		if !m.SentAt.IsZero() {
			fate = "taken by the mail server " + m.SentAt.Format(time.RFC3339)
		} else if !m.FailedAt.IsZero() {
			fate = "given up " + m.FailedAt.Format(time.RFC3339)
		}
		fmt.Fprintf(w, "  %s  %s  %s\n", m.CreatedAt.Format(time.RFC3339), m.Kind, fate)
	}
}
