package webapp

import (
	"encoding/json"
	"fmt"
	"html/template"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internalapi"
)

// Numbers and dates for people. Decimals stay text: nothing is rounded on its
// way to the page.

// functions are what the templates of a reader may call.
func functions(clock tandem.Clock, who reader) template.FuncMap {
	return template.FuncMap{
		"tips":        func() []string { return []string{"", "blue", "green"} },
		"asset":       static.Path,
		"fault":       faultAt,
		"language":    func() string { return who.language },
		"zone":        func() string { return who.zone },
		"count":       who.count,
		"decimal":     func(n json.Number) string { return who.exact(n, 2) },
		"plain":       func(n json.Number) string { return who.exact(n, 0) },
		"whole":       func(hundredths int64) string { return who.grouped(strconv.FormatInt((hundredths+50)/100, 10)) },
		"percent":     who.percent,
		"totals":      totals,
		"day":         who.day,
		"moment":      who.moment,
		"time":        who.timeElement,
		"ago":         func(at any) string { return who.ago(clock.Now(), instant(at)) },
		"took":        func(j internalapi.Job) string { return took(j, clock.Now()) },
		"bytes":       size,
		"words":       apart,
		"Say":         who.words().Say,
		"Tell":        who.words().Tell,
		"tag":         who.words().Tag,
		"role":        who.role,
		"days":        func(n *int) int { return *n },
		"docword":     who.documentState,
		"ticketstate": who.ticketState,
		"jobname":     jobName,
		"jobstate":    jobState,
		"jobcolour":   jobColour,
		"tabs":        func(at string, export bool) jobTabs { return jobTabs{at, export} },
		"doccolour":   func(state string) string { return documentColours[state] },
	}
}

// jobTabs are the tabs of the back end's work, one of which the page is under.
type jobTabs struct {
	At string
	// Export says that the person may read what an export has.
	Export bool
}

// fieldFault is what is wrong with a field, and the id of the text that says it.
type fieldFault struct{ ID, Text string }

// faultAt is the fault of a field; of which tells apart fields of the same name.
func faultAt(faults map[string]string, field string, of any) fieldFault {
	return fieldFault{fmt.Sprintf("fault-%s%v", field, of), faults[field]}
}

func (who reader) count(n any) string { return who.grouped(fmt.Sprint(n)) }

// decimals is an exact number with at least the given decimals and no trailing
// zeros beyond them, as JSON writes it. Text that is no plain number stays as it is.
func decimals(n json.Number, places int) string {
	whole, fraction, _ := strings.Cut(string(n), ".")
	if !isDigits(strings.TrimPrefix(whole, "-")) || fraction != "" && !isDigits(fraction) {
		return string(n)
	}
	fraction = strings.TrimRight(fraction, "0")
	for len(fraction) < places {
		fraction += "0"
	}
	if fraction == "" {
		return whole
	}
	return whole + "." + fraction
}

// exact shows such a number as the reader writes it.
func (who reader) exact(n json.Number, places int) string {
	whole, fraction, _ := strings.Cut(decimals(n, places), ".")
	switch {
	case !isDigits(strings.TrimPrefix(whole, "-")):
		return string(n)
	case fraction == "":
		return who.grouped(whole)
	}
	return who.grouped(whole) + who.decimal + fraction
}

func isDigits(s string) bool {
	for _, r := range s {
		if r < '0' || r > '9' {
			return false
		}
	}
	return s != ""
}

// percent shows a fraction as per cent, and nothing for zero.
func (who reader) percent(fraction json.Number) string {
	text := percentNumber(fraction)
	if text == "" {
		return ""
	}
	return who.typed(text) + " %"
}

// percentNumber is the fraction times a hundred, exactly; empty for zero.
func percentNumber(fraction json.Number) string {
	return shift(string(fraction), 2)
}

// fractionOf is the reverse: "5" is 0.05.
func fractionOf(percent string) json.Number {
	if text := shift(percent, -2); text != "" {
		return json.Number(text)
	}
	return "0"
}

// shift moves the decimal point by places to the right; zero becomes empty.
func shift(n string, places int) string {
	sign := ""
	if strings.HasPrefix(n, "-") {
		sign, n = "-", n[1:]
	}
	whole, fraction, _ := strings.Cut(n, ".")
	if places > 0 {
		for len(fraction) < places {
			fraction += "0"
		}
		whole, fraction = whole+fraction[:places], fraction[places:]
	} else {
		for len(whole) <= -places {
			whole = "0" + whole
		}
		whole, fraction = whole[:len(whole)+places], whole[len(whole)+places:]+fraction
	}
	whole, fraction = strings.TrimLeft(whole, "0"), strings.TrimRight(fraction, "0")
	if whole == "" {
		whole = "0"
	}
	switch {
	case fraction != "":
		return sign + whole + "." + fraction
	case whole == "0":
		return ""
	}
	return sign + whole
}

// hundredths is an amount for sums and charts, in hundredths.
func hundredths(n json.Number) int64 {
	f, err := n.Float64()
	if err != nil {
		return 0
	}
	if f < 0 {
		return int64(f*100 - 0.5)
	}
	return int64(f*100 + 0.5)
}

// day shows a date of the API ("2026-11-24" or with a time) or of the clock.
func (who reader) day(v any) string {
	switch v := v.(type) {
	case time.Time:
		return v.In(who.location()).Format("2 Jan 2006")
	case string:
		if len(v) >= len(time.DateOnly) {
			if t, err := time.Parse(time.DateOnly, v[:len(time.DateOnly)]); err == nil {
				return t.Format("2 Jan 2006")
			}
		}
		if v == "" {
			return "–"
		}
		return v
	}
	return "–"
}

func instant(v any) time.Time {
	switch v := v.(type) {
	case time.Time:
		return v
	case *time.Time:
		if v != nil {
			return *v
		}
	}
	return time.Time{}
}

func (who reader) moment(v any) string {
	t := instant(v)
	if t.IsZero() {
		return "–"
	}
	return t.In(who.location()).Format("2 Jan 2006, 15:04 MST")
}

// timeElement is a moment that the page's script shows in the person's own language,
// and in the zone of their account or else of their browser.
func (who reader) timeElement(v any) template.HTML {
	t := instant(v)
	if t.IsZero() {
		return "–"
	}
	return template.HTML(`<time datetime="` + t.UTC().Format(time.RFC3339) + `">` + who.moment(t) + `</time>`) //nolint:gosec // G203: digits and fixed words
}

func (who reader) ago(now, t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	switch d := now.Sub(t); {
	case d < 5*time.Second:
		return "just now"
	case d < time.Minute:
		return fmt.Sprintf("%d s ago", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min ago", int(d.Minutes()))
	case d < 24*time.Hour:
		return fmt.Sprintf("%d h ago", int(d.Hours()))
	default:
		return "on " + who.day(t)
	}
}

func took(j internalapi.Job, now time.Time) string {
	if j.StartedAt == nil {
		return "–"
	}
	end := now
	if j.FinishedAt != nil {
		end = *j.FinishedAt
	}
	switch d := end.Sub(*j.StartedAt); {
	case d < time.Second:
		return fmt.Sprintf("%d ms", max(0, d.Milliseconds()))
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	default:
		return d.Round(time.Second).String()
	}
}

func size(n int64) string {
	switch {
	case n < 1<<10:
		return fmt.Sprintf("%d bytes", n)
	case n < 1<<20:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
}

// apart takes a name of the API apart: "FirmPlanned" is "Firm planned".
func apart(name string) string {
	var b strings.Builder
	for i, r := range name {
		if i > 0 && unicode.IsUpper(r) {
			b.WriteByte(' ')
			r = unicode.ToLower(r)
		}
		b.WriteRune(r)
	}
	return b.String()
}

func jobName(k internalapi.JobKind) string {
	switch k {
	case internalapi.JobSyncStock:
		return "Sync stock"
	case internalapi.JobImport:
		return "Import files"
	case internalapi.JobExportOrders:
		return "Export orders"
	}
	return string(k)
}

var jobColours = map[internalapi.JobState]string{
	internalapi.JobRunning: "blue", internalapi.JobCompleted: "green",
	internalapi.JobFailed: "red", internalapi.JobCancelled: "amber",
}

// jobState is a job's state in words: one that has left something out has not
// simply completed.
func jobState(j internalapi.Job) string {
	if j.State == internalapi.JobCompleted && j.Result != nil && j.Result.Problems > 0 {
		return "completed with problems"
	}
	return string(j.State)
}

// jobColour is red for one that has left out all there was.
func jobColour(j internalapi.Job) string {
	if jobState(j) == string(j.State) {
		return jobColours[j.State]
	}
	for _, s := range j.Result.Steps {
		if s.Added+s.Changed+s.Unchanged+s.Removed > 0 {
			return "amber"
		}
	}
	return "red"
}

var documentColours = map[string]string{
	"FirmPlanned": "amber", "Released": "blue", "Completed": "green", "Closed": "green",
}
