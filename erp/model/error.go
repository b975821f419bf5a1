package model

import (
	"github.com/hybridapps/tandem"
)

func invalid(format string, args ...any) error {
	return tandem.Errorf(tandem.CodeInvalid, format, args...)
}

// UnknownProperty is the error for a name that is none of the set's.
func UnknownProperty(s *Set, name string) error {
	if name == s.Stream && name != "" {
		return invalid("%s: %s is bytes and never in a row; read and write it by itself, at %[1]s(id)/%[2]s/$value.", s.Name, name)
	}
	return invalid("%s has no property %q; $metadata lists the properties of Erp.%s.", s.Name, Shown(name), s.Type)
}
