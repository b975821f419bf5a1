package query_test

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/api/odata"
	"github.com/hybridapps/tandem/erp"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/query"
	"github.com/hybridapps/tandem/permission"
)

const aGUID = "0123abcd-4567-89ab-cdef-0123456789ab"

// standard is made once: it is immutable.
var standard = erp.NewModel().Model

// everything may be looked into.
var everything = permission.Granted{Scope: tandem.ParseScope("read sec"), Rights: permission.ByPlatform().Rights}

// resolved is what the options mean for the set, spelled out.
func resolved(set, options string) (string, error) {
	parsed, err := odata.ParseQuery(escaped(options))
	if err != nil {
		return "", err
	}
	q, err := query.Resolve(standard.Set(set), parsed, everything)
	if err != nil {
		return "", err
	}
	return spelled(q), q.Check()
}

// escaped encodes the values of a query string, which the tests spell plainly.
func escaped(options string) string {
	var out []string
	for _, o := range strings.Split(options, "&") {
		name, value, _ := strings.Cut(o, "=")
		out = append(out, name+"="+url.QueryEscape(value))
	}
	return strings.Join(out, "&")
}

func spelled(q *query.Query) string {
	var parts []string
	if q.Fields != nil {
		var names []string
		for _, p := range q.Fields {
			names = append(names, p.Name)
		}
		parts = append(parts, "select "+strings.Join(names, ","))
	}
	if q.Where != nil {
		parts = append(parts, "where "+condition(q.Where))
	}
	for _, o := range q.Order {
		parts = append(parts, fmt.Sprintf("by %s %t", o.Path, o.Descending))
	}
	if q.Limit > 0 {
		parts = append(parts, fmt.Sprint("limit ", q.Limit))
	}
	for _, x := range q.Expand {
		name := ""
		if x.Child != nil {
			name = x.Child.Name
		} else {
			name = x.Reference.Name
		}
		parts = append(parts, "expand "+name+"("+spelled(&x.Query)+")")
	}
	return strings.Join(parts, " ")
}

func condition(x query.Expr) string {
	value := func(v model.Value) string {
		switch {
		case v.Null:
			return "null"
		case v.Text != "":
			return "'" + v.Text + "'"
		}
		return fmt.Sprint(v.Int)
	}
	switch x := x.(type) {
	case query.And:
		var parts []string
		for _, p := range x {
			parts = append(parts, condition(p))
		}
		return strings.Join(parts, " and ")
	case *query.Compare:
		text := fmt.Sprintf("%s %s %s", x.Path, x.Op, value(x.Value))
		if x.OrNull {
			text += " or null"
		}
		return text
	case *query.In:
		var list []string
		for _, v := range x.Values {
			list = append(list, value(v))
		}
		return fmt.Sprintf("%s in (%s)", x.Path, strings.Join(list, ","))
	case *query.Match:
		return fmt.Sprintf("%s %s '%s'", x.Path, x.Func, x.Text)
	case *query.RefContains:
		return fmt.Sprintf("%s found by '%s'", x.Path, x.Text)
	}
	panic(fmt.Sprintf("a condition %T", x))
}

const (
	products  = "General_Products_Products"
	customers = "Crm_Sales_Customers"
	orders    = "Crm_Sales_SalesOrders"
	lines     = "Crm_Sales_SalesOrderLines"
)

func TestOptionsAreResolved(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ set, options, want string }{
		{products, "", ""},
		{products, "$filter=PartNumber eq 'P1'", "where PartNumber eq 'P1'"},
		{products, "$filter=PartNumber in ('P1','P2') and Active eq true", "where PartNumber in ('P1','P2') and Active eq 1"},
		{products, "$filter=ShowInCatalog eq null", "where ShowInCatalog eq null"},
		{products, "$filter=Id eq " + strings.ToUpper(aGUID), "where Id eq '" + aGUID + "'"},
		{products, "$filter=contains(Name,'Ap') and startswith(PartNumber,'P')", "where Name contains 'Ap' and PartNumber startswith 'P'"},
		{products, "$filter=endswith(PartNumber,'1')", "where PartNumber endswith '1'"},
		{products, "$filter=contains(ProductGroup,'food')", "where ProductGroup found by 'food'"},
		{products, "$filter=ProductGroup eq 'General_Products_ProductGroups(" + aGUID + ")'", "where ProductGroup eq '" + aGUID + "'"},
		{orders, "$filter=State ge 'Released'", "where State ge 30"},
		{orders, "$filter=State eq Erp.General_DocumentState'New'", "where State eq 0"},
		{orders, "$filter=DocumentDate le 2026-01-31T15:00:00Z", "where DocumentDate le 1769817600000000"},                    // its day
		{orders, "$filter=AggregateLastUpdateTimeUtc ge 1970-01-01T00:00:01Z", "where AggregateLastUpdateTimeUtc ge 1000000"}, // its instant
		{orders, "$filter=equalnull(ReferenceDocumentNo,'x')", "where ReferenceDocumentNo eq 'x' or null"},
		{lines, "$filter=lessequalnull(LineAmountValue,10.5)", "where LineAmount le 1050 or null"},
		{lines, "$filter=QuantityValue ge 1.0001", "where Quantity ge 1001"}, // the next that can be
		{lines, "$filter=QuantityValue le 1.0009", "where Quantity le 1000"}, // the last that can be
		{lines, "$filter=LineNo eq 1.5", "where LineNo in ()"},               // never
		{lines, "$filter=LineNo eq 20", "where LineNo eq 20"},                // a number
		{lines, "$filter=SalesOrder/DocumentNo eq '1'", "where SalesOrder/DocumentNo eq '1'"},
		{orders, "$orderby=DocumentDate desc,DocumentNo", "by DocumentDate true by DocumentNo false"},
		{products, "$select=Name,PartNumber,Name", "select Name,PartNumber"},
		{customers, "$select=Number,Party&$expand=Party($select=PartyName)", "select Number expand Party(select PartyName)"},
		{customers, "$select=Number&$expand=Party", "select Number expand Party()"},
		{orders, "$select=DocumentNo,Lines&$expand=Lines($select=LineNo;$filter=LineAmountValue ge 1;$orderby=LineNo desc;$top=3)",
			"select DocumentNo expand Lines(select LineNo where LineAmount ge 100 by LineNo true limit 3)"},
	} {
		if got, err := resolved(c.set, c.options); err != nil || got != c.want {
			t.Errorf("%s?%s\n got %s (%v)\nwant %s", c.set, c.options, got, err, c.want)
		}
	}
}

func TestWhatTheModelDoesNotAllowIsRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ set, options, why string }{
		{products, "$filter=Colour eq 'red'", `has no property "Colour"; $metadata lists the properties of Erp.General_Products_Product`},
		{products, "$filter=Notes eq 'x'", "has no property"},
		{products, "$filter=CreationUser eq 'x'", "CreationUser cannot be used in a filter"},
		{products, "$filter=Name eq 'x'", "Name cannot be filtered with eq; it supports contains"},
		{products, "$filter=startswith(Name,'x')", "Name cannot be filtered with startswith"},
		{products, "$filter=PartNumber ge 'a'", "PartNumber cannot be filtered with ge; it supports eq, in, contains, startswith, endswith"},
		{products, "$filter=Active in (true,false)", "Active cannot be filtered with in; it supports eq"},
		{products, "$filter=startswith(ProductGroup,'x')", "ProductGroup cannot be filtered with startswith; it supports eq, in, contains"},
		{products, "$filter=PartNumber eq 5", "PartNumber needs a quoted text, not 5"},
		{products, "$filter=Active eq 'true'", "Active needs true or false, not true"},
		{products, "$filter=Id eq 'x'", "Id needs a GUID, not x"},
		{products, "$filter=ProductGroup eq 'x'", `"x" is not a reference`},
		{products, "$filter=ProductGroup eq 'Crm_Sales_Customers(" + aGUID + ")'",
			"refers to General_Products_ProductGroups, not to Crm_Sales_Customers"},
		{orders, "$filter=State eq 'Done'",
			"State needs one of New, Adjustment, Planned, FirmPlanned, Released, Completed, Closed in quotes, not Done"},
		{orders, "$filter=State eq Erp.Other'New'", "State needs one of"},
		{orders, "$filter=DocumentDate ge 'yesterday'", "DocumentDate needs a date like 2026-01-31"},
		{lines, "$filter=QuantityValue ge 'x'", "Quantity needs a number, not x"},
		{lines, "$filter=Quantity ge 1", "filter and order by QuantityValue, the number of Quantity"},
		{lines, "$filter=Product/PartNumber eq 'P1'", "Product is not a filterable reference; filter by Product eq"},
		{products, "$orderby=ShortName", "$orderby ShortName is not supported; order by one of AggregateLastUpdateTimeUtc, PartNumber, Name."},
		{"Crm_Sales_CustomerExternalAccess", "$orderby=Notes", "no property of Crm_Sales_CustomerExternalAccess can be ordered by"},
		{orders, "$select=Lines", "Lines is a collection; use $expand=Lines"},
		{orders, "$select=Nothing", `has no property "Nothing"`},
		{orders, "$expand=Nothing", `has no property "Nothing"`},
		{orders, "$expand=DocumentNo", "DocumentNo is not a reference or a collection"},
		{orders, "$expand=Customer($top=1)", "$filter, $orderby and $top inside $expand are for collections; Customer is one row"},
	} {
		got, err := resolved(c.set, c.options)
		if tandem.ErrorCode(err) != tandem.CodeInvalid || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%s?%s\n got %s, %v\nwant …%s…", c.set, c.options, got, err, c.why)
		}
	}
}

// TestPermissionIsAskedForWhatAQueryLooksInto looks that no way into another
// set goes past what was granted. Customers are secured for it, and rows that
// are searched through them with them.
func TestPermissionIsAskedForWhatAQueryLooksInto(t *testing.T) {
	t.Parallel()
	m := erp.NewModel()
	m.Set(customers).Security = true
	const access = "Crm_Sales_CustomerExternalAccess"
	for options, want := range map[string]string{
		access + "?$select=User": "",
		access + "?$filter=User eq 'Systems_Security_Users(" + aGUID + ")'":         "",
		access + "?$filter=Customer eq 'Crm_Sales_Customers(" + aGUID + ")'":        "",
		access + "?$filter=contains(User,'a')":                                      "Systems_Security_Users",
		access + "?$expand=User":                                                    "Systems_Security_Users",
		access + "?$filter=Customer/Number eq '1'":                                  customers,
		access + "?$orderby=Customer/Number":                                        customers,
		access + "?$search=x":                                                       customers,
		access + "?$expand=Customer($expand=Party)":                                 customers,
		customers + "?$top=1":                                                       customers,
		"General_Contacts_Parties?$search=x":                                        "",
		"Crm_Sales_SalesOrders?$expand=Lines($expand=SalesOrder($expand=Customer))": customers,
	} {
		set, options, _ := strings.Cut(options, "?")
		parsed, err := odata.ParseQuery(escaped(options))
		if err != nil {
			continue // refused before that
		}
		_, err = query.Resolve(m.Set(set), parsed, permission.Granted{Scope: tandem.ParseScope("read"), Rights: everything.Rights})
		var scope *model.ScopeError
		switch {
		case want == "" && err != nil, want != "" && (!errors.As(err, &scope) || scope.Set.Name != want || scope.Scope != "sec"):
			t.Errorf("%s?%s: %v, want a refusal for %q", set, options, err, want)
		}
		if _, err = query.Resolve(m.Set(set), parsed, everything); err != nil {
			t.Errorf("%s?%s with the scope: %v", set, options, err)
		}
	}
}

func TestOneRowTakesNoOptionsOfMany(t *testing.T) {
	t.Parallel()
	set := standard.Set(customers)
	for _, options := range []string{"$filter=Active eq true", "$orderby=Number", "$top=1", "$skip=1", "$count=true", "$search=x",
		"$skiptoken=" + aGUID} {
		parsed, err := odata.ParseQuery(escaped(options))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := query.ResolveRow(set, aGUID, parsed, everything); tandem.ErrorCode(err) != tandem.CodeInvalid {
			t.Errorf("%s: %v", options, err)
		}
	}
	parsed, err := odata.ParseQuery("$select=Number&$expand=Party&options=skipnulls")
	if err != nil {
		t.Fatal(err)
	}
	q, err := query.ResolveRow(set, aGUID, parsed, everything)
	if err != nil || spelled(q) != "select Number where Id eq '"+aGUID+"' limit 1 expand Party()" || !q.SkipNulls {
		t.Errorf("%s, %v", spelled(q), err)
	}
}

func TestQueriesAreChecked(t *testing.T) {
	t.Parallel()
	set := standard.Set(orders)
	deep := &query.Query{Set: set}
	for range query.MaxExpandDepth + 1 {
		deep = &query.Query{Set: set, Expand: []*query.Expand{{Reference: set.Property("MasterDocument"), Query: *deep}}}
	}
	many := query.And{}
	for range query.MaxConditions + 1 {
		many = append(many, query.Equal(set.ID(), model.TextValue(aGUID)))
	}
	for why, q := range map[string]*query.Query{
		"nested deeper than 6 levels":  deep,
		"has 101 conditions":           {Set: set, Where: query.And{many}},
		"skiptoken is not one of this": {Set: standard.Set("Logistics_Inventory_CurrentBalances"), From: aGUID},
		"is not one of this query": {Set: set, From: aGUID,
			Order: []query.Order{{Path: &model.Path{Property: set.Property("DocumentNo")}}}},
		"cannot be negative":               {Set: set, Offset: -1},
		"field Number is not of " + orders: {Set: set, Fields: []*model.Property{standard.Set(customers).Property("Number")}},
	} {
		if err := q.Check(); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%v, want …%s…", err, why)
		}
	}
	if err := (&query.Query{Set: set, Where: many[1:]}).Check(); err != nil {
		t.Error(err)
	}
}

// FuzzResolve looks that whatever is typed becomes a query of the model or an
// error for people.
func FuzzResolve(f *testing.F) {
	for _, options := range []string{
		"$filter=PartNumber eq 'P1'&$orderby=PartNumber desc&$select=default,Id", "$filter=contains(Name,'x') and Active eq null",
		"$expand=ProductGroup($expand=ParentGroup)",
		"$filter=StandardPricePerLotValue ge 1e9", "$filter=ProductGroup in ('General_Products_ProductGroups(" + aGUID + ")')",
		"$filter=(Id eq " + aGUID + ")", "$search=\"a b\"&$top=0",
	} {
		f.Add(escaped(options))
	}
	sets := []*model.Set{standard.Set(products), standard.Set(orders), standard.Set("General_Contacts_Companies"),
		standard.Set("Logistics_Inventory_CurrentBalances")}
	f.Fuzz(func(t *testing.T, raw string) {
		options, err := odata.ParseQuery(raw)
		if err != nil {
			return
		}
		for _, set := range sets {
			q, err := query.Resolve(set, options, everything)
			if err == nil {
				err = q.Check()
				spelled(q) // panics for what is not of the model
			}
			if err != nil && tandem.ErrorCode(err) != tandem.CodeInvalid {
				t.Errorf("%s?%s: %v", set.Name, raw, err)
			}
		}
	})
}
