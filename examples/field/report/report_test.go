package report_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/examples/field/report"
	"github.com/hybridapps/tandem/internal/testkit"
)

func at(clock string) time.Time {
	t, err := time.Parse(time.RFC3339, "2026-11-29T"+clock+":00Z")
	if err != nil {
		panic(err)
	}
	return t
}

func text(en, bg string) client.Text { return client.Text{"EN": en, "BG": bg} }

// day is a day with two technicians, hostile texts and a refusal.
func day() *report.Day {
	tom, nina := report.Party{ID: "p1", Name: text("Tom Huber", "Том Хубер")}, report.Party{ID: "p2", Name: text("Nina Ivanova", "Нина Иванова")}
	gipfel, bistro := report.Party{ID: "c1", Name: text("Gipfel & Faden Lechner GmbH", "Гипфел")}, report.Party{ID: "c2", Name: client.Text{"EN": `=HYPERLINK("http://evil")`}}
	repair := func(n string) report.Line {
		return report.Line{Name: client.Text{"EN": "Repair"}, Quantity: json.Number(n), Unit: "h"}
	}
	rope := func(n string) report.Line {
		return report.Line{Name: text("Rope 10 mm", "Въже 10 мм"), Quantity: json.Number(n), Unit: "m"}
	}
	return &report.Day{
		Day: "2026-11-29", Zone: "Europe/Sofia", MadeAt: at("18:00"),
		Visits: []report.Visit{
			{Number: "0000000017", Subject: "Winch stops", Technician: tom, Customer: gipfel, Status: text("Done", "Изпълнено"), Done: true,
				Start: at("08:00"), End: at("09:20"), Planned: 90, Services: []report.Line{repair("1.10")}, Materials: []report.Line{rope("0.100"), rope("0.200")}},
			{Number: "0000000018", Subject: "Yearly inspection, хале 2", Technician: nina, Customer: bistro, Status: text("Scheduled", "Планирано"), Start: at("10:00"), Planned: 60},
			{Number: "0000000019", Subject: "-2+3", Technician: tom, Customer: gipfel, Status: text("Done", "Изпълнено"), Done: true,
				Start: at("11:00"), End: at("11:40"), Planned: 30, Services: []report.Line{repair("0.90")}},
		},
		Refused: []report.Refused{{At: at("12:00"), Technician: "Tom Huber", Visit: "0000000017", Customer: gipfel.Name, Type: "material.add", Word: "refused",
			Reason: "Quantity must be more than 0 (Constraint X)."}},
	}
}

func TestTotals(t *testing.T) {
	t.Parallel()
	d := day()
	all := d.Totals("en")
	if all.Visits != 3 || all.Done != 2 || all.Planned != 3*time.Hour || all.Spent != 2*time.Hour {
		t.Errorf("the day: %+v", all)
	}
	// Sums are exact: 0.1 + 0.2 is 0.3.
	if got := fmt.Sprint(all.Services, all.Materials); got != "[{map[EN:Repair] 2 h}] [{map[EN:Rope 10 mm] 0.3 m}]" {
		t.Error(got)
	}
	groups := d.ByTechnician("bg")
	if len(groups) != 2 || groups[0].Name != "Нина Иванова" || groups[1].Totals.Visits != 2 || groups[1].Spent != 2*time.Hour {
		t.Errorf("by technician: %+v", groups)
	}
	if customers := d.ByCustomer("en"); len(customers) != 2 || customers[1].Name != "Gipfel & Faden Lechner GmbH" || customers[1].Totals.Done != 2 {
		t.Errorf("by customer: %+v", customers)
	}
	v := report.Visit{Done: true, Start: at("10:00"), End: at("09:00")}
	if v.Spent() != 0 {
		t.Error("a visit that ended before it began took some time")
	}
}

// printed is the PDF with the text that a reader finds in it.
func printed(t *testing.T, d *report.Day, language string) (pdf []byte, text string) {
	t.Helper()
	var out bytes.Buffer
	if err := d.PDF(&out, language); err != nil {
		t.Fatal(err)
	}
	if dir := os.Getenv("FIELD_REPORT_LOOK"); dir != "" {
		_ = os.WriteFile(filepath.Join(dir, language+".pdf"), out.Bytes(), 0o600)
	}
	return out.Bytes(), testkit.PDFText(t, out.Bytes())
}

func TestPDF(t *testing.T) {
	t.Parallel()
	for language, want := range map[string][]string{
		"en": {"Visits of 29 November 2026", "Tom Huber", "Nina Ivanova", "10:00", "11:20", "1:20", "Gipfel & Faden Lechner GmbH", "1.1 h Repair", "0.3 m Rope 10 mm",
			"Refused on phones: 1", "Quantity must be more than 0", "material", "Page 1 of 1", "хале 2", `=HYPERLINK("http://evil")`},
		"de": {"Einsätze vom 29.11.2026", "Kunden", "Am Telefon Abgelehntes", "Gipfel & Faden Lechner GmbH", "Seite 1 von 1", "Geplant"},
		"bg": {"Посещения на 29.11.2026", "Том Хубер", "Нина Иванова", "Гипфел", "Изпълнено", "Въже 10 мм", "Отказано от телефони", "Страница 1 от 1"},
	} {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			pdf, text := printed(t, day(), language)
			for _, w := range want {
				if !strings.Contains(text, w) {
					t.Errorf("it has no %q:\n%s", w, text)
				}
			}
			if again, _ := printed(t, day(), language); !bytes.Equal(pdf, again) {
				t.Error("the same day gave another document")
			}
		})
	}
}

// TestPDFOfMuch: many rows and long words have their pages, and a bound.
func TestPDFOfMuch(t *testing.T) {
	t.Parallel()
	d := day()
	one := d.Visits[0]
	one.Subject = strings.Repeat("неразделимо", 60) + " \x00\u202e😀"
	d.Visits = nil
	for range 2100 {
		d.Visits = append(d.Visits, one)
	}
	pdf, text := printed(t, d, "en")
	if !strings.Contains(text, "The rest is in the CSV report.") || strings.Count(text, "Subject") < 20 {
		t.Errorf("%d pages have a head", strings.Count(text, "Subject"))
	}
	if len(pdf) > 4<<20 {
		t.Errorf("it has %d bytes", len(pdf))
	}
	empty := &report.Day{Day: "2026-11-29", Zone: "Europe/Sofia", MadeAt: at("18:00")}
	if _, text := printed(t, empty, "en"); !strings.Contains(text, "No visits on this day.") || !strings.Contains(text, "Nothing was refused.") {
		t.Errorf("an empty day: %s", text)
	}
	if err := (&report.Day{Zone: "Nowhere/Never"}).PDF(&bytes.Buffer{}, "en"); err == nil {
		t.Error("a zone that is none")
	}
}

func TestCSV(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := day().CSV(&out, "bg"); err != nil {
		t.Fatal(err)
	}
	plain, _ := strings.CutPrefix(out.String(), "\ufeff")
	rows, err := csv.NewReader(strings.NewReader(plain)).ReadAll()
	if err != nil || len(rows) != 1+3+2+2+1 {
		t.Fatalf("%d rows: %v\n%s", len(rows), err, plain)
	}
	if got := strings.Join(rows[1], "|"); got != "2026-11-29|visit|Том Хубер|Гипфел|0000000017|Winch stops|Изпълнено|2026-11-29 10:00|2026-11-29 11:20|90|80||||" {
		t.Error(got)
	}
	for _, row := range rows {
		for _, cell := range row {
			if strings.IndexAny(cell, "=+-@") == 0 {
				t.Errorf("a cell is a formula: %q", cell)
			}
		}
	}
	if last := rows[len(rows)-1]; last[1] != "refused" || last[14] != "Quantity must be more than 0 (Constraint X)." {
		t.Errorf("%q", last)
	}
}

// BenchmarkPDF is a report of 100 visits.
func BenchmarkPDF(b *testing.B) {
	d := day()
	for len(d.Visits) < 100 {
		d.Visits = append(d.Visits, d.Visits[0])
	}
	for b.Loop() {
		var out bytes.Buffer
		if err := d.PDF(&out, "bg"); err != nil {
			b.Fatal(err)
		}
	}
}

func FuzzPDF(f *testing.F) {
	f.Add("Winch stops", "0.1", "\xff😀\u202e")
	f.Fuzz(func(t *testing.T, subject, quantity, reason string) {
		d := day()
		d.Visits[0].Subject, d.Visits[0].Services[0].Quantity, d.Refused[0].Reason = subject, json.Number(quantity), reason
		if err := d.PDF(&bytes.Buffer{}, "bg"); err != nil {
			t.Fatal(err)
		}
		if err := d.CSV(&bytes.Buffer{}, "bg"); err != nil {
			t.Fatal(err)
		}
	})
}
