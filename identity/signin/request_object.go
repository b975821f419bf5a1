package signin

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"

	"github.com/hybridapps/tandem/oauth"
)

// wayBack is how the response to a request travels.
type wayBack struct {
	Mode  string `json:"response_mode"`
	State string `json:"state"`
	// Type decides about the mode where none is asked for.
	Type string `json:"response_type"`
}

// wayBackOf reads how the application wants its response, also an error: from the
// parameters, or else from the request object, in which an application may send
// all of them (OpenID Connect Core section 6.1). Request objects are refused, but
// the refusal has to reach an application that takes forms alone. Nothing else of
// one is looked at, and whether it is signed does not matter: whoever can make one
// could as well send the parameters.
func wayBackOf(q url.Values) wayBack {
	var asked wayBack
	if object := q["request"]; len(object) == 1 {
		asked = readObject(object[0])
	}
	if q.Has("response_mode") {
		asked.Mode = ""
		if m := q["response_mode"]; len(m) == 1 {
			asked.Mode = m[0]
		}
	}
	if q.Has("state") {
		asked.State = ""
		if s := q["state"]; len(s) == 1 {
			asked.State = s[0]
		}
	}
	if q.Has("response_type") {
		asked.Type = ""
		if t := q["response_type"]; len(t) == 1 {
			asked.Type = t[0]
		}
	}
	if usual := usualMode(asked.Type); !knownMode(asked.Mode) || usual == oauth.ModeFragment && asked.Mode == oauth.ModeQuery {
		asked.Mode = usual
	}
	if asked.State != "" && !checkParameter("state", []string{asked.State}).Empty() {
		asked.State = ""
	}
	return asked
}

// readObject reads a JWT that is not encrypted; nothing of what is none.
func readObject(jwt string) wayBack {
	parts := strings.Split(jwt, ".")
	if len(jwt) > maxParameter["request"] || len(parts) != 3 {
		return wayBack{}
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return wayBack{}
	}
	var asked wayBack
	if json.Unmarshal(payload, &asked) != nil {
		return wayBack{}
	}
	return asked
}
