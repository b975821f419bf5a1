package importer

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/worker/importer/csvfile"
	"github.com/hybridapps/tandem/worker/jobs"
)

// What the file of the refused rows is called: alone that of one file, else an
// archive of them. The files in it have the names that the mapping knows, so that
// they can be mended and imported again.
const (
	refusedArchive = "refused-rows.zip"
	typeCSV        = "text/csv; charset=utf-8"
	typeZIP        = "application/zip"
)

// keepRefused writes the refused rows as they came, with the reason behind them,
// for people to download. Where nothing was refused there is no file.
func (i *attempt) keepRefused(ctx context.Context) error {
	reasons, full, err := i.Refused(ctx)
	if err != nil {
		return err
	}
	var names []string
	for _, name := range i.Mapping.Files() {
		if _, uploaded := i.files[name]; uploaded && len(reasons[name]) > 0 {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	if full {
		i.tellCut(names, reasons)
	}
	if err := os.MkdirAll(i.Made(), 0o700); err != nil {
		return err
	}
	const stored = "refused"
	file := filepath.Join(i.Made(), stored)
	out, err := os.OpenFile(file, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	told := internalapi.ResultFile{Name: names[0], MediaType: typeCSV, ExpiresAt: i.Clock.Now().Add(i.Importer.Keep)}
	if len(names) > 1 {
		told.Name, told.MediaType = refusedArchive, typeZIP
		err = i.writeArchive(out, names, reasons)
	} else {
		err = i.writeRefused(out, names[0], reasons[names[0]])
	}
	if closed := out.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return fmt.Errorf("write the refused rows: %w", err)
	}
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	told.Size = info.Size()
	err = i.Run.Keep(ctx, stored, told)
	if tandem.ErrorCode(err) == tandem.CodeTooLarge { // the import is done all the same
		i.notes = append(i.notes, "the refused rows are not kept as a file: "+err.Error())
		return os.Remove(file)
	}
	return err
}

// tellCut says how many refused rows the file lacks, because the report, which has
// the reasons, was full.
func (i *attempt) tellCut(names []string, reasons map[string]map[int64]string) {
	var refused, written int64
	for _, name := range names {
		refused += i.count(name).Refused
		written += int64(len(reasons[name]))
	}
	if written < refused {
		i.notes = append(i.notes, fmt.Sprintf("the report is full at %d lines, and the file of refused rows has %d of %d; mend those, and import all files again",
			jobs.MaxReport, written, refused))
	}
}

func (i *attempt) writeArchive(to io.Writer, names []string, reasons map[string]map[int64]string) error {
	archive := zip.NewWriter(to)
	for _, name := range names {
		part, err := archive.Create(name)
		if err != nil {
			return err
		}
		if err := i.writeRefused(part, name, reasons[name]); err != nil {
			return err
		}
	}
	return archive.Close()
}

// writeRefused writes the header and the rows of one file, in UTF-8, whatever its
// encoding was. A row that has no end of its own, because of a quotation mark, is
// written without the reason.
func (i *attempt) writeRefused(to io.Writer, name string, reasons map[int64]string) error {
	in, err := i.openFile(name)
	if err != nil {
		return err
	}
	defer in.Close()
	rows, err := csvfile.New(in, i.Mapping.Separator)
	if err != nil {
		return err
	}
	copyRow := func(from, upto int64, reason string) error {
		row := make([]byte, upto-from)
		if _, err := in.ReadAt(row, from); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		text := strings.Trim(string(row), "\r\n")
		if reason != "" {
			text += string(rows.Separator) + `"` + strings.ReplaceAll(reason, `"`, `""`) + `"`
		}
		_, err := io.WriteString(to, text+"\r\n")
		return err
	}
	already := false // the file is one of refused rows: its reasons are old ones
	for _, column := range rows.Header {
		already = already || column == ColumnReason
	}
	top := "\ufeff" // spreadsheets ask for it
	if rows.Separator != i.Mapping.Separator {
		top += "sep=" + string(rows.Separator) + "\r\n"
	}
	if _, err := io.WriteString(to, top); err != nil {
		return err
	}
	head := ColumnReason
	if already {
		head = ""
	}
	if err := copyRow(rows.HeaderAt(), rows.At(), head); err != nil {
		return err
	}
	for {
		row, err := rows.Next()
		if errors.Is(err, io.EOF) || errors.As(err, new(*csvfile.FileError)) {
			return nil // the report has told why no further row was read
		}
		var bad *csvfile.RowError
		if err != nil && !errors.As(err, &bad) {
			return err
		}
		whole := true
		if bad != nil {
			row.Line, row.Offset, whole = bad.Line, bad.Offset, bad.Whole
		}
		reason, refused := reasons[row.Line]
		if !refused {
			continue
		}
		if !whole || already {
			reason = ""
		}
		if err := copyRow(row.Offset, rows.At(), reason); err != nil {
			return err
		}
	}
}
