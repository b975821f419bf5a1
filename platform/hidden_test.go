package platform_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// TestE11_HiddenValuesAreNowhere: whatever anna tries, no value of a row or attribute that she
// does not see is in an answer, in the log, or in what the record says of it.
func TestE11_HiddenValuesAreNowhere(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, engine sqldb.Engine) {
		var log testkit.Buffer
		in := tandemtest.Start(t, tandemtest.Options{
			Engine: engine, Demo: true, Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		})
		const orders, products, notes, order, cost = "Crm_Sales_SalesOrders", "General_Products_Products", "zxqnotes", "zxqorder", "98765.4321"
		service, anna := in.ServiceToken(), in.SignIn("anna").Access
		one := func(path string) string {
			_, text := in.API("GET", path+"&$top=1&$select=Id", service, "")
			_, id, ok := strings.Cut(text, `"Id":"`)
			if !ok {
				t.Fatalf("%s: %s", path, text)
			}
			return id[:36]
		}
		hidden, product := one(orders+"?$filter=State%20in%20('New','Planned','FirmPlanned')"), one(products+"?$filter=Active%20eq%20true")
		_, text := in.API("GET", orders+"("+hidden+")?$select=Id,Customer,DocumentNo,DocumentType,EnterpriseCompany", service, "")
		part := func(name string) string {
			return strings.Split(strings.Split(text, `"`+name+`":{"@odata.id":"`)[1], `"`)[0]
		}
		customer, kind, company := part("Customer"), part("DocumentType"), part("EnterpriseCompany")
		number := strings.Split(strings.Split(text, `"DocumentNo":"`)[1], `"`)[0]
		for path, body := range map[string]string{
			orders + "(" + hidden + ")":    `{"DocumentNotes":"` + notes + `","CustomerPurchaseOrderNo":"` + order + `","ExternalId":"zxq"}`,
			products + "(" + product + ")": `{"StandardCostPerLot":{"Value":` + cost + `}}`,
		} {
			if status, answer := in.API("PATCH", path, service, body); status != 204 {
				t.Fatalf("%s: %d %s", path, status, answer)
			}
		}
		admin := in.Platform.Permissions
		_, err := admin.CreateKey(t.Context(), tandemtest.By, orders, "Secret")
		must(t, err)
		must(t, in.Platform.PutKey(t.Context(), tandemtest.By, "Secret", orders+"("+hidden+")"))
		_, err = admin.CreateGroup(t.Context(), tandemtest.By, "Costs", "")
		must(t, err)
		_, err = admin.Grant(t.Context(), tandemtest.By, "Costs", permission.Target{Column: products + ".StandardCostPerLot"}, "read", false)
		must(t, err)
		in.Refresh()
		before := len(in.Record(""))
		bind := fmt.Sprintf(`"Customer@odata.bind":"%s","DocumentType@odata.bind":"%s","EnterpriseCompany@odata.bind":"%s"`, customer, kind, company)
		for _, c := range [][3]string{
			{"GET", orders + "(" + hidden + ")", ""}, {"GET", orders + "(" + hidden + ")/Lines?$expand=Product", ""}, {"GET", orders + "?$search=" + number, ""},
			{"GET", orders + "?$filter=DocumentNo%20eq%20'" + number + "'&$expand=Lines,Customer", ""}, {"GET", "Crm_Sales_SalesOrderLines?$filter=SalesOrder%20eq%20'" + orders + "(" + hidden + ")'", ""},
			{"GET", products + "(" + product + ")?$expand=ProductGroup", ""}, {"GET", products + "?$filter=StandardCostPerLot/Value%20ge%201", ""}, {"GET", products + "?$orderby=StandardCostPerLot", ""},
			{"GET", "Crm_Invoicing_InvoiceLines?$expand=SalesOrder,ParentSalesOrderLine&$top=100", ""}, {"GET", "Logistics_Inventory_CurrentBalances?$expand=Product&$top=50", ""},
			{"PATCH", orders + "(" + hidden + ")", `{"DocumentNotes":"mine","ObjectVersion":1}`}, {"DELETE", orders + "(" + hidden + ")", ""}, {"DELETE", customer, ""},
			{"POST", orders + "(" + hidden + ")/ChangeState", `{"newState":"Planned"}`}, {"POST", orders + "(" + hidden + ")/Lines", `{"Product@odata.bind":"` + products + "(" + product + `)"}`},
			{"POST", orders, `{"DocumentNo":"` + number + `",` + bind + `}`}, {"POST", orders, `{"Id":"` + hidden + `",` + bind + `}`}, {"POST", orders, `{"ExternalId":"zxq",` + bind + `}`},
			{"POST", orders, `{"Parent@odata.bind":"` + orders + "(" + hidden + `)",` + bind + `}`},
			{"PATCH", products + "(" + product + ")", `{"StandardCostPerLot":{"Value":1}}`}, {"PATCH", products + "(" + product + ")", `{"StandardCostPerLot":"x"}`},
			{"PATCH", products + "(" + product + ")", `{"StandardPricePerLot":{"Value":1}}`}, {"PATCH", products + "(" + product + ")", `{"PartNumber":null,"Name":{"EN":"x"}}`},
			{"POST", "Import", `{"objects":[{"@odata.type":"Erp.Crm_Sales_SalesOrder","@erpnet.action":"merge","ExternalId":"zxq","DocumentNotes":"mine"},
				{"@odata.type":"Erp.Crm_Sales_SalesOrder","@erpnet.action":"update","@erpnet.findBy":{"Id":"` + hidden + `"},"DocumentNotes":"mine"},
				{"@odata.type":"Erp.Crm_Sales_SalesOrder","@erpnet.action":"find","@erpnet.findBy":{"Code":"` + number + `"}},
				{"@odata.type":"Erp.General_Products_Product","@erpnet.action":"update","@erpnet.findBy":{"Id":"` + product + `"},"StandardCostPerLot":{"Value":2}}]}`},
		} {
			req, err := http.NewRequestWithContext(t.Context(), c[0], in.OData+c[1], strings.NewReader(c[2]))
			must(t, err)
			req.Header.Set("Authorization", "Bearer "+anna)
			req.Header.Set("Content-Type", "application/json")
			req.Header.Set("Prefer", "return=representation")
			r, answer := send(t, req)
			if r.StatusCode >= 500 {
				t.Errorf("%v: %d %s", c, r.StatusCode, answer)
			}
			for _, value := range []string{notes, order, cost} {
				if strings.Contains(answer+fmt.Sprint(r.Header), value) {
					t.Errorf("%v: the answer has %s: %d %s", c, value, r.StatusCode, answer)
				}
			}
		}
		must(t, in.Platform.TellRefusals(t.Context()))
		events := in.Record("")
		for _, e := range events[:len(events)-before] {
			for _, value := range []string{notes, order, cost} {
				if strings.Contains(e.Detail+e.Facts, value) {
					t.Errorf("the record has %s: %+v", value, e)
				}
			}
		}
		for _, value := range []string{notes, order, cost} {
			if strings.Contains(log.String(), value) {
				t.Errorf("the log has %s", value)
			}
		}
		if _, text := in.API("GET", orders+"("+hidden+")", service, ""); !strings.Contains(text, notes) || !strings.Contains(text, order) {
			t.Errorf("what is looked for is not there: %s", text)
		}
	})
}
