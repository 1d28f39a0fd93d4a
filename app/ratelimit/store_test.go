package ratelimit_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/ulule/limiter/v3"
)

func TestStore_IsAStoreOfTheLimiterLibrary(t *testing.T) {
	onBoth(t, func(t *testing.T, start func(testing.TB) *bench) {
		b := start(t)
		ctx := context.Background()
		l := limiter.New(b.Store(), limiter.Rate{Limit: 3, Period: time.Minute})
		reset := noon.Add(time.Minute).Unix()
		type step struct {
			name string
			do   func(context.Context, string) (limiter.Context, error)
			want limiter.Context
		}
		left := func(n int64, reached bool) limiter.Context {
			return limiter.Context{Limit: 3, Remaining: n, Reset: reset, Reached: reached}
		}
		add := func(n int64) func(context.Context, string) (limiter.Context, error) {
			return func(ctx context.Context, key string) (limiter.Context, error) { return l.Increment(ctx, key, n) }
		}
		for i, s := range []step{
			{"peek", l.Peek, left(3, false)}, {"get", l.Get, left(2, false)}, {"get", l.Get, left(1, false)},
			{"peek", l.Peek, left(1, false)}, {"get", l.Get, left(0, false)}, {"get", l.Get, left(0, true)},
			{"peek", l.Peek, left(0, true)}, {"reset", l.Reset, left(3, false)}, {"peek", l.Peek, left(3, false)},
			{"add 2", add(2), left(1, false)}, {"add 5", add(5), left(0, true)}, {"reset", l.Reset, left(3, false)},
			{"reset", l.Reset, left(3, false)},
		} {
			got, err := s.do(ctx, "key")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(s.want, got); diff != "" {
				t.Errorf("step %d, %s (-want +got):\n%s", i, s.name, diff)
			}
		}
		if other, _ := l.Peek(ctx, "other"); other.Remaining != 3 {
			t.Error("keys share a count")
		}
	})
}

func TestStore_CountsEachOfManyAtOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, start func(testing.TB) *bench) {
		l := limiter.New(start(t).Store(), limiter.Rate{Limit: 10_000, Period: time.Hour})
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				for range 50 {
					if _, err := l.Get(context.Background(), "key"); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		if c, _ := l.Peek(context.Background(), "key"); c.Remaining != 9000 {
			t.Errorf("%d left of 10,000 after 1,000", c.Remaining)
		}
	})
}
