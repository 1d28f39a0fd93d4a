package standin

import (
	"bytes"
	"context"
	"encoding/json"
	"time"

	"hasura-login/dev/standin/auth"
)

// subscribe polls until the client stops it or the connection ends.
func (k *socket) subscribe(ctx context.Context, id string, p *plan) {
	poll := k.liveQuery(id, p, k.session)
	for _, f := range p.fields {
		t, ok := p.schema.tables[f.name]
		if !ok || t.kind != selectStream {
			continue
		}
		at, refused := t.newCursor(f)
		if refused != nil {
			k.failBefore(id, refused)
			return
		}
		poll = k.stream(id, t, f, at, k.session)
	}
	ctx, cancel := context.WithCancel(ctx)
	k.live[id] = cancel
	k.background.Go(func() {
		ticker := time.NewTicker(k.server.cfg.Refetch)
		defer ticker.Stop()
		for {
			poll(ctx)
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
		}
	})
}

// stop ends a subscription; it is not answered.
func (k *socket) stop(id string) {
	if cancel := k.live[id]; cancel != nil {
		cancel()
		delete(k.live, id)
	}
}

// liveQuery sends the result at once and then whenever it has changed; a
// graphqlError is sent at every poll.
func (k *socket) liveQuery(id string, p *plan, session *auth.Session) func(context.Context) {
	var last json.RawMessage
	return func(ctx context.Context) {
		done, refused := k.server.execute(ctx, p, caller{session: session})
		switch {
		case ctx.Err() != nil:
		case refused != nil:
			k.next(id, errorAnswer(refused, false))
		case !bytes.Equal(done.data, last):
			last = done.data
			k.next(id, dataAnswer(done.data))
		}
	}
}

// stream sends each batch once, and nothing if there is none.
func (k *socket) stream(id string, t tableField, f *field, at *cursor, session *auth.Session) func(context.Context) {
	return func(ctx context.Context) {
		on := call{dialect: k.server.dialect, db: k.server.cfg.DB, session: session, tables: k.server.tables}
		rows, refused := on.streamRows(ctx, t.access, f, at)
		switch {
		case ctx.Err() != nil:
		case refused != nil:
			k.next(id, errorAnswer(refused, false))
		case rows != nil:
			var o object
			o.add(f.key, rows)
			k.next(id, dataAnswer(o.json()))
		}
	}
}
