package odata

import (
	"fmt"
	"strconv"
)

// Error says where a text leaves the grammar and what was expected there.
type Error struct {
	// Where names the part of the request: "$filter", "path" …
	Where string
	// Pos is the byte offset in that part, decoded, from 0.
	Pos int
	// Problem says what is wrong, Expected how to mend it; Expected may be
	// empty.
	Problem, Expected string
}

// Error implements error: one line that a person can act on.
func (e *Error) Error() string {
	s := fmt.Sprintf("%s, position %d: %s", e.Where, e.Pos+1, e.Problem)
	if e.Expected != "" {
		s += "; " + e.Expected
	}
	return s
}

// show quotes what the caller typed, cut to a length that is safe to send back.
func show(text string) string {
	const most = 40
	if len(text) > most {
		text = text[:most] + "…"
	}
	return strconv.Quote(text)
}

// fail makes an error at a position of the scanner's text.
func (s *scanner) fail(pos int, problem string, args ...any) error {
	return s.failExpect(pos, "", problem, args...)
}

// failExpect is fail with advice.
func (s *scanner) failExpect(pos int, expected, problem string, args ...any) error {
	return &Error{Where: s.where, Pos: pos, Problem: fmt.Sprintf(problem, args...), Expected: expected}
}
