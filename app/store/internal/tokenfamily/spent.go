package tokenfamily

import (
	"sync"
	"time"
)

// maxSpent bounds the memory of a Spent: 4 MB.
const maxSpent = 100_000

// Spent remembers the sessions whose tokens this process has exchanged, so that their
// Recent can be erased when no grace needs it: an index to find them would be written
// with every exchange. If it forgets a session, at a restart or by its bound, the
// session's next exchange erases its Recent.
type Spent[ID comparable] struct {
	mu   sync.Mutex
	list []spent[ID]
}

type spent[ID comparable] struct {
	session ID
	at      time.Time
}

// Add notes an exchange.
func (s *Spent[ID]) Add(session ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.list) < maxSpent {
		s.list = append(s.list, spent[ID]{session, time.Now()})
	}
}

// Take removes and returns at most n of the sessions that were exchanged longer
// ago than the grace.
func (s *Spent[ID]) Take(n int, grace time.Duration) []ID {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := time.Now().Add(-grace)
	var ids []ID
	for len(ids) < n && len(ids) < len(s.list) && s.list[len(ids)].at.Before(before) {
		ids = append(ids, s.list[len(ids)].session)
	}
	if s.list = s.list[len(ids):]; len(s.list) == 0 {
		s.list = nil // gives the memory back
	}
	return ids
}
