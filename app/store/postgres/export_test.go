package postgres

import "context"

// HasNews is what decides whether a pooled connection is pinged before use.
var HasNews = hasNews

// StatementTimeout is that of a pooled connection's session.
func (s *Store) StatementTimeout(ctx context.Context) (limit string, err error) {
	err = s.pool.QueryRow(ctx, "SHOW statement_timeout").Scan(&limit)
	return limit, err
}

// ImportedQuery is what ImportedHashes asks.
const ImportedQuery = importedQuery
