package csvfile_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"github.com/hybridapps/tandem/worker/importer/csvfile"
)

func encoded(t *testing.T, e encoding.Encoding, text string) string {
	t.Helper()
	b, err := e.NewEncoder().String(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestEncodings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, file, named, encoding string
		guessed                     bool
		want                        string
	}{
		{"ASCII", "a,b\n", "", "utf-8", false, "a,b\n"},
		{"UTF-8", "Müller,Łódź\n", "", "utf-8", false, "Müller,Łódź\n"},
		{"UTF-8 with one broken name", "Müller,Łódź\nM\xfcnchen\n", "", "utf-8", false, ""},
		{"Western Europe", encoded(t, charmap.Windows1252, "Müller & Söhne,5 €,“Lódz”\n"), "", "windows-1252", true, "Müller & Söhne,5 €,“Lódz”\n"},
		{"Cyrillic", encoded(t, charmap.Windows1251, "Дравена АД,Пловдив\n"), "", "windows-1251", true, "Дравена АД,Пловдив\n"},
		{"named", encoded(t, charmap.Windows1250, "Łódź,Kraków\n"), "windows-1250", "windows-1250", false, "Łódź,Kraków\n"},
		{"a byte order mark is stronger", "\xef\xbb\xbfŁódź\n", "windows-1250", "utf-8", false, "\ufeffŁódź\n"},
		{"UTF-16 of a spreadsheet", encoded(t, unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), "Łódź\tb\n"), "", "utf-16le", false, "\ufeffŁódź\tb\n"},
		{"UTF-16, the other way round", encoded(t, unicode.UTF16(unicode.BigEndian, unicode.UseBOM), "Łódź\n"), "utf-8", "utf-16be", false, "\ufeffŁódź\n"},
		{"a byte that the encoding has not", "a\xffb", "windows-1253", "windows-1253", false, "a\xffb"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			name, guessed, err := csvfile.Guess(strings.NewReader(c.file), c.named)
			if err != nil || name != c.encoding || guessed != c.guessed {
				t.Fatalf("%s, guessed %t, %v", name, guessed, err)
			}
			if c.want == "" {
				return
			}
			var out bytes.Buffer
			if err := csvfile.Decode(&out, strings.NewReader(c.file), name); err != nil || out.String() != c.want {
				t.Errorf("%q, %v", out.String(), err)
			}
		})
	}
	for text, want := range map[string]string{"CP1252": "windows-1252", "latin1": "windows-1252", "UTF8": "utf-8", "koi8-r": "koi8-r"} {
		if got, err := csvfile.Encoding(text); err != nil || got != want {
			t.Errorf("%s is %s, %v", text, got, err)
		}
	}
	if _, err := csvfile.Encoding("ansi-whatever"); err == nil || !strings.Contains(err.Error(), "windows-1252") {
		t.Errorf("unknown: %v", err)
	}
}

// Whatever the bytes are, they come out as UTF-8 or as bytes that are refused
// later, and never fewer than came.
func FuzzDecode(f *testing.F) {
	f.Add([]byte("a\xfc,b\n"))
	f.Add([]byte("\xff\xfea\x00"))
	f.Add([]byte("\xef\xbb\xbfa\xc3"))
	f.Fuzz(func(t *testing.T, file []byte) {
		name, _, err := csvfile.Guess(bytes.NewReader(file), "")
		if err != nil {
			t.Fatal(err)
		}
		if name == csvfile.UTF8 {
			return
		}
		var out bytes.Buffer
		if err := csvfile.Decode(&out, bytes.NewReader(file), name); err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(name, "windows") && utf8.RuneCount(out.Bytes()) != len(file) {
			t.Errorf("%d characters of %d bytes", utf8.RuneCount(out.Bytes()), len(file))
		}
		if slices.Contains([]rune(strings.ReplaceAll(out.String(), "\xff", "")), utf8.RuneError) {
			t.Error("a replacement character is in the text")
		}
	})
}
