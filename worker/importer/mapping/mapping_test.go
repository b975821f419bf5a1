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
		{"a decimal sign that is none", strings.Replace(head, "name: T", "name: T\ndecimal: x", 1) + "      DocumentNo: id\n", `line 3: decimal must be "." or ","`},
		{"one sign for both", strings.Replace(head, "name: T", "name: T\nthousands: .", 1) + "      DocumentNo: id\n", "line 3: decimal and thousands must be two signs"},
		{"an unknown encoding", strings.Replace(head, "name: T", "name: T\nencoding: ebcdic", 1) + "      DocumentNo: id\n", `line 3: encoding "ebcdic" is unknown; use utf-8, windows-1252`},
		{"a table that is none", head + "      DocumentNo: {column: id, values: [a]}\n", "line 9: values must be a list of what stands in the file"},
		{"others without a table", head + "      DocumentNo: {column: id, others: keep}\n", "line 9: others must be keep or refuse"},
		{"match by what is nothing", head + "      Customer: {column: c, match: number}\n", "line 9: match must be external_id, code or name"},
		{"a key of children that they do not set", head + "      DocumentNo: id\n    children:\n      - {collection: Lines, file: b.csv, parent: id, key: Product, set: {LineNo: {column: n, as: integer}}}\n", "line 11: key of children: Product must be one of the attributes"},
		{"children without a key", head + "      DocumentNo: id\n    children:\n      - {collection: Lines, file: b.csv, parent: id, set: {LineNo: {constant: 1}}}\n", "line 11: the children have nothing that tells them apart"},
		{"children of the same file", head + "      DocumentNo: id\n    children:\n      - {collection: Lines, set: {LineNo: {column: n, as: integer}}}\n", ""},
		{"children of the same file by another key", head + "      DocumentNo: id\n    children:\n      - {collection: Lines, parent: x, set: {LineNo: {column: n, as: integer}}}\n", "line 11: children of the same file have the key of the step"},
		// Against the metadata.
		{"no such type", strings.Replace(head, "Crm_Sales_SalesOrder", "Crm_Sales_SalesOrders", 1) + "      DocumentNo: id\n", "line 5: the API has no entity type Crm_Sales_SalesOrders"},
		{"no such attribute", head + "      DocumentNumber: id\n", "line 9: Crm_Sales_SalesOrder has no attribute DocumentNumber"},
		{"wrong conversion", head + "      DocumentDate: {column: d}\n", "line 9: DocumentDate is Edm.DateTimeOffset, which as: text does not make; use as: date"},
		{"reference as text", head + "      Customer: c\n", "line 9: Customer is a reference to Crm_Sales_Customer; use lookup, match, find or object"},
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
		{"German number", "{column: c, as: number}", "1.234,5", "", "not a number; write it like 1234.5. Where the files write numbers in another way, name their decimal and thousands signs in the mapping"},
		{"a comma that could be both", "{column: c, as: number}", "1,234", "", "not a number; write it like 1234.5. Where the files write numbers in another way, name their decimal and thousands signs in the mapping"},
		{"a number of digits behind the sign alone", "{column: c, as: number}", ".5", "0.5", ""},
		{"a number without them", "{column: c, as: number}", "5.", "5", ""},
		{"a sign alone", "{column: c, as: number}", ".", "", "not a number; write it like 1234.5"},
		{"a sign behind the number", "{column: c, as: number}", "12.50-", "-12.50", ""},
		{"two signs", "{column: c, as: number}", "-12.50-", "", "not a number; write it like 1234.5"},
		{"brackets", "{column: c, as: number}", "(12.50)", "-12.50", ""},
		{"a minus of its own", "{column: c, as: number}", "−3", "-3", ""},
		{"no negative zero", "{column: c, as: number}", "0.00-", "0.00", ""},
		{"decimal comma", `{column: c, as: number, decimal: ","}`, "12,5", "12.5", ""},
		{"decimal comma and a point", `{column: c, as: number, decimal: ","}`, "12.5", "", "not a number; write it like 1234,5"},
		{"spaces between thousands", `{column: c, as: number, decimal: ",", thousands: " "}`, "1 234,50", "1234.50", ""},
		{"spaces that do not break", `{column: c, as: number, decimal: ",", thousands: " "}`, "1\u00a0234\u202f567,5", "1234567.5", ""},
		{"groups that are none", `{column: c, as: number, thousands: ","}`, "1,23", "", "not a number; write it like 1,234.5"},
		{"groups not of three", `{column: c, as: number, thousands: ","}`, "1234,567", "", "not a number; write it like 1,234.5"},
		{"a Swiss number", `{column: c, as: number, thousands: "'"}`, "1’234.50", "1234.50", ""},
		{"the currency's sign", `{column: c, as: amount, currency: USD, thousands: ",", symbols: "$"}`, "$90,000 ", `{"Value":90000,"Currency":"USD"}`, ""},
		{"the currency's sign in brackets", `{column: c, as: amount, currency: USD, thousands: ",", symbols: [$]}`, " $(4,533.75)", `{"Value":-4533.75,"Currency":"USD"}`, ""},
		{"the currency's code", `{column: c, as: amount, currency: EUR, decimal: ","}`, "5,20 eur", `{"Value":5.20,"Currency":"EUR"}`, ""},
		{"the sign of the currency", `{column: c, as: amount, currency: USD, thousands: ","}`, "$90,000 ", `{"Value":90000,"Currency":"USD"}`, ""},
		{"another currency", "{column: c, as: amount, currency: EUR}", "$5", "", "not a number; write it like 1234.5. A sign beside the number must be that of its currency:, or be among the symbols: of the mapping"},
		{"too many digits", "{column: c, as: number}", strings.Repeat("9", 21), "", "not a number; write it like 1234.5"},
		{"the mapping's table", `{column: c, values: {M: Mr, F: Mrs}}`, "M", `"Mr"`, ""},
		{"the table in another case", `{column: c, values: {M: Mr, F: Mrs}}`, "f", `"Mrs"`, ""},
		{"not in the table", `{column: c, values: {M: Mr, F: Mrs}}`, "X", "", "not one of the values that the mapping has: F, M"},
		{"not in the table, and kept", `{column: c, values: {M: Mr}, others: keep}`, "Dr", `"Dr"`, ""},
		{"nothing by the table", `{column: c, values: {"-": null}, others: keep, default: x}`, "-", `"x"`, ""},
		{"yes in another language", "{column: c, as: boolean, values: {ja: true, nein: false}}", "Ja", "true", ""},
		{"integer of a table", "{column: c, as: integer, values: {one: 1}}", "one", "1", ""},
		{"integer with groups", `{column: c, as: integer, thousands: "."  , decimal: ","}`, "1.234", "1234", ""},
		{"integer that ends in zeros", "{column: c, as: integer}", "5.0", "5", ""},
		{"two digits of a year", `{column: c, as: date, layout: "2.1.06"}`, "1.2.68", "", "the year has two digits; write all four, or say in the mapping what they stand for, such as years_from: 1930"},
		{"two digits in this century", `{column: c, as: date, layout: "2.1.06", years_from: 1930}`, "1.2.29", `"2029-02-01T00:00:00Z"`, ""},
		{"two digits in the last", `{column: c, as: date, layout: "2.1.06", years_from: 1930}`, "1.2.68", `"1968-02-01T00:00:00Z"`, ""},
		{"no such leap day", `{column: c, as: date, layout: "2.1.06", years_from: 1850}`, "29.2.00", "", "not a date that the mapping expects; it should look like 2.1.06"},
		{"by its code", "{column: c, match: code}", "NW-1", `{"@erpnet.action":"find","@erpnet.findBy":{"Code":"NW-1"}}`, ""},
		{"by its external id", "{column: c, match: external_id, external_system: s}", "1", `{"@erpnet.action":"find","@erpnet.findBy":{"ExternalId":"1","ExternalSystem":"s"}}`, ""},
		{"integer", "{column: c, as: integer}", "12", "12", ""},
		{"not an integer", "{column: c, as: integer}", "1.5", "", "not a whole number"},
		{"boolean", "{column: c, as: boolean}", "Yes", "true", ""},
		{"turned around", "{column: c, as: boolean, not: true}", "1", "false", ""},
		{"not a boolean", "{column: c, as: boolean}", "perhaps", "", "neither true nor false; write true, false, yes, no, 1 or 0, or say in the mapping what it means (values:)"},
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
				child, problems := m.MakeChild(c, cells)
				for _, object := range [][]byte{c.New(child, 0), c.Existing(child, "x"), c.Gone("x")} {
					if len(problems) == 0 && !json.Valid(object) {
						t.Errorf("not JSON: %s", object)
					}
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

// Whatever stands in a cell, a number is refused or becomes one of JSON; and what
// has one sign for both is never taken.
func FuzzNumber(f *testing.F) {
	f.Add("1 234,50", ",", " ")
	f.Add("$(4,533.75)", ".", ",")
	f.Add("12.50-", ".", "")
	f.Add("1’234’567.5", ".", "'")
	f.Fuzz(func(t *testing.T, cell, decimal, thousands string) {
		quote := func(s string) string { b, _ := json.Marshal(s); return string(b) }
		value := "{column: c, as: amount, currency: USD, symbols: $"
		if decimal != "" {
			value += ", decimal: " + quote(decimal)
		}
		if thousands != "" {
			value += ", thousands: " + quote(thousands)
		}
		m, err := mapping.Parse([]byte(head + "      A: " + value + "}\n"))
		if err != nil {
			return
		}
		if decimal == thousands && decimal != "" {
			t.Errorf("%q is taken for both", decimal)
		}
		object, _, problems := m.Make(m.Steps[0], func(column string) string {
			if column == "id" {
				return "k"
			}
			return cell
		})
		if len(problems) == 0 && !json.Valid(append(object, '}')) {
			t.Errorf("%q is %s", cell, object)
		}
	})
}
