// Package csvfile reads uploaded CSV files (RFC 4180) row by row and tells
// what is wrong with a row without giving up the rest of the file.
//
// It differs from encoding/csv in three ways: a row is bounded, a quote that
// is never closed costs one row and not the rest of the file, and every row
// knows its line and its place in the file, so that it can be read again.
//
// It takes what spreadsheets write around the rows: a byte order mark, a line
// "sep=;", line ends of any kind, a separator after the last column. Files in
// other encodings are made UTF-8 first, see [Guess] and [Decode].
package csvfile

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode/utf8"
)

// Limits of a file.
const (
	// MaxRow is the longest row, in bytes, with all its lines.
	MaxRow = 1 << 20
	// MaxColumns is the most cells of a row.
	MaxColumns = 500
	// MaxAgain is how many bytes of a file are read again because a quotation mark
	// before them has taken them for one cell; beyond it the file is refused.
	MaxAgain = 64 << 20
)

// bom is the byte order mark that spreadsheets put before UTF-8.
var bom = []byte("\xef\xbb\xbf")

// Row is one row of a file.
type Row struct {
	// Line is the number of its first line, the header being line 1.
	Line int64
	// Offset is where it begins, in bytes from the start of the file.
	Offset int64
	Cells  []string
}

// RowError says what is wrong with one row. Reading goes on after it.
type RowError struct {
	Line   int64
	Offset int64
	// Column is the number of the cell, from 1; 0 is the row as a whole.
	Column int
	// Cells are those that could be read, in their places: all of a row that has
	// the wrong number of them, else those before the fault. One that is not text
	// is empty.
	Cells []string
	// Whole says that Cells are all of the row.
	Whole  bool
	Reason string
}

// Error implements error.
func (e *RowError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Reason) }

// FileError says why no row of a file can be read, or no further one.
type FileError struct{ Reason string }

// Error implements error.
func (e *FileError) Error() string { return e.Reason }

// Format is how the rows of a file are written.
type Format struct {
	// Separator parts the cells: that of a first line "sep=;", else the one that
	// the caller named.
	Separator byte
	// LineEnd is the last byte of a line: \n, or \r in files that have no other.
	LineEnd byte
	// Columns is how many there are, with those that have no name.
	Columns int
	// Spare is how many of the last columns have no name: a row may lack them.
	Spare int
}

// Reader reads the rows after the header.
type Reader struct {
	Format
	// Header holds the column names; empty where a column has none, which is
	// never all.
	Header []string

	in       *bufio.Reader
	headerAt int64
	line     int64      // of the next line, from 1
	offset   int64      // of the next line
	pending  []physical // lines put back, the next one last
	again    int64      // bytes of rows that were put back so far
}

// physical is one line of the file, with its line end.
type physical struct {
	text   []byte
	tooBig bool
	size   int64
}

// New reads the header. The separator is the one to use where the file does not
// name its own. The error is a *[FileError] when the file as a whole cannot be
// read as UTF-8 CSV, or the error of r.
func New(r io.Reader, separator byte) (*Reader, error) {
	c := &Reader{in: bufio.NewReaderSize(r, 64<<10), Format: Format{Separator: separator, LineEnd: '\n'}, line: 1}
	start, err := c.in.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(start, bom):
		if _, err := c.in.Discard(len(bom)); err != nil {
			return nil, err
		}
		c.offset = int64(len(bom))
	case bytes.HasPrefix(start, []byte("\xff\xfe")), bytes.HasPrefix(start, []byte("\xfe\xff")):
		return nil, &FileError{"the file is UTF-16; save it as CSV in UTF-8"} // Decode was not asked
	case bytes.HasPrefix(start, []byte("PK\x03\x04")):
		return nil, &FileError{"the file is a workbook or an archive, not CSV; save it as CSV in UTF-8"}
	}
	if err := c.findLineEnd(); err != nil {
		return nil, err
	}
	if err := c.takeSep(); err != nil {
		return nil, err
	}
	c.headerAt = c.offset
	row, err := c.next()
	var bad *RowError
	switch {
	case errors.Is(err, io.EOF):
		return nil, &FileError{"the file is empty; the first line must name the columns"}
	case errors.As(err, &bad):
		return nil, &FileError{"the header cannot be read: " + bad.Reason}
	case err != nil:
		return nil, err
	}
	c.Header = row.Cells
	return c, c.checkHeader()
}

// findLineEnd looks how the first row ends. A file of which it is a lone
// carriage return has no other line ends: old spreadsheets write such files.
func (c *Reader) findLineEnd() error {
	start, err := c.in.Peek(c.in.Size())
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	scan := quoteScan{start: true, separator: c.Separator}
	for i := range start {
		scan.add(start[i : i+1])
		if scan.quoted || start[i] != '\n' && start[i] != '\r' {
			continue
		}
		if start[i] == '\r' && (i+1 < len(start) && start[i+1] != '\n' || i+1 == len(start) && errors.Is(err, io.EOF)) {
			c.LineEnd = '\r'
		}
		return nil
	}
	return nil
}

// sepLine is the first line by which spreadsheets tell each other the separator.
var sepLine = regexp.MustCompile(`^(?i:"?sep=([^"\r\n])"?)[,;\t ]*$`)

// takeSep reads that line, where there is one.
func (c *Reader) takeSep() error {
	first, err := c.readLine()
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err != nil {
		return err
	}
	m := sepLine.FindSubmatch(trimEnd(first.text))
	if m == nil || len(m[1]) != 1 || m[1][0] < ' ' && m[1][0] != '\t' {
		c.putBack([]physical{first})
		return nil
	}
	c.Separator = m[1][0]
	c.line++
	c.offset += first.size
	return nil
}

func (c *Reader) checkHeader() error {
	seen := map[string]bool{}
	c.Columns, c.Spare = len(c.Header), 0
	for i, name := range c.Header {
		name = strings.TrimSpace(name)
		c.Header[i] = name
		if name == "" {
			c.Spare++
			continue
		}
		if seen[name] {
			return &FileError{fmt.Sprintf("the header names the column %q twice", name)}
		}
		seen[name], c.Spare = true, 0
	}
	if len(seen) == 0 {
		return &FileError{"the first line of the file names no column"}
	}
	return nil
}

// HeaderAt is where the header begins, in bytes from the start of the file.
func (c *Reader) HeaderAt() int64 { return c.headerAt }

// At is where the next row begins, or what is between: the end of the last one.
func (c *Reader) At() int64 { return c.offset }

// Next is the next row. The error is [io.EOF] after the last one, a
// *[RowError] for a row that cannot be used, a *[FileError] when reading cannot go
// on, see [MaxAgain], or the error of the reader below.
// Empty lines are skipped.
func (c *Reader) Next() (Row, error) { return c.next() }

// next is the next row; before the header is known, whatever its columns.
func (c *Reader) next() (Row, error) {
	for {
		first, err := c.readLine()
		if err != nil {
			return Row{}, err
		}
		row := Row{Line: c.line, Offset: c.offset}
		c.line++
		c.offset += first.size
		fail := func(column int, format string, args ...any) (Row, error) {
			return Row{}, &RowError{
				Line: row.Line, Offset: row.Offset, Column: column, Cells: readable(row.Cells), Reason: fmt.Sprintf(format, args...),
			}
		}
		if first.tooBig {
			return fail(0, "the line is longer than %d bytes; shorten it, or leave the column out", MaxRow)
		}
		if len(trimEnd(first.text)) == 0 {
			continue
		}
		text := first.text
		var taken []physical
		scan := quoteScan{start: true, separator: c.Separator}
		scan.add(text)
		for scan.quoted {
			more, err := c.readLine()
			if errors.Is(err, io.EOF) || err == nil && (more.tooBig || len(text)+len(more.text) > MaxRow) {
				if err == nil {
					taken = append(taken, more)
				}
				if err := c.readAgain(taken); err != nil { // the lines after the first are rows again
					return Row{}, err
				}
				row.Cells, _, _ = c.split(first.text)
				return fail(0, neverClosed)
			}
			if err != nil {
				return Row{}, err
			}
			taken = append(taken, more)
			if len(taken) == 1 {
				text = bytes.Clone(text)
			}
			text = append(text, more.text...)
			scan.add(more.text)
		}
		cells, column, reason := c.split(text)
		if reason != "" {
			if err := c.readAgain(taken); err != nil {
				return Row{}, err
			}
			row.Cells = cells
			return fail(column, "%s", reason)
		}
		for _, l := range taken {
			c.line++
			c.offset += l.size
		}
		row.Cells = cells
		if len(cells) > MaxColumns {
			row.Cells = cells[:MaxColumns]
			return fail(0, "the row has %d cells; at most %d are allowed", len(cells), MaxColumns)
		}
		for i, cell := range cells {
			if at := invalidUTF8(cell); at >= 0 {
				return fail(i+1, "byte 0x%02X is not UTF-8; save the file as CSV in UTF-8", cell[at])
			}
			if strings.IndexByte(cell, 0) >= 0 {
				return fail(i+1, "the cell holds a zero byte; the file is not text")
			}
		}
		if row.Cells = c.fit(cells); len(row.Cells) != c.Columns && c.Columns > 0 {
			return Row{}, &RowError{
				Line: row.Line, Offset: row.Offset, Cells: row.Cells, Whole: true,
				Reason: fmt.Sprintf("the row has %d cells, the header has %d columns", len(cells), c.Columns),
			}
		}
		return row, nil
	}
}

// readable empties the cells that are not text.
func readable(cells []string) []string {
	for i, cell := range cells {
		if invalidUTF8(cell) >= 0 || strings.IndexByte(cell, 0) >= 0 {
			cells[i] = ""
		}
	}
	return cells
}

// fit gives a row the header's number of cells, where the difference is only
// separators at its end, or cells for columns without a name.
func (f *Format) fit(cells []string) []string {
	if f.Columns == 0 {
		return cells
	}
	for len(cells) > f.Columns && strings.TrimSpace(cells[len(cells)-1]) == "" {
		cells = cells[:len(cells)-1]
	}
	for n := len(cells); n < f.Columns && n >= f.Columns-f.Spare; n++ {
		cells = append(cells, "")
	}
	return cells
}

// readLine reads one line with its end, at most MaxRow bytes of it.
func (c *Reader) readLine() (physical, error) {
	if n := len(c.pending); n > 0 {
		l := c.pending[n-1]
		c.pending = c.pending[:n-1]
		return l, nil
	}
	var l physical
	for {
		part, err := c.in.ReadSlice(c.LineEnd)
		l.size += int64(len(part))
		if l.size <= MaxRow {
			l.text = append(l.text, part...)
		} else {
			l.text, l.tooBig = nil, true
		}
		switch {
		case err == nil:
			return l, nil
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF) && l.size > 0:
			return l, nil
		default:
			return physical{}, err
		}
	}
}

// readAgain puts back the lines that a quotation mark has taken by mistake. Many
// such marks would each read the same lines.
func (c *Reader) readAgain(lines []physical) error {
	for _, l := range lines {
		c.again += l.size
	}
	if c.again > MaxAgain {
		return &FileError{fmt.Sprintf("too many quotation marks up to line %d are opened and never closed, or not where a cell ends; "+
			`quote each cell that has one as a whole, and write "" for a quotation mark inside it`, c.line)}
	}
	c.putBack(lines)
	return nil
}

func (c *Reader) putBack(lines []physical) {
	for i := len(lines) - 1; i >= 0; i-- {
		c.pending = append(c.pending, lines[i])
	}
}

const neverClosed = `a quotation mark is opened and never closed; close it, or write "" for a quotation mark inside a cell`

// quoteScan follows the quotation marks of a row line by line.
type quoteScan struct {
	separator byte
	// quoted says that the text so far ends inside a quoted cell.
	quoted, start bool
}

func (q *quoteScan) add(line []byte) {
	for i := 0; i < len(line); i++ {
		switch b := line[i]; {
		case q.quoted && b == '"':
			if i+1 < len(line) && line[i+1] == '"' {
				i++
			} else {
				q.quoted = false
			}
		case q.quoted:
		case b == '"' && q.start:
			q.quoted, q.start = true, false
		default:
			q.start = b == q.separator
		}
	}
}

// split takes a complete row apart. reason is empty when that went well; else
// the cells are those before the one at fault.
func (f *Format) split(text []byte) (cells []string, column int, reason string) {
	text = trimEnd(text)
	for {
		if len(text) == 0 || text[0] != '"' {
			end := bytes.IndexByte(text, f.Separator)
			cell := text
			if end >= 0 {
				cell = text[:end]
			}
			if bytes.IndexByte(cell, '"') >= 0 {
				return cells, len(cells) + 1, `a quotation mark stands inside a cell that does not begin with one; quote the cell and double the mark`
			}
			cells = append(cells, string(cell))
			if end < 0 {
				return cells, 0, ""
			}
			text = text[end+1:]
			continue
		}
		var cell []byte
		i := 1
		for ; i < len(text); i++ {
			if text[i] != '"' {
				cell = append(cell, text[i])
				continue
			}
			if i+1 < len(text) && text[i+1] == '"' {
				cell = append(cell, '"')
				i++
				continue
			}
			break
		}
		if i >= len(text) {
			return cells, len(cells) + 1, neverClosed
		}
		cells = append(cells, f.lines(string(cell)))
		text = text[i+1:]
		if len(text) == 0 {
			return cells, 0, ""
		}
		if text[0] != f.Separator {
			return cells[:len(cells)-1], len(cells), "text follows a closing quotation mark; double the marks inside the cell"
		}
		text = text[1:]
	}
}

// lines gives the lines inside a cell the line end that the ERP has.
func (f *Format) lines(cell string) string {
	cell = strings.ReplaceAll(cell, "\r\n", "\n")
	if f.LineEnd == '\r' {
		cell = strings.ReplaceAll(cell, "\r", "\n")
	}
	return cell
}

func trimEnd(line []byte) []byte {
	return bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
}

func invalidUTF8(s string) int {
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}

// Rejoin mends a row that has too many cells because a text with commas was
// written without quotation marks: "24, place Kléber" is two cells, of which the
// second begins with a space. ok is false unless joining all cells that begin
// with a space to the one before leaves exactly the columns.
func Rejoin(cells []string, separator byte, columns int) (mended []string, ok bool) {
	for i, cell := range cells {
		if i > 0 && strings.HasPrefix(cell, " ") {
			mended[len(mended)-1] += string(separator) + cell
		} else {
			mended = append(mended, cell)
		}
	}
	return mended, len(mended) == columns && len(cells) > columns
}

// At reads the one row that begins at the offset, as [Reader.Next] gave it.
func At(file io.ReaderAt, offset, line int64, f Format) (Row, error) {
	section := io.NewSectionReader(file, offset, MaxRow+1)
	c := &Reader{in: bufio.NewReaderSize(section, 1024), Format: f, line: line, offset: offset}
	return c.next()
}
