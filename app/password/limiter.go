// Package password decides which passwords are good enough and does the one
// expensive thing of a login, the hash, behind a limiter that keeps a flood of
// sign-ins from taking the machine.
package password

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"hasura-login/app/login"
	"hasura-login/app/password/foreign"
)

// DefaultMaxWait is well below the patience of clients (about 10 s, as is that
// of Hasura's actions) and long enough that the workers never run dry.
const DefaultMaxWait = time.Second

// Config of a HashLimiter; only Cost must be given.
type Config struct {
	Cost     int           // live bcrypt cost, MinCost to MaxCost; below 10 only in tests
	Workers  int           // hashes at a time; 0: one per usable core
	MaxWait  time.Duration // longest expected wait that is accepted; 0: DefaultMaxWait
	Observer Observer      // nil: no one is told
}

// Observer gets the events of the hash limiter, for metrics. Several goroutines call
// its methods at once, so they must be quick and safe for concurrent use.
type Observer interface {
	HashQueued(wait time.Duration)  // a hash begins after this wait
	HashDone(took time.Duration)    // it has been done
	HashRefused(op login.Operation) // one was refused as overload
}

// HashLimiter is a login.Hasher that runs bcrypt on a fixed number of threads and
// refuses a request at once if it would wait too long. Under a flood it works at its
// full rate for the requests that it accepts, and a refusal costs almost nothing.
//
// The workers are OS threads of lower priority, and GOMAXPROCS is raised above
// their number, so that everything else in the process stays quick while all
// cores hash.
type HashLimiter struct {
	hasher    hasher
	workers   int
	maxWait   time.Duration
	observer  Observer
	refusals  [retrySpread]*login.Error
	stopping  *login.Error
	floor     floor
	running   sync.WaitGroup
	workToDo  *sync.Cond // its lock is mu
	mu        sync.Mutex // guards what follows
	queue     *queue
	idle      int           // workers that wait for work
	meanTime  time.Duration // of a hash, moving average
	measured  bool          // meanTime is measured, no longer the first guess
	refused   uint          // how many, to spread the times to come back
	isStopped bool
}

var _ login.Hasher = (*HashLimiter)(nil)

// retrySpread is the number of seconds over which refused clients are told to come
// back, so that a burst does not return all at once.
const retrySpread = 4

// New starts the workers. It raises GOMAXPROCS to two above their number and never
// lowers it: one spare for the garbage collector's worker, one for all other
// goroutines. As a consequence, Go no longer follows changes of a CPU quota.
func New(c Config) (*HashLimiter, error) {
	return newLimiter(c, realBcrypt)
}

func newLimiter(c Config, bcrypt algorithm) (*HashLimiter, error) {
	if c.Workers == 0 {
		c.Workers = usableCores
	}
	if c.MaxWait == 0 {
		c.MaxWait = DefaultMaxWait
	}
	if c.Observer == nil {
		c.Observer = nobody{}
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	l := &HashLimiter{
		hasher:   hasher{algorithm: bcrypt, cost: c.Cost, memory: semaphore.NewWeighted(foreign.MaxMemory)},
		workers:  c.Workers,
		maxWait:  c.MaxWait,
		observer: c.Observer,
		queue:    newQueue(),
		stopping: login.RetryLater(login.CodeOverloaded, time.Second, "The login service is restarting; try again shortly"),
		meanTime: guessedTime(c.Cost),
	}
	l.workToDo = sync.NewCond(&l.mu)
	for i := range l.refusals {
		after := c.MaxWait.Truncate(time.Second) + time.Duration(i+1)*time.Second
		l.refusals[i] = login.RetryLater(login.CodeOverloaded, after, "Too many sign-ins at the moment; try again shortly")
	}
	raiseProcs(c.Workers + 2)
	for range c.Workers {
		l.running.Go(l.work)
	}
	return l, nil
}

func (c Config) check() error {
	var errs []error
	if c.Cost < MinCost || c.Cost > MaxCost {
		errs = append(errs, fmt.Errorf("bcrypt cost %d is not within %d to %d", c.Cost, MinCost, MaxCost))
	}
	if c.Workers < 0 {
		errs = append(errs, fmt.Errorf("%d hash workers: must not be negative", c.Workers))
	}
	if c.MaxWait < 0 {
		errs = append(errs, fmt.Errorf("wait for a hash of at most %v: must not be negative", c.MaxWait))
	}
	return errors.Join(errs...)
}

// usableCores is what Go found at the start: cores, affinity, and the CPU quota
// of the cgroup counted in, or the GOMAXPROCS of the environment.
var usableCores = runtime.GOMAXPROCS(0)

func raiseProcs(atLeast int) {
	if runtime.GOMAXPROCS(0) < atLeast {
		runtime.GOMAXPROCS(atLeast)
	}
}

// guessedTime stands in until the first hash has been measured: a current core
// takes about 50 ms at cost 10, and each step doubles it.
func guessedTime(cost int) time.Duration {
	return 50 * time.Millisecond << cost >> 10
}

// Admit implements login.Hasher.
func (l *HashLimiter) Admit(req login.HashRequest) (login.HashRequest, error) {
	if err := checkLane(req); err != nil {
		return req, err
	}
	l.mu.Lock()
	refusal := l.admit(req)
	if refusal == nil {
		l.queue.keepPlace(req)
	}
	l.mu.Unlock()
	if refusal != nil {
		return req, l.refuse(req, refusal)
	}
	req.HasTicket = true
	return req, nil
}

// Release implements login.Hasher.
func (l *HashLimiter) Release(req login.HashRequest) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.queue.freePlace(req)
}

func (l *HashLimiter) refuse(req login.HashRequest, refusal *login.Error) error {
	if refusal != l.stopping {
		l.observer.HashRefused(req.Operation)
	}
	return refusal
}

// Hash implements login.Hasher.
func (l *HashLimiter) Hash(ctx context.Context, req login.HashRequest, password string) (string, error) {
	j, err := l.do(ctx, req, task{password: password})
	if err != nil {
		return "", err
	}
	return j.hash, j.err
}

// Verify implements login.Hasher. A stored hash of an unknown format is treated like
// that of an unknown account: no password matches, at the usual cost.
func (l *HashLimiter) Verify(ctx context.Context, req login.HashRequest, hash, password string) (ok, stale bool, err error) {
	j, err := l.do(ctx, req, task{verify: true, stored: hash, password: password})
	if err != nil {
		return false, false, err
	}
	if j.err == nil && !j.ok {
		l.linger(ctx, j)
	}
	return j.ok, j.stale, j.err
}

// Len is the number of calls that wait for a worker.
func (l *HashLimiter) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.queue.waiting
}

// Close refuses new work and returns when all that was accepted is done.
func (l *HashLimiter) Close() {
	l.mu.Lock()
	l.isStopped = true
	l.workToDo.Broadcast()
	l.mu.Unlock()
	l.running.Wait()
}

type nobody struct{}

func (nobody) HashQueued(time.Duration)    {}
func (nobody) HashDone(time.Duration)      {}
func (nobody) HashRefused(login.Operation) {}
