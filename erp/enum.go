package erp

import "strings"

// EnumType is a list of names with their numbers, which give the order.
type EnumType struct {
	// Name is the type's name in $metadata, without the namespace.
	Name    string
	Members []EnumMember
}

// EnumMember is one name of an [EnumType].
type EnumMember struct {
	Name  string
	Value int64
}

// Member finds an enum member by name; ok is false when there is none.
func (e *EnumType) Member(name string) (value int64, ok bool) {
	for _, m := range e.Members {
		if m.Name == name {
			return m.Value, true
		}
	}
	return 0, false
}

// MemberName is the name of a member's number; empty when there is none.
func (e *EnumType) MemberName(value int64) string {
	for _, m := range e.Members {
		if m.Value == value {
			return m.Name
		}
	}
	return ""
}

// Names lists the members for an error message.
func (e *EnumType) Names() string {
	names := make([]string, len(e.Members))
	for i, m := range e.Members {
		names[i] = m.Name
	}
	return strings.Join(names, ", ")
}

// members makes an enum type with the numbers 0, 1, 2 …
func members(typ string, names ...string) *EnumType {
	e := &EnumType{Name: typ}
	for i, name := range names {
		e.Members = append(e.Members, EnumMember{name, int64(i)})
	}
	return e
}
