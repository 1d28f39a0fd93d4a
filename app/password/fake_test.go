package password_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"hasura-login/app/login"
	"hasura-login/app/password"
)

const (
	liveCost      = 10
	rightPassword = "the right one"
)

// slowHash stands in for bcrypt inside a bubble of testing/synctest: it sleeps
// for as long as a hash of that cost would take, so that a flood of seconds is
// over at once and always the same.
type slowHash struct {
	perHash time.Duration // at liveCost

	mu     sync.Mutex
	rounds int      // done, 2^cost each
	served []string // passwords in the order in which they were begun
}

func (h *slowHash) generate(plain []byte, cost int) ([]byte, error) {
	h.spend(string(plain), cost)
	return storedHash(cost), nil
}

func (h *slowHash) compare(stored, plain []byte) error {
	var cost int
	if _, err := fmt.Sscanf(string(stored[4:6]), "%d", &cost); err != nil {
		return err
	}
	h.spend(string(plain), cost)
	if string(plain) != rightPassword {
		return errors.New("mismatch")
	}
	return nil
}

func (h *slowHash) spend(plain string, cost int) {
	h.mu.Lock()
	h.rounds += 1 << cost
	h.served = append(h.served, plain)
	took := h.perHash << cost >> liveCost
	h.mu.Unlock()
	time.Sleep(took)
}

// take sets how long the hashes begun from now on take.
func (h *slowHash) take(perHash time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.perHash = perHash
}

func (h *slowHash) roundsDone() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.rounds
}

func (h *slowHash) order() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.served)
}

// storedHash is well formed; only slowHash finds a password to match it.
func storedHash(cost int) []byte { return password.DummyHash(cost) }

// startLimiter starts a limiter whose moving average has settled at the true time.
func startLimiter(t *testing.T, h *slowHash, c password.Config) *password.HashLimiter {
	t.Helper()
	c.Cost = liveCost
	limiter, err := password.NewLimiterOn(c, h.generate, h.compare)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(limiter.Close)
	if _, err := limiter.Hash(t.Context(), signIn, "warm up"); err != nil {
		t.Fatal(err)
	}
	h.mu.Lock()
	h.rounds, h.served = 0, nil
	h.mu.Unlock()
	return limiter
}

var (
	signIn      = login.HashRequest{Operation: login.OpSignIn}
	signUp      = login.HashRequest{Operation: login.OpSignUp}
	knownDevice = login.HashRequest{Operation: login.OpSignIn, KnownDevice: true}
)

// apart is the work of the nth client; each client has its own network.
func apart(w login.HashRequest, n int) login.HashRequest {
	w.Addr = netip.AddrFrom4([4]byte{byte(n >> 8), byte(n), 0, 1})
	return w
}

// tally counts how calls of one kind ended.
type tally struct {
	mu        sync.Mutex
	done      int
	refused   int
	unasked   []error
	latencies []time.Duration // of those done
	refusedIn time.Duration   // the slowest refusal
}

// call asks the hash limiter once and notes the outcome.
func (c *tally) call(ctx context.Context, limiter *password.HashLimiter, w login.HashRequest, plain string) {
	begun := time.Now()
	_, _, err := limiter.Verify(ctx, w, string(storedHash(liveCost)), plain)
	took := time.Since(begun)
	c.mu.Lock()
	defer c.mu.Unlock()
	var known *login.Error
	switch {
	case err == nil:
		c.done++
		c.latencies = append(c.latencies, took)
	case errors.As(err, &known) && known.Code == login.CodeOverloaded && known.RetryAfter >= time.Second:
		c.refused++
		c.refusedIn = max(c.refusedIn, took)
	default:
		c.unasked = append(c.unasked, err)
	}
}

// worst is the latency that all but one in a hundred stay below.
func (c *tally) worst() time.Duration {
	slices.Sort(c.latencies)
	return c.latencies[len(c.latencies)*99/100]
}

func (c *tally) noSurprise(t *testing.T) {
	t.Helper()
	for _, err := range c.unasked {
		t.Errorf("unexpected error: %v", err)
	}
}

// offer has n clients call, spread evenly over the duration, and waits for all.
func offer(t *testing.T, limiter *password.HashLimiter, w login.HashRequest, n int, over time.Duration) *tally {
	t.Helper()
	var calls sync.WaitGroup
	counted := new(tally)
	for i := range n {
		calls.Go(func() { counted.call(t.Context(), limiter, apart(w, i), "a guess") })
		time.Sleep(over / time.Duration(n))
	}
	calls.Wait()
	return counted
}
