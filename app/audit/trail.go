package audit

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"hasura-login/app/login"
)

const (
	// flushEvery is how long a refresh may wait for others before it is written.
	flushEvery = 200 * time.Millisecond
	// syncEvery bounds the events that a crash of the machine can lose.
	syncEvery = 5 * time.Second
	// pruneEvery is how late old events may go.
	pruneEvery = time.Minute
)

// Observer gets the state of the trail, for metrics.
type Observer interface {
	// AuditWritable is called at the start and at each change.
	AuditWritable(yes bool)
	// AuditLost counts an event that is not in the trail.
	AuditLost()
	// AuditDisplaced counts a file that had to go before its time, for want of room.
	AuditDisplaced()
}

// Config is the configuration of a Trail.
type Config struct {
	Dir     string
	Keep    time.Duration // events older than this go
	MaxSize int64         // bytes in Dir, of all processes that share it
	// Find returns the id of the user with an address, or login.ErrNotFound.
	// It is asked in the background.
	Find     func(ctx context.Context, email string) (userID string, err error)
	Observer Observer
	// Failed gets the reason why the trail cannot be written, once, and each event that
	// is lost.
	Failed func(err error, event []byte)
	Now    func() time.Time
}

// Trail is a login.Auditor that writes its own segments into a folder. Several
// processes may share the folder.
type Trail struct {
	Config
	writers   map[Kind]*writer
	throttled *throttled
	broken    atomic.Bool
}

// Open makes a Trail, and its folder if only that is missing. It fails where
// events cannot be written.
func Open(cfg Config) (*Trail, error) {
	if err := prepare(cfg.Dir); err != nil {
		return nil, err
	}
	t := &Trail{Config: cfg, writers: map[Kind]*writer{}, throttled: newThrottled()}
	var id [4]byte
	_, _ = rand.Read(id[:]) // never fails: it ends the process instead
	for _, k := range Kinds() {
		t.writers[k] = &writer{
			kind: k, dir: cfg.Dir, id: hex.EncodeToString(id[:]), now: cfg.Now,
			most: min(maxSegment, roomOf(k, cfg.MaxSize)/segmentsPerKind),
		}
	}
	t.Observer.AuditWritable(true)
	return t, t.prune()
}

// prepare makes the folder and tries what events need: a new file that takes
// something and gets it to the disk.
func prepare(dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("the folder of the audit trail: %w", err)
	}
	f, err := os.CreateTemp(dir, ".try-*")
	if err != nil {
		return fmt.Errorf("the audit trail cannot be written: %w", err)
	}
	_, err = f.Write(make([]byte, 4<<10))
	if err = errors.Join(err, f.Sync(), f.Close(), os.Remove(f.Name())); err != nil {
		return fmt.Errorf("the audit trail cannot be written: %w", err)
	}
	return nil
}

// Record writes one event before it returns, but for two sorts. Refreshes, the
// only ones that come by themselves, every few minutes from everyone, go out in
// batches: when a killed process loses the last of them, their tokens' rows in
// the database still have the time. Attempts that a limit refused are added up
// for each minute, since anybody can cause any number of them.
func (t *Trail) Record(ctx context.Context, e login.Event) {
	now := t.Now()
	if e.Name == login.EventThrottled {
		t.throttled.add(requestID(ctx), e, now)
		return
	}
	kind := KindOf(e)
	t.write(kind, lineOf(ctx, e, now), kind == KindRefreshes)
	if kind == KindDeletions { // rare, and a restored backup is brought up to date by them
		t.check(t.writers[kind].sync())
	}
}

func (t *Trail) write(k Kind, l Line, batched bool) {
	line := l.encode()
	defer line.Free()
	kept, err := t.writers[k].add(line.Bytes(), batched)
	t.check(err)
	if !kept {
		t.lost(err, line.Bytes())
	}
}

// check notes that the trail cannot be written.
func (t *Trail) check(err error) {
	if err != nil && !t.broken.Swap(true) {
		t.Observer.AuditWritable(false)
		t.Failed(err, nil)
	}
}

func (t *Trail) lost(err error, line []byte) {
	t.Observer.AuditLost()
	t.Failed(err, line)
}

// Writable reports whether the last events were written.
func (t *Trail) Writable() error {
	if t.broken.Load() {
		return errors.New("events cannot be written")
	}
	return nil
}

// Run writes pending events and removes old segments until ctx ends.
func (t *Trail) Run(ctx context.Context) {
	var running sync.WaitGroup
	running.Go(func() { t.runFiles(ctx) })
	running.Go(func() {
		every(ctx, syncEvery, func() { t.writeThrottled(ctx, t.Now().Truncate(time.Minute)) })
	})
	running.Go(func() { every(ctx, pruneEvery, func() { t.check(t.prune()) }) })
	running.Wait()
}

func every(ctx context.Context, d time.Duration, f func()) {
	tick := time.NewTicker(d)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			f()
		}
	}
}

func (t *Trail) runFiles(ctx context.Context) {
	synced := time.Now()
	every(ctx, flushEvery, func() {
		sync := time.Since(synced) >= syncEvery
		if sync {
			synced = time.Now()
		}
		t.flush(sync)
	})
}

// flush writes what waits. When everything that did is written, the trail is
// well again.
func (t *Trail) flush(sync bool) {
	well := true
	for _, w := range t.writers {
		err := w.write()
		if err == nil && sync {
			err = w.sync()
		}
		t.check(err)
		well = well && err == nil
	}
	if well && t.broken.CompareAndSwap(true, false) {
		t.Observer.AuditWritable(true)
	}
}

func (t *Trail) prune() error {
	return prune(t.Dir, t.Now().Add(-t.Keep), t.MaxSize, t.Observer.AuditDisplaced)
}

// Close writes what waits. Nothing may be recorded after it.
func (t *Trail) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), lookupPatience)
	defer cancel()
	t.writeThrottled(ctx, t.Now().Add(time.Minute))
	for _, w := range t.writers {
		for _, line := range w.close() {
			t.lost(errors.New("the process ends"), line)
		}
	}
}
