package api

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"slices"
	"strings"
	texttemplate "text/template"

	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/write"
)

// ReferencePath is the page that lists the entities for people: what $metadata
// is for programs.
const ReferencePath = "/api/reference"

// Reference answers with a page of the model's entity sets: attributes, types,
// what filters may do, references, collections, actions, keys and rules. It
// tells nothing of any row, and anybody may read it.
type Reference struct {
	page []byte
}

// NewReference makes the page of a model.
func NewReference(m *write.Model) *Reference {
	var b strings.Builder
	if err := referencePage.Execute(&b, describe(m)); err != nil {
		panic(err) // the template and the model are constants of the program
	}
	return &Reference{page: []byte(b.String())}
}

// Mount adds the page.
func (ref *Reference) Mount(mux *http.ServeMux) { mux.Handle("GET "+ReferencePath, ref) }

// ServeHTTP answers with the page, which has no script, image or form.
func (ref *Reference) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	publicPage(w.Header())
	_, _ = w.Write(ref.page) // the caller may have gone
}

// WriteReference writes the same as Markdown, which docs/entities.md is.
func WriteReference(w io.Writer, m *write.Model) error {
	return referenceText.Execute(w, describe(m))
}

//go:embed reference.html
var referenceHTML string

//go:embed reference.md.tmpl
var referenceMarkdown string

var (
	referencePage = template.Must(template.New("reference").Parse(referenceHTML))
	referenceText = texttemplate.Must(texttemplate.New("reference").Parse(referenceMarkdown))
)

// reference is the model in words.
type reference struct {
	Sets  []setReference
	Enums []enumReference
}

// setReference is one entity set in words.
type setReference struct {
	Name, Type string
	// Kind is "Aggregate root", "Part of X", or "View"; Notes what else there
	// is to know of the whole set.
	Kind       string
	Notes      []string
	Attributes []attributeReference
	References []attributeReference
	Children   []attributeReference
	Actions    []string
	Functions  []string
	Rules      []write.Rule
}

// attributeReference is an attribute, a reference or a collection. Link is the
// set or enum that Type names, where it does.
type attributeReference struct{ Name, Type, Link, Can, Notes string }

type enumReference struct {
	Name    string
	Members string
}

func describe(m *write.Model) reference {
	var r reference
	for _, s := range m.Sets {
		r.Sets = append(r.Sets, describeSet(m, s))
	}
	for _, e := range enums(m.Model) {
		r.Enums = append(r.Enums, enumReference{e.Name, e.Names()})
	}
	return r
}

func describeSet(m *write.Model, s *model.Set) setReference {
	r := setReference{Name: s.Name, Type: s.Type, Kind: "Aggregate root", Notes: setNotes(s), Rules: m.Rules(s)}
	switch {
	case s.View:
		r.Kind = "View"
	case s.Owner != nil:
		r.Kind = "Part of " + s.Owner.Target.Name
	}
	for _, p := range s.Properties {
		a := attributeReference{Name: p.Name, Type: typeInWords(p), Can: capabilities(p), Notes: strings.Join(propertyNotes(p), "; ")}
		switch {
		case p.IsReference():
			a.Link = p.Target.Name
			r.References = append(r.References, a)
		case p.Enum != nil:
			a.Link = p.Enum.Name
			r.Attributes = append(r.Attributes, a)
		default:
			r.Attributes = append(r.Attributes, a)
		}
	}
	for _, c := range s.Children {
		r.Children = append(r.Children, attributeReference{Name: c.Name, Type: c.Set.Name, Link: c.Set.Name})
	}
	for _, a := range actionsOf(s) {
		if a.Common {
			continue // told once
		}
		parameters := make([]string, len(a.Parameters))
		for i, p := range a.Parameters {
			parameters[i] = p.Name + " " + p.Type
		}
		r.Actions = append(r.Actions, a.Name+"("+strings.Join(parameters, ", ")+")")
	}
	for _, name := range s.Functions {
		r.Functions = append(r.Functions, name+"()")
	}
	return r
}

func setNotes(s *model.Set) []string {
	var notes []string
	if s.Base != nil {
		notes = append(notes, "Its rows are rows of "+s.Base.Name+" too.")
	}
	if s.Abstract {
		notes = append(notes, "Abstract: rows are created in one of its subtypes.")
	}
	if s.ReadOnly {
		notes = append(notes, "Read only.")
	}
	if s.Security {
		notes = append(notes, "Needs the scope sec.")
	}
	for _, k := range s.Keys {
		notes = append(notes, "Unique: "+k.String()+".")
	}
	if s.Code != nil {
		notes = append(notes, "Found by Code: "+s.Code.String()+".")
	}
	if s.NameMember != nil {
		notes = append(notes, "Found by Name: "+s.NameMember.String()+".")
	}
	if len(s.SearchPaths) > 0 {
		paths := make([]string, len(s.SearchPaths))
		for i, p := range s.SearchPaths {
			paths[i] = p.String()
		}
		notes = append(notes, "$search looks at "+strings.Join(paths, ", ")+".")
	}
	return notes
}

// typeInWords is the type as people say it; sizes are in characters and
// decimal digits.
func typeInWords(p *model.Property) string {
	switch p.Kind {
	case model.KindString:
		return sized("Text", p.MaxLen)
	case model.KindMultiLanguage:
		return sized("Text in languages", p.MaxLen)
	case model.KindBool:
		return "Boolean"
	case model.KindInt:
		return "Whole number"
	case model.KindDecimal:
		return fmt.Sprintf("Decimal (%d, %d)", p.Precision, p.Scale)
	case model.KindAmount:
		return fmt.Sprintf("Amount (%d, %d)", p.Precision, p.Scale)
	case model.KindQuantity:
		return fmt.Sprintf("Quantity (%d, %d)", p.Precision, p.Scale)
	case model.KindDate:
		return "Date"
	case model.KindDateTime:
		return "Date and time"
	case model.KindEnum:
		return p.Enum.Name
	case model.KindGUID:
		return "GUID"
	case model.KindReference:
		return p.Target.Name
	}
	return ""
}

func sized(word string, limit int) string {
	if limit == 0 {
		return word
	}
	return fmt.Sprintf("%s (%d)", word, limit)
}

// capabilities are what filters and orders may do, in the words of the model's
// documentation.
func capabilities(p *model.Property) string {
	words := []struct {
		can  model.Capability
		word string
	}{
		{model.CanEq, "eq"}, {model.CanIn, "in"}, {model.CanRange, "ge"}, {model.CanLike, "like"}, {model.CanOrder, "ord"},
	}
	var can []string
	for _, w := range words {
		if p.Can&w.can != 0 {
			can = append(can, w.word)
		}
	}
	if p.Filterable {
		can = append(can, "path")
	}
	return strings.Join(can, ", ")
}

func propertyNotes(p *model.Property) []string {
	var notes []string
	if p.Required {
		notes = append(notes, "required")
	}
	switch {
	case p.ChangedBy != "":
		notes = append(notes, "changed by "+p.ChangedBy)
	case p.ReadOnly:
		notes = append(notes, "read only")
	case p.CreateOnly:
		notes = append(notes, "set at creation only")
	}
	if p.IDOf != nil {
		notes = append(notes, "the Id of "+p.IDOf.Name+", and part of the row's key")
	}
	switch {
	case p.Explicit && p.Name == "Id":
		notes = append(notes, "only when $select names it, and in the answer to a write")
	case p.Explicit:
		notes = append(notes, "only when $select names it")
	}
	if len(p.Unit) > 0 {
		path := make([]string, len(p.Unit))
		for i, u := range p.Unit {
			path[i] = u.Name
		}
		notes = append(notes, "in "+strings.Join(path, "."))
	}
	if p.Set != nil && p.Set.Owner == p {
		notes = append(notes, "the owner")
	}
	return slices.Clip(notes)
}
