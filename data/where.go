package data

import (
	"strconv"
	"strings"
)

// where collects the conditions of a statement and their arguments.
type where struct {
	conditions []string
	args       []any
}

// add adds a condition, which has a ? for each of its arguments.
func (w *where) add(condition string, args ...any) {
	for _, arg := range args {
		w.args = append(w.args, arg)
		condition = strings.Replace(condition, "?", "$"+strconv.Itoa(len(w.args)), 1)
	}
	w.conditions = append(w.conditions, condition)
}

// when adds a condition where it is asked for.
func (w *where) when(asked bool, condition string, args ...any) {
	if asked {
		w.add(condition, args...)
	}
}

// text is the clause; empty without conditions.
func (w *where) text() string {
	if len(w.conditions) == 0 {
		return ""
	}
	return "WHERE " + strings.Join(w.conditions, " AND ")
}

// lowerASCII is what lower() of both engines makes of a text.
func lowerASCII(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, text)
}
