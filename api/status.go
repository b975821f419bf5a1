package api

import (
	"fmt"
	"net/http"

	"github.com/hybridapps/tandem"
)

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
