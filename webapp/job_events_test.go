package webapp_test

import (
	"bufio"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/internalapi"
)

// TestJobEventsAreRelayed also cuts the worker's stream, as the end of the
// evidence does: the relay goes on with a fresh ID token.
func TestJobEventsAreRelayed(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{})
	s.worker.set(func() { s.worker.cut = 2 })
	b, _ := s.signIn("anna", "/jobs")
	b.post("/stock/sync", nil)
	req, err := http.NewRequestWithContext(t.Context(), "GET", s.url+"/jobs/1/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "text/event-stream")
	res, err := b.Client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != 200 || res.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%d %s", res.StatusCode, res.Header.Get("Content-Type"))
	}
	lines := bufio.NewScanner(res.Body)
	next := func() (e struct {
		State    internalapi.JobState `json:"state"`
		Progress int                  `json:"progress"`
	}) {
		t.Helper()
		for lines.Scan() {
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				if err := json.Unmarshal([]byte(data), &e); err != nil {
					t.Fatal(err)
				}
				return e
			}
		}
		t.Fatalf("the stream ended: %v", lines.Err())
		return e
	}
	if e := next(); e.State != internalapi.JobQueued {
		t.Errorf("first: %+v", e)
	}
	progress := func(n int, state internalapi.JobState) {
		s.worker.set(func() { s.worker.jobs[0].Progress, s.worker.jobs[0].State = n, state })
	}
	progress(30, internalapi.JobRunning)
	for e := next(); e.Progress != 30; e = next() {
	}
	// The ID token is near its end by now.
	s.in.Clock.Advance(4*time.Minute + 30*time.Second)
	testkit.Eventually(t, "a second stream of the worker", func() (again bool) {
		s.worker.set(func() { again = s.worker.streams >= 2 }) // also sends the event that ends the first
		return again
	})
	progress(100, internalapi.JobCompleted)
	for e := next(); e.State != internalapi.JobCompleted; e = next() {
	}
	if lines.Scan() && lines.Text() != "" || lines.Scan() {
		t.Errorf("the stream goes on after the end: %q", lines.Text())
	}
	// Whom the worker refuses is asked for once more, and no longer.
	b.post("/stock/sync", nil)
	asked := make(chan int)
	go func() {
		b.Get(s.url + "/jobs/2/events") // ends with the stream
		s.worker.mu.Lock()
		defer s.worker.mu.Unlock()
		asked <- len(s.worker.evidence)
	}()
	testkit.Eventually(t, "a stream of the worker", func() (there bool) {
		s.worker.mu.Lock()
		defer s.worker.mu.Unlock()
		return len(s.worker.watchers) == 1
	})
	var before int
	s.worker.set(func() {
		before, s.worker.fail = len(s.worker.evidence), tandem.Errorf(tandem.CodeUnauthorized, "this sign-in has ended")
	})
	if n := <-asked - before; n != 2 {
		t.Errorf("the worker was asked %d times by somebody whom it refused", n)
	}
	s.worker.mu.Lock()
	defer s.worker.mu.Unlock()
	seen := map[string]bool{}
	for _, e := range s.worker.evidence {
		seen[e] = true
	}
	if len(seen) < 2 {
		t.Errorf("the relay went on with the same ID token")
	}
}
