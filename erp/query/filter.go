package query

import (
	"strings"

	"github.com/google/uuid"

	"github.com/hybridapps/tandem/api/odata"
	"github.com/hybridapps/tandem/erp/model"
)

// Expr is a condition of a filter: [And], *[Compare], *[In], *[Match] or
// *[RefContains].
type Expr interface{ expr() }

// And is true when all of its parts are; an empty And is true.
type And []Expr

// Compare compares the value at a path. A null at the path makes it false,
// unless OrNull is set (equalnull, lessequalnull, greaterequalnull) or Value
// is null (eq null). Fold is for strings: they are the same when [model.SameText]
// says so, as callers mean it; without it they are compared as they are stored,
// which is how keys tell rows.
type Compare struct {
	Path   *model.Path
	Op     odata.Operator
	Value  model.Value
	OrNull bool
	Fold   bool
}

// In is true when the value at the path is one of Values. An empty list is
// false. Fold is that of [Compare].
type In struct {
	Path   *model.Path
	Values []model.Value
	Fold   bool
}

// Match is a string function on the value at a path. Strings are compared as
// [model.FoldCase] makes them; Contains of a multilanguage string finds the text in
// any language, as [model.FoldText] makes it.
type Match struct {
	Path *model.Path
	Func odata.Function
	Text string
}

// RefContains is contains(Reference,'x'): the referenced row is found by
// $search for Text.
type RefContains struct {
	Path *model.Path
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

// Equal is the condition that a property of the rows has the value; a null
// value means that it has none.
func Equal(p *model.Property, v model.Value) Expr {
	return &Compare{Path: &model.Path{Property: p}, Value: v}
}

// Contains is the condition that the text at a path has a part.
func Contains(path *model.Path, text string) Expr {
	return &Match{Path: path, Func: odata.Contains, Text: text}
}

// filter resolves conditions, all of which must hold.
func (r resolver) filter(set *model.Set, conditions []odata.Condition) (Expr, error) {
	if len(conditions) == 0 {
		return nil, nil
	}
	all := make(And, 0, len(conditions))
	for _, c := range conditions {
		x, err := r.condition(set, c)
		if err != nil {
			return nil, err
		}
		all = append(all, x)
	}
	return all, nil
}

func (r resolver) condition(set *model.Set, c odata.Condition) (Expr, error) {
	switch c := c.(type) {
	case odata.Compare:
		path, err := r.path(set, c.Property)
		if err != nil {
			return nil, err
		}
		return compare(set, path, c)
	case odata.In:
		path, err := r.path(set, c.Property)
		if err != nil {
			return nil, err
		}
		return in(set, path, c.Values)
	case odata.Match:
		path, err := r.path(set, c.Property)
		if err != nil {
			return nil, err
		}
		if ref := path.Property; ref.IsReference() { // looks into the row it refers to
			if err := r.enter(ref.Target); err != nil {
				return nil, err
			}
			if err := r.searched(ref.Target); err != nil {
				return nil, err
			}
		}
		return match(set, path, c)
	}
	return nil, invalid("$filter has a condition that is not known.")
}

// compare checks that the model allows a comparison, and gives its constant the
// property's type.
func compare(s *model.Set, path *model.Path, c odata.Compare) (Expr, error) {
	p, op, lit, orNull := path.Property, c.Op, c.Value, c.OrNull
	if lit.Kind == odata.Null {
		if op != odata.Equal {
			return nil, invalid("%s: %s %s null is never true; only eq works with null.", s.Name, path, op)
		}
		if p.Kind != model.KindReference && p.Can&(model.CanEq|model.CanIn|model.CanRange) == 0 {
			return nil, notFilterable(s, path, "eq")
		}
		return &Compare{Path: path, Value: model.NullValue}, nil
	}
	switch {
	case p.IsReference() && op == odata.Equal:
	case op == odata.Equal && p.Can&(model.CanEq|model.CanIn) != 0:
	case op != odata.Equal && p.Can&model.CanRange != 0:
	default:
		return nil, notFilterable(s, path, op.String())
	}
	v, never, err := literal(s, path, op, lit)
	if err != nil {
		return nil, err
	}
	if never {
		if orNull {
			return &Compare{Path: path, Value: model.NullValue}, nil
		}
		return &In{Path: path}, nil
	}
	return &Compare{Path: path, Op: op, Value: v, OrNull: orNull, Fold: p.Kind == model.KindString}, nil
}

// in is the same for `path in (literals)`.
func in(s *model.Set, path *model.Path, lits []odata.Literal) (Expr, error) {
	p := path.Property
	if !p.IsReference() && p.Can&model.CanIn == 0 {
		return nil, notFilterable(s, path, "in")
	}
	list := &In{Path: path, Values: make([]model.Value, 0, len(lits)), Fold: p.Kind == model.KindString}
	for _, lit := range lits {
		v, never, err := literal(s, path, odata.Equal, lit)
		if err != nil {
			return nil, err
		}
		if !never {
			list.Values = append(list.Values, v)
		}
	}
	return list, nil
}

// match is the same for a text function; on a reference only contains works.
func match(s *model.Set, path *model.Path, c odata.Match) (Expr, error) {
	f, text := c.Function, c.Text
	if err := model.CheckText(s, path.String(), text); err != nil {
		return nil, err
	}
	p := path.Property
	switch {
	case p.IsReference():
		if f != odata.Contains {
			return nil, notFilterable(s, path, f.String())
		}
		if n := len(model.SearchWords(text)); n > model.MaxWords {
			return nil, invalid("%s: contains(%s,…) has %d words; at most %d are allowed.", s.Name, path, n, model.MaxWords)
		}
		return &RefContains{Path: path, Text: text}, nil
	case p.Kind == model.KindMultiLanguage && f == odata.Contains:
	case p.Kind == model.KindString && p.Can&model.CanLike != 0:
	default:
		return nil, notFilterable(s, path, f.String())
	}
	return &Match{Path: path, Func: f, Text: text}, nil
}

// order makes a key of $orderby.
func order(s *model.Set, path *model.Path, descending bool) (Order, error) {
	if path.Property.Can&model.CanOrder == 0 {
		return Order{}, invalid("%s: $orderby %s is not supported; %s", s.Name, path, orderable(path.Owner(s)))
	}
	return Order{Path: path, Descending: descending}, nil
}

func orderable(s *model.Set) string {
	var names []string
	for _, p := range s.Properties {
		if p.Can&model.CanOrder != 0 {
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
func literal(s *model.Set, path *model.Path, op odata.Operator, lit odata.Literal) (v model.Value, never bool, err error) {
	p := path.Property
	wrong := func(want string) (model.Value, bool, error) {
		return model.Value{}, false, invalid("%s: %s needs %s, not %s.", s.Name, path, want, model.Shown(lit.Text))
	}
	switch p.Kind {
	case model.KindReference:
		if lit.Kind != odata.String {
			return wrong("a quoted reference like '" + p.Target.Name + "(id)'")
		}
		id, _, err := s.Model().ParseReference(p, lit.Text)
		return model.TextValue(id), false, err
	case model.KindString, model.KindMultiLanguage:
		if lit.Kind != odata.String {
			return wrong("a quoted text")
		}
		return model.TextValue(lit.Text), false, model.CheckText(s, path.String(), lit.Text)
	case model.KindGUID:
		id, err := uuid.Parse(lit.Text)
		if (lit.Kind != odata.GUID && lit.Kind != odata.String) || err != nil || len(lit.Text) != 36 {
			return wrong("a GUID")
		}
		return model.TextValue(id.String()), false, nil
	case model.KindBool:
		if lit.Kind != odata.Bool {
			return wrong("true or false")
		}
		return model.BoolValue(lit.Text == "true"), false, nil
	case model.KindEnum:
		n, ok := p.Enum.Member(lit.Text)
		if (lit.Kind != odata.String && lit.Kind != odata.Enum) || !ok || lit.Type != "" && lit.Type != odata.Namespace+"."+p.Enum.Name {
			return wrong("one of " + p.Enum.Names() + " in quotes")
		}
		return model.IntValue(n), false, nil
	case model.KindDate, model.KindDateTime:
		if lit.Kind != odata.Date && lit.Kind != odata.Time && lit.Kind != odata.String {
			return wrong("a date like 2026-01-31 or 2026-01-31T09:55:00Z")
		}
		v, err := p.ParseTime(lit.Text)
		if err != nil {
			return wrong("a date like 2026-01-31 or 2026-01-31T09:55:00Z")
		}
		if !p.KeepTime {
			v = model.DayOf(v)
		}
		return v, false, nil
	}
	if lit.Kind != odata.Number {
		return wrong("a number")
	}
	n, exact, err := model.FloorDecimal(lit.Text, p.Scale)
	if err != nil {
		return model.Value{}, false, invalid("%s: %s: %s", s.Name, path, err)
	}
	if !exact && op == odata.Equal {
		return model.Value{}, true, nil
	}
	if !exact && op == odata.GreaterOrEqual {
		n++
	}
	return model.IntValue(n), false, nil
}

func notFilterable(s *model.Set, path *model.Path, what string) error {
	p := path.Property
	var can []string
	switch {
	case p.IsReference():
		can = []string{"eq", "in", "contains"}
	case p.Kind == model.KindMultiLanguage:
		can = []string{"contains"}
	}
	if p.Can&(model.CanEq|model.CanIn) != 0 {
		can = append(can, "eq")
	}
	if p.Can&model.CanIn != 0 {
		can = append(can, "in")
	}
	if p.Can&model.CanRange != 0 {
		can = append(can, "ge", "le")
	}
	if p.Can&model.CanLike != 0 {
		can = append(can, "contains", "startswith", "endswith")
	}
	if len(can) == 0 {
		return invalid("%s: %s cannot be used in a filter.", s.Name, path)
	}
	return invalid("%s: %s cannot be filtered with %s; it supports %s.", s.Name, path, what, strings.Join(can, ", "))
}

// AtLeast is the condition that a number or time of the rows is the value or greater,
// AtMost that it is the value or less.
func AtLeast(p *model.Property, v model.Value) Expr {
	return &Compare{Path: &model.Path{Property: p}, Op: odata.GreaterOrEqual, Value: v}
}

// AtMost is told of at [AtLeast].
func AtMost(p *model.Property, v model.Value) Expr {
	return &Compare{Path: &model.Path{Property: p}, Op: odata.LessOrEqual, Value: v}
}
