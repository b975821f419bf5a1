package odata

import (
	"strconv"
)

// parser reads the options of one request; it counts across them.
type parser struct {
	s                    *scanner
	conditions, expanded int
}

// selection reads the list of $select.
func (p *parser) selection() (Select, error) {
	var sel Select
	seen := map[string]bool{}
	for {
		t := p.s.tok
		switch {
		case t.is('*'), t.kind == word && t.text == "default":
			sel.Default = true
			if err := p.s.next(); err != nil {
				return sel, err
			}
		case t.kind == word:
			if err := p.s.next(); err != nil {
				return sel, err
			}
			prop, err := p.s.property(t)
			if err != nil {
				return sel, err
			}
			if len(prop.Names) > 2 {
				return sel, p.s.failExpect(t.pos, "use $expand="+prop.Names[0]+"($select="+prop.Names[1]+")", "%s cannot be selected from here",
					show(t.text))
			}
			if seen[t.text] {
				break
			}
			if seen[t.text] = true; len(seen) > MaxNames {
				return sel, p.s.fail(t.pos, "there are more than %d names", MaxNames)
			}
			sel.Names = append(sel.Names, prop)
		default:
			return sel, p.s.failExpect(t.pos, "expected the name of a property, default or *", "%s cannot stand here", t.describe())
		}
		if !p.s.tok.is(',') {
			return sel, nil
		}
		if err := p.s.next(); err != nil {
			return sel, err
		}
	}
}

// orderBy reads keys, each with asc, desc or neither.
func (p *parser) orderBy() ([]Order, error) {
	var keys []Order
	for {
		t := p.s.tok
		if t.kind != word {
			return nil, p.s.failExpect(t.pos, "expected the name of a property", "%s cannot stand here", t.describe())
		}
		if err := p.s.next(); err != nil {
			return nil, err
		}
		prop, err := p.s.property(t)
		if err != nil {
			return nil, err
		}
		if len(keys) == MaxOrderBy {
			return nil, p.s.fail(t.pos, "there are more than %d keys", MaxOrderBy)
		}
		key := Order{Property: prop}
		if d := p.s.tok; d.kind == word {
			if d.text != "asc" && d.text != "desc" {
				return nil, p.s.failExpect(d.pos, "expected asc, desc, a comma or the end", "%s cannot stand here", d.describe())
			}
			key.Descending = d.text == "desc"
			if err := p.s.next(); err != nil {
				return nil, err
			}
		}
		keys = append(keys, key)
		if !p.s.tok.is(',') {
			return keys, nil
		}
		if err := p.s.next(); err != nil {
			return nil, err
		}
	}
}

// expands reads navigation properties, with nested options in parentheses.
func (p *parser) expands(depth int) ([]Expand, error) {
	var all []Expand
	for {
		t := p.s.tok
		if t.is('*') {
			return nil, p.s.failExpect(t.pos, "name the navigation properties", "* cannot be expanded")
		}
		if t.kind != word || !isName(t.text) {
			return nil, p.s.failExpect(t.pos, "expected the name of a navigation property; nest with Name($expand=Name)",
				"%s cannot be expanded", t.describe())
		}
		if depth > MaxExpandDepth {
			return nil, p.s.fail(t.pos, "$expand nests deeper than %d", MaxExpandDepth)
		}
		if p.expanded++; p.expanded > MaxExpands {
			return nil, p.s.fail(t.pos, "there are more than %d expansions", MaxExpands)
		}
		for _, e := range all {
			if e.Name == t.text {
				return nil, p.s.fail(t.pos, "%s is expanded twice", t.text)
			}
		}
		x := Expand{Name: t.text, Pos: t.pos, Select: Select{Default: true}}
		if err := p.s.next(); err != nil {
			return nil, err
		}
		if p.s.tok.is('(') {
			if err := p.nested(&x, depth); err != nil {
				return nil, err
			}
		}
		all = append(all, x)
		if !p.s.tok.is(',') {
			return all, nil
		}
		if err := p.s.next(); err != nil {
			return nil, err
		}
	}
}

// nested reads ($option=…;$option=…); the current token is the parenthesis.
func (p *parser) nested(x *Expand, depth int) error {
	seen := map[string]bool{}
	for {
		if err := p.s.next(); err != nil { // ( or ;
			return err
		}
		t := p.s.tok
		if t.kind != word {
			return p.s.failExpect(t.pos, "expected one of "+nestedOptions, "%s cannot stand here", t.describe())
		}
		if seen[t.text] {
			return p.s.fail(t.pos, "the option %s is given twice", t.text)
		}
		seen[t.text] = true
		if err := p.s.next(); err != nil {
			return err
		}
		if err := p.s.expect('=', "after "+show(t.text)); err != nil {
			return err
		}
		var err error
		switch t.text {
		case "$select":
			x.Select, err = p.selection()
		case "$expand":
			x.Expand, err = p.expands(depth + 1)
		case "$filter":
			x.Filter, err = p.filter(0)
		case "$orderby":
			x.OrderBy, err = p.orderBy()
		case "$top":
			if x.Top, err = p.integer(MaxTop); err == nil && x.Top == 0 {
				err = p.s.failExpect(t.pos, "leave out the expansion", "$top=0 expands nothing")
			}
		default:
			err = p.s.failExpect(t.pos, "expected one of "+nestedOptions, "%s is not offered inside $expand", show(t.text))
		}
		if err != nil {
			return err
		}
		if p.s.tok.is(';') {
			continue
		}
		return p.s.expect(')', "to close the options of "+x.Name)
	}
}

const nestedOptions = "$select, $expand, $filter, $orderby, $top"

// integer reads a whole number from 0 to most.
func (p *parser) integer(most int) (int, error) {
	t := p.s.tok
	n, err := strconv.Atoi(t.text)
	if t.kind != word || err != nil || !isDigits(t.text) {
		return 0, p.s.failExpect(t.pos, "expected a whole number from 0 to "+strconv.Itoa(most), "%s is not a whole number", t.describe())
	}
	if n > most {
		return 0, p.s.failExpect(t.pos, "page on with the @odata.nextLink of each answer", "%d is more than %d", n, most)
	}
	return n, p.s.next()
}

func (p *parser) boolean() (bool, error) {
	t := p.s.tok
	if t.kind != word || t.text != "true" && t.text != "false" {
		return false, p.s.failExpect(t.pos, "expected true or false", "%s cannot stand here", t.describe())
	}
	return t.text == "true", p.s.next()
}
