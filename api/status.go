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
	if len(method) > 16 {
		method = method[:16]
	}
	return &statusError{http.StatusMethodNotAllowed, "MethodNotAllowed",
		fmt.Sprintf("The method %q is not offered here; offered are %s.", method, allowed)}
}

func unsupportedMedia(format string, args ...any) error {
	return &statusError{http.StatusUnsupportedMediaType, "UnsupportedMediaType", fmt.Sprintf(format, args...)}
}

func invalid(format string, args ...any) error {
	return &tandem.Error{Code: tandem.CodeInvalid, Message: fmt.Sprintf(format, args...)}
}

func notFound(format string, args ...any) error {
	return &tandem.Error{Code: tandem.CodeNotFound, Message: fmt.Sprintf(format, args...)}
}

func tooLarge(limit int64) error {
	return &tandem.Error{Code: tandem.CodeTooLarge, Message: fmt.Sprintf(
		"The body is larger than %d KiB; send less at a time.", limit>>10)}
}
