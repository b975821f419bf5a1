package erp

import (
	"errors"
	"fmt"

	"github.com/hybridapps/tandem"
)

// prefix tells where in a nested object an error was; faults stay as they are.
func prefix(err error, where string) error {
	var known *tandem.Error
	if errors.As(err, &known) {
		return &tandem.Error{Code: known.Code, Message: where + known.Message}
	}
	return err
}
func isNotFound(err error) bool { return errors.Is(err, tandem.ErrNotFound) }

func invalid(format string, args ...any) error {
	return &tandem.Error{Code: tandem.CodeInvalid, Message: fmt.Sprintf(format, args...)}
}

func unknownProperty(s *Set, name string) error {
	return invalid("%s has no property %q; $metadata lists the properties of Erp.%s.", s.Name, clip(name), s.Type)
}

func broken(s *Set, text string) error {
	return &tandem.Error{Code: tandem.CodeRule, Message: s.Name + ": " + text}
}
