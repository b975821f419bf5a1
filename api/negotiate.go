package api

import (
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/hybridapps/tandem/api/odata"
	"github.com/hybridapps/tandem/erp/query"
)

// jsonType is the content type of the documented API's responses, in a form.
func jsonType(f query.Form) string {
	level := "minimal"
	if f.NoMetadata {
		level = "none"
	}
	return "application/json;odata.metadata=" + level + ";odata.streaming=true;IEEE754Compatible=" +
		strconv.FormatBool(f.Compatible) + ";charset=utf-8"
}

// formOf is how the caller wants a JSON response: by $format, or else by Accept
// (OData 4.0 part 1, section 8.2.1; JSON Format, sections 3 and 3.2). The error is a
// 406.
func formOf(r *http.Request) (query.Form, error) {
	ranges := r.Header.Values("Accept")
	if format := formatOption(r.URL.RawQuery); strings.Contains(format, "/") {
		ranges = []string{format}
	}
	best, quality := query.Form{}, 0.0
	given := false
	for part := range strings.FieldsFuncSeq(strings.Join(ranges, ","), func(r rune) bool { return r == ',' }) {
		media, parameters, err := mime.ParseMediaType(part)
		if err != nil {
			continue
		}
		given = true
		form, ok := offered(media, parameters)
		if q := weight(parameters); ok && q > quality {
			best, quality = form, q
		}
	}
	if !given || quality > 0 {
		return best, nil
	}
	return best, notAcceptable("The answer is JSON: Accept takes application/json, with odata.metadata minimal or none, " +
		"IEEE754Compatible true or false, and charset utf-8.")
}

// offered reports whether a response can be of a media range, and its form.
func offered(media string, parameters map[string]string) (form query.Form, ok bool) {
	if media != "application/json" && media != "application/*" && media != "*/*" {
		return form, false
	}
	for name, value := range parameters {
		value = strings.ToLower(value)
		switch name {
		case "odata.metadata", "metadata":
			if value != "minimal" && value != "none" {
				return form, false
			}
			form.NoMetadata = value == "none"
		case "ieee754compatible":
			if value != "true" && value != "false" {
				return form, false
			}
			form.Compatible = value == "true"
		case "charset":
			if value != "utf-8" && value != "utf8" {
				return form, false
			}
		}
	}
	return form, true
}

// weight is the q of a media range or an encoding (RFC 9110 section 12.4.2).
func weight(parameters map[string]string) float64 {
	text, given := parameters["q"]
	if !given {
		return 1
	}
	q, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0
	}
	return q
}

// accepts reports whether Accept takes one of the media types.
func accepts(h http.Header, types ...string) bool {
	given := false
	for part := range strings.FieldsFuncSeq(strings.Join(h.Values("Accept"), ","), func(r rune) bool { return r == ',' }) {
		media, parameters, err := mime.ParseMediaType(part)
		if err != nil || weight(parameters) <= 0 {
			continue
		}
		given = true
		kind, _, _ := strings.Cut(media, "/")
		for _, t := range types {
			if media == "*/*" || media == t || media == kind+"/*" && strings.HasPrefix(t, kind+"/") {
				return true
			}
		}
	}
	return !given
}

// formatOption is $format of a raw query; empty without one.
func formatOption(raw string) string {
	for pair := range strings.SplitSeq(raw, "&") {
		name, value, _ := strings.Cut(pair, "=")
		if name, _ = url.QueryUnescape(name); name == "$format" {
			value, _ = url.QueryUnescape(value)
			return value
		}
	}
	return ""
}

// limitPage makes pages as small as the caller prefers: Prefer:
// odata.maxpagesize=100 (part 1, section 8.2.8.5). It never makes them larger.
func limitPage(w http.ResponseWriter, r *http.Request, options *odata.Query) error {
	name := "odata.maxpagesize"
	text := preference(r, name)
	if text == "" {
		name = "maxpagesize"
		if text = preference(r, name); text == "" {
			return nil
		}
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return invalid("Prefer: %s takes a number of rows, from 1.", name)
	}
	options.Top = min(options.Top, n)
	w.Header().Add("Preference-Applied", name+"="+strconv.Itoa(min(n, odata.MaxTop)))
	return nil
}

// acceptsGzip reports whether a response may be compressed (RFC 9110 section
// 12.5.3).
func acceptsGzip(h http.Header) bool {
	star := false
	for part := range strings.FieldsFuncSeq(strings.Join(h.Values("Accept-Encoding"), ","), func(r rune) bool { return r == ',' }) {
		name, parameter, _ := strings.Cut(part, ";")
		parameters := map[string]string{}
		if key, value, found := strings.Cut(parameter, "="); found {
			parameters[strings.ToLower(strings.TrimSpace(key))] = strings.TrimSpace(value)
		}
		switch name = strings.ToLower(strings.TrimSpace(name)); name {
		case "gzip", "x-gzip":
			return weight(parameters) > 0
		case "*":
			star = weight(parameters) > 0
		}
	}
	return star
}
