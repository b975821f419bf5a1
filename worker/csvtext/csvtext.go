// Package csvtext writes CSV (RFC 4180) that people open in a spreadsheet program
// without harm: no cell begins a formula, whichever separator the program takes. It
// is a leaf: what is in the cells is for its users to say.
package csvtext

import (
	"bufio"
	"io"
	"strings"
)

// byteOrderMark comes first: spreadsheet programs take a file without one for
// their local encoding, which breaks names.
const byteOrderMark = "\ufeff"

// separators are what spreadsheet programs may take for the end of a cell, by the
// language of the computer or by what a person chose, and the ends of lines.
const separators = ",;\t|\r\n\v\f\u0085\u2028\u2029"

// formulas are the characters that make a spreadsheet program take a cell for a
// formula, in ASCII and in the wide forms that some programs read alike, and those
// with which a cell must not begin for older programs.
const formulas = "=+-@%＝＋－＠"

// Writer writes rows. Its first error is kept and told by [Writer.Flush].
type Writer struct{ out *bufio.Writer }

// NewWriter begins a file.
func NewWriter(w io.Writer) *Writer {
	out := bufio.NewWriter(w)
	_, _ = out.WriteString(byteOrderMark)
	return &Writer{out}
}

// Row writes one row. A cell that is a plain number stays as it is; any other is
// made [Harmless].
func (w *Writer) Row(cells ...string) error {
	for i, cell := range cells {
		if i > 0 {
			_ = w.out.WriteByte(',')
		}
		if !isNumber(cell) {
			cell = quoted(Harmless(cell))
		}
		_, _ = w.out.WriteString(cell)
	}
	_, err := w.out.WriteString("\r\n")
	return err
}

// Flush writes what is left, and tells the first error of all.
func (w *Writer) Flush() error { return w.out.Flush() }

// Harmless is the text with an apostrophe wherever a spreadsheet program could
// take what follows for a formula: at its beginning, and after any separator. A
// file is read with another separator than it was written with where the language
// of the computer has another one.
func Harmless(text string) string {
	var out strings.Builder
	begins := true // a cell may begin here, for one program or another
	for _, c := range text {
		if begins && strings.ContainsRune(formulas, c) {
			out.WriteByte('\'')
		}
		switch {
		case strings.ContainsRune(separators, c):
			begins = true
		case c != ' ' && c != '\u00a0' && c != '"' && c != '\ufeff': // which programs leave out before they look
			begins = false
		}
		out.WriteRune(c)
	}
	return out.String()
}

// quoted is the text in quotes where any program needs them to read it as one
// cell.
func quoted(text string) string {
	if !strings.ContainsAny(text, separators+"\"") && text == strings.TrimSpace(text) {
		return text
	}
	return `"` + strings.ReplaceAll(text, `"`, `""`) + `"`
}

// isNumber reports whether the cell is digits, perhaps with a sign before them
// and a point within.
func isNumber(cell string) bool {
	digits := strings.TrimLeft(cell, "-")
	if len(cell)-len(digits) > 1 {
		return false
	}
	whole, fraction, point := strings.Cut(digits, ".")
	return onlyDigits(whole) && (!point || onlyDigits(fraction))
}

func onlyDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}
