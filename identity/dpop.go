package identity

import (
	"context"
	"errors"
	"net/http"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/oauth/dpop"
	"github.com/hybridapps/tandem/registry"
)

// proveKey looks for a DPoP proof in a request of an authenticated client (RFC 9449
// section 5): what is issued is bound to its key then.
func (h *Handler) proveKey(q *request) error {
	p, err := h.Proofs.Look(q.http, "")
	if err != nil {
		return proofRefusal(err)
	}
	if err := ProofDemands(q.app).Met(p); err != nil {
		return proofRefusal(err)
	}
	switch {
	case p != nil:
		q.key, q.proof = p.Thumbprint, p
	case q.app.BoundOnly && q.http.URL.Path == oauth.PathToken:
		// Nothing is wrong with a proof that is not there: the FAPI 2.0 suite takes no other code
		// where a refresh comes without one.
		return token.Refuse(tandem.RuleProofNeeded, oauth.InvalidRequest, "the application gets tokens alone that are bound to a key: send a DPoP proof")
	}
	return nil
}

// ProofDemands are what the proofs of an application have to be.
func ProofDemands(app *registry.App) dpop.Demands {
	return dpop.Demands{Nonce: app.ProofNonce, FAPI: app.FAPI}
}

// useProof uses the proof up, at the last moment before something is given: whoever has
// nothing to redeem, as anybody who names a public application, has nothing remembered.
func (h *Handler) useProof(ctx context.Context, q *request) error {
	if err := h.Proofs.Use(ctx, q.proof); err != nil {
		return proofRefusal(err)
	}
	return nil
}

// usedBy is what is used up with a proof; nil is none.
func usedBy(p *dpop.Proof) *tandem.Once {
	if p == nil {
		return nil
	}
	id, until := p.Once()
	return &tandem.Once{ID: id, Until: until}
}

// proofRefusal is the refusal of a proof (RFC 9449 sections 5 and 8); any other error
// as it is.
func proofRefusal(err error) error {
	var wrong *dpop.Error
	switch {
	case !errors.As(err, &wrong):
		return err
	case wrong.Token:
		return &oauth.Error{Code: oauth.InvalidToken, Scheme: dpop.Scheme, Description: wrong.Error(), Rule: string(tandem.RuleProof)}
	case wrong.Nonce:
		return token.Refuse(tandem.RuleProofNonce, oauth.UseDPoPNonce, "%s", wrong.Error())
	}
	return token.Refuse(tandem.RuleProof, oauth.InvalidDPoPProof, "%s", wrong.Error())
}

// holder checks that a request with an access token is by whom it is bound to. Its
// refusal is one of a protected resource (RFC 9449 section 7.1).
func holder(proofs *dpop.Server, apps *registry.Registry, r *http.Request, scheme, text string, p *tandem.Principal) error {
	var demands dpop.Demands
	if app, ok := apps.App(p.ApplicationURI); ok {
		demands = ProofDemands(app)
	}
	err := proofRefusal(proofs.Check(r, scheme, text, p.KeyThumbprint, demands))
	var refusal *oauth.Error
	if errors.As(err, &refusal) {
		refusal.Status = http.StatusUnauthorized
	}
	return err
}

// tokenType is that of a token that is bound to the key with the thumbprint.
func tokenType(key string) string {
	if key == "" {
		return oauth.TokenTypeBearer
	}
	return oauth.TokenTypeDPoP
}
