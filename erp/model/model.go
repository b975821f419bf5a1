package model

import (
	"strings"

	"github.com/hybridapps/tandem"
)

// Model is the set of entity sets, linked: every reference points at its
// target. It is immutable and safe for concurrent use.
type Model struct {
	// Sets are all sets, sorted by name.
	Sets []*Set

	sets, types map[string]*Set
	// Renames are the renamed sets in the order of their versions.
	Renames []Rename
}

// Rename tells that an entity set changed its name.
type Rename struct{ OldName, NewName, Version string }

// Set finds an entity set by its exact name; nil when there is none.
func (m *Model) Set(name string) *Set { return m.sets[name] }

// SetOfType finds a set by its singular type name without "Erp."; nil when
// there is none.
func (m *Model) SetOfType(name string) *Set { return m.types[name] }

// SetOfQualifiedType finds a set by Erp.Type or #Erp.Type.
func (m *Model) SetOfQualifiedType(name string) *Set {
	return m.types[strings.TrimPrefix(strings.TrimPrefix(name, "#"), "Erp.")]
}

// Lookup is Set with the error that a caller should see: unknown sets are
// not found, renamed ones name their successor and where the list of renamed
// types is (renamesURL, absolute).
func (m *Model) Lookup(name, renamesURL string) (*Set, error) {
	if s := m.sets[name]; s != nil {
		return s, nil
	}
	if to := m.NewName(name); to != name {
		return nil, tandem.Errorf(tandem.CodeNotFound,
			"The entity set %s was renamed to %s; use the new name. All renamed sets: %s", name, to, renamesURL)
	}
	return nil, tandem.Errorf(tandem.CodeNotFound,
		"There is no entity set %q; the service document lists the sets.", Shown(name))
}

// NewName follows the chain of renames; names that were not renamed come back
// as they are. References in bodies and filters accept old names through it.
func (m *Model) NewName(name string) string {
	for _, r := range m.Renames {
		if r.OldName == name {
			name = r.NewName
		}
	}
	return name
}

func (m *Model) must(name string) *Set {
	s := m.sets[name]
	if s == nil {
		panic("model: no set " + name)
	}
	return s
}
