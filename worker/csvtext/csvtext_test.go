package csvtext_test

import (
	"bytes"
	"encoding/csv"
	"errors"
	"strings"
	"testing"

	"github.com/hybridapps/tandem/worker/csvtext"
)

func write(t testing.TB, rows ...[]string) string {
	t.Helper()
	var out bytes.Buffer
	w := csvtext.NewWriter(&out)
	for _, row := range rows {
		if err := w.Row(row...); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	text, found := strings.CutPrefix(out.String(), "\ufeff")
	if !found {
		t.Errorf("no byte order mark: %q", text)
	}
	return text
}

func TestCellsAreRead(t *testing.T) {
	t.Parallel()
	for cell, want := range map[string]string{
		"": "", "plain": "plain", "Müller, \"Söhne\"": "Müller, \"Söhne\"", "12.50": "12.50", "-3": "-3", "-0.5": "-0.5", " x": " x",
		"=1+1": "'=1+1", "x;=1+1": "x;'=1+1", "x; =1": "x; '=1", "x;\"=1\"": "x;\"'=1\"", "\"=1": "\"'=1", " =1": " '=1",
		"a\n@b": "a\n'@b", "a\t+b": "a\t'+b", "a|-b": "a|'-b", "a,%b": "a,'%b", "＝1": "'＝1", "x;＋1": "x;'＋1",
		"--3": "'--3", "-": "'-", "-Inf": "'-Inf", "-1e5": "'-1e5", "-0x1": "'-0x1", "-.5": "'-.5", "+1": "'+1",
		"Café - bar": "Café - bar", "a=b": "a=b", "me@example.com": "me@example.com", "50 %": "50 %", "x; y": "x; y",
	} {
		text := write(t, []string{"first", cell, "last"})
		rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
		if err != nil || len(rows) != 1 || len(rows[0]) != 3 || rows[0][1] != want {
			t.Errorf("%q is read as %q, want %q, %v", cell, rows, want, err)
		}
	}
}

// Whatever is in a cell, no program finds a formula in the file: not with another
// separator either, and whether it minds quotes or not.
func FuzzNoFormula(f *testing.F) {
	for _, cell := range []string{"x;=1+1", "x;\"=1+1\"", "\r=1", "a\u2028-1", "\" \"=1", "=", "x|@y", "1;-2", "\ufeff=1", "x;\u00a0=1"} {
		f.Add(cell, "last")
	}
	f.Fuzz(func(t *testing.T, cell, last string) {
		text := write(t, []string{"first", cell, last})
		for _, separator := range ",;\t|" {
			for _, piece := range strings.FieldsFunc(text, func(c rune) bool { return c == separator || c == '\n' || c == '\r' }) {
				piece = strings.TrimLeft(piece, " \u00a0\"\ufeff")
				if number := strings.TrimRight(piece, "\""); piece == "" || strings.Trim(strings.TrimPrefix(number, "-"), "0123456789.,;|\t") == "" && number != "-" {
					continue // a number is none; nor are several of them
				}
				if strings.ContainsAny(piece[:1], "=+-@%") || strings.HasPrefix(piece, "＝") || strings.HasPrefix(piece, "＋") {
					if firstCell, _, _ := strings.Cut(piece, ","); strings.Trim(firstCell, "-0123456789.") == "" && firstCell != "" {
						continue // begins with a cell that is a number
					}
					t.Errorf("%q, read by %q, begins a formula: %q", cell, separator, piece)
				}
			}
		}
		rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
		if err != nil || len(rows) != 1 || len(rows[0]) != 3 {
			t.Errorf("%q is read as %q, %v", cell, rows, err)
		}
	})
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("full") }

func TestErrorsAreTold(t *testing.T) {
	t.Parallel()
	w := csvtext.NewWriter(full{})
	_ = w.Row("a")
	if err := w.Flush(); err == nil {
		t.Error("nothing was written, and nothing said")
	}
}
