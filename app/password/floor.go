package password

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"time"

	"hasura-login/app/login"
	"hasura-login/app/password/foreign"
)

// floor is the least time that the answer to a wrong password takes. If imported hashes
// cost more or less than ours, the time of an answer would distinguish their accounts
// from all others. So every wrong password, also for an unknown address, is answered
// after the time of the slowest kind. Waiting costs no processor time. Without such
// hashes there is no floor.
type floor struct {
	mu   sync.Mutex
	took map[string]time.Duration // one comparison, by the cost of the stored hash: moving average
}

var _ login.Gauge = (*HashLimiter)(nil)

// margin is for comparisons that take longer than usual.
const margin = 1.15

// liveKey is the key of the hashes that this service makes.
const liveKey = ""

// costKey names what decides the cost of a comparison.
func costKey(stored string) string {
	if cost, valid := storedCost(stored); valid {
		if strings.HasPrefix(stored, ownPrefix) {
			return liveKey
		}
		return "bcrypt$" + strconv.Itoa(cost)
	}
	if other, err := foreign.Parse(stored); err == nil {
		return other.Form()
	}
	return liveKey
}

// least is how long so many comparisons of a wrong password have to take.
func (f *floor) least(comparisons int) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	var slowest time.Duration
	for _, took := range f.took {
		slowest = max(slowest, took)
	}
	return time.Duration(float64(slowest) * margin * float64(comparisons))
}

// measure notes what one comparison took; only kinds that are known to be stored count.
func (f *floor) measure(stored string, took time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.took) == 0 {
		return
	}
	key := costKey(stored)
	if known, ok := f.took[key]; ok {
		f.took[key] = known + (took-known)/8
	}
}

// keep forgets all kinds but these, and returns those of them that are new.
func (f *floor) keep(samples map[string]string) (unmeasured []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for key := range f.took {
		if _, stored := samples[key]; !stored {
			delete(f.took, key)
		}
	}
	for key, sample := range samples {
		if _, known := f.took[key]; !known {
			unmeasured = append(unmeasured, sample)
		}
	}
	return unmeasured
}

func (f *floor) add(stored string, took time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.took == nil {
		f.took = map[string]time.Duration{}
	}
	f.took[costKey(stored)] = took
}

// SetImported implements login.Gauge.
func (g *HashLimiter) SetImported(ctx context.Context, w login.HashRequest, examples []string) error {
	samples := map[string]string{}
	for _, example := range examples {
		samples[costKey(example)] = example
	}
	delete(samples, liveKey)
	if len(samples) > 0 {
		samples[liveKey] = string(dummyHash(g.hasher.cost))
	}
	for _, sample := range g.floor.keep(samples) {
		j, err := g.do(ctx, w, task{verify: true, stored: sample, password: "not the password"})
		if err != nil {
			return err
		}
		g.floor.add(sample, j.took)
	}
	return nil
}

// linger keeps the answer to a wrong password back until the floor is reached, or the
// caller has gone.
func (g *HashLimiter) linger(ctx context.Context, j *job) {
	rest := g.floor.least(comparisons(j.password)) - time.Since(j.begunAt)
	if rest <= 0 {
		return
	}
	timer := time.NewTimer(rest)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// comparisons is how many a wrong password costs, see verify.
func comparisons(password string) int {
	if prepare(password) == password {
		return 1
	}
	return 2
}
