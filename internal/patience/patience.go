// Package patience bounds how long an HTTP request waits for somebody who does
// not answer: a process that was stopped takes connections and never responds.
package patience

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// Error says that a server fell silent. It is a timeout for package net.
type Error struct{ After time.Duration }

// Error implements error.
func (e *Error) Error() string { return fmt.Sprintf("no answer within %s", e.After) }

// Timeout implements net.Error.
func (*Error) Timeout() bool { return true }

// Temporary implements net.Error.
func (*Error) Temporary() bool { return true }

// Do sends the request. The server may be silent for d at most: until it takes
// the next part of the request's body, begins its response, or sends the next
// part of the response's body. Then the request ends with an [Error] in a
// *url.Error. A body of any length may take its time, as long as it moves.
func Do(c *http.Client, req *http.Request, d time.Duration) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(req.Context())
	w := &watch{d: d, cancel: cancel}
	w.timer = time.AfterFunc(d, func() { cancel(&Error{After: d}) })
	w.told = func(err error) error { return told(err, context.Cause(ctx)) }
	out := req.WithContext(ctx)
	if req.Body != nil && req.Body != http.NoBody {
		out.Body = &sending{req.Body, w}
	}
	res, err := c.Do(out)
	w.answer()
	if err != nil {
		cancel(nil)
		return nil, w.told(err)
	}
	res.Body = &reading{res.Body, w}
	res.Request = req
	return res, nil
}

// told puts a silence in the place of the cancellation that it led to.
func told(err, cause error) error {
	var silent *Error
	if !errors.As(cause, &silent) {
		return err
	}
	var u *url.Error
	if errors.As(err, &u) {
		return &url.Error{Op: u.Op, URL: u.URL, Err: silent}
	}
	return silent
}

// watch is the timer of one request.
type watch struct {
	d      time.Duration
	cancel context.CancelCauseFunc
	told   func(error) error

	mu       sync.Mutex
	timer    *time.Timer
	answered bool
}

// sent says that a part of the request's body has gone. The transport may send
// on when the response is there: that counts no more.
func (w *watch) sent() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.answered {
		w.timer.Reset(w.d)
	}
}

func (w *watch) answer() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.answered = true
	w.timer.Stop()
}

// sending is the body of a request.
type sending struct {
	io.ReadCloser
	watch *watch
}

func (s *sending) Read(p []byte) (int, error) {
	n, err := s.ReadCloser.Read(p)
	s.watch.sent()
	return n, err
}

// reading is the body of a response. The timer runs while it is read.
type reading struct {
	io.ReadCloser
	watch *watch
}

func (r *reading) Read(p []byte) (int, error) {
	r.watch.timer.Reset(r.watch.d)
	n, err := r.ReadCloser.Read(p)
	r.watch.timer.Stop()
	if err != nil && !errors.Is(err, io.EOF) {
		err = r.watch.told(err)
	}
	return n, err
}

func (r *reading) Close() error {
	r.watch.timer.Stop()
	r.watch.cancel(nil)
	return r.ReadCloser.Close()
}
