package query_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/query"
)

// kinds is a set with a property of every kind.
func kinds() *model.Model {
	size := model.NewEnum("Size", "Small", "Large")
	return model.New([]model.SetDeclaration{
		model.Root("Units", "Unit", "units").Unguarded().Code("Code").With(model.Text("Code", 4)),
		model.Root("Things", "Thing", "things").Unguarded().Abstract("Size").Child("Parts", "Parts").
			With(
				model.Text("Text", 0), model.Multilingual("Name", 0), model.Bool("Flag"), model.Int("Number"),
				model.Decimal("Ratio", 9, 3), model.Amount("Cost", 9, 2, "Unit"), model.Quantity("Weight", 9, 3, "Unit"),
				model.Date("Day"), model.DateTime("Instant"), model.OneOf("Size", size),
				model.Ref("Unit", "Units"), model.Ref("Other", "Things"),
			),
		model.Subtype("Things", "Boxes", "Box", 1),
		model.Part("Parts", "Part", "parts", "Thing").With(model.Int("LineNo"), model.Ref("Thing", "Things")),
	}, nil)
}

// TestRowsAreWritten has a golden row for every kind, null and not.
func TestRowsAreWritten(t *testing.T) {
	t.Parallel()
	things := kinds().Set("Things")
	full := map[string]model.Value{
		"Text": model.TextValue("a \"b\"\n<c>\u2028Я"), "Name": model.TextValue(model.MultiLanguage("EN", "Box", "BG", "Кутия")),
		"Flag": model.BoolValue(true), "Number": model.IntValue(-7), "Ratio": model.IntValue(-1500),
		"Cost": {Int: 1250, Unit: "EUR"}, "Weight": {Int: 5, Unit: "kg"},
		"Day": model.IntValue(1769817600000000), "Instant": model.IntValue(1769853300123456),
		"Size": model.IntValue(1), "Unit": model.TextValue(aGUID), "Other": {Text: aGUID, Int: 1},
		"ExternalId": model.TextValue("7"), "ExternalSystem": model.TextValue(""), "AdditionalDataJson": model.TextValue("{}"),
	}
	row := func(values map[string]model.Value) *query.Row {
		r := &query.Row{Set: things, ID: aGUID}
		for _, p := range things.DefaultFields() {
			v, ok := values[p.Name]
			r.Values = append(r.Values, model.Value{Text: v.Text, Int: v.Int, Unit: v.Unit, Null: !ok})
		}
		return r
	}
	const head = `{"@odata.id":"Things(` + aGUID + `)"`
	for _, c := range []struct {
		what string
		q    *query.Query
		row  *query.Row
		want string
	}{
		{"everything", &query.Query{Set: things}, row(full), head + `,"ExternalId":"7","ExternalSystem":"","AdditionalDataJson":"{}",` +
			`"Text":"a \"b\"\n<c>` + "\u2028" + `Я","Name":{"BG":"Кутия","EN":"Box"},"Flag":true,"Number":-7,"Ratio":-1.5,` +
			`"Cost":{"Value":12.5,"Currency":"EUR"},"Weight":{"Value":0.005,"Unit":"kg"},` +
			`"Day":"2026-01-31T00:00:00Z","Instant":"2026-01-31T09:55:00.123456Z","Size":"Large",` +
			`"Unit":{"@odata.id":"Units(` + aGUID + `)"},"Other":{"@odata.id":"Boxes(` + aGUID + `)"}}`},
		{"nothing", &query.Query{Set: things}, row(nil), head + `,"ExternalId":null,"ExternalSystem":null,"AdditionalDataJson":null,` +
			`"Text":null,"Name":null,"Flag":null,"Number":null,"Ratio":null,"Cost":null,"Weight":null,"Day":null,"Instant":null,"Size":null,` +
			`"Unit":null,"Other":null}`},
		{"nothing without nulls", &query.Query{Set: things, SkipNulls: true}, row(nil), head + `}`},
		{"an amount without a currency", &query.Query{Set: things, SkipNulls: true}, row(map[string]model.Value{"Cost": model.IntValue(-1)}),
			head + `,"Cost":{"Value":-0.01,"Currency":null}}`},
		{"the zero values", &query.Query{Set: things, SkipNulls: true},
			row(map[string]model.Value{"Text": {}, "Flag": {}, "Number": {}, "Ratio": {}, "Size": {}, "Day": {}}),
			head + `,"Text":"","Flag":false,"Number":0,"Ratio":0,"Day":"1970-01-01T00:00:00Z","Size":"Small"}`},
	} {
		got := string(c.q.AppendRow([]byte("before"), c.row))
		if got != "before"+c.want {
			t.Errorf("%s\n got %s\nwant before%s", c.what, got, c.want)
		}
		if !json.Valid([]byte(strings.TrimPrefix(got, "before"))) {
			t.Errorf("%s: not JSON: %s", c.what, got)
		}
	}
}

func TestExpansionsAreWritten(t *testing.T) {
	t.Parallel()
	m := kinds()
	things, parts, units := m.Set("Things"), m.Set("Parts"), m.Set("Units")
	q := &query.Query{Set: things, Fields: []*model.Property{things.Property("Number"), things.Property("Unit")}, Expand: []*query.Expand{
		{Reference: things.Property("Unit"), Query: query.Query{Set: units, Fields: []*model.Property{units.Property("Code")}}},
		{Child: things.Child("Parts"), Query: query.Query{Set: parts, Fields: []*model.Property{parts.Property("LineNo")}}},
	}}
	unit := query.Row{Set: units, ID: "u", Values: []model.Value{model.TextValue("kg")}}
	part := func(n int64) query.Row {
		return query.Row{Set: parts, ID: "p", Values: []model.Value{model.IntValue(n)}}
	}
	row := &query.Row{Set: m.Set("Boxes"), ID: "b", Values: []model.Value{model.IntValue(1), model.TextValue("u")},
		Expanded: [][]query.Row{{unit}, {part(10), part(20)}}}
	want := `{"@odata.type":"#Erp.Box","@odata.id":"Boxes(b)","Number":1,"Unit":{"@odata.id":"Units(u)","Code":"kg"},` +
		`"Parts":[{"@odata.id":"Parts(p)","LineNo":10},{"@odata.id":"Parts(p)","LineNo":20}]}`
	if got := string(q.AppendRow(nil, row)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	row.Expanded = [][]query.Row{nil, nil}
	if got, want := string(q.AppendRow(nil, row)), `{"@odata.type":"#Erp.Box","@odata.id":"Boxes(b)","Number":1,"Unit":null,"Parts":[]}`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	q.SkipNulls = true
	if got, want := string(q.AppendRow(nil, row)), `{"@odata.type":"#Erp.Box","@odata.id":"Boxes(b)","Number":1,"Parts":[]}`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
