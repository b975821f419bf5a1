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

// compact is a compact JWS, of which nothing is to be believed before it is verified.
type compact struct {
	header
	payload   []byte
	names     names  // of the claims
	input     string // what is signed
	signature []byte
}

// names are the members of a JSON object, folded; false are those that were written in
// another way.
type names map[string]bool

// has reports whether there is a member of exactly this name.
func (n names) has(name string) bool { return n[name] }

func (n names) hasAll(wanted []string) bool {
	return !slices.ContainsFunc(wanted, func(name string) bool { return !n[name] })
}

// hasAny also takes those that are written in another way: encoding/json reads them.
func (n names) hasAny(unwanted []string) bool {
	return slices.ContainsFunc(unwanted, func(name string) bool { _, there := n[name]; return there })
}

// forbiddenHeaders carry keys, or ask for a processing that does not exist
// here (RFC 8725 sections 3.9 and 3.10).
var forbiddenHeaders = []string{"jku", "jwk", "x5u", "x5c", "x5t", "x5t#s256", "crit", "b64", "zip", "enc", "cty"}

// readCompact reads a compact JWS before anything of it is verified.
func readCompact(text string) (*compact, error) {
	part := strings.Split(text, ".")
	if len(text) > MaxJWT || len(part) != 3 {
		return nil, errMalformed
	}
	head, ok := decodePart(part[0])
	payload, ok2 := decodePart(part[1])
	signature, ok3 := decodePart(part[2])
	if !ok || !ok2 || !ok3 {
		return nil, errMalformed
	}
	members, err := uniqueNames(head)
	if err != nil || members.hasAny(forbiddenHeaders) {
		return nil, errMalformed
	}
	c := &compact{payload: payload, signature: signature, input: text[:len(part[0])+1+len(part[1])]}
	if c.names, err = uniqueNames(payload); err != nil || json.Unmarshal(head, &c.header) != nil {
		return nil, errMalformed
	}
	for _, name := range []string{"alg", "typ", "kid"} { // encoding/json also takes "ALG" for alg
		if exact, there := members[name]; there && !exact {
			return nil, errMalformed
		}
	}
	return c, nil
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
// different claims (RFC 7519 section 4, RFC 8725 section 2.4). It returns the names of the
// object's own members.
//
// encoding/json says whether it is JSON at all; in text that is, strings and brackets
// are enough to know what is a name.
func uniqueNames(text []byte) (names, error) {
	if !json.Valid(text) || bytes.TrimLeft(text, " \t\r\n")[0] != '{' {
		return nil, errMalformed
	}
	all := make(names, 24)
	var open []names // the names of each object that is open; nil for an array
	named := false   // the next string is a name
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '{', '[':
			if len(open) == maxDepth {
				return nil, errMalformed
			}
			named = text[i] == '{'
			open = append(open, nil)
			switch {
			case len(open) == 1:
				open[0] = all
			case named:
				open[len(open)-1] = make(names)
			}
		case '}', ']':
			open = open[:len(open)-1]
		case ',':
			named = open[len(open)-1] != nil
		case '"':
			end := stringEnd(text, i)
			if named {
				name, exact := foldedName(text[i:end])
				of := open[len(open)-1]
				if _, there := of[name]; there {
					return nil, errMalformed
				}
				of[name] = exact
			}
			named, i = false, end-1
		}
	}
	return all, nil
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

// foldedName is a name without regard to case, and whether it was written so. encoding/json
// folds further than lower case does: it takes ſ for s.
func foldedName(quoted []byte) (folded string, exact bool) {
	plain := func(c byte) bool { return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_' }
	if name := quoted[1 : len(quoted)-1]; !slices.ContainsFunc(name, func(c byte) bool { return !plain(c) }) {
		return string(name), true // as nearly all are
	}
	var name string
	_ = json.Unmarshal(quoted, &name) // it is valid
	return strings.ToLower(strings.ToUpper(name)), false
}
