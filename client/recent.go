package client

import "sync"

// generation is how many entries a recent keeps for sure.
const generation = 50_000

// recent remembers the latest entries in bounded memory: when one generation is
// full it becomes the older one, and the one before that is forgotten.
type recent[K comparable, V any] struct {
	mu       sync.Mutex
	new, old map[K]V
}

func (r *recent[K, V]) get(key K) (V, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	v, ok := r.new[key]
	if !ok {
		v, ok = r.old[key]
	}
	return v, ok
}

func (r *recent[K, V]) put(key K, value V) {
	r.change(key, func(V) V { return value })
}

// change sets what f makes of the value there was, or of the zero value.
func (r *recent[K, V]) change(key K, f func(V) V) {
	r.mu.Lock()
	defer r.mu.Unlock()
	v, ok := r.new[key]
	if !ok {
		v = r.old[key]
	}
	r.set(key, f(v))
}

// add reports whether the key is new.
func (r *recent[K, V]) add(key K, value V) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, inNew := r.new[key]
	_, inOld := r.old[key]
	if inNew || inOld {
		return false
	}
	r.set(key, value)
	return true
}

func (r *recent[K, V]) set(key K, value V) {
	if _, there := r.new[key]; !there && (r.new == nil || len(r.new) >= generation) {
		r.old, r.new = r.new, map[K]V{}
	}
	r.new[key] = value
}
