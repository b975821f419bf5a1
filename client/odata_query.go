package client

import (
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Query is the options of a read, each in the API's own grammar. Text that a
// person typed goes into Filter through [Quote] only; Search takes it as it is.
type Query struct {
	// Select lists attributes ("default,ObjectVersion"); empty means the
	// defaults.
	Select string
	// Expand reads along references ("Customer($select=Number)").
	Expand  string
	Filter  string
	OrderBy string
	Search  string
	// Top is the size of a page; zero leaves it to the service.
	Top, Skip int
	// Count asks for the total.
	Count bool
	// SkipNulls leaves out attributes without a value.
	SkipNulls bool
	// SkipHidden leaves out attributes of Select, Expand and OrderBy that are hidden from
	// who asks, instead of having the query refused for them: for pages that show what
	// the person may see.
	SkipHidden bool
}

// Quote is a string literal for a filter.
func Quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// Ref is the id of an entity, "Set(guid)". In a filter it must be quoted:
// "Customer eq " + Quote(Ref("Crm_Sales_Customers", id)).
func Ref(set, guid string) string { return set + "(" + guid + ")" }

// Time is a literal of a point in time for a filter, to the millisecond.
func Time(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// Date is a literal of a day for a filter, the day that t has in its location.
func Date(t time.Time) string { return t.Format(time.DateOnly) }

// And joins conditions of a filter; empty ones are left out.
func And(conditions ...string) string {
	var kept []string
	for _, c := range conditions {
		if c != "" {
			kept = append(kept, c)
		}
	}
	return strings.Join(kept, " and ")
}

// searchText is what a person typed as a value of $search, where a quotation
// mark at the beginning must have its partner at the end (OData 4.0 part 2,
// section 5.1.1.7): where it has not, it is a character like others.
func searchText(typed string) string {
	inside, quoted := strings.CutPrefix(typed, `"`)
	if !quoted || strings.HasSuffix(inside, `"`) && !strings.ContainsAny(inside[:len(inside)-1], `"\`) {
		return typed
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(typed) + `"`
}

// suffix is the query with its question mark, or nothing.
func (q Query) suffix() string {
	var parts []string
	add := func(name, value string) {
		if value != "" {
			// Not every server reads "+" as a space in an OData query.
			parts = append(parts, name+"="+strings.ReplaceAll(url.QueryEscape(value), "+", "%20"))
		}
	}
	add("$select", q.Select)
	add("$expand", q.Expand)
	add("$filter", q.Filter)
	add("$orderby", q.OrderBy)
	add("$search", searchText(q.Search))
	if q.Top > 0 {
		add("$top", strconv.Itoa(q.Top))
	}
	if q.Skip > 0 {
		add("$skip", strconv.Itoa(q.Skip))
	}
	if q.Count {
		add("$count", "true")
	}
	var flags []string
	if q.SkipNulls {
		flags = append(flags, "skipnulls")
	}
	if q.SkipHidden {
		flags = append(flags, "skiphidden")
	}
	add("options", strings.Join(flags, ","))
	if len(parts) == 0 {
		return ""
	}
	return "?" + strings.Join(parts, "&")
}
