package csvfile_test

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"

	"github.com/hybridapps/tandem/worker/importer/csvfile"
)

// read lists rows as "line: a|b" and faults as "line: ! reason".
func read(t *testing.T, text string) (got []string) {
	t.Helper()
	r, err := csvfile.New(strings.NewReader(text), ',')
	if err != nil {
		return []string{"! " + err.Error()}
	}
	for {
		row, err := r.Next()
		var bad *csvfile.RowError
		switch {
		case errors.Is(err, io.EOF):
			return got
		case errors.As(err, &bad):
			reason, _, _ := strings.Cut(bad.Reason, ";")
			got = append(got, fmt.Sprintf("%d: ! %s", bad.Line, reason))
		case err != nil:
			t.Fatal(err)
		default:
			got = append(got, fmt.Sprintf("%d: %s", row.Line, strings.Join(row.Cells, "|")))
			again, err := csvfile.At(strings.NewReader(text), row.Offset, row.Line, r.Format)
			if err != nil || !reflect.DeepEqual(again, row) {
				t.Errorf("row of line %d read again at %d: %v, %v", row.Line, row.Offset, again, err)
			}
		}
	}
}

func TestReader(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", csvfile.MaxRow)
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"plain", "a,b\n1,2\n3,4", []string{"2: 1|2", "3: 3|4"}},
		{"byte order mark and CRLF", "\xef\xbb\xbfa,b\r\n1,2\r\n", []string{"2: 1|2"}},
		{"quotes, commas and lines in cells", "a,b\n\"x,\"\"y\"\"\",\"one\r\ntwo\"\n3,4\n", []string{"2: x,\"y\"|one\ntwo", "4: 3|4"}},
		{"empty lines and cells", "a,b\n\n,\n\n", []string{"3: |"}},
		{"ragged rows", "a,b\n1\n1,2,3\n4,5\n", []string{"2: ! the row has 1 cells, the header has 2 columns", "3: ! the row has 3 cells, the header has 2 columns", "4: 4|5"}},
		{"a quote never closed costs one row", "a,b\n\"1,2\n3,4\n5,6\n", []string{"2: ! a quotation mark is opened and never closed", "3: 3|4", "4: 5|6"}},
		{"a quote inside a cell", "a,b\n1\",2\n3,4\n", []string{"2: ! a quotation mark stands inside a cell that does not begin with one", "3: 3|4"}},
		{"text after a quote", "a,b\n\"1\"x,2\n3,4\n", []string{"2: ! text follows a closing quotation mark", "3: 3|4"}},
		{"Latin-1 by row", "a,b\nM\xfcnchen,1\nBonn,2\n", []string{"2: ! byte 0xFC is not UTF-8", "3: Bonn|2"}},
		{"zero byte", "a,b\n1\x00,2\n", []string{"2: ! the cell holds a zero byte"}},
		{"too long a line", "a,b\n" + long + ",2\n3,4\n", []string{"2: ! the line is longer than 1048576 bytes", "3: 3|4"}},
		{"UTF-16", "\xff\xfea\x00", []string{"! the file is UTF-16; save it as CSV in UTF-8"}},
		{"a workbook", "PK\x03\x04...", []string{"! the file is a workbook or an archive, not CSV; save it as CSV in UTF-8"}},
		{"nothing", "", []string{"! the file is empty; the first line must name the columns"}},
		{"a column twice", "a,a\n", []string{`! the header names the column "a" twice`}},
		{"a separator after the last column", "a,b,\n1,2,\n3,4\n5,6,7\n8\n", []string{
			"2: 1|2|", "3: 3|4|", "4: 5|6|7", "5: ! the row has 1 cells, the header has 3 columns"}},
		{"a separator after the last cell", "a,b\n1,2,\n3,4,,\n5,6,x\n", []string{
			"2: 1|2", "3: 3|4", "4: ! the row has 3 cells, the header has 2 columns"}},
		{"a column without a name in the middle", "a,,b\n1,2,3\n1,2\n", []string{"2: 1|2|3", "3: ! the row has 2 cells, the header has 3 columns"}},
		{"no column has a name", ",,\n1,2,3\n", []string{"! the first line of the file names no column"}},
		{"sep= names the separator", "sep=;\r\na;b\r\n1,5;2\r\n", []string{"3: 1,5|2"}},
		{"sep= after a byte order mark, in quotation marks", "\xef\xbb\xbf\"SEP=\t\"\na\tb\n1\t2\n", []string{"3: 1|2"}},
		{"sep= and nothing else", "sep=;\n", []string{"! the file is empty; the first line must name the columns"}},
		{"a column called sep=", "sep=ab,b\n1,2\n", []string{"2: 1|2"}},
		{"carriage returns alone", "a,b\r1,2\r\r\"x\ry\",4\r", []string{"2: 1|2", "4: x\ny|4"}},
		{"a carriage return alone, and sep=", "sep=;\ra;b\r1;2", []string{"3: 1|2"}},
		{"a header that ends in a carriage return and nothing else", "a,b\r", nil},
		{"a carriage return in a cell", "\"a\rc\",b\n\"1\r2\",3\n", []string{"2: 1\r2|3"}},
		{"Latin-1 header", "\xfcber,b\n", []string{"! the header cannot be read: byte 0xFC is not UTF-8; save the file as CSV in UTF-8"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := read(t, c.text); !reflect.DeepEqual(got, c.want) {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

// Quotation marks that each take the rest of the file are not followed forever.
func TestQuotationMarksThatNeverClose(t *testing.T) {
	t.Parallel()
	cell := strings.Repeat("x", 1000)
	for name, line := range map[string]string{
		"opened by each line":     cell + `","` + cell + "\n",
		"closed by the next line": `"` + cell + "\n" + `"` + cell + "\n",
	} {
		r, err := csvfile.New(strings.NewReader("a,b\n"+strings.Repeat(line, 2_000)), ',')
		if err != nil {
			t.Fatal(err)
		}
		rows := 0
		for err = error(nil); !errors.As(err, new(*csvfile.FileError)) && !errors.Is(err, io.EOF); rows++ {
			_, err = r.Next()
		}
		if name == "opened by each line" && rows > csvfile.MaxAgain/csvfile.MaxRow+2 || rows > 4_001 {
			t.Errorf("%s: %d rows, then %v", name, rows, err)
		}
	}
}

// What encoding/csv accepts, this reader reads the same.
func FuzzReader(f *testing.F) {
	f.Add("a,b\n1,2\n")
	f.Add("a\n\"x\"\"y\"\n\"\n\"\n")
	f.Add("a,b\n\"\r\n,\"\",\n")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := csvfile.New(strings.NewReader(text), ',')
		if err != nil {
			return
		}
		var rows [][]string
		for {
			row, err := r.Next()
			var bad *csvfile.RowError
			if errors.Is(err, io.EOF) {
				break
			} else if errors.As(err, &bad) {
				return
			} else if err != nil {
				t.Fatal(err)
			}
			rows = append(rows, row.Cells)
		}
		text = strings.TrimPrefix(text, "\xef\xbb\xbf")
		if r.Separator != ',' || r.LineEnd != '\n' || strings.HasPrefix(strings.ToLower(strings.TrimLeft(text, `"`)), "sep=") {
			return // what encoding/csv does not know
		}
		std := csv.NewReader(strings.NewReader(text))
		std.FieldsPerRecord = -1
		want, err := std.ReadAll()
		if err != nil || len(want) == 0 {
			return
		}
		for n, cells := range want { // nor cells that are only separators
			for len(cells) > r.Columns && strings.TrimSpace(cells[len(cells)-1]) == "" {
				cells = cells[:len(cells)-1]
			}
			for n > 0 && len(cells) < r.Columns {
				cells = append(cells, "")
			}
			want[n] = cells
		}
		if want = want[1:]; len(want) != len(rows) || len(rows) > 0 && !reflect.DeepEqual(rows, want) {
			t.Errorf("%q: got %q, encoding/csv %q", text, rows, want)
		}
	})
}
