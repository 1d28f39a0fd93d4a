package sqlite

import (
	"context"
	"fmt"
)

// SweepTokens is the statement that deletes the tokens of sessions that are over.
const SweepTokens = sweepTokens

// SetReadOnly has SQLite refuse the writer as it does on a file that may not be
// written.
func (s *Store) SetReadOnly(ctx context.Context, on bool) error {
	_, err := s.write.tx.conn.ExecContext(ctx, fmt.Sprintf("PRAGMA query_only = %v", on))
	return err
}
