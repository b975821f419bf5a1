package tandem

import "errors"

// Code classifies an [Error] for the one place that turns it into an answer.
type Code string

// The codes, with the HTTP status that the edge gives them.
const (
	CodeInvalid      Code = "invalid"      // 400
	CodeUnauthorized Code = "unauthorized" // 401
	CodeForbidden    Code = "forbidden"    // 403
	CodeLicenceFull  Code = "licence_full" // 403, MaximumLicenseCountExceeded
	CodeNotFound     Code = "not_found"    // 404
	CodeConflict     Code = "conflict"     // 409
	CodeTooLarge     Code = "too_large"    // 413
	CodeRule         Code = "rule"         // 422
	CodeThrottled    Code = "throttled"    // 429
	CodeUnavailable  Code = "unavailable"  // 503
	CodeInternal     Code = "internal"     // 500
)

// Error is an error that a person may see: what is wrong and how to mend it.
// Everything else is shown as an internal error with a request id, and logged.
type Error struct {
	Code    Code
	Message string
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

// ErrorCode is the code of err: empty for nil, [CodeInternal] for errors that
// are not an [Error].
func ErrorCode(err error) Code {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return CodeInternal
}
