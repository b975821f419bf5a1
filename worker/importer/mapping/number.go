package mapping

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// NumberFormat is how the files write numbers. The zero value is 1234.5 and
// nothing else: what could mean two things is refused until the mapping says
// which.
type NumberFormat struct {
	// Decimal is the decimal sign, "." or ","; empty means ".".
	Decimal string
	// Thousands parts groups of three digits, which all groups but the first
	// must then be; empty means that there are no groups. A space stands for all
	// spaces that do not break, an apostrophe for ’ too.
	Thousands string
	// Symbols may stand before or after the number, such as "$". The currency or
	// unit of a value always may, and the sign of the currency.
	Symbols []string
}

// or is the format with what it leaves open taken from another.
func (f NumberFormat) or(other NumberFormat) NumberFormat {
	if f.Decimal == "" && f.Thousands == "" {
		f.Decimal, f.Thousands = other.Decimal, other.Thousands
	}
	if f.Symbols == nil {
		f.Symbols = other.Symbols
	}
	return f
}

// example is a number as the files write it, for people.
func (f NumberFormat) example() string {
	return "1" + f.Thousands + "234" + cmp.Or(f.Decimal, ".") + "5"
}

// maxDigits is how many digits stand at most on each side of the decimal sign.
const maxDigits = 20

// read gives a number as JSON has it. Besides digits it knows a sign before or
// after them, brackets for a negative number, and the symbols; code is one more
// of these.
func (f NumberFormat) read(text, code string) (number string, ok bool) {
	digits, negative, ok := f.undress(text, code)
	if !ok {
		return "", false
	}
	decimal := cmp.Or(f.Decimal, ".")
	whole, fraction, hasFraction := strings.Cut(digits, decimal)
	if whole, ok = f.ungroup(whole); !ok {
		return "", false
	}
	switch {
	case whole == "" && fraction == "",
		!allDigits(whole), !allDigits(fraction),
		len(whole) > 1 && whole[0] == '0', // 007 is a code, and no number
		len(whole) > maxDigits, len(fraction) > maxDigits:
		return "", false
	}
	number = cmp.Or(whole, "0")
	if hasFraction && fraction != "" {
		number += "." + fraction
	}
	if negative && strings.Trim(number, "0.") != "" {
		number = "-" + number
	}
	return number, true
}

// undress takes sign, brackets and symbols away, each at most once.
func (f NumberFormat) undress(text, code string) (digits string, negative, ok bool) {
	signed, bracketed, dressed := false, false, false
	rest := trimSpace(text)
	for rest != "" {
		first, size := utf8.DecodeRuneInString(rest)
		last, lastSize := utf8.DecodeLastRuneInString(rest)
		switch {
		case first == '(' && last == ')' && !signed && !bracketed:
			negative, bracketed, rest = true, true, rest[1:len(rest)-1]
		case isSign(first) && !signed && !bracketed:
			signed, negative, rest = true, first != '+', rest[size:]
		case isSign(last) && !signed && !bracketed:
			signed, negative, rest = true, last != '+', rest[:len(rest)-lastSize]
		default:
			without, found := f.withoutSymbol(rest, code)
			if !found || dressed {
				return rest, negative, true
			}
			dressed, rest = true, without
		}
		rest = trimSpace(rest)
	}
	return "", false, false
}

func isSign(c rune) bool { return c == '-' || c == '+' || c == '−' }

// signs are those of currencies that a mapping names by their code. Some stand for
// other currencies too; which is meant, the mapping has said.
var signs = map[string][]string{
	"USD": {"US$", "$"}, "EUR": {"€"}, "GBP": {"£"}, "JPY": {"¥"}, "CHF": {"SFr.", "Fr."}, "BGN": {"лв.", "лв"}, "RON": {"lei"},
	"PLN": {"zł"}, "CZK": {"Kč"}, "SEK": {"kr"}, "NOK": {"kr"}, "DKK": {"kr.", "kr"}, "HUF": {"Ft"}, "CAD": {"CA$", "$"}, "AUD": {"A$", "$"},
}

func (f NumberFormat) withoutSymbol(text, code string) (string, bool) {
	for _, symbol := range slices.Concat(f.Symbols, signs[strings.ToUpper(code)]) {
		if after, found := strings.CutPrefix(text, symbol); found && symbol != "" {
			return after, true
		}
		if before, found := strings.CutSuffix(text, symbol); found && symbol != "" {
			return before, true
		}
	}
	if n := len(code); n > 0 && len(text) > n {
		if strings.EqualFold(text[:n], code) {
			return text[n:], true
		}
		if strings.EqualFold(text[len(text)-n:], code) {
			return text[:len(text)-n], true
		}
	}
	return text, false
}

// ungroup takes the thousands signs out of the digits before the decimal sign.
func (f NumberFormat) ungroup(whole string) (string, bool) {
	if f.Thousands == "" {
		return whole, true
	}
	same := func(c rune) rune {
		switch {
		case f.Thousands == " " && unicode.Is(unicode.Zs, c):
			return ' '
		case f.Thousands == "'" && c == '’':
			return '\''
		}
		return c
	}
	groups := strings.Split(strings.Map(same, whole), f.Thousands)
	if len(groups) == 1 {
		return whole, true
	}
	for n, group := range groups {
		if n == 0 && (group == "" || len(group) > 3) || n > 0 && len(group) != 3 {
			return "", false
		}
	}
	return strings.Join(groups, ""), true
}

func allDigits(s string) bool {
	return strings.Trim(s, "0123456789") == ""
}

// trimSpace also takes away the spaces that do not break, which spreadsheets
// write between a number and its currency.
func trimSpace(s string) string { return strings.TrimFunc(s, unicode.IsSpace) }
