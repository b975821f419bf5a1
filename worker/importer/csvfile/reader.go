// Package csvfile reads uploaded CSV files (RFC 4180) row by row and tells
// what is wrong with a row without giving up the rest of the file.
//
// It differs from encoding/csv in three ways: a row is bounded, a quote that
// is never closed costs one row and not the rest of the file, and every row
// knows its line and its place in the file, so that it can be read again.
package csvfile

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Limits of a file.
const (
	// MaxRow is the longest row, in bytes, with all its lines.
	MaxRow = 1 << 20
	// MaxColumns is the most cells of a row.
	MaxColumns = 500
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
	// Cells are those that could be read, for a ragged row.
	Cells  []string
	Reason string
}

// Error implements error.
func (e *RowError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Reason) }

// FileError says why no row of a file can be read.
type FileError struct{ Reason string }

// Error implements error.
func (e *FileError) Error() string { return e.Reason }

// Reader reads the rows after the header.
type Reader struct {
	// Header holds the column names.
	Header []string

	in        *bufio.Reader
	separator byte
	line      int64      // of the next line, from 1
	offset    int64      // of the next line
	pending   []physical // lines put back, the next one last
}

// physical is one line of the file, with its line end.
type physical struct {
	text   []byte
	tooBig bool
	size   int64
}

// New reads the header. The error is a *[FileError] when the file as a whole
// cannot be read as UTF-8 CSV, or the error of r.
func New(r io.Reader, separator byte) (*Reader, error) {
	c := &Reader{in: bufio.NewReaderSize(r, 64<<10), separator: separator, line: 1}
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
		return nil, &FileError{"the file is UTF-16; save it as CSV in UTF-8"}
	case bytes.HasPrefix(start, []byte("PK\x03\x04")):
		return nil, &FileError{"the file is a workbook or an archive, not CSV; save it as CSV in UTF-8"}
	}
	row, err := c.next(0)
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

func (c *Reader) checkHeader() error {
	seen := map[string]bool{}
	for i, name := range c.Header {
		name = strings.TrimSpace(name)
		c.Header[i] = name
		if name == "" {
			return &FileError{fmt.Sprintf("column %d of the header has no name", i+1)}
		}
		if seen[name] {
			return &FileError{fmt.Sprintf("the header names the column %q twice", name)}
		}
		seen[name] = true
	}
	return nil
}

// Next is the next row. The error is [io.EOF] after the last one, a
// *[RowError] for a row that cannot be used, or the error of the reader below.
// Empty lines are skipped.
func (c *Reader) Next() (Row, error) { return c.next(len(c.Header)) }

func (c *Reader) next(columns int) (Row, error) {
	for {
		first, err := c.readLine()
		if err != nil {
			return Row{}, err
		}
		row := Row{Line: c.line, Offset: c.offset}
		c.line++
		c.offset += first.size
		fail := func(column int, format string, args ...any) (Row, error) {
			return Row{}, &RowError{Line: row.Line, Offset: row.Offset, Column: column, Cells: row.Cells, Reason: fmt.Sprintf(format, args...)}
		}
		if first.tooBig {
			return fail(0, "the line is longer than %d bytes; shorten it, or leave the column out", MaxRow)
		}
		if len(trimEnd(first.text)) == 0 {
			continue
		}
		text := first.text
		var taken []physical
		scan := quoteScan{start: true, separator: c.separator}
		scan.add(text)
		for scan.quoted {
			more, err := c.readLine()
			if errors.Is(err, io.EOF) || err == nil && (more.tooBig || len(text)+len(more.text) > MaxRow) {
				if err == nil {
					taken = append(taken, more)
				}
				c.putBack(taken) // the lines after the first are rows again
				return fail(0, `a quotation mark is opened and never closed; close it, or write "" for a quotation mark inside a cell`)
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
		cells, column, reason := split(text, c.separator)
		if reason != "" {
			c.putBack(taken)
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
				row.Cells = nil
				return fail(i+1, "byte 0x%02X is not UTF-8; save the file as CSV in UTF-8", cell[at])
			}
			if strings.IndexByte(cell, 0) >= 0 {
				row.Cells = nil
				return fail(i+1, "the cell holds a zero byte; the file is not text")
			}
		}
		if columns > 0 && len(cells) != columns {
			return fail(0, "the row has %d cells, the header has %d columns", len(cells), columns)
		}
		return row, nil
	}
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
		part, err := c.in.ReadSlice('\n')
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

func (c *Reader) putBack(lines []physical) {
	for i := len(lines) - 1; i >= 0; i-- {
		c.pending = append(c.pending, lines[i])
	}
}

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

// split takes a complete row apart. reason is empty when that went well.
func split(text []byte, separator byte) (cells []string, column int, reason string) {
	text = trimEnd(text)
	for {
		if len(text) == 0 || text[0] != '"' {
			end := bytes.IndexByte(text, separator)
			cell := text
			if end >= 0 {
				cell = text[:end]
			}
			if bytes.IndexByte(cell, '"') >= 0 {
				return nil, len(cells) + 1, `a quotation mark stands inside a cell that does not begin with one; quote the cell and double the mark`
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
		cells = append(cells, strings.ReplaceAll(string(cell), "\r\n", "\n"))
		text = text[min(i+1, len(text)):]
		if len(text) == 0 {
			return cells, 0, ""
		}
		if text[0] != separator {
			return nil, len(cells), "text follows a closing quotation mark; double the marks inside the cell"
		}
		text = text[1:]
	}
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
func At(file io.ReaderAt, offset, line int64, separator byte, columns int) (Row, error) {
	section := io.NewSectionReader(file, offset, MaxRow+1)
	c := &Reader{in: bufio.NewReaderSize(section, 1024), separator: separator, line: line, offset: offset}
	return c.next(columns)
}
