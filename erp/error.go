package erp

import (
	"errors"

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
