package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/sqldb"
)

// Printouts: what is in them, for whom.

const (
	invoices    = "Crm_Invoicing_Invoices"
	kindInvoice = 70
)

// newPrinted is a house of service with an invoice, a visit and an address of everybody.
func newPrinted(t testing.TB, db *sqldb.DB) *house {
	w := newService(t, db)
	w.post(t,
		`Systems_Documents_DocumentTypes {"Code":"INV","TypeName":{"EN":"Invoice"},"EntityName":"`+invoices+`"}`,
		invoice(0, `{"Product":{"PartNumber":"P1"},"Quantity":{"Value":12},"UnitPrice":{"Value":1234.5,"Currency":"EUR"},"LineCustomDiscountPercent":0.05}`),
		visit(0, `,"Subject":"Winch is stuck","StartTime":"2026-03-01T07:30:00Z","Services":[{"Service":{"Code":"REP"}}],"Materials":[{"Product":{"PartNumber":"P1"},"Quantity":{"Value":2}}],"DefaultServiceObject@odata.bind":"`+objects+`(`+row(kindObject, 0)+`)","ReceiverPersonName":{"EN":"F. Lechner"}`))
	w.sql(t, `UPDATE erp_parties SET registration_primary_address = $1, registration_vat_number = $2 WHERE id = $3`,
		`{"BG":"ул. „Хлебарска“ 7, 4003 Пловдив","EN":"ul. Hlebarska 7, 4003 Plovdiv"}`, "BG900417263", row(kindParty, 0))
	w.sql(t, `UPDATE erp_parties SET registration_primary_address = $1 WHERE id = $2`, `{"EN":"Am Fassbinderhof 21, 8020 Graz"}`, row(kindParty, 1))
	return w
}

func invoice(n int, lines string) string {
	return fmt.Sprintf(`%s {"Id":"%s","DocumentNo":"2026-%d","Customer@odata.bind":"Crm_Sales_Customers(%s)","DocumentDate":"2026-02-03T00:00:00Z","PaymentDueDate":"2026-03-05T00:00:00Z","Notes":"Thank you – дякуємо 😀","DocumentNotes":"for us alone","Lines":[%s]}`,
		invoices, row(kindInvoice, n), n, row(kindCustomer, 0), lines)
}

var printed = map[string]string{
	invoices: invoices + "(" + row(kindInvoice, 0) + ")",
	orderSet: orderSet + "(" + row(kindOrder, 0) + ")",
	visits:   visits + "(" + row(kindVisit, 0) + ")",
}

// print asks for a printout.
func (w *house) print(t testing.TB, path, format string, headers ...string) (status int, file []byte, answer string) {
	t.Helper()
	path, query, _ := strings.Cut(path, "?")
	r, answer := call(t, w.h, "POST", path+"/GetPrintout?"+query, `{"fileFormat":"`+format+`"}`, headers...)
	var got struct {
		Context string `json:"@odata.context"`
		Value   []byte
	}
	if r.StatusCode == 200 {
		if err := json.Unmarshal([]byte(answer), &got); err != nil || got.Context != "https://erp.example/api/domain/odata/$metadata#Edm.String" {
			t.Fatalf("%v: %.200s", err, answer)
		}
		if r.Header.Get("ETag") == "" {
			t.Error("the printout does not say of which version it is")
		}
	}
	return r.StatusCode, got.Value, answer
}

// TestGetPrintout prints each of the three documents in each language, as both formats,
// and reads them back.
func TestGetPrintout(t *testing.T) {
	t.Parallel()
	want := map[string][]string{
		invoices + " en": {"Invoice 2026-0", "Our Shop", "ul. Hlebarska 7", "VAT no. BG900417263", "Customer 0", "Am Fassbinderhof 21", "8020 Graz", "3 February 2026",
			"Payable by", "5 March 2026", "P1", "Apple", "12 pcs", "1,234.50", "Discount", "14,073.30 €", "Draft", "Thank you – дякуємо ?"},
		invoices + " de": {"Rechnung 2026-0", "USt-IdNr. BG900417263", "03.02.2026", "Zahlbar bis", "1.234,50", "14.073,30 €", "Entwurf"},
		invoices + " bg": {"Фактура 2026-0", "ул. „Хлебарска“ 7", "4003 Пловдив", "03.02.2026 г.", "Платимо до", "1 234,50", "14 073,30 €", "Чернова"},
		orderSet + " en": {"Sales order N0", "Customer 0", "1 pcs", "0.00 €"},
		visits + " bg":   {"Сервизен протокол", "Услуги", "Repair", "Материали", "Apple", "2 pcs", "Winch 0 (W0)", "Winch is stuck", "F. Lechner", "Приел", "07:30 UTC"},
	}
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newPrinted(t, db)
		for name, texts := range want {
			set, language, _ := strings.Cut(name, " ")
			for _, format := range []string{"pdf", "html"} {
				path := printed[set] + "?culture=" + language
				status, file, answer := w.print(t, path, format)
				if status != 200 {
					t.Fatalf("%s: %d %s", path, status, answer)
				}
				said := string(file)
				if format == "pdf" {
					keep(t, strings.ReplaceAll(name, " ", "-")+".pdf", file)
					said = testkit.PDFText(t, file)
				} else {
					said = strings.NewReplacer("\u00a0", " ", "&#34;", `"`).Replace(said)
				}
				for _, text := range texts {
					if format == "html" {
						text = strings.ReplaceAll(text, "?", "😀")
					}
					if !strings.Contains(said, text) {
						t.Errorf("%s as %s does not say %q:\n%s", name, format, text, said)
					}
				}
				if strings.Contains(said, "for us alone") {
					t.Errorf("%s as %s has the notes for employees:\n%s", name, format, said)
				}
				if _, again, _ := w.print(t, path, format); !bytes.Equal(file, again) {
					t.Errorf("%s as %s: the same version gave other bytes", name, format)
				}
			}
		}
		// The language of who asks, however they say so.
		for _, header := range []string{"Accept-Language: de-AT,en;q=0.5", "Cookie: .AspNetCore.Culture=c%3Dde-AT%7Cuic%3Dde-AT"} {
			if _, file, _ := w.print(t, printed[invoices], "html", header); !strings.Contains(string(file), "Rechnung") {
				t.Errorf("%s: not in German", header)
			}
		}
		if _, file, _ := w.print(t, printed[invoices]+"?culture=bg", "html", "Accept-Language: de"); !strings.Contains(string(file), "Фактура") {
			t.Error("culture does not come before Accept-Language")
		}
	})
}

// keep writes a file for people to look at, where they ask for it.
func keep(t testing.TB, name string, file []byte) {
	if dir := os.Getenv("TANDEM_TEST_KEEP"); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, name), file, 0o600); err != nil {
			t.Error(err)
		}
	}
}

// TestGetPrintoutRefuses what it does not do, and says how it is done instead; nothing of
// it changes the document.
func TestGetPrintoutRefuses(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newPrinted(t, db)
		one := printed[invoices]
		w.steps(t, []doorStep{
			{"a spreadsheet", "POST", one + "/GetPrintout", `{"fileFormat":"xlsx"}`, 400, "can be pdf or html", ""},
			{"another case", "POST", one + "/GetPrintout", `{"fileFormat":"PDF"}`, 400, "can be pdf or html", ""},
			{"a number", "POST", one + "/GetPrintout", `{"fileFormat":1}`, 400, "must be a text", ""},
			{"no format", "POST", one + "/GetPrintout", `{}`, 400, "needs fileFormat: pdf or html", ""},
			{"no body", "POST", one + "/GetPrintout", "", 400, "needs fileFormat", ""},
			{"a layout", "POST", one + "/GetPrintout", `{"fileFormat":"pdf","printout":{"@odata.id":"Systems_Documents_Printouts(` + row(1, 1) + `)"}}`, 400, "leave it out", ""},
			{"another parameter", "POST", one + "/GetPrintout", `{"fileFormat":"pdf","pages":1}`, 400, `no parameter \"pages\"`, ""},
			{"GET", "GET", one + "/GetPrintout", "", 405, "", ""},
			{"an option", "POST", one + "/GetPrintout?$select=Id", `{"fileFormat":"pdf"}`, 400, "$select", ""},
			{"no such invoice", "POST", invoices + "(" + row(1, 9) + ")/GetPrintout", `{"fileFormat":"pdf"}`, 404, "There is no", ""},
			{"a set without", "POST", tickets + "(" + row(1, 9) + ")/GetPrintout", `{"fileFormat":"pdf"}`, 404, "no navigation property and no action", ""},
			{"nothing was written", "GET", one + "?$select=ObjectVersion,State", "", 200, `"ObjectVersion":1,`, ""},
		})
		if r, answer := call(t, w.h, "GET", "$metadata", ""); strings.Count(answer, `<Action Name="GetPrintout" IsBound="true">`) != 3 || !strings.Contains(answer, `<ReturnType Type="Edm.String"/>`) {
			t.Errorf("$metadata: %d, and not three printouts", r.StatusCode)
		}
	})
}

// TestGetPrintoutBounds prints as many lines as are printed, and refuses one more.
func TestGetPrintoutBounds(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newPrinted(t, db)
		lines := strings.TrimSuffix(strings.Repeat(`{"Product":{"PartNumber":"P1"},"UnitPrice":{"Value":1,"Currency":"EUR"},"Notes":"`+strings.Repeat("Seil ", 50)+`"},`, 1000), ",")
		w.post(t, invoice(1, lines), invoice(2, lines+`,{"Product":{"PartNumber":"P1"}}`))
		status, file, answer := w.print(t, invoices+"("+row(kindInvoice, 1)+")", "pdf")
		if status != 200 {
			t.Fatalf("1,000 lines: %d %.300s", status, answer)
		}
		if text := testkit.PDFText(t, file); strings.Count(text, "Apple") != 1000 || !strings.Contains(text, "1,000.00 €") {
			t.Errorf("of 1,000 lines %d are printed", strings.Count(text, "Apple"))
		}
		if status, _, answer := w.print(t, invoices+"("+row(kindInvoice, 2)+")", "pdf"); status != 400 || !strings.Contains(answer, "more than 1000 lines") {
			t.Errorf("1,001 lines: %d %.300s", status, answer)
		}
	})
}

// TestE1_APrintoutShowsWhatItsReaderSees: without a set, a row or an attribute that is
// printed there is no printout, with the same answer as reading it would have.
func TestE1_APrintoutShowsWhatItsReaderSees(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newTyped(t, db)
		all := w.holding(permission.Read, permission.Read)
		one := orderSet + "(" + row(kindOrder, 1) + ")" // of the type with a key
		w.as(all, func() {
			if status, _, answer := w.print(t, one, "html"); status != 200 {
				t.Fatalf("reading is enough: %d %s", status, answer)
			}
		})
		w.as(w.holding(0, permission.Read), func() {
			if status, _, answer := w.print(t, one, "html"); status != 403 || !strings.Contains(answer, "right to read Crm_Sales_SalesOrders") {
				t.Errorf("without the set: %d %s", status, answer)
			}
		})
		w.as(w.holding(permission.Read, 0), func() {
			_, never := call(t, w.h, "POST", orderSet+"("+row(kindOrder, 99)+")/GetPrintout", `{"fileFormat":"html"}`)
			status, _, answer := w.print(t, one, "html")
			if status != 404 || answer != strings.ReplaceAll(never, row(kindOrder, 99), row(kindOrder, 1)) {
				t.Errorf("a hidden row: %d %s, and one that never was: %s", status, answer, never)
			}
		})
		grants := map[string]permission.Right{}
		for _, s := range erpModel.Sets {
			if s.Permissive() == s && s.Name != "General_Products_Products" {
				grants[s.Name] = permission.Read
			}
		}
		w.as(someRights(grants), func() {
			if status, _, answer := w.print(t, orderSet+"("+row(kindOrder, 0)+")", "html"); status != 403 || !strings.Contains(answer, "right to read General_Products_Products") {
				t.Errorf("without a set that is printed: %d %s", status, answer)
			}
		})
	})
}

// TestE8_APrintoutForAPersonOfTheOutside: who sees no prices gets no printout with them,
// who sees no invoices none of these, and nobody one of a neighbour.
func TestE8_APrintoutForAPersonOfTheOutside(t *testing.T) {
	t.Parallel()
	outside := erpModel.Outside()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newPrinted(t, db)
		narrow := func(rights *permission.Rights, userID string) *permission.Rights {
			return permission.NewTable(permission.Definitions{}).Narrow(rights, outside).For(userID, now)
		}
		w.narrow.Store(&narrow)
		w.sql(t, `INSERT INTO erp_customer_external_access (id, role, customer, "user") VALUES ($1, 90, $2, $3)`, row(98, 0), row(kindCustomer, 0), somebody)
		neighbour := orderSet + "(" + row(kindOrder, 1) + ")"
		for _, role := range []int{10, 20, 30, 40, 80, 90} {
			w.sql(t, `UPDATE erp_customer_external_access SET role = $1`, role)
			for path, want := range map[string]int{
				printed[orderSet]: map[bool]int{true: 200, false: map[bool]int{true: 403, false: 404}[role >= 20]}[role >= 30],
				printed[invoices]: map[bool]int{true: 200, false: 404}[role >= 40],
				printed[visits]:   403, neighbour: 404,
			} {
				status, file, answer := w.print(t, path, "html", onBehalf(somebody)...)
				if status != want {
					t.Errorf("%s in the role %d: %d %s, want %d", path, role, status, answer, want)
				}
				if status == 200 && (!strings.Contains(string(file), "Our Shop") || !strings.Contains(string(file), "Am Fassbinderhof 21")) {
					t.Errorf("%s in the role %d: neither from whom nor to whom: %s", path, role, file)
				}
			}
		}
		w.sql(t, `UPDATE erp_customer_external_access SET days_back_access = 3`)
		if status, _, answer := w.print(t, printed[invoices], "html", onBehalf(somebody)...); status != 404 {
			t.Errorf("an invoice before the window: %d %s", status, answer)
		}
	})
}

// BenchmarkGetPrintout prints an invoice of 20 lines; it should take at most 150 ms.
func BenchmarkGetPrintout(b *testing.B) {
	w := newPrinted(b, datatest.Open(b, sqldb.SQLite))
	w.post(b, invoice(1, strings.TrimSuffix(strings.Repeat(`{"Product":{"PartNumber":"P1"},"ProductDescription":{"BG":"Лебедка с ръчно задвижване, 500 кг"},"Quantity":{"Value":3},"UnitPrice":{"Value":12.5,"Currency":"EUR"}},`, 20), ",")))
	for _, format := range []string{"pdf", "html"} {
		b.Run(format, func(b *testing.B) {
			for b.Loop() {
				if status, _, answer := w.print(b, invoices+"("+row(kindInvoice, 1)+")?culture=bg", format); status != 200 {
					b.Fatal(answer)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/1000/float64(b.N), "ms")
		})
	}
}
