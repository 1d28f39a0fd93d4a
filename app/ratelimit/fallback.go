package ratelimit

import (
	"context"
	"crypto/rand"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// probeEvery is how often a Redis that failed is tried again.
const probeEvery = 250 * time.Millisecond

// fallback keeps counts in Redis and, at the same time, this process's own in memory.
// When Redis fails, memory decides at once, and it already has this process's counts.
// When Redis is back, or a quick restart has emptied it, memory goes on deciding
// together with it for the windows of the outage.
//
// Without Redis, only memory decides.
type fallback struct {
	memory   *memory
	redis    *redisStore // nil: none
	observer Observer
	now      func() time.Time

	down      atomic.Bool
	recovered atomic.Int64 // Unix seconds of the end of the last outage
	mark      atomic.Int64 // of the Redis whose counts are trusted; set after recovered
	stop      chan struct{}
	probes    sync.WaitGroup
	closing   sync.Mutex // orders the start of a probe before or after close
	closed    bool
}

func newFallback(cfg Config) (*fallback, error) {
	f := &fallback{memory: newMemory(), observer: cfg.Observer, now: cfg.Now, stop: make(chan struct{})}
	f.observer.Degraded(false)
	if cfg.RedisURL == nil {
		return f, nil
	}
	var err error
	if f.redis, err = newRedisStore(cfg.RedisURL); err != nil {
		return nil, err
	}
	mark, err := f.ask()
	if err != nil {
		f.trip()
	}
	f.mark.Store(mark)
	return f, nil
}

func (f *fallback) take(ctx context.Context, now time.Time, hits []hit) verdict {
	if len(hits) == 0 {
		return verdict{deciding: -1}
	}
	if !f.usable() {
		return f.memory.take(now, hits, always)
	}
	mark, recovered := f.mark.Load(), f.recovered.Load()
	own := f.memory.take(now, hits, recovered)
	if own.refused {
		return own
	}
	v, err := f.redis.take(ctx, now, hits)
	switch {
	case err != nil:
		f.failed(err)
	case v.mark != mark:
		f.lost(v.mark)
	case f.down.Load() || f.recovered.Load() != recovered: // an outage came and went meanwhile
	case v.refused:
		f.memory.untake(hits)
		return v
	default:
		return v
	}
	// Memory's word is the stricter one here: should it refuse what Redis has
	// just counted, that attempt stays counted there.
	f.memory.untake(hits)
	own = f.memory.take(now, hits, always)
	own.shared = err == nil && !v.refused
	return own
}

// usable reports whether there is a Redis that works, as far as is known.
func (f *fallback) usable() bool { return f.redis != nil && !f.down.Load() }

// add counts hits that have no limit.
func (f *fallback) add(ctx context.Context, now time.Time, hits []hit, shared bool) {
	f.memory.take(now, hits, always)
	if shared && f.usable() {
		if _, err := f.redis.take(ctx, now, hits); err != nil {
			f.failed(err)
		}
	}
}

// refund gives back what take took; shared tells whether Redis counted it.
func (f *fallback) refund(ctx context.Context, now time.Time, refunds []refund, shared bool) {
	f.memory.refund(now, refunds)
	if shared && f.usable() {
		if err := f.redis.refund(ctx, now, refunds); err != nil {
			f.failed(err)
		}
	}
}

// failed handles a failed call. If all connections are taken, this process is busy, but
// Redis is not down: memory decides only this attempt.
func (f *fallback) failed(err error) {
	if !errors.Is(err, redis.ErrPoolTimeout) {
		f.trip()
	}
}

// trip stops using Redis until a probe succeeds.
func (f *fallback) trip() {
	f.closing.Lock()
	defer f.closing.Unlock()
	if f.closed || !f.down.CompareAndSwap(false, true) {
		return
	}
	f.observer.Degraded(true)
	f.probes.Go(f.probe)
}

func (f *fallback) probe() {
	ticker := time.NewTicker(probeEvery)
	defer ticker.Stop()
	for {
		select {
		case <-f.stop:
			return
		case <-ticker.C:
		}
		if mark, err := f.ask(); err == nil {
			f.lost(mark)
			f.observer.Degraded(false)
			f.down.Store(false)
			return
		}
	}
}

// lost notes that counts were lost, in Redis or on the way to it, until now:
// the windows that began up to this second are memory's too.
func (f *fallback) lost(mark int64) {
	f.recovered.Store(f.now().Unix() + 1)
	f.mark.Store(mark)
}

// ask tries the very thing that attempts need, a script that writes, as a full
// or read-only Redis still answers to PING. It returns the mark.
func (f *fallback) ask() (int64, error) {
	var id counterID
	_, _ = rand.Read(id[:])
	now := f.now()
	v, err := f.redis.take(context.Background(), now, []hit{newHit(id, kindOther, 1, 0, time.Second, now)})
	return v.mark, err
}

func (f *fallback) close() {
	f.closing.Lock()
	f.closed = true
	close(f.stop)
	f.closing.Unlock()
	f.probes.Wait()
	if f.redis != nil {
		f.redis.close()
	}
}
