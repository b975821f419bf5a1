package api

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/hybridapps/tandem"
)

// Headers that change what a request means are honoured or refused, never
// ignored: a write that was meant for a transaction must not reach the
// database, and one that was meant as another method must not be done as this.

// refusedAlways and refusedInWrites are the headers that are never honoured, with
// what to do instead.
var (
	refusedAlways = [][2]string{
		{"Transaction-Id", "transactions are not offered by this version; leave out the header, and use a changeset of $batch, or Import with all-objects"},
	}
	refusedInWrites = [][2]string{
		{"X-Http-Method-Override", "send the method itself"},
		{"X-Http-Method", "send the method itself"},
		{"X-Method-Override", "send the method itself"},
		{"Content-Range", "a body is taken whole"},
		{"If-Unmodified-Since", "use If-Match with an ETag"},
		{"If-Range", "use If-Match with an ETag"},
		{"Idempotency-Key", "requests are not remembered; use @erpnet.action merge with an ExternalId to repeat one safely"},
		{"Repeatability-Request-Id", "requests are not remembered; use @erpnet.action merge with an ExternalId to repeat one safely"},
		{"Repeatability-First-Sent", "requests are not remembered; use @erpnet.action merge with an ExternalId to repeat one safely"},
	}
	// contextParameters choose what a write belongs to where it does not say.
	contextParameters = []string{"CurrentEnterpriseCompanyId", "CurrentEnterpriseCompanyLocationId", "CurrentRoleId", "ErpContextParameters"}
)

// checkHeaders refuses what the request's headers, or its query in their place,
// ask for and the API does not do.
func checkHeaders(r *http.Request) error {
	if id := r.Header.Get("TransactionId"); r.Header["Transactionid"] != nil {
		return invalid("Invalid TransactionId %s: transactions are not offered by this version, and nothing was done; "+
			"leave out the header, or use Import with all-objects.", clip(id))
	}
	if err := refuse(r.Header, refusedAlways); err != nil {
		return err
	}
	if v := r.Header.Get("OData-Version"); v != "" && v != "4.0" {
		return invalid("OData-Version %q is not understood; send 4.0.", clip(v))
	}
	if v := r.Header.Get("OData-MaxVersion"); v != "" {
		if most, err := strconv.ParseFloat(v, 64); err != nil || most < 4 {
			return notAcceptable("The answers are of OData 4.0; OData-MaxVersion %q does not take them.", clip(v))
		}
	}
	if v := r.Header.Get("OData-Isolation"); v != "" { // part 1, section 8.2.7: must fail where it is not offered
		return tandem.Errorf(tandem.CodePrecondition, "OData-Isolation %q is not offered; leave out the header.", clip(v))
	}
	if ScopeFor(r.Method) == tandem.ScopeUpdate {
		return checkWrite(r)
	}
	return nil
}

func checkWrite(r *http.Request) error {
	if err := refuse(r.Header, refusedInWrites); err != nil {
		return err
	}
	const how = "is not offered in writes, and nothing was done; name the EnterpriseCompany and the rest in the body"
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return invalid("The query string is not percent-encoded correctly.")
	}
	for _, name := range contextParameters {
		if query.Has(name) {
			return invalid("%s %s.", name, how)
		}
	}
	if _, err := r.Cookie("ErpContextParameters"); err == nil {
		return invalid("The cookie ErpContextParameters %s.", how)
	}
	return preferences(r.Header, func(name, value string) error {
		switch {
		case name == "return" && (value == "minimal" || value == "representation"):
		case slices.Contains([]string{"respond-async", "wait", "handling", "continue-on-error"}, name), strings.HasPrefix(name, "odata."):
			// They say nothing about what is written, and may be left undone (RFC 7240 section 2).
		default:
			return invalid("Prefer: %s %s.", clip(name+"="+value), how)
		}
		return nil
	})
}

func refuse(h http.Header, names [][2]string) error {
	for _, n := range names {
		if h[n[0]] != nil {
			return invalid("The header %s is not offered, and nothing was done; %s.", n[0], n[1])
		}
	}
	return nil
}

// preferences calls f for each preference of the Prefer header (RFC 7240
// section 2), with its name in lower case.
func preferences(h http.Header, f func(name, value string) error) error {
	for _, line := range h.Values("Prefer") {
		for part := range strings.FieldsFuncSeq(line, func(r rune) bool { return r == ',' }) {
			part, _, _ = strings.Cut(part, ";")
			name, value, _ := strings.Cut(part, "=")
			if name = strings.ToLower(strings.TrimSpace(name)); name == "" {
				continue
			}
			if err := f(name, strings.Trim(strings.TrimSpace(value), `"`)); err != nil {
				return err
			}
		}
	}
	return nil
}

// preference is the value of one preference; the first one counts.
func preference(r *http.Request, name string) (value string) {
	given := false
	_ = preferences(r.Header, func(n, v string) error { // f never fails
		if n == name && !given {
			value, given = v, true
		}
		return nil
	})
	return value
}

func clip(s string) string { return tandem.Clip(s, 80) }
