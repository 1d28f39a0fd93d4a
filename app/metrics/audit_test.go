package metrics_test

import (
	"context"
	"strings"
	"testing"

	"hasura-login/app/login"
	"hasura-login/app/metrics"
)

func TestCountingAuditor_CountsAndPassesOn(t *testing.T) {
	m := metrics.New("1.2.3", routes)
	var passed recorded
	auditor := metrics.CountingAuditor(&passed, m)
	auditor.Record(context.Background(), login.Event{Name: login.EventReuseDetected})
	auditor.Record(context.Background(), login.Event{Name: login.EventKeyRotated})
	auditor.Record(context.Background(), login.Event{Name: login.EventSignedUp}) // to be verified first: no session
	if len(passed) != 3 {
		t.Errorf("%d events were passed on, not 3", len(passed))
	}
	body := scrape(t, m)
	for _, line := range []string{
		`login_audit_events_total{event="refresh-token-reused"} 1`,
		`login_sessions_total{event="reused"} 1`, `login_sessions_total{event="started"} 0`,
		`login_audit_events_total{event="other"} 1`,
	} {
		if !strings.Contains(body, line+"\n") {
			t.Errorf("the scrape lacks %s", line)
		}
	}
}

type recorded []login.Event

func (r *recorded) Record(_ context.Context, e login.Event) { *r = append(*r, e) }
