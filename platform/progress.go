package platform

import (
	"errors"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/hybridapps/tandem"
)

// BodyLimits bound how long the body of a request may take. What counts is the
// time that is spent waiting for the client, not what a handler does between
// two reads. A field that is zero has its default.
type BodyLimits struct {
	// Grace is how long a body may take whatever its size, 10 s by default, and
	// Rate how many bytes a second it must bring beyond that, on average; the
	// default is 1 KiB.
	Grace time.Duration
	Rate  int64
	// Total is how long a body of any size may take; the default is 30 minutes.
	Total time.Duration
}

func (b *BodyLimits) defaults() {
	if b.Grace == 0 {
		b.Grace = 10 * time.Second
	}
	if b.Rate == 0 {
		b.Rate = 1 << 10
	}
	if b.Total == 0 {
		b.Total = 30 * time.Minute
	}
}

// left is how long a body that has brought n bytes and was waited for may still
// be waited for.
func (b *BodyLimits) left(n int64, waited time.Duration) time.Duration {
	earned := time.Duration(min(float64(n)/float64(b.Rate)*float64(time.Second), float64(b.Total)))
	return min(b.Grace+earned, b.Total) - waited
}

// progressing gives every read of a body and every write of a response its own
// time, and bodies a time in all, so that long streams live and stalled
// connections do not.
func progressing(o *ServeOptions, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := &progress{ResponseWriter: w, control: http.NewResponseController(w), limit: o.Progress, extended: tandem.SystemTime()}
		if r.Body == nil || r.Body == http.NoBody {
			next.ServeHTTP(p, r)
			return
		}
		body := &progressBody{ReadCloser: r.Body, control: p.control, limit: o.Progress, limits: &o.Bodies}
		r.Body = body
		next.ServeHTTP(p, r)
		if !body.ended {
			_ = p.control.SetReadDeadline(tandem.SystemTime().Add(drainTimeout)) // a dead connection fails at the read
		}
	})
}

type progress struct {
	http.ResponseWriter
	control  *http.ResponseController
	limit    time.Duration
	extended time.Time
}

// extend sets the deadline anew, not for each of many small writes.
func (p *progress) extend() {
	if now := tandem.SystemTime(); now.Sub(p.extended) > p.limit/8 {
		p.extended = now
		_ = p.control.SetWriteDeadline(now.Add(p.limit)) // a dead connection fails at the write
	}
}

// WriteHeader implements http.ResponseWriter.
func (p *progress) WriteHeader(status int) {
	p.extend()
	p.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (p *progress) Write(b []byte) (int, error) {
	p.extend()
	return p.ResponseWriter.Write(b)
}

// Flush implements http.Flusher.
func (p *progress) Flush() {
	p.extend()
	_ = p.control.Flush() // the caller may have gone
}

// Unwrap lets http.ResponseController reach the connection.
func (p *progress) Unwrap() http.ResponseWriter { return p.ResponseWriter }

type progressBody struct {
	io.ReadCloser
	control *http.ResponseController
	limit   time.Duration // of one read
	limits  *BodyLimits
	n       int64
	waited  time.Duration
	until   time.Time // the deadline of the connection, as far as it was set here
	ended   bool
}

// soon is by how much a deadline may be off: what is read at once needs one only.
const soon = 10 * time.Millisecond

// errSlowBody is what a handler reads of a body that took too long.
var errSlowBody = tandem.Errorf(tandem.CodeInvalid, "the body of the request came too slowly")

func (b *progressBody) Read(buf []byte) (int, error) {
	begun := tandem.SystemTime()
	left := b.limits.left(b.n, b.waited)
	if left <= 0 {
		b.ended = true
		return 0, errSlowBody
	}
	if until := begun.Add(min(left, b.limit)); until.Sub(b.until).Abs() > soon {
		b.until = until
		_ = b.control.SetReadDeadline(until) // a dead connection fails at the read
	}
	n, err := b.ReadCloser.Read(buf)
	b.n += int64(n)
	b.waited += tandem.SystemTime().Sub(begun)
	b.ended = b.ended || err != nil
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = errors.Join(errSlowBody, err)
	}
	return n, err
}
