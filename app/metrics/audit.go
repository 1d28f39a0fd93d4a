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
	// Who signs up with an address to be verified first gets no session.
	if turn, known := sessionEventOf[e.Name]; known && (turn != sessionStarted || e.SessionID != "") {
		a.m.sessions.inc(turn)
	}
	a.next.Record(ctx, e)
}
