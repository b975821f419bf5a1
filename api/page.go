package api

import (
	"strconv"
	"strings"

	"github.com/hybridapps/tandem/api/odata"
)

// nextLink is the absolute URL of the page after this one: the options that
// came, with the place to go on from. Names and values are percent-encoded, as
// in the documented API, but for characters that a query may hold as they are,
// so that a link is hardly longer than what it repeats.
func (d *Domain) nextLink(resource string, q *odata.Query, option, value string) string {
	var b strings.Builder
	b.WriteString(d.root())
	b.WriteString(resource)
	separator := byte('?')
	add := func(name, value string) {
		b.WriteByte(separator)
		separator = '&'
		escapeQuery(&b, name)
		b.WriteByte('=')
		escapeQuery(&b, value)
	}
	for _, o := range q.Given {
		if o.Name != "$skip" && o.Name != "$skiptoken" {
			add(o.Name, o.Value)
		}
	}
	add(option, value)
	return b.String()
}

// nextPage is the link after a page that showed some rows. next is the token of
// the first row that was not shown; it is empty for rows that have none.
func (d *Domain) nextPage(resource string, q *odata.Query, shown int, next string) string {
	if next != "" {
		return d.nextLink(resource, q, "$skiptoken", next)
	}
	return d.nextLink(resource, q, "$skip", strconv.Itoa(q.Skip+shown))
}

// escapeQuery percent-encodes what may not stand in a name or value of a query
// string (RFC 3986 section 3.4), and also $ and +.
func escapeQuery(b *strings.Builder, s string) {
	const hex = "0123456789ABCDEF"
	for i := range len(s) {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-_.~!*'(),;:@/?", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(hex[c>>4])
		b.WriteByte(hex[c&15])
	}
}
