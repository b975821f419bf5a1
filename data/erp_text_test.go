package data_test

import (
	"strings"
	"testing"

	"github.com/hybridapps/tandem/api/odata"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/query"
	"github.com/hybridapps/tandem/sqldb"
)

// FuzzF33_StatementIsTheSameWhateverIsTyped compiles every kind of condition
// with a typed text and with a tame one: the statements must be equal, so what
// is typed can be in the parameters only.
func FuzzF33_StatementIsTheSameWhateverIsTyped(f *testing.F) {
	for _, text := range oddities {
		f.Add(text)
	}
	e := data.NewERP(datatest.Open(f, sqldb.SQLite), erpModel)
	set := erpModel.Set("Crm_Sales_Customers")
	compile := func(t *testing.T, text string) string {
		number, name, party := path(set, "Number"), path(set, "Party/PartyName"), path(set, "Party")
		q := &query.Query{Set: set, Search: text, From: text, Where: query.And{
			&query.Compare{Path: number, Value: model.TextValue(text), OrNull: true},
			&query.Compare{Path: party, Value: model.TextValue(text)},
			&query.In{Path: number, Values: []model.Value{model.TextValue(text), model.TextValue(text)}},
			&query.Match{Path: number, Func: odata.Contains, Text: text},
			&query.Match{Path: number, Func: odata.StartsWith, Text: text},
			&query.Match{Path: number, Func: odata.EndsWith, Text: text},
			&query.Match{Path: name, Func: odata.Contains, Text: text},
			&query.RefContains{Path: party, Text: text},
		}}
		got, err := e.Text(q)
		must(t, err)
		return got
	}
	f.Fuzz(func(t *testing.T, text string) {
		// An empty search or start is none.
		tame := "x"
		if text == "" {
			tame = ""
		}
		if got, want := compile(t, text), compile(t, tame); got != want || strings.ContainsAny(got, "'\\;") {
			t.Errorf("with %q:\n%s\n%s", text, got, want)
		}
	})
}
