package password

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"hasura-login/app/login"
)

// task is what a caller wants done.
type task struct {
	verify           bool
	stored, password string
}

// job is an accepted task on its way through the gate.
type job struct {
	task
	work     login.Work
	ctx      context.Context // of the caller, who waits for the job
	queuedAt time.Time

	client         *node // where it waits
	previous, next *job  // of that client
	older, newer   *job  // of its lane
	taken          bool  // by a worker; guarded by the gate's lock

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
func (g *Gate) do(ctx context.Context, w login.Work, t task) (*job, error) {
	if err := checkLane(w); err != nil {
		return nil, err
	}
	j, refusal := g.enqueue(ctx, w, t)
	if refusal != nil {
		return nil, g.refuse(w, refusal)
	}
	select {
	case <-j.done:
	case <-ctx.Done():
		if g.withdraw(j) {
			return nil, login.ErrCallerGone
		}
		<-j.done
	}
	return j, nil
}

func (g *Gate) enqueue(ctx context.Context, w login.Work, t task) (*job, *login.Error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if w.HasPlace { // given up last, so that the job waits where the place was
		defer g.queue.freePlace(w)
	}
	if refusal := g.admit(w); refusal != nil {
		return nil, refusal
	}
	j := &job{task: t, work: w, ctx: ctx, queuedAt: time.Now(), done: make(chan struct{})}
	g.queue.push(j)
	if g.idle > 0 {
		g.workToDo.Signal()
	}
	return j, nil
}

// checkLane refuses work of an operation that is not meant to hash.
func checkLane(w login.Work) error {
	if w.Lane() == login.LaneNone {
		return fmt.Errorf("operation %q has no lane in the hash queue", w.Operation)
	}
	return nil
}

// admit refuses what would wait too long; it is called with the lock held.
func (g *Gate) admit(w login.Work) *login.Error {
	if g.isStopped {
		return g.stopping
	}
	if !w.HasPlace && (g.queue.places(w.Addr) >= g.mostPlaces() || g.expectedWait(w) > g.maxWait) {
		return g.refusal()
	}
	return nil
}

// mostPlaces is how many places one client may have: half of those that fit into
// the longest wait, so that no client, whatever it proves, keeps all others out;
// and one for each worker, so that a client that is alone can use the machine.
func (g *Gate) mostPlaces() int {
	places := 1 + int(g.maxWait*time.Duration(g.workers)/max(g.meanTime, 1))
	return max(places/2, g.workers)
}

// expectedWait is for how long those ahead keep the workers busy.
func (g *Gate) expectedWait(w login.Work) time.Duration {
	return time.Duration(g.queue.ahead(w)) * g.meanTime / time.Duration(g.workers)
}

func (g *Gate) refusal() *login.Error {
	g.refused++
	return g.refusals[g.refused%retrySpread]
}

// withdraw takes a job that no worker has begun out of the queue.
func (g *Gate) withdraw(j *job) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if j.taken {
		return false
	}
	g.queue.remove(j)
	return true
}

// work is the life of one worker.
func (g *Gate) work() {
	// The thread is never unlocked and so ends with the goroutine: a lowered
	// priority cannot be raised again without privilege. Go does not start
	// other threads from a locked one, so none inherits it.
	runtime.LockOSThread()
	lowerThreadPriority()
	for j := g.take(); j != nil; j = g.take() {
		g.serve(j)
		close(j.done)
	}
}

// take waits for a job; nil means that there will be none any more.
func (g *Gate) take() *job {
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.queue.waiting == 0 {
		if g.isStopped {
			return nil
		}
		g.idle++
		g.workToDo.Wait()
		g.idle--
	}
	j := g.queue.pop(time.Now().Add(-g.maxWait))
	j.taken = true
	return j
}

func (g *Gate) serve(j *job) {
	waited := time.Since(j.queuedAt)
	if refusal := g.refuseExpired(waited); refusal != nil {
		j.err = refusal
		g.observer.HashRefused(j.work.Operation)
		return
	}
	if j.ctx.Err() != nil {
		j.err = login.ErrCallerGone
		return
	}
	g.observer.HashQueued(waited)
	j.begunAt = time.Now()
	if j.verify {
		j.ok, j.stale = g.hasher.verify(j.stored, j.password)
	} else {
		j.hash, j.err = g.hasher.hash(j.password)
	}
	j.took = time.Since(j.begunAt)
	g.measure(j.took)
	if j.verify && !j.ok {
		g.floor.measure(j.stored, j.took/time.Duration(comparisons(j.password)))
	}
	g.observer.HashDone(j.took)
}

// refuseExpired refuses a job that waited twice as long as it was accepted for:
// the machine stood still, or others came that go first. Working off what
// nobody waits for any more would only make the next ones late too.
func (g *Gate) refuseExpired(waited time.Duration) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if waited <= 2*(g.maxWait+g.meanTime) {
		return nil
	}
	return g.refusal()
}

// measure keeps a moving average of about the last eight hashes.
func (g *Gate) measure(took time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.measured {
		g.meanTime, g.measured = took, true
		return
	}
	g.meanTime += (took - g.meanTime) / 8
}
