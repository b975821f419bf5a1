package pdffont_test

import (
	"bytes"
	"testing"
	"time"

	"codeberg.org/go-pdf/fpdf"

	"github.com/hybridapps/tandem/internal/pdffont"
)

func TestText(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"Гипфел ЩъЬюЯ „цитат“ – 12,50 €": "Гипфел ЩъЬюЯ „цитат“ – 12,50 €",
		"Größe e\u0301 ß Ő ł ş ç £ №":    "Größe é ß Ő ł ş ç £ №",
		"a\u00a0b\u202fc\td\ne":          "a b c d\ne",
		"sign 😀 中":                       "sign ? ?",
		"left\u202eright\x00\u200b":      "leftright",
		"bad \xff byte":                  "bad \ufffd byte",
	} {
		if got := pdffont.Text(given); got != want {
			t.Errorf("Text(%q) = %q, want %q", given, got, want)
		}
	}
}

// TestSameBytes is that a document depends on what is in it alone, however many are made
// at once, and that no text makes the library fail.
func TestSameBytes(t *testing.T) {
	t.Parallel()
	first := document(t, "Фактура 😀 12 €\nГрац")
	done := make(chan []byte)
	for range 8 {
		go func() { done <- document(t, "Фактура 😀 12 €\nГрац") }()
	}
	for range 8 {
		if !bytes.Equal(<-done, first) {
			t.Error("the same text gave another document")
		}
	}
	if len(first) > 60_000 {
		t.Errorf("a document of few letters has %d bytes: the whole typeface is in it", len(first))
	}
}

func FuzzText(f *testing.F) {
	f.Add("Гипфел \xff 😀 \u202e e\u0301")
	f.Fuzz(func(t *testing.T, s string) { document(t, s) })
}

func document(t *testing.T, text string) []byte {
	pdf := fpdf.New("P", "mm", "A4", "")
	pdffont.Add(pdf)
	pdf.SetCatalogSort(true)
	pdf.SetCreationDate(time.Unix(0, 0).UTC())
	pdf.SetModificationDate(time.Unix(0, 0).UTC())
	pdf.AddPage()
	for _, style := range []string{"", "B"} {
		pdf.SetFont(pdffont.Family, style, 10)
		pdf.MultiCell(60, 5, pdffont.Text(text), "", "L", false)
	}
	var out bytes.Buffer
	if err := pdf.Output(&out); err != nil {
		t.Errorf("%q: %v", text, err)
	}
	return out.Bytes()
}

func BenchmarkDocument(b *testing.B) {
	for b.Loop() {
		document(&testing.T{}, "Фактура 12 €")
	}
}
