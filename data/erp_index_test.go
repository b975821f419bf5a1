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

// TestPagesUseAnIndex looks that what applications ask for all the time needs
// no look at every row, and no sorting, on SQLite. PostgreSQL's planner goes
// by statistics, so an empty database tells nothing there.
func TestPagesUseAnIndex(t *testing.T) {
	t.Parallel()
	db := datatest.Open(t, sqldb.SQLite)
	e := data.NewERP(db, erpModel)
	ordered := func(set, by string, descending bool, where ...query.Expr) *query.Query {
		s := erpModel.Set(set)
		q := &query.Query{Set: s, Where: query.And(where), Fields: []*model.Property{}}
		if by != "" {
			q.Order = []query.Order{{Path: path(s, by), Descending: descending}}
		}
		return q
	}
	for text, index := range map[string]string{data.RevokedAfter: "revoked_tokens_change", data.AppsAfter: "applications_change"} {
		if plan := planOf(t, db, text); !strings.Contains(plan, index) || strings.Contains(plan, "USE TEMP B-TREE") {
			t.Errorf("%s is not answered by %s:\n%s", text, index, plan)
		}
	}
	is := func(set, by string) query.Expr { return equal(erpModel.Set(set), by, model.TextValue("x")) }
	same := func(set, by string) query.Expr {
		return &query.Compare{Path: path(erpModel.Set(set), by), Value: model.TextValue("x"), Fold: true}
	}
	const customers, access = "Crm_Sales_Customers", "Crm_Sales_CustomerExternalAccess"
	for name, c := range map[string]struct {
		q     *query.Query
		index string
	}{
		"orders by date":                     {ordered(orders, "DocumentDate", true), "erp_sales_orders_document_date"},
		"orders of a customer":               {ordered(orders, "DocumentDate", true, is(orders, "Customer")), "erp_sales_orders_customer"},
		"orders by number":                   {ordered(orders, "", false, is(orders, "DocumentNo")), "erp_sales_orders_document_no"},
		"orders by what a caller calls them": {ordered(orders, "", false, same(orders, "DocumentNo")), "erp_sales_orders_document_no_case"},
		"products by what a caller calls them": {ordered(product, "", false, &query.In{Path: path(erpModel.Set(product), "PartNumber"),
			Values: []model.Value{model.TextValue("x")}, Fold: true}), "erp_products_part_number_case"},
		"products that begin so": {ordered(product, "", false, &query.Match{Path: path(erpModel.Set(product), "PartNumber"), Func: odata.StartsWith, Text: "x"}),
			"erp_products_part_number_case"},
		"a customer's external id":           {ordered(customers, "", false, same(customers, "ExternalId")), "erp_customers_external_id_case"},
		"orders by external id":              {ordered(orders, "", false, is(orders, "ExternalId")), "erp_sales_orders_external_id"},
		"changed orders":                     {ordered(orders, "AggregateLastUpdateTimeUtc", false, &query.Compare{Path: path(erpModel.Set(orders), "AggregateLastUpdateTimeUtc"), Op: odata.GreaterOrEqual}), "erp_sales_orders_updated"},
		"the next page of orders":            {&query.Query{Set: erpModel.Set(orders), Fields: []*model.Property{}, From: "x"}, "sqlite_autoindex_erp_sales_orders_1"},
		"orders of a state":                  {ordered(orders, "DocumentDate", true, equal(erpModel.Set(orders), "State", model.IntValue(20))), "erp_sales_orders_state"},
		"companies":                          {ordered("General_Contacts_Companies", "", false), "erp_parties_type"},
		"lines of an order":                  {ordered(lines, "LineNo", false, is(lines, "SalesOrder")), "erp_sales_order_lines_line_no"},
		"invoices of a customer":             {ordered("Crm_Invoicing_Invoices", "DocumentDate", true, is("Crm_Invoicing_Invoices", "Customer")), "erp_invoices_customer"},
		"changed products":                   {ordered(product, "AggregateLastUpdateTimeUtc", false), "erp_products_updated"},
		"a product by its number":            {ordered(product, "", false, is(product, "PartNumber")), "erp_products_part_number"},
		"customers by number":                {ordered(customers, "", false, is(customers, "Number")), "erp_customers_number"},
		"the customer of a party":            {ordered(customers, "", false, is(customers, "Party")), "erp_customers_party"},
		"what a user may see":                {ordered(access, "", false, is(access, "User")), "erp_customer_external_access_user"},
		"who may see a customer":             {ordered(access, "", false, is(access, "Customer")), "erp_customer_external_access_customer"},
		"a company by its number":            {ordered("General_Contacts_Companies", "", false, is("General_Contacts_Companies", "RegistrationNumber")), "erp_parties_registration_number"},
		"what is in the stores of a product": {ordered("Logistics_Inventory_CurrentBalances", "", false, is("Logistics_Inventory_CurrentBalances", "Product")), "sqlite_autoindex_erp_current_balances_1"},
	} {
		text, err := e.Text(c.q)
		must(t, err)
		plan := planOf(t, db, text)
		if !strings.Contains(plan, c.index) || strings.Contains(plan, "SCAN t0\n") || len(c.q.Order) > 0 && strings.Contains(plan, "USE TEMP B-TREE") {
			t.Errorf("%s is not answered by %s:\n%s\n%s", name, c.index, text, plan)
		}
	}
}

func planOf(t *testing.T, db *sqldb.DB, text string, args ...any) string {
	t.Helper()
	if args == nil {
		args = []any{"1", "2", "3", "4", "5", "6", "7", "8"}
	}
	rows, err := db.Reader().QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+text, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var b strings.Builder
	for rows.Next() {
		var id, parent, unused int
		var detail string
		must(t, rows.Scan(&id, &parent, &unused, &detail))
		b.WriteString(detail + "\n")
	}
	must(t, rows.Err())
	return b.String()
}
