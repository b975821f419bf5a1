package api

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strconv"

	"github.com/hybridapps/tandem"
)

// batchAnswer keeps an answer until it is written.
type batchAnswer struct {
	header http.Header
	status int
	body   bytes.Buffer
	over   bool // there was more than is kept
}

// Header, WriteHeader and Write implement [http.ResponseWriter].
func (a *batchAnswer) Header() http.Header { return a.header }

func (a *batchAnswer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

func (a *batchAnswer) Write(text []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	if a.over = a.over || a.body.Len()+len(text) > MaxBatchAnswer; a.over {
		return 0, errors.New("the answer to a request in a batch is too long")
	}
	return a.body.Write(text)
}

// tooLong is the error for an answer of which there is more than is kept.
func tooLong(method string) error {
	done, more := "", "ask for less, or send it by itself"
	if ScopeFor(method) == tandem.ScopeUpdate {
		done, more = "this was done, but ", "read the row by itself"
	}
	return tandem.Errorf(tandem.CodeTooLarge, "%sthe answer to a request in a batch has at most %d bytes; %s", done, MaxBatchAnswer, more)
}

// takeBack makes room for another answer: nothing of this one has left.
func (a *batchAnswer) takeBack() {
	clear(a.header)
	a.status = 0
	a.body.Reset()
}

// write writes the answer as a part.
func (a *batchAnswer) write(out *multipart.Writer, id string) error {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	h := textproto.MIMEHeader{"Content-Type": {"application/http"}, "Content-Transfer-Encoding": {"binary"}}
	if id != "" {
		h.Set("Content-Id", id)
	}
	section, err := out.CreatePart(h)
	if err != nil {
		return err
	}
	a.header.Del("Connection")
	a.header.Set("Content-Length", strconv.Itoa(a.body.Len()))
	if _, err := fmt.Fprintf(section, "HTTP/1.1 %d %s\r\n", a.status, http.StatusText(a.status)); err != nil {
		return err
	}
	if err := a.header.Write(section); err != nil {
		return err
	}
	if _, err := io.WriteString(section, "\r\n"); err != nil {
		return err
	}
	_, err = a.body.WriteTo(section)
	return err
}
