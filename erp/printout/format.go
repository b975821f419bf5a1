package printout

import (
	"encoding/json"
	"maps"
	"math/big"
	"slices"
	"strings"
	"time"
)

// amount and quantity are numbers of the API with their unit.
type amount struct {
	Value    json.Number
	Currency string
}

type quantity struct {
	Value json.Number
	Unit  string
}

// text is one in several languages.
type text map[string]string

// in is the text in the language of the printout, in English, or in any that it has.
func (p *printer) in(t text) string {
	for _, language := range []string{strings.ToUpper(p.Language.Tag()), "EN"} {
		if said := t[language]; said != "" {
			return said
		}
	}
	if len(t) == 0 {
		return ""
	}
	return t[slices.Min(slices.Collect(maps.Keys(t)))]
}

// separators are those of thousands and of decimals. The space between thousands does not
// break.
func (p *printer) separators() (group, point string) {
	switch p.Language.Tag() {
	case "de":
		return ".", ","
	case "bg":
		return "\u00a0", ","
	}
	return ",", "."
}

// number writes a decimal number, with at least so many digits after its point: zeros
// beyond them are left out.
func (p *printer) number(n json.Number, least int) string {
	whole, fraction, _ := strings.Cut(string(n), ".")
	sign := ""
	if rest, negative := strings.CutPrefix(whole, "-"); negative {
		sign, whole = "−", rest
	}
	for len(fraction) > least && strings.HasSuffix(fraction, "0") {
		fraction = fraction[:len(fraction)-1]
	}
	for len(fraction) < least {
		fraction += "0"
	}
	group, point := p.separators()
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + group + whole[i:]
	}
	if fraction != "" {
		fraction = point + fraction
	}
	return sign + whole + fraction
}

// money writes an amount with its currency.
func (p *printer) money(a *amount) string {
	if a == nil {
		return ""
	}
	sign := a.Currency
	if sign == "EUR" {
		sign = "€"
	}
	return p.number(a.Value, 2) + "\u00a0" + sign
}

func (p *printer) price(a *amount) string {
	if a == nil {
		return ""
	}
	return p.number(a.Value, 2)
}

func (p *printer) quantity(q quantity) string {
	return strings.TrimSuffix(p.number(q.Value, 0)+"\u00a0"+q.Unit, "\u00a0")
}

// percent writes what fractions take away together: 0.05 is 5 %. None is empty.
func (p *printer) percent(fractions ...json.Number) string {
	left := big.NewRat(1, 1)
	for _, f := range fractions {
		r, ok := new(big.Rat).SetString(string(f))
		if !ok {
			continue
		}
		left.Mul(left, r.Sub(big.NewRat(1, 1), r))
	}
	taken := left.Sub(big.NewRat(1, 1), left)
	if taken.Sign() == 0 {
		return ""
	}
	return p.number(json.Number(taken.Mul(taken, big.NewRat(100, 1)).FloatString(2)), 0) + "\u00a0%"
}

// day writes a day. The API tells days as midnight in UTC.
func (p *printer) day(t *time.Time) string {
	if t == nil || t.IsZero() {
		return ""
	}
	return p.date(t.UTC())
}

func (p *printer) date(t time.Time) string {
	switch p.Language.Tag() {
	case "de":
		return t.Format("02.01.2006")
	case "bg":
		return t.Format("02.01.2006") + "\u00a0г."
	}
	return t.Format("2 January 2006")
}

// moment writes a day and a time of it.
func (p *printer) moment(t *time.Time) string {
	if t == nil || t.IsZero() {
		return ""
	}
	if p.Zone == nil {
		return p.date(t.UTC()) + t.UTC().Format(", 15:04 UTC")
	}
	return p.date(t.In(p.Zone)) + t.In(p.Zone).Format(", 15:04")
}
