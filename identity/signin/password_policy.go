package signin

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"io"
	"math"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/site/words"
)

// leastDifferent is how many different characters a password has.
const leastDifferent = 3

// leastWord is how long, in characters, what is known of a person has to be to be
// looked for in their password: everybody's has "al" in it.
const leastWord = 4

// affix is how many digits and signs, at most, around a common password leave it one.
const affix = 6

// weakness says what is wrong with a new password of an account (NIST SP 800-63B-4
// section 3.1.1.2), for its person; nothing where nothing is. The account may be nil, for
// one that is of nobody yet.
func weakness(u *tandem.User, password string) words.Text {
	plain := strings.ToLower(normalizePassword(password))
	switch {
	case !utf8.ValidString(password) || strings.ContainsRune(password, 0):
		return words.T("Use text in UTF-8.")
	case utf8.RuneCountInString(normalizePassword(password)) < MinPassword:
		return words.T("Use at least %d characters.", MinPassword)
	case len(password) > MaxPassword:
		return words.T("Use at most %d bytes.", MaxPassword)
	case different(plain) < leastDifferent:
		return words.T("Use at least %d different characters.", leastDifferent)
	case common(plain):
		return words.T("This is one of the passwords that are tried first. Take some words that do not belong together.")
	case u != nil && slices.ContainsFunc(wordsOf(u), func(word string) bool { return strings.Contains(plain, word) }):
		return words.T("Use a password without the login, the name and the e-mail address of its person.")
	}
	return words.Text{}
}

// weakError is a weakness as an error.
type weakError struct{ words.Text }

// Error implements error.
func (e weakError) Error() string { return e.String() }

// refusedPassword is a weakness for who administers.
func refusedPassword(w words.Text) error {
	text := strings.TrimSuffix(w.String(), ".")
	return invalid("password: %s", strings.ToLower(text[:1])+text[1:])
}

// different counts the characters of a text, each once.
func different(text string) int {
	seen := map[rune]bool{}
	for _, c := range text {
		seen[c] = true
	}
	return len(seen)
}

// wordsOf is what is known of a person that anybody would try: login, e-mail address
// with its two parts, and the parts of the name.
func wordsOf(u *tandem.User) (known []string) {
	local, domain, _ := strings.Cut(u.Email, "@")
	host, _, _ := strings.Cut(domain, ".")
	for _, word := range append(strings.Fields(u.Name), u.Login, u.Email, local, host) {
		if word = strings.ToLower(normalizePassword(word)); utf8.RuneCountInString(word) >= leastWord {
			known = append(known, word)
		}
	}
	return known
}

// commonFile are passwords that many people have, in lower case, sorted, one a line, and
// compressed: those of zxcvbn's list of 4 characters or more (common/LICENSE), and
// some of our languages.
//
//go:embed common/passwords.txt.gz
var commonFile []byte

// commonPasswords is the file between two ends of lines; it is unpacked at the first use,
// which most commands never come to.
var commonPasswords = sync.OnceValue(func() string {
	z, err := gzip.NewReader(bytes.NewReader(commonFile))
	if err != nil {
		panic(err) // it is a part of the program
	}
	text, err := io.ReadAll(z)
	if err != nil {
		panic(err)
	}
	return "\n" + string(text)
})

// common reports whether a password in lower case is on the list, by itself or without
// what people put around it, as in password2026!
func common(plain string) bool {
	if listed(plain) {
		return true
	}
	core := strings.TrimFunc(plain, func(c rune) bool { return !unicode.IsLetter(c) })
	return utf8.RuneCountInString(plain)-utf8.RuneCountInString(core) <= affix && listed(core)
}

// listed looks for a line of the list.
func listed(word string) bool {
	text := commonPasswords()
	low, high := 0, len(text)-1 // both are ends of lines
	for word != "" && low < high {
		middle := low + (high-low)/2
		from := strings.LastIndexByte(text[:middle+1], '\n')
		from = max(from, low)
		to := from + 1 + strings.IndexByte(text[from+1:], '\n')
		switch line := text[from+1 : to]; {
		case line == word:
			return true
		case line < word:
			low = to
		default:
			high = from
		}
	}
	return false
}

// Strength is how hard a password is to guess for who knows nothing of its person.
type Strength int

// The strengths.
const (
	Weak Strength = iota
	Fair
	Good
	Strong
)

// Words is the strength for its person.
func (s Strength) Words() words.Text {
	return [...]words.Text{words.T("weak"), words.T("fair"), words.T("good"), words.T("strong")}[s]
}

// StrengthOf estimates it: by what kinds of characters there are, where a step of a
// sequence or a repetition counts for nothing, and words for less than chance does.
func StrengthOf(password string) Strength {
	if !weakness(nil, password).Empty() {
		return Weak
	}
	switch bits := bitsOf(normalizePassword(password)); {
	case bits < 35:
		return Weak
	case bits < 50:
		return Fair
	case bits < 70:
		return Good
	}
	return Strong
}

// bitsOf is the logarithm of the guesses that a password takes, about.
func bitsOf(password string) (bits float64) {
	var last, step rune
	kind := -1
	for _, c := range password {
		now, of := kindOf(c)
		switch by := c - last; {
		case now == kind && (by == step || by == 0): // goes on as it began
			bits += 0.5
		case now == kind && unicode.IsLetter(c):
			bits += 3 // the next letter of a word
		default:
			bits += math.Log2(of)
		}
		step, last, kind = c-last, c, now
	}
	return bits
}

// kindOf is the kind of a character, and how many there are of it.
func kindOf(c rune) (kind int, of float64) {
	switch {
	case unicode.IsDigit(c):
		return 0, 10
	case unicode.IsUpper(c):
		return 1, 26
	case unicode.IsLetter(c):
		return 2, 26
	case c == ' ':
		return 3, 4
	}
	return 4, 32
}
