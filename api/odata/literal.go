package odata

import (
	"strings"
	"time"
)

// LiteralKind classifies a [Literal] by how it was written. What it means is
// known only with the property it is compared to: 'Released' may be a string
// or a member of an enumeration.
type LiteralKind uint8

// The kinds of literal.
const (
	Null   LiteralKind = iota // null
	Bool                      // true, false: Text is the word
	Number                    // 12, -1.5: Text is the number as written
	String                    // 'x': Text is the value
	GUID                      // Text is lower case with dashes
	Date                      // Time is midnight UTC of the day
	Time                      // a date with a time: Time is the instant, UTC
	Enum                      // Type'Member': Type and Text
)

// String names the kind for a person.
func (k LiteralKind) String() string {
	return [...]string{"null", "a bool", "a number", "a text in quotes", "a guid", "a date", "a date with time", "an enum value"}[k]
}

// Literal is a constant of an expression.
type Literal struct {
	Kind LiteralKind
	Pos  int
	Text string
	Type string    // of an Enum, as written: Erp.General_DocumentState
	Time time.Time // of a Date or Time, UTC
}

// literal takes the current token as a constant.
func (s *scanner) literal() (Literal, error) {
	t := s.tok
	lit := Literal{Pos: t.pos, Text: t.text}
	switch t.kind {
	case text:
		lit.Kind = String
	case enum:
		if !isQualified(t.typ) {
			return lit, s.failExpect(t.pos, "an enum value is written Erp.Type'Member'", "%s is not the name of a type", show(t.typ))
		}
		if isOldPrefix(t.typ) {
			return lit, s.failExpect(t.pos, "leave out the prefix and the quotes", "values are not written %s'…' in OData 4", t.typ)
		}
		lit.Kind, lit.Type = Enum, t.typ
	case word:
		if err := s.wordLiteral(&lit); err != nil {
			return lit, err
		}
	default:
		return lit, s.failExpect(t.pos, valueForms, "%s is not a value", t.describe())
	}
	return lit, s.next()
}

const valueForms = "expected a value: 'text' in single quotes, " +
	"a number, true, false, null, a date like 2026-01-31, or a guid without quotes"

func (s *scanner) wordLiteral(lit *Literal) error {
	w := lit.Text
	switch w {
	case "null":
		lit.Kind = Null
		return nil
	case "true", "false":
		lit.Kind = Bool
		return nil
	}
	if g, ok := parseGUID(w); ok {
		lit.Kind, lit.Text = GUID, g
		return nil
	}
	c := w[0]
	if c != '-' && c != '+' && (c < '0' || c > '9') {
		return s.failExpect(lit.Pos, valueForms, "%s is not a value", show(w))
	}
	if isNumber(w) {
		lit.Kind = Number
		return nil
	}
	if t, hasTime, ok := parseTime(w); ok {
		lit.Kind, lit.Time = Date, t
		if hasTime {
			lit.Kind = Time
		}
		return nil
	}
	if len(w) >= 10 && w[4] == '-' && w[7] == '-' {
		return s.failExpect(lit.Pos, "a date is written 2026-01-31, 2026-01-31Z or 2026-01-31T12:30:00Z", "%s is not a date that exists", show(w))
	}
	return s.failExpect(lit.Pos, valueForms, "%s is not a value", show(w))
}

// isOldPrefix knows the prefixes of OData 3, which people still type.
func isOldPrefix(w string) bool {
	switch w {
	case "guid", "datetime", "datetimeoffset", "time", "binary":
		return true
	}
	return false
}

// isNumber reports whether w is [-]digits[.digits], at most 40 bytes. OData's
// exponents and INF are left out: no attribute needs them.
func isNumber(w string) bool {
	if len(w) > 40 {
		return false
	}
	whole, fraction, dot := strings.Cut(strings.TrimPrefix(w, "-"), ".")
	return isDigits(whole) && (!dot || isDigits(fraction))
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// parseGUID returns the guid in lower case.
func parseGUID(s string) (string, bool) {
	if len(s) != 36 {
		return "", false
	}
	upper := false
	for i := range len(s) {
		c := s[i]
		switch {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if c != '-' {
				return "", false
			}
		case c >= '0' && c <= '9' || c >= 'a' && c <= 'f':
		case c >= 'A' && c <= 'F':
			upper = true
		default:
			return "", false
		}
	}
	if upper {
		s = strings.ToLower(s)
	}
	return s, true
}

// timeForms are the documented forms, the commonest first. Without an offset a
// time is UTC.
var timeForms = []struct {
	layout  string
	hasTime bool
}{
	{"2006-01-02", false},
	{"2006-01-02Z", false},
	{time.RFC3339Nano, true}, // its fraction is optional when parsing
	{"2006-01-02T15:04Z07:00", true},
	{"2006-01-02T15:04:05", true},
	{"2006-01-02T15:04", true},
}

// parseTime reads a date or a date with time between the years 1 and 9999.
func parseTime(w string) (t time.Time, hasTime, ok bool) {
	if len(w) < 10 || len(w) > 40 {
		return t, false, false
	}
	for _, f := range timeForms {
		if parsed, err := time.Parse(f.layout, w); err == nil && parsed.Year() > 0 {
			return parsed.UTC(), f.hasTime, true
		}
	}
	return t, false, false
}
