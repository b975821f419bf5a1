package model

import "strings"

// EnumType is a list of names with their numbers, which give the order.
type Enum struct {
	// Name is the type's name in $metadata, without the namespace.
	Name    string
	Members []Member
}

// EnumMember is one name of an [EnumType].
type Member struct {
	Name  string
	Value int64
}

// Member finds an enum member by name; ok is false when there is none.
func (e *Enum) Member(name string) (value int64, ok bool) {
	for _, m := range e.Members {
		if m.Name == name {
			return m.Value, true
		}
	}
	return 0, false
}

// MemberName is the name of a member's number; empty when there is none.
func (e *Enum) MemberName(value int64) string {
	for _, m := range e.Members {
		if m.Value == value {
			return m.Name
		}
	}
	return ""
}

// Names lists the members for an error message.
func (e *Enum) Names() string {
	names := make([]string, len(e.Members))
	for i, m := range e.Members {
		names[i] = m.Name
	}
	return strings.Join(names, ", ")
}

// NewEnum makes an enum type with the numbers 0, 1, 2 …
func NewEnum(typ string, names ...string) *Enum {
	e := &Enum{Name: typ}
	for i, name := range names {
		e.Members = append(e.Members, Member{name, int64(i)})
	}
	return e
}
