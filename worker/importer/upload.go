package importer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internalapi"
)

// UploadIn is how long an upload may take.
const UploadIn = 10 * time.Minute

// Args are the files of an import, as stored in the job's folder, in the order of
// the upload.
type Args struct {
	Files []File `json:"files,omitempty"`
	// DryRun says to ask what an import would do, and to change nothing.
	DryRun bool `json:"dry_run,omitempty"`
}

// File is one uploaded file.
type File struct {
	Name   string `json:"name"`   // as the person called it
	Stored string `json:"stored"` // in the job's folder
	Size   int64  `json:"size"`
}

// Size is how many bytes the files have together.
func (a *Args) Size() (n int64) {
	for _, f := range a.Files {
		n += f.Size
	}
	return n
}

// Store writes the parts with a file name into the job's folder.
func Store(parts *multipart.Reader, dir string) (args Args, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return args, err
	}
	left := int64(internalapi.MaxUpload)
	for n := 0; ; n++ {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return args, partError(err)
		}
		if n >= 10*internalapi.MaxUploadFiles {
			return args, tandem.Errorf(tandem.CodeInvalid, "the form has too many fields")
		}
		name, err := fileName(part)
		if err != nil {
			return args, err
		}
		if name == "" {
			if part.FormName() == internalapi.FieldDryRun {
				value := make([]byte, 1)
				n, err := io.ReadFull(part, value)
				if err != nil && !errors.Is(err, io.EOF) {
					return args, partError(err)
				}
				args.DryRun = n > 0
			}
			continue
		}
		if len(args.Files) == internalapi.MaxUploadFiles {
			return args, tandem.Errorf(tandem.CodeTooLarge, "more than %d files; upload them in several imports", internalapi.MaxUploadFiles)
		}
		f := File{Name: name, Stored: fmt.Sprintf("%03d.csv", len(args.Files)+1)}
		if f.Size, err = copyFile(filepath.Join(dir, f.Stored), part, left); err != nil {
			return args, err
		}
		left -= f.Size
		args.Files = append(args.Files, f)
	}
	if len(args.Files) == 0 {
		return args, tandem.Errorf(tandem.CodeInvalid, "no file came; choose the CSV files to import")
	}
	return args, nil
}

// fileName is the base name of an uploaded file, for showing and matching only;
// empty for another field of the form.
func fileName(part *multipart.Part) (string, error) {
	name := part.FileName()
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	_, _, err := mime.ParseMediaType(part.Header.Get("Content-Disposition"))
	if err != nil || !utf8.ValidString(name) || len(name) > 255 || tandem.HasControl(name) {
		return "", tandem.Errorf(tandem.CodeInvalid, "the name of a file cannot be read: "+
			"use at most 255 letters, digits and signs in UTF-8, none of them a control character; rename the file and upload it again")
	}
	return name, nil
}

func copyFile(to string, from io.Reader, left int64) (int64, error) {
	f, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, err
	}
	n, err := io.Copy(f, io.LimitReader(from, left+1))
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return n, uploadError(err) // bare, so that its words are shown
	}
	if n > left {
		return n, tooMuch()
	}
	return n, nil
}

func tooMuch() error {
	return tandem.Errorf(tandem.CodeTooLarge,
		"the files have more than %d MB together; upload them in several imports", internalapi.MaxUpload>>20)
}

// partError is for the head of a part: what cannot be read there is the
// sender's.
func partError(err error) error {
	if told := uploadError(err); tandem.ErrorCode(told) != tandem.CodeInternal {
		return told
	}
	return notMultipart()
}

func notMultipart() error {
	return tandem.Errorf(tandem.CodeInvalid, "the upload was cut off or is not multipart/form-data")
}

func uploadError(err error) error {
	var tooBig *http.MaxBytesError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &tooBig):
		return tooMuch()
	case errors.Is(err, context.DeadlineExceeded):
		return tandem.Errorf(tandem.CodeTooLarge, "the upload took more than %.0f minutes; upload fewer files at a time", UploadIn.Minutes())
	case errors.Is(err, io.ErrUnexpectedEOF), strings.HasPrefix(err.Error(), "multipart:"):
		return notMultipart()
	}
	return err
}
