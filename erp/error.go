package erp

import (
	"errors"

	"github.com/hybridapps/tandem"
)

// prefix tells where in a nested object an error was; faults stay as they are.
func prefix(err error, where string) error {
	var known *tandem.Error
	if errors.As(err, &known) {
		return tandem.Errorf(known.Code, "%s%s", where, known.Message)
	}
	return err
}
func invalid(format string, args ...any) error {
	return tandem.Errorf(tandem.CodeInvalid, format, args...)
}

func unknownProperty(s *Set, name string) error {
	return invalid("%s has no property %q; $metadata lists the properties of Erp.%s.", s.Name, Shown(name), s.Type)
}

func broken(s *Set, text string) error {
	return tandem.Errorf(tandem.CodeRule, "%s: %s", s.Name, text)
}
