package agent

import (
	"archive/zip"
	"bufio"
	"bytes"
	"errors"
	"io"
	"path"
	"regexp"
	"strconv"
	"strings"

	"github.com/hybridapps/tandem/worker/importer/csvfile"
)

// A workbook is an archive, and half a megabyte of one may be half a gigabyte of memory.
// So it is looked through before the library opens it: that puts sheets and texts beside
// the file, and takes all else into memory, whatever it is.

const (
	// maxUnzipped is how large all parts of a workbook are together, and maxParts how many.
	maxUnzipped, maxParts = 512 << 20, 2000
	// largePart is from where sheets and texts are not taken into memory.
	largePart = 1 << 20
	// maxInMemory is how much of a workbook is.
	maxInMemory = 8 << 20
	// maxRatio is how many bytes one byte of a large part may become: sheets have ten to fifty.
	maxRatio = 200
	// maxMarkup is the longest text or tag of a sheet: a cell has at most 32,767 characters.
	maxMarkup = 128 << 10
	// maxTexts is how many different texts the cells have.
	maxTexts = 2 << 20
)

// lookThrough refuses a workbook that cannot be read with a bounded memory.
func lookThrough(file string) error {
	z, err := zip.OpenReader(file)
	if err != nil {
		return wrong("the workbook cannot be read: it is no archive that is whole; save it anew, or as CSV")
	}
	defer z.Close()
	if len(z.File) > maxParts {
		return wrong("the workbook has %d parts, and %d at most are read; save the list alone, or as CSV", len(z.File), maxParts)
	}
	var all, inMemory uint64
	for _, part := range z.File {
		size := part.UncompressedSize64
		if part.Flags&1 != 0 || part.Method != zip.Store && part.Method != zip.Deflate {
			return wrong("the workbook is encrypted, or packed in a way that is not read; save it anew, or as CSV")
		}
		if all += min(size, maxUnzipped+1); all > maxUnzipped || size > largePart && size/maxRatio > part.CompressedSize64 {
			return wrong("the workbook is implausibly large when it is unpacked; save the list alone, or as CSV")
		}
		if kind := largeKind(part.Name); kind != "" && size > largePart {
			if err := lookAt(part, kind); err != nil {
				return err
			}
			continue
		}
		if inMemory += size; inMemory > maxInMemory {
			return wrong("the workbook has more than %d MB beside its sheet, of pictures or formats; save the list alone, or as CSV",
				maxInMemory>>20)
		}
	}
	return nil
}

// largeKind is the element that a part has many of which the library does not take into
// memory; empty for other parts. It goes by the same names as the library.
func largeKind(name string) string {
	switch name = strings.ToLower(strings.ReplaceAll(name, `\`, "/")); {
	case name == "xl/sharedstrings.xml":
		return "si"
	case strings.HasPrefix(name, "xl/worksheets/sheet") && path.Ext(name) == ".xml":
		return "row"
	}
	return ""
}

func lookAt(part *zip.File, kind string) error {
	r, err := part.Open()
	if err != nil {
		return wrong("the workbook cannot be read: %s is damaged; save it anew, or as CSV", path.Base(part.Name))
	}
	defer r.Close()
	m := &markup{kind: kind}
	text := bufio.NewReaderSize(r, maxMarkup)
	for {
		piece, err := text.ReadSlice('<')
		if errors.Is(err, bufio.ErrBufferFull) {
			return wrong("the workbook has a cell of more than %d kB; save the list anew, or as CSV", maxMarkup>>10)
		}
		if why := m.next(piece); why != "" {
			return wrong("%s; save the list anew, or as CSV", why)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return wrong("the workbook cannot be read: %s is damaged; save it anew, or as CSV", path.Base(part.Name))
		}
	}
}

// markup follows what a part has, a tag with its text at a time: the library takes one
// row, or one text, into memory.
type markup struct {
	kind string
	open bool
	// bytes and values are what the one that is open has; pieces, count and line are of all.
	bytes, values, pieces, count int
	line                         int64
}

// lineOf finds which row a tag says it is.
var lineOf = regexp.MustCompile(`\sr\s*=\s*["']0*([0-9]{1,18})["']`)

func (m *markup) next(piece []byte) (fault string) {
	m.pieces++
	if m.pieces == 1 {
		return "" // before the first tag
	}
	if piece[0] == '!' || piece[0] == '?' && m.pieces > 2 {
		return "the workbook has something in a sheet that is no cell"
	}
	end := bytes.IndexAny(piece, " \t\r\n/>")
	if piece[0] == '/' {
		end = len(piece)
	}
	name := string(piece[:max(0, end)])
	name = name[strings.LastIndexByte(name, ':')+1:]
	switch m.bytes += len(piece); {
	case piece[0] == '/':
		closed, _, _ := strings.Cut(string(piece[1:]), ">")
		closed = strings.TrimSpace(closed[strings.LastIndexByte(closed, ':')+1:])
		m.open = m.open && closed != m.kind
	case name == m.kind && m.open:
		return "the workbook has a row in a row"
	case name == m.kind:
		return m.begin(piece)
	case name == "v" || name == "t":
		m.values++
	}
	switch {
	case !m.open:
		m.bytes, m.values = 0, 0
	case m.bytes > csvfile.MaxRow:
		return "the workbook has a row of more than 1 MB"
	case m.values > csvfile.MaxColumns:
		return "the workbook has a row of more than " + strconv.Itoa(csvfile.MaxColumns) + " values"
	}
	return ""
}

// begin is at the tag of another row, or text.
func (m *markup) begin(piece []byte) (fault string) {
	tag, _, _ := bytes.Cut(piece, []byte(">"))
	m.open, m.bytes, m.values = !bytes.HasSuffix(tag, []byte("/")), len(piece), 0
	if m.count++; m.kind == "si" && m.count > maxTexts {
		return "the workbook has too many different texts"
	}
	found := lineOf.FindSubmatch(tag)
	if m.kind != "row" || found == nil {
		return ""
	}
	line, err := strconv.ParseInt(string(found[1]), 10, 64)
	if err != nil || line <= m.line {
		return "the rows of the workbook are not in their order"
	}
	m.line = line
	return ""
}
