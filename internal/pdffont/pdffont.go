// Package pdffont has the typeface of PDFs: the Go fonts (Bigelow & Holmes, under the
// licence of Go itself, some 150 KB a style), which have Latin, Greek and Cyrillic letters
// and the signs of currencies. Only the letters that a document uses get into it.
package pdffont

import (
	"strings"
	"unicode"

	"codeberg.org/go-pdf/fpdf"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/text/unicode/norm"
)

// Family is the name by which SetFont finds the typeface, in the styles "" and "B".
const Family = "Go"

// Add makes the typeface known to a document. To be called once for each; what
// it is given to print should have gone through [Text].
func Add(pdf *fpdf.Fpdf) {
	// The library writes into the bytes that it is given.
	pdf.AddUTF8FontFromBytes(Family, "", append([]byte(nil), goregular.TTF...))
	pdf.AddUTF8FontFromBytes(Family, "B", append([]byte(nil), gobold.TTF...))
}

var regular = func() *sfnt.Font {
	f, err := sfnt.Parse(goregular.TTF)
	if err != nil {
		panic("pdffont: " + err.Error()) // a constant of the program
	}
	return f
}()

// Text is s as it can be printed: spaces of all kinds become plain ones, line breaks stay,
// characters that are not seen are dropped, and those that the typeface has no letter for
// become question marks. The library fails at some of them, and shows empty boxes for
// others.
func Text(s string) string {
	var buffer sfnt.Buffer
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return r
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r), unicode.In(r, unicode.Cf, unicode.Mn, unicode.Me):
			return -1
		}
		if glyph, err := regular.GlyphIndex(&buffer, r); err != nil || glyph == 0 || r > 0xFFFF {
			return '?'
		}
		return r
	}, norm.NFC.String(s))
}
