package webapp_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hybridapps/tandem/tandemtest"
)

// sole is a body that stalls once, after more than a server reads before it
// answers, and notices when somebody else reads it meanwhile.
type sole struct {
	io.ReadCloser
	seen    atomic.Int64
	readers atomic.Int32
	stall   sync.Once
	overlap chan struct{}
}

func (s *sole) Read(b []byte) (int, error) {
	if s.readers.Add(1) > 1 {
		close(s.overlap)
	}
	defer s.readers.Add(-1)
	if s.seen.Load() > 512<<10 {
		s.stall.Do(func() {
			select {
			case <-s.overlap:
			case <-time.After(300 * time.Millisecond):
			}
		})
	}
	n, err := s.ReadCloser.Read(b)
	s.seen.Add(int64(n))
	return n, err
}

// TestUploadRefusedOnTheWay: the worker answers before the browser has sent
// all; the rest is read by one reader only, and the browser sees the answer.
func TestUploadRefusedOnTheWay(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{})
	b, _ := s.signIn("anna", "/import")
	overlap := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = &sole{ReadCloser: r.Body, overlap: overlap}
		s.app.Handler().ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	body := strings.NewReader("--b\r\nContent-Disposition: form-data; name=\"files\"; filename=\"refused.csv\"\r\n\r\n" + strings.Repeat("x", 2<<20) + "\r\n--b--\r\n")
	req, err := http.NewRequestWithContext(t.Context(), "POST", server.URL+"/import", body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "multipart/form-data; boundary=b")
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	res, err := b.Client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	read(t, &tandemtest.Page{Response: res, Text: string(text)}).wants(t, 422, "Nothing was imported", "refused at once")
	select {
	case <-overlap:
		t.Error("the upload was read twice at the same time")
	default:
	}
}
