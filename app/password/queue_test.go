package password_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"hasura-login/app/login"
	"hasura-login/app/password"
)

// of is the work of a client at an address; "" is the unknown one.
func of(w login.HashRequest, addr string) login.HashRequest {
	if addr != "" {
		w.Addr = netip.MustParseAddr(addr)
	}
	return w
}

func TestQueue_RangesOfAddressesTakeTurns(t *testing.T) {
	cases := map[string]struct {
		arrive []string // addresses; a job's name is its address and which of its it is
		want   string
	}{
		"first in, first out for one client": {
			[]string{"198.51.100.1", "198.51.100.1", "198.51.100.1"},
			"198.51.100.1#1 198.51.100.1#2 198.51.100.1#3",
		},
		"clients of one site": {
			[]string{"198.51.100.1", "198.51.100.1", "198.51.100.2", "198.51.100.3"},
			"198.51.100.1#1 198.51.100.2#1 198.51.100.3#1 198.51.100.1#2",
		},
		"a site's many clients have one turn among sites": {
			[]string{"198.51.100.1", "198.51.100.2", "198.51.100.3", "198.51.101.9"},
			"198.51.100.1#1 198.51.101.9#1 198.51.100.2#1 198.51.100.3#1",
		},
		"a network's many sites have one turn among networks": {
			[]string{"198.51.1.1", "198.51.2.1", "198.51.3.1", "203.0.113.9"},
			"198.51.1.1#1 203.0.113.9#1 198.51.2.1#1 198.51.3.1#1",
		},
		"addresses of one IPv6 /64 are one client": {
			[]string{"2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8:0:1::1"},
			"2001:db8::1#1 2001:db8:0:1::1#1 2001:db8::2#1 2001:db8::3#1",
		},
		"/64s of one /48": {
			[]string{"2001:db8::1", "2001:db8:0:1::1", "2001:db8:0:2::1", "2001:db8:1::1"},
			"2001:db8::1#1 2001:db8:1::1#1 2001:db8:0:1::1#1 2001:db8:0:2::1#1",
		},
		"/48s of one /32": {
			[]string{"2001:db8::1", "2001:db8:1::1", "2001:db8:2::1", "2001:db9::1"},
			"2001:db8::1#1 2001:db9::1#1 2001:db8:1::1#1 2001:db8:2::1#1",
		},
		"all unknown clients have one turn": {
			[]string{"", "", "", "198.51.100.1", "203.0.113.9"},
			"#1 198.51.100.1#1 203.0.113.9#1 #2 #3",
		},
		"IPv4 in IPv6 is IPv4": {
			[]string{"198.51.100.1", "::ffff:198.51.100.1", "198.51.100.2"},
			"198.51.100.1#1 198.51.100.2#1 ::ffff:198.51.100.1#1",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			line, seen := password.NewLine(), map[string]int{}
			for _, addr := range c.arrive {
				seen[addr]++
				line.Add(of(signIn, addr), fmt.Sprintf("%s#%d", addr, seen[addr]))
			}
			var got []string
			for range c.arrive {
				got = append(got, line.Next())
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("got  %q\nwant %q", strings.Join(got, " "), c.want)
			}
			if n := line.Remembers(); n != 0 {
				t.Errorf("%d ranges are remembered in an empty queue", n)
			}
		})
	}
}

// A reserved place has no job yet: the turn passes to the next one, and the job that
// comes later takes the reserved place.
func TestQueue_APlaceKeptHoldsUpNobody(t *testing.T) {
	line := password.NewLine()
	kept := of(signIn, "198.51.100.1")
	line.Keep(kept)
	line.Add(of(signIn, "203.0.113.9"), "ready")
	if got := line.Next(); got != "ready" {
		t.Errorf("served %q", got)
	}
	line.Add(kept, "placed")
	line.Free(kept)
	if got := line.Next(); got != "placed" {
		t.Errorf("served %q", got)
	}
	if n := line.Remembers(); n != 0 {
		t.Errorf("%d ranges are remembered in an empty queue", n)
	}
}

// 500 accounts that somebody made for the purpose, all with known devices: they
// have one turn, and the owner the next.
func TestQueue_AnOwnerIsSecondBehindFiveHundredAccountsOfOneAddress(t *testing.T) {
	line := password.NewLine()
	for i := range 500 {
		line.Add(of(knownDevice, "198.51.100.4"), fmt.Sprint("attacker ", i))
	}
	owner := of(knownDevice, "203.0.113.7")
	if n := line.Ahead(owner); n != 1 {
		t.Errorf("%d are ahead of the owner, want 1", n)
	}
	line.Add(owner, "owner")
	if order := []string{line.Next(), line.Next()}; !slices.Contains(order, "owner") {
		t.Errorf("served first: %q", order)
	}
}

// The estimate for a new job is never below the number of jobs that are served before
// it, except for the one in three that other lanes may already be owed.
func TestQueue_ForeseesHowManyGoFirst(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	works := []login.HashRequest{signIn, signUp, knownDevice}
	client := func() string {
		if random.IntN(8) == 0 {
			return ""
		}
		return fmt.Sprintf("10.%d.%d.%d", random.IntN(3), random.IntN(3), random.IntN(3))
	}
	for range 2000 {
		line := password.NewLine()
		for i := range random.IntN(40) {
			place := line.Add(of(works[random.IntN(3)], client()), "another")
			switch {
			case i%5 == 3:
				line.Next()
			case i%7 == 5:
				line.Leave(place)
			}
		}
		mine := of(works[random.IntN(3)], client())
		foreseen := line.Ahead(mine)
		line.Add(mine, "mine")
		before := 0
		for line.Next() != "mine" {
			before++
		}
		if before > foreseen+1 {
			t.Fatalf("%d were served before one that had %d ahead (%+v)", before, foreseen, mine)
		}
		for line.Next() != "" {
		}
		if n := line.Remembers(); n != 0 {
			t.Fatalf("%d ranges are remembered in an empty queue", n)
		}
	}
}

func TestQueue_WhoLeavesIsForgotten(t *testing.T) {
	line := password.NewLine()
	var places []password.Place
	for i := range 30 {
		places = append(places, line.Add(apart(knownDevice, i%7), fmt.Sprint(i)))
	}
	rand.New(rand.NewPCG(3, 4)).Shuffle(len(places), func(i, j int) { places[i], places[j] = places[j], places[i] })
	for _, p := range places {
		line.Leave(p)
	}
	if got := line.Next(); got != "" {
		t.Errorf("served %q, who had left", got)
	}
	if n := line.Remembers(); n != 0 {
		t.Errorf("%d ranges are remembered in an empty queue", n)
	}
}

// BenchmarkQueue measures the time that the queue adds to a hash and to a refusal, with
// this many waiting clients, each in its own network.
func BenchmarkQueue(b *testing.B) {
	for _, clients := range []int{1, 32, 1024} {
		line := password.NewLine()
		for i := range clients {
			line.Add(apart(signIn, i), "waits")
		}
		b.Run(fmt.Sprintf("served/%d", clients), func(b *testing.B) {
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				n++
				line.Add(apart(signIn, clients+n%1000), "mine")
				line.Next()
			}
		})
		b.Run(fmt.Sprintf("ahead/%d", clients), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				line.Ahead(apart(signIn, 60000))
			}
		})
	}
}

// Addresses that come one after the other, as those of a botnet's next site do: each
// new site takes turns with the one before, whose jobs must not wait for twice the
// time that they were accepted for.
func TestQueue_LaterArrivalsDoNotOvertakeForEver(t *testing.T) {
	const (
		hash    = 30 * time.Millisecond // one worker
		maxWait = 800 * time.Millisecond
		offered = 10 // for each hash
	)
	line, now, came := password.NewLine(), time.Unix(1_000_000, 0), map[string]time.Time{}
	longest := time.Duration(0)
	for n := range 4000 * offered {
		work := of(signIn, fmt.Sprintf("10.%d.%d.%d", n>>16&0xff, n>>8&0xff, n&0xff))
		if time.Duration(line.Ahead(work))*hash <= maxWait {
			name := fmt.Sprint(n)
			came[name] = now
			line.AddAt(work, name, now)
		}
		if now = now.Add(hash / offered); n%offered != 0 {
			continue
		}
		if name := line.NextAt(now.Add(-maxWait)); name != "" {
			longest = max(longest, now.Sub(came[name]))
		}
	}
	if longest > maxWait*3/2 {
		t.Errorf("an accepted job waited %s", longest)
	}
}
