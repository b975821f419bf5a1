package jsontext_test

import (
	"encoding/json"
	"testing"

	"github.com/hybridapps/tandem/internal/jsontext"
)

// texts are what has broken JSON writers before.
var texts = []string{
	"", "plain", `a "quoted" \ text`, "<script>&</script>", "\x00\x01\x1f\x7f", "a\nb\rc\td\be\ff",
	"Ябълка \U0001F600", "\u2028\u2029", "cut \xe2\x82", "\xff\xfe", "\ufffd", "\xed\xa0\x80",
}

// FuzzAppendString holds it against encoding/json: what a reader gets is the
// same, whatever the text.
func FuzzAppendString(f *testing.F) {
	for _, text := range texts {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := jsontext.AppendString([]byte("x"), text)
		if got[0] != 'x' || !json.Valid(got[1:]) {
			t.Fatalf("%q is written as %s", text, got)
		}
		standard, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		var have, want string
		if json.Unmarshal(got[1:], &have) != nil || json.Unmarshal(standard, &want) != nil || have != want {
			t.Errorf("%q is read as %q, want %q", text, have, want)
		}
	})
}

// BenchmarkAppendString has encoding/json as its yardstick.
func BenchmarkAppendString(b *testing.B) {
	const text = "Handelsgesellschaft Müller & Söhne, \"Nord\""
	buf := make([]byte, 0, 128)
	b.Run("jsontext", func(b *testing.B) {
		for b.Loop() {
			buf = jsontext.AppendString(buf[:0], text)
		}
	})
	b.Run("encoding-json", func(b *testing.B) {
		for b.Loop() {
			if _, err := json.Marshal(text); err != nil {
				b.Fatal(err)
			}
		}
	})
}
