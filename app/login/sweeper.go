package login

import (
	"context"
	"math/rand/v2"
	"time"
)

const (
	sweepEvery = time.Minute
	// With one writer at a time, every other write waits for a batch. The pause keeps a
	// long backlog from crowding out sign-ins.
	sweepBatch = 100
	sweepPause = 20 * time.Millisecond
	// keepEnded keeps ended sessions for a while, for investigations.
	keepEnded = 7 * 24 * time.Hour
	// removeEvery is how often unopened accounts are looked for.
	removeEvery = 10 * time.Minute
)

// RunSweeper deletes what has expired, in small batches, until ctx ends. Several
// replicas may do so at once. It calls failed with errors; the next round tries again.
func RunSweeper(ctx context.Context, store Store, now func() time.Time, nonceGrace time.Duration, failed func(error)) {
	for {
		// Jitter spreads replicas that started together.
		wait := sweepEvery/2 + rand.N(sweepEvery) // #nosec G404 -- only spreads load
		for wait > 0 {
			select {
			case <-ctx.Done():
				return
			case <-time.After(wait):
			}
			n, err := store.Sweep(ctx, Sweep{Now: now().UTC(), NonceGrace: nonceGrace, KeepEnded: keepEnded, Batch: sweepBatch})
			wait = 0
			if err != nil && ctx.Err() == nil {
				failed(err)
			} else if n >= sweepBatch {
				wait = sweepPause
			}
		}
	}
}

// RunRemover removes accounts that a sign-up made longer than after ago and that no
// session was ever opened for, until ctx ends. It calls failed with errors; the next
// round tries again.
func (s *Service) RunRemover(ctx context.Context, after time.Duration, failed func(error)) {
	wait := rand.N(sweepEvery) // #nosec G404 -- only spreads load
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		n, err := s.RemoveUnopened(ctx, after)
		wait = removeEvery
		if err != nil && ctx.Err() == nil {
			failed(err)
		} else if n >= sweepBatch {
			wait = sweepPause
		}
	}
}

// RemoveUnopened removes one batch of such accounts and returns how many there were.
func (s *Service) RemoveUnopened(ctx context.Context, after time.Duration) (int, error) {
	ids, err := s.Store.RemoveUnopened(ctx, s.Now().UTC().Add(-after), sweepBatch)
	for _, id := range ids {
		s.Audit.Record(ctx, Event{Name: EventUnopenedRemoved, UserID: id})
	}
	return len(ids), err
}
