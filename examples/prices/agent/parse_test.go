package agent

import (
	"encoding/json"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/examples/prices/wire"
)

// Prices are exact: what is read is what is written again, and a change is as large as a
// plain calculation says.
func TestMoneyIsExact(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"1": "1.00", "12.5": "12.50", "0.0001": "0.0001", "-3.14": "-3.14", "1.10000000": "1.10", "999999999999.9999": "999999999999.9999",
		"0.00001": "", "1e5": "", "": "", "-": "", "x": "", "9999999999999999999999": "", "1000000000000.0001": "",
	} {
		got, err := parseMoney(json.Number(text))
		if (err != nil) != (want == "") || err == nil && string(got.number()) != want {
			t.Errorf("%q is %s, %v; want %q", text, got.number(), err, want)
		}
	}
	if t.Failed() {
		return
	}
	rapid.Check(t, func(t *rapid.T) {
		m := money(rapid.Int64Range(-int64(maxPrice), int64(maxPrice)).Draw(t, "price"))
		if again, err := parseMoney(m.number()); err != nil || again != m {
			t.Fatalf("%d is read again as %d: %v", m, again, err)
		}
		from := money(rapid.Int64Range(1, int64(maxPrice)).Draw(t, "from"))
		to := money(rapid.Int64Range(0, int64(maxPrice)).Draw(t, "to"))
		want := (float64(to) - float64(from)) / float64(from) * million
		if got := changePPM(from, to); want < float64(fromNothing) && math.Abs(float64(got)-want) > 1+math.Abs(want)/1e9 {
			t.Fatalf("from %d to %d is %d ppm, want %f", from, to, got, want)
		}
	})
}

func TestHours(t *testing.T) {
	t.Parallel()
	at := func(hour, minute int) time.Time { return time.Date(2026, 11, 29, hour, minute, 0, 0, time.UTC) }
	night, day := limits{From: "18:00", To: "06:00"}, limits{From: "08:00", To: "17:00", Zone: "Europe/Sofia"}
	for _, c := range []struct {
		limits limits
		at     time.Time
		want   bool
	}{
		{night, at(17, 59), false}, {night, at(18, 0), true}, {night, at(0, 0), true}, {night, at(5, 59), true}, {night, at(6, 0), false},
		{day, at(6, 0), true}, {day, at(5, 59), false}, {day, at(14, 59), true}, {day, at(15, 0), false}, {limits{}, at(12, 0), true},
	} {
		if got, err := c.limits.open(c.at); err != nil || got != c.want {
			t.Errorf("%+v at %s: %t, %v", c.limits, c.at, got, err)
		}
	}
}

// Whatever somebody writes as a mapping is one, or is refused in words; it never writes
// anything but prices.
func FuzzRules(f *testing.F) {
	f.Add(firstMapping)
	f.Add("mapping: {version: 1}")
	f.Add("mapping:\n  version: 1\nfiles: []")
	f.Add("files: [a]\nmapping:\n  - x")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := parseRules([]byte(text))
		if err != nil {
			if tandem.ErrorCode(err) != tandem.CodeInvalid {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		for _, a := range r.step.Object.Set {
			if a.Attribute != attributePrice || r.step.Object.Action != "update" {
				t.Errorf("%q writes %s by %s", text, a.Attribute, r.step.Object.Action)
			}
		}
	})
}

// Whatever a file holds, its rows are counted once each, in the order of their lines, or
// the file is refused in words.
func FuzzFile(f *testing.F) {
	f.Add([]byte("PartNumber,Name,Price,Currency\nA,x,1,EUR\nTOTAL,1,1,\n"))
	f.Add([]byte("PartNumber,Name,Price,Currency\nA,\"x,1,EUR\nB,x,2,EUR\n"))
	f.Add([]byte("PK\x03\x04"))
	f.Add([]byte("\xff\xfeP\x00"))
	rules, err := parseRules([]byte(firstMapping))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		file := filepath.Join(t.TempDir(), "content")
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := openReading(file, file+".utf8", rules)
		refused := func(err error) bool { return tandem.ErrorCode(err) == tandem.CodeInvalid && !errors.Is(err, io.EOF) }
		if err != nil {
			if !refused(err) {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		defer r.close()
		last, n := int64(0), int64(0)
		for row, err := range r.rows() {
			if err != nil {
				if !refused(err) {
					t.Errorf("%q: %v", text, err)
				}
				return
			}
			n++
			if row.line <= last || row.state != wire.RowNew && row.reason == "" || row.state == wire.RowNew && row.new <= 0 || strings.ContainsRune(row.partNumber, 0) {
				t.Errorf("%q: %+v after line %d", text, row, last)
			}
			last = row.line
		}
		if n != r.count {
			t.Errorf("%q: %d rows, and %d counted", text, n, r.count)
		}
	})
}
