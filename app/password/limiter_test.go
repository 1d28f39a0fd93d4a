package password_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"hasura-login/app/login"
	"hasura-login/app/password"
)

func TestHashLimiter_RefusesBeforeTheWaitIsTooLong(t *testing.T) {
	cases := []struct {
		perHash, maxWait time.Duration
		workers          int
		queued           int // so many may be ahead, and the one that is the last
	}{
		{perHash: 50 * time.Millisecond, maxWait: time.Second, workers: 1, queued: 20 + 1},
		{perHash: 200 * time.Millisecond, maxWait: time.Second, workers: 1, queued: 5 + 1},
		{perHash: 50 * time.Millisecond, maxWait: time.Second, workers: 2, queued: 40 + 1},
		{perHash: 50 * time.Millisecond, maxWait: 100 * time.Millisecond, workers: 1, queued: 2 + 1},
		{perHash: 3 * time.Second, maxWait: time.Second, workers: 1, queued: 0 + 1},
	}
	for _, c := range cases {
		t.Run(fmt.Sprintf("%v/%v/%d", c.perHash, c.maxWait, c.workers), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				limiter := startLimiter(t, &slowHash{perHash: c.perHash}, password.Config{Workers: c.workers, MaxWait: c.maxWait})
				var calls sync.WaitGroup
				var got tally
				clients := 0
				ask := func() {
					clients++
					w := apart(signIn, clients)
					calls.Go(func() { got.call(t.Context(), limiter, w, "a guess") })
				}
				for range c.workers {
					ask()
					synctest.Wait() // a worker has it
				}
				placed, err := limiter.Admit(signIn)
				if err != nil {
					t.Errorf("not admitted to an empty queue: %v", err)
				}
				limiter.Release(placed)
				for range 100 {
					ask()
				}
				synctest.Wait()
				if code := codeOf(limiter.Admit(signIn)); code != login.CodeOverloaded {
					t.Errorf("admitted to a full queue: %s", code)
				}
				if limiter.Len() != c.queued {
					t.Errorf("%d wait, want %d", limiter.Len(), c.queued)
				}
				calls.Wait()
				got.noSurprise(t)
				if got.refusedIn != 0 {
					t.Errorf("a refusal took %v, want none to wait", got.refusedIn)
				}
				if want := c.workers + c.queued; got.done != want || got.refused != 100+c.workers-want {
					t.Errorf("%d done, %d refused; want %d done", got.done, got.refused, want)
				}
			})
		})
	}
}

func TestHashLimiter_RefusedAreToldDifferentTimesToComeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limiter := startLimiter(t, &slowHash{perHash: time.Second}, password.Config{Workers: 1, MaxWait: time.Millisecond})
		var calls sync.WaitGroup
		for range 2 {
			calls.Go(func() { _, _ = limiter.Hash(t.Context(), signIn, "a guess") })
			synctest.Wait()
		}
		told := map[time.Duration]bool{}
		for range 20 {
			_, err := limiter.Hash(t.Context(), signIn, "a guess")
			var refusal *login.Error
			if !errors.As(err, &refusal) || refusal.Code != login.CodeOverloaded {
				t.Fatalf("got %v, want a refusal", err)
			}
			told[refusal.RetryAfter] = true
		}
		want := map[time.Duration]bool{1e9: true, 2e9: true, 3e9: true, 4e9: true}
		if diff := cmp.Diff(want, told); diff != "" {
			t.Error(diff)
		}
		calls.Wait()
	})
}

func TestHashLimiter_CallerWhoLeavesTheQueueCostsNoHash(t *testing.T) {
	names := []string{"first", "second", "third"}
	for i, leaver := range names {
		t.Run(leaver, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				hashes := &slowHash{perHash: 50 * time.Millisecond}
				limiter := startLimiter(t, hashes, password.Config{Workers: 1})
				var calls sync.WaitGroup
				calls.Go(func() { _, _ = limiter.Hash(t.Context(), signIn, "in work") })
				synctest.Wait()
				errs := make([]error, len(names))
				leave := make([]context.CancelFunc, len(names))
				for i, name := range names {
					var ctx context.Context
					ctx, leave[i] = context.WithCancel(t.Context())
					calls.Go(func() { _, errs[i] = limiter.Hash(ctx, signIn, name) })
					synctest.Wait()
				}
				leave[i]()
				synctest.Wait()
				if !errors.Is(errs[i], login.ErrCallerGone) {
					t.Errorf("got %v, want ErrCallerGone at once", errs[i])
				}
				if limiter.Len() != len(names)-1 {
					t.Errorf("%d wait, want the place given back", limiter.Len())
				}
				calls.Wait()
				want := slices.Delete(append([]string{"in work"}, names...), i+1, i+2)
				if diff := cmp.Diff(want, hashes.order()); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

// polled is a context of a server that does not report a closed connection: only
// asking tells, and asking costs a system call.
type polled struct {
	context.Context
	gone  atomic.Bool
	asked atomic.Int32
}

func (p *polled) Done() <-chan struct{} { return nil }

func (p *polled) Err() error {
	p.asked.Add(1)
	if p.gone.Load() {
		return context.Canceled
	}
	return nil
}

func TestHashLimiter_AsksOnceWhetherTheCallerIsStillThere(t *testing.T) {
	for _, gone := range []bool{false, true} {
		t.Run(fmt.Sprintf("gone=%v", gone), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				hashes := &slowHash{perHash: 50 * time.Millisecond}
				limiter := startLimiter(t, hashes, password.Config{Workers: 1})
				var calls sync.WaitGroup
				calls.Go(func() { _, _ = limiter.Hash(t.Context(), signIn, "first") })
				synctest.Wait()
				caller := &polled{Context: t.Context()}
				var err error
				calls.Go(func() { _, err = limiter.Hash(caller, signIn, "second") })
				synctest.Wait()
				if asked := caller.asked.Load(); asked != 0 {
					t.Errorf("asked %d times before its turn", asked)
				}
				caller.gone.Store(gone)
				calls.Wait()
				if asked := caller.asked.Load(); asked != 1 {
					t.Errorf("asked %d times, want once", asked)
				}
				if errors.Is(err, login.ErrCallerGone) != gone {
					t.Errorf("got %v", err)
				}
				wantServed := []string{"first", "second"}
				if gone {
					wantServed = wantServed[:1]
				}
				if diff := cmp.Diff(wantServed, hashes.order()); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

func TestHashLimiter_CallerWhoLeavesDuringTheHashStillGetsTheOutcome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limiter := startLimiter(t, &slowHash{perHash: 50 * time.Millisecond}, password.Config{Workers: 1})
		ctx, leave := context.WithCancel(t.Context())
		time.AfterFunc(10*time.Millisecond, leave)
		ok, _, err := limiter.Verify(ctx, signIn, string(storedHash(liveCost)), rightPassword)
		if !ok || err != nil {
			t.Errorf("got %v, %v: a guess that was made must be counted", ok, err)
		}
	})
}

func TestHashLimiter_AfterAStandstillTheLateAreRefusedAndTheNewServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hashes := &slowHash{perHash: 50 * time.Millisecond}
		limiter := startLimiter(t, hashes, password.Config{Workers: 1})
		hashes.take(10 * time.Second) // for the one that is hit by it
		var calls sync.WaitGroup
		var hit, behind tally
		calls.Go(func() { hit.call(t.Context(), limiter, signIn, "hit") })
		synctest.Wait()
		hashes.take(50 * time.Millisecond)
		for i := range 10 {
			calls.Go(func() { behind.call(t.Context(), limiter, apart(signIn, i), "behind") })
		}
		calls.Wait()
		if hit.done != 1 || behind.done != 0 || behind.refused != 10 {
			t.Errorf("hit: %d done; behind: %d done, %d refused", hit.done, behind.done, behind.refused)
		}
		if after := offer(t, limiter, signIn, 10, time.Second); after.done != 10 {
			t.Errorf("%d of 10 done afterwards", after.done)
		}
	})
}

func TestHashLimiter_CloseFinishesWhatWasAccepted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hashes := &slowHash{perHash: 50 * time.Millisecond}
		limiter := startLimiter(t, hashes, password.Config{Workers: 2})
		var calls sync.WaitGroup
		var accepted, late tally
		for i := range 10 {
			calls.Go(func() { accepted.call(t.Context(), limiter, apart(signIn, i), "accepted") })
		}
		synctest.Wait()
		begun := time.Now()
		limiter.Close()
		if took := time.Since(begun); took != 250*time.Millisecond {
			t.Errorf("closed after %v, want the 250ms that ten hashes take two workers", took)
		}
		calls.Wait()
		late.call(t.Context(), limiter, signIn, "late")
		if accepted.done != 10 || late.refused != 1 {
			t.Errorf("%d of 10 done; %d of 1 refused after", accepted.done, late.refused)
		}
		limiter.Close() // again is fine
	})
}

func TestHashLimiter_RefusalAllocatesNothing(t *testing.T) {
	release := make(chan struct{})
	begun := make(chan struct{}, 2)
	limiter, err := password.NewLimiterOn(
		password.Config{Cost: password.MaxCost, Workers: 1, MaxWait: time.Nanosecond},
		func([]byte, int) ([]byte, error) { begun <- struct{}{}; <-release; return nil, nil },
		nil,
	)
	if err != nil {
		t.Fatal(err)
	}
	var calls sync.WaitGroup
	calls.Go(func() { _, _ = limiter.Hash(t.Context(), signIn, "begun") })
	<-begun
	calls.Go(func() { _, _ = limiter.Hash(t.Context(), signIn, "queued") })
	for limiter.Len() == 0 {
		time.Sleep(time.Millisecond)
	}
	ctx := t.Context()
	allocations := testing.AllocsPerRun(1000, func() {
		if _, _, err := limiter.Verify(ctx, signIn, "", "a guess"); err == nil {
			t.Error("not refused")
		}
	})
	if allocations != 0 {
		t.Errorf("%v allocations, want none", allocations)
	}
	close(release)
	calls.Wait()
	limiter.Close()
}

// watcher records an Observer's notifications.
type watcher struct {
	mu      sync.Mutex
	waits   []time.Duration
	took    []time.Duration
	refused map[login.Operation]int
}

func (w *watcher) HashQueued(wait time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waits = append(w.waits, wait)
}

func (w *watcher) HashDone(took time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.took = append(w.took, took)
}

func (w *watcher) HashRefused(op login.Operation) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.refused[op]++
}

func TestHashLimiter_TellsTheObserverOfEveryCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const ms = time.Millisecond
		seen := &watcher{refused: map[login.Operation]int{}}
		limiter := startLimiter(t, &slowHash{perHash: 50 * ms}, password.Config{Workers: 1, MaxWait: 50 * ms, Observer: seen})
		var calls sync.WaitGroup
		for i := range 5 { // one hashes, two wait, two are too many
			calls.Go(func() { _, _ = limiter.Hash(t.Context(), apart(signUp, i), "a new one") })
			synctest.Wait()
		}
		calls.Wait()
		if diff := cmp.Diff([]time.Duration{0 /* warm-up */, 0, 50 * ms, 100 * ms}, seen.waits); diff != "" {
			t.Error("waits:", diff)
		}
		if diff := cmp.Diff([]time.Duration{50 * ms, 50 * ms, 50 * ms, 50 * ms}, seen.took); diff != "" {
			t.Error("took:", diff)
		}
		if diff := cmp.Diff(map[login.Operation]int{login.OpSignUp: 2}, seen.refused); diff != "" {
			t.Error("refused:", diff)
		}
	})
}

func TestNew_RefusesWhatCannotWork(t *testing.T) {
	cases := map[string]password.Config{
		"no cost":          {},
		"cost too low":     {Cost: 3},
		"cost too high":    {Cost: 16},
		"negative workers": {Cost: 10, Workers: -1},
		"negative wait":    {Cost: 10, MaxWait: -1},
	}
	for name, config := range cases {
		t.Run(name, func(t *testing.T) {
			if limiter, err := password.New(config); err == nil {
				limiter.Close()
				t.Errorf("accepted %+v", config)
			}
		})
	}
}

func codeOf(_ login.HashRequest, err error) login.Code { return login.AsError(err).Code }

// An admitted caller has looked an account up by now, so a refusal would waste that
// work.
func TestHashLimiter_KeepsThePlaceOfWhoWasAdmitted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const perHash, room = 50 * time.Millisecond, 3 // hashes ahead within the longest wait
		limiter := startLimiter(t, &slowHash{perHash: perHash}, password.Config{Workers: 1, MaxWait: 2 * perHash})
		var calls sync.WaitGroup
		var busy, placed tally
		calls.Go(func() { busy.call(t.Context(), limiter, signIn, "a guess") })
		synctest.Wait() // the worker has it
		var works []login.HashRequest
		for i := range room {
			w, err := limiter.Admit(apart(signIn, i))
			if err != nil {
				t.Fatalf("refused with room left: %v", err)
			}
			works = append(works, w)
		}
		if code := codeOf(limiter.Admit(signIn)); code != login.CodeOverloaded {
			t.Errorf("admitted beyond the places there are: %q", code)
		}
		if _, _, err := limiter.Verify(t.Context(), signIn, "", "a guess"); err == nil {
			t.Error("somebody without a place got that of another")
		}
		limiter.Release(works[0])
		if w, err := limiter.Admit(apart(signIn, 0)); err != nil {
			t.Errorf("a place given back is not given again: %v", err)
		} else {
			works[0] = w
		}
		for _, w := range works {
			calls.Go(func() { placed.call(t.Context(), limiter, w, "a guess") })
		}
		calls.Wait()
		placed.noSurprise(t)
		if placed.done != room {
			t.Errorf("%d of %d with a place were served", placed.done, room)
		}
	})
}

// An attacker with their own accounts and devices could fill the queue, which serves
// known devices first. So no client has more than half of all places, whatever it
// proves and however many lanes it uses.
func TestHashLimiter_NoClientHasMoreThanHalfOfThePlaces(t *testing.T) {
	const perHash = 50 * time.Millisecond
	cases := map[string]struct {
		maxWait time.Duration
		workers int
		want    int
	}{
		"many places":                     {maxWait: 20 * perHash, workers: 1, want: 21 / 2},
		"more workers than half a place":  {maxWait: perHash / 2, workers: 1, want: 1},
		"several workers, and few places": {maxWait: perHash / 2, workers: 3, want: 3},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				limiter := startLimiter(t, &slowHash{perHash: perHash}, password.Config{Workers: c.workers, MaxWait: c.maxWait})
				var calls sync.WaitGroup
				for i := range c.workers { // the workers are busy with somebody else's
					calls.Go(func() { _, _ = limiter.Hash(t.Context(), apart(signIn, 100+i), "a guess") })
				}
				synctest.Wait()
				var got []login.HashRequest
				for i := range 10 * c.want {
					if w, err := limiter.Admit(apart([]login.HashRequest{knownDevice, signIn, signUp}[i%3], 1)); err == nil {
						got = append(got, w)
					} else if code := login.AsError(err).Code; code != login.CodeOverloaded {
						t.Fatalf("refused with %s", code)
					}
				}
				if len(got) > c.want || c.maxWait > perHash && len(got) != c.want {
					t.Errorf("one client has %d places, want %d", len(got), c.want)
				}
				if c.maxWait > perHash {
					owner, err := limiter.Admit(apart(knownDevice, 2))
					if err != nil {
						t.Errorf("another client: %v", err)
					} else {
						limiter.Release(owner)
					}
				}
				for _, w := range got {
					limiter.Release(w)
				}
				calls.Wait()
			})
		})
	}
}

func TestHashLimiter_HashesNothingForAnOperationWithoutALane(t *testing.T) {
	limiter, err := password.New(password.Config{Cost: password.MinCost})
	if err != nil {
		t.Fatal(err)
	}
	defer limiter.Close()
	for _, w := range []login.HashRequest{{}, {Operation: login.OpSignOut}, {Operation: login.OpSignOut, KnownDevice: true}} {
		if _, err := limiter.Admit(w); err == nil {
			t.Errorf("admitted %+v", w)
		}
		if _, err := limiter.Hash(t.Context(), w, "a new one"); err == nil {
			t.Errorf("hashed for %+v", w)
		}
	}
}
