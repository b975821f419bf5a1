package api

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/hybridapps/tandem/erp/write"
)

// An entity tag is the ObjectVersion of the row's aggregate. It is weak: the
// response also depends on what was selected (RFC 9110 section 8.8.1), and
// OData compares it as it is.

// entityTag is the ETag of a version.
func entityTag(version int64) string { return `W/"` + strconv.FormatInt(version, 10) + `"` }

// condition reads If-Match and If-None-Match (RFC 9110 section 13.1). A tag is
// taken weak, strong or bare: W/"5", "5", 5.
func condition(h http.Header) (write.Condition, error) {
	match, ok := tags(h.Values("If-Match"))
	if !ok {
		return write.Condition{}, invalid(`If-Match takes *, or ETags as they came, for example W/"5".`)
	}
	none, ok := tags(h.Values("If-None-Match"))
	if !ok {
		return write.Condition{}, invalid(`If-None-Match takes *, or ETags as they came, for example W/"5".`)
	}
	return write.Condition{Match: match, None: none}, nil
}

// unconditional refuses conditions where there is no row yet that could have a
// version.
func unconditional(h http.Header) error {
	for _, name := range []string{"If-Match", "If-None-Match"} {
		if h[name] != nil {
			return invalid("%s is for a row that is there, and nothing was done; leave out the header.", name)
		}
	}
	return nil
}

// tags reads a list of entity tags; nil for none. Tags that are no versions are
// kept as one that no row has.
func tags(lines []string) (*write.Versions, bool) {
	text := strings.TrimSpace(strings.Join(lines, ","))
	switch text {
	case "":
		return nil, len(lines) == 0
	case "*":
		return &write.Versions{Any: true}, true
	}
	list := &write.Versions{}
	for text != "" {
		tag := strings.TrimPrefix(text, "W/")
		inside, rest, quoted := strings.Cut(strings.TrimPrefix(tag, `"`), `"`)
		if !strings.HasPrefix(tag, `"`) {
			inside, rest, _ = strings.Cut(tag, ",")
			if _, err := strconv.ParseUint(strings.TrimSpace(inside), 10, 31); err != nil {
				return nil, false
			}
			rest = strings.TrimSpace(rest)
		} else if !quoted {
			return nil, false
		} else if rest = strings.TrimSpace(rest); rest != "" && !strings.HasPrefix(rest, ",") {
			return nil, false
		}
		n, err := strconv.ParseInt(strings.TrimSpace(inside), 10, 32)
		if err != nil || n < 1 {
			n = -1
		}
		list.List = append(list.List, n)
		text = strings.TrimLeft(rest, ", \t")
	}
	return list, true
}

// unchanged reports whether a GET may be answered with 304: If-None-Match has
// the version that the row has. A header that is malformed matches nothing.
func unchanged(r *http.Request, version int64) bool {
	none, _ := tags(r.Header.Values("If-None-Match"))
	return none != nil && none.Has(version)
}
