//go:build unix

package password_test

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"hasura-login/app/password"
)

// BenchmarkRefusal measures a refused call with several callers at once.
func BenchmarkRefusal(b *testing.B) {
	release, begun := make(chan struct{}), make(chan struct{}, 1)
	limiter, err := password.NewLimiterOn(
		password.Config{Cost: password.MaxCost, Workers: 1, MaxWait: time.Nanosecond},
		func([]byte, int) ([]byte, error) { begun <- struct{}{}; <-release; return nil, nil },
		nil,
	)
	if err != nil {
		b.Fatal(err)
	}
	var calls sync.WaitGroup
	calls.Go(func() { _, _ = limiter.Hash(b.Context(), signIn, "begun") })
	<-begun
	calls.Go(func() { _, _ = limiter.Hash(b.Context(), signIn, "queued") })
	for limiter.Len() == 0 {
		runtime.Gosched()
	}
	ctx := b.Context()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, _, err := limiter.Verify(ctx, signIn, "", "a guess"); err == nil {
				b.Error("not refused")
			}
		}
	})
	close(release)
	calls.Wait()
	limiter.Close()
}

// BenchmarkRoundTrip measures the time that the hash limiter adds to a hash: to a
// sleeping worker and back, with a hash that does nothing.
func BenchmarkRoundTrip(b *testing.B) {
	nothing := func([]byte, int) ([]byte, error) { return nil, nil }
	limiter, err := password.NewLimiterOn(password.Config{Cost: liveCost}, nothing, nil)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(limiter.Close)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := limiter.Hash(b.Context(), signIn, "a new one"); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkHashLimiter compares the hash limiter with plain bcrypt on as many threads of the
// same priority, in turns, so that a busy machine slows both. The ratio of the
// processor time of one hash is little disturbed even then; that of the hash limiter
// includes the refusals, after which a caller comes back in 50 ms: 256 of them
// ask about 4,000 times a second.
func BenchmarkHashLimiter(b *testing.B) {
	for _, c := range []struct{ callers, workers int }{
		{callers: 1, workers: 1},
		{callers: 16, workers: runtime.NumCPU()},
		{callers: 256, workers: runtime.NumCPU()},
	} {
		b.Run(fmt.Sprintf("callers=%d", c.callers), func(b *testing.B) {
			limiter, err := password.New(password.Config{Cost: liveCost, Workers: c.workers})
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(limiter.Close)
			var plain, gated usage
			for b.Loop() {
				plain.measure(c.workers, func() bool {
					_ = bcrypt.CompareHashAndPassword(password.DummyHash(liveCost), []byte("a guess"))
					return true
				})
				gated.measure(c.callers, func() bool {
					_, _, err := limiter.Verify(b.Context(), signIn, "", "a guess")
					return err == nil
				})
			}
			b.ReportMetric(plain.perSecond(plain.hashes), "plain/s")
			b.ReportMetric(gated.perSecond(gated.hashes), "gated/s")
			b.ReportMetric(gated.perSecond(gated.refused), "refused/s")
			b.ReportMetric(gated.perSecond(gated.hashes)/plain.perSecond(plain.hashes), "gated/plain")
			b.ReportMetric(float64(plain.cpuOfOne())/float64(gated.cpuOfOne()), "cpu-plain/gated")
		})
	}
}

// usage is what some hashes took.
type usage struct {
	wall, cpu       time.Duration
	hashes, refused int64
}

// measure has callers repeat a hash for a second, and lets them end.
func (u *usage) measure(callers int, hash func() bool) {
	begun, cpu := time.Now(), processorTime()
	end := begun.Add(time.Second)
	var calls sync.WaitGroup
	for range callers {
		calls.Go(func() {
			if callers <= runtime.NumCPU() { // it hashes itself, or no other caller does
				runtime.LockOSThread()
				password.LowerThreadPriority()
			}
			for time.Now().Before(end) {
				if hash() {
					atomic.AddInt64(&u.hashes, 1)
					continue
				}
				atomic.AddInt64(&u.refused, 1)
				time.Sleep(50 * time.Millisecond)
			}
		})
	}
	calls.Wait()
	u.wall += time.Since(begun)
	u.cpu += processorTime() - cpu
}

func (u *usage) perSecond(count int64) float64 { return float64(count) / u.wall.Seconds() }
func (u *usage) cpuOfOne() time.Duration       { return u.cpu / time.Duration(u.hashes) }

func processorTime() time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		panic(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

func BenchmarkPolicy(b *testing.B) {
	policy := password.NewPolicy(0)
	b.ReportAllocs()
	for b.Loop() {
		if err := policy.Check("correct horse battery staple", annaLang...); err != nil {
			b.Fatal(err)
		}
	}
}
