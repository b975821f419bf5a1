package model

// Value is one value of a property, in the form that its [Kind] says. The zero
// Value is the empty text and the number 0, not null.
type Value struct {
	// Text holds strings, multilanguage JSON, GUIDs and references.
	Text string
	// Int holds everything that is a number inside, and the discriminator of a
	// polymorphic reference.
	Int int64
	// Unit is the currency sign of an Amount or the code of a Quantity's unit;
	// stores set it when they read.
	Unit string
	// Null is the absent value.
	Null bool
}

// NullValue is the absent value.
var NullValue = Value{Null: true}

// TextValue is a value of the kinds that are texts.
func TextValue(s string) Value { return Value{Text: s} }

// IntValue is a value of the kinds that are numbers.
func IntValue(n int64) Value { return Value{Int: n} }

// BoolValue is a KindBool.
func BoolValue(b bool) Value {
	if b {
		return Value{Int: 1}
	}
	return Value{}
}

// Equal compares two values of one property; units are not compared, because
// they belong to another property.
func (v Value) Equal(o Value) bool {
	if v.Null || o.Null {
		return v.Null == o.Null
	}
	return v.Text == o.Text && v.Int == o.Int
}
