package ratelimit_test

import (
	"net/netip"
	"testing"
	"time"

	"hasura-login/app/login"
	"hasura-login/app/ratelimit"
)

// An operator who is asked "why can't I log in" sees the limit. The operator can clear
// the account's limit, but not a client's, which is not about the account.
func TestInForce_TellsOfTheLimitAndForgetClearsTheAccounts(t *testing.T) {
	onBoth(t, func(t *testing.T, start func(testing.TB) *bench) {
		b := start(t)
		const ann = "ann@example.org"
		home := netip.MustParseAddr("198.51.100.4")
		clients := []netip.Addr{home}
		if got := b.InForce(t.Context(), ann, clients); len(got) != 0 {
			t.Errorf("before anything happened: %v", got)
		}
		guess := func(client string) bool {
			r, refusal := b.try(signIn(ann, client))
			if r != nil {
				r.Failed(t.Context())
			}
			return refusal == nil
		}
		for guess("198.51.100.4") {
		}
		in := b.InForce(t.Context(), ann, clients)
		if len(in) != 1 || in[0].Scope != ratelimit.ScopeAccount || in[0].Operation != login.OpSignIn || in[0].Count != in[0].Limit || in[0].Client != "" || !in[0].Ends.After(b.clock.Now()) || in[0].Ends.After(b.clock.Now().Add(time.Minute)) {
			t.Errorf("in force: %+v", in)
		}
		if got := b.InForce(t.Context(), "bob@example.org", clients); len(got) != 0 {
			t.Errorf("of another account: %v", got)
		}
		if guess("203.0.113.9") {
			t.Error("asking has counted or cleared something")
		}
		b.Forget(t.Context(), ann, clients)
		if got := b.InForce(t.Context(), ann, clients); len(got) != 0 {
			t.Errorf("after clearing: %v", got)
		}
		if !guess("203.0.113.9") {
			t.Error("the account is still refused")
		}
		for i := range 100 {
			_, _ = b.try(signIn(account(1000+i), "198.51.100.4"))
		}
		b.Forget(t.Context(), ann, clients)
		in = b.InForce(t.Context(), ann, clients)
		if len(in) == 0 || in[0].Scope != ratelimit.ScopeClient || in[0].Client != "198.51.100.4/32" {
			t.Errorf("the client's limit: %+v", in)
		}
	})
}
