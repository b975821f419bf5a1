package write

import (
	"errors"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/erp/model"
)

// prefix tells where in a nested object an error was; faults stay as they are.
func prefix(err error, where string) error {
	var known *tandem.Error
	if errors.As(err, &known) {
		return tandem.Errorf(known.Code, "%s%s", where, known.Message)
	}
	return err
}

func broken(s *model.Set, text string) error {
	return tandem.Errorf(tandem.CodeRule, "%s: %s", s.Name, text)
}

func invalid(format string, args ...any) error {
	return tandem.Errorf(tandem.CodeInvalid, format, args...)
}
