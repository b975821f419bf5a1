package write

import (
	"errors"
	"fmt"

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

// broken is a rule of the set that a row does not keep.
func broken(s *model.Set, format string, args ...any) error {
	return tandem.Errorf(tandem.CodeRule, "%s: %s", s.Name, fmt.Sprintf(format, args...))
}

func invalid(format string, args ...any) error {
	return tandem.Errorf(tandem.CodeInvalid, format, args...)
}
