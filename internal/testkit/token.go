package testkit

import (
	"encoding/base64"
	"strings"
)

// HasToken reports whether there is a JWT in the text, or the beginning of one: the
// characters eyJ, after which a header goes on in readable JSON. By themselves they stand
// in one random text of a few thousand characters in a hundred.
func HasToken(text string) bool {
	const begins, looked = "eyJ", 12
	for at := strings.Index(text, begins); at >= 0; {
		run := text[at:min(at+looked, len(text))]
		header, err := base64.RawURLEncoding.DecodeString(run)
		if err != nil || readable(header) { // cut short, it may be one
			return true
		}
		next := strings.Index(text[at+1:], begins)
		if next < 0 {
			return false
		}
		at += 1 + next
	}
	return false
}

func readable(text []byte) bool {
	for _, c := range text {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return true
}
