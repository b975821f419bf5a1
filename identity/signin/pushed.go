package signin

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/registry"
	"github.com/hybridapps/tandem/site/words"
)

// PushedRequest is an authorization request that an application has sent beforehand,
// from its server (RFC 9126).
type PushedRequest struct {
	// Hash is the SHA-256 of the random part of its request_uri.
	Hash [sha256.Size]byte
	// ApplicationURI is who pushed it, and the only one whose browser may bring it.
	ApplicationURI string
	// Request is the checked request, sealed.
	Request   string
	ExpiresAt time.Time
	// UsedAt is zero until it has given a code.
	UsedAt time.Time
}

// PushedRequests keeps pushed requests.
type PushedRequests interface {
	AddPushed(ctx context.Context, p PushedRequest) error
	// Pushed returns [tandem.ErrNotFound] for a hash it does not know.
	Pushed(ctx context.Context, hash [sha256.Size]byte) (PushedRequest, error)
	// UsePushed marks a request used, and reports whether this call was the first: of
	// any number at once exactly one is.
	UsePushed(ctx context.Context, hash [sha256.Size]byte, at time.Time) (first bool, err error)
	// PurgePushed deletes what expired before the time.
	PurgePushed(ctx context.Context, before time.Time) error
}

// Push checks an authorization request that an authenticated application sends by
// itself, and keeps it for its browser to bring (RFC 9126 section 2). r is what it came
// with. The error is an [oauth.Error] where the request is not right.
func (h *Handler) Push(r *http.Request, app *registry.App, q url.Values) (oauth.PushedResponse, error) {
	if q.Has("request_uri") {
		return oauth.PushedResponse{}, token.Refuse(tandem.RuleParameter, oauth.InvalidRequest, "request_uri cannot be pushed: send the parameters themselves")
	}
	q.Set("client_id", app.ApplicationURI)
	req, err := h.accept(r, q)
	if err != nil {
		return oauth.PushedResponse{}, pushedRefusal(err)
	}
	text, err := h.sealed(req, placePushed)
	if err != nil {
		return oauth.PushedResponse{}, err
	}
	b := make([]byte, sha256.Size)
	rand.Read(b)
	uri := base64.RawURLEncoding.EncodeToString(b)
	life := h.Lifetimes.ForPushed(app.FAPI)
	err = h.Pushed.AddPushed(r.Context(), PushedRequest{
		Hash: sha256.Sum256([]byte(uri)), ApplicationURI: app.ApplicationURI, Request: text,
		ExpiresAt: h.Clock.Now().Add(life),
	})
	return oauth.PushedResponse{RequestURI: oauth.PushedPrefix + uri, ExpiresIn: int64(life.Seconds())}, err
}

// pushedRefusal tells the application itself what it would else be told through the
// browser, or what a page would tell the person.
func pushedRefusal(err error) error {
	var refused *refusal
	var shown *problem
	switch {
	case errors.As(err, &refused):
		return refused.cause
	case errors.As(err, &shown):
		return token.Refuse(shown.rule, oauth.InvalidRequest, "%s", strings.TrimSpace(shown.text.String()+" "+shown.hint.String()))
	}
	return err
}

// pushed is the request that the parameters name by request_uri. All other parameters
// but client_id mean nothing then (RFC 9126 section 4). It can be brought again until
// it has given a code: browsers reload, and people go back.
func (h *Handler) pushed(r *http.Request, q url.Values) (*authorizationRequest, error) {
	if len(q["client_id"]) != 1 || len(q["request_uri"]) != 1 {
		return nil, badPushed(tandem.RuleParameter, q, words.T("The application that sent you here left out client_id, or gave something twice."))
	}
	hash := sha256.Sum256([]byte(strings.TrimPrefix(q.Get("request_uri"), oauth.PushedPrefix)))
	kept, err := h.Pushed.Pushed(r.Context(), hash)
	if err != nil && !errors.Is(err, tandem.ErrNotFound) {
		return nil, err
	}
	var req authorizationRequest
	if err != nil || kept.ApplicationURI != q.Get("client_id") || !h.opened(kept.Request, placePushed, &req) {
		return nil, badPushed(tandem.RuleRequestUnknown, q, words.T("What the application asked for is not known here."))
	}
	speak(r, req.Locales)
	now := h.Clock.Now()
	if !kept.UsedAt.IsZero() {
		return nil, badPushed(tandem.RuleRequestUsed, q, pushedOver)
	}
	if !now.Before(kept.ExpiresAt) || kept.ExpiresAt.After(now.Add(h.Lifetimes.ForPushed(false)+clocksDiffer)) {
		return nil, badPushed(tandem.RuleRequestExpired, q, pushedOver)
	}
	app, err := h.application(req.ApplicationURI, req.RedirectURI) // which may have changed since
	if err != nil {
		return nil, err
	}
	req.ApplicationName, req.Pushed, req.At = app.Name, hash[:], now.Unix()
	return &req, nil
}

// pushedOver is the same for whoever comes too late and whoever comes again.
var pushedOver = words.T("What the application asked for is too old, or you have been there already.")

func badPushed(rule tandem.Rule, q url.Values, text words.Text) *problem {
	p := badRequest(rule, text, startAgain)
	p.code, p.about = string(oauth.InvalidRequestURI), &asked{application: q.Get("client_id")}
	return p
}

// usePushed uses up a pushed request, where it is one, before it gives a code.
func (h *Handler) usePushed(r *http.Request, req *authorizationRequest) error {
	if len(req.Pushed) != sha256.Size {
		return nil
	}
	first, err := h.Pushed.UsePushed(r.Context(), [sha256.Size]byte(req.Pushed), h.Clock.Now())
	if err == nil && !first {
		err = &refusal{req, token.Refuse(tandem.RuleRequestUsed, oauth.InvalidRequestURI, "this pushed request was used before: push another one")}
	}
	return err
}
