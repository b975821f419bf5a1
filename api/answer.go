package api

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// jsonType is the content type of the documented API's answers.
const jsonType = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"

// flushAt is how many bytes an answer collects before it is sent; an answer
// that stays below goes out in one piece, with its length.
const flushAt = 64 << 10

// answer is a 2xx body in the making. Nothing is sent before flushAt bytes are
// there, so an error until then is a clean error answer.
type answer struct {
	w      http.ResponseWriter
	r      *http.Request
	status int
	buf    []byte
	pooled *[]byte
	sent   bool
}

var answerBuffers = sync.Pool{New: func() any {
	b := make([]byte, 0, flushAt+flushAt/4)
	return &b
}}

func newAnswer(w http.ResponseWriter, r *http.Request, status int) *answer {
	pooled := answerBuffers.Get().(*[]byte)
	return &answer{w: w, r: r, status: status, buf: (*pooled)[:0], pooled: pooled}
}

// str appends text as it is.
func (a *answer) str(s string) { a.buf = append(a.buf, s...) }

// url appends a URL of ours as a JSON string. Neither the configured root nor
// what [escapeQuery] leaves holds a character that JSON escapes.
func (a *answer) url(parts ...string) {
	a.buf = append(a.buf, '"')
	for _, p := range parts {
		a.buf = append(a.buf, p...)
	}
	a.buf = append(a.buf, '"')
}

// int appends a number.
func (a *answer) int(n int64) { a.buf = strconv.AppendInt(a.buf, n, 10) }

// spill sends what is there when it is much.
func (a *answer) spill() error {
	if len(a.buf) < flushAt {
		return nil
	}
	a.header()
	_, err := a.w.Write(a.buf)
	a.buf = a.buf[:0]
	return err
}

func (a *answer) header() {
	if a.sent {
		return
	}
	a.sent = true
	if h := a.w.Header(); h.Get("Content-Type") == "" {
		h.Set("Content-Type", jsonType)
	}
	a.w.WriteHeader(a.status)
}

// done sends the rest.
func (a *answer) done() error {
	if !a.sent {
		a.w.Header().Set("Content-Length", strconv.Itoa(len(a.buf)))
	}
	a.header()
	_, _ = a.w.Write(a.buf) // the caller may have gone
	a.release()
	return nil
}

// fail gives up. Where a part was already sent the connection is broken off,
// so that nobody takes the part for the whole.
func (a *answer) fail(err error, log func(error)) error {
	sent := a.sent
	a.release()
	if !sent {
		return err
	}
	if a.r.Context().Err() == nil {
		log(err)
	}
	panic(http.ErrAbortHandler)
}

func (a *answer) release() {
	if cap(a.buf) <= 4*flushAt {
		*a.pooled = a.buf[:0]
		answerBuffers.Put(a.pooled)
	}
	a.buf, a.pooled = nil, nil
}

// document answers 200 with a value as JSON, without the escapes that only HTML
// needs.
func document(w http.ResponseWriter, v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	return plain(w, jsonType, bytes.TrimSuffix(b.Bytes(), []byte("\n")))
}

// plain answers with a text of another type than JSON.
func plain(w http.ResponseWriter, contentType string, body []byte) error {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body) // the caller may have gone
	return nil
}

// preference is the value of a preference of the Prefer header (RFC 7240).
func preference(r *http.Request, name string) string {
	for _, line := range r.Header.Values("Prefer") {
		for part := range strings.SplitSeq(line, ",") {
			part, _, _ = strings.Cut(part, ";")
			key, value, _ := strings.Cut(part, "=")
			if strings.EqualFold(strings.TrimSpace(key), name) {
				return strings.Trim(strings.TrimSpace(value), `"`)
			}
		}
	}
	return ""
}
