package identity

import (
	"context"
	"net/http"
	"strings"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/registry"
)

// serveRevocation is the revocation endpoint (RFC 7009). A client revokes its
// own tokens: a refresh token with its family, a reference token, or an access token,
// which every API replica then refuses within five seconds. A token that is unknown or
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
	q.facts.Grant = grantRevoked
	ctx := q.http.Context()
	if err := h.authenticate(ctx, q, nil); err != nil {
		return err
	}
	text := q.form.get("token")
	if text == "" {
		return token.Refuse(tandem.RuleParameter, oauth.InvalidRequest, "token is missing")
	}
	// The hint token_type_hint is not needed: the forms differ.
	if token.IsRefreshToken(text) {
		// Before anything is looked up: a service credential learns nothing
		// about a user's token, not even whether it exists (invariant I1).
		if err := q.mayUse(tandem.FlowUser); err != nil {
			return err
		}
		q.flow = tandem.FlowUser
		family, err := h.Families.Revoke(ctx, text, q.app.ApplicationURI)
		if err != nil || family.ID == "" {
			return err
		}
		q.facts.Family = family.ID
		return h.note(q, tandem.AuditEvent{
			Kind: tandem.AuditTokenRevoked, SignInID: family.SignInID, Detail: "a refresh token, with its family and every access token of it",
		})
	}
	p, err := h.speaker(ctx, text)
	if err != nil && tandem.ErrorCode(err) != tandem.CodeUnauthorized {
		return err // it is not known whether there is something to revoke (RFC 7009 section 2.2.1)
	}
	if err != nil || p.ApplicationURI != q.app.ApplicationURI {
		return nil
	}
	q.flow = flowOf(p)
	if err := q.mayUse(q.flow); err != nil {
		// On record, but the half is not told: that would say that there is such a token of
		// the other half (invariant I1).
		h.refused(q, err)
		return nil
	}
	if p.Reference {
		return h.References.Revoke(ctx, tandem.By{Login: "client:" + q.app.ApplicationURI, Via: tandem.ViaClient, From: q.address}, p.TokenID)
	}
	err = h.Revocations.Revoke(ctx, registry.RevokedToken{ID: p.TokenID, RevokedAt: h.Clock.Now(), ExpiresAt: p.ExpiresAt})
	if err != nil {
		return err
	}
	e := tandem.AuditEvent{Kind: tandem.AuditTokenRevoked, Actor: p.Actor(), TokenID: p.TokenID, Detail: "an access token"}
	if p.User != nil {
		e.SignInID = p.User.SignInID
	}
	return h.note(q, e)
}

// speaker is whom an access token of the issuer, or a reference token, speaks for.
func (h *Handler) speaker(ctx context.Context, text string) (*tandem.Principal, error) {
	if strings.HasPrefix(text, tandem.ReferencePrefix) {
		return h.Registry.Reference(ctx, text)
	}
	return h.Verifier.VerifyOwn(ctx, text)
}
