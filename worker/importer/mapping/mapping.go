package mapping

import (
	"fmt"
	"strings"
)

// Limits of a mapping file.
const (
	// MaxFile is the largest mapping file, in bytes.
	MaxFile = 1 << 20
	// maxDepth is how deep objects nest.
	maxDepth = 4
)

// Mapping is a mapping file.
type Mapping struct {
	// Name is shown to people.
	Name string
	// ExternalSystem, with a row's key as ExternalId, is how a second import
	// finds what the first one made.
	ExternalSystem string
	// Language is the key of texts in multilanguage attributes: "EN".
	Language string
	// Null are cells that mean "nothing", besides the empty one.
	Null []string
	// Separator parts the cells of a row, where a file does not name its own.
	Separator byte
	// Encoding of the files, as the WHATWG Encoding Standard calls it; empty means
	// UTF-8, or what the bytes look like.
	Encoding string
	// Numbers and YearsFrom are how files write numbers and years of two digits,
	// where a value does not say: see [Value].
	Numbers   NumberFormat
	YearsFrom int
	// JoinSpaced mends rows with texts that should have been in quotation marks:
	// see Rejoin in package csvfile. In the file: unquoted_commas: join, or refuse.
	JoinSpaced bool
	// Prepare are objects that do not come from a file and must exist first.
	Prepare []*Object
	// Steps are the files in the order of their import.
	Steps []*Step
}

// Step imports one file: an object for each row.
type Step struct {
	File   string
	Object *Object
	// Ignore names columns that are left out on purpose.
	Ignore   []string
	Children []*Children
	Line     int
}

// Children are rows that belong to the rows of a step: order lines under their
// orders.
type Children struct {
	// Collection is the child collection of the entity: "Lines".
	Collection string
	// File has the rows: a file of its own, or the step's, whose rows then repeat
	// what concerns the parent.
	File string
	// Parent is the column that holds the key of the step's row.
	Parent string
	// Key are the attributes that tell the children of one parent apart. By them,
	// and never by its place in the file, a child is found again.
	Key []string
	// Remove says that children without a row are removed from a parent that has
	// one; else they are reported. In the file: missing: remove, or report.
	Remove bool
	// Number is the attribute that numbers the children of a new parent 10, 20,
	// 30 …; empty where there is none. Children that come later are numbered by
	// the API.
	Number string
	Set    []Assignment
	Ignore []string
	Line   int
}

// Object says how an object is made of a row.
type Object struct {
	// Entity is the entity type, without the namespace.
	Entity string
	// Key is the column with the row's key; nested objects have the row's key
	// where they name none, and prepared ones have none at all.
	Key            string
	ExternalSystem string
	// Match is what the key is: an ExternalId (empty), a "Code" or a "Name".
	Match string
	// Action is what the API does with an object: "merge", "update" where none is
	// to be made, or "findOrCreate" for prepared ones.
	Action string
	Set    []Assignment
	Line   int
}

// Assignment gives one attribute its value.
type Assignment struct {
	Attribute string
	Value     Value
	Line      int
}

// Value says where a value comes from and what it becomes.
type Value struct {
	// Exactly one of these says where it comes from.
	Column   string
	Template []Part
	Constant *string // JSON
	Find     *string // JSON of @erpnet.findBy
	Object   *Object

	// Lookup names the file whose row the column's value is the key of.
	Lookup string
	// Match says that the column's value is the "Code", the "Name" or the
	// "ExternalId" (of ExternalSystem) of an object that is there already.
	Match          string
	ExternalSystem string
	// As is the conversion.
	As Kind
	// Layouts are what dates and times may look like.
	Layouts []string
	// YearsFrom is the first of the hundred years that two digits stand for: with
	// 1930, 30 is 1930 and 29 is 2029. Without it (0) they are refused.
	YearsFrom int
	// Numbers is how numbers are written.
	Numbers NumberFormat
	// Table replaces cells before anything else is done with them; a cell that it
	// does not have is refused, or with Others taken as it is.
	Table  map[string]string
	Others bool
	// Code is the currency of an amount or the unit of a quantity.
	Code     string
	Language string
	// Max cuts longer texts, which the report tells.
	Max int
	// Default is JSON to use where the cell means nothing.
	Default  *string
	Required bool
	// Not turns a boolean around.
	Not bool
}

// Part of a template is literal text, or a column.
type Part struct{ Text, Column string }

// Kind is a conversion.
type Kind string

// The conversions.
const (
	Text          Kind = "text"
	Multilanguage Kind = "multilanguage"
	Number        Kind = "number"
	Integer       Kind = "integer"
	Boolean       Kind = "boolean"
	Date          Kind = "date"
	DateTime      Kind = "datetime"
	AmountKind    Kind = "amount"
	QuantityKind  Kind = "quantity"
)

var kinds = []Kind{Text, Multilanguage, Number, Integer, Boolean, Date, DateTime, AmountKind, QuantityKind}

// Faults are what is wrong with a mapping file, in the order of its lines.
type Faults []Fault

// Fault is one of them.
type Fault struct {
	Line   int
	Reason string
}

// Error lists the first faults.
func (f Faults) Error() string {
	var b strings.Builder
	for i, fault := range f {
		if i > 0 {
			b.WriteString("; ")
		}
		if i == 10 {
			fmt.Fprintf(&b, "and %d more", len(f)-i)
			break
		}
		fmt.Fprintf(&b, "line %d: %s", fault.Line, fault.Reason)
	}
	return b.String()
}

// Files are the names of all files that the mapping knows, in its order.
func (m *Mapping) Files() []string {
	var names []string
	for _, s := range m.Steps {
		names = append(names, s.File)
		for _, c := range s.Children {
			if c.File != s.File {
				names = append(names, c.File)
			}
		}
	}
	return names
}

// Knows gives a file's name as the mapping spells it.
func (m *Mapping) Knows(file string) (string, bool) {
	for _, name := range m.Files() {
		if strings.EqualFold(name, file) {
			return name, true
		}
	}
	return "", false
}

func (m *Mapping) step(file string) *Step {
	for _, s := range m.Steps {
		if s.File == file {
			return s
		}
	}
	return nil
}

// Columns are those that the step takes from its own file.
func (s *Step) Columns() []string { return s.Object.columns(nil) }

// FileColumns are those that the step and its children take from the file, in
// the order of the mapping, and those that are left out on purpose.
func (s *Step) FileColumns(file string) (used, ignored []string) {
	if file == s.File {
		used, ignored = s.Columns(), s.Ignore
	}
	for _, c := range s.Children {
		if c.File != file {
			continue
		}
		for _, column := range c.Columns() {
			used = add(used, column)
		}
		ignored = append(ignored[:len(ignored):len(ignored)], c.Ignore...)
	}
	return used, ignored
}

// Columns are those that the children take from their file.
func (c *Children) Columns() []string { return columnsOf(c.Set, []string{c.Parent}) }

func (o *Object) columns(to []string) []string {
	if o.Key != "" {
		to = add(to, o.Key)
	}
	return columnsOf(o.Set, to)
}

func columnsOf(set []Assignment, to []string) []string {
	for _, a := range set {
		if a.Value.Column != "" {
			to = add(to, a.Value.Column)
		}
		for _, p := range a.Value.Template {
			if p.Column != "" {
				to = add(to, p.Column)
			}
		}
		if a.Value.Object != nil {
			to = a.Value.Object.columns(to)
		}
	}
	return to
}

func add(to []string, name string) []string {
	for _, have := range to {
		if have == name {
			return to
		}
	}
	return append(to, name)
}
