package model

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// FoldVersion and CaseVersion change when [FoldText] and [FoldCase] give another form
// than before: what is stored in the old form is then folded again.
const (
	FoldVersion = "2"
	CaseVersion = "1"
)

// FoldText is the form in which texts are searched, the same on both engines,
// because neither does it: full case folding (Unicode, section 3.13), without
// accents, in NFC. ΚΑΡΡΆΣ, Καρράς and καρρασ are one, and so are Weiß and WEISS,
// Müller and muller.
func FoldText(text string) string {
	if isASCII(text) {
		return strings.ToLower(text)
	}
	// Decomposed before and after, as folding is defined on that form.
	decomposed := norm.NFD.String(cases.Fold().String(norm.NFD.String(text)))
	var b strings.Builder
	b.Grow(len(decomposed))
	for _, r := range decomposed {
		switch plain, ok := undecomposed[r]; {
		case ok:
			b.WriteString(plain)
		case unicode.Is(unicode.Mn, r) && unicode.Is(unicode.Inherited, r):
			// An accent. Vowel signs of scripts that need them are marks of their script.
		default:
			b.WriteRune(r)
		}
	}
	return norm.NFC.String(b.String())
}

// undecomposed are letters with an accent that Unicode does not take apart.
var undecomposed = map[rune]string{
	'ł': "l", 'ø': "o", 'đ': "d", 'ħ': "h", 'ŧ': "t", 'ı': "i", 'æ': "ae", 'œ': "oe", 'ð': "d", 'þ': "th",
}

func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// SameText reports whether two texts are the same but for their case and their
// normal form; accents count.
func SameText(a, b string) bool { return FoldCase(a) == FoldCase(b) }

// FoldCase is the form in which texts are compared: full case folding, in NFC.
func FoldCase(text string) string {
	if isASCII(text) {
		return strings.ToLower(text)
	}
	return norm.NFC.String(cases.Fold().String(norm.NFD.String(text)))
}

// BeyondLower is [FoldCase] of a text where that is not what lower() of a database
// makes of it, which lowers the letters A to Z alone.
func BeyondLower(text string) (folded string, differs bool) {
	if isASCII(text) {
		return "", false
	}
	lower := strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}, text)
	folded = FoldCase(text)
	return folded, folded != lower
}

// MaxWords is how many words one search may have.
const MaxWords = 16

// SearchWords are the words of a search, folded. A row is found when it has all of
// them, each in any of the texts that are searched; AND between words says the
// same.
func SearchWords(text string) []string {
	var words []string
	for _, w := range strings.Fields(text) {
		if folded := FoldText(w); w != "AND" && folded != "" {
			words = append(words, folded)
		}
	}
	return words
}
