package login

import "sync"

// recent keeps the values that were used last: at least limit and at most twice as many.
// The zero value with a limit is ready for use.
type recent[K comparable, V any] struct {
	limit int
	mu    sync.Mutex
	young map[K]V
	old   map[K]V
}

func (r *recent[K, V]) get(key K) (V, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if value, ok := r.young[key]; ok {
		return value, true
	}
	value, ok := r.old[key]
	if ok {
		r.add(key, value)
	}
	return value, ok
}

func (r *recent[K, V]) put(key K, value V) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.add(key, value)
}

func (r *recent[K, V]) add(key K, value V) {
	if _, known := r.young[key]; !known && len(r.young) >= r.limit {
		r.young, r.old = nil, r.young
	}
	if r.young == nil {
		r.young = map[K]V{}
	}
	r.young[key] = value
}
