package report

import (
	"io"
	"strconv"
	"time"

	"github.com/hybridapps/tandem/worker/csvtext"
)

// csvHead are the columns: each row is a visit, a service or material of it, or a refused
// command, as Kind says. The names are the same in all languages, for programs.
var csvHead = []string{"Day", "Kind", "Technician", "Customer", "Visit", "Subject", "Status", "Start", "End", "PlannedMinutes", "SpentMinutes",
	"Item", "Quantity", "Unit", "Reason"}

// CSV writes all of the day, with names in the language; no cell is a formula.
func (d *Day) CSV(w io.Writer, language string) error {
	zone, err := time.LoadLocation(d.Zone)
	if err != nil {
		return err
	}
	at := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.In(zone).Format("2006-01-02 15:04")
	}
	out := csvtext.NewWriter(w)
	_ = out.Row(csvHead...) // Flush tells the first error of all
	for i := range d.Visits {
		v := &d.Visits[i]
		row := func(kind, planned, spent, item, quantity, unit string) {
			_ = out.Row(d.Day, kind, v.Technician.Name.In(language), v.Customer.Name.In(language), v.Number, v.Subject, v.Status.In(language),
				at(v.Start), at(v.End), planned, spent, item, quantity, unit, "")
		}
		spent := ""
		if s := v.Spent(); s > 0 {
			spent = strconv.FormatInt(int64(s.Round(time.Minute)/time.Minute), 10)
		}
		row("visit", strconv.FormatInt(v.Planned, 10), spent, "", "", "")
		for _, l := range v.Services {
			row("service", "", "", l.Name.In(language), l.Quantity.String(), l.Unit)
		}
		for _, l := range v.Materials {
			row("material", "", "", l.Name.In(language), l.Quantity.String(), l.Unit)
		}
	}
	for _, r := range d.Refused {
		_ = out.Row(d.Day, "refused", r.Technician, r.Customer.In(language), r.Visit, "", r.Word, at(r.At), "", "", "", r.Type, "", "", r.Reason)
	}
	return out.Flush()
}
