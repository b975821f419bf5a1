package platform_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptrace"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/platform"
)

// A program that drains answers everything, says that it is going, and keeps no
// connection; what ends the drain early ends the program.
func TestDrain(t *testing.T) {
	t.Parallel()
	p := &program{handler: func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNoContent) }}
	hurry := make(chan os.Signal, 1)
	url, stop := servedWith(t, p, platform.ServeOptions{Drain: time.Hour, Hurry: hurry})
	own := &http.Client{Transport: &http.Transport{}}
	ask := func(path string) (status int, reused, closes bool) {
		t.Helper()
		trace := &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { reused = i.Reused }}
		req, err := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), trace), "POST", url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if path == "/readyz" {
			req.Method = "GET"
		}
		res, err := own.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		return res.StatusCode, reused, res.Close
	}
	for range 2 {
		if status, _, closes := ask("/work"); status != 204 || closes {
			t.Errorf("before: %d, closes %t", status, closes)
		}
	}
	ended := make(chan error, 1)
	go func() { ended <- stop() }()
	testkit.Eventually(t, "not ready", func() bool { status, _, _ := ask("/readyz"); return status == 503 })
	for range 2 {
		if status, reused, closes := ask("/work"); status != 204 || reused || !closes {
			t.Errorf("while it drains: %d, on a used connection %t, closes %t", status, reused, closes)
		}
	}
	if status, body := get(t, url+"/readyz"); status != 503 || !strings.Contains(body, "draining") {
		t.Errorf("/readyz says %d %s", status, body)
	}
	select {
	case err := <-ended:
		t.Fatalf("it ended in the middle of its drain: %v", err)
	default:
	}
	hurry <- os.Interrupt
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if got := strings.Join(p.steps, ", "); got != "background ended, stores closed" {
		t.Errorf("ended in the order: %s", got)
	}
}

// A drain has an end of its own, and keeps no program whose work fails.
func TestDrainEnds(t *testing.T) {
	t.Parallel()
	_, stop := servedWith(t, &program{handler: http.NotFound}, platform.ServeOptions{Drain: time.Millisecond})
	if err := stop(); err != nil {
		t.Error(err)
	}
	broken, fail := errors.New("broken"), make(chan struct{})
	p := &program{handler: http.NotFound, run: func(context.Context) error { <-fail; return broken }}
	url, stop := servedWith(t, p, platform.ServeOptions{Drain: time.Hour})
	ended := make(chan error, 1)
	go func() { ended <- stop() }()
	testkit.Eventually(t, "not ready", func() bool { status, _ := get(t, url+"/readyz"); return status == 503 })
	close(fail)
	if err := <-ended; !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}
