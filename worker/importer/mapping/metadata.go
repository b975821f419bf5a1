package mapping

import (
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/hybridapps/tandem"
)

// MaxMetadata is the largest metadata document read, in bytes.
const MaxMetadata = 16 << 20

// Metadata is what a mapping is checked against: the entity types of the
// domain API.
type Metadata struct {
	types map[string]*entityType
	sets  map[string]string // of types
}

// Set is the entity set of a type; empty where the API has none.
func (md *Metadata) Set(entity string) string { return md.sets[entity] }

// Target is the type that a reference or a collection of the entity leads to; empty
// where it is neither.
func (md *Metadata) Target(entity, member string) string {
	target, reference, _ := md.find(entity, member)
	if !reference {
		return ""
	}
	return strings.TrimSuffix(strings.TrimPrefix(target, "Collection("), ")")
}

// Root is the type that an entity is based on in the end: itself, or its base's.
func (md *Metadata) Root(entity string) string {
	for range maxDepth {
		if t := md.types[entity]; t != nil && t.base != "" {
			entity = t.base
		}
	}
	return entity
}

// Reference is the type that an attribute of the entity's children refers to;
// empty where it is no reference.
func (md *Metadata) Reference(entity, collection, attribute string) string {
	child, _, _ := md.find(entity, collection)
	target, reference, _ := md.find(strings.TrimSuffix(strings.TrimPrefix(child, "Collection("), ")"), attribute)
	if !reference {
		return ""
	}
	return target
}

// Has reports whether the entity's children have the attribute.
func (md *Metadata) Has(entity, collection, attribute string) bool {
	child, _, _ := md.find(entity, collection)
	_, _, ok := md.find(strings.TrimSuffix(strings.TrimPrefix(child, "Collection("), ")"), attribute)
	return ok
}

type entityType struct {
	base       string
	abstract   bool
	properties map[string]string // name → type
	references map[string]string // name → type, Collection(type) for children
}

// ReadMetadata reads the CSDL document that the API serves as $metadata.
func ReadMetadata(r io.Reader) (*Metadata, error) {
	type member struct {
		Name string `xml:"Name,attr"`
		Type string `xml:"Type,attr"`
	}
	var doc struct {
		Schemas []struct {
			Namespace   string `xml:"Namespace,attr"`
			EntityTypes []struct {
				Name       string   `xml:"Name,attr"`
				BaseType   string   `xml:"BaseType,attr"`
				Abstract   bool     `xml:"Abstract,attr"`
				Properties []member `xml:"Property"`
				References []member `xml:"NavigationProperty"`
			} `xml:"EntityType"`
			Sets []struct {
				Name string `xml:"Name,attr"`
				Type string `xml:"EntityType,attr"`
			} `xml:"EntityContainer>EntitySet"`
		} `xml:"DataServices>Schema"`
	}
	limited := &io.LimitedReader{R: r, N: MaxMetadata}
	if err := xml.NewDecoder(limited).Decode(&doc); err != nil {
		return nil, fmt.Errorf("the API's $metadata cannot be read: %w", err)
	}
	md := &Metadata{types: map[string]*entityType{}, sets: map[string]string{}}
	for _, s := range doc.Schemas {
		local := func(name string) string { return strings.ReplaceAll(name, s.Namespace+".", "") }
		for _, t := range s.EntityTypes {
			e := &entityType{base: local(t.BaseType), abstract: t.Abstract, properties: map[string]string{}, references: map[string]string{}}
			for _, p := range t.Properties {
				e.properties[p.Name] = local(p.Type)
			}
			for _, p := range t.References {
				e.references[p.Name] = local(p.Type)
			}
			md.types[t.Name] = e
		}
		for _, set := range s.Sets {
			md.sets[local(set.Type)] = set.Name
		}
	}
	if len(md.types) == 0 {
		return nil, fmt.Errorf("the API's $metadata describes no entity types")
	}
	return md, nil
}

// find looks a member up in a type and its bases.
func (md *Metadata) find(typ, name string) (target string, reference, ok bool) {
	for range maxDepth {
		t := md.types[typ]
		if t == nil {
			break
		}
		if target, ok := t.properties[name]; ok {
			return target, false, true
		}
		if target, ok := t.references[name]; ok {
			return target, true, true
		}
		typ = t.base
	}
	return "", false, false
}

func (md *Metadata) isA(typ, base string) bool {
	for range maxDepth {
		if typ == base {
			return true
		}
		t := md.types[typ]
		if t == nil {
			return false
		}
		typ = t.base
	}
	return false
}

// Check holds the mapping against the API's types. The error is a [Faults].
func (m *Mapping) Check(md *Metadata) error {
	c := &checker{m: m, md: md}
	for _, o := range m.Prepare {
		c.object(o)
	}
	for _, s := range m.Steps {
		c.object(s.Object)
		for _, ch := range s.Children {
			target, reference, ok := md.find(s.Object.Entity, ch.Collection)
			inner, isCollection := strings.CutPrefix(target, "Collection(")
			if !ok || !reference || !isCollection {
				c.fail(ch.Line, "%s has no child collection %s", s.Object.Entity, ch.Collection)
				continue
			}
			inner = strings.TrimSuffix(inner, ")")
			if ch.Number != "" {
				c.assignment(inner, Assignment{ch.Number, Value{Column: ch.Parent, As: Integer}, ch.Line})
			}
			if len(ch.Key) == 0 {
				c.fail(ch.Line, "the children have nothing that tells them apart; set an attribute from a column, and name it as key")
			}
			for _, a := range ch.Set {
				c.assignment(inner, a)
			}
		}
	}
	if len(c.faults) > 0 {
		slices.SortStableFunc(c.faults, func(a, b Fault) int { return a.Line - b.Line })
		return c.faults
	}
	return nil
}

type checker struct {
	m      *Mapping
	md     *Metadata
	faults Faults
}

func (c *checker) fail(line int, format string, args ...any) {
	c.faults = append(c.faults, Fault{line, fmt.Sprintf(format, args...)})
}

func (c *checker) object(o *Object) {
	t := c.md.types[o.Entity]
	switch {
	case t == nil:
		c.fail(o.Line, "the API has no entity type %s; use the singular type, like General_Products_Product", tandem.Clip(o.Entity, shown))
		return
	case t.abstract:
		c.fail(o.Line, "%s is abstract; name one of the types that are based on it", o.Entity)
		return
	}
	if _, _, ok := c.md.find(o.Entity, "ExternalId"); !ok && o.Match == "" && o.Action != "findOrCreate" {
		c.fail(o.Line, "%s has no ExternalId, so its rows cannot be found again; use match: code or name", o.Entity)
	}
	for _, a := range o.Set {
		c.assignment(o.Entity, a)
	}
}

// wants are the types that each conversion fits.
var wants = map[Kind][]string{
	Text:          {"Edm.String", "Edm.Guid"},
	Multilanguage: {"MultilanguageString"},
	Number:        {"Edm.Decimal", "Edm.Double"},
	Integer:       {"Edm.Int32", "Edm.Int64", "Edm.Decimal"},
	Boolean:       {"Edm.Boolean"},
	Date:          {"Edm.DateTimeOffset", "Edm.Date"},
	DateTime:      {"Edm.DateTimeOffset"},
	AmountKind:    {"Amount"},
	QuantityKind:  {"Quantity"},
}

func (c *checker) assignment(entity string, a Assignment) {
	target, reference, ok := c.md.find(entity, a.Attribute)
	v := a.Value
	switch {
	case !ok:
		c.fail(a.Line, "%s has no attribute %s", entity, a.Attribute)
	case reference && strings.HasPrefix(target, "Collection("):
		c.fail(a.Line, "%s is a child collection; use children", a.Attribute)
	case v.Constant != nil:
	case v.Object != nil:
		if !reference {
			c.fail(a.Line, "%s is no reference, so it cannot be an object", a.Attribute)
		} else if c.md.types[v.Object.Entity] != nil && !c.md.isA(v.Object.Entity, target) {
			c.fail(a.Line, "%s refers to %s, not to %s", a.Attribute, target, v.Object.Entity)
		}
		c.object(v.Object)
	case v.Lookup != "":
		if to := c.m.step(v.Lookup).Object.Entity; !reference {
			c.fail(a.Line, "%s is no reference, so it cannot be looked up", a.Attribute)
		} else if !c.md.isA(to, target) {
			c.fail(a.Line, "%s refers to %s, but the rows of %s are %s", a.Attribute, target, v.Lookup, to)
		}
	case v.Find != nil, v.Match != "":
		if !reference {
			c.fail(a.Line, "%s is no reference, so it cannot be found", a.Attribute)
		}
	case reference:
		c.fail(a.Line, "%s is a reference to %s; use lookup, match, find or object", a.Attribute, target)
	case slices.Contains(wants[v.As], target):
	case v.As == Text && !strings.HasPrefix(target, "Edm.") && target != "MultilanguageString" && target != "Amount" && target != "Quantity":
		// An enumeration takes the names of its members.
	default:
		c.fail(a.Line, "%s is %s, which as: %s does not make%s", a.Attribute, target, v.As, instead(target))
	}
}

func instead(target string) string {
	for _, kind := range kinds {
		if slices.Contains(wants[kind], target) {
			return "; use as: " + string(kind)
		}
	}
	return ""
}
