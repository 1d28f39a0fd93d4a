// Package audit writes security-relevant acts as structured log lines, apart
// from the request log by their field "log":"audit". An event holds ids and
// classes only; no e-mail address and no secret can get in.
package audit

import (
	"context"
	"sync"

	"go.uber.org/zap"

	"hasura-login/app/login"
)

type requestIDKey struct{}

// WithRequestID marks a context with the id of the request it serves.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestIDKey{}, id)
}

// Log is a login.Auditor that writes to zap loggers.
type Log struct{ direct, routine *zap.Logger }

// New returns an auditor whose events are out in direct before the caller is
// answered, but for routine ones: those may be written in batches. Both are to
// write level info, whatever the level of the request log: an audit trail is
// not a matter of verbosity.
func New(direct, routine *zap.Logger) *Log {
	return &Log{direct, routine}
}

// loggerOf tells routine events from the others. A refresh is the only one that
// comes by itself, every few minutes from everyone; when a killed process loses
// the last of them, its token's row in the database still has the time.
func (l *Log) loggerOf(e login.EventName) *zap.Logger {
	if e == login.EventRefreshed {
		return l.routine
	}
	return l.direct
}

// Lines lend one another the memory for their fields, a good part of their cost.
var lentFields = sync.Pool{New: func() any { return new([8]zap.Field) }}

// Record writes one event. The time, UTC, is the log line's own.
func (l *Log) Record(ctx context.Context, e login.Event) {
	lent := lentFields.Get().(*[8]zap.Field)
	defer lentFields.Put(lent)
	fields := append(lent[:0], zap.String("log", "audit"))
	add := func(name, value string) {
		if value != "" {
			fields = append(fields, zap.String(name, value))
		}
	}
	add("operation", string(e.Operation))
	add("reason", e.Reason)
	add("user", e.UserID)
	add("session", e.SessionID)
	add("client", e.ClientPrefix)
	add("actor", e.Actor)
	if id, ok := ctx.Value(requestIDKey{}).(string); ok {
		add("id", id)
	}
	l.loggerOf(e.Name).Info(string(e.Name), fields...)
}
