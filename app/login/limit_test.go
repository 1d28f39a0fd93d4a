package login_test

import (
	"testing"

	"hasura-login/app/login"
)

// A new limit must say how `users why` and `users unlock` reach what it counts for an
// account.
func TestAttemptsOn_ReachEveryLimit(t *testing.T) {
	for limit := login.LimitNone; int(limit) < login.Limits; limit++ {
		reach := login.Reaching(limit)
		if reach == nil {
			t.Errorf("limit %d has no row", limit)
			continue
		}
		for _, a := range reach("ann@example.org", home) {
			if got := a.Limit(); got != limit || a.Client.Addr != home.Addr || a.Account+a.Recipient == "" {
				t.Errorf("limit %d is reached by %+v, which limit %d counts", limit, a, got)
			}
		}
	}
}
