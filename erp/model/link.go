package model

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/hybridapps/tandem/internal/jsontext"
)

// New makes a model of declared sets. A mistake in a declaration panics: they
// are constants of the program, and a test makes the model.
func New(sets []SetDeclaration, renames []Rename) *Model {
	m := &Model{Renames: renames, sets: make(map[string]*Set, len(sets)), types: make(map[string]*Set, len(sets))}
	for _, d := range sets {
		m.Sets = append(m.Sets, d.Set)
	}
	slices.SortFunc(m.Sets, func(a, b *Set) int { return strings.Compare(a.Name, b.Name) })
	for _, s := range m.Sets {
		if m.sets[s.Name] != nil || m.types[s.Type] != nil {
			panic("model: " + s.Name + " is declared twice")
		}
		s.model = m
		m.sets[s.Name], m.types[s.Type] = s, s
	}
	for _, s := range m.Sets { // bases have no base themselves
		if s.decl.base != "" {
			s.inherit(m.must(s.decl.base))
		}
	}
	for _, s := range m.Sets {
		s.index()
	}
	for _, s := range m.Sets {
		s.linkReferences(m)
	}
	for _, s := range m.Sets {
		s.linkPaths(m)
	}
	for _, s := range m.Sets {
		if s.Base == nil {
			s.linkGuards()
		}
	}
	for _, s := range m.Sets {
		if s.Base != nil {
			s.linkGuards()
		}
	}
	for _, s := range m.Sets {
		s.linkReach()
	}
	m.linkReachFrom()
	for _, s := range m.Sets {
		s.check()
	}
	return m
}

// check looks for what would show only later, in a query.
func (s *Set) check() {
	for _, p := range s.Properties {
		switch {
		case p.Scale >= len(pow10):
			panic(fmt.Sprintf("model: %s.%s has more digits after the point than %d", s.Name, p.Name, len(pow10)-1))
		case len(p.Unit) > 0 && p.Unit[len(p.Unit)-1].Target.Code == nil:
			panic(fmt.Sprintf("model: the unit of %s.%s has no code", s.Name, p.Name))
		}
	}
	if p := s.typeProperty; s.Base != nil && p.Enum.MemberName(s.Discriminator) == "" {
		panic(fmt.Sprintf("model: %s has no member for %s", p.Enum.Name, s.Name))
	}
}

func (s *Set) inherit(base *Set) {
	s.Base, s.Table = base, base.Table
	s.Properties = append(slices.Clone(base.Properties), s.Properties...)
	s.decl.children = append(slices.Clone(base.decl.children), s.decl.children...)
	s.decl.keys = append(slices.Clone(base.decl.keys), s.decl.keys...)
	base.Subtypes = append(base.Subtypes, s)
	if s.decl.code == "" {
		s.decl.code = base.decl.code
	}
	if s.decl.nameMember == "" {
		s.decl.nameMember = base.decl.nameMember
	}
	if s.decl.display == "" {
		s.decl.display = base.decl.display
	}
	if s.decl.search == nil {
		s.decl.search = base.decl.search
	}
}

func (s *Set) index() {
	s.byName = make(map[string]*Property, len(s.Properties))
	for i, p := range s.Properties {
		if s.byName[p.Name] != nil {
			panic("model: " + s.Name + " has " + p.Name + " twice")
		}
		s.byName[p.Name] = p
		if p.Set == nil && (s.Base == nil || s.Base.byName[p.Name] != p) {
			p.Set = s
		}
		if p.Column == "" {
			p.Column = snake(p.Name)
		}
		p.key = append(jsontext.AppendString(nil, p.Name), ':')
		p.Index = i // the same in the base, whose properties come first
	}
	s.id = s.byName["Id"]
}

func (s *Set) linkReferences(m *Model) {
	for _, p := range s.Properties {
		if p.decl.target != "" {
			p.Target = m.must(p.decl.target)
		}
	}
	switch {
	case s.decl.discriminator != "":
		s.typeProperty = s.Must(s.decl.discriminator)
	case s.Base != nil:
		s.typeProperty = s.Must(s.Base.decl.discriminator)
	}
	if s.decl.owner != "" {
		s.Owner = s.Must(s.decl.owner)
		s.Owner.Required, s.Owner.Filterable, s.Owner.CreateOnly = true, true, true
	}
}

func (s *Set) linkPaths(m *Model) {
	s.childs = make(map[string]*Child, len(s.decl.children))
	for _, c := range s.decl.children {
		set := m.must(c[1])
		child := &Child{Name: c[0], Set: set, Owner: set.Must(set.decl.owner)}
		s.Children = append(s.Children, child)
		s.childs[c[0]] = child
	}
	for _, k := range s.decl.keys {
		linked := &Key{Within: k.within}
		for _, name := range k.properties {
			linked.Properties = append(linked.Properties, s.Must(name))
		}
		s.Keys = append(s.Keys, linked)
	}
	s.Code, s.NameMember = s.optionalPath(s.decl.code), s.optionalPath(s.decl.nameMember)
	s.Display = s.format(s.decl.display)
	if p := s.byName["DisplayText"]; p != nil && (p.Set == s) {
		p.Format = s.Display
	}
	for _, p := range s.Properties {
		if p.decl.format != "" && p.Set == s {
			p.Format = s.format(p.decl.format)
		}
		if p.decl.viaOwner != "" {
			root := s.Must(p.decl.viaOwner)
			p.ViaOwner = &Path{Refs: []*Property{root}, Property: root.Target.Must(p.Name)}
		}
		if p.decl.idOf != "" {
			p.IDOf = s.Must(p.decl.idOf)
			p.ViaOwner = &Path{Refs: []*Property{p.IDOf}, Property: p.IDOf.Target.ID()}
		}
		p.Unit = nil
		at := s
		for _, name := range p.decl.unit {
			r := at.Must(name)
			p.Unit = append(p.Unit, r)
			at = r.Target
		}
		if !p.Explicit {
			s.decl.defaults = append(s.decl.defaults, p)
		}
	}
	// Attributes first, references after them, each in the order declared.
	slices.SortStableFunc(s.decl.defaults, func(a, b *Property) int {
		return boolInt(a.IsReference()) - boolInt(b.IsReference())
	})
	for _, text := range s.decl.search {
		s.SearchPaths = append(s.SearchPaths, s.mustPath(text))
	}
	for _, part := range s.Display {
		if part.Path != nil && part.Path.searchable() && !slices.ContainsFunc(s.SearchPaths,
			func(p *Path) bool { return p.String() == part.Path.String() }) {
			s.SearchPaths = append(s.SearchPaths, part.Path)
		}
	}
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// snake is the column of a property: PartNumber is part_number, GLN gln.
func snake(name string) string {
	var b strings.Builder
	runes := []rune(name)
	for i, r := range runes {
		if unicode.IsUpper(r) && i > 0 && (unicode.IsLower(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1])) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
