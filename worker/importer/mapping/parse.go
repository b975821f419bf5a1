package mapping

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Parse reads a mapping file. The error is a [Faults] that names every fault
// with its line.
func Parse(text []byte) (*Mapping, error) {
	if len(text) > MaxFile {
		return nil, Faults{{1, fmt.Sprintf("the file has %d bytes; at most %d are allowed", len(text), MaxFile)}}
	}
	var root yaml.Node
	d := yaml.NewDecoder(bytes.NewReader(text))
	if err := d.Decode(&root); err != nil {
		return nil, syntaxFault(err)
	}
	if err := d.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, Faults{{1, "the file must hold one YAML document"}}
	}
	p := &parser{m: &Mapping{Language: "EN", Separator: ','}}
	p.mapping(root.Content[0])
	if len(p.faults) == 0 {
		p.together()
	}
	if len(p.faults) > 0 {
		slices.SortStableFunc(p.faults, func(a, b Fault) int { return a.Line - b.Line })
		return nil, p.faults
	}
	return p.m, nil
}

var yamlLine = regexp.MustCompile(`^yaml: line (\d+): (.*)$`)

func syntaxFault(err error) Faults {
	if errors.Is(err, io.EOF) {
		return Faults{{1, "the file is empty"}}
	}
	line, reason := 1, strings.TrimPrefix(err.Error(), "yaml: ")
	if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
		line, _ = strconv.Atoi(m[1])
		reason = m[2]
	}
	return Faults{{line, "not YAML: " + reason}}
}

type parser struct {
	m      *Mapping
	faults Faults
}

func (p *parser) fail(n *yaml.Node, format string, args ...any) {
	p.faults = append(p.faults, Fault{n.Line, fmt.Sprintf(format, args...)})
}

// fields reads a YAML mapping, calling the reader of each key.
func (p *parser) fields(n *yaml.Node, what string, readers map[string]func(*yaml.Node)) map[string]bool {
	seen := map[string]bool{}
	if n.Kind != yaml.MappingNode {
		p.fail(n, "%s must be a list of key: value", what)
		return seen
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		read := readers[key.Value]
		switch {
		case key.Kind != yaml.ScalarNode || read == nil:
			known := make([]string, 0, len(readers))
			for name := range readers {
				known = append(known, name)
			}
			slices.Sort(known)
			p.fail(key, "%s has no key %q; it has %s", what, clip(key.Value), strings.Join(known, ", "))
		case seen[key.Value]:
			p.fail(key, "%s has %q twice", what, key.Value)
		default:
			seen[key.Value] = true
			read(value)
		}
	}
	return seen
}

func (p *parser) text(to *string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if n.Kind != yaml.ScalarNode || n.Tag == "!!null" || n.Value == "" {
			p.fail(n, "a text is missing here")
			return
		}
		*to = n.Value
	}
}

func (p *parser) texts(to *[]string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if n.Kind == yaml.ScalarNode && n.Value != "" { // null: NULL is meant as it is written
			*to = append(*to, n.Value)
			return
		}
		if n.Kind != yaml.SequenceNode {
			p.fail(n, "a text or a list of texts is missing here")
			return
		}
		for _, item := range n.Content {
			if item.Kind != yaml.ScalarNode {
				p.fail(item, "a text is missing here")
				continue
			}
			*to = append(*to, item.Value)
		}
	}
}

func (p *parser) yes(to *bool) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if err := n.Decode(to); n.Kind != yaml.ScalarNode || err != nil {
			p.fail(n, "true or false is missing here")
		}
	}
}

func (p *parser) list(each func(*yaml.Node)) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if n.Kind != yaml.SequenceNode {
			p.fail(n, "a list is missing here: lines that begin with -")
			return
		}
		for _, item := range n.Content {
			each(item)
		}
	}
}

func (p *parser) mapping(n *yaml.Node) {
	version, separator, commas := "", ",", "refuse"
	seen := p.fields(n, "a mapping file", map[string]func(*yaml.Node){
		"version":         p.text(&version),
		"name":            p.text(&p.m.Name),
		"external_system": p.text(&p.m.ExternalSystem),
		"language":        p.text(&p.m.Language),
		"null":            p.texts(&p.m.Null),
		"separator":       p.text(&separator),
		"unquoted_commas": p.text(&commas),
		"prepare": p.list(func(n *yaml.Node) {
			o := p.object(n, "prepare", map[string]func(*yaml.Node){}, 0)
			o.Action = "findOrCreate"
			if o.Key != "" {
				p.fail(n, "prepare: there is no row, so there is no key")
			}
			for _, a := range o.Set {
				if a.Value.Constant == nil && a.Value.Find == nil {
					p.faults = append(p.faults, Fault{a.Line, a.Attribute + ": a prepared object comes from no row; use constant or find"})
				}
			}
			p.m.Prepare = append(p.m.Prepare, o)
		}),
		"steps": p.list(func(n *yaml.Node) { p.m.Steps = append(p.m.Steps, p.step(n)) }),
	})
	if seen["version"] && version != "1" {
		p.fail(n, "version %q is unknown; this program reads version 1", clip(version))
	}
	for _, key := range []string{"version", "name", "external_system", "steps"} {
		if !seen[key] {
			p.fail(n, "%s is missing", key)
		}
	}
	if len(separator) != 1 || separator == `"` || separator[0] < ' ' && separator != "\t" {
		p.fail(n, "separator must be one character, such as , or ;")
		return
	}
	p.m.Separator = separator[0]
	if commas != "join" && commas != "refuse" {
		p.fail(n, "unquoted_commas must be join or refuse")
	}
	p.m.JoinSpaced = commas == "join"
}

func (p *parser) step(n *yaml.Node) *Step {
	s := &Step{Line: n.Line}
	s.Object = p.object(n, "a step", map[string]func(*yaml.Node){
		"file":     p.text(&s.File),
		"ignore":   p.texts(&s.Ignore),
		"children": p.list(func(n *yaml.Node) { s.Children = append(s.Children, p.children(n)) }),
	}, 0)
	s.Object.Action = "merge"
	if s.File == "" {
		p.fail(n, "the step has no file")
	}
	if s.Object.Key == "" {
		p.fail(n, "the step has no key: name the column that tells the rows of %s apart", s.File)
	}
	return s
}

func (p *parser) object(n *yaml.Node, what string, readers map[string]func(*yaml.Node), depth int) *Object {
	o := &Object{Line: n.Line, Action: "merge"}
	if depth > maxDepth {
		p.fail(n, "objects nest deeper than %d", maxDepth)
		return o
	}
	readers["entity"] = p.text(&o.Entity)
	readers["key"] = p.text(&o.Key)
	readers["external_system"] = p.text(&o.ExternalSystem)
	readers["set"] = p.set(&o.Set, depth)
	p.fields(n, what, readers)
	if o.Entity == "" {
		p.fail(n, "%s has no entity", what)
	}
	return o
}

func (p *parser) children(n *yaml.Node) *Children {
	c := &Children{Line: n.Line}
	p.fields(n, "children", map[string]func(*yaml.Node){
		"collection": p.text(&c.Collection), "file": p.text(&c.File), "parent": p.text(&c.Parent),
		"number": p.text(&c.Number), "ignore": p.texts(&c.Ignore), "set": p.set(&c.Set, 0),
	})
	if c.Collection == "" || c.File == "" || c.Parent == "" {
		p.fail(n, "children need collection, file and parent")
	}
	return c
}

func (p *parser) set(to *[]Assignment, depth int) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if n.Kind != yaml.MappingNode {
			p.fail(n, "set must be a list of Attribute: value")
			return
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			key, value := n.Content[i], n.Content[i+1]
			if slices.ContainsFunc(*to, func(a Assignment) bool { return a.Attribute == key.Value }) {
				p.fail(key, "%s is set twice", clip(key.Value))
				continue
			}
			if !isName(key.Value) {
				p.fail(key, "%q is not the name of an attribute", clip(key.Value))
				continue
			}
			*to = append(*to, Assignment{key.Value, p.value(value, depth), key.Line})
		}
	}
}

// isName reports whether the text is an OData identifier; annotations such as
// @erpnet.action are the program's to write.
func isName(s string) bool {
	return attributeName.MatchString(s) && s != "ExternalId" && s != "ExternalSystem"
}

var attributeName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,127}$`)

func (p *parser) value(n *yaml.Node, depth int) Value {
	v := Value{As: Text}
	if n.Kind == yaml.ScalarNode {
		p.text(&v.Column)(n) // Attribute: column
		return v
	}
	var template, as, currency, unit, max string
	json := func(to **string) func(*yaml.Node) { return func(n *yaml.Node) { *to = p.json(n) } }
	seen := p.fields(n, "a value", map[string]func(*yaml.Node){
		"column": p.text(&v.Column), "template": p.text(&template), "constant": json(&v.Constant), "find": json(&v.Find),
		"object": func(n *yaml.Node) { v.Object = p.object(n, "object", map[string]func(*yaml.Node){}, depth+1) },
		"lookup": p.text(&v.Lookup), "as": p.text(&as), "layout": p.texts(&v.Layouts),
		"currency": p.text(&currency), "unit": p.text(&unit), "language": p.text(&v.Language), "max": p.text(&max),
		"default": json(&v.Default), "required": p.yes(&v.Required), "not": p.yes(&v.Not),
	})
	sources := 0
	for _, source := range []string{"column", "template", "constant", "find", "object"} {
		if seen[source] {
			sources++
		}
	}
	if sources != 1 {
		p.fail(n, "a value needs exactly one of column, template, constant, find and object")
	}
	if as != "" {
		v.As = Kind(as)
		if !slices.Contains(kinds, v.As) {
			p.fail(n, "as %q is unknown; use one of %v", clip(as), kinds)
		}
	}
	if template != "" {
		v.Template = p.template(n, template)
	}
	if max != "" {
		if _, err := fmt.Sscanf(max, "%d", &v.Max); err != nil || v.Max < 1 || fmt.Sprint(v.Max) != max {
			p.fail(n, "max must be a number of characters")
		}
	}
	if v.Code = currency + unit; seen["currency"] && v.As != AmountKind || seen["unit"] && v.As != QuantityKind {
		p.fail(n, "currency is for as: amount, unit for as: quantity")
	}
	if seen["lookup"] && !seen["column"] {
		p.fail(n, "lookup needs the column that holds the key of the other file's row")
	}
	if len(v.Layouts) > 0 && v.As != Date && v.As != DateTime {
		p.fail(n, "layout is for as: date and as: datetime")
	}
	if v.Not && v.As != Boolean {
		p.fail(n, "not is for as: boolean")
	}
	for _, layout := range v.Layouts {
		if _, err := time.Parse(layout, time.Date(2001, 11, 22, 0, 0, 0, 0, time.UTC).Format(layout)); err != nil || !strings.Contains(layout, "06") {
			p.fail(n, "layout %q is not one: write how 2 January 2006, 15:04:05 would look, such as 02.01.2006", clip(layout))
		}
	}
	if v.Find != nil && !strings.HasPrefix(*v.Find, "{") {
		p.fail(n, "find must be a list of key: text with the keys Code, Name, Id, ExternalId, ExternalSystem or DisplayText")
	}
	return v
}

// json turns constants into JSON; the keys keep their order.
func (p *parser) json(n *yaml.Node) *string {
	text, ok := p.appendJSON(nil, n, 0)
	if !ok {
		return nil
	}
	s := string(text)
	return &s
}

func (p *parser) appendJSON(b []byte, n *yaml.Node, depth int) ([]byte, bool) {
	if depth > maxDepth {
		p.fail(n, "values nest deeper than %d", maxDepth)
		return b, false
	}
	switch n.Kind {
	case yaml.ScalarNode:
		if n.Tag == "!!int" || n.Tag == "!!float" {
			if json.Valid([]byte(n.Value)) {
				return append(b, n.Value...), true
			}
			return quotedTo(b, n.Value), true
		}
		var v any
		if n.Tag == "!!bool" || n.Tag == "!!null" {
			if err := n.Decode(&v); err != nil {
				p.fail(n, "this value cannot be read")
				return b, false
			}
		} else {
			v = n.Value
		}
		text, err := json.Marshal(v)
		return append(b, text...), err == nil
	case yaml.MappingNode:
		b = append(b, '{')
		for i := 0; i+1 < len(n.Content); i += 2 {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(quotedTo(b, n.Content[i].Value), ':')
			var ok bool
			if b, ok = p.appendJSON(b, n.Content[i+1], depth+1); !ok {
				return b, false
			}
		}
		return append(b, '}'), true
	case yaml.SequenceNode:
		b = append(b, '[')
		for i, item := range n.Content {
			if i > 0 {
				b = append(b, ',')
			}
			var ok bool
			if b, ok = p.appendJSON(b, item, depth+1); !ok {
				return b, false
			}
		}
		return append(b, ']'), true
	}
	p.fail(n, "anchors and aliases are not supported; write the value out")
	return b, false
}

// template takes "NW-{orderID}" apart.
func (p *parser) template(n *yaml.Node, text string) (parts []Part) {
	columns := 0
	for rest := text; rest != ""; {
		before, after, found := strings.Cut(rest, "{")
		if before != "" {
			parts = append(parts, Part{Text: before})
		}
		if !found {
			break
		}
		name, tail, closed := strings.Cut(after, "}")
		if !closed || name == "" {
			p.fail(n, "template %q: write columns as {column}", clip(text))
			return nil
		}
		parts = append(parts, Part{Column: name})
		columns++
		rest = tail
	}
	if columns == 0 {
		p.fail(n, "template %q names no {column}; use constant", clip(text))
	}
	return parts
}

// together checks what concerns more than one place of the file.
func (p *parser) together() {
	seen := map[string]bool{}
	once := func(file string, line int) {
		key := strings.ToLower(file)
		if seen[key] {
			p.faults = append(p.faults, Fault{line, fmt.Sprintf("the file %s is in two steps", file)})
		}
		seen[key] = true
	}
	done := map[string]bool{}
	for _, s := range p.m.Steps {
		once(s.File, s.Line)
		p.lookups(s.Object.Set, s.File, done)
		for _, c := range s.Children {
			once(c.File, c.Line)
			p.lookups(c.Set, c.File, done)
		}
		done[s.File] = true
	}
	if len(p.m.Steps) == 0 {
		p.faults = append(p.faults, Fault{1, "there are no steps"})
	}
}

func (p *parser) lookups(set []Assignment, file string, done map[string]bool) {
	for _, a := range set {
		if a.Value.Object != nil {
			p.lookups(a.Value.Object.Set, file, done)
		}
		switch to := a.Value.Lookup; {
		case to == "" || done[to] || to == file:
		case p.m.step(to) != nil:
			p.faults = append(p.faults, Fault{a.Line, fmt.Sprintf("%s looks up rows of %s, which is imported later; move that step up", a.Attribute, to)})
		default:
			p.faults = append(p.faults, Fault{a.Line, fmt.Sprintf("%s looks up rows of %s, which is no step's file", a.Attribute, clip(to))})
		}
	}
}

func clip(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return s
}
