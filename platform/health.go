package platform

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/hybridapps/tandem/internal/netaddr"
)

// readyTimeout bounds the question whether a program can answer.
const readyTimeout = 2 * time.Second

// Ready says why the instance cannot answer now: the database does not take a
// change, or no key is there to sign with. It does not ask for the ERP's rows, whose
// connections may all be at work: that is no reason to sign nobody in.
func (i *Instance) Ready(ctx context.Context) error {
	if err := i.DB.Ping(ctx); err != nil {
		return fmt.Errorf("the database does not answer: %w", err)
	}
	if err := i.writable.Ask(ctx); err != nil {
		return fmt.Errorf("the database does not take a change: %w", err)
	}
	if err := i.Keys.Ready(); err != nil {
		return err
	}
	return i.Registry.Ready()
}

// mountHealth adds what machines ask to see whether the instance is well.
func (i *Instance) mountHealth(mux *http.ServeMux) {
	Health(mux, i.config.Log, i.Ready, i.amiss)
	shown := i.metrics.handler()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, r *http.Request) {
		if !i.config.MetricsToAll && !directlyLocal(r) {
			http.NotFound(w, r)
			return
		}
		if !i.config.MetricsToAll && !netaddr.IsLoopback(hostOf(r)) {
			// A page of somebody's, read in a browser on this machine, whose name
			// now leads here (DNS rebinding).
			http.Error(w, "the metrics are for this machine: ask for them at localhost", http.StatusForbidden)
			return
		}
		shown.ServeHTTP(w, r)
	})
}

// Metrics are the instance's metrics in the Prometheus format, for a listener
// of their own.
func (i *Instance) Metrics() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", i.metrics.handler())
	return mux
}

// Health adds /healthz, which says that the process is alive, and /readyz,
// which says that ready returns no error. Why it is not ready is in the log
// only: errors of databases name what outsiders need not know. What is amiss although it is
// ready, each with what mends it, is told to this machine; nil tells nothing.
func Health(mux *http.ServeMux, log *slog.Logger, ready func(context.Context) error, amiss func(context.Context) []string) {
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { writePlain(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
		defer cancel()
		if err := ready(ctx); err != nil {
			log.Warn("not ready", "error", err)
			writePlain(w, http.StatusServiceUnavailable, "not ready")
			return
		}
		text := "ready"
		if amiss != nil && directlyLocal(r) && netaddr.IsLoopback(hostOf(r)) {
			text = strings.Join(append([]string{text}, amiss(ctx)...), "\n")
		}
		writePlain(w, http.StatusOK, text)
	})
}

func writePlain(w http.ResponseWriter, status int, text string) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text+"\n") // the caller may have gone
}

// hostOf is the host that the request names, without its port.
func hostOf(r *http.Request) string { return strings.Trim(netaddr.Host(r.Host), "[]") }

// directlyLocal reports whether the request comes from this machine, and not
// through a proxy on it.
func directlyLocal(r *http.Request) bool {
	if !netaddr.IsLoopback(netaddr.Host(r.RemoteAddr)) {
		return false
	}
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Via"} {
		if r.Header.Get(name) != "" {
			return false
		}
	}
	return true
}
