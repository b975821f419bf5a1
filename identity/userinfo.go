package identity

import (
	"encoding/json"
	"log/slog"
	"net/http"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/oauth/dpop"
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
	// Proofs checks the proofs of tokens that are bound to a key.
	Proofs *dpop.Server
	// URL is the public root of the instance, under which pictures are.
	URL      string
	Refusals tandem.Refuser
	Log      *slog.Logger
}

// ServeHTTP implements http.Handler.
func (e *Userinfo) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodPost { // Core section 5.3.1
		w.Header().Set("Allow", "GET, POST")
		http.Error(w, "Userinfo is read with GET or POST.", http.StatusMethodNotAllowed)
		return
	}
	b := bearer{e.Tokens, e.Registry, e.Proofs, e.Refusals, e.Log}
	p, u, err := b.admit(w, r, tandem.ScopeOpenID)
	if err != nil {
		b.fail(w, r, p, err)
		return
	}
	// sub is the one of the ID token; id never changes.
	claims := token.PersonalClaims{UserClaims: token.Claims(u, p.Scope), IdentityProvider: p.User.IdentityProvider, Tenant: p.User.Tenant}
	if p.Scope.Has(tandem.ScopeProfile) {
		claims.Add(u, []string{"preferred_username", "updated_at", "picture"}, PictureURL(e.URL))
	}
	claims.Add(u, p.User.UserinfoClaims, PictureURL(e.URL))
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
