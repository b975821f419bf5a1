package site

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/seal"
)

// Sealer turns values into texts that browsers carry and only this server can make or
// read, each good for one place.
type Sealer struct {
	// Box has a key that replicas share.
	Box *seal.Box
	// Clock tells the time; nil means the system's.
	Clock tandem.Clock
}

// Seal seals a value for the place. It fails for what JSON cannot say.
func (s Sealer) Seal(v any, place string) (string, error) {
	// Without the escapes of HTML, which make some texts six times as long: it goes into
	// addresses.
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(s.Box.Seal(text.Bytes(), place)), nil
}

// Open is the reverse; false for anything that was not sealed for this place.
func (s Sealer) Open(text, place string, v any) bool {
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return false
	}
	plain, err := s.Box.Open(b, place)
	return err == nil && json.Unmarshal(plain, v) == nil
}

// Fresh reports whether a time in Unix seconds is within the lifetime.
func (s Sealer) Fresh(at int64, lifetime time.Duration) bool {
	age := s.Clock.Now().Sub(time.Unix(at, 0))
	return age > -clocksDiffer && age < lifetime
}
