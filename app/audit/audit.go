// Package audit keeps the trail of security-relevant acts in files: one JSON
// object a line, in segments that are rotated and removed by size and age. An
// event holds ids and classes only; no e-mail address and no secret can get in.
// docs/decisions/0008-the-audit-trail-is-files.md says why files.
package audit

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/buffer"
	"go.uber.org/zap/zapcore"

	"hasura-login/app/login"
)

type requestIDKey struct{}

// WithRequestID marks a context with the id of the request it serves.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestIDKey{}, id)
}

func requestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

// Line is an event as it is written.
type Line struct {
	Time         time.Time       `json:"time"`
	Event        login.EventName `json:"event"`
	Operation    login.Operation `json:"operation,omitempty"`
	Reason       string          `json:"reason,omitempty"`
	Scope        string          `json:"scope,omitempty"` // the limit that refused
	User         string          `json:"user,omitempty"`
	Session      string          `json:"session,omitempty"`
	Organization string          `json:"organization,omitempty"`
	Member       string          `json:"member,omitempty"` // the user whom the event is about
	Role         string          `json:"role,omitempty"`
	RoleBefore   string          `json:"roleBefore,omitempty"`
	Client       string          `json:"client,omitempty"`
	Actor        string          `json:"actor,omitempty"`
	ID           string          `json:"id,omitempty"`    // of the request; the first of those added up
	Count        int             `json:"count,omitempty"` // of attempts added up
	From         time.Time       `json:"from,omitzero"`   // when the first of them was
}

func lineOf(ctx context.Context, e login.Event, now time.Time) Line {
	return Line{
		Time: now.UTC(), Event: e.Name, Operation: e.Operation, Reason: e.Reason, Scope: e.Scope,
		User: e.UserID, Session: e.SessionID, Organization: e.Organization, Member: e.Member,
		Role: string(e.Role), RoleBefore: string(e.RoleBefore), Client: e.ClientPrefix, Actor: e.Actor, ID: requestID(ctx),
	}
}

// zap's encoder writes a line in a quarter of the time of encoding/json.
var encoder = zapcore.NewJSONEncoder(zapcore.EncoderConfig{
	TimeKey: "time", MessageKey: "event", EncodeTime: zapcore.RFC3339NanoTimeEncoder,
})

// Lines lend one another the memory for their fields.
var lentFields = sync.Pool{New: func() any { return new([14]zap.Field) }}

// encode writes the names that Line has. The caller frees the buffer.
func (l Line) encode() *buffer.Buffer {
	lent := lentFields.Get().(*[14]zap.Field)
	defer lentFields.Put(lent)
	fields := lent[:0]
	add := func(name, value string) {
		if value != "" {
			fields = append(fields, zap.String(name, value))
		}
	}
	add("operation", string(l.Operation))
	add("reason", l.Reason)
	add("scope", l.Scope)
	add("user", l.User)
	add("session", l.Session)
	add("organization", l.Organization)
	add("member", l.Member)
	add("role", l.Role)
	add("roleBefore", l.RoleBefore)
	add("client", l.Client)
	add("actor", l.Actor)
	add("id", l.ID)
	if l.Count > 0 {
		fields = append(fields, zap.Int("count", l.Count), zap.Time("from", l.From))
	}
	b, _ := encoder.EncodeEntry(zapcore.Entry{Time: l.Time, Message: string(l.Event)}, fields) // fails for fields of other types only
	return b
}
