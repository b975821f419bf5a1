package erp

import (
	"fmt"
	"strings"

	"github.com/hybridapps/tandem"
)

// Kind is the type of a property.
type Kind uint8

// The kinds, with how a [Value] holds them and what their JSON is.
const (
	// KindString is text in Value.Text, bounded by Property.MaxLen.
	KindString Kind = iota + 1
	// KindMultiLanguage is a JSON object in Value.Text, {"EN":"Apple"}, with
	// upper-case two-letter keys; MaxLen bounds each language's text.
	KindMultiLanguage
	// KindBool is 0 or 1 in Value.Int.
	KindBool
	// KindInt is a 32-bit number in Value.Int.
	KindInt
	// KindDecimal is a number in Value.Int, scaled by 10^Scale; JSON number.
	KindDecimal
	// KindAmount is a KindDecimal with a currency: {"Value":1.5,"Currency":"EUR"}.
	KindAmount
	// KindQuantity is a KindDecimal with a unit: {"Value":1.5,"Unit":"pcs"}.
	KindQuantity
	// KindDate is a day: microseconds since 1970 of its UTC midnight in
	// Value.Int. JSON 2026-01-31T00:00:00Z (Edm.DateTimeOffset).
	KindDate
	// KindDateTime is an instant: microseconds since 1970 UTC in Value.Int.
	// JSON 2026-01-31T09:55:00.123456Z (Edm.DateTimeOffset).
	KindDateTime
	// KindEnum is the member's number in Value.Int; JSON is its name.
	KindEnum
	// KindGUID is a lower-case GUID in Value.Text.
	KindGUID
	// KindReference is the referenced row's GUID in Value.Text; where the
	// target is abstract, Value.Int is the concrete set's discriminator.
	KindReference
)

// Capability says what a filter or an order may do with a property.
type Capability uint8

// The capabilities: the model documentation's [eq,in,ge,like,ord].
const (
	// CanEq permits eq.
	CanEq Capability = 1 << iota
	// CanIn permits in (…), and eq.
	CanIn
	// CanRange permits ge and le. On an Amount or Quantity it is used through
	// the synthetic property NameValue.
	CanRange
	// CanLike permits contains, startswith and endswith.
	CanLike
	// CanOrder permits $orderby.
	CanOrder
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

// ofQualifiedType finds a set by Erp.Type or #Erp.Type.
func (m *Model) ofQualifiedType(name string) *Set {
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
		return nil, &tandem.Error{Code: tandem.CodeNotFound, Message: fmt.Sprintf(
			"The entity set %s was renamed to %s; use the new name. All renamed sets: %s", name, to, renamesURL)}
	}
	return nil, &tandem.Error{Code: tandem.CodeNotFound, Message: fmt.Sprintf(
		"There is no entity set %q; the service document lists the sets.", clip(name))}
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
	// property Kind of the base.
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
	// Document sets have states and refuse changes once released.
	Document bool

	decl   *declaration
	byName map[string]*Property
	childs map[string]*Child
	id     *Property
	// typeProperty is the discriminator's property of Base or of itself.
	typeProperty *Property
	model        *Model
}

// Property is an attribute or a single reference of a set.
type Property struct {
	Name string
	Kind Kind
	// Set is the set that declares it: the base for inherited properties.
	Set *Set
	// Column holds it. A multilanguage string also has Column_text, a
	// reference to an abstract set Column_type.
	Column string
	// MaxLen is in characters; 0 means the limit of [MaxText].
	MaxLen int
	// Precision and Scale are decimal digits, in total and after the point.
	Precision, Scale int
	// Enum is the type of a KindEnum.
	Enum *EnumType
	// Target is the set that a KindReference points into.
	Target *Set
	// Unit is the reference, or chain of them, to the currency of an Amount or
	// the unit of a Quantity.
	Unit []*Property
	// Required properties are never null once saved.
	Required bool
	// ReadOnly properties are refused in writes; CreateOnly ones in updates.
	ReadOnly, CreateOnly bool
	// Explicit properties are returned only when they are named in $select.
	Explicit bool
	// Filterable references may be part of a path in $filter.
	Filterable bool
	// Can says what filters and orders may do.
	Can Capability
	// KeepTime is set on the few times that a filter must not truncate to the
	// day (AggregateLastUpdateTimeUtc).
	KeepTime bool
	// Format makes a computed text; such a property has no column.
	Format []DisplayPart
	// ViaOwner properties are those of the aggregate's root.
	ViaOwner *Path
	// Index is the place in Set.Properties and in a Record's values.
	Index int

	decl *property
	key  []byte // the name as JSON, with its colon
}

// EnumType is a list of names with their numbers, which give the order.
type EnumType struct {
	// Name is the type's name in $metadata, without the namespace.
	Name    string
	Members []EnumMember
}

// EnumMember is one name of an [EnumType].
type EnumMember struct {
	Name  string
	Value int64
}

// Child is a collection of rows that belong to a row: Lines of an order.
type Child struct {
	Name string
	// Set is the set of the children, and Owner their reference back.
	Set   *Set
	Owner *Property
}

// Path is a property reached through references: Party/PartyName. Refs is
// empty for a property of the set itself.
type Path struct {
	Refs     []*Property
	Property *Property
}

// String is the path as a filter spells it.
func (p *Path) String() string {
	var b strings.Builder
	for _, r := range p.Refs {
		b.WriteString(r.Name)
		b.WriteByte('/')
	}
	b.WriteString(p.Property.Name)
	return b.String()
}

// DisplayPart is literal text, or the value at a path.
type DisplayPart struct {
	Text string
	Path *Path
}

// Property finds an attribute or single reference by name; nil when there is
// none.
func (s *Set) Property(name string) *Property { return s.byName[name] }

// Child finds a child collection by name; nil when there is none.
func (s *Set) Child(name string) *Child { return s.childs[name] }

// ID is the property Id; nil on views.
func (s *Set) ID() *Property { return s.id }

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

// IsReference reports whether the property is a reference to a row.
func (p *Property) IsReference() bool { return p.Kind == KindReference }

// Polymorphic reports whether the property is a reference to an abstract set,
// whose values carry the concrete one.
func (p *Property) Polymorphic() bool { return p.Target != nil && p.Target.Abstract }

// Stored reports whether the property has a column in its own table.
func (p *Property) Stored() bool { return p.Format == nil && p.ViaOwner == nil }

// Scaled reports whether the value is a decimal number of some kind.
func (p *Property) Scaled() bool {
	return p.Kind == KindDecimal || p.Kind == KindAmount || p.Kind == KindQuantity
}

// Member finds an enum member by name; ok is false when there is none.
func (e *EnumType) Member(name string) (value int64, ok bool) {
	for _, m := range e.Members {
		if m.Name == name {
			return m.Value, true
		}
	}
	return 0, false
}

// MemberName is the name of a member's number; empty when there is none.
func (e *EnumType) MemberName(value int64) string {
	for _, m := range e.Members {
		if m.Value == value {
			return m.Name
		}
	}
	return ""
}

// names lists the members for an error message.
func (e *EnumType) names() string {
	names := make([]string, len(e.Members))
	for i, m := range e.Members {
		names[i] = m.Name
	}
	return strings.Join(names, ", ")
}
