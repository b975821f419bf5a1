package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/oauth/dpop"
)

// ErrorObject is the API's documented error: the value of "error" in an error
// response, and of "@erpnet.error" in the response of Import.
type ErrorObject struct {
	// Message is for a person: what is wrong and how to mend it.
	Message string `json:"message"`
	// Code is one of the numbers that clients of ERP.net know: 2029 for a rule
	// broken, 2129 for a duplicate or a version conflict, else 0.
	Code int `json:"code"`
	// Type is a stable name, such as MaximumLicenseCountExceeded.
	Type string `json:"type"`
	// Info, MessageFormat and Parameters are always null: they would carry
	// internals.
	Info          *string  `json:"info"`
	MessageFormat *string  `json:"messageFormat"`
	Parameters    []string `json:"parameters"`
}

// The stable names of errors that clients decide by.
const (
	TypeLicenceFull       = "MaximumLicenseCountExceeded"
	TypeInvalidToken      = "invalid_token"      // RFC 6750 section 3.1
	TypeInvalidRequest    = "invalid_request"    // RFC 6750 section 3.1
	TypeInsufficientScope = "insufficient_scope" // RFC 6750 section 3.1
	TypeInvalidDPoPProof  = "invalid_dpop_proof" // RFC 9449 section 7.1
	TypeUseDPoPNonce      = "use_dpop_nonce"     // RFC 9449 section 9
)

// challenge is an error that the caller's credential is the reason for. It
// makes the response carry WWW-Authenticate (RFC 6750 section 3).
type challenge struct {
	kind    string // invalid_token, invalid_request or insufficient_scope
	scope   string // the scope needed, for insufficient_scope
	message string
	rule    tandem.Rule // what decided, for the record
	// proof asks for the scheme DPoP, whatever the kind.
	proof bool
}

func (c *challenge) Error() string { return c.message }

func (c *challenge) status() int {
	switch c.kind {
	case TypeInvalidRequest:
		return http.StatusBadRequest
	case TypeInsufficientScope:
		return http.StatusForbidden
	}
	return http.StatusUnauthorized
}

// header is the value of WWW-Authenticate. metadata is the address of the metadata of the
// API (RFC 9728 section 5.1); empty for none.
func (c *challenge) header(metadata string) string {
	scheme := `Bearer realm="DomainAPI"`
	if c.proof || c.kind == TypeInvalidDPoPProof || c.kind == TypeUseDPoPNonce {
		scheme = `DPoP realm="DomainAPI", algs="` + strings.Join(dpop.AlgorithmNames(), " ") + `"`
	}
	h := scheme + `, error="` + c.kind + `", error_description="` + quotable(c.message) + `"`
	if c.scope != "" {
		h += `, scope="` + c.scope + `"`
	}
	if metadata != "" {
		h += `, resource_metadata="` + metadata + `"`
	}
	return h
}

// quotable keeps what RFC 6750 section 3 allows in error_description: printable
// ASCII without quote and backslash.
func quotable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '"' || r == '\\':
			return '\''
		case r < 0x20 || r > 0x7e:
			return '?'
		}
		return r
	}, s)
}

// InvalidToken is the 401 for a token that is missing, expired, badly signed
// or of another instance.
func InvalidToken(message string) error { return invalidToken(tandem.RuleTokenMalformed, message) }

func invalidToken(rule tandem.Rule, message string) error {
	return &challenge{kind: TypeInvalidToken, message: message, rule: rule}
}

// InsufficientScope is the 403 for a token without the scope needed.
func InsufficientScope(needed string) error {
	return &challenge{
		kind: TypeInsufficientScope, scope: needed, rule: tandem.RuleScope,
		message: "this call needs the scope " + needed + ", which the token does not have",
	}
}

// internalError is all that is told of errors that are not for people.
var internalError = ErrorObject{Message: "internal error", Type: "InternalError"}

// Describe gives the HTTP status and the error object for err. Errors that are
// neither a [tandem.Error] nor one of this package are an internal error, of
// which nothing is told.
func Describe(err error) (int, ErrorObject) {
	var c *challenge
	if errors.As(err, &c) {
		return c.status(), ErrorObject{Message: c.message, Type: c.kind}
	}
	var s *statusError
	if errors.As(err, &s) {
		return s.status, ErrorObject{Message: s.message, Type: s.kind}
	}
	var e *tandem.Error
	if !errors.As(err, &e) {
		if errors.Is(err, context.DeadlineExceeded) {
			return http.StatusServiceUnavailable, ErrorObject{
				Message: "the answer took too long; ask for less, or try again", Type: "Unavailable",
			}
		}
		return http.StatusInternalServerError, internalError
	}
	o := ErrorObject{Message: e.Message}
	switch e.Code {
	case tandem.CodeInvalid:
		o.Type = "BadRequest"
	case tandem.CodeUnauthorized:
		o.Type = TypeInvalidToken
	case tandem.CodeForbidden:
		o.Type = "Forbidden"
	case tandem.CodeLicenceFull:
		o.Type = TypeLicenceFull
		if !strings.Contains(o.Message, TypeLicenceFull) {
			o.Message = TypeLicenceFull + ": " + o.Message
		}
	case tandem.CodeNotFound:
		o.Type = "NotFound"
	case tandem.CodeConflict:
		o.Code, o.Type = 2129, "Conflict"
	case tandem.CodePrecondition:
		o.Code, o.Type = 2129, "PreconditionFailed"
	case tandem.CodeTooLarge:
		o.Type = "TooLarge"
	case tandem.CodeRule:
		o.Code, o.Type = 2029, "RuleBroken"
	case tandem.CodeThrottled:
		o.Type = "Throttled"
	case tandem.CodeUnavailable:
		o.Type = "Unavailable"
	default:
		return http.StatusInternalServerError, internalError
	}
	return e.Code.Status(), o
}

// Errors writes error responses: the one place that does, for every handler of
// the package.
type Errors struct {
	// Log gets the cause of internal errors; the default is slog.Default().
	Log *slog.Logger
	// Metadata is the address of the metadata of the API, of which a challenge tells; empty
	// for none.
	Metadata string
}

// Write answers the request with err, in the wrapped shape {"error": {…}}. An
// internal error is logged with an id, and only the id is shown. Nothing is
// written when the caller has gone.
func (e Errors) Write(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, context.Canceled) && r.Context().Err() != nil {
		return
	}
	status, object := Describe(err)
	h := w.Header()
	switch {
	case status == http.StatusInternalServerError:
		id := tandem.RequestID(r.Context())
		if id == "" {
			id = NewRequestID()
		}
		object.Message = "internal error; the log of the instance has the cause under request id " + id
		h.Set(RequestIDHeader, id)
		e.log().ErrorContext(r.Context(), "request failed", "request_id", id, "method", r.Method, "path", r.URL.Path, "error", err)
	case status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable:
		if h.Get("Retry-After") == "" {
			h.Set("Retry-After", "1")
		}
	}
	var c *challenge
	if !errors.As(err, &c) && status == http.StatusUnauthorized {
		c = &challenge{kind: TypeInvalidToken, message: object.Message}
	}
	if c != nil {
		h.Set("WWW-Authenticate", c.header(e.Metadata))
	}
	body, err := json.Marshal(struct {
		Error ErrorObject `json:"error"`
	}{object})
	if err != nil {
		panic(err) // strings and numbers always marshal
	}
	h.Set("Content-Type", "application/json;odata.metadata=minimal;charset=utf-8")
	h.Set("OData-Version", "4.0")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Del("Content-Length")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(append(body, '\n')) // the caller may have gone
	}
}

func (e Errors) log() *slog.Logger {
	if e.Log != nil {
		return e.Log
	}
	return slog.Default()
}

// statusError is an error of HTTP itself, which has no code in the glossary.
type statusError struct {
	status  int
	kind    string
	message string
}

func (e *statusError) Error() string { return e.message }

func methodNotAllowed(method, allowed string) error {
	return &statusError{http.StatusMethodNotAllowed, "MethodNotAllowed",
		fmt.Sprintf("The method %q is not offered here; offered are %s.", tandem.Clip(method, 16), allowed)}
}

func notAcceptable(format string, args ...any) error {
	return &statusError{http.StatusNotAcceptable, "NotAcceptable", fmt.Sprintf(format, args...)}
}

func unsupportedMedia(format string, args ...any) error {
	return &statusError{http.StatusUnsupportedMediaType, "UnsupportedMediaType", fmt.Sprintf(format, args...)}
}

func invalid(format string, args ...any) error {
	return tandem.Errorf(tandem.CodeInvalid, format, args...)
}

func notFound(format string, args ...any) error {
	return tandem.Errorf(tandem.CodeNotFound, format, args...)
}

func tooLarge(limit int64) error {
	return tandem.Errorf(tandem.CodeTooLarge, "The body is larger than %d KiB; send less at a time.", limit>>10)
}
