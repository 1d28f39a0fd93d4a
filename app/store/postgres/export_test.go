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

// Exchanges groups exchanges, for tests that run them.
type Exchanges struct{ exchanges exchanges }

// NewExchanges makes one whose groups run gets, as numbers.
func NewExchanges(run func(ctx context.Context, tokens []int) error) *Exchanges {
	e := new(Exchanges)
	e.exchanges.run = func(ctx context.Context, group []*exchanging) error {
		tokens := make([]int, len(group))
		for i, x := range group {
			tokens[i] = int(x.Presented.Token[0])
		}
		return run(ctx, tokens)
	}
	return e
}

// Do exchanges one.
func (e *Exchanges) Do(ctx context.Context, token int) error {
	var x exchanging
	x.Presented.Token[0] = byte(token)
	return e.exchanges.do(ctx, &x)
}
