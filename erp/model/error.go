package model

import (
	"github.com/hybridapps/tandem"
)

func invalid(format string, args ...any) error {
	return tandem.Errorf(tandem.CodeInvalid, format, args...)
}

// UnknownProperty is the error for a name that is none of the set's.
func UnknownProperty(s *Set, name string) error {
	return invalid("%s has no property %q; $metadata lists the properties of Erp.%s.", s.Name, Shown(name), s.Type)
}
