package audit

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"hasura-login/app/login"
)

const (
	// maxGroups bounds what attempts from everywhere may hold, for each limit: who
	// runs into that of a client must not displace those whose account is attacked.
	maxGroups = 2048
	// maxLookups bounds the queries to the database, which is busy during a flood
	// anyway.
	maxLookups = 1024
	// lookupPatience bounds how long all of them may take.
	lookupPatience = 10 * time.Second
	// clientOthers stands for all clients beyond maxGroups.
	clientOthers = "others"
)

// group is the key of one sum. The account is the address that an attempt named, or a
// user's id; it is never written.
type group struct {
	minute    time.Time
	client    string
	account   string
	scope     string
	operation login.Operation
}

type sum struct {
	first, last time.Time
	count       int
	reason      string
	id          string
}

// throttled adds up the attempts that limits refused.
type throttled struct {
	mu     sync.Mutex
	groups map[group]*sum
	held   map[string]int // groups of a scope
}

func newThrottled() *throttled {
	return &throttled{groups: map[group]*sum{}, held: map[string]int{}}
}

func (t *throttled) add(id string, e login.Event, now time.Time) {
	g := group{now.Truncate(time.Minute), e.ClientPrefix, e.Account, e.Scope, e.Operation}
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.groups[g]
	if s == nil && t.held[g.scope] >= maxGroups {
		g.client, g.account = clientOthers, ""
		s = t.groups[g]
	}
	if s == nil {
		s = &sum{first: now, reason: e.Reason, id: id}
		t.groups[g] = s
		t.held[g.scope]++
	}
	s.last = now
	s.count++
}

// take returns the groups of minutes before the one given, the largest first.
func (t *throttled) take(before time.Time) []groupSum {
	t.mu.Lock()
	defer t.mu.Unlock()
	var done []groupSum
	for g, s := range t.groups {
		if g.minute.Before(before) {
			done = append(done, groupSum{g, *s})
			delete(t.groups, g)
			t.held[g.scope]--
		}
	}
	slices.SortFunc(done, func(a, b groupSum) int {
		return cmp.Or(b.count-a.count, a.first.Compare(b.first), cmp.Compare(a.client, b.client), cmp.Compare(a.account, b.account))
	})
	return done
}

type groupSum struct {
	group
	sum
}

// writeThrottled writes the minutes before the one given.
func (t *Trail) writeThrottled(ctx context.Context, before time.Time) {
	done := t.throttled.take(before)
	if len(done) == 0 {
		return
	}
	users := t.usersOf(ctx, done)
	for _, g := range done {
		t.write(KindThrottled, Line{
			Time: g.last.UTC(), From: g.first.UTC(), Count: g.count, Event: login.EventThrottled,
			Operation: g.operation, Reason: g.reason, Scope: g.scope, User: users[g.account], Client: g.client,
			Actor: login.ActorUser, ID: g.id,
		}, true)
	}
}

// usersOf looks up whose accounts were named, those of the largest groups first.
func (t *Trail) usersOf(ctx context.Context, done []groupSum) map[string]string {
	ctx, cancel := context.WithTimeout(ctx, lookupPatience)
	defer cancel()
	users := map[string]string{}
	for _, g := range done {
		if _, asked := users[g.account]; asked || g.account == "" {
			continue
		}
		if len(users) == maxLookups || ctx.Err() != nil {
			break
		}
		users[g.account], _ = t.Find(ctx, g.account) // no such user, or no database: no id
	}
	return users
}
