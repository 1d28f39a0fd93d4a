package password_test

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"hasura-login/app/login"
	"hasura-login/app/password"
)

// The floods here run in virtual time on two workers with hashes of 60 ms:
// 33.3 a second at best.
const (
	floodHash    = 60 * time.Millisecond
	floodWorkers = 2
	floodLength  = 12 * time.Second
	tenfold      = 300 * 12 // calls in floodLength at about ten times that rate
)

func startFloodedLimiter(t *testing.T) (*password.HashLimiter, *slowHash) {
	t.Helper()
	hashes := &slowHash{perHash: floodHash}
	return startLimiter(t, hashes, password.Config{Workers: floodWorkers}), hashes
}

func TestHashLimiter_WorksAtItsFullRateThroughAFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limiter, _ := startFloodedLimiter(t)
		got := offer(t, limiter, signIn, tenfold, floodLength)
		got.noSurprise(t)
		bound := float64(floodLength/floodHash) * floodWorkers
		if ratio := float64(got.done) / bound; ratio < 1 {
			t.Errorf("did %.3f of what the workers can", ratio)
		}
		if got.refusedIn != 0 {
			t.Errorf("a refusal took %v", got.refusedIn)
		}
		if worst := got.worst(); worst > 1500*time.Millisecond {
			t.Errorf("accepted calls took up to %v", worst)
		}
	})
}

func TestHashLimiter_IsBackToNormalRightAfterAFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limiter, _ := startFloodedLimiter(t)
		var flood, after tally
		var calls sync.WaitGroup
		for i := range tenfold {
			calls.Go(func() { flood.call(t.Context(), limiter, apart(signIn, i), "a guess") })
			time.Sleep(floodLength / tenfold)
		}
		time.Sleep(password.DefaultMaxWait + floodHash)
		after.call(t.Context(), limiter, signIn, "afterwards")
		if after.done != 1 || after.latencies[0] != floodHash {
			t.Errorf("afterwards: %d done in %v, want one hash and no wait", after.done, after.latencies)
		}
		calls.Wait()
	})
}

func TestHashLimiter_FloodOfSignInsDoesNotRefuseOtherOperations(t *testing.T) {
	quiet := []login.Operation{login.OpSignUp, login.OpChangePassword, login.OpDeleteAccount, login.OpResetPassword, login.OpRequestEmailChange}
	synctest.Test(t, func(t *testing.T) {
		limiter, _ := startFloodedLimiter(t)
		var calls sync.WaitGroup
		calls.Go(func() { offer(t, limiter, signIn, tenfold, floodLength) })
		for _, op := range quiet {
			calls.Go(func() {
				got := offer(t, limiter, login.HashRequest{Operation: op}, 4*12, floodLength) // 4 a second, half of its share
				got.noSurprise(t)
				if got.refused > 0 {
					t.Errorf("%s: %d refused", op, got.refused)
				}
				if worst := got.worst(); worst > time.Second/2 {
					t.Errorf("%s: took up to %v", op, worst)
				}
			})
		}
		calls.Wait()
	})
}

func TestHashLimiter_FloodsOfSeveralOperationsShareEqually(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limiter, _ := startFloodedLimiter(t)
		var calls sync.WaitGroup
		counts := make([]*tally, 2)
		for i, w := range []login.HashRequest{signIn, signUp} {
			calls.Go(func() { counts[i] = offer(t, limiter, w, tenfold, floodLength) })
		}
		calls.Wait()
		for i, c := range counts {
			c.noSurprise(t)
			if worst := c.worst(); worst > 1500*time.Millisecond {
				t.Errorf("flood %d: accepted calls took up to %v", i, worst)
			}
		}
		if ratio := float64(counts[0].done) / float64(counts[1].done); ratio < 0.9 || ratio > 1.1 {
			t.Errorf("%d sign-ins and %d sign-ups done, want about as many", counts[0].done, counts[1].done)
		}
	})
}

func TestHashLimiter_OwnerWithAKnownDeviceGetsInWhileAThousandStrangersTry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limiter, _ := startFloodedLimiter(t)
		var calls sync.WaitGroup
		strangers, owner := new(tally), new(tally)
		for i := range 1000 {
			calls.Go(func() { strangers.call(t.Context(), limiter, apart(signIn, i), "a guess") })
		}
		calls.Go(func() { strangers = offer(t, limiter, signIn, tenfold, floodLength) })
		time.Sleep(time.Second)
		for range 10 {
			owner.call(t.Context(), limiter, knownDevice, rightPassword)
			time.Sleep(time.Second)
		}
		calls.Wait()
		owner.noSurprise(t)
		if owner.done != 10 || slices.Max(owner.latencies) > 3*floodHash {
			t.Errorf("%d of 10 done in %v", owner.done, owner.latencies)
		}
	})
}

func TestHashLimiter_FloodFromKnownDevicesLeavesAQuarterToTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limiter, _ := startFloodedLimiter(t)
		var calls sync.WaitGroup
		var known, others *tally
		calls.Go(func() { known = offer(t, limiter, knownDevice, tenfold, floodLength) })
		calls.Go(func() { others = offer(t, limiter, signIn, tenfold, floodLength) })
		calls.Wait()
		known.noSurprise(t)
		others.noSurprise(t)
		if worst := known.worst(); worst > 1500*time.Millisecond {
			t.Errorf("known devices: accepted calls took up to %v", worst)
		}
		// Some were let in before the known devices came that overtook them.
		if worst := others.worst(); worst > 2*password.DefaultMaxWait+3*floodHash {
			t.Errorf("others: accepted calls took up to %v", worst)
		}
		share := float64(others.done) / float64(known.done+others.done)
		if share < 0.24 || share > 0.30 {
			t.Errorf("others got %.2f of the hashes, want a quarter", share)
		}
	})
}

func TestHashLimiter_ServesInTheOrderOfArrival(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hashes := &slowHash{perHash: floodHash}
		limiter := startLimiter(t, hashes, password.Config{Workers: 1})
		arrivals := []struct {
			work login.HashRequest
			name string
		}{
			{signIn, "in 0, at once"},
			{signIn, "in 1"}, {signIn, "in 2"}, {signIn, "in 3"},
			{signUp, "up 1"}, {signUp, "up 2"},
			{knownDevice, "known 1"}, {knownDevice, "known 2"}, {knownDevice, "known 3"},
			{knownDevice, "known 4"}, {knownDevice, "known 5"},
		}
		var calls sync.WaitGroup
		for i, a := range arrivals {
			calls.Go(func() { _, _ = limiter.Hash(t.Context(), apart(a.work, i), a.name) })
			synctest.Wait()
		}
		calls.Wait()
		got := hashes.order()
		want := []string{
			"in 0, at once", "known 1", "known 2", "known 3", "up 1", "known 4", "known 5",
			"in 1", "up 2", "in 2", "in 3",
		}
		if !slices.Equal(got, want) {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	})
}

// Ten times the workers' capacity comes from one address, all from known devices,
// because accounts are cheap to make. The owner on another address is admitted at every
// try and waits for a few hashes.
func TestHashLimiter_OwnerGetsInWhileKnownAccountsOfOneAddressFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limiter, _ := startFloodedLimiter(t)
		var calls sync.WaitGroup
		attackers, owner := new(tally), new(tally)
		calls.Go(func() {
			for range tenfold {
				calls.Go(func() { attackers.call(t.Context(), limiter, apart(knownDevice, 1), rightPassword) })
				time.Sleep(floodLength / tenfold)
			}
		})
		for range 10 {
			time.Sleep(time.Second)
			owner.call(t.Context(), limiter, apart(knownDevice, 2), rightPassword)
		}
		calls.Wait()
		owner.noSurprise(t)
		if attackers.refused == 0 {
			t.Error("the flood did not fill the queue")
		}
		if owner.done != 10 || slices.Max(owner.latencies) > 4*floodHash {
			t.Errorf("%d of 10 done in %v, %d refused", owner.done, owner.latencies, owner.refused)
		}
	})
}
