package isolation_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/oauth"
)

// tap stands before all three programs and notes each secret that passes, by
// its kind, so that tests look for the real ones: the worker's own service
// token, the refresh tokens in the web app's store, codes on their way.
type tap struct {
	mu sync.Mutex
	// secrets are by text.
	secrets map[string]secret
	// places are all addresses that were asked for or redirected to.
	places []string
}

// secret is something that passed by.
type secret struct {
	kind string
	// forms are what gives it away: itself, as it is in an address, and the claims
	// or the signature of a token, which alone are as good as the whole for whoever
	// collects.
	forms []string
}

// Kinds of secrets. A token is of the kind that it says.
const (
	kindCode    = "authorization code"
	kindRefresh = "refresh token"
	kindSecret  = "client secret"
	kindChannel = "channel key"
	kindUser    = "user token"
	kindService = "service token"
	kindID      = "ID token"
	kindCookie  = "cookie"
)

func (t *tap) note(kind, text string) {
	if len(text) < 16 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.secrets == nil {
		t.secrets = map[string]secret{}
	}
	noted := secret{kind: kind, forms: []string{text}}
	if escaped := url.QueryEscape(text); escaped != text {
		noted.forms = append(noted.forms, escaped)
	}
	if parts := strings.Split(text, "."); len(parts) == 3 {
		noted.forms = append(noted.forms, parts[1], parts[2])
	}
	t.secrets[text] = noted
}

func (t *tap) place(address string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.places = append(t.places, address)
}

// noteToken notes a JWT by what it says it is.
func (t *tap) noteToken(text string) {
	var claims struct {
		Kind string `json:"token_kind"`
	}
	if parts := strings.Split(text, "."); len(parts) == 3 {
		if payload, err := base64.RawURLEncoding.DecodeString(parts[1]); err == nil && json.Unmarshal(payload, &claims) == nil {
			t.note(map[string]string{"user": kindUser, "service": kindService, "id": kindID}[claims.Kind], text)
		}
	}
}

// all are the secrets of some kinds, or of every kind.
func (t *tap) all(kinds ...string) map[string]secret {
	t.mu.Lock()
	defer t.mu.Unlock()
	found := map[string]secret{}
	for text, noted := range t.secrets {
		if len(kinds) == 0 || slices.Contains(kinds, noted.kind) {
			found[text] = noted
		}
	}
	return found
}

func (t *tap) visited() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]string(nil), t.places...)
}

func (t *tap) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t.place(r.URL.String())
		if token, found := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); found {
			t.noteToken(token)
		}
		t.noteToken(r.Header.Get(internalapi.HeaderEvidence))
		t.note(kindChannel, r.Header.Get(internalapi.HeaderChannelKey))
		for _, c := range r.Cookies() {
			t.note(kindCookie, c.Value)
		}
		rec := &listener{ResponseWriter: w}
		if r.Method == http.MethodPost && strings.HasPrefix(r.URL.Path, "/id/") {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
			if form, err := url.ParseQuery(string(body)); err == nil {
				t.note(kindSecret, form.Get("client_secret"))
				t.note(kindCode, form.Get("code"))
				t.note(kindRefresh, form.Get("refresh_token"))
			}
			if _, secret, ok := r.BasicAuth(); ok {
				if plain, err := url.QueryUnescape(secret); err == nil {
					t.note(kindSecret, plain)
				}
			}
			rec.keep = r.URL.Path == oauth.PathToken
		}
		next.ServeHTTP(rec, r)
		if to := w.Header().Get("Location"); to != "" {
			t.place(to)
		}
		var tokens struct {
			Access  string `json:"access_token"`
			Refresh string `json:"refresh_token"`
			ID      string `json:"id_token"`
		}
		if rec.keep && json.Unmarshal(rec.text.Bytes(), &tokens) == nil {
			t.noteToken(tokens.Access)
			t.noteToken(tokens.ID)
			t.note(kindRefresh, tokens.Refresh)
		}
	})
}

// listener keeps what was answered, where that is asked for.
type listener struct {
	http.ResponseWriter
	keep bool
	text bytes.Buffer
}

func (l *listener) Write(b []byte) (int, error) {
	if l.keep {
		l.text.Write(b)
	}
	return l.ResponseWriter.Write(b)
}

func (l *listener) Flush() { _ = http.NewResponseController(l.ResponseWriter).Flush() }

func (l *listener) Unwrap() http.ResponseWriter { return l.ResponseWriter }

// found are the kinds of the secrets that a text holds, also in parts.
func found(text string, secrets map[string]secret) (kinds []string) {
	if text == "" {
		return nil
	}
	for _, secret := range secrets {
		if slices.ContainsFunc(secret.forms, func(form string) bool { return strings.Contains(text, form) }) {
			kinds = append(kinds, secret.kind)
		}
	}
	return kinds
}
