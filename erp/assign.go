package erp

import (
	"encoding/json"
	"fmt"
	"strings"
)

// applyAll assigns the members of an object in their order, settles the row,
// and then does the same with the children that came with it.
func (c *Change) applyAll(o *Object, action string) error {
	s := c.Record.Set
	type collection struct {
		child *Child
		list  []any
	}
	var collections []collection
	for _, m := range o.Members {
		if child := s.childs[m.Name]; child != nil {
			list, ok := m.Value.([]any)
			if !ok {
				return invalid("%s: %s must be an array of objects.", s.Name, m.Name)
			}
			if len(list) > MaxLines {
				return invalid("%s: %s has %d objects; at most %d fit in one request.", s.Name, m.Name, len(list), MaxLines)
			}
			collections = append(collections, collection{child, list})
			continue
		}
		if err := c.assign(m); err != nil {
			return err
		}
	}
	if err := c.checkVersion(); err != nil {
		return err
	}
	if err := c.settle(); err != nil {
		return err
	}
	for _, l := range collections {
		for i, v := range l.list {
			line, ok := v.(*Object)
			if !ok {
				return invalid("%s: %s[%d] is not an object.", s.Name, l.child.Name, i)
			}
			if err := c.applyChild(l.child, line, i, action); err != nil {
				return prefix(err, fmt.Sprintf("%s[%d]: ", l.child.Name, i))
			}
		}
	}
	return nil
}

// applyChild writes one object of a child collection: found within its owner
// it is changed, else created. In a merge, lines without a LineNo are taken to
// be lines 10, 20, 30 …, the numbers that the first merge gave them, so that a
// repeated import finds them again.
func (c *Change) applyChild(child *Child, o *Object, position int, parentAction string) error {
	s := child.Set
	action, err := actionOf(s, o, actionMerge)
	if err != nil {
		return err
	}
	number := s.byName["LineNo"]
	if _, has := o.Get("LineNo"); number != nil && !has && parentAction == actionMerge && action == actionMerge && !c.New {
		if by, err := criterionOf(s, o); err == nil && by == nil {
			numbered := &Object{Members: append(append([]Member{}, o.Members...),
				Member{"LineNo", json.Number(fmt.Sprint((position + 1) * 10))})}
			o = numbered
		}
	}
	if action != actionCreate {
		found, by, err := c.w.find(s, o, c)
		if err != nil {
			return err
		}
		switch {
		case len(found) > 0:
			return c.changeChild(child, found[0], o, action)
		case action != actionMerge && action != actionFindOrCreate:
			return broken(s, fmt.Sprintf("Object not found: %s, action: %s, findBy: %s.", s.Name, action, by))
		}
	}
	line, err := c.w.newChange(s, o, c)
	if err != nil {
		return err
	}
	return line.applyAll(o, actionCreate)
}

func (c *Change) changeChild(child *Child, e Entity, o *Object, action string) error {
	for _, other := range c.children {
		if other.ID == e.ID {
			return broken(child.Set, "the same row is given twice in one request: "+e.String()+".")
		}
	}
	switch action {
	case actionUpdate, actionMerge:
	case actionDelete:
		if err := c.guard(); err != nil {
			return err
		}
		c.forced = true
		delete(c.w.records, e.ID)
		return c.w.tx.Remove(child.Set, e.ID)
	default:
		return nil
	}
	r, err := c.w.tx.Load(child.Set, e.ID, true)
	if err != nil {
		return err
	}
	line := c.w.change(r, false)
	line.owner = c
	c.children = append(c.children, line)
	return line.applyAll(o, action)
}

// assign gives one member to the row.
func (c *Change) assign(m Member) error {
	s := c.Record.Set
	name, bind := strings.CutSuffix(m.Name, "@odata.bind")
	if !bind && strings.Contains(name, "@") {
		if strings.HasPrefix(name, "@erpnet.") && name != "@erpnet.action" && name != "@erpnet.findBy" {
			return invalid("%s: %q is unknown; use @erpnet.action and @erpnet.findBy.", s.Name, clip(name))
		}
		return nil // annotations say nothing about the row's own data
	}
	p := s.byName[name]
	switch {
	case p == nil:
		return unknownProperty(s, name)
	case bind && !p.IsReference():
		return invalid("%s: %s is not a reference, so it has no @odata.bind.", s.Name, name)
	case p == s.id:
		return c.assignID(m.Value)
	case p.Name == "ObjectVersion":
		n, ok := wholeNumber(m.Value)
		if !ok || c.New {
			return invalid("%s: ObjectVersion is a number that the server keeps; send it in an update, as it was read.", s.Name)
		}
		c.version = &n
		return nil
	case !p.Stored():
		return readOnly(s, p)
	}
	v, err := c.value(p, m.Value, bind)
	if err != nil {
		return err
	}
	if p.ReadOnly || p.CreateOnly && !c.New || p == s.Owner {
		if v.Equal(c.Values[p.Index]) {
			return nil // what was read may be sent back
		}
		return readOnly(s, p)
	}
	if c.byUnit[p.Index] && !v.Equal(c.Values[p.Index]) {
		return broken(s, p.Name+" and the code of a value disagree; send one of them, or make them agree.")
	}
	c.Values[p.Index] = v
	c.given[p.Index] = true
	return nil
}

func (c *Change) assignID(v any) error {
	text, _ := v.(string)
	if c.New || strings.EqualFold(text, c.ID) {
		return nil // newChange took it
	}
	return invalid("%s: Id cannot be changed.", c.Record.Set.Name)
}

func readOnly(s *Set, p *Property) error {
	how := ""
	switch {
	case s.Document && p.Name == "State":
		how = "; use the action ChangeState"
	case s.Document && strings.HasPrefix(p.Name, "Void"):
		how = "; use the action MakeVoid"
	case p.CreateOnly || p == s.Owner:
		how = " after the row was created"
	}
	return invalid("%s: %s is read-only%s.", s.Name, p.Name, how)
}

// value gives what a caller sent for the property the property's type.
func (c *Change) value(p *Property, v any, bind bool) (Value, error) {
	s := c.Record.Set
	if p.IsReference() {
		return c.w.reference(s, p, v, bind)
	}
	if v == nil {
		return NullValue, nil
	}
	wrong := func(want string) (Value, error) {
		return Value{}, invalid("%s: %s needs %s.", s.Name, p.Name, want)
	}
	switch p.Kind {
	case KindString:
		text, ok := v.(string)
		if !ok {
			return wrong("a text")
		}
		return TextValue(text), p.checkLength(s, text)
	case KindMultiLanguage:
		o, ok := v.(*Object)
		if !ok {
			return wrong(`an object like {"EN":"text"}`)
		}
		stored, err := parseLanguages(s, p, o)
		return Value{Text: stored, Null: stored == ""}, err
	case KindBool:
		b, ok := v.(bool)
		if !ok {
			return wrong("true or false")
		}
		return BoolValue(b), nil
	case KindInt:
		n, ok := wholeNumber(v)
		if !ok {
			return wrong("a whole number")
		}
		return IntValue(n), nil
	case KindDecimal:
		return p.number(s, v)
	case KindAmount, KindQuantity:
		return c.measured(p, v)
	case KindDate, KindDateTime:
		text, _ := v.(string)
		t, err := ParseTime(text)
		if err != nil {
			return wrong("a time like 2026-01-31T09:55:00Z")
		}
		if p.Kind == KindDate {
			t = day(t)
		}
		return IntValue(t.UnixMicro()), nil
	case KindEnum:
		text, _ := v.(string)
		n, ok := p.Enum.Member(text)
		if !ok {
			return wrong("one of " + p.Enum.names())
		}
		return IntValue(n), nil
	}
	return wrong("another type")
}

// number reads a decimal: a JSON number, or a text with one.
func (p *Property) number(s *Set, v any) (Value, error) {
	var text string
	switch v := v.(type) {
	case json.Number:
		text = v.String()
	case string:
		text = v
	default:
		return Value{}, invalid("%s: %s needs a number.", s.Name, p.Name)
	}
	n, err := scaledRound(text, p.Scale)
	if err != nil {
		return Value{}, invalid("%s: %s: %s.", s.Name, p.Name, err)
	}
	return IntValue(n), nil
}

// measured reads an Amount or a Quantity. Its code assigns the unit when the
// reference to that is in the same row; else it must be the effective one,
// which is checked when the row is complete.
func (c *Change) measured(p *Property, v any) (Value, error) {
	s := c.Record.Set
	unit := "Currency"
	if p.Kind == KindQuantity {
		unit = "Unit"
	}
	o, ok := v.(*Object)
	if !ok {
		return Value{}, invalid(`%s: %s needs an object like {"Value":1.5,"%s":"…"}.`, s.Name, p.Name, unit)
	}
	var number, code any
	for _, m := range o.Members {
		switch m.Name {
		case "Value":
			number = m.Value
		case unit:
			code = m.Value
		default:
			if !strings.HasPrefix(m.Name, "@") {
				return Value{}, invalid("%s: %s has no %q; it has Value and %s.", s.Name, p.Name, clip(m.Name), unit)
			}
		}
	}
	value, err := p.number(s, number)
	if err != nil || code == nil {
		return value, err
	}
	text, ok := code.(string)
	if !ok {
		return Value{}, invalid("%s: the %s of %s must be a text.", s.Name, unit, p.Name)
	}
	if len(p.Unit) > 1 {
		c.units = append(c.units, unitCheck{p, text})
		return value, nil
	}
	r := p.Unit[0]
	e, err := c.w.byCode(r.Target, text)
	if err != nil {
		return Value{}, err
	}
	if e.ID == "" {
		return Value{}, broken(s, fmt.Sprintf(`%s: there is no %s %q; create it first, or use an existing code.`, p.Name, strings.ToLower(unit), clip(text)))
	}
	if now := c.Values[r.Index]; (c.given[r.Index] || c.byUnit[r.Index]) && now.Text != e.ID {
		return Value{}, broken(s, fmt.Sprintf("the %s of %s and %s disagree; send one of them, or make them agree.", strings.ToLower(unit), p.Name, r.Name))
	}
	c.Values[r.Index] = TextValue(e.ID)
	c.byUnit[r.Index] = true
	return value, nil
}

// byCode finds a currency or unit by its code; of units the case does not
// matter where no unit has it exactly.
func (w *Writer) byCode(s *Set, code string) (Entity, error) {
	if err := checkText(s, s.Code.String(), code); err != nil {
		return Entity{}, err
	}
	key := "code " + s.Name + "|" + clip(code)
	if e, ok := w.lookups[key]; ok && len(code) <= 80 {
		return e, nil
	}
	for _, spelling := range [...]string{code, strings.ToLower(code), strings.ToUpper(code)} {
		found, err := w.tx.Find(&Query{Set: s, Limit: 1, Where: &Compare{Path: s.Code, Op: Eq, Value: TextValue(spelling)}})
		if err != nil {
			return Entity{}, err
		}
		if len(found) > 0 {
			w.remember(key, found[0])
			return found[0], nil
		}
	}
	return Entity{}, nil
}

func equalCode(a, b string) bool { return strings.EqualFold(a, b) }

// reference reads the three forms of a reference: {"@odata.id":"Set(guid)"},
// @odata.bind, and an object to be found or written first.
func (w *Writer) reference(s *Set, p *Property, v any, bind bool) (Value, error) {
	if v == nil {
		return NullValue, nil
	}
	if text, isText := v.(string); isText && bind {
		return w.link(p, text)
	}
	o, ok := v.(*Object)
	if !ok || bind {
		return Value{}, invalid(`%s: %s is a reference; write it as {"@odata.id":"%s(id)"}.`, s.Name, p.Name, p.Target.Name)
	}
	if id, ok := o.Get("@odata.id"); ok && len(o.Members) == 1 {
		text, _ := id.(string)
		return w.link(p, text)
	}
	target, err := w.concrete(p.Target, o)
	if err != nil {
		return Value{}, prefix(err, p.Name+": ")
	}
	fallback := actionMerge
	if _, explicit := o.Get("@erpnet.findBy"); onlySearch(target, o) || explicit && onlyAnnotations(o) {
		fallback = actionFind
	}
	action, err := actionOf(target, o, fallback)
	if err != nil {
		return Value{}, err
	}
	if action == actionDelete {
		return Value{}, invalid("%s: %s cannot be deleted while it is referred to.", s.Name, p.Name)
	}
	outcome, err := w.perform(target, o, action)
	if err != nil {
		return Value{}, prefix(err, p.Name+": ")
	}
	if outcome.Entity.ID == "" {
		return NullValue, nil
	}
	return p.refer(outcome.Entity), nil
}

func onlyAnnotations(o *Object) bool {
	for _, m := range o.Members {
		if !strings.HasPrefix(m.Name, "@") {
			return false
		}
	}
	return true
}

// link points at an existing row.
func (w *Writer) link(p *Property, text string) (Value, error) {
	id, _, err := w.model.ParseReference(p, text)
	if err != nil {
		return Value{}, err
	}
	r, err := w.record(p.Target, id)
	if err != nil {
		return Value{}, prefix(err, p.Name+": ")
	}
	return p.refer(Entity{r.Set, id}), nil
}

// refer is the value of a reference to a row.
func (p *Property) refer(e Entity) Value {
	v := Value{Text: e.ID}
	if p.Polymorphic() {
		v.Int = e.Set.Discriminator
	}
	return v
}
