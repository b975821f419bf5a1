package identity

import (
	"encoding/json"
	"log/slog"
	"net/http"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/registry"
)

// Userinfo is the userinfo endpoint (OpenID Connect Core section 5.3): claims
// of the person behind a user token with the scope openid. It refuses service
// tokens (invariant I3) and takes those of external users.
type Userinfo struct {
	// Tokens takes the audience [token.ResourcesAudience], which external
	// users' tokens have too.
	Tokens   *token.Verifier
	Registry *registry.Registry
	Log      *slog.Logger
}

// userinfo is the response. sub is the one of the ID token; id never changes.
type userinfo struct {
	oauth.UserClaims
	PreferredUsername string `json:"preferred_username,omitempty"`
	UpdatedAt         int64  `json:"updated_at,omitempty"` // Unix seconds
}

// ServeHTTP implements http.Handler.
func (e *Userinfo) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodPost { // Core section 5.3.1
		w.Header().Set("Allow", "GET, POST")
		http.Error(w, "Userinfo is read with GET or POST.", http.StatusMethodNotAllowed)
		return
	}
	b := bearer{e.Tokens, e.Registry, e.Log}
	p, u, err := b.admit(w, r, tandem.ScopeOpenID)
	if err != nil {
		b.fail(w, r, err)
		return
	}
	claims := userinfo{UserClaims: token.Claims(u, p.Scope)}
	if p.Scope.Has(tandem.ScopeProfile) {
		claims.PreferredUsername, claims.UpdatedAt = u.Login, u.ChangedAt.Unix()
	}
	writeJSON(w, claims)
}

func writeJSON(w http.ResponseWriter, v any) { writeStatus(w, http.StatusOK, v) }

func writeStatus(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil { // plain structs: cannot happen
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	oauth.NoStore(w.Header())
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(body) // who has gone away cannot be told
}
