package cloud_test

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem/examples/field/fieldtest"
	"github.com/hybridapps/tandem/examples/field/wire"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/tandemtest"
)

// reportOf has the report of a day made, and made anew where one is not after a time.
func reportOf(t *testing.T, office *fieldtest.Phone, day, after time.Time) (made wire.Report) {
	t.Helper()
	if a := office.Do("POST", "reports", wire.ReportAsk{Day: day.Format(time.DateOnly)}); a.Status != 202 {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	return reportAfter(t, office, day, after)
}

// reportAfter waits for the report of a day that is made after a time.
func reportAfter(t *testing.T, office *fieldtest.Phone, day, after time.Time) (made wire.Report) {
	t.Helper()
	testkit.Eventually(t, "the report of "+day.Format(time.DateOnly), func() bool {
		var list []wire.Report
		office.Get("reports", &list)
		i := slices.IndexFunc(list, func(r wire.Report) bool { return r.Day == day.Format(time.DateOnly) && r.MadeAt.After(after) })
		if i >= 0 {
			made = list[i]
		}
		return i >= 0
	})
	return made
}

// TestReport: the office has the report of a day made, which tells what phones have done
// and what was refused, as PDF and CSV; made again it is the same day's.
func TestReport(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, p *fieldtest.Place, c *fieldtest.Cloud) {
		ids := p.Visits("tom", p.Today(9), 2)
		pulled(t, c)
		tom, olga := p.Phone("tom"), p.Phone("olga")
		service, product := item(t, tom, true), item(t, tom, false)
		for _, step := range []struct {
			kind string
			body any
		}{
			{wire.Start, struct{}{}}, {wire.ServiceAdd, wire.ServiceBody{Service: service, Quantity: "1.5"}},
			{wire.MaterialAdd, wire.MaterialBody{Product: product, Quantity: "2"}}, {wire.Sign, wire.SignBody{Name: "F. Lechner"}}, {wire.Finish, struct{}{}},
		} {
			if step.kind == wire.Finish {
				p.Advance(40 * time.Minute)
			}
			booked(t, tom.Send(tom.Command(ids[0], step.kind, 0, step.body)))
		}
		refusedAs(t, tom.Send(tom.Command(ids[1], wire.MaterialAdd, 0, wire.MaterialBody{Product: product, Quantity: "0"})), 422, wire.Refused)

		day := p.Today(9).Format(time.DateOnly)
		make := func() {
			t.Helper()
			if a := olga.Do("POST", "reports", wire.ReportAsk{Day: day}); a.Status != 202 || !strings.Contains(string(a.Body), day) {
				t.Fatalf("%d %s", a.Status, a.Body)
			}
		}
		var list []wire.Report
		made := func(after time.Time) wire.Report {
			t.Helper()
			testkit.Eventually(t, "the report is made", func() bool {
				olga.Get("reports", &list)
				return len(list) == 1 && list[0].MadeAt.After(after)
			})
			return list[0]
		}
		make()
		first := made(time.Time{})
		if first.Day != day || first.Visits != 2 || first.Done != 1 || first.Refused != 1 || first.RequestedBy != "olga" {
			t.Errorf("%+v", first)
		}
		p.Advance(time.Minute)
		make()
		made(first.MadeAt) // again, and there is still one
		a := olga.Do("GET", "reports/"+day+".csv", nil)
		text := strings.TrimPrefix(string(a.Body), "\ufeff")
		rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
		if err != nil || len(rows) != 1+2+2+1 {
			t.Fatalf("%d rows, %v: %s", len(rows), err, text)
		}
		for want, row := range map[string][]string{"visit Tom Huber Done": rows[1], "service Tom Huber Done": rows[2], "material Tom Huber Done": rows[3], "refused tom refused": rows[len(rows)-1]} {
			if got := fmt.Sprintf("%s %s %s", row[1], row[2], row[6]); !strings.EqualFold(got, want) && !strings.HasPrefix(want, "refused") || row[0] != day {
				t.Errorf("%q, want %q", row, want)
			}
		}
		if rows[1][10] != "40" || rows[2][12] != "1.5" && rows[2][12] != "1.50" || !strings.Contains(rows[5][14], "uantity") || rows[5][2] != "tom" {
			t.Errorf("%q %q", rows[2], rows[5])
		}
		h := a.Header
		if h.Get("Content-Disposition") != `attachment; filename="visits-`+day+`.csv"` || h.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%v", h)
		}
		pdf := olga.Do("GET", "reports/"+day+".pdf", nil, "Accept-Language", "bg")
		if pdf.Status != 200 || !bytes.HasPrefix(pdf.Body, []byte("%PDF-")) || pdf.Header.Get("Content-Type") != "application/pdf" {
			t.Errorf("%d %.40q", pdf.Status, pdf.Body)
		}
	})
}

// TestReportsOfTheEvening: what is refused after eight is in the report of the next evening,
// and what a phone brings later of a visit of the day is in that day's, made anew then.
func TestReportsOfTheEvening(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, p *fieldtest.Place, c *fieldtest.Cloud) {
		first, second := p.Today(9), p.Today(9).AddDate(0, 0, 1)
		ids := p.Visits("tom", first, 2)
		pulled(t, c)
		tom := p.Phone("tom")
		product := item(t, tom, false)
		refuse := func(ids ...string) {
			t.Helper()
			for _, id := range ids {
				refusedAs(t, tom.Send(tom.Command(id, wire.MaterialAdd, 0, wire.MaterialBody{Product: product, Quantity: "0"})), 422, wire.Refused)
			}
		}
		refuse(ids[0])
		until(p, 20, 1)
		olga := p.Phone("olga")
		made := reportAfter(t, olga, first, time.Time{})
		if made.Refused != 1 || made.Done != 0 || made.RequestedBy != "" {
			t.Errorf("%+v", made)
		}
		p.Advance(20 * time.Minute)
		asked := reportOf(t, olga, first, made.MadeAt)
		if asked.Refused != 1 || asked.RequestedBy != "olga" {
			t.Errorf("%+v", asked)
		}
		until(p, 21, 0)
		tom = p.Phone("tom")
		refuse(ids[0], ids[1])
		booked(t, tom.Send(tom.Command(ids[0], wire.Finish, 0, struct{}{})))
		p.Advance(9 * time.Hour) // six in the morning
		tom = p.Phone("tom")
		refuse(ids[1])
		p.Advance(14*time.Hour + 2*time.Minute)
		olga = p.Phone("olga")
		next := reportAfter(t, olga, second, time.Time{})
		late := reportAfter(t, olga, first, asked.MadeAt)
		if late.Done != 1 || late.Refused != 1 || next.Refused != 3 || late.RequestedBy != "olga" {
			t.Errorf("%+v, and of the day before %+v", next, late)
		}
		p.Advance(time.Minute)
		if again := reportOf(t, olga, first, late.MadeAt); again.Refused != 1 {
			t.Errorf("made anew alone it is %+v", again)
		}
		a := olga.Do("GET", "reports/"+next.Day+".csv", nil)
		if !strings.Contains(string(a.Body), fmt.Sprint(p.Visit(ids[1])["DocumentNo"])) {
			t.Errorf("the visit of another day is not named: %s", a.Body)
		}
	})
}

// TestRefusedAfterTheReport: nothing of the day before is booked later, so it is left alone,
// and what was refused after its report is in the next one.
func TestRefusedAfterTheReport(t *testing.T) {
	t.Parallel()
	p := morning(t, tandemtest.Options{})
	c := p.Cloud()
	first, second := p.Today(9), p.Today(9).AddDate(0, 0, 1)
	id, other := p.Visits("tom", first, 1)[0], p.Visits("tom", second, 1)[0]
	pulled(t, c)
	until(p, 20, 1)
	made := reportAfter(t, p.Phone("olga"), first, time.Time{})
	p.Advance(time.Hour)
	tom := p.Phone("tom")
	refusedAs(t, tom.Send(tom.Command(id, wire.MaterialAdd, 0, wire.MaterialBody{Product: item(t, tom, false), Quantity: "0"})), 422, wire.Refused)
	p.Advance(15 * time.Hour)
	tom = p.Phone("tom")
	booked(t, tom.Send(tom.Command(other, wire.Finish, 0, struct{}{})))
	p.Advance(8*time.Hour + time.Minute)
	olga := p.Phone("olga")
	if next := reportAfter(t, olga, second, time.Time{}); next.Refused != 1 || next.Done != 1 {
		t.Errorf("%+v", next)
	}
	if again := reportAfter(t, olga, first, time.Time{}); again.Refused != 0 || again.MadeAt.Before(made.MadeAt) || again.MadeAt.After(made.MadeAt.Add(time.Hour)) {
		t.Errorf("%+v, before %+v", again, made)
	}
}

// TestReportsAreForTheOffice: reports have the work of everybody in them. Who is in the
// group, or an administrator, sees them, within seconds; and the words say how.
func TestReportsAreForTheOffice(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, p *fieldtest.Place, c *fieldtest.Cloud) {
		tom, nina, olga, admin := p.Phone("tom"), p.Phone("nina"), p.Phone("olga"), p.Phone("admin")
		day := p.Today(9).Format(time.DateOnly)
		for who, ph := range map[string]*fieldtest.Phone{"tom": tom, "nina": nina} {
			for _, call := range [][2]string{{"GET", "reports"}, {"POST", "reports"}, {"GET", "reports/" + day + ".pdf"}, {"GET", "reports/2020-01-01.csv"}} {
				a := ph.Do(call[0], call[1], map[string]string{"day": day})
				if a.Status != 403 || a.Error != wire.Forbidden || !strings.Contains(a.Message, "Service") {
					t.Errorf("%s: %v: %d %s", who, call, a.Status, a.Body)
				}
			}
		}
		for _, ph := range []*fieldtest.Phone{olga, admin} {
			if a := ph.Do("GET", "reports", nil); a.Status != 200 || string(bytes.TrimSpace(a.Body)) != "[]" {
				t.Errorf("%s: %d %s", ph.Login, a.Status, a.Body)
			}
		}
		for _, bad := range []any{
			wire.ReportAsk{Day: "yesterday"}, wire.ReportAsk{Day: p.Today(9).AddDate(0, 0, 1).Format(time.DateOnly)}, wire.ReportAsk{Day: "2020-01-01"},
			map[string]string{"day": day, "for": "tom"}, []byte(`{"day":"` + day + `"} x`), []byte("{"),
		} {
			refusedAs(t, olga.Do("POST", "reports", bad), 400, wire.Invalid)
		}
		refusedAs(t, olga.Do("POST", "reports", []byte(`{"day":"`+strings.Repeat("1", 2000)+`"}`)), 413, wire.TooLarge)
		for _, path := range []string{day + ".pdf", day + ".xlsx", day, "..%2f..%2fcloud.db", "x.csv"} {
			refusedAs(t, olga.Do("GET", "reports/"+path, nil), 404, wire.NotFound)
		}
		// Who leaves the group sees nothing more.
		if err := p.Platform.Permissions.RemoveMember(t.Context(), tandemtest.By, "Service", "olga"); err != nil {
			t.Fatal(err)
		}
		p.Refresh()
		p.Advance(5 * time.Second)
		testkit.Eventually(t, "olga has left the office", func() bool { return olga.Do("GET", "reports", nil).Status == 403 })
	})
}

// TestEveningsThatWereMissed: what nobody was there to make at eight in the evening is made
// at the next start, a report for each day and once, and none for days before the first.
func TestEveningsThatWereMissed(t *testing.T) {
	t.Parallel()
	onEnginesAt(t, 19, 0, func(t *testing.T, p *fieldtest.Place, c *fieldtest.Cloud) {
		id := p.Visits("tom", p.Today(9), 1)[0]
		pulled(t, c)
		tom := p.Phone("tom")
		booked(t, tom.Send(tom.Command(id, wire.Note, 0, wire.NoteBody{Text: "x"})))
		first, second := p.Today(9).Format(time.DateOnly), p.Today(9).AddDate(0, 0, 1).Format(time.DateOnly)
		c.Stop()
		p.Advance(38 * time.Hour) // nine in the morning of the day after the second
		c = p.CloudOn(c.Config.DB, t.TempDir())
		p.CloudOn(c.Config.DB, t.TempDir())
		olga := p.Phone("olga")
		var list []wire.Report
		days := func() (all string) {
			list = nil
			olga.Get("reports", &list)
			for _, one := range list {
				all += one.Day + " "
			}
			return all
		}
		testkit.Eventually(t, "the reports are made", func() bool { return days() == second+" "+first+" " })
		if list[1].Visits != 1 || list[1].RequestedBy != "" {
			t.Errorf("%+v", list[1])
		}
		var jobs int
		if err := c.Config.DB.Reader().QueryRowContext(t.Context(), `SELECT COUNT(*) FROM jobs WHERE kind = 'field_report'`).Scan(&jobs); err != nil || jobs != 2 {
			t.Errorf("%d jobs made them, want 2: %v", jobs, err)
		}
	})
}
