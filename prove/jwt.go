package prove

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/hybridapps/tandem/oauth"
)

// decode reads a JSON body.
func (a *answer) decode(into any) error {
	if err := json.Unmarshal(a.body, into); err != nil {
		return errors.New("the answer is not the JSON that is expected")
	}
	return nil
}

// claims are those of a JWT, unverified: they are only looked at. Nil for a token
// that is opaque.
type claims map[string]any

func claimsOf(token string) (c claims) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(text, &c) != nil {
		return nil
	}
	return c
}

// text is a claim that is a string.
func (c claims) text(name string) string {
	s, _ := c[name].(string)
	return s
}

// header is a field of a JWT's header.
func header(token, name string) string {
	first, _, ok := strings.Cut(token, ".")
	text, err := base64.RawURLEncoding.DecodeString(first)
	var h map[string]any
	if !ok || err != nil || json.Unmarshal(text, &h) != nil {
		return ""
	}
	s, _ := h[name].(string)
	return s
}

// scope is the claim scope in either of its forms (RFC 8693 section 4.2), or scp.
func (c claims) scope() ([]string, bool) {
	for _, name := range []string{"scope", "scp"} {
		v, there := c[name]
		if !there {
			continue
		}
		text, err := json.Marshal(v)
		var s oauth.Scope
		if err == nil && json.Unmarshal(text, &s) == nil {
			return s, true
		}
	}
	return nil, false
}

// tokens are an answer of the token endpoint.
type tokens struct {
	oauth.TokenResponse
	// answer is the one that they came in; asked is the scope that was asked for.
	answer *answer
	asked  []string
}

// words are the words of a scope.
func words(scope string) []string { return strings.Fields(scope) }

// without are the words that others has not.
func without(all, others []string) (rest []string) {
	for _, w := range all {
		if !slices.Contains(others, w) && !slices.Contains(rest, w) {
			rest = append(rest, w)
		}
	}
	return rest
}
