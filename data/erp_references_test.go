package data_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/query"
	"github.com/hybridapps/tandem/sqldb"
)

// few are sets of which nearly all rows of others refer to one of a few: an index finds nothing
// in them, and SQLite, which counts no values, would answer by it what others answer better.
var few = map[string]bool{
	"General_Currencies_Currencies": true, "General_EnterpriseCompanies": true,
	"General_Products_MeasurementUnits": true, "General_Products_MeasurementCategories": true, "General_Products_ProductTypes": true,
	"Logistics_Inventory_Stores": true, "Logistics_Inventory_StoreGroups": true,
	"Applications_Service_ServiceTypes": true, "Applications_Service_ServiceObjectTypes": true,
}

// ours are references of documents to the company of ours that they are from, or a part of it.
var ours = map[string]bool{"FromParty": true, "EnterpriseCompanyLocation": true}

// tiny are tables that do not grow.
var tiny = map[string]bool{
	"erp_customer_types": true, "erp_document_types": true, "erp_document_type_security_conditions": true, "erp_enterprise_companies": true,
	"erp_product_groups": true,
}

// TestReferencesHaveAnIndex looks for who refers to a row, as a DELETE does of each reference
// of the model, in the transaction that all writers of SQLite wait for: none of it may look at
// every row of a table.
func TestReferencesHaveAnIndex(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		e := data.NewERP(db, erpModel)
		asked := map[string]bool{}
		for _, s := range erpModel.Sets {
			for _, p := range s.Properties {
				if !p.IsReference() || !p.Stored() || s.View || few[p.Target.Name] || ours[p.Name] || tiny[s.Table] || asked[s.Table+"."+p.Column] {
					continue
				}
				asked[s.Table+"."+p.Column] = true
				text, err := e.Text(&query.Query{Set: s, Limit: 2, Where: equal(s, p.Name, model.TextValue("x")), Fields: []*model.Property{}})
				must(t, err)
				if plan := planOfOne(t, db, text); !strings.Contains(plan, "("+p.Column+"=?") && !strings.Contains(plan, "Index Cond: ("+p.Column+" = ") && !strings.Contains(plan, "Index Cond: (("+p.Column+" = ") {
					t.Errorf("%s.%s (%s of %s, to %s) has no index:\n%s", s.Table, p.Column, p.Name, s.Name, p.Target.Name, plan)
				}
			}
		}
		if len(asked) < 100 {
			t.Errorf("%d references were looked at", len(asked))
		}
	})
}

// planOfOne is how the statement is answered where no index is too much: an empty table has
// none in use else.
func planOfOne(t *testing.T, db *sqldb.DB, text string) string {
	t.Helper()
	if db.Engine == sqldb.SQLite {
		return planOf(t, db, text)
	}
	conn, err := db.Writer().Conn(t.Context())
	must(t, err)
	defer conn.Close()
	for _, set := range []string{`SET enable_seqscan = off`, `SET enable_bitmapscan = off`} {
		_, err = conn.ExecContext(t.Context(), set)
		must(t, err)
	}
	var args []any
	for n := 1; strings.Contains(text, fmt.Sprintf("$%d", n)); n++ {
		args = append(args, "1")
	}
	rows, err := conn.QueryContext(t.Context(), "EXPLAIN "+text, args...)
	must(t, err)
	defer rows.Close()
	var b strings.Builder
	for rows.Next() {
		var line string
		must(t, rows.Scan(&line))
		b.WriteString(line + "\n")
	}
	must(t, rows.Err())
	return strings.ReplaceAll(b.String(), `"`, "")
}
