package identity

import (
	"net/http"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/registry"
)

// serveRevocation is the revocation endpoint (RFC 7009). A client revokes its
// own tokens: a refresh token with its family, or an access token, which every
// API replica then refuses within five seconds. A token that is unknown or
// somebody else's gets the same empty response as one revoked.
func (h *Handler) serveRevocation(w http.ResponseWriter, r *http.Request) {
	q := newRequest(r)
	if err := h.revoke(w, q); err != nil {
		h.fail(w, r, q, err)
		return
	}
	writeJSON(w, struct{}{}) // RFC 7009 says nothing of the body; clients expect JSON
}

func (h *Handler) revoke(w http.ResponseWriter, q *request) error {
	if err := h.Registry.Ready(); err != nil {
		return err
	}
	var refusal *oauth.Error
	if q.form, refusal = readForm(w, q.http); refusal != nil {
		return refusal
	}
	ctx := q.http.Context()
	if err := h.authenticate(ctx, q); err != nil {
		return err
	}
	text := q.form.get("token")
	if text == "" {
		return oauth.Refuse(oauth.InvalidRequest, "token is missing")
	}
	// The hint token_type_hint is not needed: the forms differ.
	if token.IsRefreshToken(text) {
		// Before anything is looked up: a service credential learns nothing
		// about a user's token, not even whether it exists (invariant I1).
		if err := q.mayUse(tandem.FlowUser); err != nil {
			return err
		}
		return h.Families.Revoke(ctx, text, q.app.ApplicationURI)
	}
	p, err := h.own().VerifyAccess(ctx, text)
	if err != nil || p.ApplicationURI != q.app.ApplicationURI {
		return nil
	}
	q.flow = flowOf(p)
	if err := q.mayUse(q.flow); err != nil {
		return err
	}
	return h.Revocations.Revoke(ctx, registry.RevokedToken{ID: p.TokenID, RevokedAt: h.Clock.Now(), ExpiresAt: p.ExpiresAt})
}
