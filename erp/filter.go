package erp

import (
	"strings"

	"github.com/google/uuid"
)

// Expr is a condition of a filter: [And], *[Compare], *[In], *[Match] or
// *[RefContains].
type Expr interface{ expr() }

// And is true when all of its parts are; an empty And is true.
type And []Expr

// Op is a comparison.
type Op uint8

// The comparisons.
const (
	Eq Op = iota + 1
	Ge
	Le
)

// String is the operator as a filter spells it.
func (op Op) String() string { return [...]string{"", "eq", "ge", "le"}[op] }

// Compare compares the value at a path. A null at the path makes it false,
// unless OrNull is set (equalnull, lessequalnull, greaterequalnull) or Value
// is null (eq null).
type Compare struct {
	Path   *Path
	Op     Op
	Value  Value
	OrNull bool
}

// In is true when the value at the path is one of Values. An empty list is
// false.
type In struct {
	Path   *Path
	Values []Value
}

// MatchFunc is one of the string functions.
type MatchFunc uint8

// The string functions.
const (
	Contains MatchFunc = iota + 1
	StartsWith
	EndsWith
)

// String is the function as a filter spells it.
func (f MatchFunc) String() string { return [...]string{"", "contains", "startswith", "endswith"}[f] }

// Match is a string function on the value at a path. On strings it compares
// exactly; Contains of a multilanguage string finds the text in any language,
// whatever its case.
type Match struct {
	Path *Path
	Func MatchFunc
	Text string
}

// RefContains is contains(Reference,'x'): the referenced row is found by
// $search for Text.
type RefContains struct {
	Path *Path
	Text string
}

func (And) expr()          {}
func (*Compare) expr()     {}
func (*In) expr()          {}
func (*Match) expr()       {}
func (*RefContains) expr() {}

func conditions(e Expr) int {
	switch e := e.(type) {
	case nil:
		return 0
	case And:
		n := 0
		for _, part := range e {
			n += conditions(part)
		}
		return n
	}
	return 1
}

// LiteralKind is how a filter spelled a literal.
type LiteralKind uint8

// The kinds of literal.
const (
	LiteralString LiteralKind = iota + 1 // 'x', Text unescaped and without quotes
	LiteralNumber                        // 10, -1.5
	LiteralBool                          // true, false
	LiteralDate                          // 2020-01-01, 2020-01-01Z, 2020-01-01T00:00:00.000Z
	LiteralGUID                          // unquoted
	LiteralEnum                          // Erp.General_DocumentState'Released': Text is the member
	LiteralNull                          // null
)

// Literal is a value as a caller spelled it.
type Literal struct {
	Kind LiteralKind
	Text string
	// Type is the qualified type of a LiteralEnum, without Erp.; else empty.
	Type string
}

// NewCompare makes the condition `path op literal` on rows of s, after
// checking that the model allows it. orNull makes it equalnull and the like.
func NewCompare(s *Set, path *Path, op Op, lit Literal, orNull bool) (Expr, error) {
	p := path.Property
	if lit.Kind == LiteralNull {
		if op != Eq {
			return nil, invalid("%s: %s %s null is never true; only eq works with null.", s.Name, path, op)
		}
		if p.Kind != KindReference && p.Can&(CanEq|CanIn|CanRange) == 0 {
			return nil, notFilterable(s, path, "eq")
		}
		return &Compare{Path: path, Op: Eq, Value: NullValue}, nil
	}
	switch {
	case p.IsReference() && op == Eq:
	case op == Eq && p.Can&(CanEq|CanIn) != 0:
	case op != Eq && p.Can&CanRange != 0:
	default:
		return nil, notFilterable(s, path, op.String())
	}
	v, never, err := p.literal(s, path, op, lit)
	if err != nil {
		return nil, err
	}
	if never {
		if orNull {
			return &Compare{Path: path, Op: Eq, Value: NullValue}, nil
		}
		return &In{Path: path}, nil
	}
	return &Compare{Path: path, Op: op, Value: v, OrNull: orNull}, nil
}

// NewIn makes `path in (literals)`.
func NewIn(s *Set, path *Path, lits []Literal) (Expr, error) {
	p := path.Property
	if !p.IsReference() && p.Can&CanIn == 0 {
		return nil, notFilterable(s, path, "in")
	}
	if len(lits) > MaxInValues {
		return nil, invalid("%s: %s in (…) lists %d values; at most %d are allowed.", s.Name, path, len(lits), MaxInValues)
	}
	in := &In{Path: path, Values: make([]Value, 0, len(lits))}
	for _, lit := range lits {
		if lit.Kind == LiteralNull {
			return nil, invalid("%s: %s in (…) cannot list null.", s.Name, path)
		}
		v, never, err := p.literal(s, path, Eq, lit)
		if err != nil {
			return nil, err
		}
		if !never {
			in.Values = append(in.Values, v)
		}
	}
	return in, nil
}

// NewMatch makes a string function; on a reference only contains works.
func NewMatch(s *Set, path *Path, f MatchFunc, text string) (Expr, error) {
	if err := checkText(s, path.String(), text); err != nil {
		return nil, err
	}
	p := path.Property
	switch {
	case p.IsReference():
		if f != Contains {
			return nil, notFilterable(s, path, f.String())
		}
		return &RefContains{Path: path, Text: text}, nil
	case p.Kind == KindMultiLanguage && f == Contains:
	case p.Kind == KindString && p.Can&CanLike != 0:
	default:
		return nil, notFilterable(s, path, f.String())
	}
	return &Match{Path: path, Func: f, Text: text}, nil
}

// NewOrder makes a key of $orderby.
func NewOrder(s *Set, path *Path, descending bool) (Order, error) {
	if path.Property.Can&CanOrder == 0 {
		return Order{}, invalid("%s: $orderby %s is not supported; %s", s.Name, path, orderable(path.owner(s)))
	}
	return Order{Path: path, Descending: descending}, nil
}

func orderable(s *Set) string {
	var names []string
	for _, p := range s.Properties {
		if p.Can&CanOrder != 0 {
			names = append(names, p.Name)
		}
	}
	if len(names) == 0 {
		return "no property of " + s.Name + " can be ordered by."
	}
	return "order by one of " + strings.Join(names, ", ") + "."
}

// literal gives a literal the property's type. never says that no value can
// be equal to it (more digits than the property keeps).
func (p *Property) literal(s *Set, path *Path, op Op, lit Literal) (v Value, never bool, err error) {
	wrong := func(want string) (Value, bool, error) {
		return Value{}, false, invalid("%s: %s needs %s, not %s.", s.Name, path, want, clip(lit.Text))
	}
	switch p.Kind {
	case KindReference:
		if lit.Kind != LiteralString {
			return wrong("a quoted reference like '" + p.Target.Name + "(id)'")
		}
		id, _, err := s.model.ParseReference(p, lit.Text)
		return TextValue(id), false, err
	case KindString, KindMultiLanguage:
		if lit.Kind != LiteralString {
			return wrong("a quoted text")
		}
		return TextValue(lit.Text), false, checkText(s, path.String(), lit.Text)
	case KindGUID:
		id, err := uuid.Parse(lit.Text)
		if (lit.Kind != LiteralGUID && lit.Kind != LiteralString) || err != nil || len(lit.Text) != 36 {
			return wrong("a GUID")
		}
		return TextValue(id.String()), false, nil
	case KindBool:
		if lit.Kind != LiteralBool {
			return wrong("true or false")
		}
		return BoolValue(lit.Text == "true"), false, nil
	case KindEnum:
		n, ok := p.Enum.Member(lit.Text)
		if (lit.Kind != LiteralString && lit.Kind != LiteralEnum) || !ok || lit.Type != "" && lit.Type != p.Enum.Name {
			return wrong("one of " + p.Enum.Names() + " in quotes")
		}
		return IntValue(n), false, nil
	case KindDate, KindDateTime:
		if lit.Kind != LiteralDate && lit.Kind != LiteralString {
			return wrong("a date like 2026-01-31 or 2026-01-31T09:55:00Z")
		}
		t, err := ParseTime(lit.Text)
		if err != nil {
			return wrong("a date like 2026-01-31 or 2026-01-31T09:55:00Z")
		}
		if !p.KeepTime {
			t = day(t)
		}
		return IntValue(t.UnixMicro()), false, nil
	}
	if lit.Kind != LiteralNumber {
		return wrong("a number")
	}
	n, exact, err := scaledFloor(lit.Text, p.Scale)
	if err != nil {
		return Value{}, false, invalid("%s: %s: %s", s.Name, path, err)
	}
	if !exact && op == Eq {
		return Value{}, true, nil
	}
	if !exact && op == Ge {
		n++
	}
	return IntValue(n), false, nil
}

func notFilterable(s *Set, path *Path, what string) error {
	p := path.Property
	var can []string
	switch {
	case p.IsReference():
		can = []string{"eq", "in", "contains"}
	case p.Kind == KindMultiLanguage:
		can = []string{"contains"}
	}
	if p.Can&(CanEq|CanIn) != 0 {
		can = append(can, "eq")
	}
	if p.Can&CanIn != 0 {
		can = append(can, "in")
	}
	if p.Can&CanRange != 0 {
		can = append(can, "ge", "le")
	}
	if p.Can&CanLike != 0 {
		can = append(can, "contains", "startswith", "endswith")
	}
	if len(can) == 0 {
		return invalid("%s: %s cannot be used in a filter.", s.Name, path)
	}
	return invalid("%s: %s cannot be filtered with %s; it supports %s.", s.Name, path, what, strings.Join(can, ", "))
}
