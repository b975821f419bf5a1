package mapping_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/hybridapps/tandem/worker/importer/mapping"
)

// metadata has the types that the shipped mapping uses, as the API tells them.
const metadata = "../../workertest/metadata.xml"

func checked(t *testing.T, text string) error {
	t.Helper()
	m, err := mapping.Parse([]byte(text))
	if err != nil {
		return err
	}
	file, err := os.Open(metadata)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	md, err := mapping.ReadMetadata(file)
	if err != nil {
		t.Fatal(err)
	}
	return m.Check(md)
}

func TestNorthwindFits(t *testing.T) {
	t.Parallel()
	if err := checked(t, string(mapping.Northwind())); err != nil {
		t.Error(err)
	}
}

const head = "version: 1\nname: T\nexternal_system: t\nsteps:\n  - file: a.csv\n    entity: Crm_Sales_SalesOrder\n    key: id\n    set:\n"

func TestFaultsNameTheirLine(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, text, want string }{
		{"empty", "", "line 1: the file is empty"},
		{"not YAML", "a: b: c", "line 1: not YAML: mapping values are not allowed in this context"},
		{"two documents", head + "      DocumentNo: id\n---\na: 1\n", "line 1: the file must hold one YAML document"},
		{"unknown version", strings.Replace(head, "version: 1", "version: 2", 1) + "      DocumentNo: id\n", `line 1: version "2" is unknown; this program reads version 1`},
		{"unknown key", strings.Replace(head, "name: T", "nane: T", 1) + "      DocumentNo: id\n", `line 2: a mapping file has no key "nane"`},
		{"unknown key of a value", head + "      DocumentNo: {colum: id}\n", `line 9: a value has no key "colum"`},
		{"twice", head + "      DocumentNo: id\n      DocumentNo: id\n", "line 10: DocumentNo is set twice"},
		{"no key column", "version: 1\nname: T\nexternal_system: t\nsteps:\n  - file: a.csv\n    entity: X\n", "line 5: the step has no key"},
		{"no source", head + "      DocumentNo: {as: text}\n", "line 9: a value needs exactly one of column"},
		{"unknown conversion", head + "      DocumentNo: {column: id, as: money}\n", `line 9: as "money" is unknown`},
		{"layout that is none", head + "      DocumentDate: {column: d, as: date, layout: yyyy-mm-dd}\n", `line 9: layout "yyyy-mm-dd" is not one`},
		{"template without column", head + "      DocumentNo: {template: NW}\n", `line 9: template "NW" names no {column}`},
		{"alias", head + "      DocumentNo: {constant: &a x}\n      DocumentNotes: {constant: *a}\n", "line 10: anchors and aliases are not supported"},
		{"an annotation smuggled in", head + "      \"@erpnet.action\": {constant: delete}\n", `line 9: "@erpnet.action" is not the name of an attribute`},
		{"its own ExternalId", head + "      ExternalId: id\n", `line 9: "ExternalId" is not the name of an attribute`},
		{"lookup of a later step", head + "      Customer: {column: c, lookup: b.csv}\n  - file: b.csv\n    entity: Crm_Sales_Customer\n    key: id\n", "line 9: Customer looks up rows of b.csv, which is imported later"},
		{"lookup of nothing", head + "      Customer: {column: c, lookup: b.csv}\n", "line 9: Customer looks up rows of b.csv, which is no step's file"},
		{"one file twice", head + "      DocumentNo: id\n  - file: A.csv\n    entity: X\n    key: id\n", "line 10: the file A.csv is in two steps"},
		// Against the metadata.
		{"no such type", strings.Replace(head, "Crm_Sales_SalesOrder", "Crm_Sales_SalesOrders", 1) + "      DocumentNo: id\n", "line 5: the API has no entity type Crm_Sales_SalesOrders"},
		{"no such attribute", head + "      DocumentNumber: id\n", "line 9: Crm_Sales_SalesOrder has no attribute DocumentNumber"},
		{"wrong conversion", head + "      DocumentDate: {column: d}\n", "line 9: DocumentDate is Edm.DateTimeOffset, which as: text does not make; use as: date"},
		{"reference as text", head + "      Customer: c\n", "line 9: Customer is a reference to Crm_Sales_Customer; use lookup, find or object"},
		{"lookup of another type", head + "      DocumentNo: id\n  - file: b.csv\n    entity: Crm_Sales_SalesOrder\n    key: id\n    set:\n      Customer: {column: c, lookup: a.csv}\n", "line 14: Customer refers to Crm_Sales_Customer, but the rows of a.csv are Crm_Sales_SalesOrder"},
		{"collection as attribute", head + "      Lines: c\n", "line 9: Lines is a child collection; use children"},
		{"no such collection", head + "      DocumentNo: id\n    children:\n      - {collection: Rows, file: b.csv, parent: id}\n", "line 11: Crm_Sales_SalesOrder has no child collection Rows"},
		{"abstract", head + "      Customer:\n        object:\n          entity: General_Contacts_Party\n", "line 11: General_Contacts_Party is abstract"},
		{"an enumeration takes names", head + "      State: {column: s}\n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			err := checked(t, c.text)
			if c.want == "" && err == nil {
				return
			}
			if err == nil || c.want == "" || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

func TestConversions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, value, cell, want, problem string }{
		{"text", "{column: c}", " Ana \"x\" <b> ", `"Ana \"x\" \u003cb\u003e"`, ""},
		{"empty", "{column: c}", "", "", ""},
		{"NULL", "{column: c}", "NULL", "", ""},
		{"default", "{column: c, default: 0}", "NULL", "0", ""},
		{"required", "{column: c, required: true}", "NULL", "", "a value is required here"},
		{"multilanguage", "{column: c, as: multilanguage}", "Köln", `{"EN":"Köln"}`, ""},
		{"another language", "{column: c, as: multilanguage, language: BG}", "x", `{"BG":"x"}`, ""},
		{"cut by characters", "{column: c, max: 3}", "Łódź!", `"Łód"`, "cut to 3 characters"},
		{"number", "{column: c, as: number}", "-14.50", "-14.50", ""},
		{"number with a plus", "{column: c, as: number}", "+1", "1", ""},
		{"not JSON's number", "{column: c, as: number}", "1e9", "", "not a number; write it like 1234.5"},
		{"leading zero", "{column: c, as: number}", "007", "", "not a number; write it like 1234.5"},
		{"German number", "{column: c, as: number}", "1.234,5", "", "not a number; write it like 1234.5"},
		{"integer", "{column: c, as: integer}", "12", "12", ""},
		{"not an integer", "{column: c, as: integer}", "1.5", "", "not a whole number"},
		{"boolean", "{column: c, as: boolean}", "Yes", "true", ""},
		{"turned around", "{column: c, as: boolean, not: true}", "1", "false", ""},
		{"not a boolean", "{column: c, as: boolean}", "perhaps", "", "neither true nor false; write true, false, yes, no, 1 or 0"},
		{"date", `{column: c, as: date, layout: "2006-01-02 15:04:05.000"}`, "1996-07-04 00:00:00.000", `"1996-07-04T00:00:00Z"`, ""},
		{"one of two layouts", `{column: c, as: date, layout: ["2006-01-02", "02.01.2006"]}`, "04.07.1996", `"1996-07-04T00:00:00Z"`, ""},
		{"no such day", "{column: c, as: date}", "1996-02-30", "", "not a date that the mapping expects; it should look like 2006-01-02"},
		{"time", "{column: c, as: datetime}", "1996-07-04 10:20:30", `"1996-07-04T10:20:30Z"`, ""},
		{"amount", "{column: c, as: amount, currency: USD}", "18.00", `{"Value":18.00,"Currency":"USD"}`, ""},
		{"quantity", "{column: c, as: quantity}", "12", `{"Value":12}`, ""},
		{"template", `{template: "NW-{c}/{id}"}`, "7", `"NW-7/k"`, ""},
		{"constant", "{constant: {EN: x}}", "", `{"EN":"x"}`, ""},
		{"find", "{find: {Code: USD}}", "", `{"@erpnet.findBy":{"Code":"USD"}}`, ""},
		{"lookup", "{column: c, lookup: a.csv}", "O'1", `{"@odata.type":"Erp.X","@erpnet.action":"find","@erpnet.findBy":{"ExternalId":"O'1","ExternalSystem":"t"}}`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m, err := mapping.Parse([]byte("version: 1\nname: T\nexternal_system: t\nnull: NULL\nsteps:\n  - file: a.csv\n    entity: X\n    key: id\n    set:\n      A: " + c.value + "\n"))
			if err != nil {
				t.Fatal(err)
			}
			object, key, problems := m.Make(m.Steps[0], func(column string) string { return map[string]string{"c": c.cell, "id": "k"}[column] })
			reason := ""
			for _, p := range problems {
				reason += p.Reason
			}
			if key != "k" || reason != c.problem {
				t.Errorf("key %q, problem %q; want %q", key, reason, c.problem)
			}
			if reason != "" && c.want == "" {
				return // a refused row is not sent
			}
			if !json.Valid(append(object, '}')) {
				t.Fatalf("not JSON: %s}", object)
			}
			_, got, _ := strings.Cut(string(object), `"ExternalSystem":"t","A":`)
			if got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// Whatever a mapping file says, it is refused or makes JSON.
func FuzzParse(f *testing.F) {
	f.Add(string(mapping.Northwind()), "x")
	f.Add(head+"      A: {template: \"{b}\", max: 3}\n", "\"\\\x00")
	f.Add(head+"      A: {constant: [1, {a: b}]}\n", "")
	f.Fuzz(func(t *testing.T, text, cell string) {
		m, err := mapping.Parse([]byte(text))
		if err != nil {
			if strings.TrimSpace(err.Error()) == "" {
				t.Error("a fault without words")
			}
			return
		}
		cells := func(string) string { return cell }
		for _, s := range m.Steps {
			object, _, problems := m.Make(s, cells)
			bad := false
			for _, p := range problems {
				bad = bad || !p.Warning
			}
			if !bad && !json.Valid(append(object, '}')) {
				t.Errorf("not JSON: %s}", object)
			}
			for _, c := range s.Children {
				if object, problems := m.MakeChild(c, 0, cells); len(problems) == 0 && !json.Valid(object) {
					t.Errorf("not JSON: %s", object)
				}
			}
		}
		for _, o := range m.Prepare {
			if object := m.MakePrepared(o); !json.Valid(object) {
				t.Errorf("not JSON: %s", object)
			}
		}
	})
}
