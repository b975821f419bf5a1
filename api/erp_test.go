package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/api"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/erp/query"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/sqldb"
)

// The Domain API over the real store.

// stocked is the API over a database with a few rows, all made through it and
// with ids that tests know.
func stocked(t *testing.T, db *sqldb.DB) http.Handler {
	t.Helper()
	now := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	secret := signin.Account{User: tandem.User{ID: aGUID, Login: "anna", Name: "Anna", Type: tandem.InternalUser, Enabled: true, CreatedAt: now, ChangedAt: now}, PasswordHash: "$argon2id$SECRET"}
	users := data.NewUsers(db)
	if err := users.Create(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	store := data.NewERP(db, erpModel)
	if err := store.FollowUsers(t.Context(), users); err != nil {
		t.Fatal(err)
	}
	store.Clock = func() time.Time { return now }
	h := serve(t, store)
	for i, row := range []string{
		`General_Currencies_Currencies {"CurrencySign":"EUR","Name":"Euro"}`,
		`General_Contacts_Companies {"Name":{"EN":"Our Shop"},"RegistrationNumber":"100"}`,
		`General_Contacts_CompanyLocations {"LocationName":{"EN":"Head office"},"Company":{"RegistrationNumber":"100"}}`,
		`General_EnterpriseCompanies {"Company":{"RegistrationNumber":"100"},"BaseCurrency":{"CurrencySign":"EUR"}}`,
		`General_Products_MeasurementCategories {"Name":{"EN":"Pieces"},"IsDefault":true,"Units":[{"Id":"` + number(90) + `","Code":"pcs","Name":{"EN":"piece"},"IsDefaultUnit":true}]}`,
		`General_Products_ProductTypes {"Code":"GOODS","Name":{"EN":"Goods"},"IsDefault":true}`,
		`General_Products_ProductGroups {"Code":"G1","Name":{"EN":"Group 1"}}`,
		`Systems_Documents_DocumentTypes {"Code":"SO","TypeName":{"EN":"Sales order"},"EntityName":"Crm_Sales_SalesOrders"}`,
		`General_Products_Products {"PartNumber":"P1","Name":{"EN":"Apple","BG":"Ябълка"},"ProductGroup":{"Code":"G1"},"CostingCurrency":{"CurrencySign":"EUR"},"StandardPricePerLot":{"Value":1.25,"Currency":"EUR"}}`,
		`General_Products_Products {"PartNumber":"it's 100% \"new\"","Name":{"EN":"Pear"},"ProductGroup":{"Code":"G1"}}`,
		`General_Contacts_Companies {"Name":{"EN":"Müller & Söhne"},"RegistrationNumber":"201"}`,
		`Crm_Sales_Customers {"Number":"C1","Party":{"@odata.type":"Erp.General_Contacts_Company","RegistrationNumber":"201"},"ExternalAccess":[{"Id":"` + number(91) + `","User@odata.bind":"Systems_Security_Users(` + aGUID + `)","Role":"Billing"}]}`,
		`Crm_Sales_SalesOrders {"Customer":{"Number":"C1"},"DocumentDate":"2026-02-01","Lines":[
			{"Id":"` + number(92) + `","Product":{"PartNumber":"P1"},"Quantity":{"Value":3,"Unit":"PCS"},"UnitPrice":{"Value":1.25,"Currency":"EUR"},"LineCustomDiscountPercent":0.1},
			{"Id":"` + number(93) + `","Product@odata.bind":"General_Products_Products(` + number(10) + `)","UnitPrice":{"Value":10}}]}`,
		`Crm_Sales_SalesOrders {"Customer":{"@odata.id":"Crm_Sales_Customers(` + number(12) + `)"},"DocumentDate":"2026-02-02T13:00:00+02:00"}`,
	} {
		set, body, _ := strings.Cut(row, " ")
		r, answer := call(t, h, "POST", set+"?$select=Id", `{"Id":"`+number(i+1)+`",`+body[1:])
		if r.StatusCode != 201 || r.Header.Get("Location") != domainRoot+set+"("+number(i+1)+")" {
			t.Fatalf("%s: %d %s %s", row, r.StatusCode, r.Header.Get("Location"), answer)
		}
	}
	return h
}

// number is the id of the row that was made as the nth.
func number(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", n) }

// TestAnswersOverTheStore compares answers with testdata/erp.golden, on both
// engines.
func TestAnswersOverTheStore(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		h := stocked(t, db)
		order := "Crm_Sales_SalesOrders(" + number(13) + ")"
		var got bytes.Buffer
		for _, line := range []string{
			"GET General_Products_Products",
			"GET General_Products_Products(" + number(9) + ")?$select=default,Id,ObjectVersion,AggregateLastUpdateTimeUtc,DisplayText",
			"GET General_Products_Products?$filter=PartNumber eq 'it''s 100% \"new\"'&$select=PartNumber",
			"GET General_Products_Products?$filter=contains(Name,'ЯБЪЛ') and StandardPricePerLot eq null&$select=Name",
			"GET General_Products_Products?$filter=contains(Name,'ЯБЪЛ')&$select=Name,StandardPricePerLot",
			"GET General_Products_Products?$filter=PartNumber in ('p1','P9')&$select=PartNumber&$count=true",
			"GET General_Products_Products?$search=APP&$select=PartNumber",
			"GET General_Products_Products?$top=1&$select=PartNumber&$count=true",
			"GET General_Products_Products?$top=1&$select=PartNumber&$skiptoken=" + number(10),
			"GET General_Products_Products?$top=1&$select=PartNumber&$orderby=PartNumber desc",
			"GET Crm_Sales_Customers?$filter=contains(Party/PartyName,'müll')&$select=Number&$expand=Party($select=PartyName),ExternalAccess($select=Role,User)",
			"GET Crm_Sales_Customers?$filter=contains(Party,'söhn')&$select=Number,Party&options=skipnulls",
			"GET Crm_Sales_Customers?$filter=Party eq 'General_Contacts_Companies(" + number(11) + ")'&$select=Number",
			"GET Crm_Sales_SalesOrders?$select=DocumentNo,DocumentDate,State,TotalLineAmount&$orderby=DocumentDate desc&$expand=Customer($select=Number;$expand=Party($select=DisplayText))",
			"GET " + order + "?$expand=Lines($select=LineNo,Quantity,UnitPrice,LineAmount;$expand=Product($select=PartNumber,Name))&$select=TotalLineAmount,FullState",
			"GET " + order + "/Lines?$select=LineNo,ProductDescription&$filter=LineAmountValue ge 5",
			"GET " + order + "/Lines/$count",
			"GET " + order + "/Customer?$select=Number",
			"GET " + order + "/FromParty?$select=PartyCode",
			"GET " + order + "/Store",
			"GET Crm_Sales_SalesOrders/$count?$filter=DocumentDate ge 2026-02-02",
			"GET Crm_Sales_SalesOrders?$filter=equalnull(CustomerPurchaseOrderNo,'x') and State le 'Released'&$select=DocumentNo,MasterDocument",
			"GET Crm_Sales_SalesOrderLines?$filter=SalesOrder/DocumentNo eq '0000000001' and LineNo eq 20&$select=LineNo",
			"GET General_Contacts_Parties?$filter=PartyType eq 'Company'&$select=PartyCode,PartyType,PartyName",
			"GET General_Contacts_Companies(" + number(3) + ")",
			"GET Logistics_Inventory_CurrentBalances",
			`PATCH ` + order + ` {"ObjectVersion":1,"DocumentNotes":"hello","Lines":[{"@erpnet.action":"merge","LineNo":20,"UnitPrice":{"Value":12}}]}`,
			`PATCH ` + order + ` {"ObjectVersion":1,"DocumentNotes":"late"}`,
			`PATCH ` + order + ` {"TotalLineAmount":{"Value":1}}`,
			`PATCH ` + order + ` {"Customer":null}`,
			`GET ` + order + `?$select=ObjectVersion,TotalLineAmount,DocumentNotes`,
			`POST ` + order + `/ChangeState {"newState":"Released"}`,
			`PATCH ` + order + ` {"DocumentNotes":"late"}`,
			`GET ` + order + `?$select=State,ReleaseTime,ReadOnly,ObjectVersion`,
			`POST General_Currencies_Currencies {"CurrencySign":"EUR","Name":"Again"}`,
			`POST General_Products_Products {"PartNumber":"P3"}`,
			`POST General_Products_Products {"PartNumber":"P3","Colour":"red"}`,
			`DELETE Crm_Sales_Customers(` + number(12) + `)`,
			`DELETE Crm_Sales_SalesOrders(` + number(14) + `)`,
			`GET Crm_Sales_SalesOrders(` + number(14) + `)`,
			`POST Import {"loggingLevel":0,"transaction":"all-objects","objects":[
				{"@odata.type":"Erp.General_Products_Product","@erpnet.action":"merge","PartNumber":"P1","Name":{"EN":"Apple","BG":"Ябълка"}},
				{"@odata.type":"Erp.General_Products_Product","@erpnet.action":"update","@erpnet.findBy":{"Name":"Pear"},"Active":false}]}`,
		} {
			method, rest, _ := strings.Cut(line, " ")
			path, body := rest, ""
			if method != "GET" {
				path, body, _ = strings.Cut(rest, " ")
			}
			name, options, _ := strings.Cut(path, "?")
			if options != "" {
				name += "?" + strings.ReplaceAll(url.PathEscape(options), "+", "%2B")
			}
			r, answer := call(t, h, method, name, body)
			fmt.Fprintf(&got, "%s\n%d\n%s\n\n", strings.Join(strings.Fields(line), " "), r.StatusCode, indented(answer))
		}
		golden(t, "erp.golden", got.String())
	})
}

func indented(answer string) string {
	var b bytes.Buffer
	if json.Indent(&b, []byte(strings.TrimSpace(answer)), "", "  ") != nil {
		return answer
	}
	return b.String()
}

// hostile are texts that mean something to SQL, to LIKE, to JSON or to OData.
var hostile = []string{
	`'`, `''`, `"`, `\`, `\'`, `'; DROP TABLE erp_products; --`, `' OR '1'='1`, `" OR ""="`, `1) OR (1=1`, `%`, `_`, `%25`, `*`, `$1`, `$99`, `?1`, `:a`, `@a`,
	`/* */`, `--`, `;`, `) UNION SELECT id, password_hash FROM users --`, `{{.}}`, "\t", "\u202e", "\U0001F600", "\u2028", strings.Repeat("x", 3000), `sqlite_master`, `pg_sleep(9)`,
}

// TestF33_WhatIsTypedNeverIsSQL puts hostile texts wherever a caller can type,
// and then looks that every row is as it was.
func TestF33_WhatIsTypedNeverIsSQL(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		h := stocked(t, db)
		whole := func() string {
			all := ""
			for _, s := range erpModel.Sets {
				_, answer := call(t, h, "GET", s.Name, "", "Authorization: Bearer read+sec")
				all += answer
			}
			return all
		}
		before := whole()
		if strings.Contains(before, "SECRET") || strings.Contains(before, "argon2") {
			t.Error("a password hash can be read")
		}
		check := func(what string, r *http.Response, answer string) {
			t.Helper()
			if r.StatusCode >= 500 || strings.Contains(answer, "SECRET") || strings.Contains(strings.ToLower(answer), "syntax error") || strings.Contains(answer, "SQLSTATE") {
				t.Errorf("%.200s: %d %.300s", what, r.StatusCode, answer)
			}
		}
		for _, text := range hostile {
			literal := url.QueryEscape("'" + strings.ReplaceAll(text, "'", "''") + "'")
			raw := url.QueryEscape(text)
			for _, q := range []string{
				"$filter=PartNumber%20eq%20" + literal, "$filter=PartNumber%20in%20(" + literal + "," + literal + ")",
				"$filter=contains(PartNumber," + literal + ")", "$filter=startswith(PartNumber," + literal + ")", "$filter=endswith(PartNumber," + literal + ")",
				"$filter=contains(Name," + literal + ")", "$filter=contains(ProductGroup," + literal + ")", "$filter=equalnull(PartNumber," + literal + ")",
				"$filter=Id%20eq%20" + literal, "$filter=ProductGroup%20eq%20" + literal, "$filter=ABCClass%20eq%20" + literal, "$search=" + raw,
			} {
				r, answer := call(t, h, "GET", "General_Products_Products?"+q, "")
				check(q, r, answer)
				if len(text) < 1000 && (strings.HasPrefix(q, "$filter=PartNumber") || strings.HasPrefix(q, "$filter=contains")) && r.StatusCode != 200 {
					t.Errorf("%.200s: %d %.300s", q, r.StatusCode, answer)
				}
			}
			for _, q := range []string{
				"$filter=" + raw, "$filter=PartNumber%20eq%20" + raw, "$filter=" + raw + "%20eq%20'x'", "$orderby=" + raw, "$orderby=PartNumber%20" + raw, "$select=" + raw,
				"$expand=" + raw, "$expand=ProductGroup($select=" + raw + ")", "$top=" + raw, "$skip=" + raw, "$skiptoken=" + raw, "options=" + raw,
				"$filter=contains(" + raw + ",'x')",
			} {
				r, answer := call(t, h, "GET", "General_Products_Products?"+q, "")
				check(q, r, answer)
				meant := text == "''" || text == "*" // a literal, and all fields
				if r.StatusCode == 200 && !meant && strings.TrimSpace(text) != "" {
					t.Errorf("%.200s was answered: %.200s", q, answer)
				}
			}
			key := url.PathEscape(text)
			for _, p := range []string{"General_Products_Products(" + key + ")", "General_Products_Products('" + key + "')", key, "General_Products_Products(" + number(9) + ")/" + key} {
				r, answer := call(t, h, "GET", p, "")
				check(p, r, answer)
			}
			quoted, _ := json.Marshal(text)
			for _, b := range []string{
				`{"PartNumber":` + string(quoted) + `}`,
				`{"ProductGroup":{"@odata.id":` + string(quoted) + `}}`,
				`{"ProductGroup@odata.bind":` + string(quoted) + `}`,
				`{` + string(quoted) + `:1}`,
				`{"ProductGroup":{"@erpnet.findBy":{"Code":` + string(quoted) + `}}}`,
				`{"ProductGroup":{"@erpnet.findBy":{"DisplayText":` + string(quoted) + `},"@erpnet.action":"findSingle"}}`,
				`{"ProductGroup":{` + string(quoted) + `:"x"}}`,
				`{"@odata.type":` + string(quoted) + `}`,
				`{"Id":` + string(quoted) + `}`,
				`{"StandardPricePerLot":{"Value":1,"Currency":` + string(quoted) + `}}`,
				`{"@erpnet.action":` + string(quoted) + `}`,
			} {
				r, answer := call(t, h, "POST", "General_Products_Products", b)
				check(b, r, answer)
				if r.StatusCode < 400 {
					t.Errorf("%.200s was written: %.300s", b, answer)
				}
			}
		}
		if after := whole(); after != before {
			t.Error("rows changed")
		}
	})
}

// TestF33_HostileTextIsKeptAsItIs writes hostile texts as values and reads
// them back, byte for byte.
func TestF33_HostileTextIsKeptAsItIs(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		h := stocked(t, db)
		for i, text := range hostile {
			value, _ := json.Marshal(text)
			id := number(1000 + i)
			body := fmt.Sprintf(`{"Id":"%s","PartNumber":"H%d","Name":{"EN":%s},"CatalogDescriptionHtml":%[3]s,"ProductGroup":{"Code":"G1"}}`, id, i, value)
			if len(text) > 254 {
				body = strings.Replace(body, `"EN":`+string(value), `"EN":"x"`, 1)
			}
			if r, answer := call(t, h, "POST", "General_Products_Products", body); r.StatusCode != 201 {
				t.Fatalf("%.100s: %d %s", text, r.StatusCode, answer)
			}
			_, answer := call(t, h, "GET", "General_Products_Products("+id+")?$select=Name,CatalogDescriptionHtml", "")
			var got struct {
				Name                   map[string]string
				CatalogDescriptionHtml string
			}
			if err := json.Unmarshal([]byte(answer), &got); err != nil || got.CatalogDescriptionHtml != text || len(text) <= 254 && got.Name["EN"] != text {
				t.Errorf("%.100q came back as %.300s (%v)", text, answer, err)
			}
			// And it finds itself, and nothing of it is a wildcard.
			if len(text) <= 32 {
				literal := url.QueryEscape(strings.ReplaceAll(text, "'", "''"))
				_, n := call(t, h, "GET", "General_Products_Products/$count?$filter=contains(Name,'"+literal+"')", "")
				if n == "0" || n == fmt.Sprint(i+3) && i > 0 {
					t.Errorf("%q is in the names of %s products of %d", text, n, i+3)
				}
			}
		}
	})
}

// TestF33_SecurityRowsNeedTheirScope looks for what the users table has and
// the model has not.
func TestF33_SecurityRowsNeedTheirScope(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		h := stocked(t, db)
		for _, name := range []string{"PasswordHash", "password_hash", "Password", "Version", "version", "users.password_hash", "t0.password_hash", `"password_hash"`} {
			name = url.QueryEscape(name)
			for _, q := range []string{"$select=" + name, "$filter=" + name + "%20eq%20'x'", "$orderby=" + name, "$filter=contains(" + name + ",'argon')"} {
				r, answer := call(t, h, "GET", "Systems_Security_Users?"+q, "", "Authorization: Bearer read+sec")
				refused(t, r, answer, 400, "")
			}
		}
		r, answer := call(t, h, "GET", "Systems_Security_Users?$search=argon2id", "", "Authorization: Bearer read+sec")
		if r.StatusCode != 200 || !strings.Contains(answer, `"value":[]`) {
			t.Errorf("%d %s", r.StatusCode, answer)
		}
		r, answer = call(t, h, "GET", "Systems_Security_Users?$select=default,Id", "", "Authorization: Bearer read+sec")
		if r.StatusCode != 200 || !strings.Contains(answer, `"Login":"anna"`) {
			t.Errorf("%d %s", r.StatusCode, answer)
		}
		for _, q := range []string{
			"Crm_Sales_CustomerExternalAccess?$filter=contains(User,'anna')", "Crm_Sales_CustomerExternalAccess?$expand=User", "Crm_Sales_CustomerExternalAccess(" + number(91) + ")/User",
			"Crm_Sales_CustomerExternalAccess?$filter=User/Login%20eq%20'anna'", "Crm_Sales_CustomerExternalAccess?$orderby=User/Login",
		} {
			if r, answer := call(t, h, "GET", q, ""); r.StatusCode < 400 {
				t.Errorf("%s: %d %s", q, r.StatusCode, answer)
			}
		}
	})
}

// TestF33_BodiesLinkToSecurityRowsAndNeverLookForThem comes to a row of the
// security namespace by every way that a body has, on the way also with types
// that do not fit their places. Whether there is such a row makes no difference.
func TestF33_BodiesLinkToSecurityRowsAndNeverLookForThem(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		h := stocked(t, db)
		user := `"Systems_Security_Users(` + aGUID + `)"`
		customer, access := "Crm_Sales_Customers("+number(12)+")", "Crm_Sales_CustomerExternalAccess"
		doors := []struct{ method, path, body string }{
			{"POST", access, `{"Customer":{"Number":"C1"},"User":USER}`},
			{"POST", "Crm_Sales_Customers", `{"Party":{"@odata.id":"General_Contacts_Companies(` + number(2) + `)"},"ExternalAccess":[{"User":USER}]}`},
			{"PATCH", customer, `{"ExternalAccess":[{"User":USER}]}`},
			{"PATCH", access + "(" + number(91) + ")", `{"User":USER}`},
			{"PATCH", access + "(" + number(91) + ")", `{"Customer":{"Number":"C1","@erpnet.action":"update","ExternalAccess":[{"User":USER}]}}`},
			{"POST", customer + "/ExternalAccess", `{"User":USER}`},
			{"POST", "Crm_Sales_SalesOrders", `{"Customer":{"Number":"C1"},"AssignedToUser":USER}`},
			{"POST", "Import", `{"objects":[{"@odata.type":"Erp.Crm_Sales_SalesOrder","Customer":{"Number":"C1"},"AssignedToUser":USER}]}`},
			{"POST", "Import", `{"transaction":"all-objects","objects":[{"@odata.type":"Erp.Crm_Sales_Customer","@erpnet.action":"merge","Number":"C1","ExternalAccess":[{"User":USER}]}]}`},
			{"POST", "Import", `{"objects":[{"@odata.type":"Erp.Crm_Sales_CustomerExternalAcces","Customer":{"Number":"C1"},"User":USER}]}`},
		}
		for _, d := range doors {
			answers := map[string]string{}
			for _, who := range []string{"anna", "nobody"} {
				for _, look := range []string{
					`{"Login":"WHO"}`, `{"@erpnet.findBy":{"Code":"WHO"}}`, `{"@erpnet.findBy":{"DisplayText":"WHO"}}`, `{"@erpnet.action":"findOrNull","@erpnet.findBy":{"DisplayText":"WHO"}}`,
					`{"@odata.type":"Erp.Systems_Security_User","@erpnet.action":"findOrNull","@erpnet.findBy":{"Name":"WHO"}}`, `{"@odata.id":` + user + `,"Login":"WHO"}`,
				} {
					look = strings.ReplaceAll(look, "WHO", who)
					r, answer := call(t, h, d.method, d.path, strings.ReplaceAll(d.body, "USER", look))
					if r.StatusCode != 403 || errorOf(t, answer).Type != api.TypeInsufficientScope {
						t.Errorf("%s %s with %s: %d %s", d.method, d.path, look, r.StatusCode, answer)
					}
					key := strings.ReplaceAll(look, who, "WHO")
					if answers[key] != "" && answers[key] != answer {
						t.Errorf("%s %s with %s tells whether there is one:\n%s\n%s", d.method, d.path, look, answers[key], answer)
					}
					answers[key] = answer
				}
				// A foreign type leads nowhere, neither of the user nor of the row with it.
				look := `{"@odata.type":"Erp.General_Currencies_Currency","@erpnet.action":"findOrNull","@erpnet.findBy":{"DisplayText":"` + who + `"}}`
				r, answer := call(t, h, d.method, d.path, strings.ReplaceAll(d.body, "USER", look))
				if !strings.Contains(answer, "is not a type of this set") {
					t.Errorf("%s %s with a foreign type: %d %s", d.method, d.path, r.StatusCode, answer)
				}
				if strings.Contains(d.body, `[{"User":USER}]`) {
					body := strings.ReplaceAll(d.body, `{"User":USER}`, `{"@odata.type":"Erp.General_Currencies_Currency","User":{"@erpnet.action":"findOrNull","@erpnet.findBy":{"DisplayText":"`+who+`"}}}`)
					if r, answer = call(t, h, d.method, d.path, body); !strings.Contains(answer, "is not a type of this set") {
						t.Errorf("%s %s with a row of a foreign type: %d %s", d.method, d.path, r.StatusCode, answer)
					}
				}
			}
		}
		// The type of the row itself must fit, too.
		for _, d := range []struct{ method, path, body string }{
			{"POST", "Crm_Sales_Customers", `{"@odata.type":"Erp.General_Currencies_Currency"}`},
			{"PATCH", customer, `{"@odata.type":"Erp.General_Currencies_Currency"}`},
			{"POST", customer + "/ExternalAccess", `{"@odata.type":"Erp.Crm_Sales_Customer"}`},
			{"PATCH", customer, `{"Party":{"@odata.type":"Erp.Systems_Security_User","@odata.id":"General_Contacts_Companies(` + number(11) + `)"}}`},
		} {
			r, answer := call(t, h, d.method, d.path, d.body)
			refused(t, r, answer, 400, "is not a type of this set")
		}
		if r, answer := call(t, h, "POST", "Import", `{"objects":[{"@odata.type":"Erp.Systems_Security_User","Login":"x"}]}`); r.StatusCode != 403 {
			t.Errorf("a user: %d %s", r.StatusCode, answer)
		}
		for _, link := range []string{`"User":{"@odata.id":` + user + `}`, `"User":{"@odata.type":"Erp.Systems_Security_User","@odata.id":` + user + `}`, `"User@odata.bind":` + user} {
			if r, answer := call(t, h, "PATCH", access+"("+number(91)+")", "{"+link+"}"); r.StatusCode != 204 {
				t.Errorf("%s: %d %s", link, r.StatusCode, answer)
			}
		}
	})
}

// TestF33_WhatOneResponseShowsIsBounded asks for the lines of the order of each
// line of an order, and so on: the rows are few, what they show is not.
func TestF33_WhatOneResponseShowsIsBounded(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		h := stocked(t, db)
		const line = `{"Product":{"PartNumber":"P1"}}`
		const again = "$expand=SalesOrder($select=DocumentNo;$expand=Lines($select=LineNo;$expand=SalesOrder($select=DocumentNo;$expand=Lines($select=LineNo))))&$select=LineNo"
		long := func(id string, lines int) string {
			r, answer := call(t, h, "POST", "Crm_Sales_SalesOrders?$select=Id", `{"Id":"`+id+`","Customer":{"Number":"C1"},"Lines":[`+strings.Repeat(strings.Replace(line, "}}", `},"Quantity":{"Value":2}}`, 1)+",", 6)+strings.Repeat(line+",", lines-7)+line+`]}`)
			if r.StatusCode != 201 {
				t.Fatal(answer)
			}
			return "Crm_Sales_SalesOrders(" + id + ")"
		}
		// A page ends before the row that would be too much, and goes on after it.
		next, rows, pages := long(number(500), 120)+"/Lines?$filter=QuantityValue%20ge%202&"+again, 0, 0
		for next != "" {
			r, answer := call(t, h, "GET", next, "")
			var page struct {
				Value []json.RawMessage
				Next  string `json:"@odata.nextLink"`
			}
			if err := json.Unmarshal([]byte(answer), &page); err != nil || r.StatusCode != 200 || len(page.Value) == 0 {
				t.Fatalf("%d %v %.200s", r.StatusCode, err, answer)
			}
			if shown := strings.Count(answer, "@odata.id"); shown > query.MaxRows {
				t.Errorf("%d rows in one response", shown)
			}
			rows, pages = rows+len(page.Value), pages+1
			next = strings.TrimPrefix(page.Next, domainRoot)
		}
		if rows != 6 || pages != 2 {
			t.Errorf("%d rows on %d pages", rows, pages)
		}
		// One row that is too much by itself is refused before anything is sent.
		order := long(number(501), 250)
		for _, path := range []string{
			order + "/Lines?" + again,
			"Crm_Sales_SalesOrders?$filter=Id%20eq%20" + number(501) + "&$expand=Lines($select=LineNo;$expand=SalesOrder($expand=Lines($expand=SalesOrder)))",
		} {
			r, answer := call(t, h, "GET", path, "")
			refused(t, r, answer, 400, "show more than a response holds")
		}
	})
}
