// Package testclock is a time that only a test moves.
package testclock

import (
	"sync"
	"time"
)

// Clock stands still until a test advances it; goroutines may share it.
type Clock struct {
	mu sync.Mutex
	at time.Time
}

// At is a clock that shows a time.
func At(t time.Time) *Clock { return &Clock{at: t} }

// Now is the time that the clock shows.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

// Advance moves the clock, back if d is negative.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}
