package model

import (
	"fmt"
	"strings"

	"github.com/hybridapps/tandem/permission"
)

// Set is one entity set: where its rows are, what they hold, and what may be
// done with them.
type Set struct {
	// Name is the entity set, as in URLs; Type the singular entity type,
	// without the namespace Erp. The singular is not mechanical.
	Name, Type string
	// Table is the table of its rows.
	Table string
	// Base is the set whose rows include these (Companies are Parties). Both
	// are in one table, told apart by Discriminator in the column of the
	// property that the base is abstract by.
	Base *Set
	// Abstract sets cannot be created, only their Subtypes.
	Abstract bool
	// Subtypes are the sets whose Base is this one.
	Subtypes []*Set
	// Discriminator is the value of the base's type property in these rows.
	Discriminator int64
	// Properties are the attributes and single references, base's first.
	Properties []*Property
	// Children are the child collections.
	Children []*Child
	// Keys are what no two rows have in common, base's first; the schema keeps
	// them, besides Id and the external id.
	Keys []*Key
	// Owner is the reference to the aggregate this row is a part of; nil for
	// aggregate roots.
	Owner *Property
	// Code and NameMember are what @erpnet.findBy Code and Name mean.
	Code, NameMember *Path
	// SearchPaths are what $search looks at: the search members and the
	// attributes of the display format.
	SearchPaths []*Path
	// Display is how DisplayText is made.
	Display []DisplayPart
	// View sets have no Id, no keyset paging, and cannot be written.
	View bool
	// ReadOnly sets cannot be written through the API.
	ReadOnly bool
	// Security sets need the scope sec; links to their rows need not.
	Security bool
	// Stream is the name of what of a row is bytes, read and written by themselves and
	// never with the row; StreamID the property that names them. Empty where there is none.
	Stream, StreamID string
	// Apart is set for parts that have a key of their own: see
	// [SetDeclaration.KeyedApart].
	Apart bool
	// Everybody is what all internal users may do with the set where nobody has
	// said otherwise.
	Everybody permission.Right
	// Actions are bound to the rows, in the order of $metadata; Functions too, which
	// change nothing and take no parameters.
	Actions   []*Action
	Functions []string

	guards      []Guard
	reachedOnly *Property
	// hang says which row of another set a row hangs on.
	hang   *Hang
	hangBy *Property
	// personal are the rows that are one account's.
	personal []Personal
	reach    *Reach
	decl     *declaration
	byName   map[string]*Property
	childs   map[string]*Child
	id       *Property
	// typeProperty tells the subtypes of the table apart.
	typeProperty *Property
	model        *Model
}

// Child is a collection of rows that belong to a row: Lines of an order.
type Child struct {
	Name string
	// Set is the set of the children, and Owner their reference back.
	Set   *Set
	Owner *Property
}

// Key is what no two rows have in common: a unique index, which is named after
// the table and the column of the first property. A missing value is a value
// where the index says so.
type Key struct {
	Properties []*Property
	// Within is what a message calls the owner of the rows where the last
	// property is the owner: "order" for the line numbers of orders.
	Within string
}

// Index is the name of the unique index.
func (k *Key) Index() string { return k.Properties[0].Set.Table + "_" + k.Properties[0].Column }

// String is the key as a message spells it: LineNo in this order.
func (k *Key) String() string {
	names := make([]string, len(k.Properties))
	for i, p := range k.Properties {
		names[i] = p.Name
	}
	last := len(names) - 1
	switch {
	case k.Within != "":
		return strings.Join(names[:last], ", ") + " in this " + k.Within
	case last == 0:
		return names[0]
	}
	return strings.Join(names[:last], ", ") + " and " + names[last]
}

// Property finds an attribute or single reference by name; nil when there is
// none.
func (s *Set) Property(name string) *Property { return s.byName[name] }

// Child finds a child collection by name; nil when there is none.
func (s *Set) Child(name string) *Child { return s.childs[name] }

// ID is the property Id; nil on views.
func (s *Set) ID() *Property { return s.id }

// RowKey are the attributes that tell the rows of a view apart; nil where the view has
// none, and for all other sets, which have an Id.
func (s *Set) RowKey() (key []*Property) {
	for _, p := range s.Properties {
		if p.IDOf != nil {
			key = append(key, p)
		}
	}
	return key
}

// TypeProperty tells the subtypes of a table apart; nil where there are none.
func (s *Set) TypeProperty() *Property { return s.typeProperty }

// Model is the model that the set belongs to.
func (s *Set) Model() *Model { return s.model }

// IsRoot reports whether the rows are aggregate roots.
func (s *Set) IsRoot() bool { return s.Owner == nil && !s.View }

// Root is the set of the aggregate's root: the set itself, or its owner's.
func (s *Set) Root() *Set {
	for s.Owner != nil {
		s = s.Owner.Target
	}
	return s
}

// Concrete is the subtype with the discriminator; the set itself when it has
// no such subtype.
func (s *Set) Concrete(discriminator int64) *Set {
	for _, sub := range s.Subtypes {
		if sub.Discriminator == discriminator {
			return sub
		}
	}
	return s
}

// Includes reports whether rows of other are rows of s: other is s, or one of
// its subtypes.
func (s *Set) Includes(other *Set) bool {
	return s == other || other != nil && other.Base == s
}

// DefaultFields are what $select=* or no $select gives: the attributes that
// are not Explicit, and the single references. The slice is shared: append to
// a clone.
func (s *Set) DefaultFields() []*Property { return s.decl.defaults }

// Must is [Set.Property] for names of the program itself: one that the set does not
// have panics.
func (s *Set) Must(name string) *Property {
	p := s.byName[name]
	if p == nil {
		panic(fmt.Sprintf("model: %s has no %s", s.Name, name))
	}
	return p
}

// Action is something that a row can do: POST Set(id)/Name.
type Action struct {
	Name       string
	Parameters []Parameter
	// Common is set for actions that the rows of all sets have, and that change nothing of
	// the row itself.
	Common bool
}

// Parameter is a parameter of an action; Type is the one of $metadata, like
// Edm.String.
type Parameter struct{ Name, Type string }

// Action finds an action by name; nil when there is none.
func (s *Set) Action(name string) *Action {
	for _, a := range s.Actions {
		if a.Name == name {
			return a
		}
	}
	return nil
}
