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
	compile := func(t *testing.T, text, search string) string {
		number, name, party := path(set, "Number"), path(set, "Party/PartyName"), path(set, "Party")
		q := &query.Query{Set: set, Search: search, From: text, Where: query.And{
			&query.Compare{Path: number, Value: model.TextValue(text), OrNull: true},
			&query.Compare{Path: party, Value: model.TextValue(text)},
			&query.In{Path: number, Values: []model.Value{model.TextValue(text), model.TextValue(text)}},
			&query.Match{Path: number, Func: odata.Contains, Text: text},
			&query.Match{Path: number, Func: odata.StartsWith, Text: text},
			&query.Match{Path: number, Func: odata.EndsWith, Text: text},
			&query.Match{Path: name, Func: odata.Contains, Text: text},
			&query.RefContains{Path: party, Text: search},
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
		// A search is a condition for each word.
		search := strings.Repeat("x ", len(model.SearchWords(text)))
		if text != "" && search == "" {
			search = "AND" // which is no word
		}
		if got, want := compile(t, text, text), compile(t, tame, search); got != want || strings.ContainsAny(got, "'\\;") {
			t.Errorf("with %q:\n%s\n%s", text, got, want)
		}
	})
}

// TestTextsOfAFormerVersionAreFoldedAgain has a row as an older program wrote it.
func TestTextsOfAFormerVersionAreFoldedAgain(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newShop(t, db)
		s.create(orders, `{"Customer":{"Number":"C1"},"CustomerPurchaseOrderNo":"PO-Ä1"}`)
		for _, old := range []string{
			`UPDATE erp_parties SET party_name_text = 'müller & söhne' WHERE registration_number = '201'`,
			`UPDATE erp_sales_orders SET customer_purchase_order_no_text = NULL, customer_purchase_order_no_case = NULL`,
		} {
			_, err := db.Writer().ExecContext(t.Context(), old)
			must(t, err)
		}
		found := func(set, text string) int {
			n, err := s.Count(t.Context(), &query.Query{Set: erpModel.Set(set), Search: text})
			must(t, err)
			return int(n)
		}
		same := func(text string) int {
			by := &query.Compare{Path: path(erpModel.Set(orders), "CustomerPurchaseOrderNo"), Value: model.TextValue(text), Fold: true}
			n, err := s.Count(t.Context(), &query.Query{Set: erpModel.Set(orders), Where: by})
			must(t, err)
			return int(n)
		}
		if same("po-ä1") != 0 || found("Crm_Sales_Customers", "muller") != 0 || found(orders, "po-a1") != 0 {
			t.Error("the rows are no older ones")
		}
		const renamed = `UPDATE erp_parties SET party_name = 'Müller und Söhne', party_name_text = 'muller und sohne' WHERE registration_number = '201'`
		meanwhile(t, db, func() error { return s.Refold(t.Context()) }, renamed)
		if found("Crm_Sales_Customers", "muller und") != 1 {
			t.Error("a name of today was folded as what it was before")
		}
		for range 2 {
			must(t, s.Refold(t.Context()))
			if found("Crm_Sales_Customers", "muller") != 1 || found(orders, "po-a1 sohne") != 1 || same("po-a\u03081") != 1 {
				t.Error("rows are not found after they were folded again")
			}
		}
	})
}
