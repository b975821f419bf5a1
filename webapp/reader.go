package webapp

import (
	"net/http"
	"regexp"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/language"
	"golang.org/x/text/message"
	xnumber "golang.org/x/text/number"

	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/site/words"
)

// reader is who reads a page: how numbers are written for them, and in which zone
// times are. It is what their account says (the claims locale and zoneinfo), else
// what their browser does.
type reader struct {
	// decimal is the sign before the decimals, group the one between groups of
	// digits; both are plain digits' (1, 2, 3).
	decimal, group string
	// last is how many digits the last group has, others the ones before it.
	last, others int
	// language and zone are those of the account, empty where it says none.
	language, zone string
	// speaks is the tag of the language in which pages of customers are said; employees'
	// are in English.
	speaks string
}

// plainReader writes 1,234.5 and shows UTC: for who says nothing.
var plainReader = reader{decimal: ".", group: ",", last: 3, others: 3}

// readerOf is who sent the request.
func readerOf(r *http.Request) reader {
	var who client.IDToken
	if s := client.UserSessionOf(r.Context()); s != nil {
		who = s.Identity()
	}
	tag, err := language.Parse(who.Locale)
	known := err == nil && who.Locale != ""
	if !known {
		if tags, _, err := language.ParseAcceptLanguage(r.Header.Get("Accept-Language")); err == nil && len(tags) > 0 {
			tag = tags[0]
		}
	}
	out := styleOf(tag)
	if known {
		out.language = tag.String()
	}
	if who.External() {
		out.speaks = words.Choose("", who.Locale, r.Header.Get("Accept-Language")).Tag()
	}
	if _, err := time.LoadLocation(who.Zoneinfo); err == nil && who.Zoneinfo != "Local" {
		out.zone = who.Zoneinfo
	}
	return out
}

// styleOf is how numbers are written in a language, with plain digits.
func styleOf(tag language.Tag) reader {
	out := plainReader
	if tag == language.Und {
		return out
	}
	plain, err := tag.SetTypeForKey("nu", "latn")
	if err != nil {
		return out
	}
	// The groups are read off a number: nothing tells them otherwise.
	sample := message.NewPrinter(plain).Sprint(xnumber.Decimal(1234567890.5))
	parts := strings.FieldsFunc(sample, func(r rune) bool { return !unicode.IsDigit(r) })
	signs := strings.FieldsFunc(sample, unicode.IsDigit)
	if len(parts) < 2 || len(parts) != len(signs)+1 || parts[len(parts)-1] != "5" {
		return out
	}
	out.decimal, out.group = signs[len(signs)-1], ""
	if n := len(parts); n > 3 {
		out.group, out.last, out.others = signs[0], len(parts[n-2]), len(parts[n-3])
	}
	return out
}

// location is the reader's zone; UTC where the account says none: then the page's
// script shows times in the browser's.
func (who reader) location() *time.Location {
	if at, err := time.LoadLocation(who.zone); err == nil {
		return at
	}
	return time.UTC
}

// grouped puts the reader's sign between the groups of a whole number.
func (who reader) grouped(digits string) string {
	sign := ""
	if strings.HasPrefix(digits, "-") {
		sign, digits = "-", digits[1:]
	}
	if who.group == "" {
		return sign + digits
	}
	for i := len(digits) - who.last; i > 0; i -= who.others {
		digits = digits[:i] + who.group + digits[i:]
	}
	return sign + digits
}

// typed is an exact number as the reader would type it: in no groups.
func (who reader) typed(n string) string { return strings.Replace(n, ".", who.decimal, 1) }

// A number in groups of digits, all parted by the same sign; the second form is the
// Indian one.
var (
	inGroups = regexp.MustCompile(`^[1-9][0-9]{0,2}(?:(?:,[0-9]{3})+|(?:[.][0-9]{3})+|(?:_[0-9]{3})+)$`)
	inPairs  = regexp.MustCompile(`^[1-9][0-9]?(?:,[0-9]{2})*,[0-9]{3}$`)
	number   = regexp.MustCompile(`^[0-9]{1,12}([.][0-9]{1,6})?$`)
	spaces   = strings.NewReplacer(" ", "_", "\u00a0", "_", "\u202f", "_", "'", "_", "’", "_")
)

// numeric reads what people type: "1,234.50", "1.234,50", "12,5" and " 3 ". Where
// there are both signs, the last one is the decimal sign; one that comes more than
// once is not. One alone is the decimal sign where it is the reader's, or where it
// cannot part thousands: "1,234" of who writes 1.5 is refused, since it may be
// either, and so is "0,125".
func (who reader) numeric(s string) (plain string, ok bool) {
	s = spaces.Replace(strings.TrimSpace(s))
	whole, fraction := s, ""
	if at := strings.LastIndexAny(s, ".,"); at >= 0 {
		sign, before, after := s[at:at+1], s[:at], s[at+1:]
		other := strings.Trim(".,", sign)
		switch {
		case strings.Contains(before, sign):
		case strings.Contains(before, other) || sign == who.decimal || strings.Contains(before, "_") || !thousands(before, after):
			whole, fraction = before, "."+after
		default:
			return "", false
		}
	}
	if strings.ContainsAny(whole, ".,_") {
		if !inGroups.MatchString(whole) && (who.others != 2 || !inPairs.MatchString(whole)) {
			return "", false
		}
		whole = strings.NewReplacer(".", "", ",", "", "_", "").Replace(whole)
	}
	if whole = strings.TrimLeft(whole, "0"); whole == "" && s != "" {
		whole = "0"
	}
	return whole + fraction, number.MatchString(whole + fraction)
}

// thousands reports whether a sign between the two can part thousands.
func thousands(before, after string) bool { return len(after) == 3 && len(before) <= 3 }
