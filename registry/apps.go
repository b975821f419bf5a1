package registry

import "sync"

// maxOpen bounds the applications that are kept as they are asked for; beyond it
// all are opened afresh.
const maxOpen = 500

// apps are all applications: each packed, and those that were asked for lately also as
// callers need them.
type apps struct {
	open sync.Map // by ApplicationURI: *App; read without the lock

	mu     sync.Mutex // guards what follows, and every change of open
	packed map[string]packed
	opened int // how many are in open, at most
}

// get is the application with the ApplicationURI. What is open is always what is packed: both
// change together.
func (s *apps) get(uri string) (*App, bool) {
	if a, ok := s.open.Load(uri); ok {
		return a.(*App), true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p, ok := s.packed[uri]
	if !ok {
		return nil, false
	}
	a := p.open()
	if s.opened++; s.opened > maxOpen {
		s.open.Clear()
		s.opened = 1
	}
	s.open.Store(a.ApplicationURI, a)
	return a, true
}

// kept is the application as it is packed.
func (s *apps) kept(uri string) (packed, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, ok := s.packed[uri]
	return p, ok
}

func (s *apps) set(a *App) {
	p := pack(a)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.packed == nil {
		s.packed = map[string]packed{}
	}
	// The key is part of what is packed. That of before is part of what was.
	_, _, uri := p.head()
	delete(s.packed, uri)
	s.packed[uri] = p
	s.open.Delete(uri)
}

func (s *apps) remove(uri string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.packed, uri)
	s.open.Delete(uri)
}

// uris are the ApplicationURIs of all.
func (s *apps) uris() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]string, 0, len(s.packed))
	for uri := range s.packed {
		all = append(all, uri)
	}
	return all
}
