package password

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"hasura-login/app/login"
)

// task is the work that a caller asks for.
type task struct {
	verify           bool
	stored, password string
}

// job is an accepted task on its way through the hash limiter.
type job struct {
	task
	request  login.HashRequest
	ctx      context.Context // the context of the caller, who waits for the job
	queuedAt time.Time

	client         *node // where it waits
	previous, next *job  // of that client
	older, newer   *job  // of its lane
	taken          bool  // by a worker; guarded by the hash limiter's lock

	done      chan struct{} // closed when what follows is set
	begunAt   time.Time
	took      time.Duration
	hash      string
	ok, stale bool
	err       error
}

// do has the task done by a worker. It allocates nothing before the task is
// accepted. Once the hash has begun it waits for the outcome even if the caller
// leaves: a guess has been made, and who counts guesses must learn of it.
func (l *HashLimiter) do(ctx context.Context, req login.HashRequest, t task) (*job, error) {
	if err := checkLane(req); err != nil {
		return nil, err
	}
	j, refusal := l.enqueue(ctx, req, t)
	if refusal != nil {
		return nil, l.refuse(req, refusal)
	}
	select {
	case <-j.done:
	case <-ctx.Done():
		if l.withdraw(j) {
			return nil, login.ErrCallerGone
		}
		<-j.done
	}
	return j, nil
}

func (l *HashLimiter) enqueue(ctx context.Context, req login.HashRequest, t task) (*job, *login.Error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if req.HasTicket { // given up last, so that the job waits where the place was
		defer l.queue.freePlace(req)
	}
	if refusal := l.admit(req); refusal != nil {
		return nil, refusal
	}
	j := &job{task: t, request: req, ctx: ctx, queuedAt: time.Now(), done: make(chan struct{})}
	l.queue.push(j)
	if l.idle > 0 {
		l.workToDo.Signal()
	}
	return j, nil
}

// checkLane refuses work of an operation that is not meant to hash.
func checkLane(req login.HashRequest) error {
	if req.Lane() == login.LaneNone {
		return fmt.Errorf("operation %q has no lane in the hash queue", req.Operation)
	}
	return nil
}

// admit refuses a request that would wait too long. It must be called with the lock
// held.
func (l *HashLimiter) admit(req login.HashRequest) *login.Error {
	if l.isStopped {
		return l.stopping
	}
	if !req.HasTicket && (l.queue.places(req.Addr) >= l.mostPlaces() || l.expectedWait(req) > l.maxWait) {
		return l.refusal()
	}
	return nil
}

// mostPlaces is the number of places that one client may have: half of those that fit
// into the longest wait, so that no client can keep all others out; and at least one
// for each worker, so that the only client can use the whole machine.
func (l *HashLimiter) mostPlaces() int {
	places := 1 + int(l.maxWait*time.Duration(l.workers)/max(l.meanTime, 1))
	return max(places/2, l.workers)
}

// expectedWait is for how long those ahead keep the workers busy.
func (l *HashLimiter) expectedWait(req login.HashRequest) time.Duration {
	return time.Duration(l.queue.ahead(req)) * l.meanTime / time.Duration(l.workers)
}

func (l *HashLimiter) refusal() *login.Error {
	l.refused++
	return l.refusals[l.refused%retrySpread]
}

// withdraw takes a job that no worker has begun out of the queue.
func (l *HashLimiter) withdraw(j *job) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if j.taken {
		return false
	}
	l.queue.remove(j)
	return true
}

// work is the life of one worker.
func (l *HashLimiter) work() {
	// The thread is never unlocked and so ends with the goroutine: a lowered
	// priority cannot be raised again without privilege. Go does not start
	// other threads from a locked one, so none inherits it.
	runtime.LockOSThread()
	lowerThreadPriority()
	for j := l.take(); j != nil; j = l.take() {
		l.serve(j)
		close(j.done)
	}
}

// take waits for a job; nil means that the limiter is closed and the queue empty.
func (l *HashLimiter) take() *job {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.queue.waiting == 0 {
		if l.isStopped {
			return nil
		}
		l.idle++
		l.workToDo.Wait()
		l.idle--
	}
	j := l.queue.pop(time.Now().Add(-l.maxWait))
	j.taken = true
	return j
}

func (l *HashLimiter) serve(j *job) {
	waited := time.Since(j.queuedAt)
	if refusal := l.refuseExpired(waited); refusal != nil {
		j.err = refusal
		l.observer.HashRefused(j.request.Operation)
		return
	}
	if j.ctx.Err() != nil {
		j.err = login.ErrCallerGone
		return
	}
	l.observer.HashQueued(waited)
	j.begunAt = time.Now()
	if j.verify {
		j.ok, j.stale = l.hasher.verify(j.stored, j.password)
	} else {
		j.hash, j.err = l.hasher.hash(j.password)
	}
	j.took = time.Since(j.begunAt)
	l.measure(j.took)
	if j.verify && !j.ok {
		l.floor.measure(j.stored, j.took/time.Duration(comparisons(j.password)))
	}
	l.observer.HashDone(j.took)
}

// refuseExpired refuses a job that waited twice as long as it was accepted for: the
// machine stood still, or others came that go first. Working off jobs that no one waits
// for any more would only make the next ones late, too.
func (l *HashLimiter) refuseExpired(waited time.Duration) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if waited <= 2*(l.maxWait+l.meanTime) {
		return nil
	}
	return l.refusal()
}

// measure keeps a moving average of about the last eight hashes.
func (l *HashLimiter) measure(took time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.measured {
		l.meanTime, l.measured = took, true
		return
	}
	l.meanTime += (took - l.meanTime) / 8
}
