package identity

import (
	"context"
	"net/http"
	"net/url"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/internal/netaddr"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/registry"
)

// Pusher checks and keeps authorization requests; [signin.Handler] implements it.
type Pusher interface {
	Push(r *http.Request, app *registry.App, q url.Values) (oauth.PushedResponse, error)
}

// servePushed is the endpoint for pushed authorization requests (RFC 9126): the
// application sends its request from its server, where nobody can change or read it,
// and its browser brings no more than a name for it.
func (h *Handler) servePushed(w http.ResponseWriter, r *http.Request) {
	q := newRequest(r)
	h.Proofs.Tell(w.Header(), r)
	q.flow, q.facts.Grant = tandem.FlowUser, grantPushed
	answer, err := h.push(w, q)
	if err != nil {
		h.fail(w, r, q, err)
		return
	}
	writeStatus(w, http.StatusCreated, answer)
}

func (h *Handler) push(w http.ResponseWriter, q *request) (answer oauth.PushedResponse, err error) {
	if err := h.Registry.Ready(); err != nil {
		return answer, err
	}
	var refusal *oauth.Error
	if q.form, refusal = readForm(w, q.http); refusal != nil {
		return answer, refusal
	}
	if err := h.authenticate(q.http.Context(), q, func() error { return h.proveKey(q) }); err != nil {
		return answer, err
	}
	if err := q.mayUse(tandem.FlowUser); err != nil {
		return answer, err
	}
	if err := h.mayKeep(q.http.Context(), q, "pushed", "too many requests were pushed from here; wait, or send the parameters with the browser"); err != nil {
		return answer, err
	}
	if err := h.useProof(q.http.Context(), q); err != nil {
		return answer, err
	}
	params := url.Values{}
	for _, p := range q.form {
		switch p.name {
		case "client_secret", "client_assertion", "client_assertion_type": // the proof, which is no part of the request
		default:
			params.Add(p.name, p.value)
		}
	}
	if q.key != "" { // the code is for who has the key (RFC 9449 section 10.1)
		if asked := params.Get("dpop_jkt"); asked != "" && asked != q.key {
			return answer, token.Refuse(tandem.RuleProof, oauth.InvalidDPoPProof, "dpop_jkt is not the key of the DPoP proof")
		}
		params.Set("dpop_jkt", q.key)
	}
	if asked, refusal := token.ReadScope(params.Get("scope")); refusal == nil {
		q.ask(asked)
	}
	if answer, err = h.Pushed.Push(q.http, q.app, params); err != nil {
		return answer, err
	}
	q.facts.Limit = q.app.FlowScope(q.flow).String()
	return answer, h.note(q, tandem.AuditEvent{Kind: tandem.AuditRequestPushed, Detail: "an authorization request for the browser to bring"})
}

// grantPushed and grantRevoked are the facts' words for what is no grant of a token.
const (
	grantPushed  = "pushed_request"
	grantRevoked = "revocation"
	grantAsked   = "introspection"
)

// note puts on record what a client has done.
func (h *Handler) note(q *request, e tandem.AuditEvent) error {
	e.At, e.ApplicationURI, e.Flow, e.RemoteAddr = h.Clock.Now(), q.knownApp(), q.flow, q.address
	e.Facts = q.facts.JSON()
	return h.Audit.Record(q.http.Context(), e)
}

// mayKeep bounds what anybody can have kept here: a public application proves nothing,
// so what one network begins as one is counted as failed authentications are, up to
// as many a minute. what is counted apart.
func (h *Handler) mayKeep(ctx context.Context, q *request, what, refusal string) error {
	if q.app.ClientType != tandem.ClientPublic {
		return nil
	}
	key := failureKey{app: what + "\x00" + q.app.ApplicationURI, network: netaddr.Network(q.address)}
	if wait := h.throttle.blocked(key); wait > 0 {
		return &oauth.Error{
			Code: oauth.SlowDown, Status: http.StatusTooManyRequests, RetryAfter: wait, Rule: string(tandem.RuleThrottle), Description: refusal,
		}
	}
	return h.throttle.failed(ctx, key)
}
