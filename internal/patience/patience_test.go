package patience_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hybridapps/tandem/internal/patience"
)

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// silentBody gives its text and then nothing more, until it is cancelled.
type silentBody struct {
	io.Reader
	r *http.Request
}

func (b silentBody) Read(p []byte) (int, error) {
	if n, err := b.Reader.Read(p); err == nil {
		return n, nil
	}
	<-b.r.Context().Done()
	return 0, b.r.Context().Err()
}

func (silentBody) Close() error { return nil }

func TestDo(t *testing.T) {
	const d = 5 * time.Second
	for name, c := range map[string]struct {
		transport roundTrip
		body      io.Reader
		took      time.Duration
		silent    bool
	}{
		"no response": {func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}, nil, d, true},
		"stops within the response": {func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, Body: silentBody{strings.NewReader("ab"), r}}, nil
		}, nil, d, true},
		"a slow upload that moves": {func(r *http.Request) (*http.Response, error) {
			if _, err := io.Copy(io.Discard, r.Body); err != nil {
				return nil, err
			}
			return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader("ok"))}, nil
		}, &slow{parts: 10, each: d - time.Second}, 10 * (d - time.Second), false},
		"a slow response that moves": {func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, Body: io.NopCloser(&slow{parts: 10, each: d - time.Second})}, nil
		}, nil, 10 * (d - time.Second), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				req, err := http.NewRequestWithContext(t.Context(), "POST", "http://x.test/", c.body)
				if err != nil {
					t.Fatal(err)
				}
				began := time.Now()
				res, err := patience.Do(&http.Client{Transport: c.transport}, req, d)
				if err == nil {
					_, err = io.ReadAll(res.Body)
					res.Body.Close()
				}
				var timeout net.Error
				if silent := errors.As(err, &timeout) && timeout.Timeout(); silent != c.silent || !c.silent && err != nil {
					t.Errorf("error %v", err)
				}
				if took := time.Since(began); took != c.took {
					t.Errorf("took %s, want %s", took, c.took)
				}
			})
		})
	}
}

// slow gives a byte now and then.
type slow struct {
	parts int
	each  time.Duration
}

func (s *slow) Read(p []byte) (int, error) {
	if s.parts == 0 {
		return 0, io.EOF
	}
	s.parts--
	<-time.After(s.each)
	p[0] = 'x'
	return 1, nil
}
