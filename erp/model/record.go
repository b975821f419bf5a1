package model

// Record is one row with all stored properties, as writes load and save it.
type Record struct {
	Set *Set
	ID  string
	// Values are in the order of Set.Properties; those that are not stored
	// stay zero.
	Values []Value
	// Saved are the Values as they are in the store; nil for a new row.
	Saved []Value
}

// NewRecord is an empty row of the set: every property null. Rows of views have
// no id.
func NewRecord(s *Set, id string) *Record {
	r := &Record{Set: s, ID: id, Values: make([]Value, len(s.Properties))}
	for i := range r.Values {
		r.Values[i].Null = true
	}
	if s.id != nil {
		r.Values[s.id.Index] = TextValue(id)
	}
	if s.typeProperty != nil {
		r.Values[s.typeProperty.Index] = IntValue(s.Discriminator)
	}
	return r
}

// Get is the value of a property.
func (r *Record) Get(p *Property) Value { return r.Values[p.Index] }

// Put sets a property; a name that the set does not have is a mistake and panics.
func (r *Record) Put(name string, v Value) { r.Values[r.Set.Must(name).Index] = v }

// PutMember sets a property to a member of its enum.
func (r *Record) PutMember(name, member string) {
	n, _ := r.Set.Must(name).Enum.Member(member)
	r.Put(name, IntValue(n))
}

// Changed reports whether the property differs from what is saved.
func (r *Record) Changed(p *Property) bool {
	return r.Saved == nil || !r.Values[p.Index].Equal(r.Saved[p.Index])
}

// Dirty reports whether anything differs from what is saved.
func (r *Record) Dirty() bool {
	for _, p := range r.Set.Properties {
		if p.Stored() && r.Changed(p) {
			return true
		}
	}
	return false
}
