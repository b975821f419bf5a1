package client

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/hybridapps/tandem"
)

type sessionKey struct{}

// found is what Middleware found out about the request's session.
type found struct {
	session *UserSession
	err     error // the store's, when it could not tell
}

// Middleware puts the session, if there is one, into the request's context for
// [UserSessionOf], and refuses cross-origin requests with unsafe methods (CSRF).
func (t *UserTokens) Middleware(next http.Handler) http.Handler {
	return t.crossOrigin.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, t.withSession(r))
	}))
}

func (t *UserTokens) withSession(r *http.Request) *http.Request {
	if _, done := r.Context().Value(sessionKey{}).(found); done {
		return r
	}
	s, err := t.Session(r)
	if err != nil && !errors.Is(err, tandem.ErrNotFound) {
		t.log.ErrorContext(r.Context(), "the session cannot be read", "error", err)
	} else {
		err = nil
	}
	return r.WithContext(context.WithValue(r.Context(), sessionKey{}, found{s, err}))
}

// Require lets only signed-in people through; for the others see
// [UserTokens.AskToSignIn]. It includes Middleware.
func (t *UserTokens) Require(next http.Handler) http.Handler {
	return t.crossOrigin.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r = t.withSession(r)
		f, _ := r.Context().Value(sessionKey{}).(found)
		w.Header().Set("Cache-Control", "no-store") // what follows is for this person only
		switch {
		case f.session != nil:
			next.ServeHTTP(w, r)
		case f.err != nil:
			t.problem(w, r, http.StatusServiceUnavailable, "Your session cannot be read at the moment. Please try again shortly.", nil)
		default:
			t.AskToSignIn(w, r)
		}
	}))
}

// navigates reports whether a browser asks for a page to show, as opposed to a
// script's request, whose redirect to another origin would end nowhere.
func navigates(r *http.Request) bool {
	if r.Method != http.MethodGet {
		return false
	}
	if mode := r.Header.Get("Sec-Fetch-Mode"); mode != "" {
		return mode == "navigate"
	}
	return strings.Contains(r.Header.Get("Accept"), "text/html")
}

// UserSessionOf is the session that [UserTokens.Middleware] found; nil when
// nobody is signed in.
func UserSessionOf(ctx context.Context) *UserSession {
	f, _ := ctx.Value(sessionKey{}).(found)
	return f.session
}
