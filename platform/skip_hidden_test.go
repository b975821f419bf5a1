package platform_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/tandemtest"
)

// TestE4_WhatIsHiddenChangesWhatARowIs: who has a row from before an attribute of it was
// hidden from them, or from before they could see it, is not told that it is the same.
func TestE4_WhatIsHiddenChangesWhatARowIs(t *testing.T) {
	t.Parallel()
	wired(t, func(t *testing.T, in *tandemtest.Instance) {
		const products = "General_Products_Products"
		admin, column := in.Platform.Permissions, permission.Target{Column: products + ".StandardCostPerLot"}
		for _, group := range []string{"Costs", "Others"} {
			_, err := admin.CreateGroup(t.Context(), tandemtest.By, group, "")
			must(t, err)
		}
		must(t, admin.AddMember(t.Context(), tandemtest.By, "Costs", "anna"))
		anna := in.SignIn("anna").Access
		_, text := in.API("GET", products+"?$select=Id&$top=1", anna, "")
		_, id, _ := strings.Cut(text, `"Id":"`)
		get := func(tag string) *http.Response {
			t.Helper()
			in.Refresh()
			req, err := http.NewRequestWithContext(t.Context(), "GET", in.OData+products+"("+id[:36]+")?$select=default,StandardCostPerLot&options=skiphidden", nil)
			must(t, err)
			req.Header.Set("Authorization", "Bearer "+anna)
			if tag != "" {
				req.Header.Set("If-None-Match", tag)
			}
			r, _ := send(t, req)
			return r
		}
		tag := get("").Header.Get("Etag")
		if r := get(tag); r.StatusCode != 304 {
			t.Fatalf("a row that nothing has happened to: %d", r.StatusCode)
		}
		grant := func(group string) error {
			_, err := admin.Grant(t.Context(), tandemtest.By, group, column, "read", false)
			return err
		}
		must(t, grant("Others"))
		if r := get(tag); r.StatusCode != 200 {
			t.Errorf("an attribute was taken: %d", r.StatusCode)
		}
		must(t, grant("Costs"))
		if r := get(tag); r.StatusCode != 200 {
			t.Errorf("an attribute was granted: %d", r.StatusCode)
		}
		must(t, admin.Revoke(t.Context(), tandemtest.By, "Costs", column))
		if r := get(tag); r.StatusCode != 200 {
			t.Errorf("an attribute was taken again: %d", r.StatusCode)
		}
	})
}

// TestHiddenAttributesAreLeftOutWhereAsked: with options=skiphidden a query shows what it
// names as far as the account sees it, at any depth and on each page; without, it is
// refused, and so is always what would tell of hidden values by which rows there are.
func TestHiddenAttributesAreLeftOutWhereAsked(t *testing.T) {
	t.Parallel()
	const orders, lines = "Crm_Sales_SalesOrders", "Crm_Sales_SalesOrderLines"
	wired(t, func(t *testing.T, in *tandemtest.Instance) {
		admin := in.Platform.Permissions
		_, err := admin.CreateGroup(t.Context(), tandemtest.By, "Totals", "")
		must(t, err)
		anna := in.SignIn("anna").Access
		ask := func(query, options string) (int, string) {
			t.Helper()
			path := orders + "?$top=2&" + strings.ReplaceAll(url.PathEscape(query), "%20", "+") + options
			return in.API("GET", path, anna, "")
		}
		const all = "$select=DocumentNo,TotalLineAmount,Customer&$expand=Lines($select=LineNo,LineAmount;$orderby=LineNo;$top=1),Customer($select=Number,CreditLimit)&$orderby=DocumentNo"
		_, before := ask(all, "")
		for _, column := range []string{orders + ".TotalLineAmount", lines + ".LineAmount", "Crm_Sales_Customers.CreditLimit"} {
			if !strings.Contains(before, `"`+column[strings.Index(column, ".")+1:]+`"`) {
				t.Errorf("%s is not shown before it is hidden: %s", column, before)
			}
			_, err = admin.Grant(t.Context(), tandemtest.By, "Totals", permission.Target{Column: column}, "read", false)
			must(t, err)
		}
		in.Refresh()
		if status, text := ask(all, ""); status != 403 {
			t.Errorf("what is hidden is named: %d %s", status, text)
		}
		status, text := ask(all, "&options=skipnulls,skiphidden")
		for _, shown := range []string{`"DocumentNo"`, `"LineNo"`, `"Number"`, "skiphidden"} {
			if !strings.Contains(text, shown) {
				t.Errorf("%d, without %s: %s", status, shown, text)
			}
		}
		if strings.Contains(text, "Amount\"") || strings.Contains(text, "CreditLimit\"") {
			t.Errorf("hidden attributes are shown: %s", text)
		}
		for query, want := range map[string]int{
			"$select=DocumentNo&$orderby=TotalLineAmountValue,DocumentNo":           200,
			"$filter=TotalLineAmountValue ge 1":                                     403,
			"$select=Id&$expand=Lines($select=LineNo;$filter=LineAmountValue ge 1)": 403,
			"$select=Nonsense": 400, "$select=DocumentNo&$expand=Nonsense($select=LineNo)": 400,
		} {
			if status, text := ask(query, "&options=skiphidden"); status != want {
				t.Errorf("%s: %d, want %d: %s", query, status, want, text)
			}
		}
		// Where all that was named is hidden there is nothing, and not what is shown else.
		if status, text := ask("$select=TotalLineAmount", "&options=skiphidden"); status != 200 || strings.Contains(text, "DocumentNo") || strings.Contains(text, "Amount\"") {
			t.Errorf("%d %s", status, text)
		}
	})
}
