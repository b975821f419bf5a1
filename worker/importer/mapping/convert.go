package mapping

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

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

// Child is what becomes of a child's row.
type Child struct {
	// Set are its attributes as JSON members, each with a leading comma.
	Set []byte
	// Key are the values of the attributes that tell it from the other children
	// of its parent, as JSON, in the order of [Children.Key]; null where there is
	// none.
	Key []json.RawMessage
}

// New is the object of a child that its parent has not yet; place counts from 0
// the children of a parent that is new itself, and is -1 under another.
func (c *Children) New(child Child, place int) []byte {
	b := []byte(`{"@erpnet.action":"create"`)
	if c.Number != "" && place >= 0 {
		b = append(quotedTo(append(b, ','), c.Number), ':')
		b = strconv.AppendInt(b, int64(place+1)*10, 10)
	}
	return append(append(b, child.Set...), '}')
}

// Existing is the object of a child that its parent has, by its Id.
func (c *Children) Existing(child Child, id string) []byte {
	b := append([]byte(`{"@erpnet.action":"update","@erpnet.findBy":{"Id":`), quoted(id)...)
	return append(append(append(b, '}'), child.Set...), '}')
}

// Gone is the object that removes a child.
func (c *Children) Gone(id string) []byte {
	b := append([]byte(`{"@erpnet.action":"delete","@erpnet.findBy":{"Id":`), quoted(id)...)
	return append(b, "}}"...)
}

// MakeChild is what becomes of a child's row, and what is wrong with it.
func (m *Mapping) MakeChild(c *Children, cells Cells) (Child, []Problem) {
	w := &maker{m: m, cells: cells}
	child := Child{Key: make([]json.RawMessage, len(c.Key))}
	for n := range child.Key {
		child.Key[n] = json.RawMessage("null")
	}
	for _, a := range c.Set {
		value := w.value(nil, &a.Value)
		if len(value) == 0 {
			continue
		}
		child.Set = append(quotedTo(append(child.Set, ','), a.Attribute), ':')
		child.Set = append(child.Set, value...)
		if n := slices.Index(c.Key, a.Attribute); n >= 0 {
			child.Key[n] = value
		}
	}
	return child, w.problems
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
	if o.Match != "" {
		return foundBy(b, o.Match, key)
	}
	b = externalID(b, key, system)
	b = append(b, `,"ExternalId":`...)
	b = quotedTo(b, key)
	b = append(b, `,"ExternalSystem":`...)
	return quotedTo(b, system)
}

// foundBy is a search by a code or a name.
func foundBy(b []byte, member, value string) []byte {
	b = append(quotedTo(append(b, '{'), member), ':')
	return append(quotedTo(b, value), '}')
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
	if v.Table != nil && text != "" {
		meant, ok := v.lookUp(text)
		if !ok {
			w.problem(column, text, "not one of the values that the mapping has: "+v.known())
			return b
		}
		text = meant
	}
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
		if step.Object.Match != "" {
			return append(foundBy(b, step.Object.Match, text), '}')
		}
		return append(externalID(b, text, system), '}')
	}
	if v.Match != "" {
		b = append(b, `{"@erpnet.action":"find","@erpnet.findBy":`...)
		if v.Match != "ExternalId" {
			return append(foundBy(b, v.Match, text), '}')
		}
		return append(externalID(b, text, cmp.Or(v.ExternalSystem, w.m.ExternalSystem)), '}')
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

// lookUp finds a cell in the table: as it is written, else in another case.
func (v *Value) lookUp(text string) (meant string, ok bool) {
	if meant, ok = v.Table[text]; ok {
		return meant, true
	}
	for _, from := range slices.Sorted(maps.Keys(v.Table)) {
		if strings.EqualFold(from, text) {
			return v.Table[from], true
		}
	}
	return text, v.Others
}

// known lists what the table has.
func (v *Value) known() string {
	return tandem.Clip(strings.Join(slices.Sorted(maps.Keys(v.Table)), ", "), shown)
}

var integerText = regexp.MustCompile(`^-?(0|[1-9][0-9]{0,9})$`)

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
		number, ok := v.Numbers.read(text, v.Code)
		if !ok {
			w.problem(column, text, "not a number; write it like "+v.Numbers.example()+v.hint(text))
			return b
		}
		return measured(b, v, number)
	case Integer:
		number, ok := v.Numbers.read(text, "")
		if whole, fraction, found := strings.Cut(number, "."); found && strings.Trim(fraction, "0") == "" {
			number = whole
		}
		if !ok || !integerText.MatchString(number) {
			w.problem(column, text, "not a whole number"+v.hint(text))
			return b
		}
		return append(b, number...)
	case Boolean:
		yes, ok := truth[strings.ToLower(text)]
		if !ok {
			w.problem(column, text, "neither true nor false; write true, false, yes, no, 1 or 0, or say in the mapping what it means (values:)")
			return b
		}
		return strconv.AppendBool(b, yes != v.Not)
	case Date, DateTime:
		t, ok, twoDigits := v.time(text)
		if twoDigits {
			w.problem(column, text, "the year has two digits; write all four, or say in the mapping what they stand for, such as years_from: 1930")
			return b
		}
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

// time reads a date. twoDigits says that its year has two digits, and that the
// mapping does not say which century they mean.
func (v *Value) time(text string) (t time.Time, ok, twoDigits bool) {
	for _, layout := range v.layouts() {
		t, err := time.Parse(layout, text)
		if err != nil {
			continue
		}
		if strings.Contains(layout, "06") && !strings.Contains(layout, "2006") {
			if v.YearsFrom == 0 {
				return t, false, true
			}
			year := v.YearsFrom + ((t.Year()-v.YearsFrom)%100+100)%100
			day := t.Day()
			if t = t.AddDate(year-t.Year(), 0, 0); t.Day() != day {
				continue // 29 February of a year that has none
			}
		}
		if t.Year() >= 1 && t.Year() <= 9999 {
			return t, true, false
		}
	}
	return time.Time{}, false, false
}

// hint says how a number can be taken that the mapping's format does not allow.
func (v *Value) hint(text string) string {
	if v.Numbers.Decimal+v.Numbers.Thousands == "" && strings.ContainsAny(text, ",' \u00a0\u202f’") {
		return ". Where the files write numbers in another way, name their decimal and thousands signs in the mapping"
	}
	if strings.ContainsFunc(text, func(c rune) bool { return unicode.Is(unicode.Sc, c) }) {
		return ". A sign beside the number must be that of its currency:, or be among the symbols: of the mapping"
	}
	return ""
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
