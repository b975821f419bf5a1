package api_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/sqldb"
)

// TestE3_WhatIsHiddenDoesNotShow changes rows that the account does not see, and asks
// the same again: the answers stay the same, byte for byte.
func TestE3_WhatIsHiddenDoesNotShow(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newHouse(t, db)
		rapid.Check(t, func(rt *rapid.T) {
			s := drawScene(rt)
			rights := w.set(t, s)
			questions := append(houseQuestions(), drawQuestions(rt)...)
			var before, after []string
			w.as(rights, func() { before = w.answers(t, questions) })
			w.disguise(t, s, rapid.IntRange(0, 999).Draw(rt, "n"))
			w.as(rights, func() { after = w.answers(t, questions) })
			w.restore(t)
			for i := range before {
				if before[i] != after[i] {
					rt.Errorf("an answer depends on what is hidden:\n%s\n%s", before[i], after[i])
				}
			}
		})
	})
}

// disguise changes all rows that the account does not see.
func (w *house) disguise(t *testing.T, s *scene, n int) {
	other := func(kind, i int) string { return fmt.Sprintf("H%d-%d-%d", n, kind, i) }
	for i := range houseOrders {
		if !s.order(i, permission.Read) {
			w.sql(t, `UPDATE erp_sales_orders SET document_no = $1, document_no_text = $1, document_date = $2, document_notes = $1, state = $3,
				total_line_amount = $2, customer = $4 WHERE id = $5`, other(kindOrder, i), int64(n)*86400e6, n%5*10,
				row(kindCustomer, n%houseCustomers), row(kindOrder, i))
			w.sql(t, `UPDATE erp_sales_order_lines SET quantity = $1, notes = $2, line_no = $1 WHERE id = $3`, int64(n+1)*1000, other(kindLine, i), row(kindLine, i))
		}
	}
	for i := range houseCustomers {
		if !s.customer(i, permission.Read) {
			w.sql(t, `UPDATE erp_customers SET number = $1, number_text = $1 WHERE id = $2`, other(kindCustomer, i), row(kindCustomer, i))
		}
	}
	for i := range houseTypes {
		if !s.opens(row(kindType, i), permission.Read) {
			w.sql(t, `UPDATE erp_document_types SET code = $1, code_text = $1, type_name_text = $1 WHERE id = $2`, other(kindType, i), row(kindType, i))
		}
		if !s.opens(row(kindCustomerType, i), permission.Read) {
			w.sql(t, `UPDATE erp_customer_types SET code = $1, code_text = $1, name_text = $1 WHERE id = $2`, other(kindCustomerType, i), row(kindCustomerType, i))
		}
	}
	for i := range houseStores {
		if !s.opens(row(kindStore, i), permission.Read) {
			w.sql(t, `UPDATE erp_parties SET code = $1, code_text = $1, party_name_text = $1 WHERE id = $2`, other(kindStore, i), row(kindStore, i))
			w.sql(t, `UPDATE erp_current_balances SET quantity_base = $1, base_cost = $1 WHERE store = $2`, int64(n+77)*1000, row(kindStore, i))
		}
	}
}

// restore undoes a disguise.
func (w *house) restore(t *testing.T) {
	for i := range houseOrders {
		w.sql(t, `UPDATE erp_sales_orders SET document_no = $1, document_no_text = $1, state = 0, customer = $2 WHERE id = $3`,
			fmt.Sprintf("n%d", i), row(kindCustomer, i%houseCustomers), row(kindOrder, i))
		w.sql(t, `UPDATE erp_sales_order_lines SET quantity = $1, notes = NULL, line_no = 10 WHERE id = $2`, int64(i+1)*1000, row(kindLine, i))
	}
	for i := range houseCustomers {
		w.sql(t, `UPDATE erp_customers SET number = $1, number_text = $1 WHERE id = $2`, fmt.Sprintf("c%d", i), row(kindCustomer, i))
	}
	for i := range houseTypes {
		code := fmt.Sprintf("t%d", i)
		w.sql(t, `UPDATE erp_document_types SET code = $1, code_text = $1, type_name_text = $1 WHERE id = $2`, code, row(kindType, i))
		w.sql(t, `UPDATE erp_customer_types SET code = $1, code_text = $1, name_text = $1 WHERE id = $2`, code, row(kindCustomerType, i))
	}
	for i := range houseStores {
		w.sql(t, `UPDATE erp_parties SET code = $1, code_text = $1, party_name_text = $1 WHERE id = $2`, fmt.Sprintf("s%d", i), row(kindStore, i))
		w.sql(t, `UPDATE erp_current_balances SET quantity_base = $1, base_cost = $1 WHERE store = $2`, int64(i+1)*1000, row(kindStore, i))
	}
}

// houseQuestions are asked every time.
func houseQuestions() []string {
	const orders = "Crm_Sales_SalesOrders"
	questions := []string{
		orders, orders + "?$top=2", orders + "?$top=2&$orderby=DocumentNo&$count=true", orders + "/$count", orders + "?$expand=Customer,Lines,DocumentType",
		orders + "?$orderby=DocumentDate%20desc&$skip=1&$top=3&$select=DisplayText,DocumentNo", orders + "?$search=H", orders + "?$search=Customer",
		orders + "?$filter=" + url.QueryEscape("contains(Customer,'H')"), orders + "?$filter=" + url.QueryEscape("startswith(DocumentNo,'H')") + "&$count=true",
		"Crm_Sales_SalesOrderLines?$expand=SalesOrder", "Crm_Sales_Customers?$orderby=Number", "Crm_Sales_Customers?$search=H", "Crm_Sales_Customers/$count",
		"Logistics_Inventory_CurrentBalances?$expand=Store,Product", "General_Contacts_Parties?$orderby=PartyName&$count=true&$top=3",
	}
	for n := range houseOrders {
		questions = append(questions, orders+"("+row(kindOrder, n)+")", orders+"("+row(kindOrder, n)+")/Customer",
			"Crm_Sales_SalesOrderLines("+row(kindLine, n)+")?$expand=SalesOrder($expand=Customer)")
	}
	return questions
}

// drawQuestions are some questions that nobody thought of, made of what the model
// offers.
func drawQuestions(t *rapid.T) (all []string) {
	for range 4 {
		set := erpModel.Set(rapid.SampledFrom(append([]string{"Crm_Sales_SalesOrderLines"}, houseSets...)).Draw(t, "set"))
		options := url.Values{}
		if c := drawConditions(t, set); c != "" {
			options.Set("$filter", c)
		}
		count := rapid.Bool().Draw(t, "count")
		if set.SearchPaths != nil && rapid.IntRange(0, 2).Draw(t, "search") == 0 {
			options.Set("$search", rapid.SampledFrom([]string{"H", "customer", "1", "apple"}).Draw(t, "text"))
		}
		path := set.Name
		if rapid.IntRange(0, 5).Draw(t, "door") == 0 {
			path += "/$count"
		} else {
			if o := drawOrder(t, set); o != "" {
				options.Set("$orderby", o)
			}
			options.Set("$expand", strings.Join(drawExpands(t, set, 2), ","))
			options.Set("$top", fmt.Sprint(rapid.IntRange(0, 3).Draw(t, "top")))
			options.Set("$count", fmt.Sprint(count))
			if options.Get("$expand") == "" {
				options.Del("$expand")
			}
		}
		all = append(all, path+"?"+options.Encode())
	}
	return all
}

// drawPath is a property of a set, or of a row that it refers to.
func drawPath(t *rapid.T, s *model.Set, usable func(*model.Property) bool) (path string, p *model.Property) {
	for depth := 0; ; depth++ {
		var here, further []*model.Property
		for _, p := range s.Properties {
			if usable(p) {
				here = append(here, p)
			}
			if p.Filterable && depth < 3 {
				further = append(further, p)
			}
		}
		if len(further) > 0 && (len(here) == 0 || rapid.Bool().Draw(t, "further")) {
			r := rapid.SampledFrom(further).Draw(t, "reference")
			path, s = path+r.Name+"/", r.Target
			continue
		}
		if len(here) == 0 {
			return "", nil
		}
		p = rapid.SampledFrom(here).Draw(t, "property")
		return path + p.Name, p
	}
}

func drawOrder(t *rapid.T, s *model.Set) string {
	if rapid.Bool().Draw(t, "ordered") {
		return ""
	}
	path, _ := drawPath(t, s, func(p *model.Property) bool { return p.Can&model.CanOrder != 0 })
	if path != "" && rapid.Bool().Draw(t, "descending") {
		path += " desc"
	}
	return path
}

func drawConditions(t *rapid.T, s *model.Set) string {
	var all []string
	for range rapid.IntRange(0, 2).Draw(t, "conditions") {
		path, p := drawPath(t, s, func(p *model.Property) bool {
			return p.IsReference() || p.Kind == model.KindString && p.Can&model.CanLike != 0 || p.Kind == model.KindDate && p.Can&model.CanRange != 0
		})
		switch {
		case p == nil:
		case p.IsReference() && rapid.Bool().Draw(t, "in it"):
			all = append(all, "contains("+path+",'H')")
		case p.IsReference():
			all = append(all, path+" eq null")
		case p.Kind == model.KindString:
			all = append(all, rapid.SampledFrom([]string{"contains", "startswith"}).Draw(t, "function")+"("+path+",'H')")
		default:
			all = append(all, path+rapid.SampledFrom([]string{" ge ", " le "}).Draw(t, "operator")+"2026-02-02")
		}
	}
	return strings.Join(all, " and ")
}

func drawExpands(t *rapid.T, s *model.Set, depth int) (all []string) {
	for _, p := range s.Properties {
		if p.IsReference() && !p.Target.Security && rapid.IntRange(0, 4).Draw(t, p.Name) == 0 {
			all = append(all, p.Name+drawWithin(t, p.Target, depth))
		}
	}
	for _, c := range s.Children {
		if rapid.IntRange(0, 2).Draw(t, c.Name) == 0 {
			all = append(all, c.Name+drawWithin(t, c.Set, depth))
		}
	}
	return all[:min(len(all), 3)]
}

func drawWithin(t *rapid.T, s *model.Set, depth int) string {
	if depth == 1 {
		return ""
	}
	if inner := drawExpands(t, s, depth-1); len(inner) > 0 {
		return "($expand=" + strings.Join(inner, ",") + ")"
	}
	return ""
}

// answers are those to questions.
func (w *house) answers(t *testing.T, questions []string) (all []string) {
	t.Helper()
	for _, q := range questions {
		r, answer := call(t, w.h, "GET", q, "")
		all = append(all, fmt.Sprintf("%s: %d %s %s", q, r.StatusCode, r.Header.Get("ETag"), answer))
	}
	return all
}
