// Package audit writes security-relevant acts as structured log lines, apart
// from the request log by their field "log":"audit". An event holds ids and
// classes only; no e-mail address and no secret can get in.
package audit

import (
	"context"

	"go.uber.org/zap"

	"hasura-login/app/login"
)

type requestIDKey struct{}

// WithRequestID marks a context with the id of the request it serves.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestIDKey{}, id)
}

// Log is a login.Auditor that writes to a zap logger.
type Log struct{ logger *zap.Logger }

// New returns an auditor writing to logger at level info, whatever the level
// of the request log: an audit trail is not a matter of verbosity.
func New(logger *zap.Logger) *Log {
	return &Log{logger.With(zap.String("log", "audit"))}
}

// Record writes one event. The time, UTC, is the log line's own.
func (l *Log) Record(ctx context.Context, e login.Event) {
	fields := make([]zap.Field, 0, 8)
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
	l.logger.Info(string(e.Name), fields...)
}
