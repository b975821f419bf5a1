package api_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/sqldb"
)

// TestE3_WhatIsHiddenDoesNotShow changes what the account does not see, and asks the
// same again: the answers stay the same, byte for byte.
func TestE3_WhatIsHiddenDoesNotShow(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newFurnished(t, db)
		w.keep(t)
		rapid.Check(t, func(rt *rapid.T) {
			s := drawScene(rt)
			s.drawMore(rt)
			rights := w.set(t, s)
			questions := append(houseQuestions(s), drawQuestions(rt)...)
			ask := w.answers
			if rapid.Bool().Draw(rt, "in a batch") {
				ask = w.answersTogether
			}
			var before, after []string
			w.as(rights, func() { before = ask(t, questions) })
			defer w.restore(t)
			disguised := w.disguise(t, rt, s)
			w.as(rights, func() {
				after = ask(t, questions)
				w.checkWrites(t, rt, s, disguised)
			})
			for i := range before {
				if before[i] != after[i] {
					rt.Errorf("an answer depends on what is hidden:\n%s\n%s", before[i], after[i])
				}
			}
		})
	})
}

// disguise changes what the account does not see: hidden rows and their parts are others,
// are more or fewer, and hidden attributes have other values in all rows. It returns what
// their texts begin with.
func (w *house) disguise(t *testing.T, rt *rapid.T, s *scene) string {
	n := rapid.IntRange(0, 999).Draw(rt, "n")
	for _, of := range s.shelves() {
		var hidden []string
		for i := range of.rows {
			if !s.may(of.keyed, permission.Read) || !of.sees(i) {
				hidden = append(hidden, row(of.kind, i))
			}
		}
		where := ` WHERE id IN ('` + strings.Join(hidden, "', '") + `')`
		set := w.others(erpModel.Set(of.set).Properties, n)
		if slices.Contains(w.columns[of.table], "customer") {
			set = append(set, fmt.Sprintf(`customer = '%s'`, row(kindCustomer, n%houseCustomers)))
		}
		w.sql(t, `UPDATE `+of.table+` SET `+strings.Join(set, ", ")+where)
		for i, id := range hidden {
			switch rapid.IntRange(0, 3).Draw(rt, of.set) {
			case 0:
				w.remove(t, of, id)
			case 1:
				w.twin(t, of, id, i)
			}
		}
	}
	for i := range houseStores {
		if !s.opens(row(kindStore, i), permission.Read) {
			w.sql(t, `UPDATE erp_current_balances SET quantity_base = $1, base_cost = $1 WHERE store = $2`, int64(n+77)*1000, row(kindStore, i))
		}
	}
	for p, held := range s.columns {
		set := w.others([]*model.Property{p}, n)
		if held&permission.Read != 0 || len(set) == 0 {
			continue
		}
		where := ""
		if p.Set.Base != nil {
			where = fmt.Sprintf(` WHERE party_type = %d`, p.Set.Discriminator)
		}
		w.sql(t, `UPDATE `+p.Set.Table+` SET `+set[0]+where)
	}
	return disguiseOf(n)
}

func disguiseOf(n int) string { return fmt.Sprintf("h%d-", n) }

// common are attributes that answers about other rows have, as docs/permissions.md says
// of numbers, of currencies and units and of what a type wants for its documents to be
// approved; and those that say whose a row is, and which.
var common = []string{"Id", "ObjectVersion", "AggregateLastUpdateTimeUtc", "AccessKey", "PartyType", "EntityName", "EntityType", "EntityItemId",
	"Private", "AccessPermission", "CurrencySign", "ContentId", "FourEyes", "ApprovalLimit", "ApprovalDiscountLimit"}

// others are assignments of other values to the columns of attributes, each row another
// where it is a text.
func (w *house) others(properties []*model.Property, n int) (all []string) {
	text := "'" + disguiseOf(n) + "' || id"
	for _, p := range properties {
		if !p.Stored() || p.IsReference() || slices.Contains(common, p.Name) {
			continue
		}
		column, other := `"`+p.Column+`"`, fmt.Sprint(n)
		switch p.Kind {
		case model.KindGUID:
			continue
		case model.KindEnum:
			other = otherMember(p, column, n)
		case model.KindString:
			other = text
		case model.KindMultiLanguage:
			other = `'{"EN":"' || ` + text + ` || '"}'`
		case model.KindBool:
			other = `NOT ` + column
		case model.KindDate, model.KindDateTime:
			other = fmt.Sprint(int64(n) * 86400e6)
		}
		set := column + ` = ` + other
		for _, more := range []string{"_text", "_case"} {
			if slices.Contains(w.columns[p.Set.Table], p.Column+more) {
				set += `, "` + p.Column + more + `" = ` + text
			}
		}
		all = append(all, set)
	}
	return all
}

// keptTables are those of rows that a disguise changes, owners before their parts.
var keptTables = []string{"erp_currencies", "erp_customer_types", "erp_document_types", "erp_parties", "erp_enterprise_companies", "erp_products", "erp_customers",
	"erp_customer_external_access", "erp_service_objects", "erp_sales_orders", "erp_sales_order_lines", "erp_invoices", "erp_invoice_lines", "erp_service_activities",
	"erp_data_objects", "erp_object_files", "erp_notifications"}

// keep copies the rows of the house, for restore.
func (w *house) keep(t *testing.T) {
	w.columns = map[string][]string{"erp_current_balances": nil}
	for _, table := range keptTables {
		w.sql(t, `CREATE TABLE kept_`+table+` AS SELECT * FROM `+table)
		w.columns[table] = w.columnsOf(t, table)
	}
}

// restore undoes a disguise.
func (w *house) restore(t *testing.T) {
	for _, table := range slices.Backward(keptTables) {
		w.sql(t, `DELETE FROM `+table+` WHERE id NOT IN (SELECT id FROM kept_`+table+`)`)
	}
	for _, table := range keptTables {
		var set []string
		for _, c := range w.columns[table] {
			set = append(set, fmt.Sprintf(`"%s" = k."%[1]s"`, c))
		}
		w.sql(t, `UPDATE `+table+` SET `+strings.Join(set, ", ")+` FROM kept_`+table+` AS k WHERE k.id = `+table+`.id`)
		w.sql(t, `INSERT INTO `+table+` SELECT * FROM kept_`+table+` WHERE id NOT IN (SELECT id FROM `+table+`)`)
	}
	for i := range houseStores {
		w.sql(t, `UPDATE erp_current_balances SET quantity_base = $1, base_cost = $1 WHERE store = $2`, int64(i+1)*1000, row(kindStore, i))
	}
}

// partsOf are the tables with the parts of rows that can be added and taken away: nothing
// else refers to these rows.
var partsOf = map[string][2]string{
	"erp_sales_orders": {"erp_sales_order_lines", "sales_order"}, "erp_invoices": {"erp_invoice_lines", "invoice"},
	"erp_service_activities": {}, "erp_object_files": {}, "erp_notifications": {},
}

// remove deletes a row and its parts.
func (w *house) remove(t *testing.T, of shelf, id string) {
	parts, alone := partsOf[of.table]
	if !alone {
		return
	}
	if parts[0] != "" {
		w.sql(t, `DELETE FROM `+parts[0]+` WHERE `+parts[1]+` = $1`, id)
	}
	w.sql(t, `DELETE FROM `+of.table+` WHERE id = $1`, id)
}

// twin makes another row as hidden as one, with its parts.
func (w *house) twin(t *testing.T, of shelf, id string, n int) {
	parts, alone := partsOf[of.table]
	if !alone {
		return
	}
	w.copyRow(t, of.table, "id", id, map[string]string{"id": row(of.kind, 500+n), "document_no": "twin", "master_document": row(of.kind, 500+n)})
	if parts[0] != "" {
		w.copyRow(t, parts[0], parts[1], id, map[string]string{"id": row(of.kind, 600+n), parts[1]: row(of.kind, 500+n)})
	}
}

func (w *house) copyRow(t *testing.T, table, by, id string, others map[string]string) {
	var into, values []string
	for _, c := range w.columns[table] {
		into = append(into, `"`+c+`"`)
		switch other, ok := others[c]; {
		case c == "document_no":
			values = append(values, `'`+other+`' || id`)
		case c == "external_id":
			values = append(values, "NULL")
		case ok:
			values = append(values, `'`+other+`'`)
		default:
			values = append(values, `"`+c+`"`)
		}
	}
	w.sql(t, `INSERT INTO `+table+` (`+strings.Join(into, ", ")+`) SELECT `+strings.Join(values, ", ")+` FROM `+table+` WHERE `+by+` = $1`, id)
}

// houseQuestions are asked every time.
func houseQuestions(s *scene) []string {
	const orders = "Crm_Sales_SalesOrders"
	questions := []string{
		orders, orders + "?$top=2", orders + "?$top=2&$orderby=DocumentNo&$count=true", orders + "/$count", orders + "?$expand=Customer,Lines,DocumentType",
		orders + "?$orderby=DocumentDate%20desc&$skip=1&$top=3&$select=DisplayText,DocumentNo", orders + "?$search=H", orders + "?$search=Customer",
		orders + "?$filter=" + url.QueryEscape("contains(Customer,'H')"), orders + "?$filter=" + url.QueryEscape("startswith(DocumentNo,'H')") + "&$count=true",
		"Crm_Sales_SalesOrderLines?$expand=SalesOrder", "Crm_Sales_Customers?$orderby=Number", "Crm_Sales_Customers?$search=H", "Crm_Sales_Customers/$count",
		visits + "?$expand=Customer,DefaultServiceObject,OwnerParty", visits + "?$orderby=StartTime&$count=true&$top=2", invoices + "?$expand=Lines,Customer&$orderby=DocumentNo",
		dataObjects + "?$expand=Files", dataObjects + "/$count", files + "?$orderby=FileName&$expand=Object", notifications + "?$orderby=CreationTimeUtc&$expand=DataObject",
		"Logistics_Inventory_CurrentBalances?$expand=Store,Product", "General_Contacts_Parties?$orderby=PartyName&$count=true&$top=3",
	}
	for n := range houseOrders {
		questions = append(questions, orders+"("+row(kindOrder, n)+")", orders+"("+row(kindOrder, n)+")/Customer",
			"Crm_Sales_SalesOrderLines("+row(kindLine, n)+")?$expand=SalesOrder($expand=Customer)")
	}
	var finds []string
	for _, of := range s.shelves() {
		id := row(of.kind, 0)
		questions = append(questions, of.set+"("+id+")")
		if erpModel.Set(of.set).SearchPaths != nil {
			questions = append(questions, of.set+"?$search=h")
		}
		by := []string{`"Id":"` + id + `"`, `"DisplayText":"h"`}
		if of.code != "" {
			by = append(by, `"Code":"`+of.letter+`1"`, `"Code":"h7-`+id+`"`)
		}
		for _, by := range by {
			finds = append(finds, `{"@odata.type":"Erp.`+erpModel.Set(of.set).Type+`","@erpnet.action":"find","@erpnet.findBy":{`+by+`}}`)
		}
	}
	questions = append(questions, boundQuestions(s)...)
	return append(questions, `Import {"transaction":"per-object","objects":[`+strings.Join(finds, ",")+`]}`)
}

// drawQuestions are some questions that nobody thought of, made of what the model
// offers.
func drawQuestions(t *rapid.T) (all []string) {
	for range 4 {
		set := erpModel.Set(rapid.SampledFrom(houseParts).Draw(t, "set"))
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

// question is the request of a question, which may be an import.
func question(q string) (method, path, body string) {
	if path, body, imports := strings.Cut(q, " {"); imports {
		return "POST", path, "{" + body
	}
	return "GET", q, ""
}

// answers are those to questions, each by itself.
func (w *house) answers(t *testing.T, questions []string) (all []string) {
	t.Helper()
	for _, q := range questions {
		method, path, body := question(q)
		r, answer := call(t, w.h, method, path, body)
		h := r.Header
		all = append(all, fmt.Sprintf("%s: %d %s %s %s", q, r.StatusCode, []string{h.Get("ETag"), h.Get("Content-Disposition"), h.Get("Content-Type"),
			h.Get("Content-Length"), h.Get("Repr-Digest")}, steady(answer), printed64(answer)))
	}
	return all
}

// answersTogether are those to questions in one batch.
func (w *house) answersTogether(t *testing.T, questions []string) (all []string) {
	t.Helper()
	var requests strings.Builder
	for _, q := range questions {
		method, path, body := question(q)
		requests.WriteString(one(method + " " + path + "\nContent-Type: application/json\n\n" + body))
	}
	r, answer := batch(t, w.h, requests.String()+"--b--", "Prefer: odata.continue-on-error")
	parts := strings.Split(steady(answer), "--batchresponse_")
	if r.StatusCode != 200 || len(parts) != len(questions)+2 {
		t.Fatalf("%d, %d parts of %d: %s", r.StatusCode, len(parts), len(questions), answer)
	}
	for i, q := range questions {
		all = append(all, q+": "+parts[i+1])
	}
	return all
}

// TestE3_TheVersionOfARowIsCommon: parts that an account does not see move the version and
// the time of change of the row that they are of, which it sees; docs/permissions.md lists
// that. Nothing else of them shows.
func TestE3_TheVersionOfARowIsCommon(t *testing.T) {
	t.Parallel()
	const customers, access = "Crm_Sales_Customers", "Crm_Sales_CustomerExternalAccess"
	sets := map[string]permission.Right{}
	for _, s := range erpModel.Sets {
		sets[s.Name] = permission.OfSets
	}
	sets[access] = 0
	rights := someRights(sets).As(somebody)
	rest := regexp.MustCompile(`W/\\"\d+\\"|"ObjectVersion":\d+|"AggregateLastUpdateTimeUtc":"[^"]*"`)
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newFurnished(t, db)
		on, _ := fileOn(0)
		object, customer := dataObjects+"("+w.dataObjectOf(t, on)+")", customers+"("+row(kindCustomer, 0)+")"
		for path, hidden := range map[string]string{
			object:   file(99, w.dataObjectOf(t, on), `,"AccessPermission":"Creator"`),
			customer: access + ` {"Customer@odata.bind":"` + customer + `","User@odata.bind":"Systems_Security_Users(` + somebody + `)"}`,
		} {
			ask := func() (tag, answer, parts string) {
				w.as(rights, func() {
					var r *http.Response
					r, answer = call(t, w.h, "GET", path, "")
					tag = r.Header.Get("ETag")
					if path == object {
						_, parts = call(t, w.h, "GET", path+"/Files", "")
					}
				})
				return tag, answer, parts
			}
			tag, answer, parts := ask()
			w.post(t, hidden)
			tagAfter, after, partsAfter := ask()
			if tag == tagAfter || tag == "" {
				t.Errorf("%s: the version is %s as before", path, tag)
			}
			if rest.ReplaceAllString(answer, "") != rest.ReplaceAllString(after, "") || rest.ReplaceAllString(parts, "") != rest.ReplaceAllString(partsAfter, "") {
				t.Errorf("%s tells more than its version:\n%s%s\n%s%s", path, answer, parts, after, partsAfter)
			}
		}
	})
}

// TestE3_WhatElseIsCommon: what docs/permissions.md lists of what is hidden shows, and
// nothing beside it.
func TestE3_WhatElseIsCommon(t *testing.T) {
	t.Parallel()
	const products, orders = "General_Products_Products", "Crm_Sales_SalesOrders"
	hidden := someRights(allSets(), columnKey(products, "Description"), columnKey("Crm_Sales_SalesOrderLines", "Notes")).As(somebody)
	stamps := regexp.MustCompile(`W/\\"\d+\\"|"(ObjectVersion|AggregateLastUpdateTimeUtc|UpdateTime|UpdateUser|LinesUpdateUser)":("[^"]*"|\d+|null)`)
	order := orders + "(" + row(kindOrder, 3) + ")"
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newFurnished(t, db)
		ask := func(path string) (status int, answer string) {
			w.as(hidden, func() {
				r, told := call(t, w.h, "GET", path, "")
				status, answer = r.StatusCode, told
			})
			return status, answer
		}
		product := w.firstOf(t, erpModel.Set(products)).String()
		for path, change := range map[string][2]string{
			product: {product, `{"Description":{"EN":"Secret"}}`},
			order + "?$expand=Lines&$select=LinesUpdateUser,DocumentNo": {"Crm_Sales_SalesOrderLines(" + row(kindLine, 3) + ")", `{"Notes":"Secret"}`},
		} {
			_, before := ask(path)
			if r, answer := call(t, w.h, "PATCH", change[0], change[1]); r.StatusCode != 204 {
				t.Fatalf("%d %s", r.StatusCode, answer)
			}
			if _, after := ask(path); stamps.ReplaceAllString(before, "") != stamps.ReplaceAllString(after, "") || before == after {
				t.Errorf("%s tells more than when it changed, or nothing:\n%s\n%s", path, before, after)
			}
		}
		// A file of somebody else alone leaves what it hangs on, empty.
		const get = "/GetOrCreateExtensibleDataObject()"
		if status, _ := ask(order + get); status != 204 {
			t.Errorf("an order without files has a data object: %d", status)
		}
		object := w.dataObjectOf(t, order)
		w.post(t, file(90, object, `,"AccessPermission":"Creator"`))
		if status, answer := ask(order + get + "?$expand=Files"); status != 200 || strings.Contains(answer, "photo") {
			t.Errorf("what a hidden file hangs on: %d %s", status, answer)
		}
		if _, answer := ask(dataObjects + "(" + object + ")/Files/$count"); answer != "0" {
			t.Errorf("files of somebody else are counted: %s", answer)
		}
	})
}
