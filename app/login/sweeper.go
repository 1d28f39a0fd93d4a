package login

import (
	"context"
	"math/rand/v2"
	"time"
)

const (
	sweepEvery = time.Minute
	// Who wants to write waits for a batch, where there is one writer at a time, and
	// the pause keeps a long backlog from crowding out sign-ins.
	sweepBatch = 100
	sweepPause = 20 * time.Millisecond
	// keepEnded leaves ended sessions a while for whoever investigates.
	keepEnded = 7 * 24 * time.Hour
)

// RunSweeper deletes what has expired, in small batches, until ctx ends. Several
// replicas may do so at once. failed is told of errors; the next round tries again.
func RunSweeper(ctx context.Context, store Store, nonceGrace time.Duration, failed func(error)) {
	for {
		// Jitter spreads replicas that started together.
		wait := sweepEvery/2 + rand.N(sweepEvery) // #nosec G404 -- only spreads load
		for wait > 0 {
			select {
			case <-ctx.Done():
				return
			case <-time.After(wait):
			}
			n, err := store.Sweep(ctx, Sweep{Now: time.Now().UTC(), NonceGrace: nonceGrace, KeepEnded: keepEnded, Batch: sweepBatch})
			wait = 0
			if err != nil && ctx.Err() == nil {
				failed(err)
			} else if n >= sweepBatch {
				wait = sweepPause
			}
		}
	}
}
