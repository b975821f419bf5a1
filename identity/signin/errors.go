package signin

import (
	"fmt"

	"github.com/hybridapps/tandem"
)

func invalid(format string, args ...any) error {
	return &tandem.Error{Code: tandem.CodeInvalid, Message: fmt.Sprintf(format, args...)}
}
