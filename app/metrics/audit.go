package metrics

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"hasura-login/app/login"
)

func (m *Metrics) registerAudit() {
	m.auditWritable = prometheus.NewGauge(auditWritableOpts)
	m.auditLost = prometheus.NewCounter(auditLostOpts)
	m.displaced = prometheus.NewCounter(auditDisplacedOpts)
	m.registry.MustRegister(m.auditWritable, m.auditLost, m.displaced)
}

// AuditWritable records whether audit events can be written.
func (m *Metrics) AuditWritable(yes bool) { setBool(m.auditWritable, yes) }

// AuditLost counts an audit event that is not in the trail.
func (m *Metrics) AuditLost() { m.auditLost.Inc() }

// AuditDisplaced counts a file of the trail that went before its time.
func (m *Metrics) AuditDisplaced() { m.displaced.Inc() }

// CountingAuditor returns next with every event counted in m, by its name and by its
// effect on sessions.
func CountingAuditor(next login.Auditor, m *Metrics) login.Auditor { return countingAuditor{next, m} }

type countingAuditor struct {
	next login.Auditor
	m    *Metrics
}

func (a countingAuditor) Record(ctx context.Context, e login.Event) {
	a.m.audited.inc(string(e.Name))
	// A sign-up whose address must be verified first gets no session.
	if turn, known := sessionEventOf[e.Name]; known && (turn != sessionStarted || e.SessionID != "") {
		a.m.sessions.inc(turn)
	}
	a.next.Record(ctx, e)
}
