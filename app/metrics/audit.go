package metrics

import (
	"context"

	"hasura-login/app/login"
)

// CountingAuditor returns next with every event counted in m, by its name and by
// what it means for sessions.
func CountingAuditor(next login.Auditor, m *Metrics) login.Auditor { return countingAuditor{next, m} }

type countingAuditor struct {
	next login.Auditor
	m    *Metrics
}

func (a countingAuditor) Record(ctx context.Context, e login.Event) {
	a.m.audited.inc(string(e.Name))
	if turn, known := sessionEventOf[e.Name]; known {
		a.m.sessions.inc(turn)
	}
	a.next.Record(ctx, e)
}
