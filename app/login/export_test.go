package login

import "context"

// Prove checks a proof without the use case around it, which refuses most methods before.
func (s *Service) Prove(ctx context.Context, ua UserAccount, p Proof) ([]string, error) {
	return s.prover(p.Method)(ctx, Attempt{Operation: OpElevate}, ua, p)
}

// Reaching returns a limit's row of reaching.
func Reaching(l Limit) func(account string, c Client) []Attempt { return reaching[l] }
