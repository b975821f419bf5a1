package importer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/worker/importer/csvfile"
)

// decoded is what the name of a file's text in UTF-8 ends in, beside the file as
// it came.
const decoded = ".utf8"

// path is where the file is in UTF-8.
func (i *attempt) path(f File) string {
	file := filepath.Join(i.Uploads(), filepath.Base(f.Stored))
	if _, err := os.Stat(file + decoded); err == nil {
		return file + decoded
	}
	return file
}

// decode makes a file UTF-8 that is not, and says so where its encoding was a
// guess. An attempt of another worker may have done so elsewhere.
func (i *attempt) decode(name string) error {
	file := filepath.Join(i.Uploads(), filepath.Base(i.files[name].Stored))
	if i.at.Opened && i.path(i.files[name]) != file {
		return nil
	}
	in, err := open(file)
	if err != nil {
		return err
	}
	defer in.Close()
	encoding, guessed, err := csvfile.Guess(in, i.Mapping.Encoding)
	if err != nil || encoding == csvfile.UTF8 {
		return err
	}
	if guessed {
		i.count(name).Note = "read as " + encoding + ", a guess"
		i.report = append(i.report, internalapi.ReportRow{
			File: name, Severity: internalapi.SeverityWarning,
			Reason: fmt.Sprintf("the file is not UTF-8; it was read as %s, which is a guess from its bytes. Look at names with accents; "+
				"to say it for good, put encoding: %[1]s, or the right one, into the mapping file", encoding),
		})
	}
	if _, err := in.Seek(0, 0); err != nil {
		return err
	}
	return writeDecoded(file+decoded, in, encoding)
}

// writeDecoded writes the whole file, or none.
func writeDecoded(to string, in *os.File, encoding string) error {
	if err := os.Remove(to + ".partial"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	out, err := os.OpenFile(to+".partial", os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	err = csvfile.Decode(out, in, encoding)
	if closed := out.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	return os.Rename(to+".partial", to)
}
