package internalapi_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internalapi"
)

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func newClient(t *testing.T, transport roundTrip) *internalapi.Client {
	t.Helper()
	key, err := internalapi.NewChannelKey(make([]byte, internalapi.MinChannelKey))
	if err != nil {
		t.Fatal(err)
	}
	c, err := internalapi.NewClient("http://127.0.0.1:8082", key, transport)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestAStoppedWorkerIsNotWaitedFor: a page ends within seconds, and an upload,
// which the worker writes to its disk, has a bound of its own.
func TestAStoppedWorkerIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		for name, call := range map[string]struct {
			do   func() error
			most time.Duration
		}{
			"a page":   {func() error { _, err := c.Jobs(t.Context(), "id", internalapi.JobQuery{}); return err }, 8 * time.Second},
			"a status": {func() error { _, err := c.Status(t.Context(), ""); return err }, 8 * time.Second},
			"a file":   {func() error { _, err := c.JobFile(t.Context(), "id", "1"); return err }, 30 * time.Second},
			"a stream": {func() error { return c.JobEvents(t.Context(), "id", "1", nil) }, 45 * time.Second},
			"an upload": {func() error {
				_, err := c.Import(t.Context(), "id", "multipart/form-data; boundary=b", strings.NewReader("x"))
				return err
			}, 2 * time.Minute},
		} {
			began := time.Now()
			err := call.do()
			if took := time.Since(began); took != call.most || !errors.Is(err, internalapi.ErrNoAnswer) {
				t.Errorf("%s: %v after %s, want %s", name, err, took, call.most)
			}
		}
		c.Patience = time.Minute // of who has said so
		began := time.Now()
		_, err := c.Status(t.Context(), "")
		if took := time.Since(began); took != time.Minute || !errors.Is(err, internalapi.ErrNoAnswer) {
			t.Errorf("%v after %s, want a minute", err, took)
		}
	})
}

// TestCausesAreNotForPeople: what a person reads has no address, what is logged
// has the cause.
func TestCausesAreNotForPeople(t *testing.T) {
	t.Parallel()
	const cause = "dial tcp 127.0.0.1:21222: connect: connection refused"
	body := `{"error":{"code":"unavailable","message":"` + cause + `"}}`
	for name, transport := range map[string]roundTrip{
		"nobody listens": func(*http.Request) (*http.Response, error) { return nil, errors.New(cause) },
		"the worker says so of another": func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 503, Body: io.NopCloser(strings.NewReader(body))}, nil
		},
	} {
		_, err := newClient(t, transport).Job(t.Context(), "id", "1")
		var shown *tandem.Error
		if !errors.As(err, &shown) || shown.Code != tandem.CodeUnavailable || strings.Contains(shown.Message, "127.0.0.1") ||
			!strings.Contains(err.Error(), cause) {
			t.Errorf("%s: shows %v of %v", name, shown, err)
		}
	}
}
