package filetype_test

import (
	"strings"
	"testing"

	"github.com/hybridapps/tandem/internal/filetype"
)

func TestOf(t *testing.T) {
	t.Parallel()
	for first, want := range map[string]string{
		"\xff\xd8\xff\xe0":      "image/jpeg",
		"\x89PNG\r\n\x1a\n":     "image/png",
		"%PDF-1.7":              "application/pdf",
		"hello":                 "text/plain",
		"Здравей":               "text/plain",
		"Здраве\xd0":            "text/plain", // cut within a character
		"":                      "text/plain",
		"\xff\xfeh\x00":         filetype.Octets,
		" <b>hello</b>":         filetype.Octets,
		"\ufeff<html>":          filetype.Octets,
		"<?xml version='1.0'?>": filetype.Octets,
		"\x7fELF\x02\x01\x01":   filetype.Octets,
		"MZ\x90\x00":            filetype.Octets,
		"PK\x03\x04":            "application/zip",
	} {
		if got := filetype.Of([]byte(first)); got != want {
			t.Errorf("%q is %s, want %s", first, got, want)
		}
	}
	if got := filetype.Shown("application/zip", "A.XLSX"); !strings.HasSuffix(got, "spreadsheetml.sheet") {
		t.Error(got)
	}
}

// FuzzOf: whatever comes, it is a kind that is kept, or none, and never one that a
// browser runs.
func FuzzOf(f *testing.F) {
	for _, seed := range []string{"", "<svg", "\xff\xd8\xff", "PK\x03\x04", "%!PS", "\xd0"} {
		f.Add([]byte(seed), "a.html")
	}
	f.Fuzz(func(t *testing.T, first []byte, name string) {
		kind := filetype.Of(first)
		for _, shown := range []string{kind, filetype.Shown(kind, name), filetype.Shown("text/html", name)} {
			if strings.Contains(shown, "html") || strings.Contains(shown, "svg") || strings.Contains(shown, "script") || strings.HasSuffix(shown, "/xml") {
				t.Errorf("%q is %s", first, shown)
			}
		}
	})
}
