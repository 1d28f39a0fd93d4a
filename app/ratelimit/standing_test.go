package ratelimit_test

import (
	"fmt"
	"net/netip"
	"slices"
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

// Each limit that can refuse an attempt on an account, or a mail to its mailbox, is shown
// and cleared, except those of clients and of single devices, whose ids nobody lists.
func TestForget_ClearsWhateverAnAccountCanReach(t *testing.T) {
	const ann = "ann@example.org"
	attempts := map[string]login.Attempt{}
	for _, kind := range login.MailKinds() {
		attempts["a mail "+string(kind)] = login.Attempt{Recipient: ann, Unsolicited: kind}
	}
	for _, op := range login.Operations() {
		for _, a := range []login.Attempt{
			{}, {Method: login.MethodTOTP}, {Method: login.MethodRecoveryCode}, {Method: login.MethodMail}, {Method: login.MethodPasskey}, {Recipient: "new@example.org"},
		} {
			a.Operation, a.Account = op, ann
			if a.Limit() > login.LimitNone {
				attempts[fmt.Sprintf("limit %d, %s%s", a.Limit(), a.Method, a.Recipient)] = a
			}
		}
	}
	clientsOnly := []login.Limit{login.LimitPasskey, login.LimitSignUp, login.LimitRefresh, login.LimitLink}
	for name, a := range attempts {
		t.Run(name, func(t *testing.T) {
			b := start(t)
			used := []netip.Addr{}
			// Each attempt is a failure, and of another client unless those count apart.
			refused := func() bool {
				if a.Limit() != login.LimitLinkRequest || len(used) == 0 {
					a.Client.Addr = netip.AddrFrom4([4]byte{byte(20 + len(used)), 1, 1, 1}) // #nosec G115 -- fewer than 100
					used = append(used, a.Client.Addr)
				}
				r, refusal := b.try(a)
				if r != nil {
					r.Failed(t.Context())
				}
				return refusal != nil && refusal.Scope == ratelimit.ScopeAccount
			}
			exhausted := false
			for range 40 {
				if exhausted = refused(); exhausted {
					break
				}
			}
			if ofClients := slices.Contains(clientsOnly, a.Limit()); exhausted == ofClients {
				t.Fatalf("%+v: refused for the account: %t", a, exhausted)
			} else if ofClients {
				return
			}
			if in := b.InForce(t.Context(), ann, used); len(in) == 0 {
				t.Errorf("%+v is refused, and no limit is in force", a)
			}
			b.Forget(t.Context(), ann, used)
			if in := b.InForce(t.Context(), ann, used); len(in) > 0 {
				t.Errorf("after clearing: %+v", in)
			}
			if refused() {
				t.Errorf("%+v is still refused", a)
			}
		})
	}
}

// Mails that sign in to unverified addresses have a limit together. It is not one account's
// to clear.
func TestForget_LeavesTheLimitOfAllStrangers(t *testing.T) {
	b := start(t)
	mail := func(to string) bool {
		_, refusal := b.try(login.Attempt{Operation: login.OpRequestMailSignIn, Recipient: to, Unsolicited: login.MailSignInCode})
		return refusal == nil
	}
	for i := range 200 {
		mail(account(i))
	}
	if mail(account(1000)) {
		t.Fatal("there is no limit")
	}
	b.Forget(t.Context(), account(1), nil)
	if mail(account(1001)) {
		t.Error("clearing one account has cleared the limit of all")
	}
}
