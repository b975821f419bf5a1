package model

import (
	"slices"
	"strings"
)

// Path is a property reached through references: Party/PartyName. Refs is
// empty for a property of the set itself.
type Path struct {
	Refs     []*Property
	Property *Property
}

// String is the path as a filter spells it.
func (p *Path) String() string {
	var b strings.Builder
	for _, r := range p.Refs {
		b.WriteString(r.Name)
		b.WriteByte('/')
	}
	b.WriteString(p.Property.Name)
	return b.String()
}

// Owner is the set that declares the path's last property.
func (p *Path) Owner(s *Set) *Set {
	if n := len(p.Refs); n > 0 {
		return p.Refs[n-1].Target
	}
	return s
}

func (p *Path) searchable() bool {
	return p.Property.Kind == KindString || p.Property.Kind == KindMultiLanguage
}

// ParsePath resolves a path of a filter or an order: Name, Reference/Name, and
// the number of Amounts and Quantities, which is written NameValue, or Name/Value
// as clients do that read $metadata. A path to a reference itself is one whose
// Property is the reference. Only filterable references may be stepped through.
func (s *Set) ParsePath(segments []string) (*Path, error) {
	p := &Path{}
	at := s
	for i, name := range segments {
		prop := at.byName[name]
		if prop == nil {
			if base, ok := strings.CutSuffix(name, "Value"); ok {
				if v := at.byName[base]; v != nil && v.measures() {
					prop = v
				}
			}
		} else if prop.measures() {
			if !slices.Equal(segments[i+1:], []string{"Value"}) {
				return nil, invalid("%s: filter and order by %sValue, the number of %s.", at.Name, name, name)
			}
			segments = segments[:i+1]
		}
		if prop == nil {
			return nil, UnknownProperty(at, name)
		}
		if i == len(segments)-1 {
			p.Property = prop
			if prop.IDOf != nil { // as if the reference itself was followed
				p.Refs, p.Property = append(p.Refs, prop.IDOf), prop.ViaOwner.Property
			}
			return p, nil
		}
		if !prop.IsReference() {
			return nil, invalid("%s: %s is not a reference, so nothing can follow it.", at.Name, name)
		}
		if !prop.Filterable {
			return nil, invalid("%s: %s is not a filterable reference; filter by %s eq '%s(id)' instead.", at.Name, name, name, prop.Target.Name)
		}
		p.Refs = append(p.Refs, prop)
		at = prop.Target
	}
	return nil, invalid("An empty path names no property of %s.", s.Name)
}

// measures reports whether values are a number with its currency or unit.
func (p *Property) measures() bool { return p.Kind == KindAmount || p.Kind == KindQuantity }

func (s *Set) optionalPath(text string) *Path {
	if text == "" {
		return nil
	}
	return s.mustPath(text)
}

// mustPath resolves a path of a declaration: Party.PartyName.
func (s *Set) mustPath(text string) *Path {
	p := &Path{}
	at := s
	names := strings.Split(text, ".")
	for _, name := range names[:len(names)-1] {
		r := at.Must(name)
		p.Refs = append(p.Refs, r)
		at = r.Target
	}
	p.Property = at.Must(names[len(names)-1])
	return p
}

// DisplayPart is literal text, or the value at a path.
type DisplayPart struct {
	Text string
	Path *Path
}

// format reads a display format: {Party.PartyName:T} and literal text. What
// follows a colon chooses a style, and there is one.
func (s *Set) format(text string) []DisplayPart {
	parts := []DisplayPart{} // not nil: a text made of nothing has no column either
	for text != "" {
		before, rest, found := strings.Cut(text, "{")
		if before != "" {
			parts = append(parts, DisplayPart{Text: before})
		}
		if !found {
			break
		}
		inside, after, _ := strings.Cut(rest, "}")
		path, _, _ := strings.Cut(inside, ":")
		parts = append(parts, DisplayPart{Path: s.mustPath(path)})
		text = after
	}
	return parts
}
