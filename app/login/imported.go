package login

import (
	"context"
	"errors"
	"time"
)

// gaugeEvery is how often the kinds of imported hashes are looked up.
const gaugeEvery = time.Minute

// ImportedHashes finds the kinds of stored hashes that other systems made.
type ImportedHashes interface {
	// ImportedHashes returns one stored hash of each kind and cost, but not those
	// that this service makes.
	ImportedHashes(ctx context.Context) ([]string, error)
}

// Gauge measures what imported hashes cost.
type Gauge interface {
	// SetImported takes an example of each kind of stored hash that other systems made.
	// It measures the kinds that are new, each by one comparison.
	SetImported(ctx context.Context, req HashRequest, examples []string) error
}

// RunGauge measures the cost of the imported hashes that are stored, at the start and
// every minute. Wrong passwords can then take equally long for all accounts. It returns
// when ctx ends.
func RunGauge(ctx context.Context, store ImportedHashes, gauge Gauge, failed func(error)) {
	tick := time.NewTicker(gaugeEvery)
	defer tick.Stop()
	for {
		examples, err := store.ImportedHashes(ctx)
		if err == nil {
			err = gauge.SetImported(ctx, HashRequest{Operation: OpSignIn}, examples)
		}
		// Before the migrations, and under a flood, the next try is soon enough.
		var refused *Error
		if err != nil && ctx.Err() == nil && !errors.Is(err, ErrUnavailable) && !errors.As(err, &refused) {
			failed(err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
