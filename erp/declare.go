package erp

import "strings"

// The words in which the neighbourhood files declare sets and properties. They
// keep names; link.go turns the names into pointers.

// declaration is what a set says by name.
type declaration struct {
	base, owner      string
	code, nameMember string
	display          string
	search           []string
	children         [][2]string // collection name, set name
	defaults         []*Property
}

// property is what a property says by name.
type property struct {
	target   string
	unit     []string
	format   string
	viaOwner string
}

func newSet(name, typ, table string) *Set {
	return &Set{Name: name, Type: typ, Table: table, decl: &declaration{}}
}

// root declares an aggregate root with the system attributes.
func root(name, typ, table string) *Set {
	return newSet(name, typ, table).with(
		guid("Id").readOnly().explicit().required().can(CanEq|CanIn),
		integer("ObjectVersion").readOnly().explicit().required(),
		text("ExternalId", 254).can(CanEq|CanIn),
		text("ExternalSystem", 64).can(CanEq|CanIn),
		datetime("AggregateLastUpdateTimeUtc").readOnly().explicit().required().can(CanRange|CanOrder).keepTime(),
		text("AdditionalDataJson", MaxText),
		computed("DisplayText", "").explicit(),
	)
}

// part declares a set whose rows are part of the aggregate of owner.
func part(name, typ, table, owner string) *Set {
	s := newSet(name, typ, table).with(
		guid("Id").readOnly().explicit().required().can(CanEq|CanIn),
		integer("ObjectVersion").readOnly().explicit().viaOwner(owner),
		computed("DisplayText", "").explicit(),
	)
	s.decl.owner = owner
	return s
}

// view declares a set without Id, which cannot be written.
func view(name, typ, table string) *Set {
	s := newSet(name, typ, table)
	s.View, s.ReadOnly = true, true
	return s
}

// subtype declares a set whose rows are rows of base too.
func subtype(base, name, typ string, discriminator int64) *Set {
	s := newSet(name, typ, "")
	s.decl.base, s.Discriminator = base, discriminator
	return s
}

func (s *Set) with(properties ...*Property) *Set {
	s.Properties = append(s.Properties, properties...)
	return s
}

func (s *Set) code(path string) *Set       { s.decl.code = path; return s }
func (s *Set) named(path string) *Set      { s.decl.nameMember = path; return s }
func (s *Set) display(format string) *Set  { s.decl.display = format; return s }
func (s *Set) search(paths ...string) *Set { s.decl.search = paths; return s }
func (s *Set) abstract() *Set              { s.Abstract = true; return s }
func (s *Set) child(name, set string) *Set {
	s.decl.children = append(s.decl.children, [2]string{name, set})
	return s
}

func declare(name string, kind Kind) *Property {
	return &Property{Name: name, Kind: kind, Default: NullValue, decl: &property{}}
}

func text(name string, maxLen int) *Property {
	p := declare(name, KindString)
	p.MaxLen = maxLen
	return p
}

func ml(name string, maxLen int) *Property {
	p := declare(name, KindMultiLanguage)
	p.MaxLen = maxLen
	return p
}

func boolean(name string) *Property  { return declare(name, KindBool) }
func integer(name string) *Property  { return declare(name, KindInt) }
func date(name string) *Property     { return declare(name, KindDate) }
func datetime(name string) *Property { return declare(name, KindDateTime) }
func guid(name string) *Property     { return declare(name, KindGUID) }

func decimal(name string, precision, scale int) *Property {
	p := declare(name, KindDecimal)
	p.Precision, p.Scale = precision, scale
	return p
}

// amount declares an Amount; currency is the reference path to its currency.
func amount(name string, precision, scale int, currency string) *Property {
	p := decimal(name, precision, scale)
	p.Kind, p.decl.unit = KindAmount, strings.Split(currency, ".")
	return p
}

// quantity declares a Quantity; unit is the reference path to its unit.
func quantity(name string, precision, scale int, unit string) *Property {
	p := decimal(name, precision, scale)
	p.Kind, p.decl.unit = KindQuantity, strings.Split(unit, ".")
	return p
}

func enum(name string, typ *EnumType) *Property {
	p := declare(name, KindEnum)
	p.Enum = typ
	return p
}

func ref(name, target string) *Property {
	p := declare(name, KindReference)
	p.decl.target = target
	return p
}

// computed declares a read-only text made of other values.
func computed(name, format string) *Property {
	p := declare(name, KindString)
	p.ReadOnly, p.decl.format = true, format
	return p
}

func (p *Property) required() *Property          { p.Required = true; return p }
func (p *Property) readOnly() *Property          { p.ReadOnly = true; return p }
func (p *Property) createOnly() *Property        { p.CreateOnly = true; return p }
func (p *Property) explicit() *Property          { p.Explicit = true; return p }
func (p *Property) filterable() *Property        { p.Filterable = true; return p }
func (p *Property) keepTime() *Property          { p.KeepTime = true; return p }
func (p *Property) can(c Capability) *Property   { p.Can = c; return p }
func (p *Property) column(name string) *Property { p.Column = name; return p }

// is gives a constant default to rows that are created without a value.
func (p *Property) is(v Value) *Property { p.Default = v; return p }

// from gives a default of the moment.
func (p *Property) from(s Source) *Property { p.DefaultFrom = s; return p }

// by names the action that changes the property in the place of an update.
func (p *Property) by(action string) *Property { p.ChangedBy = action; return p.readOnly() }

// viaOwner makes the property the one of the same name of the aggregate's root.
func (p *Property) viaOwner(owner string) *Property { p.decl.viaOwner = owner; return p }

// action declares an action bound to the rows.
func (s *Set) action(name string, parameters ...Parameter) *Set {
	s.Actions = append(s.Actions, &Action{Name: name, Parameters: parameters})
	return s
}
