package mapping

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
)

// Cells gives the cell of a column in the row at hand.
type Cells func(column string) string

// Problem is what is wrong with one cell. Warning says that the row can be
// taken all the same.
type Problem struct {
	Column, Value, Reason string
	Warning               bool
}

// maker makes the JSON of one object.
type maker struct {
	m        *Mapping
	cells    Cells
	key      string // of the row
	problems []Problem
}

// MakePrepared is the object that comes from no row.
func (m *Mapping) MakePrepared(o *Object) []byte {
	w := &maker{m: m}
	b := append([]byte(`{"@odata.type":`), quoted("Erp."+o.Entity)...)
	b = append(b, `,"@erpnet.action":"findOrCreate"`...)
	return append(w.set(b, o.Set), '}')
}

// Make is the object of a step's row, without its children, and what is wrong
// with the row. The JSON is open: the caller closes it with "}" after adding
// child collections with a leading comma.
func (m *Mapping) Make(s *Step, cells Cells) (object []byte, key string, problems []Problem) {
	w := &maker{m: m, cells: cells, key: strings.TrimSpace(cells(s.Object.Key))}
	if m.isNull(w.key) {
		w.problem(s.Object.Key, "", "the key of the row is empty")
	}
	b := w.open(nil, s.Object, w.key)
	return w.set(b, s.Object.Set), w.key, w.problems
}

// MakeChild is the object of a child's row; place counts from 0.
func (m *Mapping) MakeChild(c *Children, place int, cells Cells) ([]byte, []Problem) {
	w := &maker{m: m, cells: cells}
	b := []byte{'{'}
	if c.Number != "" {
		b = append(quotedTo(b, c.Number), ':')
		b = strconv.AppendInt(b, int64(place+1)*10, 10)
	}
	b = w.set(b, c.Set)
	if len(b) > 1 && b[1] == ',' {
		b = append(b[:1], b[2:]...)
	}
	return append(b, '}'), w.problems
}

// ExternalID limits, as the API has them.
const maxExternalID = 254

func (w *maker) open(b []byte, o *Object, key string) []byte {
	if len(key) > maxExternalID {
		w.problem(o.Key, key, fmt.Sprintf("the key is longer than %d bytes", maxExternalID))
		key = key[:maxExternalID]
	}
	system := o.ExternalSystem
	if system == "" {
		system = w.m.ExternalSystem
	}
	b = append(b, `{"@odata.type":`...)
	b = quotedTo(b, "Erp."+o.Entity)
	b = append(b, `,"@erpnet.action":`...)
	b = quotedTo(b, o.Action)
	b = append(b, `,"@erpnet.findBy":`...)
	b = externalID(b, key, system)
	b = append(b, `,"ExternalId":`...)
	b = quotedTo(b, key)
	b = append(b, `,"ExternalSystem":`...)
	return quotedTo(b, system)
}

func externalID(b []byte, key, system string) []byte {
	b = append(b, `{"ExternalId":`...)
	b = quotedTo(b, key)
	b = append(b, `,"ExternalSystem":`...)
	return append(quotedTo(b, system), '}')
}

// set adds the attributes that have a value, each with a leading comma.
func (w *maker) set(b []byte, set []Assignment) []byte {
	for _, a := range set {
		start := len(b)
		b = append(b, ',')
		b = append(quotedTo(b, a.Attribute), ':')
		before := len(b)
		if b = w.value(b, &a.Value); len(b) == before {
			b = b[:start] // nothing: the attribute keeps its value, or gets its default
		}
	}
	return b
}

func (w *maker) problem(column, value, reason string) {
	w.problems = append(w.problems, Problem{Column: column, Value: tandem.Clip(value, shown), Reason: reason})
}

func (w *maker) value(b []byte, v *Value) []byte {
	switch {
	case v.Constant != nil:
		return append(b, *v.Constant...)
	case v.Find != nil:
		return append(append(append(b, `{"@erpnet.findBy":`...), *v.Find...), '}')
	case v.Object != nil:
		key := w.key
		if v.Object.Key != "" {
			key = strings.TrimSpace(w.cells(v.Object.Key))
		}
		return append(w.set(w.open(b, v.Object, key), v.Object.Set), '}')
	}
	text, column := w.source(v)
	if w.m.isNull(text) {
		if v.Default != nil {
			return append(b, *v.Default...)
		}
		if v.Required {
			w.problem(column, text, "a value is required here")
		}
		return b
	}
	if v.Lookup != "" {
		step := w.m.step(v.Lookup)
		system := step.Object.ExternalSystem
		if system == "" {
			system = w.m.ExternalSystem
		}
		b = append(b, `{"@odata.type":`...)
		b = quotedTo(b, "Erp."+step.Object.Entity)
		b = append(b, `,"@erpnet.action":"find","@erpnet.findBy":`...)
		return append(externalID(b, text, system), '}')
	}
	return w.convert(b, v, column, text)
}

// source is the text a value comes from, without the spaces around it.
func (w *maker) source(v *Value) (text, column string) {
	if v.Column != "" {
		return strings.TrimSpace(w.cells(v.Column)), v.Column
	}
	var s strings.Builder
	some := false
	for _, p := range v.Template {
		s.WriteString(p.Text)
		if p.Column == "" {
			continue
		}
		cell := strings.TrimSpace(w.cells(p.Column))
		if column == "" {
			column = p.Column
		}
		if w.m.isNull(cell) {
			continue
		}
		some = true
		s.WriteString(cell)
	}
	if !some {
		return "", column // a template of nothing is nothing
	}
	return s.String(), column
}

func (m *Mapping) isNull(text string) bool {
	if text == "" {
		return true
	}
	for _, null := range m.Null {
		if text == null {
			return true
		}
	}
	return false
}

var (
	decimalText = regexp.MustCompile(`^-?(0|[1-9][0-9]{0,19})(\.[0-9]{1,20})?$`)
	integerText = regexp.MustCompile(`^-?(0|[1-9][0-9]{0,9})$`)
)

func (w *maker) convert(b []byte, v *Value, column, text string) []byte {
	switch v.As {
	case Text, Multilanguage:
		if n := []rune(text); v.Max > 0 && len(n) > v.Max {
			w.problems = append(w.problems, Problem{
				Column: column, Value: tandem.Clip(text, shown), Warning: true,
				Reason: fmt.Sprintf("cut to %d characters", v.Max),
			})
			text = string(n[:v.Max])
		}
		if v.As == Text {
			return quotedTo(b, text)
		}
		language := v.Language
		if language == "" {
			language = w.m.Language
		}
		b = append(quotedTo(append(b, '{'), language), ':')
		return append(quotedTo(b, text), '}')
	case Number, AmountKind, QuantityKind:
		number := strings.TrimPrefix(text, "+")
		if !decimalText.MatchString(number) {
			w.problem(column, text, "not a number; write it like 1234.5")
			return b
		}
		return measured(b, v, number)
	case Integer:
		if !integerText.MatchString(text) {
			w.problem(column, text, "not a whole number")
			return b
		}
		return append(b, text...)
	case Boolean:
		yes, ok := truth[strings.ToLower(text)]
		if !ok {
			w.problem(column, text, "neither true nor false; write true, false, yes, no, 1 or 0")
			return b
		}
		return strconv.AppendBool(b, yes != v.Not)
	case Date, DateTime:
		t, ok := v.time(text)
		if !ok {
			w.problem(column, text, "not a date that the mapping expects; it should look like "+v.layouts()[0])
			return b
		}
		if v.As == Date {
			return t.AppendFormat(b, `"2006-01-02T00:00:00Z"`)
		}
		return t.UTC().AppendFormat(b, `"2006-01-02T15:04:05.999999Z"`)
	}
	panic("mapping: a conversion without code: " + string(v.As)) // Parse lets no other through
}

func measured(b []byte, v *Value, number string) []byte {
	if v.As == Number {
		return append(b, number...)
	}
	unit := "Unit"
	if v.As == AmountKind {
		unit = "Currency"
	}
	b = append(append(b, `{"Value":`...), number...)
	if v.Code != "" {
		b = append(quotedTo(append(b, ','), unit), ':')
		b = quotedTo(b, v.Code)
	}
	return append(b, '}')
}

var truth = map[string]bool{
	"1": true, "true": true, "yes": true, "y": true, "t": true,
	"0": false, "false": false, "no": false, "n": false, "f": false,
}

// layouts are what dates look like where the mapping does not say.
func (v *Value) layouts() []string {
	if len(v.Layouts) > 0 {
		return v.Layouts
	}
	if v.As == Date {
		return []string{"2006-01-02"}
	}
	return []string{"2006-01-02T15:04:05Z07:00", "2006-01-02 15:04:05", "2006-01-02"}
}

func (v *Value) time(text string) (time.Time, bool) {
	for _, layout := range v.layouts() {
		if t, err := time.Parse(layout, text); err == nil && t.Year() >= 1 && t.Year() <= 9999 {
			return t, true
		}
	}
	return time.Time{}, false
}

// quoted is the text as JSON.
func quoted(s string) []byte { return quotedTo(nil, s) }

func quotedTo(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x80 || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			text, _ := json.Marshal(s) // a string always marshals
			return append(b, text...)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}
