package metrics

import (
	"context"
	"errors"
	"maps"
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

// anyOperation stands for them all.
const anyOperation = "any"

// registerStore keeps sum and count of each operation, and one histogram over all:
// buckets for each operation would be most of a scrape. Unavailable calls of all
// operations count in one series. It and one of errors exist from the start, for the
// alerts.
func (m *Metrics) registerStore() {
	m.storeSeconds = prometheus.NewSummaryVec(storeSecondsOpts, []string{"operation", "outcome"})
	m.storeLatency = prometheus.NewHistogram(storeLatencyOpts)
	m.registry.MustRegister(m.storeSeconds, m.storeLatency)
	m.storeSeconds.WithLabelValues(anyOperation, OutcomeUnavailable)
	m.storeSeconds.WithLabelValues(anyOperation, OutcomeError)
	m.storeCalls.Store(&map[pair]prometheus.Observer{})
}

// Store records one call to the database. doing says what the store did, in its own
// words; err is its result.
func (m *Metrics) Store(doing string, err error, took time.Duration) {
	outcome := outcomeOf(err)
	if outcome == OutcomeUnavailable {
		doing = anyOperation
	}
	call := pair{doing, outcome}
	seen := m.storeCalls.Load()
	observer, known := (*seen)[call]
	if !known {
		observer = m.storeSeconds.WithLabelValues(doing, outcome)
		more := maps.Clone(*seen)
		more[call] = observer
		m.storeCalls.CompareAndSwap(seen, &more) // if another call was faster, the next one of this kind tries again
	}
	observer.Observe(took.Seconds())
	m.storeLatency.Observe(took.Seconds())
}

// outcomeOf classifies the error of a store's method.
func outcomeOf(err error) string {
	switch {
	case err == nil:
		return OutcomeOK
	case errors.Is(err, context.Canceled),
		errors.Is(err, login.ErrNotFound), errors.Is(err, login.ErrEmailTaken), errors.Is(err, login.ErrStale),
		errors.Is(err, login.ErrTokenUnknown), errors.Is(err, login.ErrTokenReused), errors.Is(err, login.ErrCredentialExists), isClaimsFault(err):
		return OutcomeRefused
	case errors.Is(err, login.ErrUnavailable), errors.Is(err, context.DeadlineExceeded):
		return OutcomeUnavailable
	default:
		return OutcomeError
	}
}

// isClaimsFault reports whether a function of the project has failed, which has its own
// audit event and alert.
func isClaimsFault(err error) bool {
	if err == nil {
		return false
	}
	var fault *login.ClaimsFault
	return errors.As(err, &fault)
}
