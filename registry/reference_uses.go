package registry

import (
	"sync"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internal/netaddr"
)

// maxPlaces is how many networks are remembered of one token between two writings;
// MaxReferencePlaces is how many are kept of it.
const (
	maxPlaces          = 8
	MaxReferencePlaces = 32
)

// ReferenceUse is how a reference token was used since it was written down last.
type ReferenceUse struct {
	Calls int64
	// Last is when it was used last, and From the address then.
	Last time.Time
	From string
	// Wrote is when it was used last for a call that needs the scope update; zero for none.
	Wrote time.Time
	// Places are the networks of the calls, see [netaddr.Network]: no more than a few.
	Places []string
}

// referenceUses counts in memory.
type referenceUses struct {
	mu      sync.Mutex
	pending map[string]*ReferenceUse // by the id of the token
}

// UsedReference counts a call with the reference token with the id, and the scope that it
// needed. It is called for calls that were admitted.
func (r *Registry) UsedReference(id, address, scope string) {
	now := r.Clock.Now()
	s := &r.references.uses
	s.mu.Lock()
	defer s.mu.Unlock()
	use := s.pending[id]
	if use == nil {
		if s.pending == nil {
			s.pending = map[string]*ReferenceUse{}
		}
		use = &ReferenceUse{}
		s.pending[id] = use
	}
	use.Calls++
	if use.Last.Before(now) {
		use.Last = now
	}
	if scope == tandem.ScopeUpdate {
		use.Wrote = use.Last
	}
	if use.From != address {
		use.From = address
		use.place(netaddr.Network(address))
	}
}

func (u *ReferenceUse) place(network string) {
	for _, known := range u.Places {
		if known == network {
			return
		}
	}
	if len(u.Places) < maxPlaces {
		u.Places = append(u.Places, network)
	}
}

// TakeReferenceUses takes out how tokens were used since it was called last, by their
// ids.
func (r *Registry) TakeReferenceUses() map[string]*ReferenceUse {
	s := &r.references.uses
	s.mu.Lock()
	defer s.mu.Unlock()
	taken := s.pending
	s.pending = nil
	return taken
}

// PutBackReferenceUses gives back what could not be written, for the next time.
func (r *Registry) PutBackReferenceUses(uses map[string]*ReferenceUse) {
	s := &r.references.uses
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pending == nil {
		s.pending = uses
		return
	}
	for id, old := range uses {
		use := s.pending[id]
		if use == nil {
			s.pending[id] = old
			continue
		}
		use.Calls += old.Calls
		if use.Wrote.IsZero() {
			use.Wrote = old.Wrote
		}
		for _, network := range old.Places {
			use.place(network)
		}
	}
}
