package client

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// Amount is a sum of money, exact: its value may come as a number or as text.
type Amount struct {
	Value    json.Number
	Currency string
}

// Quantity is a number of units, exact.
type Quantity struct {
	Value json.Number
	Unit  string
}

// Text is a text in several languages, by two-letter language.
type Text map[string]string

// In is the text in the language, whatever the case of its code; else in
// English, else in the first language there is.
func (t Text) In(language string) string {
	best := ""
	for _, code := range slices.Sorted(maps.Keys(t)) {
		switch {
		case strings.EqualFold(code, language):
			return t[code]
		case strings.EqualFold(code, "en"), best == "":
			best = t[code]
		}
	}
	return best
}
