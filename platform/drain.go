package platform

import (
	"net/http"
	"os"
	"sync/atomic"
	"time"
)

// MaxDrain is the longest [ServeOptions.Drain] that makes sense: load balancers
// ask every few seconds.
const MaxDrain = 10 * time.Minute

// drain is the time in which a server that is going still answers everything,
// but tells everybody to go elsewhere: load balancers by /readyz, and clients by
// closing each connection after its answer (RFC 9112, 9.6; over HTTP/2 Go's
// server says GOAWAY). Without it, who has just sent a request over a connection
// that is closed because it was idle cannot know whether it was heard.
type drain struct{ begun atomic.Bool }

// handler answers as next does, until the drain has begun.
func (d *drain) handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !d.begun.Load() {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Connection", "close")
		if r.URL.Path == "/readyz" {
			writePlain(w, http.StatusServiceUnavailable, "draining")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// begin begins the drain; the channel is closed when it is over.
func (d *drain) begin(last time.Duration, hurry <-chan os.Signal) <-chan struct{} {
	d.begun.Store(true)
	over := make(chan struct{})
	go func() {
		defer close(over)
		timer := time.NewTimer(last)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-hurry:
		}
	}()
	return over
}
