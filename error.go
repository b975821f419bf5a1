package tandem

import (
	"context"
	"errors"
	"fmt"
	"net/http"
)

// Code classifies an [Error] for the one place that turns it into a response.
type Code string

// The codes; [Code.Status] has the HTTP status of each.
const (
	CodeInvalid      Code = "invalid"
	CodeUnauthorized Code = "unauthorized"
	CodeForbidden    Code = "forbidden"
	CodeLicenceFull  Code = "licence_full" // MaximumLicenseCountExceeded
	CodeNotFound     Code = "not_found"
	CodeConflict     Code = "conflict"
	CodePrecondition Code = "precondition"
	CodeTooLarge     Code = "too_large"
	CodeRule         Code = "rule"
	CodeThrottled    Code = "throttled"
	CodeUnavailable  Code = "unavailable"
	CodeInternal     Code = "internal"
)

// Status is the HTTP status (RFC 9110 section 15) that every edge gives the
// code: 500 for [CodeInternal] and for a code that is not known.
func (c Code) Status() int {
	switch c {
	case CodeInvalid:
		return http.StatusBadRequest
	case CodeUnauthorized:
		return http.StatusUnauthorized
	case CodeForbidden, CodeLicenceFull:
		// 403 for a full licence, not 401: a client must not renew its token for it.
		return http.StatusForbidden
	case CodeNotFound:
		return http.StatusNotFound
	case CodeConflict:
		return http.StatusConflict
	case CodePrecondition:
		return http.StatusPreconditionFailed
	case CodeTooLarge:
		return http.StatusRequestEntityTooLarge
	case CodeRule:
		return http.StatusUnprocessableEntity
	case CodeThrottled:
		return http.StatusTooManyRequests
	case CodeUnavailable:
		return http.StatusServiceUnavailable
	default:
		return http.StatusInternalServerError
	}
}

// Error is an error that a person may see: what is wrong and how to mend it.
// Everything else is shown as an internal error with a request id, and logged.
type Error struct {
	Code    Code
	Message string
	// Rule is what decided, and Of whom a refused token is known to speak for. Both are
	// for the record and are never shown.
	Rule Rule
	Of   *Principal
	// Reference is the id under which the record has it, where that is not the request's.
	Reference string
}

// Errorf makes an [Error] whose message is made like [fmt.Sprintf] makes it.
// It wraps nothing: what a person reads is all that leaves.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// By is the same error with the rule that decided.
func (e *Error) By(rule Rule) *Error {
	by := *e
	by.Rule = rule
	return &by
}

// Error implements error.
func (e *Error) Error() string { return e.Message }

// Is makes [ErrNotFound] match every error with its code.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Message == "" && t.Code == e.Code
}

// ErrNotFound is matched by every Error with [CodeNotFound]; stores return it
// when the row asked for does not exist.
var ErrNotFound error = &Error{Code: CodeNotFound}

// ErrorCode is the code of err: empty for nil, and for errors that are not an
// [Error] [CodeInternal], or [CodeUnavailable] when a time limit ran out.
func ErrorCode(err error) Code {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return CodeUnavailable
	}
	return CodeInternal
}
