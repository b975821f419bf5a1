package platform

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/api"
	"github.com/hybridapps/tandem/oauth"
)

// slowRequest is from when on a request is worth a line at the level info.
const slowRequest = time.Second

// identityTimeout bounds what the identity server does for one request. When the
// database stands still, callers are told so in time to try another replica.
const identityTimeout = 8 * time.Second

// bounded bounds the requests to the identity server; the API has bounds of its
// own.
func bounded(r *http.Request) (context.Context, context.CancelFunc) {
	if strings.HasPrefix(r.URL.Path, oauth.PathIssuer+"/") || strings.HasPrefix(r.URL.Path, "/profile/") {
		return context.WithTimeout(r.Context(), identityTimeout)
	}
	return r.Context(), func() {}
}

// observed writes a line for each request: at level debug, slow ones at info,
// failures of the server at warn, and gives each request its id and its time. Of the URL it tells the path only: queries
// hold codes and hints (invariant I13). count, where there is one, gets each
// request too.
func observed(log *slog.Logger, count func(path string, status int, took time.Duration), next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := tandem.SystemTime()
		rec := &recorder{ResponseWriter: w}
		ctx, cancel := bounded(r)
		defer cancel()
		r = r.WithContext(api.Identify(ctx, rec))
		next.ServeHTTP(rec, r)
		took := tandem.SystemTime().Sub(start)
		if count != nil {
			count(r.URL.Path, rec.code(), took)
		}
		level := slog.LevelDebug
		switch {
		case rec.code() == http.StatusServiceUnavailable: // why is told once, and not for each
		case rec.code() >= 500:
			level = slog.LevelWarn
		case took >= slowRequest:
			level = slog.LevelInfo
		}
		ctx = r.Context()
		if !log.Enabled(ctx, level) {
			return
		}
		log.LogAttrs(ctx, level, "request",
			slog.String("request_id", tandem.RequestID(ctx)), slog.String("method", r.Method), slog.String("path", tandem.Clip(r.URL.Path, 200)), slog.Int("status", rec.code()),
			slog.Int64("bytes", rec.bytes), slog.Duration("took", took.Round(time.Microsecond)), slog.String("from", r.RemoteAddr))
	})
}

// recorder notes what was sent.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (r *recorder) code() int {
	if r.status == 0 {
		return http.StatusOK
	}
	return r.status
}

// WriteHeader implements http.ResponseWriter. Informational responses are not the
// response.
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 && status >= 200 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	n, err := r.ResponseWriter.Write(b)
	r.bytes += int64(n)
	return n, err
}

// Flush implements http.Flusher, for streams.
func (r *recorder) Flush() {
	if f, ok := r.ResponseWriter.(http.Flusher); ok {
		f.Flush()
	}
}

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
