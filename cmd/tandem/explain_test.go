package main_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	glossary "github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/tandemtest"
)

// explained is the JSON of tandem explain, as far as the tests look at it.
type explained struct {
	Status       *int
	Answer       string
	Applications []throughApp
	Steps        []step
	Mend         []string
	Repeat       string
	Events       []struct {
		Facts glossary.Facts
		Now   *struct{ Allowed bool }
		Mend  []string
	}
}

type throughApp struct {
	URI    string `json:"application_uri"`
	Enough bool
}

type step struct {
	What    string
	Allowed bool
	By      []string
	Others  []string `json:"other_groups_that_give_it"`
}

func explain(t *testing.T, in *tandemtest.Instance, args string) (x explained, text string) {
	t.Helper()
	text = do(t, in, "tandem explain -o json "+args)[0]
	if err := json.Unmarshal([]byte(text), &x); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return x, text
}

// asked is what the command is made of: most of the test has no need of a process.
func asked(t *testing.T, in *tandemtest.Instance, login, call string) (x explained, text string) {
	t.Helper()
	made, err := in.Platform.Explain(t.Context(), login, call)
	must(t, err)
	if made.Status != 0 {
		x.Status = &made.Status
	}
	for _, a := range made.Applications {
		x.Applications = append(x.Applications, throughApp{a.ApplicationURI, a.Enough})
	}
	for _, s := range made.Steps {
		x.Steps = append(x.Steps, step{strings.TrimSpace(s.What), s.Allowed, s.By, s.Others})
	}
	x.Answer, x.Mend = made.Answer, made.Mend
	return x, fmt.Sprintf("%+v", made)
}

// TestE9_ExplainDecidesAsTheAPIDoesAndKeepsNothing: what explain says of a call is what the
// API answers, with the groups that give it, and nothing stays of it but its record.
func TestE9_ExplainDecidesAsTheAPIDoesAndKeepsNothing(t *testing.T) {
	t.Parallel()
	wired(t, func(t *testing.T, in *tandemtest.Instance) {
		const orders, products = "Crm_Sales_SalesOrders", "General_Products_Products"
		admin := in.Platform.Permissions
		do(t, in, "tandem access group create Costs", "tandem access grant Costs --column "+products+".StandardCostPerLot --rights read,create,update",
			"tandem access key create Secret --set "+orders, "tandem access grant Costs --key Secret --rights read",
			"tandem access grant Everybody --set Crm_Sales_Customers --rights read,update:DefaultPaymentTermDays --only")
		anna, service := in.SignIn("anna").Access, in.ServiceToken()
		id := func(set string, n int) string {
			_, text := in.API("GET", set+"?$select=Id&$top=3"+map[string]string{orders: "&$filter=State%20in%20('New','Planned','FirmPlanned')"}[set], service, "")
			return set + "(" + strings.Split(text, `"Id":"`)[n][:36] + ")"
		}
		open, hidden, product, customer, kind := id(orders, 1), id(orders, 2), id(products, 1), id("Crm_Sales_Customers", 1), id("Systems_Documents_DocumentTypes", 1)
		must(t, in.Platform.PutKey(t.Context(), tandemtest.By, "Secret", hidden))
		in.Refresh()
		_, rows := in.API("GET", orders+"/$count", service, "")
		_, was := in.API("GET", open, service, "")
		events := len(in.Record(""))
		calls := []string{
			"GET " + orders + "?$top=1", "GET " + open, "GET " + hidden, "GET " + hidden + "/Lines", "GET " + products + "?$select=StandardCostPerLot",
			"GET " + products + "?$filter=PartNumber eq 'x'&$select=Id", "GET Systems_Security_AccessKeys", "GET Nothing", "DELETE " + hidden, "DELETE " + kind,
			"PATCH " + product + ` {"StandardCostPerLot":{"Value":7}}`, "PATCH " + open + ` {"DocumentNotes":"explained"}`, "PATCH " + hidden + ` {"DocumentNotes":"x"}`,
			"PATCH " + customer + ` {"DefaultPaymentTermDays":7}`, "PATCH " + customer + ` {"GracePeriodDays":7}`,
			"POST Systems_Documents_DocumentTypes " + `{"Code":"x"}`, `POST General_Currencies_Currencies {"CurrencySign":"QQQ","Name":"x"}`, "POST " + hidden + `/ChangeState {"newState":"Planned"}`,
			`POST Import {"objects":[{"@odata.type":"Erp.Crm_Sales_SalesOrder","@erpnet.action":"update","@odata.id":"` + open + `","DocumentNotes":"explained"}]}`,
		}
		for _, call := range calls {
			x, text := asked(t, in, "anna", call)
			method, rest, _ := strings.Cut(call, " ")
			path, body, _ := strings.Cut(rest, " {")
			if body != "" {
				body = "{" + body
			}
			if x.Status == nil || len(x.Applications) == 0 {
				t.Errorf("%s: %s", call, text)
				continue
			}
			if strings.Contains(body, "explained") || strings.Contains(body, "QQQ") || strings.Contains(body, "DefaultPayment") {
				if *x.Status/100 != 2 { // really doing it would change what is compared
					t.Errorf("%s: %s", call, text)
				}
				continue
			}
			if status, answer := in.API(method, strings.ReplaceAll(path, " ", "%20"), anna, body); status != *x.Status {
				t.Errorf("%s: the API answers %d %s, explain says %s", call, status, answer, text)
			}
		}
		for _, c := range []struct{ call, step, others, mend string }{
			{"GET " + hidden, `read by the key "Secret" of the row (AccessKey)`, "Costs", ""},
			{"GET " + products + "?$select=StandardCostPerLot", "read " + products + ".StandardCostPerLot", "Costs", "tandem access group add-member Costs anna"},
			{"PATCH " + product + " StandardCostPerLot", "read " + products + ".StandardCostPerLot", "Costs", "tandem access group add-member Costs anna"},
			{"PATCH " + customer + " GracePeriodDays,Number", "update Crm_Sales_Customers.GracePeriodDays", "", "tandem access grant GROUP --set Crm_Sales_Customers --rights update:GracePeriodDays"},
			{"POST Systems_Documents_DocumentTypes Code,TypeName", "create Systems_Documents_DocumentTypes", "", "tandem access grant GROUP --set Systems_Documents_DocumentTypes --rights create"},
		} {
			x, text := asked(t, in, "anna", c.call)
			found := false
			for _, s := range x.Steps {
				found = found || s.What == c.step && !s.Allowed && strings.Join(s.Others, ",") == c.others
			}
			if !found || !strings.Contains(strings.Join(x.Mend, "\n"), c.mend) {
				t.Errorf("%s: %s", c.call, text)
			}
		}
		if x, text := explain(t, in, "--as anna 'PATCH "+open+" DocumentNotes'"); x.Status != nil || len(x.Steps) == 0 || x.Steps[0].By[0] != "Everybody" {
			t.Errorf("what is allowed: %s", text)
		}
		if _, now := in.API("GET", open, service, ""); now != was {
			t.Errorf("an order was changed: %s, was %s", now, was)
		}
		if _, now := in.API("GET", orders+"/$count", service, ""); now != rows {
			t.Errorf("there are %s orders, were %s", now, rows)
		}
		asks := 0
		for _, e := range in.Record("")[:len(in.Record(""))-events] {
			if e.Kind == glossary.AuditAdministration {
				asks++
			}
		}
		if asks != len(calls)+6 {
			t.Errorf("%d explanations are on record, of %d", asks, len(calls)+6)
		}
		explainRequests(t, in, anna, product)
		in.UpdateApp(tandemtest.Portal, func(a *glossary.TrustedApp) { a.ServiceScope = glossary.Scope{"read"} })
		if x, text := explain(t, in, "--as svc.portal 'PATCH "+open+" DocumentNotes'"); len(x.Applications) != 1 || x.Applications[0].Enough || x.Status != nil {
			t.Errorf("a System User whose application may only read: %s", text)
		}
		must(t, admin.RemoveMember(t.Context(), tandemtest.By, tandemtest.AllData, "svc.portal"))
		if x, text := explain(t, in, "--as svc.portal 'GET "+orders+"'"); x.Status == nil || *x.Status != 403 || len(x.Steps) == 0 {
			t.Errorf("a System User without groups: %s", text)
		}
	})
}

// explainRequests asks for refusals by the ids in their answers.
func explainRequests(t *testing.T, in *tandemtest.Instance, token, product string) {
	t.Helper()
	ask := func() string {
		req, err := http.NewRequestWithContext(t.Context(), "GET", in.OData+product+"?$select=StandardCostPerLot", nil)
		must(t, err)
		req.Header.Set("Authorization", "Bearer "+token)
		r, err := http.DefaultClient.Do(req)
		must(t, err)
		must(t, r.Body.Close())
		return r.Header.Get("Tandem-Request-Id")
	}
	in.Advance(2 * time.Minute) // a minute that is over
	must(t, in.Platform.TellRefusals(t.Context()))
	first := ask()
	for i := range 2 {
		ask := ask()
		x, text := explain(t, in, ask)
		if x.Repeat != fmt.Sprint(i+1) || len(x.Events) != 1 || x.Events[0].Facts.Rule != glossary.RuleAttribute || x.Events[0].Now.Allowed || !strings.HasPrefix(ask, first) {
			t.Errorf("%s: %s", ask, text)
		}
	}
	x, text := explain(t, in, first)
	if x.Repeat != "" || len(x.Events[0].Mend) == 0 {
		t.Fatalf("%s: %s", first, text)
	}
	do(t, in, x.Events[0].Mend[len(x.Events[0].Mend)-1])
	if x, text := explain(t, in, first); !x.Events[0].Now.Allowed {
		t.Errorf("after it was mended: %s", text)
	}
	do(t, in, "tandem access group remove-member Costs anna")
	for args, want := range map[string]string{
		"0197c2d4-7a51-7a7e-8c1c-1f6f3f1f7d10": "nothing is on record", "nonsense": "no id of a request", "'GET " + product + "'": "say whose call",
		"--as nobody 'GET x'": "nobody", "--as anna 'PUT x'": "write the call as",
	} {
		if text, code := tandemOn(t, in, "tandem explain "+args); code == 0 || !strings.Contains(text, want) {
			t.Errorf("%s: exit %d: %s", args, code, text)
		}
	}
}
