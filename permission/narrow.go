package permission

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// Attribute names an attribute of a set.
type Attribute struct{ Set, Name string }

// NewReach is what people of the outside can reach at all: they read the sets, without
// the attributes that are hidden. Which rows that are is said by the person:
// see [Rights.For].
func NewReach(sets []string, hidden []Attribute) *Rights {
	r := &Rights{
		serial: serials.Add(1), allRows: true, sets: map[string]setRights{}, columns: map[string]map[string]Right{},
		rows: map[string]*rowRights{}, keys: map[string]Right{},
	}
	for _, set := range sets {
		r.sets[set] = setRights{Right: Read}
	}
	for _, a := range hidden {
		r.hide(a.Set, a.Name, 0)
	}
	return r
}

// Outside is a person whose rows alone are seen.
type Outside struct {
	// Person is the account's id.
	Person string
	// Today is the midnight (UTC) of today in microseconds since 1970, from which
	// windows of days are counted back.
	Today int64
}

// For are the same rights on the rows of a person of the outside alone: they are those
// of the customers whom the person is given.
func (r *Rights) For(person string, now time.Time) *Rights {
	only := *r
	y, m, d := now.UTC().Date()
	only.outside = &Outside{person, time.Date(y, m, d, 0, 0, 0, 0, time.UTC).UnixMicro()}
	return &only
}

// Same reports whether two are the same rights, on the rows of the same person where they
// are those of one of the outside.
func (r *Rights) Same(as *Rights) bool {
	if r == as || r == nil || as == nil || r.serial != as.serial {
		return r == as
	}
	if r.outside == nil || as.outside == nil {
		return r.outside == as.outside && r.account == as.account
	}
	return r.outside.Person == as.outside.Person
}

// Outside is the person whose rows alone are seen; nil for who sees rows by keys.
func (r *Rights) Outside() *Outside {
	if r == nil {
		return nil
	}
	return r.outside
}

// Narrow are the rights that a and b have in common: of two accounts no row that is the
// one's own or the other's. The same two give the same, from memory.
func (t *Table) Narrow(a, b *Rights) *Rights {
	switch {
	case a == nil || b == nil:
		return None()
	case a.everything:
		return b
	case b.everything:
		return a
	case a.serial == b.serial && a.account == b.account:
		return a
	}
	name := [2]uint64{a.serial, b.serial}
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.narrowed[name]
	if r == nil {
		if t.narrowed == nil || len(t.narrowed) >= maxNarrowed {
			t.narrowed = map[[2]uint64]*Rights{}
		}
		r = both(a, b)
		t.narrowed[name] = r
	}
	return r
}

// maxNarrowed is how many pairs of rights are remembered; then they are made afresh.
const maxNarrowed = 1000

func both(a, b *Rights) *Rights {
	r := &Rights{
		serial: serials.Add(1), allRows: a.allRows && b.allRows, manages: a.manages && b.manages,
		sets: map[string]setRights{}, columns: map[string]map[string]Right{}, rows: map[string]*rowRights{}, keys: map[string]Right{},
	}
	for set, one := range a.sets {
		if other, ok := b.sets[set]; ok {
			r.sets[set] = setRights{one.Right & other.Right, inCommon(one.only, other.only)}
		}
	}
	for _, of := range []*Rights{a, b} {
		for set, attributes := range of.columns {
			for attribute := range attributes {
				r.hide(set, attribute, a.Column(set, attribute)&b.Column(set, attribute))
			}
		}
	}
	for _, of := range []*Rights{a, b} {
		for id := range of.keys {
			r.keys[id] = a.onKey(id) & b.onKey(id)
		}
		for set := range of.rows {
			if r.rows[set] == nil {
				r.rows[set] = rowsInCommon(a, b, set)
			}
		}
	}
	for _, of := range []*Rights{a, b} {
		for ability := range of.closed {
			r.closed = with(r.closed, ability)
		}
	}
	for ability := range r.closed {
		r.keys[ability] = 0
		if a.Can(ability) && b.Can(ability) {
			r.keys[ability] = Read
		}
	}
	for _, rows := range r.rows {
		rows.hold(r.keys)
	}
	return r
}

// hide says what may be done with an attribute that has a key.
func (r *Rights) hide(set, attribute string, held Right) {
	if r.columns[set] == nil {
		r.columns[set] = map[string]Right{}
	}
	r.columns[set][attribute] = held
}

// onKey are the rights on a key of a row or of a type.
func (r *Rights) onKey(id string) Right {
	if r.allRows {
		return r.keys[id] | All&^Administer
	}
	return r.keys[id]
}

// inCommon are the attributes that both may update; nil is all.
func inCommon(a, b map[string]bool) map[string]bool {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	c := maps.Clone(a)
	maps.DeleteFunc(c, func(attribute string, _ bool) bool { return !b[attribute] })
	return c
}

// rowsInCommon are the rights of both on the keys that rows of the set have.
func rowsInCommon(a, b *Rights, set string) *rowRights {
	c := &rowRights{all: All}
	for _, of := range []*Rights{a, b} {
		if rows := of.rows[set]; rows != nil && !of.allRows {
			c.all &= rows.all
			c.ids = append(c.ids, rows.ids...)
		}
	}
	slices.SortFunc(c.ids, strings.Compare)
	c.ids = slices.Compact(c.ids)
	return c
}
