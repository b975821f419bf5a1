package api

import (
	"encoding/xml"
	"fmt"
	"strings"

	"github.com/hybridapps/tandem/api/odata"
	"github.com/hybridapps/tandem/erp/model"
)

// metadata writes the model as CSDL XML (OASIS "OData Version 4.0 Part 3:
// Common Schema Definition Language"), in the namespace Erp. The rows of views
// have no Id: their key are the Ids of what they refer to.
func metadata(m *model.Model, has sources) []byte {
	w := &csdl{}
	w.line(`<?xml version="1.0" encoding="utf-8"?>`)
	w.line(`<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx">`)
	w.line(`<edmx:Reference Uri="https://oasis-tcs.github.io/odata-vocabularies/vocabularies/Org.OData.Core.V1.xml">`)
	w.line(`<edmx:Include Namespace="Org.OData.Core.V1" Alias="Core"/>`)
	w.line(`</edmx:Reference>`)
	w.line(`<edmx:DataServices>`)
	w.line(`<Schema Namespace="%s" xmlns="http://docs.oasis-open.org/odata/ns/edm">`, odata.Namespace)
	w.complexTypes()
	for _, e := range enums(m) {
		w.enum(e)
	}
	for _, s := range m.Sets {
		w.entityType(s)
	}
	if has.sessions {
		w.sessionsType()
	}
	for _, s := range m.Sets {
		w.actions(s)
		w.dataObjectOf(s, m.Set(dataObjects))
	}
	w.operations(has)
	w.container(m, has)
	w.line(`</Schema>`)
	w.line(`</edmx:DataServices>`)
	w.line(`</edmx:Edmx>`)
	return []byte(w.b.String())
}

// csdl is an XML text in the making. It indents by the tags it is given.
type csdl struct {
	b     strings.Builder
	depth int
}

// line writes one element or tag; texts among args are escaped.
func (w *csdl) line(format string, args ...any) {
	for i, a := range args {
		if s, ok := a.(string); ok {
			args[i] = escapeXML(s)
		}
	}
	closing := strings.HasPrefix(format, "</")
	if closing {
		w.depth--
	}
	w.b.WriteString(strings.Repeat("  ", w.depth))
	fmt.Fprintf(&w.b, format, args...)
	w.b.WriteByte('\n')
	whole := strings.HasSuffix(format, "/>") || strings.Contains(format, "</")
	if !closing && !strings.HasPrefix(format, "<?") && !whole {
		w.depth++
	}
}

func escapeXML(s string) string {
	if !strings.ContainsAny(s, `<>&"'`) {
		return s
	}
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder never fails
	return b.String()
}

func (w *csdl) complexTypes() {
	w.line(`<ComplexType Name="Amount">`)
	w.line(`<Property Name="Value" Type="Edm.Decimal" Nullable="false" Scale="variable"/>`)
	w.line(`<Property Name="Currency" Type="Edm.String"/>`)
	w.line(`</ComplexType>`)
	w.line(`<ComplexType Name="Quantity">`)
	w.line(`<Property Name="Value" Type="Edm.Decimal" Nullable="false" Scale="variable"/>`)
	w.line(`<Property Name="Unit" Type="Edm.String"/>`)
	w.line(`</ComplexType>`)
	w.line(`<ComplexType Name="MultilanguageString" OpenType="true"/>`)
	w.line(`<ComplexType Name="OpenObject" OpenType="true"/>`)
}

// enums are the enumerations of the model, each once, in the order of use.
func enums(m *model.Model) []*model.Enum {
	var all []*model.Enum
	seen := map[string]bool{}
	for _, s := range m.Sets {
		for _, p := range s.Properties {
			if p.Enum != nil && !seen[p.Enum.Name] {
				seen[p.Enum.Name] = true
				all = append(all, p.Enum)
			}
		}
	}
	return all
}

func (w *csdl) enum(e *model.Enum) {
	w.line(`<EnumType Name="%s">`, e.Name)
	for _, m := range e.Members {
		w.line(`<Member Name="%s" Value="%d"/>`, m.Name, m.Value)
	}
	w.line(`</EnumType>`)
}

func (w *csdl) entityType(s *model.Set) {
	attributes := ""
	if s.Base != nil {
		attributes = ` BaseType="` + qualified(s.Base.Type) + `"`
	}
	if s.Abstract {
		attributes += ` Abstract="true"`
	}
	w.line(`<EntityType Name="%s"`+attributes+`>`, s.Type)
	key := s.RowKey()
	if s.Base == nil && !s.View {
		key = []*model.Property{s.ID()}
	}
	if len(key) > 0 {
		w.line(`<Key>`)
		for _, p := range key {
			w.line(`<PropertyRef Name="%s"/>`, p.Name)
		}
		w.line(`</Key>`)
	}
	var references []*model.Property
	for _, p := range s.Properties {
		switch {
		case s.Base != nil && s.Base.Property(p.Name) == p: // inherited
		case p.IsReference():
			references = append(references, p)
		default:
			w.line(`<Property Name="%s"`+propertyType(p)+`/>`, p.Name)
		}
	}
	if s.Stream != "" {
		w.line(`<Property Name="%s" Type="Edm.Stream"/>`, s.Stream)
	}
	for _, p := range references {
		w.line(`<NavigationProperty Name="%s" Type="%s"`+required(p)+`/>`, p.Name, qualified(p.Target.Type))
	}
	for _, c := range s.Children {
		if s.Base == nil || s.Base.Child(c.Name) == nil {
			w.line(`<NavigationProperty Name="%s" Type="Collection(%s)" Partner="%s"/>`, c.Name, qualified(c.Set.Type), c.Owner.Name)
		}
	}
	w.line(`</EntityType>`)
}

func qualified(typ string) string { return odata.Namespace + "." + typ }

func required(p *model.Property) string {
	if p.Required || p.Name == "Id" {
		return ` Nullable="false"`
	}
	return ""
}

// propertyType are the attributes of a Property element after its name.
func propertyType(p *model.Property) string {
	typ := ""
	switch p.Kind {
	case model.KindString:
		typ = ` Type="Edm.String"`
		if p.MaxLen > 0 {
			typ += fmt.Sprintf(` MaxLength="%d"`, p.MaxLen)
		}
	case model.KindMultiLanguage:
		typ = ` Type="` + qualified("MultilanguageString") + `"`
	case model.KindBool:
		typ = ` Type="Edm.Boolean"`
	case model.KindInt:
		typ = ` Type="Edm.Int32"`
	case model.KindDecimal:
		typ = fmt.Sprintf(` Type="Edm.Decimal" Precision="%d" Scale="%d"`, p.Precision, p.Scale)
	case model.KindAmount:
		typ = ` Type="` + qualified("Amount") + `"`
	case model.KindQuantity:
		typ = ` Type="` + qualified("Quantity") + `"`
	case model.KindDate:
		typ = ` Type="Edm.DateTimeOffset" Precision="0"`
	case model.KindDateTime:
		typ = ` Type="Edm.DateTimeOffset" Precision="6"`
	case model.KindEnum:
		typ = ` Type="` + qualified(p.Enum.Name) + `"`
	case model.KindGUID:
		typ = ` Type="Edm.Guid"`
	}
	return typ + required(p)
}

// actions writes the actions and functions bound to the rows of a set.
func (w *csdl) actions(s *model.Set) {
	for _, a := range actionsOf(s) {
		w.line(`<Action Name="%s" IsBound="true">`, a.Name)
		w.line(`<Parameter Name="bindingParameter" Type="%s" Nullable="false"/>`, qualified(s.Type))
		for _, p := range a.Parameters {
			w.line(`<Parameter Name="%s" Type="%s"/>`, p.Name, p.Type)
		}
		if a == printouts {
			w.line(`<ReturnType Type="Edm.String"/>`)
		}
		w.line(`</Action>`)
	}
	for _, name := range s.Functions {
		w.line(`<Function Name="%s" IsBound="true">`, name)
		w.line(`<Parameter Name="bindingParameter" Type="%s" Nullable="false"/>`, qualified(s.Type))
		w.line(`<ReturnType Type="%s"/>`, qualified("OpenObject"))
		w.line(`</Function>`)
	}
}

// dataObjectOf writes the function that gives what the files of a row hang on.
func (w *csdl) dataObjectOf(s, objects *model.Set) {
	if objects == nil || !s.TakesFiles() {
		return
	}
	w.line(`<Function Name="%s" IsBound="true">`, dataObject)
	w.line(`<Parameter Name="bindingParameter" Type="%s" Nullable="false"/>`, qualified(s.Type))
	w.line(`<ReturnType Type="%s"/>`, qualified(objects.Type))
	w.line(`</Function>`)
}

// functions are those without parameters that give one object.
func (o sources) functions() (names []string) {
	if o.usage {
		names = append(names, licenceUsage)
	}
	if o.persons {
		names = append(names, getPerson)
	}
	if o.proofs {
		names = append(names, lastProof, lastProofReport)
	}
	return names
}

func (w *csdl) operations(has sources) {
	open := qualified("OpenObject")
	w.line(`<Action Name="Import">`)
	w.line(`<Parameter Name="transaction" Type="Edm.String"/>`)
	w.line(`<Parameter Name="model" Type="Edm.String"/>`)
	w.line(`<Parameter Name="commit" Type="Edm.Boolean"/>`)
	w.line(`<Parameter Name="loggingLevel" Type="Edm.Int32"/>`)
	w.line(`<Parameter Name="objects" Type="Collection(%s)" Nullable="false"/>`, open)
	w.line(`<ReturnType Type="%s"/>`, open)
	w.line(`</Action>`)
	for _, name := range has.functions() {
		w.line(`<Function Name="%s">`, name)
		w.line(`<ReturnType Type="%s"/>`, open)
		w.line(`</Function>`)
	}
	w.line(`<Function Name="%s">`, allowedSets)
	w.line(`<ReturnType Type="Collection(%s)"/>`, open)
	w.line(`</Function>`)
	w.line(`<Function Name="GetVersion">`)
	w.line(`<ReturnType Type="%s"/>`, open)
	w.line(`</Function>`)
	w.line(`<Function Name="GetRenamedEntityTypes">`)
	w.line(`<ReturnType Type="Collection(%s)"/>`, open)
	w.line(`</Function>`)
}

func (w *csdl) container(m *model.Model, has sources) {
	w.line(`<EntityContainer Name="Container">`)
	for _, s := range m.Sets {
		var bindings [][2]string
		for _, p := range s.Properties {
			if p.IsReference() {
				bindings = append(bindings, [2]string{p.Name, p.Target.Name})
			}
		}
		for _, c := range s.Children {
			bindings = append(bindings, [2]string{c.Name, c.Set.Name})
		}
		versioned := s.Property("ObjectVersion") != nil
		if len(bindings) == 0 && !versioned {
			w.line(`<EntitySet Name="%s" EntityType="%s"/>`, s.Name, qualified(s.Type))
			continue
		}
		w.line(`<EntitySet Name="%s" EntityType="%s">`, s.Name, qualified(s.Type))
		for _, b := range bindings {
			w.line(`<NavigationPropertyBinding Path="%s" Target="%s"/>`, b[0], b[1])
		}
		if versioned {
			w.line(`<Annotation Term="Core.OptimisticConcurrency">`)
			w.line(`<Collection>`)
			w.line(`<PropertyPath>ObjectVersion</PropertyPath>`)
			w.line(`</Collection>`)
			w.line(`</Annotation>`)
		}
		w.line(`</EntitySet>`)
	}
	if has.sessions {
		w.line(`<EntitySet Name="%s" EntityType="%s"/>`, setSessions, qualified("Systems_Monitoring_CurrentSessionsEntry"))
	}
	w.line(`<ActionImport Name="Import" Action="%s"/>`, qualified("Import"))
	for _, name := range has.functions() {
		w.line(`<FunctionImport Name="%s" Function="%s" IncludeInServiceDocument="true"/>`, name, qualified(name))
	}
	w.line(`<FunctionImport Name="%s" Function="%s" IncludeInServiceDocument="true"/>`, allowedSets, qualified(allowedSets))
	w.line(`<FunctionImport Name="GetVersion" Function="%s" IncludeInServiceDocument="true"/>`, qualified("GetVersion"))
	w.line(`<FunctionImport Name="GetRenamedEntityTypes" Function="%s" IncludeInServiceDocument="true"/>`, qualified("GetRenamedEntityTypes"))
	w.line(`</EntityContainer>`)
}
