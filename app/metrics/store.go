package metrics

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"hasura-login/app/login"
)

// Outcomes of a call to the store.
const (
	OutcomeOK          = "ok"
	OutcomeRefused     = "refused" // it answered no, or the caller left
	OutcomeUnavailable = "unavailable"
	OutcomeError       = "error" // a defect
)

// anyMethod stands for them all.
const anyMethod = "any"

// storeMethods are the methods of login.Store but Close, and those of
// login.MailStore: what requests wait for.
var storeMethods = []string{
	"CreateUser", "UserAccountByEmail", "UserAccountByID", "ListUsers", "UpdateAccount", "DeleteUser",
	"CreateSession", "SessionUserAccount", "LiveSessions", "EndSession", "EndSessionByToken", "EndAllSessions",
	"ReplaceUnopened", "RemoveUnopened",
	"RotateToken", "ReplaceHash", "ChangePassword", "Sweep", "Ping",
	"QueueMail", "AddMailToken", "AddMailCode", "TryMailCode", "EndMailCode", "SpendSignIn", "VerifyMailbox", "MailTokenUserAccount", "ResetPassword",
	"VerifyEmail", "ChangeEmail", "QueueNotice",
}

// registerStore keeps sum and count of each method, and one histogram over all:
// buckets for each method would be most of a scrape.
func (m *Metrics) registerStore() {
	vec := prometheus.NewSummaryVec(storeSecondsOpts, []string{"operation", "outcome"})
	m.storeLatency = prometheus.NewHistogram(storeLatencyOpts)
	m.registry.MustRegister(vec, m.storeLatency)
	m.storeCalls = map[pair]prometheus.Observer{}
	unavailable := vec.WithLabelValues(anyMethod, OutcomeUnavailable)
	for _, method := range append([]string{other}, storeMethods...) {
		for _, outcome := range []string{OutcomeOK, OutcomeRefused, OutcomeError} {
			m.storeCalls[pair{method, outcome}] = vec.WithLabelValues(method, outcome)
		}
		m.storeCalls[pair{method, OutcomeUnavailable}] = unavailable
	}
}

// Store records one call to the database by method and outcome.
func (m *Metrics) Store(method, outcome string, took time.Duration) {
	call, known := m.storeCalls[pair{method, outcome}]
	if !known {
		call = m.storeCalls[pair{other, OutcomeError}]
	}
	call.Observe(took.Seconds())
	m.storeLatency.Observe(took.Seconds())
}

// OutcomeOf classifies what a method of a store returned.
func OutcomeOf(err error) string {
	switch {
	case err == nil:
		return OutcomeOK
	case errors.Is(err, context.Canceled),
		errors.Is(err, login.ErrNotFound), errors.Is(err, login.ErrEmailTaken), errors.Is(err, login.ErrStale),
		errors.Is(err, login.ErrTokenUnknown), errors.Is(err, login.ErrTokenReused), errors.Is(err, login.ErrCredentialExists):
		return OutcomeRefused
	case errors.Is(err, login.ErrUnavailable), errors.Is(err, context.DeadlineExceeded):
		return OutcomeUnavailable
	default:
		return OutcomeError
	}
}
