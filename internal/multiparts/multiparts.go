// Package multiparts reads bodies of several parts (RFC 2046 section 5.1) to their end.
package multiparts

import (
	"bytes"
	"io"
	"mime/multipart"
)

// NewReader is [multipart.NewReader] that takes no body without its closing delimiter for
// a whole one: then it answers an error that is not [io.EOF].
func NewReader(body io.Reader, boundary string) *multipart.Reader {
	return multipart.NewReader(&whole{body: body, end: []byte("--" + boundary + "--")}, boundary)
}

// whole ends with io.EOF only where the last line of the body is its closing delimiter.
// Where something follows that, nobody reads to the end.
type whole struct {
	body io.Reader
	end  []byte
	last []byte // of what was read
}

func (w *whole) Read(p []byte) (int, error) {
	n, err := w.body.Read(p)
	w.last = append(w.last, p[max(0, n-w.room()):n]...)
	if more := len(w.last) - w.room(); more > 0 {
		w.last = append(w.last[:0], w.last[more:]...)
	}
	if err == io.EOF && !bytes.HasSuffix(bytes.TrimRight(w.last, " \t\r\n"), w.end) {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// room is for the delimiter and white space behind it.
func (w *whole) room() int { return len(w.end) + 16 }
