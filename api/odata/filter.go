package odata

import (
	"slices"
	"strings"
)

// Operator is a comparison.
type Operator uint8

// The comparisons that the API offers.
const (
	Equal Operator = iota
	GreaterOrEqual
	LessOrEqual
)

// String is the operator as it is written.
func (o Operator) String() string { return [...]string{"eq", "ge", "le"}[o] }

// Function matches a part of a text.
type Function uint8

// The text functions.
const (
	Contains Function = iota
	StartsWith
	EndsWith
)

// String is the function as it is written.
func (f Function) String() string { return [...]string{"contains", "startswith", "endswith"}[f] }

// Property is a path of names: PartyName, or Party/PartyName.
type Property struct {
	Names []string
	Pos   int
}

// String is the path as it is written.
func (p Property) String() string { return strings.Join(p.Names, "/") }

// Condition is one term of a $filter, all of which must hold.
type Condition interface{ condition() }

// Compare is a comparison of a property with a constant: Property Op Value, or
// with OrNull the functions equalnull, lessequalnull and greaterequalnull,
// which hold also when the property is null.
type Compare struct {
	Property Property
	Op       Operator
	Value    Literal
	OrNull   bool
}

// In holds when the property equals one of 1 to [MaxInList] constants.
type In struct {
	Property Property
	Values   []Literal
}

// Match is contains, startswith or endswith.
type Match struct {
	Function Function
	Property Property
	Text     string
}

func (Compare) condition() {}
func (In) condition()      {}
func (Match) condition()   {}

// filter reads conditions joined by and. Since and is the only connective,
// parentheses only group, and the tree is a flat list.
func (p *parser) filter(depth int) ([]Condition, error) {
	var all []Condition
	for {
		if p.s.tok.is('(') {
			if depth == MaxDepth {
				return nil, p.s.fail(p.s.tok.pos, "parentheses nest deeper than %d", MaxDepth)
			}
			if err := p.s.next(); err != nil {
				return nil, err
			}
			inner, err := p.filter(depth + 1)
			if err != nil {
				return nil, err
			}
			if err := p.s.expect(')', "to close the parenthesis"); err != nil {
				return nil, err
			}
			all = append(all, inner...)
		} else {
			c, err := p.condition()
			if err != nil {
				return nil, err
			}
			if p.conditions++; p.conditions > MaxConditions {
				return nil, p.s.fail(p.s.tok.pos, "there are more than %d conditions", MaxConditions)
			}
			all = append(all, c)
		}
		if p.s.tok.kind != word {
			return all, nil
		}
		if p.s.tok.text != "and" {
			return nil, p.s.unsupported(p.s.tok, "expected and, or the end")
		}
		if err := p.s.next(); err != nil {
			return nil, err
		}
	}
}

// condition reads one comparison, in list or function call.
func (p *parser) condition() (Condition, error) {
	t := p.s.tok
	if t.kind != word {
		return nil, p.s.failExpect(t.pos, "expected the name of a property, or a function", "%s cannot stand here", t.describe())
	}
	if advice := notOffered[t.text]; advice != "" && t.text != "any" && t.text != "all" {
		return nil, p.s.unsupported(t, "")
	}
	if err := p.s.next(); err != nil {
		return nil, err
	}
	if p.s.tok.is('(') {
		return p.call(t)
	}
	prop, err := p.s.property(t)
	if err != nil {
		return nil, err
	}
	return p.comparison(prop)
}

func (p *parser) comparison(prop Property) (Condition, error) {
	op := p.s.tok
	if op.kind != word {
		return nil, p.s.failExpect(op.pos, "expected eq, ge, le or in after "+prop.String(), "%s cannot stand here", op.describe())
	}
	i := slices.Index([]string{"eq", "ge", "le"}, op.text)
	if i < 0 && op.text != "in" {
		return nil, p.s.unsupported(op, "expected eq, ge, le or in after "+prop.String())
	}
	if err := p.s.next(); err != nil {
		return nil, err
	}
	if i < 0 {
		return p.inList(prop)
	}
	value, err := p.s.literal()
	if err != nil {
		return nil, err
	}
	if value.Kind == Null && i > 0 {
		return nil, p.s.failExpect(value.Pos, "expected eq null, or a value", "null is neither greater nor less")
	}
	return Compare{Property: prop, Op: Operator(i), Value: value}, nil
}

func (p *parser) inList(prop Property) (Condition, error) {
	if err := p.s.expect('(', "with values after in"); err != nil {
		return nil, err
	}
	in := In{Property: prop}
	for {
		value, err := p.s.literal()
		if err != nil {
			return nil, err
		}
		if value.Kind == Null {
			return nil, p.s.failExpect(value.Pos, "use equalnull("+prop.String()+",value)", "null cannot be in a list")
		}
		if len(in.Values) == MaxInList {
			return nil, p.s.failExpect(value.Pos, "ask in several requests", "the list has more than %d values", MaxInList)
		}
		in.Values = append(in.Values, value)
		if p.s.tok.is(')') {
			return in, p.s.next()
		}
		if err := p.s.expect(',', "or ) in the list"); err != nil {
			return nil, err
		}
	}
}

// call reads name(property,value); the current token is the parenthesis.
func (p *parser) call(name token) (Condition, error) {
	match := slices.Index([]string{"contains", "startswith", "endswith"}, name.text)
	compare := slices.Index([]string{"equalnull", "greaterequalnull", "lessequalnull"}, name.text)
	if match < 0 && compare < 0 {
		return nil, p.s.unsupported(name, "the functions are contains, startswith, endswith, equalnull, lessequalnull and greaterequalnull")
	}
	if err := p.s.next(); err != nil {
		return nil, err
	}
	first := p.s.tok
	if first.kind != word {
		return nil, p.s.failExpect(first.pos, "expected "+name.text+"(property,value)", "%s is not the name of a property", first.describe())
	}
	if err := p.s.next(); err != nil {
		return nil, err
	}
	if p.s.tok.is('(') {
		return nil, p.s.unsupported(first, "expected "+name.text+"(property,value)")
	}
	prop, err := p.s.property(first)
	if err != nil {
		return nil, err
	}
	if err := p.s.expect(',', "after "+prop.String()); err != nil {
		return nil, err
	}
	value, err := p.s.literal()
	if err != nil {
		return nil, err
	}
	if err := p.s.expect(')', "after the value"); err != nil {
		return nil, err
	}
	if compare >= 0 {
		if value.Kind == Null {
			return nil, p.s.failExpect(value.Pos, "expected a value that is not null", "%s holds for null anyway", name.text)
		}
		return Compare{Property: prop, Op: Operator(compare), Value: value, OrNull: true}, nil
	}
	if value.Kind != String {
		return nil, p.s.failExpect(value.Pos, "expected 'text' in single quotes", "%s searches in texts, not for %s", name.text, value.Kind)
	}
	return Match{Function: Function(match), Property: prop, Text: value.Text}, nil
}

// property reads a word as a path of names.
func (s *scanner) property(t token) (Property, error) {
	names := strings.Split(t.text, "/")
	for _, n := range names {
		if n == "$count" {
			return Property{}, s.failExpect(t.pos, "ask for Set/$count", "$count is not offered in an expression")
		}
		if !isName(n) {
			return Property{}, s.failExpect(t.pos, "expected a name, or names joined by /", "%s is not the name of a property", show(t.text))
		}
	}
	if len(names) > MaxPropertyPath {
		return Property{}, s.fail(t.pos, "the path %s has more than %d names", show(t.text), MaxPropertyPath)
	}
	return Property{Names: names, Pos: t.pos}, nil
}

// notOffered are the operators and functions of OData 4.0 that the API does
// not offer, with what to use instead.
var notOffered = map[string]string{
	"or":      "use Property in (…) for several values of one property, or ask twice",
	"not":     "say what the rows have, not what they lack",
	"ne":      "use in (…) with the other values, or filter the rows you get",
	"gt":      "use ge, which includes the value itself",
	"lt":      "use le, which includes the value itself",
	"has":     "use eq or in (…)",
	"add":     "compute the value before you ask",
	"sub":     "compute the value before you ask",
	"mul":     "compute the value before you ask",
	"div":     "compute the value before you ask",
	"divby":   "compute the value before you ask",
	"mod":     "compute the value before you ask",
	"any":     "ask the set of the lines itself, for example Crm_Sales_SalesOrderLines, and filter there",
	"all":     "ask the set of the lines itself, for example Crm_Sales_SalesOrderLines, and filter there",
	"year":    "use ge and le with the first and the last day",
	"month":   "use ge and le with the first and the last day",
	"day":     "use ge and le with the first and the last day",
	"date":    "compare the property itself: times of business dates are left out anyway",
	"tolower": "contains, startswith and endswith, or $search, may be what you need",
	"toupper": "contains, startswith and endswith, or $search, may be what you need",
	"now":     "write the time as a value",
}

// unsupported refuses a word in the place of an operator or function.
func (s *scanner) unsupported(t token, otherwise string) error {
	name := t.text
	if i := strings.LastIndexByte(name, '/'); i >= 0 && notOffered[name[i+1:]] != "" {
		name = name[i+1:]
	}
	if advice := notOffered[name]; advice != "" {
		return s.failExpect(t.pos, advice, "%s is not supported", name)
	}
	if lower := strings.ToLower(name); lower != name && slices.Contains([]string{"eq", "ge", "le", "in", "and"}, lower) {
		return s.failExpect(t.pos, "write "+lower, "operators are written in lower case")
	}
	return s.failExpect(t.pos, otherwise, "%s is not known here", show(t.text))
}
