package data

import (
	"fmt"
	"strings"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/erp"
	"github.com/hybridapps/tandem/sqldb"
)

// uniqueKey is a rule that the schema keeps: what no two rows have in common.
type uniqueKey struct{ index, columns, properties string }

// uniqueKeys are the keys besides the primary ones and the external ids.
// Those without columns are over expressions, by which SQLite names them.
var uniqueKeys = []uniqueKey{
	{"erp_currencies_currency_sign", "currency_sign", "CurrencySign"},
	{"erp_store_groups_code", "code", "Code"},
	{"erp_parties_party_code", "party_code", "PartyCode"},
	{"erp_parties_registration_number", "registration_number", "RegistrationNumber"},
	{"erp_parties_national_number", "national_number", "NationalNumber"},
	{"erp_parties_code", "code", "Code"},
	{"erp_enterprise_companies_company", "company", "Company"},
	{"erp_measurement_units_code", "code", "Code"},
	{"erp_product_types_code", "code", "Code"},
	{"erp_product_groups_code", "", "Code and EnterpriseCompany"},
	{"erp_products_part_number", "", "PartNumber and EnterpriseCompany"},
	{"erp_customers_number", "number", "Number"},
	{"erp_customers_party", "", "Party and EnterpriseCompany"},
	{"erp_customer_external_access_user", "user, customer", "User and Customer"},
	{"erp_document_types_code", "code", "Code"},
	{"erp_sales_orders_document_no", "document_no, document_type, enterprise_company", "DocumentNo, DocumentType and EnterpriseCompany"},
	{"erp_sales_order_lines_line_no", "sales_order, line_no", "LineNo in this order"},
	{"erp_invoices_document_no", "document_no, document_type, enterprise_company", "DocumentNo, DocumentType and EnterpriseCompany"},
	{"erp_invoice_lines_line_no", "invoice, line_no", "LineNo in this invoice"},
	{"erp_current_balances_pkey", "product, store, enterprise_company", "Product, Store and EnterpriseCompany"},
}

// duplicate says which properties another row has already.
func duplicate(s *erp.Set, key string) error {
	what := "ExternalId and ExternalSystem"
	switch key {
	case s.Table + "_pkey", s.Table + ".id":
		what = "Id"
	}
	for _, u := range uniqueKeys {
		if u.index == key || u.columns != "" && key == qualified(s.Table, u.columns) {
			what = u.properties
		}
	}
	return &tandem.Error{Code: tandem.CodeConflict, Message: fmt.Sprintf(
		"%s: there is a row with the same %s already; change that one, or give another value.", s.Name, what)}
}

// qualified is how SQLite names the columns of a key.
func qualified(table, columns string) string {
	return table + "." + strings.ReplaceAll(columns, ", ", ", "+table+".")
}

// removing explains that a row cannot be deleted.
func removing(e erp.Entity, err error) error {
	if !sqldb.IsForeignKey(err) {
		return err
	}
	return &tandem.Error{Code: tandem.CodeConflict, Message: e.String() +
		" cannot be deleted: other rows refer to it or to a part of it; change or delete those first, or make this one inactive."}
}
