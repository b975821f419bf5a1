package agent_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/examples/prices/agent"
	"github.com/hybridapps/tandem/examples/prices/wire"
	"github.com/hybridapps/tandem/tandemtest"
)

// withParts is a workbook with other parts, or others than it had.
func withParts(t *testing.T, book []byte, parts map[string]io.Reader) string {
	t.Helper()
	from, err := zip.NewReader(bytes.NewReader(book), int64(len(book)))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	to := zip.NewWriter(&out)
	for _, part := range from.File {
		if parts[part.Name] == nil {
			if err := to.Copy(part); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, content := range parts {
		w, err := to.Create(name)
		if err == nil {
			_, err = io.Copy(w, content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := to.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// noughts are many bytes that compress well.
func noughts(n int64) io.Reader { return io.LimitReader(zeros{}, n) }

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { return copy(b, bytes.Repeat([]byte("0"), len(b))), nil }

// sheetOf is a sheet of rows.
func sheetOf(rows ...io.Reader) io.Reader {
	return io.MultiReader(append([]io.Reader{strings.NewReader(`<?xml version="1.0"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>`)},
		append(rows, strings.NewReader(`</sheetData></worksheet>`))...)...)
}

// A small workbook does not become a large one in memory: each is settled as a file that
// cannot be used, and the agent goes on. One with many rows, or with a picture, is read.
func TestWorkbooksThatSwell(t *testing.T) {
	t.Parallel()
	p := newPlace(t, tandemtest.Options{})
	p.byDay()
	r := p.agentOf()
	one := p.products("Active eq true")[0]
	f := excelize.NewFile()
	defer f.Close()
	for i, row := range [][]any{{"PartNumber", "Name", "Price", "Currency"}, {one.PartNumber, "x", 1.5, "EUR"}} {
		if err := f.SetSheetRow("Sheet1", fmt.Sprintf("A%d", i+1), &row); err != nil {
			t.Fatal(err)
		}
	}
	whole, err := f.WriteToBuffer()
	if err != nil {
		t.Fatal(err)
	}
	book := whole.Bytes()
	const sheet, head = "xl/worksheets/sheet1.xml", `<row r="1"><c r="A1" t="inlineStr"><is><t>PartNumber</t></is></c><c r="B1" t="inlineStr"><is><t>Name</t></is></c>` +
		`<c r="C1" t="inlineStr"><is><t>Price</t></is></c><c r="D1" t="inlineStr"><is><t>Currency</t></is></c></row>`
	cells := func(i int) string {
		return fmt.Sprintf(`<row r="%d"><c r="A%[1]d" t="inlineStr"><is><t>X-%[1]d</t></is></c><c r="C%[1]d"><v>1.5</v></c><c r="D%[1]d" t="inlineStr"><is><t>EUR</t></is></c></row>`, i)
	}
	var many strings.Builder
	for i := range 12_000 {
		many.WriteString(cells(i + 2))
	}
	var mixed strings.Builder // does not compress by much, and is one cell
	for i := range 400_000 {
		fmt.Fprintf(&mixed, "%x", i*7919)
	}
	for i, c := range []struct {
		name  string
		parts map[string]io.Reader
		state wire.State
		says  string
	}{
		{"many", map[string]io.Reader{sheet: sheetOf(strings.NewReader(head), strings.NewReader(many.String()))}, wire.Waiting, ""},
		{"picture", map[string]io.Reader{"xl/media/image1.png": noughts(2 << 10)}, wire.Waiting, ""},
		{"media", map[string]io.Reader{"xl/media/image1.png": noughts(9 << 20)}, wire.Unusable, "implausibly large"},
		{"pieces", map[string]io.Reader{"a": noughts(1 << 20), "b": noughts(1 << 20), "c": noughts(1 << 20), "d": noughts(1 << 20), "e": noughts(1 << 20),
			"f": noughts(1 << 20), "g": noughts(1 << 20), "h": noughts(1 << 20)}, wire.Unusable, "more than 8 MB beside its sheet"},
		{"cell", map[string]io.Reader{sheet: sheetOf(strings.NewReader(head+`<row r="2"><c r="A2" t="str"><v>`), strings.NewReader(mixed.String()),
			strings.NewReader(`</v></c></row>`))}, wire.Unusable, "a cell of more than 128 kB"},
		{"row", map[string]io.Reader{sheet: sheetOf(strings.NewReader(head+many.String()+`<row r="99999">`),
			strings.NewReader(strings.Repeat(`<c t="s"><v>0</v></c>`, 501)), strings.NewReader(`</row>`))}, wire.Unusable, "more than 500 values"},
		{"same row", map[string]io.Reader{sheet: sheetOf(strings.NewReader(head + many.String() + cells(12_001)))}, wire.Unusable, "not in their order"},
	} {
		text := withParts(t, book, c.parts)
		r.put("prices-"+c.name+".xlsx", text)
		got := r.until(int64(i+1), c.state)
		if !strings.Contains(got.Note, c.says) || c.says != "" && got.Figures.Rows > 0 {
			t.Errorf("%s, %d kB: %s", c.name, len(text)>>10, got.Note)
		}
		if c.name == "many" && got.Figures.Rows != 12_000 {
			t.Errorf("%d rows of many", got.Figures.Rows)
		}
	}
	// Only who edits mappings has the agent read a sample.
	trial := wire.Trial{Content: agent.FirstMapping(), FileName: "prices.xlsx", Sample: book}
	if _, err := r.api.Try(t.Context(), r.idToken("anna"), trial); tandem.ErrorCode(err) != tandem.CodeForbidden {
		t.Errorf("anna tries a mapping: %v", err)
	}
	if tried, err := r.api.Try(t.Context(), r.idToken("ada"), trial); err != nil || len(tried.Rows) != 1 {
		t.Errorf("ada tries a mapping: %+v, %v", tried, err)
	}
	trial.Sample = []byte(withParts(t, book, map[string]io.Reader{"xl/media/image1.png": noughts(9 << 20)}))
	if _, err := r.api.Try(t.Context(), r.idToken("ada"), trial); tandem.ErrorCode(err) != tandem.CodeInvalid {
		t.Errorf("ada tries it on a sample that swells: %v", err)
	}
}
