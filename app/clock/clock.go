// Package clock has replicas of a service go by one clock, that of their database. The
// clocks of machines may be a minute apart; then one replica would take a session, a
// counter's window or the lease of a mail for over while it lasts on the others.
package clock

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

const (
	askEvery = 10 * time.Second
	// askFor is how long an answer may take: it tells the time to within half of that.
	askFor = time.Second
	// tolerated differences change nothing, so that machines with synchronised clocks go
	// by their own.
	tolerated = time.Second
	// believed is the greatest difference that login follows. Beyond it, perhaps the
	// database is wrong.
	believed = 5 * time.Minute
)

// Clock tells the time.
type Clock struct {
	machine func() time.Time
	ahead   atomic.Int64 // of the machine's clock, in nanoseconds
}

// New makes a Clock that goes by the machine's until Follow.
func New(machine func() time.Time) *Clock { return &Clock{machine: machine} }

// Now returns the time.
func (c *Clock) Now() time.Time { return c.machine().Add(time.Duration(c.ahead.Load())) }

// Follow asks the database for its time now and then, until ctx ends. It calls told if
// the difference from the machine's clock has changed, or is too great to follow.
func (c *Clock) Follow(ctx context.Context, ask func(context.Context) (time.Time, error), told func(error)) {
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	last := ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := c.Ask(ctx, ask); err == nil {
			last = ""
		} else if ctx.Err() == nil && err.Error() != last {
			last = err.Error()
			told(err)
		}
	}
}

// Ask asks the database for its time once. If it does not answer, or not quickly, the
// last difference stays. The error says what an operator should know.
func (c *Clock) Ask(ctx context.Context, ask func(context.Context) (time.Time, error)) error {
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	before := c.machine()
	there, err := ask(ctx)
	took := c.machine().Sub(before)
	if err != nil || took > askFor {
		return nil // other parts report a database that is away
	}
	ahead := there.Sub(before.Add(took / 2)).Round(time.Millisecond)
	if ahead.Abs() > believed {
		return fmt.Errorf("the clocks of this machine and the database differ by more than %s; set them right (login goes by this machine's)", believed)
	}
	if change := ahead - time.Duration(c.ahead.Load()); change.Abs() <= tolerated {
		return nil
	}
	if ahead.Abs() <= tolerated {
		ahead = 0
	}
	c.ahead.Store(int64(ahead))
	if ahead == 0 {
		return nil
	}
	return fmt.Errorf("the clock of this machine is %s away from the database's; login goes by the database's", ahead.Abs().Round(time.Second))
}
