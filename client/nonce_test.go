package client_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/oauth/dpop"
)

// device is a program without a browser at a fake provider; the zero interval is that which
// the provider does not say.
func (f *fake) device(t *testing.T, interval float64, key *dpop.Key) (*client.DeviceSignIn, *client.DeviceCode) {
	t.Helper()
	f.onMetadata = func(m map[string]any) { m["device_authorization_endpoint"] = f.issuer + "/connect/device" }
	f.before(func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/id/connect/device" {
			return false
		}
		writeJSON(w, 200, map[string]any{"device_code": "d", "user_code": "AAAA", "verification_uri": f.issuer + "/device", "expires_in": 600, "interval": interval})
		return true
	})
	d, err := client.NewDeviceSignIn(client.DeviceConfig{Provider: f.provider(), ApplicationURI: appURI, DPoP: key})
	if err != nil {
		t.Fatal(err)
	}
	code, err := d.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return d, code
}

// before answers requests to the fake in its place.
func (f *fake) before(hook func(w http.ResponseWriter, r *http.Request) bool) {
	inner := f.net.hosts[f.host]
	f.net.hosts[f.host] = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !hook(w, r) {
			inner.ServeHTTP(w, r)
		}
	})
}

// nonceOf is the nonce in the proof of a request.
func nonceOf(t *testing.T, r *http.Request) string {
	t.Helper()
	jws, err := jose.ParseSignedCompact(r.Header.Get(dpop.Header), []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		t.Error(err)
		return ""
	}
	var c struct {
		Nonce string `json:"nonce"`
	}
	if err := json.Unmarshal(jws.UnsafePayloadWithoutVerification(), &c); err != nil {
		t.Error(err)
	}
	return c.Nonce
}

// TestEveryRequestIsMadeAgainWithANewNonce: of requests that were under way with an old nonce
// each is made again, not only that which learned first of the new one, at the token endpoint
// and at the API (RFC 9449 sections 8 and 9).
func TestEveryRequestIsMadeAgainWithANewNonce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const together = 5
		f := newFake(t, newNetwork(), "erp.test")
		var mu sync.Mutex
		nonce, deny := "n1", true
		wanted := func() string { mu.Lock(); defer mu.Unlock(); return nonce }
		// Answers come when all have asked.
		refused := func(w http.ResponseWriter, r *http.Request) bool {
			time.Sleep(time.Second)
			w.Header().Set(dpop.NonceHeader, wanted())
			return nonceOf(t, r) != wanted()
		}
		f.onToken = func(w http.ResponseWriter, r *http.Request) bool {
			switch {
			case refused(w, r):
				refuse(w, 400, oauth.UseDPoPNonce)
			case deny:
				refuse(w, 400, oauth.AccessDenied)
			default:
				f.with(func() {
					writeJSON(w, 200, map[string]any{
						"access_token": f.access("user", map[string]any{"sub": "anna"}), "token_type": "DPoP", "expires_in": 3600,
						"id_token": f.idToken(map[string]any{"sub": "anna", "id": annaID, "user_type": "InternalUser", "token_kind": "id"}),
					})
				})
			}
			return true
		}
		f.before(func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.HasPrefix(r.URL.Path, "/api/") {
				return false
			}
			if refused(w, r) {
				w.Header().Set("WWW-Authenticate", `DPoP error="use_dpop_nonce"`)
				w.WriteHeader(http.StatusUnauthorized)
			}
			return true
		})
		d, code := f.device(t, 0, boundKey(t))
		for _, now := range []string{"n1", "n2"} {
			mu.Lock()
			nonce = now
			mu.Unlock()
			var wg sync.WaitGroup
			for range together {
				wg.Go(func() {
					if _, err := d.Wait(t.Context(), code); !errors.Is(err, client.ErrDeviceDenied) {
						t.Errorf("%s at the token endpoint: %v", now, err)
					}
				})
			}
			wg.Wait()
		}
		deny = false
		s, err := d.Wait(t.Context(), code)
		if err != nil {
			t.Fatal(err)
		}
		mu.Lock()
		nonce = "n3"
		mu.Unlock()
		var wg sync.WaitGroup
		for range together {
			wg.Go(func() {
				req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://erp.test/api/orders", strings.NewReader("{}"))
				res, err := s.Client().Do(req)
				if err != nil {
					t.Error(err)
					return
				}
				if res.Body.Close(); res.StatusCode != http.StatusOK {
					t.Errorf("a POST to the API: %s", res.Status)
				}
			})
		}
		wg.Wait()
		// A stream cannot be sent twice; that is no fault of the token.
		before, err := s.Token(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		asked := f.tokenRequests.Load()
		mu.Lock()
		nonce = "n4"
		mu.Unlock()
		for _, want := range []int{http.StatusUnauthorized, http.StatusOK} {
			req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://erp.test/api/orders", io.MultiReader(strings.NewReader("{}")))
			res, err := s.Client().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			if res.Body.Close(); res.StatusCode != want {
				t.Errorf("a stream to the API: %s, want %d", res.Status, want)
			}
		}
		if after, err := s.Token(t.Context()); err != nil || after.Raw() != before.Raw() || f.tokenRequests.Load() != asked {
			t.Errorf("the token was thrown away: %v", err)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
}
