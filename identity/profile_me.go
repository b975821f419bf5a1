package identity

import (
	"cmp"
	"log/slog"
	"net/http"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/registry"
)

// ProfileMe serves GET /profile/me: the person behind the request, internal
// or external. It refuses service tokens with 403 (invariant I3).
type ProfileMe struct {
	// Tokens takes the audience [token.ResourcesAudience], which external
	// users' tokens have too.
	Tokens   *token.Verifier
	Registry *registry.Registry
	// Database is the id of the instance, URL its public root.
	Database, URL string
	Log           *slog.Logger
}

// profile is the response; id is the only key that never changes.
type profile struct {
	ID                string          `json:"id"`
	Login             string          `json:"login"`
	Name              string          `json:"name"`
	Email             string          `json:"email,omitempty"`
	IsAdmin           bool            `json:"isAdmin"`
	IsActive          bool            `json:"isActive"`
	UserType          tandem.UserType `json:"userType"`
	PreferredLanguage string          `json:"preferredLanguage"`
	Instance          profileInstance `json:"instance"`
	Links             profileLinks    `json:"links"`
}

type profileInstance struct {
	Database string `json:"database"`
	URL      string `json:"url"`
}

type profileLinks struct {
	Profile string `json:"profile"`
}

// ServeHTTP implements http.Handler.
func (e *ProfileMe) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b := bearer{e.Tokens, e.Registry, e.Log}
	// read is enough: with it the same facts can be read from the domain API.
	_, u, err := b.admit(w, r, tandem.ScopeProfile, tandem.ScopeRead)
	if err != nil {
		b.fail(w, r, err)
		return
	}
	language := cmp.Or(u.Locale, "en")
	w.Header().Set("Content-Language", language)
	writeJSON(w, profile{
		ID: u.ID, Login: u.Login, Name: u.Name, Email: u.Email, IsAdmin: u.Admin, IsActive: u.Enabled, UserType: u.Type,
		PreferredLanguage: language, Instance: profileInstance{e.Database, e.URL}, Links: profileLinks{e.URL + "/profile/me"},
	})
}
