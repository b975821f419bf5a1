package model

import (
	"strings"

	"github.com/google/uuid"
)

// ParseID reads an @odata.id: Set(guid), relative or as the end of an absolute
// URL. Old names of renamed sets are accepted.
func (m *Model) ParseID(text string) (*Set, string, error) {
	rest := text
	if i := strings.LastIndexByte(rest, '/'); i >= 0 {
		rest = rest[i+1:]
	}
	name, id, ok := strings.Cut(rest, "(")
	id, closed := strings.CutSuffix(id, ")")
	guid, err := uuid.Parse(id)
	if !ok || !closed || err != nil || len(id) != 36 {
		return nil, "", invalid("%q is not a reference; write it as EntitySet(guid).", Shown(text))
	}
	s := m.sets[m.NewName(name)]
	if s == nil || s.View {
		return nil, "", invalid("%q names no entity set that can be referred to.", Shown(text))
	}
	return s, guid.String(), nil
}

// ParseReference is ParseID for a value of the reference p: the set must be
// the target, or its base or a subtype of it.
func (m *Model) ParseReference(p *Property, text string) (id string, set *Set, err error) {
	set, id, err = m.ParseID(text)
	if err != nil {
		return "", nil, err
	}
	if !p.Target.Includes(set) && !set.Includes(p.Target) {
		return "", nil, invalid("%s of %s refers to %s, not to %s.", p.Name, p.Set.Name, p.Target.Name, set.Name)
	}
	return id, set, nil
}

// Entity names one row: what @odata.id says.
type Entity struct {
	Set *Set
	ID  string
}

// String is the @odata.id: Set(guid). It is empty for the zero Entity.
func (e Entity) String() string {
	if e.Set == nil {
		return ""
	}
	return e.Set.Name + "(" + e.ID + ")"
}
