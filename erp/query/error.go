package query

import "github.com/hybridapps/tandem"

func invalid(format string, args ...any) error {
	return tandem.Errorf(tandem.CodeInvalid, format, args...)
}
