package write

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/permission"
)

// value gives what a caller sent for the property the property's type.
func (c *Change) value(p *model.Property, v any, bind bool) (model.Value, error) {
	s := c.Record.Set
	if p.IsReference() {
		return c.w.reference(s, p, v, bind)
	}
	if v == nil {
		return model.NullValue, nil
	}
	wrong := func(want string) (model.Value, error) {
		return model.Value{}, invalid("%s: %s needs %s.", s.Name, p.Name, want)
	}
	switch p.Kind {
	case model.KindString:
		text, ok := v.(string)
		if !ok {
			return wrong("a text")
		}
		return model.TextValue(text), p.CheckLength(s, text)
	case model.KindMultiLanguage:
		o, ok := v.(*Object)
		if !ok {
			return wrong(`an object like {"EN":"text"}`)
		}
		stored, err := parseLanguages(s, p, o)
		return model.Value{Text: stored, Null: stored == ""}, err
	case model.KindBool:
		b, ok := v.(bool)
		if !ok {
			return wrong("true or false")
		}
		return model.BoolValue(b), nil
	case model.KindInt:
		n, ok := wholeNumber(v)
		if !ok {
			return wrong("a whole number")
		}
		return model.IntValue(n), nil
	case model.KindDecimal:
		return number(s, p, v)
	case model.KindAmount, model.KindQuantity:
		return c.measured(p, v)
	case model.KindDate, model.KindDateTime:
		text, _ := v.(string)
		v, err := p.ParseTime(text)
		if err != nil {
			return wrong("a time like 2026-01-31T09:55:00Z")
		}
		return v, nil
	case model.KindGUID:
		text, _ := v.(string)
		id, err := uuid.Parse(text)
		if err != nil || len(text) != 36 {
			return wrong("a GUID")
		}
		return model.TextValue(id.String()), nil
	case model.KindEnum:
		text, _ := v.(string)
		n, ok := p.Enum.Member(text)
		if !ok {
			return wrong("one of " + p.Enum.Names())
		}
		return model.IntValue(n), nil
	}
	return wrong("another type")
}

// number reads a decimal: a JSON number, or a text with one.
func number(s *model.Set, p *model.Property, v any) (model.Value, error) {
	var text string
	switch v := v.(type) {
	case json.Number:
		text = v.String()
	case string:
		text = v
	default:
		return model.Value{}, invalid("%s: %s needs a number.", s.Name, p.Name)
	}
	n, err := model.RoundDecimal(text, p.Scale)
	if err != nil {
		return model.Value{}, invalid("%s: %s: %s.", s.Name, p.Name, err)
	}
	return model.IntValue(n), nil
}

// measured reads an Amount or a Quantity. Its code assigns the unit when the
// reference to that is in the same row; else it must be the effective one,
// which is checked when the row is complete.
func (c *Change) measured(p *model.Property, v any) (model.Value, error) {
	s := c.Record.Set
	unit := p.UnitName()
	o, ok := v.(*Object)
	if !ok {
		return model.Value{}, invalid(`%s: %s needs an object like {"Value":1.5,"%s":"…"}.`, s.Name, p.Name, unit)
	}
	var sent, code any
	for _, m := range o.Members {
		switch m.Name {
		case "Value":
			sent = m.Value
		case unit:
			code = m.Value
		default:
			if !strings.Contains(m.Name, "@odata.") {
				return model.Value{}, invalid("%s: %s has no %q; it has Value and %s.", s.Name, p.Name, model.Shown(m.Name), unit)
			}
		}
	}
	value, err := number(s, p, sent)
	if err != nil || code == nil {
		return value, err
	}
	text, ok := code.(string)
	if !ok {
		return model.Value{}, invalid("%s: the %s of %s must be a text.", s.Name, unit, p.Name)
	}
	if len(p.Unit) > 1 {
		c.units = append(c.units, unitCheck{p, text})
		return value, nil
	}
	r := p.Unit[0]
	if err := c.permittedCode(r, text); err != nil {
		return model.Value{}, err
	}
	e, err := c.w.byCode(r.Target, text)
	if err != nil {
		return model.Value{}, err
	}
	if e.ID == "" {
		return model.Value{}, broken(s, `%s: there is no %s %q; create it first, or use an existing code.`, p.Name, strings.ToLower(unit),
			model.Shown(text))
	}
	if now := c.Values[r.Index]; (c.given[r.Index] || c.byUnit[r.Index]) && now.Text != e.ID {
		return model.Value{}, broken(s, "the %s of %s and %s disagree; send one of them, or make them agree.", strings.ToLower(unit), p.Name,
			r.Name)
	}
	if err := c.permittedValue(r, model.TextValue(e.ID)); err != nil {
		return model.Value{}, err
	}
	c.Values[r.Index] = model.TextValue(e.ID)
	c.byUnit[r.Index] = true
	return value, nil
}

// permittedCode refuses a code of a unit or currency where the actor may not look for one,
// as for every other reference. The one that is there may be sent back.
func (c *Change) permittedCode(r *model.Property, code string) error {
	if c.w.reads(r.Target) {
		return nil
	}
	if unit, err := c.Ref(r.Name); err != nil {
		return err
	} else if unit != nil && equalCode(unit.Get(r.Target.Code.Property).Text, code) {
		return nil
	}
	return r.Target.Permit(c.w.by.Granted, permission.Read)
}

// parseLanguages reads what a caller sent for the property.
func parseLanguages(s *model.Set, p *model.Property, o *Object) (string, error) {
	languages, pairs := make([]string, 0, len(o.Members)), make([]string, 0, 2*len(o.Members))
	for _, m := range o.Members {
		if strings.Contains(m.Name, "@odata.") {
			continue
		}
		text, isText := m.Value.(string)
		language, known := model.Language(m.Name)
		if !isText || !known {
			return "", invalid(`%s: %s is a multilanguage text; write it as {"EN":"text","DE":"Text"}.`, s.Name, p.Name)
		}
		if err := p.CheckLength(s, text); err != nil {
			return "", err
		}
		if slices.Contains(languages, language) {
			return "", invalid("%s: %s names the language %s twice.", s.Name, p.Name, language)
		}
		languages = append(languages, language)
		pairs = append(pairs, language, text)
	}
	if len(pairs) == 0 {
		return "", nil
	}
	return model.MultiLanguage(pairs...), nil
}

// wholeNumber reads an integer of JSON, in the range of 32 bits.
func wholeNumber(v any) (int64, bool) {
	number, ok := v.(json.Number)
	if !ok {
		return 0, false
	}
	n, exact, err := model.FloorDecimal(number.String(), 0)
	return n, err == nil && exact && n >= -1<<31 && n < 1<<31
}
