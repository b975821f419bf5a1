package token

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// MaxJWT is the longest JWT that is looked at, in bytes. Nothing is parsed
// before this is checked.
const MaxJWT = 8 << 10

// maxDepth is how deep the JSON of a token may nest; the platform's own has
// two levels.
const maxDepth = 8

// errMalformed is a token that is not what it says it is.
var errMalformed = errors.New("token: malformed")

// header is the JOSE header of a token, read strictly.
type header struct {
	Algorithm jose.SignatureAlgorithm `json:"alg"`
	Type      string                  `json:"typ"`
	KeyID     string                  `json:"kid"`
}

// forbiddenHeaders carry keys, or ask for a processing that does not exist
// here (RFC 8725 sections 3.9 and 3.10).
var forbiddenHeaders = []string{"jku", "jwk", "x5u", "x5c", "x5t", "x5t#S256", "crit", "b64", "zip", "enc", "cty"}

// readHeader reads the header of a compact JWS before anything is verified.
// The payload is returned decoded; it is not to be believed yet.
func readHeader(text string) (header, []byte, error) {
	var h header
	if len(text) > MaxJWT || strings.Count(text, ".") != 2 {
		return h, nil, errMalformed
	}
	var part [3][]byte
	for i, encoded := range strings.Split(text, ".") {
		var ok bool
		if part[i], ok = decodePart(encoded); !ok {
			return h, nil, errMalformed
		}
	}
	rawHeader, payload := part[0], part[1]
	if uniqueNames(rawHeader) != nil || uniqueNames(payload) != nil {
		return h, nil, errMalformed
	}
	var names map[string]json.RawMessage
	if json.Unmarshal(rawHeader, &names) != nil {
		return h, nil, errMalformed
	}
	for _, name := range forbiddenHeaders {
		if _, ok := names[name]; ok {
			return h, nil, errMalformed
		}
	}
	// Member by member: encoding/json would also take "ALG" for alg.
	for name, value := range map[string]any{"alg": &h.Algorithm, "typ": &h.Type, "kid": &h.KeyID} {
		if raw, ok := names[name]; ok && json.Unmarshal(raw, value) != nil {
			return h, nil, errMalformed
		}
	}
	return h, payload, nil
}

// decodePart decodes base64url without padding (RFC 7515 section 2), so that
// no token can be written in two ways: the decoder by itself would pass over
// line breaks.
func decodePart(encoded string) ([]byte, bool) {
	if strings.ContainsAny(encoded, "\r\n") {
		return nil, false
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	return b, err == nil
}

// uniqueNames proves that the text is one JSON object in which no member
// repeats, not even in another case: two readers of such a text could see two
// different claims (RFC 7519 section 4, RFC 8725 section 2.4).
//
// encoding/json says whether it is JSON at all; in text that is, strings and brackets
// are enough to know what is a name.
func uniqueNames(text []byte) error {
	if !json.Valid(text) || bytes.TrimLeft(text, " \t\r\n")[0] != '{' {
		return errMalformed
	}
	var open []map[string]bool // the names of each object that is open; nil for an array
	named := false             // the next string is a name
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '{', '[':
			if len(open) == maxDepth {
				return errMalformed
			}
			named = text[i] == '{'
			open = append(open, nil)
			if named {
				open[len(open)-1] = make(map[string]bool, 24)
			}
		case '}', ']':
			open = open[:len(open)-1]
		case ',':
			named = open[len(open)-1] != nil
		case '"':
			end := stringEnd(text, i)
			if named {
				name, names := foldedName(text[i:end]), open[len(open)-1]
				if names[name] {
					return errMalformed
				}
				names[name] = true
			}
			named, i = false, end-1
		}
	}
	return nil
}

// stringEnd is where the string that begins at i is over, in JSON.
func stringEnd(text []byte, i int) int {
	for i++; text[i] != '"'; i++ {
		if text[i] == '\\' {
			i++
		}
	}
	return i + 1
}

// foldedName is a name without regard to case. encoding/json folds further than lower case
// does: it takes ſ for s.
func foldedName(quoted []byte) string {
	plain := func(c byte) bool { return c >= 'a' && c <= 'z' || c == '_' }
	if name := quoted[1 : len(quoted)-1]; !slices.ContainsFunc(name, func(c byte) bool { return !plain(c) }) {
		return string(name) // as nearly all are
	}
	var name string
	_ = json.Unmarshal(quoted, &name) // it is valid
	return strings.ToLower(strings.ToUpper(name))
}
