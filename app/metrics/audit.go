package metrics

import (
	"context"

	"hasura-login/app/login"
)

// CountingAuditor returns next with every event counted in m.
func CountingAuditor(next login.Auditor, m *Metrics) login.Auditor { return countingAuditor{next, m} }

type countingAuditor struct {
	next login.Auditor
	m    *Metrics
}

func (a countingAuditor) Record(ctx context.Context, e login.Event) {
	a.m.Audited(e.Name)
	a.next.Record(ctx, e)
}
