package tandem

import (
	"strings"
	"unicode/utf8"
)

// Clip shortens a text of unknown length for a message, a log line or a
// record: at most limit bytes of it, then "…". It never cuts inside a
// character, and what was shortened is valid UTF-8.
func Clip(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	for limit > 0 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	return strings.ToValidUTF8(text[:limit], "�") + "…"
}

// HasControl reports whether the text has a control character of ASCII, which
// no name, identifier or address of ours may have.
func HasControl(text string) bool {
	for i := range len(text) { // no byte of a longer character is one
		if text[i] < ' ' || text[i] == 0x7f {
			return true
		}
	}
	return false
}
