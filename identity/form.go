package identity

import (
	"bytes"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/oauth"
)

// Bounds of a request to the token and revocation endpoints.
const (
	// MaxBody is the longest body, in bytes; a longer one gets 413.
	MaxBody = 64 << 10
	// maxParameters is the most that a body may have.
	maxParameters = 64
)

const formType = "application/x-www-form-urlencoded"

// form holds the parameters of a request body. Few as they are, a list is
// faster than a map.
type form []parameter

type parameter struct{ name, value string }

// get returns the value, or "" for a parameter that is absent.
func (f form) get(name string) string {
	for i := range f {
		if f[i].name == name {
			return f[i].value
		}
	}
	return ""
}

// all returns every value of the one parameter that may be repeated.
func (f form) all(name string) (values []string) {
	for i := range f {
		if f[i].name == name {
			values = append(values, f[i].value)
		}
	}
	return values
}

// readForm reads the body. Parameters in the query are refused, as URLs end in
// logs (RFC 6749 section 2.3.1), and so is every repeated parameter (section
// 3.2) but resource (RFC 8707 section 2).
func readForm(w http.ResponseWriter, r *http.Request) (form, *oauth.Error) {
	if r.URL.RawQuery != "" {
		return nil, token.Refuse(tandem.RuleForm, oauth.InvalidRequest, "send parameters in the body only, never in the URL")
	}
	// The usual form of the header needs no parser.
	if t := r.Header.Get("Content-Type"); t != formType {
		if parsed, _, err := mime.ParseMediaType(t); err != nil || parsed != formType {
			return nil, token.Refuse(tandem.RuleForm, oauth.InvalidRequest, "send the parameters as %s", formType)
		}
	}
	buffer := bodies.Get().(*[]byte)
	defer bodies.Put(buffer)
	body := bytes.NewBuffer((*buffer)[:0])
	if _, err := body.ReadFrom(http.MaxBytesReader(w, r.Body, MaxBody)); err != nil {
		var long *http.MaxBytesError
		if errors.As(err, &long) {
			refusal := token.Refuse(tandem.RuleForm, oauth.InvalidRequest, "the body is longer than %d bytes", MaxBody)
			refusal.Status = http.StatusRequestEntityTooLarge
			return nil, refusal
		}
		return nil, token.Refuse(tandem.RuleForm, oauth.InvalidRequest, "the body cannot be read")
	}
	*buffer = body.Bytes()
	return parseForm(string(*buffer))
}

// parseForm reads name=value pairs. One without a value counts as omitted (RFC 6749
// sections 3.1 and 3.2).
func parseForm(body string) (form, *oauth.Error) {
	f := make(form, 0, 8)
	for rest := body; rest != ""; {
		var pair string
		pair, rest, _ = strings.Cut(rest, "&")
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, ok := unescape(name)
		value, ok2 := unescape(value)
		if !ok || !ok2 {
			return nil, token.Refuse(tandem.RuleForm, oauth.InvalidRequest, "a parameter is not well encoded")
		}
		if value == "" {
			continue
		}
		for i := range f {
			if f[i].name == name && name != "resource" {
				return nil, token.Refuse(tandem.RuleParameter, oauth.InvalidRequest, "the parameter %s is repeated", tandem.Clip(name, 40))
			}
		}
		if len(f) == maxParameters {
			return nil, token.Refuse(tandem.RuleForm, oauth.InvalidRequest, "more than %d parameters", maxParameters)
		}
		f = append(f, parameter{name, value})
	}
	return f, nil
}

// unescape decodes form encoding; it takes only printable UTF-8, as nothing
// else is meant by any parameter.
func unescape(s string) (string, bool) {
	if strings.ContainsAny(s, "%+") {
		var err error
		if s, err = url.QueryUnescape(s); err != nil {
			return "", false
		}
	}
	return s, utf8.ValidString(s) && !tandem.HasControl(s)
}
