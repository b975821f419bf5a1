package cloud_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem/examples/field/cloud"
	"github.com/hybridapps/tandem/examples/field/wire"
)

// FuzzCommand: whatever comes is a command or refused. A command is all that came, and the
// same when it is written and read again; what its body may not have is told to a person.
func FuzzCommand(f *testing.F) {
	const id = "01920000-0000-7000-8000-000000000001"
	command := func(kind, body string) string {
		return `{"id":"` + id + `","device":"6f0c1b2e-0000-4000-8000-000000000000","seq":1,"schema":1,"visit":"6f0c1b2e-0000-4000-8000-000000000001","type":"` + kind +
			`","base":3,"at":"2026-11-30T09:00:00Z","skew":-1500,"body":` + body + `}`
	}
	for kind, body := range map[string]string{
		wire.Start: `{}`, wire.Note: `{"text":"Ölwechsel\nсмяна"}`, wire.ServiceAdd: `{"service":"6f0c1b2e-0000-4000-8000-000000000002","quantity":"1.5","notes":"x"}`,
		wire.MaterialAdd: `{"product":"6f0c1b2e-0000-4000-8000-000000000002","quantity":"1000.0000"}`, wire.Sign: `{"name":" F. Lechner "}`, wire.Finish: `null`,
		wire.Reopen: `{"reason":"x"}`, wire.FileAttach: `{"upload":"` + id + `","name":"../a.jpg","purpose":"photo","sha256":"00","bytes":1}`,
	} {
		f.Add(command(kind, body), id)
		f.Add(command(kind, `[]`), id)
	}
	f.Add(command(wire.Note, `{"text":"a","text":"b"}`)+`}`, id)
	f.Add(command(wire.Note, `{"text":1e999}`)+`{}`, id)
	f.Add(strings.Replace(command(wire.ServiceAdd, `{"quantity":"1e99999999"}`), `"seq":1`, `"seq":1e3`, 1), id)
	f.Add(strings.Replace(command(wire.Note, "{}"), "2026-11-30T09:00:00Z", "9999-12-31T23:59:59.999999999+23:59", 1), id)
	f.Add(`{"id":null}`, "")
	f.Fuzz(func(t *testing.T, text, key string) {
		c, err := cloud.ParseCommand([]byte(text), key)
		if err != nil {
			if c != nil || err.Error() == "" {
				t.Errorf("refused with %v, and there is %+v", err, c)
			}
			return
		}
		if c.ID != key || c.Seq < 1 || c.Base < 0 || !json.Valid([]byte(text)) {
			t.Errorf("%q is %+v", text, c)
		}
		if ahead := time.Duration(c.Skew) * time.Millisecond; ahead/time.Millisecond != time.Duration(c.Skew) {
			t.Errorf("skew %d is no time", c.Skew)
		}
		written, err := json.Marshal(c)
		if err != nil {
			t.Fatalf("%q cannot be kept: %v", text, err)
		}
		again, err := cloud.ParseCommand(written, key)
		if err != nil || !again.At.Equal(c.At) {
			t.Fatalf("%s is refused when it comes again: %v", written, err)
		}
		if again.At = c.At; string(again.Body) != string(c.Body) { // escapes may differ
			again.Body = c.Body
		}
		if !reflect.DeepEqual(again, c) {
			t.Errorf("%+v, was %+v", again, c)
		}
		body, err := cloud.CheckBody(c.Type, c.Body)
		switch b := body.(type) {
		case *wire.SignBody:
			if err == nil && (b.Name == "" || len([]rune(b.Name)) > wire.MaxName || strings.ContainsAny(b.Name, "\n\x00")) {
				t.Errorf("a name: %q", b.Name)
			}
		case *wire.ServiceBody:
			if err == nil && (len(b.Quantity) > 19 || strings.ContainsAny(b.Quantity, "eE-+ _x/")) {
				t.Errorf("a quantity: %q", b.Quantity)
			}
		}
	})
}
