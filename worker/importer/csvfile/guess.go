package csvfile

import (
	"bufio"
	"bytes"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding/htmlindex"
)

// Which encoding a file with a byte for each character has, its words tell: read
// in the right one each of them is a word that some language writes like that.
// Detectors that count pairs of letters need long texts of one language; a file of
// names and cities is neither.

// Bounds of what is looked at.
const (
	maxWords, maxWord = 20_000, 60
	// someZeros is how many bytes of a text in UTF-16 there are for each that is
	// zero, at most: separators, digits and line ends have one, whatever the script.
	someZeros = 40
)

// candidate is an encoding that a file may have, with the languages that are
// written in it: the letters that each has beside A to Z, or instead of them.
type candidate struct {
	name      string
	languages []string
	// own says that words are written without A to Z.
	own bool
	// table are the characters of the bytes from 128.
	table [128]rune
}

var cyrillic = []string{
	"абвгдежзийклмнопрстуфхцчшщъьюя", "абвгдеёжзийклмнопрстуфхцчшщъыьэюя", "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя",
	"абвгдђежзијклљмнњопрстћуфхцчџш", "абвгдѓежзѕијклљмнњопрстќуфхцчџш",
}

var greek = []string{"αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώϊϋ"}

var central = []string{"ąćęłńóśźż", "áčďéěíňóřšťúůýž", "áäčďéíľňóôšťúýž", "áéíóöőúüű", "čćđšž", "ăâîşţ", "äöüß"}

// candidates are the encodings to choose from; of those that fit alike, the first.
var candidates = []*candidate{
	{name: "windows-1252", languages: []string{
		"äöüß", "àâæçéèêëîïôœùûüÿ", "áéíñóúüª", "ãáâàçéêíóôõú", "àèéìíîòóùú", "åäöéšž", "äõöüšž", "æøåéô", "ëïéèöüáóê", "áðéíóúýþæö", "àçéèíïóòúü",
	}},
	{name: "windows-1250", languages: central},
	{name: "windows-1251", languages: cyrillic, own: true},
	{name: "windows-1253", languages: greek, own: true},
	{name: "windows-1254", languages: []string{"çğıöşüâî"}},
	{name: "windows-1257", languages: []string{"ąčęėįšųūž", "āčēģīķļņšūž", "äõöüšž"}},
	{name: "iso-8859-2", languages: central},
	{name: "iso-8859-7", languages: greek, own: true},
	{name: "iso-8859-5", languages: cyrillic, own: true},
	{name: "koi8-r", languages: cyrillic, own: true},
	{name: "ibm866", languages: cyrillic, own: true},
}

// Signs that stand between words, in front of them and behind them in files of any
// encoding.
const between, before, behind = "\u00a0„“”‘’‚«»–—…·", "€£§°¡¿№´", "€£°©®™ªº´"

// measures are signs and units of measure, as lists of goods have them in any
// language: 10×20, 1½, 5 m³, 3 µm. In another encoding they would be letters.
var measures = regexp.MustCompile(`^(?:[×÷±½¼¾²³¹µ]|[CDKMcdkm]?[Mm][²³]|µ[A-Za-z]{1,2})$`)

// words collects different words that have bytes from 128.
type words struct {
	seen map[string]bool
	word []byte
	high bool
}

func (w *words) add(line []byte) {
	for _, b := range line {
		if b >= 0x80 || 'a' <= b|0x20 && b|0x20 <= 'z' {
			w.word = append(w.word, b)
			w.high = w.high || b >= 0x80
			continue
		}
		w.end()
	}
	w.end()
}

func (w *words) end() {
	if w.high && len(w.word) <= maxWord && len(w.seen) < maxWords {
		w.seen[string(w.word)] = true
	}
	w.word, w.high = w.word[:0], false
}

// best is the candidate in which the most words are some language's; of several
// the one in which the most are of the same.
func (w *words) best() (name string) {
	most, alike := -1, -1
	for _, c := range candidates {
		c, n := c.made(), 0
		of := make([]int, len(c.languages))
		for word := range w.seen {
			if c.fits(word, of) {
				n++
			}
		}
		if same := slices.Max(of); n > most || n == most && same > alike {
			name, most, alike = c.name, n, same
		}
	}
	return name
}

// made is the candidate with its table.
func (c *candidate) made() *candidate {
	made := *c
	e, err := htmlindex.Get(c.name)
	if err != nil {
		panic("csvfile: " + err.Error()) // a name of the standard
	}
	for i := range made.table {
		text, err := e.NewDecoder().Bytes([]byte{byte(0x80 + i)})
		made.table[i] = unicode.ReplacementChar
		if r := []rune(string(text)); err == nil && len(r) == 1 {
			made.table[i] = r[0]
		}
	}
	return &made
}

// fits reports whether a word is written as one of the languages writes it, with
// signs that may stand around it left out, and counts it for each that does.
func (c *candidate) fits(word string, of []int) bool {
	text := make([]rune, len(word))
	for i := range len(word) {
		text[i] = rune(word[i])
		if word[i] >= 0x80 {
			text[i] = c.table[word[i]-0x80]
		}
	}
	for _, part := range strings.FieldsFunc(string(text), func(r rune) bool { return strings.ContainsRune(between, r) }) {
		part = strings.TrimRight(strings.TrimLeft(part, before), behind)
		switch {
		case part == "":
		case measures.MatchString(part):
			for i := range of {
				of[i] += min(1, utf8.RuneCountInString(part)-1)
			}
		case !c.word([]rune(part), of):
			return false
		}
	}
	return true
}

func (c *candidate) word(text []rune, of []int) bool {
	var letters []rune // beyond A to Z
	for _, r := range text {
		if r >= 0x80 {
			letters = append(letters, unicode.ToLower(r))
		}
	}
	switch {
	case !cased(text):
		return false
	case len(letters) == 0:
		return true
	case c.own != (len(letters) == len(text)) && (c.own || len(text) > 2):
		return false // two scripts in a word, or nothing but accents
	}
	fits := false
	for i, language := range c.languages {
		if !strings.ContainsFunc(string(letters), func(r rune) bool { return !strings.ContainsRune(language, r) }) {
			fits = true
			of[i] += min(1, len(text)-1) // a letter alone is of any language
		}
	}
	return fits
}

// cased reports whether a word has capitals as words have: none but the first,
// all, or after a small letter at a second beginning, as in McDonald.
func cased(text []rune) bool {
	changes, accented := 0, false
	for i, r := range text[1:] {
		if unicode.IsUpper(r) && unicode.IsLower(text[i]) {
			changes++
			accented = accented || r >= 0x80
		}
	}
	return changes == 0 || changes == 1 && !accented
}

// wide is the encoding of a text in UTF-16 without a byte order mark; empty for
// all else. Its separators, digits and line ends have a zero, always on the same
// side.
func wide(in *bufio.Reader) string {
	start, _ := in.Peek(in.Size()) // less where the file ends
	var zeros [2]int
	for i, b := range start {
		if b == 0 {
			zeros[i%2]++
		}
	}
	switch n := zeros[0] + zeros[1]; {
	case n == 0 || n*someZeros < len(start) || bytes.HasPrefix(start, []byte("PK")):
		return ""
	case zeros[1] > 20*zeros[0]:
		return "utf-16le"
	case zeros[0] > 20*zeros[1]:
		return "utf-16be"
	}
	return ""
}
