package token

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
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
func uniqueNames(text []byte) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return errMalformed
	}
	if err := walkObject(d, 1); err != nil {
		return err
	}
	if d.More() || d.InputOffset() != int64(len(bytes.TrimRight(text, " \t\r\n"))) {
		return errMalformed
	}
	return nil
}

func walkObject(d *json.Decoder, depth int) error {
	seen := make(map[string]bool, 24)
	for d.More() {
		t, err := d.Token()
		name, ok := t.(string)
		if err != nil || !ok {
			return errMalformed
		}
		// encoding/json folds further than lower case does: it takes ſ for s.
		folded := strings.ToLower(strings.ToUpper(name))
		if seen[folded] {
			return errMalformed
		}
		seen[folded] = true
		if err := walkValue(d, depth); err != nil {
			return err
		}
	}
	_, err := d.Token() // the closing brace
	return err
}

func walkValue(d *json.Decoder, depth int) error {
	t, err := d.Token()
	if err != nil {
		return errMalformed
	}
	if _, ok := t.(json.Delim); ok && depth >= maxDepth {
		return errMalformed
	}
	switch t {
	case json.Delim('{'):
		return walkObject(d, depth+1)
	case json.Delim('['):
		for d.More() {
			if err := walkValue(d, depth+1); err != nil {
				return err
			}
		}
		_, err := d.Token()
		return err
	}
	return nil
}
