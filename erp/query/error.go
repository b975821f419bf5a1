package query

import "github.com/hybridapps/tandem"

func invalid(format string, args ...any) error {
	return tandem.Errorf(tandem.CodeInvalid, format, args...)
}

func notFound(format string, args ...any) error {
	return tandem.Errorf(tandem.CodeNotFound, format, args...)
}
