package audit

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

const (
	// maxPending bounds the bytes that a kind keeps in memory while it cannot be
	// written.
	maxPending = 256 << 10
	// batch is how much of the routine events is written at once.
	batch = 32 << 10
	// segmentLife lets old events go day by day.
	segmentLife = 24 * time.Hour
	// segmentsPerKind lets events go in small parts where room is short.
	segmentsPerKind = 16
	maxSegment      = 16 << 20
)

// errRoom is why an event is lost: those before it wait for a disk that takes none.
var errRoom = errors.New("too many events wait to be written")

// writer writes the segments of one kind. Events wait in pending until they are
// on their way to the disk, so that a full one loses none that fit there.
type writer struct {
	kind  Kind
	dir   string
	most  int64 // bytes of a segment
	id    string
	now   func() time.Time
	began int // segments, for their names

	mu      sync.Mutex
	pending []byte
	file    *os.File
	ended   []*os.File
	size    int64
	opened  time.Time
	dirty   bool // written to, and not synced since
}

// add writes a line, together with what waits. A batched one may wait for others.
func (w *writer) add(line []byte, batched bool) (kept bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.pending)+len(line) > maxPending {
		if err = w.flush(); err != nil {
			return false, errors.Join(errRoom, err)
		}
	}
	w.pending = append(w.pending, line...)
	if batched && len(w.pending) < batch {
		return true, nil
	}
	return true, w.flush()
}

// write writes what waits.
func (w *writer) write() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.flush()
}

// flush must be called with mu held.
func (w *writer) flush() error {
	if len(w.pending) == 0 {
		return nil
	}
	if w.file == nil || w.size+int64(len(w.pending)) > w.most && w.size > 0 || w.now().Sub(w.opened) >= segmentLife {
		if err := w.rotate(); err != nil {
			return err
		}
	}
	n, err := w.file.Write(w.pending)
	if err != nil {
		w.takeBack(n)
		return fmt.Errorf("writing audit events: %w", err)
	}
	w.size += int64(n)
	w.pending = w.pending[:0]
	w.dirty = true
	return nil
}

// takeBack removes the part of a write that failed, so that no line is torn.
func (w *writer) takeBack(n int) {
	if n <= 0 {
		return
	}
	if w.file.Truncate(w.size) != nil {
		w.shut()
	}
}

func (w *writer) rotate() error {
	w.shut()
	f, err := os.OpenFile(w.nextPath(), os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o600) // #nosec G304 -- the operator's own folder
	if err == nil {
		err = errors.Join(hold(f), giveToOwnerOf(w.dir, f))
	}
	if err != nil {
		if f != nil {
			err = errors.Join(err, f.Close())
		}
		return fmt.Errorf("beginning a file of audit events: %w", err)
	}
	w.file, w.size, w.opened = f, 0, w.now()
	return nil
}

func (w *writer) nextPath() string {
	w.began++
	return segmentPath(w.dir, w.kind, w.now(), fmt.Sprintf("%s-%d", w.id, w.began))
}

// shut ends the segment; the next event begins another. The file is closed with
// the next sync, which keeps no event waiting.
func (w *writer) shut() {
	if w.file != nil {
		w.ended = append(w.ended, w.file)
	}
	w.file, w.size, w.dirty = nil, 0, false
}

// sync makes written events survive a crash of the machine. Events can be written at
// the same time.
func (w *writer) sync() error {
	w.mu.Lock()
	if w.file != nil && removed(w.file) { // nothing written to it can be read
		w.shut()
	}
	ended, file := w.ended, w.file
	if !w.dirty {
		file = nil
	}
	w.ended, w.dirty = nil, false
	w.mu.Unlock()

	var failed []error
	for _, f := range ended {
		failed = append(failed, f.Sync(), f.Close())
	}
	if file != nil {
		if err := file.Sync(); !errors.Is(err, os.ErrClosed) { // it may have ended meanwhile
			failed = append(failed, err)
		}
	}
	if err := errors.Join(failed...); err != nil {
		return fmt.Errorf("writing audit events to the disk: %w", err)
	}
	return nil
}

// close writes what waits and returns the lines that could not be written.
func (w *writer) close() (lost [][]byte) {
	w.mu.Lock()
	if w.flush() != nil {
		lost = bytes.SplitAfter(bytes.TrimSuffix(w.pending, []byte("\n")), []byte("\n"))
	}
	w.shut()
	w.mu.Unlock()
	_ = w.sync()
	return lost
}
