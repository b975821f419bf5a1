package isolation_test

import (
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hybridapps/tandem/platform"
	"github.com/hybridapps/tandem/tandemtest"
)

// TestF31_RefusalsAreNotHammered lets the API refuse every call with 401, as
// after the loss of a key, and counts what the halves send: one renewal and one
// repetition of a read, and no repetition of a change.
func TestF31_RefusalsAreNotHammered(t *testing.T) {
	t.Parallel()
	var refuseReads, refuseWrites atomic.Bool
	var reads, writes, tokens atomic.Int64
	s := start(t, tandemtest.Options{Demo: true, Wrap: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			refused := false
			switch read := r.Method == http.MethodGet; {
			case !strings.HasPrefix(r.URL.Path, "/api/domain/odata/"):
				if strings.HasSuffix(r.URL.Path, "/connect/token") {
					tokens.Add(1)
				}
			case read:
				reads.Add(1)
				refused = refuseReads.Load()
			default:
				writes.Add(1)
				refused = refuseWrites.Load()
			}
			if refused {
				w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			next.ServeHTTP(w, r)
		})
	}})
	anna, paul := s.signIn("anna"), s.signIn("paul")
	orders := uuidText.FindAllString(anna.open("/orders").Text, -1)
	s.Advance(time.Minute) // the sign-ins are not fresh, and the worker has forgotten what paul may
	reset := func() {
		reads.Store(0)
		writes.Store(0)
		tokens.Store(0)
	}
	count := func(what string, do func(), maxReads, maxTokens int64) {
		t.Helper()
		reset()
		do()
		if reads.Load() > maxReads || tokens.Load() > maxTokens || reads.Load() == 0 || writes.Load() > 0 {
			t.Errorf("%s: %d reads, %d token requests, %d writes; want at most %d and %d", what, reads.Load(), tokens.Load(), writes.Load(), maxReads, maxTokens)
		}
	}
	refuseReads.Store(true)
	// The web app has her signed in again, once, and then tells her.
	count("a page", func() {
		if page := anna.open("/orders"); page.StatusCode != http.StatusUnauthorized {
			t.Errorf("anna's orders: %d at %s", page.StatusCode, page.Request.URL.Redacted())
		}
	}, 4, 3)
	count("the portal", func() {
		if page := paul.open("/portal/orders"); page.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("paul's orders: %d", page.StatusCode)
		}
	}, 2, 2)
	refuseReads.Store(false)

	// A change whose answer was 401 is not sent again.
	refuseWrites.Store(true)
	s.Advance(time.Minute)
	tried := false
	for _, id := range orders {
		reset()
		page := anna.post("/orders/"+id+"/state", url.Values{"state": {"Released"}, "sure": {"yes"}})
		if writes.Load() > 1 || writes.Load() == 1 && page.StatusCode < 400 {
			t.Errorf("a change was sent %d times and answered with %d", writes.Load(), page.StatusCode)
		}
		if tried = writes.Load() > 0; tried {
			break
		}
	}
	if !tried {
		t.Error("no change was sent at all")
	}
}

// TestF35_NeitherHalfStartsInsecurely gives both halves an issuer in the clear.
func TestF35_NeitherHalfStartsInsecurely(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	half := platform.HalfConfig{
		ApplicationURI: tandemtest.Portal, Credential: "secret", DB: "sqlite:" + filepath.Join(dir, "half.db"), Dir: dir, ChannelKeyFile: filepath.Join(dir, "channel.key"),
	}
	for _, issuer := range []string{"http://erp.example/id", "http://10.0.0.1/id", "http://localhost.evil.example/id", "http://127.0.0.1.evil.example/id", "http://0.0.0.0/id", "ftp://erp.example/id", ""} {
		half.Issuer = issuer
		if w, err := platform.NewWorker(t.Context(), platform.WorkerConfig{HalfConfig: half}); err == nil {
			w.Close()
			t.Errorf("the worker starts with the issuer %q", issuer)
		}
		if w, err := platform.NewWebApp(t.Context(), platform.WebAppConfig{HalfConfig: half, PublicURL: "https://app.example", WorkerURL: "http://127.0.0.1:1"}); err == nil {
			w.Close()
			t.Errorf("the web app starts with the issuer %q", issuer)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*.db*")); len(left) > 0 {
		t.Errorf("half written: %v", left)
	}
}
