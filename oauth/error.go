package oauth

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// ErrorCode is an error code of the protocol.
type ErrorCode string

// Error codes of the token and authorization endpoints (RFC 6749 sections
// 4.1.2.1 and 5.2, OpenID Connect Core section 3.1.2.6) and of protected
// resources (RFC 6750 section 3.1).
const (
	InvalidRequest          ErrorCode = "invalid_request"
	InvalidClient           ErrorCode = "invalid_client"
	InvalidGrant            ErrorCode = "invalid_grant"
	UnauthorizedClient      ErrorCode = "unauthorized_client"
	UnsupportedGrantType    ErrorCode = "unsupported_grant_type"
	InvalidScope            ErrorCode = "invalid_scope"
	InvalidTarget           ErrorCode = "invalid_target" // RFC 8707 section 2
	AccessDenied            ErrorCode = "access_denied"
	UnsupportedResponseType ErrorCode = "unsupported_response_type"
	ServerError             ErrorCode = "server_error"
	TemporarilyUnavailable  ErrorCode = "temporarily_unavailable"
	LoginRequired           ErrorCode = "login_required"
	ConsentRequired         ErrorCode = "consent_required"
	InteractionRequired     ErrorCode = "interaction_required"
	RequestNotSupported     ErrorCode = "request_not_supported"
	RequestURINotSupported  ErrorCode = "request_uri_not_supported"
	InvalidRequestURI       ErrorCode = "invalid_request_uri"
	// UnmetAuthenticationRequirements: nobody can sign in here as is demanded (OpenID
	// Connect Core Error Code unmet_authentication_requirements, section 3).
	UnmetAuthenticationRequirements ErrorCode = "unmet_authentication_requirements"
	// InvalidDPoPProof and UseDPoPNonce are those of RFC 9449 sections 5 and 8.
	InvalidDPoPProof     ErrorCode = "invalid_dpop_proof"
	UseDPoPNonce         ErrorCode = "use_dpop_nonce"
	InvalidToken         ErrorCode = "invalid_token"
	InsufficientScope    ErrorCode = "insufficient_scope"
	UnsupportedTokenType ErrorCode = "unsupported_token_type"
	SlowDown             ErrorCode = "slow_down"
	// AuthorizationPending and ExpiredToken are what a device is told that waits (RFC 8628
	// section 3.5).
	AuthorizationPending ErrorCode = "authorization_pending"
	ExpiredToken         ErrorCode = "expired_token"
)

// Error is a refusal in the protocol's words. Its description is for the
// person who develops the application: what to mend, never which part of a
// credential was right.
type Error struct {
	Code        ErrorCode
	Description string
	// Status is the HTTP status; zero means 400.
	Status int
	// RetryAfter is sent with status 429, in whole seconds, rounded up.
	RetryAfter time.Duration
	// Scheme is that of the challenge of a protected resource; empty means the one that
	// belongs to Code.
	Scheme string
	// Rule names what decided, for the record of the server that refuses. It is never
	// sent.
	Rule string
}

// Error implements error.
func (e *Error) Error() string {
	if e.Description == "" {
		return string(e.Code)
	}
	return string(e.Code) + ": " + e.Description
}

// Refuse is an Error with status 400. The description may hold ASCII without
// quotes and backslashes only (RFC 6749 section 5.2); other characters are
// replaced.
func Refuse(code ErrorCode, format string, args ...any) *Error {
	return &Error{Code: code, Description: description(fmt.Sprintf(format, args...))}
}

// description keeps to the characters that error_description may have.
func description(s string) string {
	out := make([]byte, 0, len(s))
	for _, r := range s {
		switch {
		case r == '"':
			out = append(out, '\'')
		case r < ' ' || r > '~' || r == '\\':
			out = append(out, '?')
		default:
			out = append(out, byte(r))
		}
	}
	return string(out)
}

// errorBody is the JSON response of RFC 6749 section 5.2.
type errorBody struct {
	Error       ErrorCode `json:"error"`
	Description string    `json:"error_description,omitempty"`
}

// WriteError writes the JSON response of RFC 6749 section 5.2. With basicTried
// a response of 401 names the Basic scheme, as section 5.2 demands when the
// client came with an Authorization header.
func WriteError(w http.ResponseWriter, e *Error, basicTried bool) {
	h := w.Header()
	NoStore(h)
	h.Set("Content-Type", "application/json")
	status := e.Status
	if status == 0 {
		status = http.StatusBadRequest
	}
	if status == http.StatusUnauthorized && basicTried {
		h.Set("WWW-Authenticate", `Basic realm="token", charset="UTF-8"`)
	}
	if e.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int((e.RetryAfter+time.Second-1)/time.Second)))
	}
	body, err := json.Marshal(errorBody{e.Code, e.Description})
	if err != nil { // two strings: cannot happen
		http.Error(w, string(e.Code), http.StatusInternalServerError)
		return
	}
	w.WriteHeader(status)
	_, _ = w.Write(body) // who has gone away cannot be told
}

// NoStore forbids keeping the response (RFC 6749 section 5.1).
func NoStore(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("Pragma", "no-cache")
}

// ParseError reads the error response of a token endpoint. It returns nil when the
// body is not one.
func ParseError(status int, body []byte) *Error {
	var b errorBody
	if json.Unmarshal(body, &b) != nil || b.Error == "" {
		return nil
	}
	return &Error{Code: b.Error, Description: b.Description, Status: status}
}
