package prove

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/hybridapps/tandem/internal/netaddr"
)

// handWait is how long a person has for the first sign-in, and nextWait how long a
// browser that has signed in has for each one after.
const (
	handWait = 5 * time.Minute
	nextWait = 30 * time.Second
)

// startPath is where the person begins.
const startPath = "/tandem-prove"

// byHand lets a person sign in with a browser of theirs, on any page and with any
// second factor. It listens on the redirect URI; each callback is answered with a
// redirect to the next request, so that single sign-on runs the rest without a click.
type byHand struct {
	redirect *url.URL
	listener net.Listener
	server   *http.Server
	say      func(string)
	// next has where the browser goes, backs what it came back with.
	next  chan string
	backs chan url.Values
	first bool
	done  chan struct{}
}

func newByHand(redirect string, say func(string)) (*byHand, error) {
	u, err := url.Parse(redirect)
	if err != nil || u.Scheme != "http" || !netaddr.IsLoopback(u.Hostname()) {
		return nil, errors.New("--by-hand needs a redirect URI on loopback, such as http://localhost:8090/signin-callback: prove listens there")
	}
	port := u.Port()
	if port == "" {
		port = "80"
	}
	l, err := net.Listen("tcp", net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		return nil, fmt.Errorf("--by-hand listens on the redirect URI: %w; end what listens there, or register another one", err)
	}
	b := &byHand{
		redirect: u, listener: l, say: say, first: true,
		next: make(chan string), backs: make(chan url.Values), done: make(chan struct{}),
	}
	b.server = &http.Server{Handler: b, ReadHeaderTimeout: MaxAnswer, MaxHeaderBytes: 64 << 10}
	go b.server.Serve(l) //nolint:errcheck // it ends with Close
	return b, nil
}

// Close ends the listener; a browser that waits is told that it is over.
func (b *byHand) Close() error {
	close(b.done)
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	return b.server.Shutdown(ctx)
}

func (b *byHand) begin(ctx context.Context, r *run) error {
	start := *b.redirect
	start.Path, start.RawQuery = startPath, ""
	if b.say != nil {
		b.say(start.String())
	}
	// The time of the run counts from when the person has signed in.
	_, err := r.mainTokens(ctx)
	return err
}

// ServeHTTP takes the start and the callbacks.
func (b *byHand) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	switch q.URL.Path {
	case startPath:
	case b.redirect.Path:
		if err := q.ParseForm(); err != nil {
			http.Error(w, "The answer cannot be read.", http.StatusBadRequest)
			return
		}
		select {
		case b.backs <- q.Form:
		case <-b.done:
		case <-q.Context().Done():
			return
		}
	default:
		http.NotFound(w, q)
		return
	}
	select {
	case address := <-b.next:
		http.Redirect(w, q, address, http.StatusSeeOther)
	case <-b.done:
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, "<!doctype html><title>Done</title><p>Done. You may close this page; the report is in the terminal.</p>")
	case <-q.Context().Done():
	}
}

// authorize implements [person].
func (b *byHand) authorize(ctx context.Context, address, state string) (url.Values, error) {
	wait := nextWait
	if b.first {
		wait = handWait
	}
	ctx, cancel := context.WithTimeoutCause(ctx, wait, fmt.Errorf("nobody came back from the sign-in within %s", wait))
	defer cancel()
	select {
	case b.next <- address:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	for {
		select {
		case back := <-b.backs:
			if back.Get("state") != state {
				return nil, errors.New("the browser came back with another state; open the address once only")
			}
			b.first = false
			return back, nil
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// quiet implements [person]: the browser is where nobody sees it.
func (b *byHand) quiet(context.Context, string, string) (url.Values, bool, error) {
	return nil, false, nil
}

// signOut implements [person]. The browser stays at the provider.
func (b *byHand) signOut(ctx context.Context, address string) (*answer, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, nextWait, errors.New("the browser is gone"))
	defer cancel()
	select {
	case b.next <- address:
		return nil, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
