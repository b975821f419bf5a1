package odata

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Query is a request's query options. Options that do not start with $, other
// than options itself, are not OData's and are left alone.
type Query struct {
	Select  Select
	Filter  []Condition // all must hold; empty without $filter
	OrderBy []Order
	Expand  []Expand
	// Top is the page size: [MaxTop] without $top.
	Top int
	// HasTop says that $top was given.
	HasTop bool
	Skip   int
	// SkipToken is opaque here: at most [MaxSkipToken] letters, digits, dashes and
	// underscores.
	SkipToken string
	// Count asks for @odata.count.
	Count bool
	// Search is the free text of $search without its double quotes.
	Search string
	// SkipNulls leaves out properties without a value (options=skipnulls).
	SkipNulls bool
	// SkipHidden leaves out what is named in $select, $expand and $orderby and is hidden
	// from who asks, instead of refusing it (options=skiphidden).
	SkipHidden bool
	// Given are the options as they came, decoded and in order, the ones that
	// are not OData's included: what a nextLink repeats.
	Given []Option
}

// Has reports whether the option was given.
func (q *Query) Has(name string) bool {
	return slices.ContainsFunc(q.Given, func(o Option) bool { return o.Name == name })
}

// Option is one name=value of a query string, decoded.
type Option struct{ Name, Value string }

// Select is the list of $select.
type Select struct {
	// Default says that the default properties are wanted: there is no
	// $select, or it has default or *.
	Default bool
	// Names are the properties named, each once, in order.
	Names []Property
}

// Order is one key of $orderby.
type Order struct {
	Property   Property
	Descending bool
}

// Expand is one navigation property of $expand with its nested options.
type Expand struct {
	Name    string
	Pos     int
	Select  Select
	Filter  []Condition
	OrderBy []Order
	Expand  []Expand
	// Top is how many rows of a collection, 0 without $top.
	Top int
}

// ParseQuery reads a raw query string, percent-encoded as it came, in which a
// plus is a space. Every error is an [*Error].
func ParseQuery(raw string) (*Query, error) {
	q := &Query{Top: MaxTop, Select: Select{Default: true}}
	if raw == "" {
		return q, nil
	}
	if len(raw) > MaxQuery {
		return nil, &Error{Where: "query", Pos: MaxQuery, Problem: "the query string is longer than " + strconv.Itoa(MaxQuery) + " bytes"}
	}
	p := &parser{}
	at := 0
	for pair := range strings.SplitSeq(raw, "&") {
		if pair != "" {
			o, err := decodeOption(pair, at)
			if err != nil {
				return nil, err
			}
			if err := q.set(p, o); err != nil {
				return nil, advise(err, pair)
			}
			q.Given = append(q.Given, o)
		}
		at += len(pair) + 1
	}
	return q, nil
}

func decodeOption(pair string, at int) (Option, error) {
	rawName, rawValue, _ := strings.Cut(pair, "=")
	name, err := url.QueryUnescape(rawName)
	if err == nil {
		var value string
		if value, err = url.QueryUnescape(rawValue); err == nil {
			if !utf8.ValidString(name) || !utf8.ValidString(value) {
				return Option{}, &Error{Where: "query", Pos: at, Problem: "the value of " + show(strings.ToValidUTF8(name, "?")) + " is not UTF-8",
					Expected: "percent-encode the bytes of its UTF-8 form"}
			}
			return Option{name, value}, nil
		}
	}
	return Option{}, &Error{Where: "query", Pos: at, Problem: show(pair) + " is not percent-encoded correctly",
		Expected: "write a % itself as %25"}
}

// advise adds to an error what a plus may have to do with it: in a query string
// it is a space.
func advise(err error, pair string) error {
	e, ok := err.(*Error)
	if !ok || !strings.Contains(pair, "+") {
		return err
	}
	const advice = "a + in a query string is a space: write a + itself as %2B"
	if e.Expected == "" {
		e.Expected = advice
	} else {
		e.Expected += "; " + advice
	}
	return e
}

// systemOptions are the options that begin with $.
var systemOptions = []string{"$filter", "$select", "$orderby", "$expand", "$top", "$skip", "$skiptoken", "$count", "$search", "$format",
	"$apply", "$compute", "$levels", "$deltatoken", "$index", "$schemaversion", "$id"}

func (q *Query) set(p *parser, o Option) error {
	if !strings.HasPrefix(o.Name, "$") && o.Name != "options" {
		if meant := "$" + strings.ToLower(o.Name); slices.Contains(systemOptions, meant) {
			return &Error{Where: show(o.Name), Problem: "the option is written with a $", Expected: "write " + meant}
		}
		return nil
	}
	for _, earlier := range q.Given {
		if earlier.Name == o.Name {
			return &Error{Where: o.Name, Problem: "the option is given twice"}
		}
	}
	s, err := newScanner(o.Name, o.Value)
	switch o.Name {
	case "$search": // free text, which the scanner need not understand
		q.Search, err = searchText(o.Value)
		return err
	case "options", "$format", "$skiptoken":
		return q.setWord(o)
	case "$filter", "$select", "$orderby", "$expand", "$top", "$skip", "$count":
	default:
		return &Error{Where: show(o.Name), Problem: "the option is not supported",
			Expected: "the options are $select, $filter, $orderby, $top, $skip, $skiptoken, $count, $search, $expand and options"}
	}
	if err != nil {
		return err
	}
	p.s = s
	switch o.Name {
	case "$filter":
		q.Filter, err = p.filter(0)
	case "$select":
		q.Select, err = p.selection()
	case "$orderby":
		q.OrderBy, err = p.orderBy()
	case "$expand":
		q.Expand, err = p.expands(1)
	case "$top":
		q.Top, err = p.integer(MaxTop)
		q.HasTop = true
	case "$skip":
		q.Skip, err = p.integer(MaxSkip)
	case "$count":
		q.Count, err = p.boolean()
	}
	if err != nil {
		return err
	}
	if s.tok.kind != end {
		return s.fail(s.tok.pos, "%s cannot stand here", s.tok.describe())
	}
	return nil
}

// setWord reads the options that are plain words.
func (q *Query) setWord(o Option) error {
	switch o.Name {
	case "options":
		for flag := range strings.SplitSeq(o.Value, ",") {
			switch strings.ToLower(strings.TrimSpace(flag)) {
			case "skipnulls":
				q.SkipNulls = true
			case "skiphidden":
				q.SkipHidden = true
			case "":
			default:
				return &Error{Where: "options", Problem: "the flag " + show(flag) + " is not known", Expected: "the flags are skipnulls and skiphidden"}
			}
		}
	case "$format":
		if f := strings.ToLower(o.Value); f != "json" && !strings.HasPrefix(f, "application/json") {
			return &Error{Where: "$format", Problem: show(o.Value) + " is not offered", Expected: "the API answers in json only"}
		}
	case "$skiptoken":
		ok := o.Value != "" && len(o.Value) <= MaxSkipToken
		for i := 0; ok && i < len(o.Value); i++ {
			c := o.Value[i]
			ok = c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_'
		}
		if !ok {
			return &Error{Where: "$skiptoken", Problem: "the token is not one of ours", Expected: "take it from an @odata.nextLink, unchanged"}
		}
		q.SkipToken = o.Value
	}
	return nil
}

// searchText reads free text, with or without double quotes around it, in
// which a backslash takes the next character as it is (OData 4.0 part 2,
// section 5.1.1.7). Whoever searches splits it into words.
func searchText(v string) (string, error) {
	v = strings.TrimSpace(v)
	if len(v) > MaxSearch {
		return "", &Error{Where: "$search", Pos: MaxSearch, Problem: "the text is longer than " + strconv.Itoa(MaxSearch) + " bytes"}
	}
	if i := strings.IndexFunc(v, isControl); i >= 0 {
		return "", &Error{Where: "$search", Pos: i, Problem: "a control character cannot stand in a text"}
	}
	if !strings.HasPrefix(v, `"`) {
		return v, nil
	}
	var b strings.Builder
	for i := 1; i < len(v); i++ {
		switch c := v[i]; {
		case c == '\\' && i+1 < len(v):
			i++
			b.WriteByte(v[i])
		case c == '"' && i == len(v)-1:
			return b.String(), nil
		case c == '"':
			return "", &Error{Where: "$search", Pos: i + 1, Problem: "more follows after the closing quote",
				Expected: `write a " inside the text as \"`}
		default:
			b.WriteByte(c)
		}
	}
	return "", &Error{Where: "$search", Pos: len(v), Problem: `the text is not closed with "`}
}
