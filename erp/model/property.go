package model

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

// Source is where the default of a property comes from.
type Source uint8

// The sources.
const (
	// FromModel takes Property.Default.
	FromModel Source = iota
	// FromTime takes the time of the write, FromDay the midnight (UTC) before it.
	FromTime
	FromDay
	// FromLogin takes the login of who writes.
	FromLogin
)

// Property is an attribute or a single reference of a set.
type Property struct {
	Name string
	Kind Kind
	// Set is the set that declares it: the base for inherited properties.
	Set *Set
	// Column holds it. A multilanguage string, and what is searched, also has
	// Column_text, a string that filters compare Column_case, and a reference to an
	// abstract set Column_type.
	Column string
	// MaxLen is in characters; 0 means the limit of [MaxText].
	MaxLen int
	// Precision and Scale are decimal digits, in total and after the point.
	Precision, Scale int
	// Enum is the type of a KindEnum.
	Enum *Enum
	// Target is the set that a KindReference points into.
	Target *Set
	// Unit is the reference, or chain of them, to the currency of an Amount or
	// the unit of a Quantity.
	Unit []*Property
	// Required properties are never null once saved.
	Required bool
	// ReadOnly properties are refused in writes; CreateOnly ones in updates.
	ReadOnly, CreateOnly bool
	// ChangedBy is the action that changes a ReadOnly property; empty where
	// none does.
	ChangedBy string
	// Default is the value of rows that are created without one, null for none;
	// DefaultFrom takes it from the moment of the creation instead.
	Default     Value
	DefaultFrom Source
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
	// ViaOwner properties are those of the aggregate's root, and of a view the Ids of
	// what it refers to.
	ViaOwner *Path
	// IDOf is the reference whose row's Id the attribute is; nil for all others. The
	// rows of a view are told apart by these.
	IDOf *Property
	// Index is the place in Set.Properties and in a Record's values.
	Index int

	pricedFrom int64 // see PricedFrom

	decl *property
	key  []byte // the name as JSON, with its colon
}

// JSONName is the name as JSON, with the colon after it. It must not be changed.
func (p *Property) JSONName() []byte { return p.key }

// IsReference reports whether the property is a reference to a row.
func (p *Property) IsReference() bool { return p.Kind == KindReference }

// Polymorphic reports whether the property is a reference to an abstract set,
// whose values carry the concrete one.
func (p *Property) Polymorphic() bool { return p.Target != nil && p.Target.Abstract }

// Stored reports whether the property has a column in its own table.
func (p *Property) Stored() bool { return p.Format == nil && p.ViaOwner == nil }

// Scaled reports whether the value is a decimal number of some kind.
func (p *Property) Scaled() bool {
	return p.Kind == KindDecimal || p.measures()
}

// UnitName is the name in JSON of the unit of an Amount or a Quantity.
func (p *Property) UnitName() string {
	if p.Kind == KindAmount {
		return "Currency"
	}
	return "Unit"
}

// Refer is the value of a reference to a row.
func (p *Property) Refer(e Entity) Value {
	v := Value{Text: e.ID}
	if p.Polymorphic() {
		v.Int = e.Set.Discriminator
	}
	return v
}
