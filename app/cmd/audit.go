package cmd

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"hasura-login/app/audit"
	"hasura-login/app/login"
)

// auditQuery holds the flags of the verb.
type auditQuery struct {
	user, client, event, request string
	since                        time.Duration
	asJSON                       bool
}

// AuditCommand searches the audit trail in LOGIN_AUDIT_DIR.
func AuditCommand(env Environment) *cobra.Command {
	var q auditQuery
	c := verb("audit", "Search the audit trail in LOGIN_AUDIT_DIR, oldest event first", func(ctx context.Context, _ []string) error {
		return q.run(ctx, env)
	})
	c.Flags().StringVar(&q.user, "user", "", "only events of this user: an id, or the e-mail address of an existing user")
	c.Flags().DurationVar(&q.since, "since", 24*time.Hour, "how far back; 0: everything")
	c.Flags().StringVar(&q.client, "client", "", "only events of clients whose address range contains this IP address")
	c.Flags().StringVar(&q.event, "event", "", "only events of this name, such as refused; docs/logs.md lists them")
	c.Flags().StringVar(&q.request, "request", "", "only events of the request with this id")
	c.Flags().BoolVar(&q.asJSON, "json", false, "print the lines as they are stored, for scripts")
	return c
}

func (q auditQuery) run(ctx context.Context, env Environment) error {
	cfg, err := Load(env)
	if err != nil {
		return err
	}
	filter, err := q.filter(ctx, env)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(env.Stdout)
	show := json.NewEncoder(out).Encode
	if !q.asJSON {
		fmt.Fprintf(out, lineFormat, "TIME", "EVENT", "OPERATION", "REASON", "USER", "CLIENT", "ACTOR", "REQUEST")
		show = func(l any) error { return showLine(out, l.(audit.Line)) }
	}
	if err := audit.Read(ctx, cfg.AuditDir, filter, func(l audit.Line) error { return show(l) }); err != nil {
		return err
	}
	return out.Flush()
}

func (q auditQuery) filter(ctx context.Context, env Environment) (audit.Filter, error) {
	f := audit.Filter{Event: login.EventName(q.event), Request: q.request}
	if q.since > 0 {
		f.Since = time.Now().Add(-q.since)
	}
	if q.client != "" {
		addr, err := netip.ParseAddr(q.client)
		if err != nil {
			return f, fmt.Errorf("--client: %q is not an IP address", q.client)
		}
		f.Client = addr
	}
	if q.event != "" && !audit.Knows(f.Event) {
		return f, fmt.Errorf("--event: there is no event %q; docs/logs.md lists them", q.event)
	}
	if q.user == "" {
		return f, nil
	}
	if id, err := uuid.Parse(q.user); err == nil {
		f.User = id.String()
		return f, nil
	}
	return f, withOperator(ctx, env, func(ctx context.Context, o *login.Operator) error {
		ua, err := o.Find(ctx, q.user)
		f.User = ua.User.ID
		return err
	})
}

// lineFormat has widths that nearly everything fits into: to measure them, all
// lines would have to be in memory.
const lineFormat = "%-20s  %-22s  %-20s  %-28s  %-36s  %-18s  %-8s  %s\n"

func showLine(w io.Writer, l audit.Line) error {
	reason := l.Reason
	if l.Scope != "" {
		reason += " (" + l.Scope + ")"
	}
	event := string(l.Event)
	if l.Count > 0 {
		event = fmt.Sprintf("%s × %d", event, l.Count)
	}
	fields := []any{l.Time.Format(time.RFC3339), event, string(l.Operation), reason, l.User, l.Client, l.Actor, l.ID}
	for i := range fields {
		if fields[i] == "" {
			fields[i] = "-"
		}
	}
	_, err := fmt.Fprintf(w, lineFormat, fields...)
	return err
}
