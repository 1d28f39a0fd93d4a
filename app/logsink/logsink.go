// Package logsink owns the stream that a service writes its log to. Logging never
// blocks: lines wait in a buffer for one goroutine that writes them. If nothing reads
// the stream and the buffer is full, lines are dropped and counted. A log must not be
// able to stop a service.
package logsink

import (
	"bytes"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// maxWaiting is how much waits at most: seconds of a flood's lines.
	maxWaiting = 1 << 20
	// batch is written at once; a system call a line would be a good part of a refresh.
	batch      = 32 << 10
	flushEvery = 200 * time.Millisecond
	// stuckAfter is the time after which a write counts as stuck.
	stuckAfter = 5 * time.Second
	// tellFor is how long Check tells of lines that were dropped.
	tellFor = time.Minute
	// closePatience is how long the last lines may take.
	closePatience = time.Second
)

// Config is the configuration of a Sink.
type Config struct {
	Out     io.Writer
	Dropped func(lines int) // for metrics; must return at once
	// Resumed gets the number of dropped lines when lines can be written again.
	Resumed func(lines int)
}

// Sink takes whole lines.
type Sink struct {
	Config
	mu      sync.Mutex
	waiting []byte
	wake    chan struct{}
	closing chan struct{}
	closed  sync.Once
	done    chan struct{}

	writingSince atomic.Int64 // Unix nanoseconds; 0: no write is under way
	droppedAt    atomic.Int64 // Unix nanoseconds of the last drop
	untold       atomic.Int64 // lines dropped since Resumed was told
}

// New starts a Sink.
func New(cfg Config) *Sink {
	s := &Sink{Config: cfg, wake: make(chan struct{}, 1), closing: make(chan struct{}), done: make(chan struct{})}
	go s.run()
	return s
}

// Write takes lines that may wait for others. It never blocks and never fails.
func (s *Sink) Write(lines []byte) (int, error) {
	s.mu.Lock()
	fits := len(s.waiting)+len(lines) <= maxWaiting
	if fits {
		s.waiting = append(s.waiting, lines...)
	}
	full := len(s.waiting) >= batch
	s.mu.Unlock()
	if !fits {
		s.drop(lines)
	}
	if full {
		s.urge()
	}
	return len(lines), nil
}

// Urgent takes lines that are written as soon as the stream takes them.
func (s *Sink) Urgent() io.Writer { return urgent{s} }

type urgent struct{ sink *Sink }

func (u urgent) Write(lines []byte) (int, error) {
	defer u.sink.urge()
	return u.sink.Write(lines)
}

func (s *Sink) urge() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *Sink) drop(lines []byte) {
	n := bytes.Count(lines, []byte("\n"))
	s.droppedAt.Store(time.Now().UnixNano())
	s.untold.Add(int64(n))
	s.Dropped(n)
}

func (s *Sink) run() {
	defer close(s.done)
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	var spare []byte
	for ended := false; !ended; {
		select {
		case <-s.closing:
			ended = true
		case <-s.wake:
		case <-tick.C:
		}
		s.mu.Lock()
		lines := s.waiting
		s.waiting = spare[:0]
		s.mu.Unlock()
		spare = lines
		s.write(lines)
	}
}

func (s *Sink) write(lines []byte) {
	if len(lines) == 0 {
		return
	}
	s.writingSince.Store(time.Now().UnixNano())
	n, err := s.Out.Write(lines)
	s.writingSince.Store(0)
	if err != nil {
		s.drop(lines[n:])
		return
	}
	if n := s.untold.Swap(0); n > 0 {
		s.Resumed(int(n))
	}
}

// Check reports a stream that nothing reads.
func (s *Sink) Check() error {
	now := time.Now().UnixNano()
	if since := s.writingSince.Load(); since > 0 && now-since > int64(stuckAfter) {
		return fmt.Errorf("nothing has read the log for %s", time.Duration(now-since).Round(time.Second))
	}
	if at := s.droppedAt.Load(); at > 0 && now-at < int64(tellFor) {
		return fmt.Errorf("lines were dropped because nothing read the log")
	}
	return nil
}

// Close writes what waits, if somebody reads it soon.
func (s *Sink) Close() {
	s.closed.Do(func() { close(s.closing) })
	select {
	case <-s.done:
	case <-time.After(closePatience):
	}
}
