package login

import "context"

// ImportedHashes tells which kinds of hashes are stored that other systems made.
type ImportedHashes interface {
	// ImportedHashes returns one stored hash of each kind and cost, but not those
	// that this service makes.
	ImportedHashes(ctx context.Context) ([]string, error)
}

// Gauge measures what imported hashes cost.
type Gauge interface {
	// SetImported tells which kinds of hashes are stored besides its own, by an
	// example of each. It measures those that are new, each by one comparison.
	SetImported(ctx context.Context, req HashRequest, examples []string) error
}

// GaugeImported measures what the imported hashes cost that are stored now, so that
// the time of an answer does not tell their accounts.
func GaugeImported(ctx context.Context, store ImportedHashes, gauge Gauge) error {
	examples, err := store.ImportedHashes(ctx)
	if err != nil {
		return err
	}
	return gauge.SetImported(ctx, HashRequest{Operation: OpSignIn}, examples)
}
