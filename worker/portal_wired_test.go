package worker_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// The portal against a real instance with the data of the demo: what people of the
// outside see of shipments and invoices through each door, beside a model in plain Go.

// erpDoc is a document as the ERP has it.
type erpDoc struct {
	ID            string `json:"Id"`
	DocumentNo    string
	DocumentDate  time.Time
	State         string
	Void          bool
	DocumentNotes string
	Customer      *struct {
		ID string `json:"Id"`
	}
	ToParty *struct {
		ID string `json:"@odata.id"`
	}
	ShipToPartyContactMechanism *struct {
		ID string `json:"@odata.id"`
	}
}

type erpCustomer struct {
	ID     string `json:"Id"`
	Active bool
	Party  struct {
		ID string `json:"@odata.id"`
	}
}

// grant is a row of access in the model.
type grant struct {
	customer erpCustomer
	role     string
	days     int // -1 is without limit
}

var roles = []string{"Basic", "Orders", "OrdersWithPrices", "Billing", "Admin", "Owner"}

func (g grant) sees(least string, date, today time.Time) bool {
	return slices.Index(roles, g.role) >= slices.Index(roles, least) && g.customer.Active &&
		(g.days < 0 || !date.Before(today.AddDate(0, 0, -g.days)))
}

// portalOf is the system, with what the ERP has.
type portalOf struct {
	*tandemtest.Hybrid
	t                   testing.TB
	api                 *internalapi.Client
	admin               string
	shipments, invoices []erpDoc
	customers           []erpCustomer
	// asked is how often the ERP was called; a batch is one call.
	asked atomic.Int64
}

func (p *portalOf) counted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/api/domain/odata/") {
			p.asked.Add(1)
		}
		next.ServeHTTP(w, r)
	})
}

func newPortal(t testing.TB) *portalOf { return newPortalOn(t, sqldb.SQLite) }

func newPortalOn(t testing.TB, engine sqldb.Engine) *portalOf {
	p := &portalOf{t: t}
	h := tandemtest.StartHybrid(t, tandemtest.Options{Demo: true, Engine: engine, Wrap: p.counted})
	h.OneDay()
	api, err := internalapi.NewClient(h.Worker, h.ChannelKey, nil)
	if err != nil {
		t.Fatal(err)
	}
	p.Hybrid, p.api, p.admin = h, api, h.SignIn("admin").Access
	p.shipments = all[erpDoc](p, "Logistics_Shipment_Shipments?$select=Id,DocumentNo,DocumentDate,State,Void,DocumentNotes,ToParty,ShipToPartyContactMechanism")
	p.invoices = all[erpDoc](p, "Crm_Invoicing_Invoices?$select=Id,DocumentNo,DocumentDate,State,Void&$expand=Customer($select=Id)&$top=300&$orderby="+url.QueryEscape("DocumentDate desc"))
	for _, c := range all[erpCustomer](p, "Crm_Sales_Customers?$select=Id,Active,Party") {
		if slices.ContainsFunc(p.shipments, func(d erpDoc) bool { return d.ToParty.ID == c.Party.ID }) {
			p.customers = append(p.customers, c)
		}
	}
	if len(p.shipments) < 4 || len(p.invoices) < 20 || len(p.customers) < 2 {
		t.Fatalf("the demo has %d shipments to %d customers, and %d invoices", len(p.shipments), len(p.customers), len(p.invoices))
	}
	return p
}

// all is the first page of what the ERP has.
func all[E any](p *portalOf, path string) []E {
	var page struct{ Value []E }
	status, body := p.API("GET", path, p.admin, "")
	if err := json.Unmarshal([]byte(body), &page); err != nil || status != 200 {
		p.t.Fatalf("%s: %d %.300s", path, status, body)
	}
	return page.Value
}

func (p *portalOf) one(path string) (d erpDoc) {
	status, body := p.API("GET", path, p.admin, "")
	if err := json.Unmarshal([]byte(body), &d); err != nil || status != 200 {
		p.t.Fatalf("%s: %d %.300s", path, status, body)
	}
	return d
}

// person makes an external person with access, and signs them in.
func (p *portalOf) person(login string, grants ...grant) (evidence string) {
	u := p.CreateUser(signin.NewUser{Login: login, Name: login, Type: tandem.ExternalCommunityUser, Password: tandemtest.Password})
	for _, g := range grants {
		days := "null"
		if g.days >= 0 {
			days = fmt.Sprint(g.days)
		}
		status, body := p.API("POST", "Crm_Sales_Customers("+g.customer.ID+")/ExternalAccess", p.admin,
			fmt.Sprintf(`{"User":{"@odata.id":"Systems_Security_Users(%s)"},"Role":%q,"DaysBackAccess":%s}`, u.ID, g.role, days))
		if status != 201 {
			p.t.Fatalf("access of %s: %d %s", login, status, body)
		}
	}
	return p.SignIn(login, "openid", "profile").ID
}

// TestA8_ShipmentsAndInvoicesByEachDoor: random people see, through lists, single
// documents, files and forms, what the model says, and nothing else.
func TestA8_ShipmentsAndInvoicesByEachDoor(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	random := rand.New(rand.NewPCG(1, 2))
	today := p.Clock.Now().UTC().Truncate(24 * time.Hour)
	for n := range 8 {
		var grants []grant
		for _, c := range p.customers {
			if random.IntN(3) > 0 {
				grants = append(grants, grant{c, roles[(n+random.IntN(3))%len(roles)], []int{-1, 0, 30, 200}[random.IntN(4)]})
			}
		}
		who := p.person(fmt.Sprintf("random%d", n), grants...)
		checkShipments(p, who, grants, today)
		checkInvoices(p, who, grants, today)
	}
}

func checkShipments(p *portalOf, who string, grants []grant, today time.Time) {
	t := p.t
	sees := func(d erpDoc) bool {
		return slices.ContainsFunc(grants, func(g grant) bool {
			return g.customer.Party.ID == d.ToParty.ID && g.sees("Orders", d.DocumentDate, today)
		})
	}
	var want, got []string
	for _, d := range p.shipments {
		if sees(d) {
			want = append(want, d.DocumentNo)
		}
	}
	page, err := p.api.Shipments(t.Context(), who, internalapi.PortalQuery{Page: internalapi.Page{Top: 100}})
	for _, d := range page.Documents {
		got = append(got, d.Number)
	}
	slices.Sort(want)
	slices.Sort(got)
	may := slices.ContainsFunc(grants, func(g grant) bool { return slices.Index(roles, g.role) >= 1 })
	if may != (err == nil) || !slices.Equal(got, want) {
		t.Errorf("%+v: shipments %v %v, want %v", grants, got, err, want)
	}
	for _, d := range p.shipments {
		if _, err := p.api.Shipment(t.Context(), who, d.ID); sees(d) != (err == nil) || err != nil && tandem.ErrorCode(err) != tandem.CodeNotFound {
			t.Errorf("%+v: shipment %s: %v", grants, d.DocumentNo, err)
		}
		if sees(d) {
			continue
		}
		_, missing := p.api.ConfirmShipment(t.Context(), who, "00000000-0000-4000-8000-000000000001", internalapi.Receipt{Name: "x"})
		_, confirm := p.api.ConfirmShipment(t.Context(), who, d.ID, internalapi.Receipt{Name: "x"})
		_, redirect := p.api.RedirectShipment(t.Context(), who, d.ID, "x")
		if fmt.Sprint(confirm) != fmt.Sprint(missing) || fmt.Sprint(redirect) != fmt.Sprint(missing) || tandem.ErrorCode(missing) != tandem.CodeNotFound {
			t.Errorf("%+v: somebody else's shipment: %v, %v; one that never was: %v", grants, confirm, redirect, missing)
		}
	}
}

func checkInvoices(p *portalOf, who string, grants []grant, today time.Time) {
	t := p.t
	printed := 0
	for i, d := range p.invoices {
		sees := slices.ContainsFunc(grants, func(g grant) bool { return g.customer.ID == d.Customer.ID && g.sees("Billing", d.DocumentDate, today) })
		if !sees && i%10 != 0 || sees && printed > 3 {
			continue
		}
		file, err := p.api.InvoicePDF(t.Context(), who, d.ID, "de")
		if sees != (err == nil) || err != nil && tandem.ErrorCode(err) != tandem.CodeNotFound {
			t.Errorf("%+v: invoice %s: %v", grants, d.DocumentNo, err)
			continue
		}
		if sees {
			printed++
			if text := readPDF(t, file); !strings.Contains(text, "Rechnung "+d.DocumentNo) || strings.Count(text, "GmbH") > 4 {
				t.Errorf("invoice %s says %s", d.DocumentNo, text)
			}
		}
	}
}

func readPDF(t testing.TB, file *internalapi.Download) string {
	t.Helper()
	defer file.Body.Close()
	b, err := io.ReadAll(file.Body)
	if err != nil || !bytes.HasPrefix(b, []byte("%PDF-")) || file.MediaType != "application/pdf" || !strings.HasPrefix(file.Name, "invoice-") {
		t.Fatalf("%+v: %.20q %v", file, b, err)
	}
	return testkit.PDFText(t, b)
}

// TestA1_ShipmentsAreConfirmedAndRedirected, once, in the state that they have, by whom
// they go to, with nothing but what partners may write.
func TestA1_ShipmentsAreConfirmedAndRedirected(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	waits, ships := -1, -1
	for i, d := range p.shipments {
		if !d.Void && d.State == "New" && waits < 0 {
			waits = i
		}
	}
	for i, d := range p.shipments {
		if !d.Void && d.State == "Released" && d.ToParty.ID == p.shipments[waits].ToParty.ID {
			ships = i
		}
	}
	if ships < 0 {
		t.Fatal("the demo has no customer with a shipment that waits and one on its way")
	}
	at := slices.IndexFunc(p.customers, func(c erpCustomer) bool { return c.Party.ID == p.shipments[waits].ToParty.ID })
	who := p.person("receiver", grant{p.customers[at], "Orders", -1})
	const set = "Logistics_Shipment_Shipments("
	id, released := p.shipments[waits].ID, p.shipments[ships].ID

	// What employees note is not shown, and confirms nothing, however it begins.
	byHand := `{"DocumentNotes":"Received a call: difficult customer\nReceived 2026-02-03 by post"}`
	if status, body := p.API("PATCH", set+released+")", p.admin, byHand); status != http.StatusNoContent {
		t.Fatalf("notes of an employee: %d %s", status, body)
	}
	if d, err := p.api.Shipment(t.Context(), who, released); err != nil || len(d.Received) != 0 || !d.MayReceive {
		t.Errorf("with notes of an employee: %+v %v", d, err)
	}
	p.confirmInABrowser(released, p.shipments[waits].ID)
	receipt := internalapi.Receipt{Name: "F. Lechner", Note: "one box\nwet <b>"}
	for range 2 {
		d, err := p.api.ConfirmShipment(t.Context(), who, released, receipt)
		if err != nil || len(d.Received) != 1 || !strings.HasSuffix(d.Received[0], " by F. Lechner (receiver): one box wet <b>") || d.MayReceive {
			t.Fatalf("confirmed: %+v %v", d, err)
		}
		receipt.Name = "Somebody else"
	}
	if notes := p.one(set + released + ")?$select=DocumentNotes").DocumentNotes; strings.Count(notes, "(receiver)") != 1 || !strings.HasPrefix(notes, "Received a call") {
		t.Errorf("notes: %q", notes)
	}
	if _, err := p.api.RedirectShipment(t.Context(), who, released, "x"); tandem.ErrorCode(err) != tandem.CodeRule || !strings.Contains(err.Error(), "is released meanwhile") {
		t.Errorf("F5: the address of a released one: %v", err)
	}

	// Waiting: not confirmed; redirected to an address of its own party alone.
	if _, err := p.api.ConfirmShipment(t.Context(), who, id, receipt); tandem.ErrorCode(err) != tandem.CodeRule {
		t.Errorf("one that waits is confirmed: %v", err)
	}
	party := strings.TrimSuffix(strings.SplitN(p.customers[at].Party.ID, "(", 2)[1], ")")
	status, body := p.API("POST", "General_Contacts_Companies("+party+")/ContactMechanisms?$select=Id", p.admin, `{"Name":"Ramp 2","ContactMechanismType":"Address"}`)
	var ramp struct {
		ID string `json:"Id"`
	}
	if err := json.Unmarshal([]byte(body), &ramp); err != nil || status != http.StatusCreated {
		t.Fatalf("an address: %d %s", status, body)
	}
	foreign := strings.TrimSuffix(strings.SplitN(p.shipments[slices.IndexFunc(p.shipments, func(d erpDoc) bool { return d.ToParty.ID != p.shipments[waits].ToParty.ID })].ShipToPartyContactMechanism.ID, "(", 2)[1], ")")
	for _, bad := range []string{foreign, "", ramp.ID + ")", "x"} {
		if _, err := p.api.RedirectShipment(t.Context(), who, id, bad); tandem.ErrorCode(err) != tandem.CodeInvalid {
			t.Errorf("sent to %q: %v", bad, err)
		}
	}
	for range 2 {
		d, err := p.api.RedirectShipment(t.Context(), who, id, ramp.ID)
		if err != nil || d.Address == nil || d.Address.Name != "Ramp 2" {
			t.Errorf("redirected: %+v %v", d, err)
		}
	}
	for _, r := range []internalapi.Receipt{{}, {Name: " \n"}, {Name: strings.Repeat("n", 101)}, {Name: "n", Note: strings.Repeat("ä", 501)}, {Name: "a\u202eb"}} {
		if _, err := p.api.ConfirmShipment(t.Context(), who, released, r); tandem.ErrorCode(err) != tandem.CodeInvalid {
			t.Errorf("%+v: %v", r, err)
		}
	}
}

// confirmInABrowser goes through the pages: what is refused is told beside the form, with
// what was typed; a form that is sent twice is acted on once.
func (p *portalOf) confirmInABrowser(released, waits string) {
	t, b := p.t, p.Browser()
	p.SignInToWebApp(b, "receiver")
	if page := b.Get(p.WebApp + "/portal/shipments"); page.StatusCode != 200 || !strings.Contains(page.Text, released) || strings.Contains(page.Text, "Total") {
		t.Errorf("shipments: %d %s", page.StatusCode, page.Text)
	}
	page := b.Get(p.WebApp + "/portal/shipments/" + released)
	if page.StatusCode != 200 || !strings.Contains(page.Text, "Confirm that it arrived") || strings.Contains(page.Text, "Send it there") {
		t.Fatalf("a released shipment: %d %s", page.StatusCode, page.Text)
	}
	refused := b.Post(page, p.WebApp+"/portal/shipments/"+released+"/received", url.Values{"name": {" "}, "note": {"one box <b>"}})
	if refused.StatusCode != 422 || !strings.Contains(refused.Text, "say who received") || !strings.Contains(refused.Text, "one box &lt;b&gt;") {
		t.Errorf("no name: %d %s", refused.StatusCode, refused.Text)
	}
	for range 2 {
		done := b.Submit(page, url.Values{"name": {"F. Lechner"}, "note": {"one box wet <b>"}})
		if done.StatusCode != 200 || !strings.Contains(done.Text, "by F. Lechner (receiver): one box wet &lt;b&gt;") || strings.Contains(done.Text, "Confirm that it arrived") {
			t.Fatalf("confirmed: %d %s", done.StatusCode, done.Text)
		}
	}
	if page := b.Get(p.WebApp + "/portal/shipments/" + waits); page.StatusCode != 200 || !strings.Contains(page.Text, "Send it there") || strings.Contains(page.Text, "Confirm that it arrived") {
		t.Errorf("one that waits: %d %s", page.StatusCode, page.Text)
	}
	if page := b.Get(p.WebApp + "/portal/invoices/" + p.invoices[0].ID + ".pdf"); page.StatusCode == 200 || strings.Contains(page.Text, "%PDF") {
		t.Errorf("an invoice in the role Orders: %d", page.StatusCode)
	}
}

// TestA1_PDFsAreKeptForEachPerson: the second time the ERP prints nothing, for somebody
// else or after five minutes it does.
func TestA1_PDFsAreKeptForEachPerson(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	d := p.invoices[0]
	who := p.person("biller", grant{erpCustomer{ID: d.Customer.ID}, "Billing", -1})
	print := func(language string) string {
		file, err := p.api.InvoicePDF(t.Context(), who, d.ID, language)
		if err != nil {
			t.Fatal(err)
		}
		return readPDF(t, file)
	}
	for language, word := range map[string]string{"de": "Rechnung", "bg": "Фактура", "en": "Invoice", "fr": "Invoice", "de&x=1": "Invoice", "": "Invoice"} {
		if text := print(language); !strings.Contains(text, word+" "+d.DocumentNo) {
			t.Errorf("%q: %s", language, text)
		}
	}
	b := p.Browser()
	p.SignInToWebApp(b, "biller")
	page := b.Get(p.WebApp + "/portal/invoices/" + d.ID + ".pdf")
	if h := page.Header; page.StatusCode != 200 || !strings.HasPrefix(page.Text, "%PDF-") || h.Get("Content-Type") != "application/pdf" ||
		h.Get("X-Content-Type-Options") != "nosniff" || !strings.HasPrefix(h.Get("Content-Disposition"), "attachment; filename=invoice-") {
		t.Errorf("in a browser: %d %v", page.StatusCode, page.Header)
	}
	before := p.printouts()
	print("de")
	if n := p.printouts() - before; n != 0 {
		t.Errorf("a printout that is kept was asked for %d times", n)
	}
	who = p.person("partner", grant{erpCustomer{ID: d.Customer.ID}, "Billing", -1})
	print("de")
	if n := p.printouts() - before; n != 1 {
		t.Errorf("what was printed for somebody else: asked for %d times, want 1", n)
	}
	p.Clock.Advance(5 * time.Minute)
	who = p.SignIn("biller", "openid", "profile").ID
	print("de")
	if n := p.printouts() - before; n != 2 {
		t.Errorf("what was printed five minutes ago: asked for %d times, want 2", n)
	}
}

// BenchmarkInvoicePDFKept is an invoice that the person has looked at before, from the worker.
func BenchmarkInvoicePDFKept(b *testing.B) {
	p := newPortal(b)
	d := p.invoices[0]
	who := p.person("biller", grant{erpCustomer{ID: d.Customer.ID}, "Billing", -1})
	print := func() {
		if _, err := p.api.InvoicePDF(b.Context(), who, d.ID, "de"); err != nil {
			b.Fatal(err)
		}
	}
	print()
	for b.Loop() {
		print()
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/1000/float64(b.N), "ms")
}

// printouts is how many of the latest calls of the worker asked for one.
func (p *portalOf) printouts() (n int) {
	status, err := p.api.Status(p.t.Context(), p.SignIn("anna").ID)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, c := range status.Calls {
		if strings.Contains(c.Path, "GetPrintout") {
			n++
		}
	}
	return n
}
