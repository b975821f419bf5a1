package api_test

import (
	"encoding/xml"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s (go test ./api -update writes it anew): %s", file, d)
	}
}

type csdlSchema struct {
	Namespace   string          `xml:"Namespace,attr"`
	EnumTypes   []csdlType      `xml:"EnumType"`
	Complex     []csdlType      `xml:"ComplexType"`
	EntityTypes []csdlType      `xml:"EntityType"`
	Actions     []csdlOperation `xml:"Action"`
	Functions   []csdlOperation `xml:"Function"`
	Containers  []csdlContainer `xml:"EntityContainer"`
}

type csdlType struct {
	Name     string `xml:"Name,attr"`
	BaseType string `xml:"BaseType,attr"`
	Key      []struct {
		Name string `xml:"Name,attr"`
	} `xml:"Key>PropertyRef"`
	Members []struct {
		Name string `xml:"Name,attr"`
	} `xml:"Member"`
	Properties []csdlProperty `xml:"Property"`
	Navigation []csdlProperty `xml:"NavigationProperty"`
}

type csdlProperty struct {
	Name    string `xml:"Name,attr"`
	Type    string `xml:"Type,attr"`
	Partner string `xml:"Partner,attr"`
}

type csdlOperation struct {
	Name       string         `xml:"Name,attr"`
	Parameters []csdlProperty `xml:"Parameter"`
	Return     *csdlProperty  `xml:"ReturnType"`
}

type csdlContainer struct {
	Name string `xml:"Name,attr"`
	Sets []struct {
		Name     string `xml:"Name,attr"`
		Type     string `xml:"EntityType,attr"`
		Bindings []struct {
			Path   string `xml:"Path,attr"`
			Target string `xml:"Target,attr"`
		} `xml:"NavigationPropertyBinding"`
	} `xml:"EntitySet"`
}

// TestMetadataIsConsistent checks what a generator of clients relies on: every
// type, partner and target that is named exists, and no name is there twice.
func TestMetadataIsConsistent(t *testing.T) {
	t.Parallel()
	r, text := call(t, serve(t, &fake{}), "GET", "$metadata", "")
	if r.StatusCode != 200 || r.Header.Get("Content-Type") != "application/xml;charset=utf-8" {
		t.Fatal(r.Status, r.Header)
	}
	var document struct {
		XMLName xml.Name     `xml:"http://docs.oasis-open.org/odata/ns/edmx Edmx"`
		Version string       `xml:"Version,attr"`
		Schemas []csdlSchema `xml:"DataServices>Schema"`
	}
	if err := xml.Unmarshal([]byte(text), &document); err != nil {
		t.Fatal(err)
	}
	if document.Version != "4.0" || len(document.Schemas) != 1 || document.Schemas[0].Namespace != "Erp" {
		t.Fatal("not one schema Erp of version 4.0")
	}
	s := document.Schemas[0]
	types, entities := map[string]bool{}, map[string]csdlType{}
	declare := func(name string) {
		if types["Erp."+name] {
			t.Errorf("the type %s is there twice", name)
		}
		types["Erp."+name] = true
	}
	for _, e := range s.EnumTypes {
		declare(e.Name)
		if len(e.Members) == 0 {
			t.Errorf("the enumeration %s is empty", e.Name)
		}
	}
	for _, c := range s.Complex {
		declare(c.Name)
	}
	for _, e := range s.EntityTypes {
		declare(e.Name)
		entities["Erp."+e.Name] = e
	}
	known := func(where, typ string) {
		typ = strings.TrimSuffix(strings.TrimPrefix(typ, "Collection("), ")")
		if !types[typ] && !strings.HasPrefix(typ, "Edm.") {
			t.Errorf("%s has the unknown type %q", where, typ)
		}
	}
	// has looks for a member in a type and its bases.
	has := func(typ, member string) bool {
		for typ != "" {
			e := entities[typ]
			for _, p := range append(e.Properties, e.Navigation...) {
				if p.Name == member {
					return true
				}
			}
			typ = e.BaseType
		}
		return false
	}
	for _, e := range s.EntityTypes {
		if e.BaseType != "" {
			known(e.Name, e.BaseType)
		}
		for _, k := range e.Key {
			if !has("Erp."+e.Name, k.Name) {
				t.Errorf("%s has the unknown key %s", e.Name, k.Name)
			}
		}
		seen := map[string]bool{}
		for _, p := range append(e.Properties, e.Navigation...) {
			known(e.Name+"/"+p.Name, p.Type)
			if seen[p.Name] || e.BaseType != "" && has(e.BaseType, p.Name) {
				t.Errorf("%s has %s twice", e.Name, p.Name)
			}
			seen[p.Name] = true
		}
		for _, n := range e.Navigation {
			target := strings.TrimSuffix(strings.TrimPrefix(n.Type, "Collection("), ")")
			if _, ok := entities[target]; !ok || n.Partner != "" && !has(target, n.Partner) {
				t.Errorf("%s/%s leads to nothing: %+v", e.Name, n.Name, n)
			}
		}
	}
	for _, o := range append(s.Actions, s.Functions...) {
		for _, p := range o.Parameters {
			known(o.Name, p.Type)
		}
		if o.Return != nil {
			known(o.Name, o.Return.Type)
		}
	}
	if len(s.Containers) != 1 {
		t.Fatal("not one container")
	}
	sets := map[string]bool{}
	for _, set := range s.Containers[0].Sets {
		sets[set.Name] = true
	}
	for _, set := range s.Containers[0].Sets {
		e, ok := entities[set.Type]
		if !ok {
			t.Errorf("the set %s has the unknown type %s", set.Name, set.Type)
		}
		bound := map[string]bool{}
		for _, b := range set.Bindings {
			if !has(set.Type, b.Path) || !sets[b.Target] || bound[b.Path] {
				t.Errorf("%s: wrong binding %+v", set.Name, b)
			}
			bound[b.Path] = true
		}
		for typ := set.Type; typ != ""; typ = entities[typ].BaseType {
			e = entities[typ]
		}
		if len(e.Key) == 0 {
			t.Errorf("%s has no key", set.Name)
		}
	}
	for _, set := range erpModel.Sets {
		if !sets[set.Name] {
			t.Errorf("$metadata has no set %s", set.Name)
		}
	}
}

func TestServiceDocumentListsTheSets(t *testing.T) {
	t.Parallel()
	r, text := call(t, serve(t, &fake{}), "GET", "", "")
	if r.StatusCode != 200 {
		t.Fatal(r.Status)
	}
	golden(t, "service.json", text)
}

func TestMetadataGolden(t *testing.T) {
	t.Parallel()
	_, text := call(t, serve(t, &fake{}), "GET", "$metadata", "")
	golden(t, "metadata.xml", text)
}

func TestOperationsWithoutABinding(t *testing.T) {
	t.Parallel()
	h := serve(t, &fake{})
	for path, want := range map[string]string{
		"GetVersion":   `{"@odata.context":"` + domainRoot + `$metadata#Erp.OpenObject","version":"1.2.3"}`,
		"GetVersion()": `{"@odata.context":"` + domainRoot + `$metadata#Erp.OpenObject","version":"1.2.3"}`,
	} {
		if r, text := call(t, h, "GET", path, ""); r.StatusCode != 200 || text != want {
			t.Errorf("%s: %d %s", path, r.StatusCode, text)
		}
	}
	_, text := call(t, h, "GET", "GetRenamedEntityTypes", "")
	for _, want := range []string{`{"@odata.context":"` + domainRoot + `$metadata#Collection(Erp.OpenObject)","value":[{"OldName":"`, `{"OldName":"Crm_Customers","NewName":"Crm_Sales_Customers","Version":"25.1.2.28"}`} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
	r, text := call(t, h, "GET", "Crm_Customers", "")
	refused(t, r, text, 404, "Crm_Sales_Customers")
	if !strings.Contains(text, domainRoot+"GetRenamedEntityTypes") {
		t.Error("the error does not say where the renamed sets are: " + text)
	}
}
