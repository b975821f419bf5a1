package model

import (
	"strings"
	"unicode/utf8"

	"github.com/hybridapps/tandem"
)

// MaxText bounds texts that have no bound of their own, and the texts of
// filters and searches, in bytes.
const MaxText = 32000

// CheckText refuses a text of a caller that no column can hold; name is what the
// text is for.
func CheckText(s *Set, name, text string) error {
	if len(text) > MaxText {
		return invalid("%s: the text for %s is longer than %d bytes.", s.Name, name, MaxText)
	}
	// PostgreSQL cannot store U+0000, and no text that is wanted holds it.
	if strings.IndexByte(text, 0) >= 0 || !utf8.ValidString(text) {
		return invalid("%s: the text for %s is not valid UTF-8 without U+0000.", s.Name, name)
	}
	return nil
}

// CheckLength is [CheckText] with the length of the property; s is the set whose
// row it is for.
func (p *Property) CheckLength(s *Set, text string) error {
	if err := CheckText(s, p.Name, text); err != nil {
		return err
	}
	if n := p.MaxLen; n > 0 && len(text) > n && utf8.RuneCountInString(text) > n {
		return invalid("%s: %s has %d characters; at most %d fit.", s.Name, p.Name, utf8.RuneCountInString(text), n)
	}
	return nil
}

// Shown is what a message repeats of a text that a caller sent.
func Shown(text string) string { return tandem.Clip(text, 80) }
