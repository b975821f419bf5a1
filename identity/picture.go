package identity

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/site"
	"github.com/hybridapps/tandem/site/picture"
)

// Picture is one size of a person's picture.
type Picture struct {
	PNG       []byte
	ChangedAt time.Time
}

// Pictures keeps what people have uploaded.
type Pictures interface {
	// Picture returns [tandem.ErrNotFound] for a person who has uploaded none.
	Picture(ctx context.Context, userID string, large bool) (Picture, error)
}

// picturePath and its sizes in pixels are where a person's picture is.
const (
	pathMe      = "/profile/me"
	pathPicture = pathMe + "/picture"
	pathSmall   = pathPicture + "/64"
	pathLarge   = pathPicture + "/128"
)

// PictureURL is where people's pictures are, each person's by their own token; root is the
// public root of the instance.
func PictureURL(root string) string { return root + pathLarge }

// pictureFor is how long a browser need not ask again, and pictures of initials are the
// same for ever.
const pictureFor = "private, max-age=600"

// Mount adds the person and their picture, which are read with GET and HEAD.
func (e *ProfileMe) Mount(mux *http.ServeMux) {
	mux.Handle("GET "+pathMe, e)
	mux.Handle("GET "+pathPicture, e.picture(true))
	mux.Handle("GET "+pathSmall, e.picture(false))
	mux.Handle("GET "+pathLarge, e.picture(true))
}

// varies are the headers that say whose answer it is.
const varies = "Authorization, X-Api-Key, Api-Key, Cookie"

// picture serves the person's picture: the one that they have uploaded, or their initials.
func (e *ProfileMe) picture(large bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("Vary", varies)
		p, who, err := e.person(w, r, append([]string{tandem.ScopeOpenID}, profileScopes...)...)
		if err == nil && p != nil && !slices.ContainsFunc(profileScopes, p.Scope.Has) && !slices.Contains(p.User.UserinfoClaims, "picture") {
			err = insufficient(tandem.RuleScope, "the token needs the scope "+strings.Join(profileScopes, " or ")+", or the claim picture asked for at userinfo")
		}
		if err != nil {
			e.bearer().fail(w, r, p, err)
			return
		}
		u := &who.User
		found, err := e.Pictures.Picture(r.Context(), u.ID, large)
		if errors.Is(err, tandem.ErrNotFound) {
			found, err = initials(u, large)
		}
		if err != nil {
			e.bearer().fail(w, r, p, err)
			return
		}
		h, tag := w.Header(), etag(found.PNG)
		h.Set("Cache-Control", pictureFor)
		h.Set("ETag", tag)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		if r.Header.Get("If-None-Match") == tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		h.Set("Content-Type", "image/png")
		_, _ = w.Write(found.PNG) // who has gone away cannot be told
	})
}

func initials(u *tandem.User, large bool) (Picture, error) {
	s, err := picture.Initials(site.Initials(u.Name, u.Login), u.ID)
	if large {
		return Picture{PNG: s.Large}, err
	}
	return Picture{PNG: s.Small}, err
}
