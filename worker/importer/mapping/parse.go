package mapping

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/hybridapps/tandem"
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
	if faults := literal(&root); len(faults) > 0 {
		return nil, faults
	}
	var form fileForm
	b := &builder{m: &Mapping{}}
	if err := root.Content[0].Decode(&form); err != nil {
		b.faults = faultsOf(err)
	}
	b.file(&form)
	if len(b.faults) == 0 {
		b.across()
	}
	if len(b.faults) > 0 {
		slices.SortStableFunc(b.faults, func(a, b Fault) int { return a.Line - b.Line })
		return nil, b.faults
	}
	return b.m, nil
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

// The forms are a mapping file as it is written. What is wrong with the YAML is
// told while they are decoded; what they mean is checked in build.go.

type fileForm struct {
	Line           int               `yaml:"-"`
	Version        text              `yaml:"version"`
	Name           text              `yaml:"name"`
	ExternalSystem text              `yaml:"external_system"`
	Language       text              `yaml:"language"`
	Null           texts             `yaml:"null"`
	Separator      text              `yaml:"separator"`
	Encoding       text              `yaml:"encoding"`
	Decimal        text              `yaml:"decimal"`
	Thousands      text              `yaml:"thousands"`
	Symbols        texts             `yaml:"symbols"`
	YearsFrom      text              `yaml:"years_from"`
	UnquotedCommas text              `yaml:"unquoted_commas"`
	Prepare        list[prepareForm] `yaml:"prepare"`
	Steps          list[stepForm]    `yaml:"steps"`
}

// UnmarshalYAML implements yaml.Unmarshaler.
func (f *fileForm) UnmarshalYAML(n *yaml.Node) error {
	type plain fileForm
	f.Line = n.Line
	return decode(n, "a mapping file", (*plain)(f))
}

type stepForm struct {
	Line       int `yaml:"-"`
	objectKeys `yaml:",inline"`
	File       text               `yaml:"file"`
	Ignore     texts              `yaml:"ignore"`
	Children   list[childrenForm] `yaml:"children"`
}

// UnmarshalYAML implements yaml.Unmarshaler.
func (f *stepForm) UnmarshalYAML(n *yaml.Node) error {
	type plain stepForm
	f.Line = n.Line
	return decode(n, "a step", (*plain)(f))
}

type childrenForm struct {
	Line       int     `yaml:"-"`
	Collection text    `yaml:"collection"`
	File       text    `yaml:"file"`
	Parent     text    `yaml:"parent"`
	Key        texts   `yaml:"key"`
	Missing    text    `yaml:"missing"`
	Number     text    `yaml:"number"`
	Ignore     texts   `yaml:"ignore"`
	Set        setForm `yaml:"set"`
}

// UnmarshalYAML implements yaml.Unmarshaler.
func (f *childrenForm) UnmarshalYAML(n *yaml.Node) error {
	type plain childrenForm
	f.Line = n.Line
	return decode(n, "children", (*plain)(f))
}

// prepareForm is an object that must exist first.
type prepareForm objectForm

// UnmarshalYAML implements yaml.Unmarshaler.
func (f *prepareForm) UnmarshalYAML(n *yaml.Node) error {
	type plain prepareForm
	f.Line = n.Line
	return decode(n, "prepare", (*plain)(f))
}

// objectForm is an object within another.
type objectForm struct {
	Line       int `yaml:"-"`
	objectKeys `yaml:",inline"`
}

type objectKeys struct {
	Entity         text    `yaml:"entity"`
	Key            text    `yaml:"key"`
	ExternalSystem text    `yaml:"external_system"`
	Match          text    `yaml:"match"`
	Create         text    `yaml:"create"`
	Set            setForm `yaml:"set"`
}

// UnmarshalYAML implements yaml.Unmarshaler.
func (f *objectForm) UnmarshalYAML(n *yaml.Node) error {
	type plain objectForm
	f.Line = n.Line
	return decode(n, "object", (*plain)(f))
}

// setForm keeps the order of the file.
type setForm []assignmentForm

type assignmentForm struct {
	line      int
	attribute string
	value     valueForm
}

// UnmarshalYAML implements yaml.Unmarshaler.
func (f *setForm) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind != yaml.MappingNode {
		return faultAt(n, "set must be a list of Attribute: value")
	}
	var faults []error
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		a := assignmentForm{line: key.Line, attribute: key.Value}
		switch {
		case slices.ContainsFunc(*f, func(had assignmentForm) bool { return had.attribute == key.Value }):
			faults = append(faults, faultAt(key, "%s is set twice", tandem.Clip(key.Value, shown)))
		case !isName(key.Value):
			faults = append(faults, faultAt(key, "%q is not the name of an attribute", tandem.Clip(key.Value, shown)))
		default:
			faults = append(faults, n.Content[i+1].Decode(&a.value))
			*f = append(*f, a)
		}
	}
	return together(faults)
}

// isName reports whether the text is an OData identifier; annotations such as
// @erpnet.action are the program's to write.
func isName(s string) bool {
	return attributeName.MatchString(s) && s != "ExternalId" && s != "ExternalSystem"
}

var attributeName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,127}$`)

type valueForm struct {
	Line     int         `yaml:"-"`
	Column   text        `yaml:"column"`
	Template text        `yaml:"template"`
	Constant constant    `yaml:"constant"`
	Find     constant    `yaml:"find"`
	Object   *objectForm `yaml:"object"`
	Lookup   text        `yaml:"lookup"`
	Match    text        `yaml:"match"`
	System   text        `yaml:"external_system"`
	As       text        `yaml:"as"`
	Layout   texts       `yaml:"layout"`
	Years    text        `yaml:"years_from"`
	Decimal  text        `yaml:"decimal"`
	Thousand text        `yaml:"thousands"`
	Symbols  texts       `yaml:"symbols"`
	Values   tableForm   `yaml:"values"`
	Others   text        `yaml:"others"`
	Currency text        `yaml:"currency"`
	Unit     text        `yaml:"unit"`
	Language text        `yaml:"language"`
	Max      text        `yaml:"max"`
	Default  constant    `yaml:"default"`
	Required yes         `yaml:"required"`
	Not      yes         `yaml:"not"`
}

// UnmarshalYAML implements yaml.Unmarshaler. A text alone is a column.
func (f *valueForm) UnmarshalYAML(n *yaml.Node) error {
	type plain valueForm
	f.Line = n.Line
	if n.Kind == yaml.ScalarNode {
		return f.Column.UnmarshalYAML(n)
	}
	return decode(n, "a value", (*plain)(f))
}

// text is one that must not be empty; it is given when it has a line.
type text struct {
	value string
	line  int
}

func (t text) given() bool { return t.line > 0 }

// UnmarshalYAML implements yaml.Unmarshaler.
func (t *text) UnmarshalYAML(n *yaml.Node) error {
	t.line = n.Line
	if n.Kind != yaml.ScalarNode || n.Tag == tagNull || n.Value == "" {
		return faultAt(n, "a text is missing here")
	}
	t.value = n.Value
	return nil
}

// texts are one or a list of them, which may be empty. null: NULL is meant as
// it is written.
type texts []string

// UnmarshalYAML implements yaml.Unmarshaler.
func (t *texts) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode && n.Value != "" {
		*t = texts{n.Value}
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		return faultAt(n, "a text or a list of texts is missing here")
	}
	var faults []error
	for _, item := range n.Content {
		if item.Kind != yaml.ScalarNode {
			faults = append(faults, faultAt(item, "a text is missing here"))
			continue
		}
		*t = append(*t, item.Value)
	}
	return together(faults)
}

// tableForm is a table of texts: what stands in the file, and what is meant.
type tableForm struct {
	entries map[string]string
	line    int
}

// UnmarshalYAML implements yaml.Unmarshaler. An entry of null means nothing.
func (f *tableForm) UnmarshalYAML(n *yaml.Node) error {
	f.line = n.Line
	if n.Kind != yaml.MappingNode || len(n.Content) == 0 {
		return faultAt(n, "values must be a list of what stands in the file: what is meant")
	}
	f.entries = map[string]string{}
	var faults []error
	for i := 0; i+1 < len(n.Content); i += 2 {
		from, to := n.Content[i], n.Content[i+1]
		_, twice := f.entries[from.Value]
		switch {
		case twice:
			faults = append(faults, faultAt(from, "values has %q twice", tandem.Clip(from.Value, shown)))
		case to.Kind != yaml.ScalarNode:
			faults = append(faults, faultAt(to, "a text is missing here"))
		case to.Tag == tagNull:
			f.entries[from.Value] = ""
		default:
			f.entries[from.Value] = to.Value
		}
	}
	return together(faults)
}

type yes bool

// UnmarshalYAML implements yaml.Unmarshaler.
func (y *yes) UnmarshalYAML(n *yaml.Node) error {
	if n.Tag != tagNull && n.Decode((*bool)(y)) != nil {
		return faultAt(n, "true or false is missing here")
	}
	return nil
}

// list is given when it has a line. It keeps items that have faults.
type list[T any] struct {
	items []T
	line  int
}

// UnmarshalYAML implements yaml.Unmarshaler.
func (l *list[T]) UnmarshalYAML(n *yaml.Node) error {
	l.line = n.Line
	if n.Kind != yaml.SequenceNode {
		return faultAt(n, "a list is missing here: lines that begin with -")
	}
	faults := make([]error, len(n.Content))
	l.items = make([]T, len(n.Content))
	for i, item := range n.Content {
		faults[i] = item.Decode(&l.items[i])
	}
	return together(faults)
}

// decode reads a YAML mapping into the struct whose tags are its keys.
func decode(n *yaml.Node, what string, into any) error {
	if n.Kind != yaml.MappingNode {
		return faultAt(n, "%s must be a list of key: value", what)
	}
	known := keys(reflect.TypeOf(into).Elem())
	slices.Sort(known)
	seen := map[string]bool{}
	good := *n
	good.Content = nil
	var faults []error
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		switch {
		case key.Kind != yaml.ScalarNode || !slices.Contains(known, key.Value):
			faults = append(faults, faultAt(key, "%s has no key %q; it has %s", what, tandem.Clip(key.Value, shown), strings.Join(known, ", ")))
		case seen[key.Value]:
			faults = append(faults, faultAt(key, "%s has %q twice", what, key.Value))
		default:
			seen[key.Value] = true
			good.Content = append(good.Content, key, n.Content[i+1])
		}
	}
	return together(append(faults, good.Decode(into)))
}

// keys are the YAML keys of a struct.
func keys(t reflect.Type) (all []string) {
	for i := range t.NumField() {
		switch tag := t.Field(i).Tag.Get("yaml"); tag {
		case "-":
		case ",inline":
			all = append(all, keys(t.Field(i).Type)...)
		default:
			all = append(all, tag)
		}
	}
	return all
}

// tagNull marks a null, which the decoder would otherwise pass over in silence.
const tagNull = "!null"

// literal makes the nodes below n ones that decode as they are written: keys are
// texts, whatever they look like, and nothing stands for something else.
func literal(n *yaml.Node) (faults Faults) {
	if n.Kind == yaml.AliasNode {
		return Faults{{n.Line, "anchors and aliases are not supported; write the value out"}}
	}
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" {
		n.Tag = tagNull
	}
	for i, below := range n.Content {
		faults = append(faults, literal(below)...)
		if n.Kind == yaml.MappingNode && i%2 == 0 && below.Kind == yaml.ScalarNode {
			below.Tag = "!!str"
		}
	}
	return faults
}

// faultAt is a fault in the one form that lets the decoder go on.
func faultAt(n *yaml.Node, format string, args ...any) error {
	return &yaml.TypeError{Errors: []string{fmt.Sprintf("line %d: ", n.Line) + fmt.Sprintf(format, args...)}}
}

// together joins the faults of the parts of a form.
func together(parts []error) error {
	var all yaml.TypeError
	for _, err := range parts {
		var faults *yaml.TypeError
		switch {
		case errors.As(err, &faults):
			all.Errors = append(all.Errors, faults.Errors...)
		case err != nil:
			return err
		}
	}
	if len(all.Errors) == 0 {
		return nil
	}
	return &all
}

var faultLine = regexp.MustCompile(`(?s)^line (\d+): (.*)$`)

// faultsOf are the faults of a decoder's error.
func faultsOf(err error) (all Faults) {
	var faults *yaml.TypeError
	if !errors.As(err, &faults) {
		return syntaxFault(err)
	}
	for _, text := range faults.Errors {
		fault := Fault{1, text}
		if m := faultLine.FindStringSubmatch(text); m != nil {
			fault.Line, _ = strconv.Atoi(m[1])
			fault.Reason = m[2]
		}
		all = append(all, fault)
	}
	return all
}
