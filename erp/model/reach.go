package model

import (
	"slices"
	"strings"

	"github.com/hybridapps/tandem/permission"
)

// Reach is which rows of a set a person of the outside sees where a call is narrowed to
// them: those that belong to a customer whom the person is given in a role that is high
// enough. A set that says nothing of it is not reached at all.
type Reach struct {
	// All rows are reached: a catalogue.
	All bool
	// Customer is the reference from a row to its customer; nil where the row is one
	// itself, and where FromCustomer says more.
	Customer *Property
	// FromCustomer is the reference from customers to the row.
	FromCustomer *Property
	// Party is the reference from a row to the party of its customer.
	Party *Property
	// Through are references to the row: it is seen by who sees one of the rows that
	// refer to it.
	Through []*Property
	// ByRow says that the rows are seen by who sees the row that they hang on.
	ByRow bool
	// Role is the least that sees the rows.
	Role int64
	// Dated is the day of the row, which must be in the window of the access; nil where
	// rows have none.
	Dated *Property
	// Own refers to the person themselves: such rows are seen in any role.
	Own *Property

	text   reachText
	prices map[*Property]int64
}

// reachText is a reach as it is declared, by names.
type reachText struct{ customer, from, party, dated, own string }

// reached is the reach that is being declared.
func (d SetDeclaration) reached() *Reach {
	if d.decl.reach == nil {
		d.decl.reach = &Reach{}
	}
	return d.decl.reach
}

// ReachedBy lets people of the outside see the rows of their customers: customer is the
// reference to it, empty where the row is one; role is the least that sees them, dated
// the day that must be in their window, empty for none.
func (d SetDeclaration) ReachedBy(customer string, role int64, dated string) SetDeclaration {
	r := d.reached()
	r.text.customer, r.text.dated, r.Role = customer, dated, role
	return d
}

// ReachedByParty is [SetDeclaration.ReachedBy] for rows that name the party of a
// customer, and not the customer.
func (d SetDeclaration) ReachedByParty(party string, role int64, dated string) SetDeclaration {
	r := d.reached()
	r.text.party, r.text.dated, r.Role = party, dated, role
	return d
}

// ReachedByRow lets people of the outside see what hangs on rows that they see.
func (d SetDeclaration) ReachedByRow() SetDeclaration { d.reached().ByRow = true; return d }

// ReachedOnly leaves people of the outside the rows in which a property has the value.
func (d SetDeclaration) ReachedOnly(property string, value int64) SetDeclaration {
	d.decl.only = personal{when: property, value: value}
	return d
}

// ReachedOnly is the property that must have a value for people of the outside to see a
// row; nil where none must.
func (s *Set) ReachedOnly() (*Property, int64) { return s.reachedOnly, s.decl.only.value }

// ReachedThrough lets people of the outside see the rows that rows which they see refer
// to: each reference is named by its set and a dot before it.
func (d SetDeclaration) ReachedThrough(references ...string) SetDeclaration {
	d.reached()
	d.decl.through = append(d.decl.through, references...)
	return d
}

// ReachedFrom lets people of the outside see the rows that their customers refer to.
func (d SetDeclaration) ReachedFrom(reference string, role int64) SetDeclaration {
	r := d.reached()
	r.text.from, r.Role = reference, role
	return d
}

// ReachedByAll lets people of the outside see all rows.
func (d SetDeclaration) ReachedByAll() SetDeclaration { d.reached().All = true; return d }

// ReachedByOwn also lets a person of the outside see the rows that refer to them.
func (d SetDeclaration) ReachedByOwn(user string) SetDeclaration {
	d.reached().text.own = user
	return d
}

// ReachedWithOwner lets people of the outside see the parts of what they see.
func (d SetDeclaration) ReachedWithOwner() SetDeclaration { d.decl.withOwner = true; return d }

// HiddenOutside are attributes that people of the outside never see.
func (d SetDeclaration) HiddenOutside(names ...string) SetDeclaration {
	d.decl.hiddenOutside = append(d.decl.hiddenOutside, names...)
	return d
}

// SeenOutside are the only attributes that people of the outside see, Id besides.
func (d SetDeclaration) SeenOutside(names ...string) SetDeclaration {
	d.decl.seenOutside = append(d.decl.seenOutside, names...)
	return d
}

// PricedFrom are attributes that people of the outside see in the role or a higher one;
// in a lower one they are null.
func (d SetDeclaration) PricedFrom(role int64, names ...string) SetDeclaration {
	d.decl.priced, d.decl.pricedFrom = append(d.decl.priced, names...), role
	return d
}

// Reach is what people of the outside see of the set: of parts that go with their owner
// what they see of that. It is nil where they see nothing.
func (s *Set) Reach() *Reach {
	if s.reach == nil && s.ReachedWithOwner() {
		return s.Owner.Target.Reach()
	}
	return s.reach
}

// ReachedWithOwner reports whether people of the outside see the parts of what they see.
func (s *Set) ReachedWithOwner() bool { return s.Owner != nil && s.decl.withOwner }

// PricedFrom is the role from which people of the outside see an attribute; 0 is any.
func (p *Property) PricedFrom() int64 { return p.pricedFrom }

// linkReach resolves what was declared by name.
func (s *Set) linkReach() {
	for _, name := range s.decl.priced {
		s.Must(name).pricedFrom = s.decl.pricedFrom
	}
	if s.decl.only.when != "" {
		s.reachedOnly = s.Must(s.decl.only.when)
	}
	r := s.decl.reach
	if r == nil {
		return
	}
	s.reach = r
	if r.text.customer != "" {
		r.Customer = s.Must(r.text.customer)
	}
	if r.text.party != "" {
		r.Party = s.Must(r.text.party)
	}
	if r.text.dated != "" {
		r.Dated = s.Must(r.text.dated)
	}
	if r.text.own != "" {
		r.Own = s.Must(r.text.own)
	}
}

// linkReachFrom resolves a reference of customers, once these are linked.
func (m *Model) linkReachFrom() {
	for _, s := range m.Sets {
		for _, name := range s.decl.through {
			set, reference, _ := strings.Cut(name, ".")
			s.reach.Through = append(s.reach.Through, m.must(set).Must(reference))
		}
	}
	for _, s := range m.Sets {
		if s.reach == nil || s.reach.text.from == "" {
			continue
		}
		for _, customers := range m.Sets {
			if customers.reach != nil && !customers.reach.All && customers.decl.through == nil && !customers.reach.ByRow && customers.reach.text == (reachText{}) {
				s.reach.FromCustomer = customers.Must(s.reach.text.from)
			}
		}
	}
}

// Outside are the rights of people of the outside, before it is said who they are: the
// sets that they can reach, and what they do not see of them.
func (m *Model) Outside() *permission.Rights {
	var sets []string
	var hidden []permission.Attribute
	for _, s := range m.Sets {
		if s.reach != nil && s.Permissive() == s {
			sets = append(sets, s.Name)
		}
		for _, name := range s.decl.hiddenOutside {
			hidden = append(hidden, permission.Attribute{Set: s.Must(name).Set.Name, Name: name})
		}
		for _, p := range s.Properties {
			if seen := s.decl.seenOutside; len(seen) > 0 && p.Name != "Id" && !slices.Contains(seen, p.Name) {
				hidden = append(hidden, permission.Attribute{Set: p.Set.Name, Name: p.Name})
			}
		}
	}
	return permission.NewReach(sets, hidden)
}
