package httpapi_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"hasura-login/app/httpapi"
)

// Monitors, load balancers and strangers ask as often as they like.
func TestCached_AsksOnceInTwoSecondsAndForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int32
		var fault error
		check := httpapi.Cached(func(ctx context.Context) error {
			asked.Add(1)
			return errors.Join(fault, ctx.Err())
		})
		gone, leave := context.WithCancel(t.Context())
		leave()
		if err := check(gone); err != nil {
			t.Errorf("asked by a caller who has left: %v", err)
		}
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() { _ = check(t.Context()) })
		}
		wg.Wait()
		if n := asked.Load(); n != 1 {
			t.Errorf("asked %d times at once, want once", n)
		}
		fault = errors.New("read-only")
		time.Sleep(2100 * time.Millisecond)
		if check(t.Context()) == nil {
			t.Error("a fault is not seen two seconds later")
		}
		fault = nil
		time.Sleep(2100 * time.Millisecond)
		if err := check(t.Context()); err != nil {
			t.Errorf("still %v two seconds after it was over", err)
		}
	})
}
