package password_test

import (
	"runtime"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"hasura-login/app/password"
)

// threads notes the priority and the identity of the threads that hash. All
// hashes wait until as many are in work as there are workers.
type threads struct {
	all sync.WaitGroup
	mu  sync.Mutex
	ids map[int]int // thread id: priority, as the kernel tells it: 20 - niceness
}

func (s *threads) generate([]byte, int) ([]byte, error) {
	priority, err := unix.Getpriority(unix.PRIO_PROCESS, unix.Gettid())
	s.mu.Lock()
	s.ids[unix.Gettid()] = priority
	s.mu.Unlock()
	s.all.Done()
	s.all.Wait()
	return nil, err
}

func TestHashLimiter_HashesOnThreadsOfLowerPriorityAndKeepsOthersFree(t *testing.T) {
	const workers = 3
	seen := &threads{ids: map[int]int{}}
	seen.all.Add(workers)
	limiter, err := password.NewLimiterOn(password.Config{Cost: liveCost, Workers: workers}, seen.generate, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer limiter.Close()
	if got := runtime.GOMAXPROCS(0); got < workers+2 {
		t.Errorf("GOMAXPROCS is %d with %d workers: nothing is left for the others", got, workers)
	}
	var calls sync.WaitGroup
	for range workers {
		calls.Go(func() {
			if _, err := limiter.Hash(t.Context(), signIn, "a new one"); err != nil {
				t.Error(err)
			}
		})
	}
	calls.Wait()

	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	ordinary, err := unix.Getpriority(unix.PRIO_PROCESS, unix.Gettid())
	if err != nil {
		t.Fatal(err)
	}
	if len(seen.ids) != workers {
		t.Errorf("%d threads hash, want %d", len(seen.ids), workers)
	}
	for id, priority := range seen.ids {
		if priority >= ordinary {
			t.Errorf("thread %d has priority %d, others %d", id, priority, ordinary)
		}
	}
}
