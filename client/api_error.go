package client

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
)

const maxErrorResponse = 64 << 10

// APIError is a response of the API that is no success. It unwraps to a
// [tandem.Error] with the code of its status, so that errors.Is(err,
// tandem.ErrNotFound) is true for 404.
type APIError struct {
	// Status is the HTTP status; zero for an object of an Import.
	Status int
	// Code is the API's number: 2029 for a rule broken, 2129 for a duplicate or
	// a version conflict, else 0.
	Code int
	// Type is a stable name, such as MaximumLicenseCountExceeded.
	Type string
	// Message is for a person.
	Message string
	// RetryAfter is how long the server asks to wait; zero where it does not.
	RetryAfter time.Duration
	// RequestID is the API's own id of the request, by which an administrator finds out
	// why it was refused: tandem explain ID. Empty where the answer had none.
	RequestID string
}

// Error implements error.
func (e *APIError) Error() string { return e.Message }

// LicenceFull reports whether no licence slot was free.
func (e *APIError) LicenceFull() bool { return e.Type == "MaximumLicenseCountExceeded" }

// Unwrap is the error in the words of the glossary.
func (e *APIError) Unwrap() error { return tandem.Errorf(e.code(), "%s", e.Message) }

func (e *APIError) code() tandem.Code {
	switch e.Status {
	case http.StatusBadRequest:
		return tandem.CodeInvalid
	case http.StatusUnauthorized:
		return tandem.CodeUnauthorized
	case http.StatusForbidden:
		if e.LicenceFull() {
			return tandem.CodeLicenceFull
		}
		return tandem.CodeForbidden
	case http.StatusNotFound:
		return tandem.CodeNotFound
	case http.StatusConflict, http.StatusPreconditionFailed:
		return tandem.CodeConflict
	case http.StatusRequestEntityTooLarge:
		return tandem.CodeTooLarge
	case http.StatusUnprocessableEntity, 0:
		return tandem.CodeRule
	case http.StatusTooManyRequests:
		return tandem.CodeThrottled
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return tandem.CodeUnavailable
	}
	return tandem.CodeInternal
}

// UnmarshalJSON reads the error object. Services differ in the type of code;
// only a number is one of the API's.
func (e *APIError) UnmarshalJSON(text []byte) error {
	var wire struct {
		Code    any    `json:"code"`
		Type    string `json:"type"`
		Message string `json:"message"`
	}
	if err := json.Unmarshal(text, &wire); err != nil {
		return err
	}
	e.Type, e.Message = wire.Type, wire.Message
	if n, ok := wire.Code.(float64); ok {
		e.Code = int(n)
	}
	return nil
}

// maxRequestID bounds an id of a request, in bytes.
const maxRequestID = 80

// requestID is the id that a server gave a request; it is shown, so that it is nothing
// but letters, digits, dots, hyphens and underscores.
func requestID(h http.Header) string {
	id := h.Get(tandem.RequestIDHeader)
	strange := func(r rune) bool {
		return !(r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '-' || r == '.' || r == '_')
	}
	if len(id) > maxRequestID || strings.ContainsFunc(id, strange) {
		return ""
	}
	return id
}

// readAPIError makes the error of a response that is no success, whose error
// object may stand alone or in {"error":{…}}.
func readAPIError(res *http.Response, now time.Time) error {
	e := &APIError{}
	// A body that cannot be read or is no error object tells nothing more than
	// the status.
	if body, err := readLimited(res.Body, maxErrorResponse); err == nil {
		var wrapped struct {
			Error *APIError `json:"error"`
		}
		if json.Unmarshal(body, &wrapped) == nil && wrapped.Error != nil {
			e = wrapped.Error
		} else if json.Unmarshal(body, e) != nil {
			e = &APIError{}
		}
	}
	e.Status, e.RetryAfter = res.StatusCode, retryAfter(res.Header, now)
	e.RequestID = requestID(res.Header)
	e.Message = printable(e.Message)
	if e.Message == "" {
		e.Message = fmt.Sprintf("the API answers %d %s", res.StatusCode, http.StatusText(res.StatusCode))
	}
	return e
}
