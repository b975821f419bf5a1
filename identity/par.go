package identity

import (
	"context"
	"net/http"
	"net/url"

	"github.com/hybridapps/tandem"
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
	q.flow = tandem.FlowUser
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
	if err := h.authenticate(q.http.Context(), q); err != nil {
		return answer, err
	}
	if err := q.mayUse(tandem.FlowUser); err != nil {
		return answer, err
	}
	if err := h.mayPush(q.http.Context(), q); err != nil {
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
	return h.Pushed.Push(q.http, q.app, params)
}

// mayPush bounds what anybody can have kept here: a public application proves nothing,
// so what one network pushes as one is counted as failed authentications are, up to
// [MaxClientFailures] a minute.
func (h *Handler) mayPush(ctx context.Context, q *request) error {
	if q.app.ClientType != tandem.ClientPublic {
		return nil
	}
	key := failureKey{app: "pushed\x00" + q.app.ApplicationURI, network: netaddr.Network(q.address)}
	if wait := h.throttle.blocked(key); wait > 0 {
		return &oauth.Error{
			Code: oauth.SlowDown, Status: http.StatusTooManyRequests, RetryAfter: wait,
			Description: "too many requests were pushed from here; wait, or send the parameters with the browser",
		}
	}
	return h.throttle.failed(ctx, key)
}
