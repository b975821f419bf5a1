package cloud_test

import (
	"encoding/json"
	"maps"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/hybridapps/tandem/examples/field/wire"
)

// A refusal has a word that does not change, with its arguments beside the English text, so
// that phones say it in the language of their person.
func TestRefusalsHaveAWordAndItsArguments(t *testing.T) {
	t.Parallel()
	p := demo(t)
	pulled(t, p.Cloud())
	ph := p.Phone("tom")
	mine, later, hers := p.Visits("tom", p.Today(9), 1)[0], p.Visits("tom", p.Today(9).AddDate(0, 0, 3), 1)[0], p.Visits("nina", p.Today(9), 1)[0]
	var seen wire.Visit
	ph.Get("visits/"+later, &seen)
	for _, c := range []struct {
		visit, kind string
		body        any
		why         wire.Reason
		args        wire.Args
		text        string
	}{
		{mine, wire.ServiceAdd, wire.ServiceBody{Service: item(t, ph, true), Quantity: "99"}, wire.QuantityOutOfRange, wire.Args{"most": 24.0}, "the quantity must be above 0 and at most 24"},
		{mine, wire.ServiceAdd, wire.ServiceBody{Service: item(t, ph, true), Quantity: "1,5"}, wire.QuantityNoNumber, wire.Args{"quantity": "1,5"}, `the quantity "1,5" is no number; write it like 1.5`},
		{mine, wire.Sign, wire.SignBody{Name: " "}, wire.NameMissing, nil, "the name of who received the work is missing"},
		{later, wire.Note, wire.NoteBody{Text: "x"}, wire.WrongDay, wire.Args{"visit": seen.Number, "day": seen.Day}, "visit " + seen.Number + " is of " + seen.Day + ","},
		{hers, wire.Note, wire.NoteBody{Text: "x"}, wire.VisitOfAnother, nil, "somebody else's"},
		{mine, wire.FileAttach, wire.FileBody{Upload: "x", Name: "a.jpg", Purpose: "photo"}, wire.FileMalformed, nil, "A file needs a name"},
	} {
		a := ph.Send(ph.Command(c.visit, c.kind, 0, c.body))
		if a.Status == 202 {
			a = finally(t, p, ph, a.Command)
		}
		if a.Reason != c.why || !maps.Equal(a.Args, c.args) || !strings.Contains(a.Message, c.text) {
			t.Errorf("%s: %d %s", c.why, a.Status, a.Body)
		}
	}
	if a := ph.Do("GET", "reports/2026-01-01.pdf", nil); a.Reason != wire.OfficeOnly || a.Args["group"] != "Service" {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	a := ph.Do("POST", "uploads", nil, "Tus-Resumable", "1.0.0", "Upload-Length", "99999999", "Upload-Metadata", "key "+"eA==")
	var told wire.Answer
	if err := json.Unmarshal(a.Body, &told); err != nil || told.Reason != wire.FileTooLarge || told.Args["mb"] != 15.0 {
		t.Errorf("%d %s: %v", a.Status, a.Body, err)
	}
}

// Every word has its text, and no text is of a word that is none.
func TestEveryReasonHasItsText(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("../wire/reasons.go")
	if err != nil {
		t.Fatal(err)
	}
	words := regexp.MustCompile(`Reason = "([a-z_]+)"`).FindAllStringSubmatch(string(source), -1)
	for _, w := range words {
		if wire.Reasons[wire.Reason(w[1])] == "" {
			t.Errorf("%s has no text", w[1])
		}
	}
	if len(words) != len(wire.Reasons) || len(words) == 0 {
		t.Errorf("%d words and %d texts", len(words), len(wire.Reasons))
	}
}
