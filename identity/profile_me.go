package identity

import (
	"cmp"
	"log/slog"
	"net/http"
	"strings"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/oauth/dpop"
	"github.com/hybridapps/tandem/registry"
	"github.com/hybridapps/tandem/site"
)

// ProfileMe serves GET /profile/me: the person behind the request, internal
// or external, with an access token or a PAT, or with the browser that they are signed in
// with. It refuses service tokens and SATs with 403 (invariant I3).
type ProfileMe struct {
	// Tokens takes the audience [token.ResourcesAudience], which external
	// users' tokens have too.
	Tokens   *token.Verifier
	Registry *registry.Registry
	// Proofs checks the proofs of tokens that are bound to a key.
	Proofs *dpop.Server
	// People tells who is signed in with a browser; nil means that only tokens count.
	People   site.People
	Pictures Pictures
	// Database is the id of the instance, URL its public root.
	Database, URL string
	Refusals      tandem.Refuser
	Log           *slog.Logger
}

// profile is the response; id is the only key that never changes. Of what ERP.net
// documents, phoneNumber, person and domain are left out: accounts have none.
type profile struct {
	ID                string          `json:"id"`
	Login             string          `json:"login"`
	Name              string          `json:"name"`
	Email             string          `json:"email,omitempty"`
	IsAdmin           bool            `json:"isAdmin"`
	IsActive          bool            `json:"isActive"`
	UserType          tandem.UserType `json:"userType"`
	PreferredLanguage string          `json:"preferredLanguage"`
	PictureURL        string          `json:"pictureUrl"`
	LargePictureURL   string          `json:"largePictureUrl"`
	// IDP and TID are the outside provider that they signed in through, and their
	// organisation there.
	IDP      string          `json:"idp,omitempty"`
	TID      string          `json:"tid,omitempty"`
	Instance profileInstance `json:"instance"`
	Links    profileLinks    `json:"links"`
}

type profileInstance struct {
	Database string `json:"database"`
	URL      string `json:"url"`
}

// profileLinks are pages for people. Accounts of the outside have no tokens.
type profileLinks struct {
	Profile        string `json:"profile"`
	ChangePassword string `json:"changePassword"`
	AccessTokens   string `json:"accessTokens,omitempty"`
	Devices        string `json:"devices"`
}

// ServeHTTP implements http.Handler.
func (e *ProfileMe) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Add("Vary", varies)
	if !carriesToken(r) && e.People != nil && wantsPage(r) {
		oauth.NoStore(w.Header())
		http.Redirect(w, r, "/profile/", http.StatusSeeOther)
		return
	}
	p, who, err := e.person(w, r, profileScopes...)
	if err != nil {
		e.bearer().fail(w, r, p, err)
		return
	}
	u := &who.User
	language := cmp.Or(u.Locale, "en")
	w.Header().Set("Content-Language", language)
	links := profileLinks{Profile: e.URL + "/profile/", ChangePassword: e.URL + "/profile/security/password", Devices: e.URL + "/profile/security/sessions"}
	if u.Type == tandem.InternalUser {
		links.AccessTokens = e.URL + "/profile/security/tokens"
	}
	writeJSON(w, profile{
		ID: u.ID, Login: u.Login, Name: u.Name, Email: u.Email, IsAdmin: u.Admin, IsActive: u.Enabled, UserType: u.Type,
		PreferredLanguage: language, PictureURL: e.URL + pathSmall, LargePictureURL: e.URL + pathLarge,
		IDP: who.IdentityProvider, TID: who.Tenant,
		Instance: profileInstance{e.Database, e.URL}, Links: links,
	})
}

func (e *ProfileMe) bearer() *bearer {
	return &bearer{e.Tokens, e.Registry, e.Proofs, e.Refusals, e.Log}
}

// profileScopes are the scopes of which one is enough to read of the person. With read the same
// facts can be read from the domain API.
var profileScopes = []string{tandem.ScopeProfile, tandem.ScopeRead}

// person is who the request is of: by its token, which has one of the scopes, or else by
// the cookie of the browser that they are signed in with.
func (e *ProfileMe) person(w http.ResponseWriter, r *http.Request, scopes ...string) (*tandem.Principal, *site.Person, error) {
	if carriesToken(r) || e.People == nil {
		p, u, err := e.bearer().admit(w, r, scopes...)
		if err != nil {
			return p, nil, err
		}
		return p, &site.Person{User: *u, IdentityProvider: p.User.IdentityProvider, Tenant: p.User.Tenant}, nil
	}
	if !ownPage(r, e.URL) {
		return nil, nil, errNoToken
	}
	who, err := e.People.Current(r)
	if err != nil {
		return nil, nil, err
	}
	if who == nil {
		return nil, nil, errNoToken
	}
	return nil, who, nil
}

// carriesToken reports whether the request says by a token who it is of, right or wrong:
// then its cookie counts for nothing.
func carriesToken(r *http.Request) bool {
	return len(r.Header["Authorization"])+len(r.Header["X-Api-Key"])+len(r.Header["Api-Key"]) > 0 || r.URL.Query().Has("access_token")
}

// ownPage reports whether a page of the instance itself made the browser ask, or its
// person did. Pages of other origins get nothing by the cookie.
func ownPage(r *http.Request, root string) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "same-origin", "none":
		return true
	case "": // a browser of before these headers
		origin := r.Header.Get("Origin")
		return origin == "" || origin == root
	}
	return false
}

// wantsPage reports whether somebody looks at the address with a browser.
func wantsPage(r *http.Request) bool {
	for _, kind := range strings.Split(r.Header.Get("Accept"), ",") {
		name, _, _ := strings.Cut(kind, ";")
		if name = strings.TrimSpace(name); name == "text/html" {
			return true
		}
	}
	return false
}
