package model

import (
	"strings"

	"github.com/hybridapps/tandem/permission"
)

// The words in which sets and properties are declared. They keep names; link.go
// turns the names into pointers.

// SetDeclaration is a set whose names are not linked yet.
type SetDeclaration struct{ *Set }

// PropertyDeclaration is a property whose names are not linked yet.
type PropertyDeclaration struct{ *Property }

// declaration is what a set says by name.
type declaration struct {
	base, owner      string
	code, nameMember string
	display          string
	search           []string
	discriminator    string
	children         [][2]string // collection name, set name
	keys             []key
	guards           []string
	guarded          bool
	guardedWith      [2]string
	personal         []personal
	hang             [2]string
	hangBy           string
	only             personal
	reach            *Reach
	through          []string
	withOwner        bool
	hiddenOutside    []string
	seenOutside      []string
	priced           []string
	pricedFrom       int64
	defaults         []*Property
}

type key struct {
	within     string
	properties []string
}

// property is what a property says by name.
type property struct {
	target   string
	unit     []string
	format   string
	viaOwner string
	idOf     string
}

func newSet(name, typ, table string) SetDeclaration {
	return SetDeclaration{&Set{Name: name, Type: typ, Table: table, Everybody: permission.OfSets, decl: &declaration{}}}
}

// Root declares an aggregate root with the system attributes. name is the
// entity set, typ its singular type, table where its rows are.
func Root(name, typ, table string) SetDeclaration {
	return newSet(name, typ, table).With(
		GUID("Id").ReadOnly().Explicit().Required().Can(CanEq|CanIn),
		Int("ObjectVersion").ReadOnly().Explicit().Required(),
		Text("ExternalId", 254).Can(CanEq|CanIn),
		Text("ExternalSystem", 64).Can(CanEq|CanIn),
		DateTime("AggregateLastUpdateTimeUtc").ReadOnly().Explicit().Required().Can(CanRange|CanOrder).KeepTime(),
		Text("AdditionalDataJson", MaxText),
		Computed("DisplayText", "").Explicit(),
	)
}

// Part declares a set whose rows are part of an aggregate: owner is their
// reference to it, which is one of the properties.
func Part(name, typ, table, owner string) SetDeclaration {
	d := newSet(name, typ, table).With(
		GUID("Id").ReadOnly().Explicit().Required().Can(CanEq|CanIn),
		Int("ObjectVersion").ReadOnly().Explicit().viaOwner(owner),
		Computed("DisplayText", "").Explicit(),
	)
	d.decl.owner = owner
	return d
}

// View declares a set without Id, which cannot be written. Its key in $metadata are
// the attributes declared with [IDOf].
func View(name, typ, table string) SetDeclaration {
	d := newSet(name, typ, table).ReadOnly()
	d.View = true
	return d
}

// Plain declares a set of which all properties are said, Id included.
func Plain(name, typ, table string) SetDeclaration { return newSet(name, typ, table) }

// Subtype declares a set whose rows are rows of base too, told apart by the
// discriminator.
func Subtype(base, name, typ string, discriminator int64) SetDeclaration {
	d := newSet(name, typ, "")
	d.decl.base, d.Discriminator = base, discriminator
	return d
}

// With adds properties.
func (d SetDeclaration) With(properties ...PropertyDeclaration) SetDeclaration {
	for _, p := range properties {
		d.Properties = append(d.Properties, p.Property)
	}
	return d
}

// Code is the path that @erpnet.findBy Code means: Party.PartyCode.
func (d SetDeclaration) Code(path string) SetDeclaration { d.decl.code = path; return d }

// Named is the path that @erpnet.findBy Name means.
func (d SetDeclaration) Named(path string) SetDeclaration { d.decl.nameMember = path; return d }

// Display is how DisplayText is made: "{Code}. {Party.PartyName:T}".
func (d SetDeclaration) Display(format string) SetDeclaration { d.decl.display = format; return d }

// Search are the paths that $search looks at, besides those of Display.
func (d SetDeclaration) Search(paths ...string) SetDeclaration { d.decl.search = paths; return d }

// Abstract makes the set one of which only subtypes can be created. The
// property named tells them apart: an enum that has their discriminators.
func (d SetDeclaration) Abstract(discriminator string) SetDeclaration {
	d.Set.Abstract, d.decl.discriminator = true, discriminator
	return d
}

// Unique says that no two rows have the same values of the properties. The
// migration has the unique index, named table_column after the first of them.
func (d SetDeclaration) Unique(properties ...string) SetDeclaration {
	d.decl.keys = append(d.decl.keys, key{"", properties})
	return d
}

// UniqueWithin is [SetDeclaration.Unique] for the parts of one owner, the last
// property; what is how messages call it.
func (d SetDeclaration) UniqueWithin(what string, properties ...string) SetDeclaration {
	d.decl.keys = append(d.decl.keys, key{what, properties})
	return d
}

// ReadOnly makes the set one that the API cannot write.
func (d SetDeclaration) ReadOnly() SetDeclaration { d.Set.ReadOnly = true; return d }

// Secured makes the set one whose rows need the scope sec.
func (d SetDeclaration) Secured() SetDeclaration { d.Security = true; return d }

// Child adds a collection of the parts in a set.
func (d SetDeclaration) Child(name, set string) SetDeclaration {
	d.decl.children = append(d.decl.children, [2]string{name, set})
	return d
}

// Action adds an action bound to the rows.
func (d SetDeclaration) Action(name string, parameters ...Parameter) SetDeclaration {
	d.Actions = append(d.Actions, &Action{Name: name, Parameters: parameters})
	return d
}

// Stream gives the rows bytes that are read and written by themselves: name is how they
// are called, and id the property that tells which they are.
func (d SetDeclaration) Stream(name, id string) SetDeclaration {
	d.Set.Stream, d.StreamID = name, id
	return d
}

// Function adds a function bound to the rows: a question that changes nothing.
func (d SetDeclaration) Function(name string) SetDeclaration {
	d.Functions = append(d.Functions, name)
	return d
}

func declare(name string, kind Kind) PropertyDeclaration {
	return PropertyDeclaration{&Property{Name: name, Kind: kind, Default: NullValue, decl: &property{}}}
}

// Text declares a text of at most maxLen characters; 0 means the limit of
// [MaxText].
func Text(name string, maxLen int) PropertyDeclaration {
	d := declare(name, KindString)
	d.MaxLen = maxLen
	return d
}

// Multilingual declares a text in several languages, each of at most maxLen
// characters.
func Multilingual(name string, maxLen int) PropertyDeclaration {
	d := declare(name, KindMultiLanguage)
	d.MaxLen = maxLen
	return d
}

// Bool declares a truth.
func Bool(name string) PropertyDeclaration { return declare(name, KindBool) }

// Int declares a whole number of 32 bits.
func Int(name string) PropertyDeclaration { return declare(name, KindInt) }

// Date declares a day.
func Date(name string) PropertyDeclaration { return declare(name, KindDate) }

// DateTime declares an instant.
func DateTime(name string) PropertyDeclaration { return declare(name, KindDateTime) }

// GUID declares an id.
func GUID(name string) PropertyDeclaration { return declare(name, KindGUID) }

// Decimal declares a number with precision digits, scale of them after the point.
func Decimal(name string, precision, scale int) PropertyDeclaration {
	d := declare(name, KindDecimal)
	d.Precision, d.Scale = precision, scale
	return d
}

// Amount declares money; currency is the reference path to its currency.
func Amount(name string, precision, scale int, currency string) PropertyDeclaration {
	d := Decimal(name, precision, scale)
	d.Kind, d.decl.unit = KindAmount, strings.Split(currency, ".")
	return d
}

// Quantity declares a measured number; unit is the reference path to its unit.
func Quantity(name string, precision, scale int, unit string) PropertyDeclaration {
	d := Decimal(name, precision, scale)
	d.Kind, d.decl.unit = KindQuantity, strings.Split(unit, ".")
	return d
}

// OneOf declares a member of an enum.
func OneOf(name string, enum *Enum) PropertyDeclaration {
	d := declare(name, KindEnum)
	d.Enum = enum
	return d
}

// Ref declares a reference to a row of the set target.
func Ref(name, target string) PropertyDeclaration {
	d := declare(name, KindReference)
	d.decl.target = target
	return d
}

// IDOf declares the Id of what a reference of a view refers to, as an attribute with
// the reference's name and "Id": part of the key by which clients know the view's rows.
// It is guarded as the reference is.
func IDOf(reference string) PropertyDeclaration {
	d := declare(reference+"Id", KindGUID).Required().ReadOnly().Can(CanEq | CanIn)
	d.decl.idOf = reference
	return d
}

// Computed declares a read-only text made of other values, like Display.
func Computed(name, format string) PropertyDeclaration {
	d := declare(name, KindString).ReadOnly()
	d.decl.format = format
	return d
}

// Required makes the property never null once a row is saved.
func (d PropertyDeclaration) Required() PropertyDeclaration { d.Property.Required = true; return d }

// ReadOnly refuses the property in writes.
func (d PropertyDeclaration) ReadOnly() PropertyDeclaration { d.Property.ReadOnly = true; return d }

// CreateOnly refuses the property in updates.
func (d PropertyDeclaration) CreateOnly() PropertyDeclaration { d.Property.CreateOnly = true; return d }

// Explicit returns the property only when $select names it.
func (d PropertyDeclaration) Explicit() PropertyDeclaration { d.Property.Explicit = true; return d }

// Filterable lets paths of $filter go through the reference.
func (d PropertyDeclaration) Filterable() PropertyDeclaration { d.Property.Filterable = true; return d }

// KeepTime keeps filters from truncating the time to its day.
func (d PropertyDeclaration) KeepTime() PropertyDeclaration { d.Property.KeepTime = true; return d }

// Can says what filters and orders may do.
func (d PropertyDeclaration) Can(c Capability) PropertyDeclaration { d.Property.Can = c; return d }

// Column names the column where it is not the name in snake case.
func (d PropertyDeclaration) Column(name string) PropertyDeclaration {
	d.Property.Column = name
	return d
}

// Is gives a constant default to rows that are created without a value.
func (d PropertyDeclaration) Is(v Value) PropertyDeclaration { d.Default = v; return d }

// From gives a default of the moment.
func (d PropertyDeclaration) From(s Source) PropertyDeclaration { d.DefaultFrom = s; return d }

// By makes the property one that only an action of that name changes.
func (d PropertyDeclaration) By(action string) PropertyDeclaration {
	d.ChangedBy = action
	return d.ReadOnly()
}

// viaOwner makes the property the one of the same name of the aggregate's root.
func (d PropertyDeclaration) viaOwner(owner string) PropertyDeclaration {
	d.decl.viaOwner = owner
	return d
}
