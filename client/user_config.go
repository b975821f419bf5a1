package client

import (
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/oauth/dpop"
	"github.com/hybridapps/tandem/seal"
)

// Defaults of [UserConfig].
const (
	// DefaultIdleTimeout ends a session that is not used.
	DefaultIdleTimeout = 10 * time.Hour
	// DefaultAbsoluteTimeout ends a session, used or not.
	DefaultAbsoluteTimeout = 30 * 24 * time.Hour
)

// UserConfig configures the front end's half. Provider, ApplicationURI and
// RedirectURL are needed; a service credential cannot be given to it.
type UserConfig struct {
	Provider *Provider
	// ApplicationURI is the OAuth client_id.
	ApplicationURI string
	// Credential is the front end's own; the zero value is a public client.
	Credential UserCredential
	// RedirectURL is the absolute address of [UserTokens.Callback], registered
	// at the provider byte for byte. Its scheme and host are the web app's
	// public ones; with https the cookies get the prefix __Host-.
	RedirectURL string
	// PostLogoutRedirectURL is the absolute address of [UserTokens.SignedOut];
	// empty leaves people at the provider after a sign-out.
	PostLogoutRedirectURL string
	// Scope is asked for at sign-in; empty means openid profile offline_access
	// read update. openid is always asked for. Without offline_access people
	// sign in again when their access token ends.
	Scope tandem.Scope
	// DPoP is a key that the tokens are bound to (RFC 9449): who steals one can do nothing
	// with it. Replicas share the key ([dpop.KeyOf]); with another one people sign in again,
	// where the provider binds refresh tokens, too. A provider that gives a token that is
	// not bound is refused. Nil binds none.
	DPoP *dpop.Key
	// Resource is what the tokens are for (RFC 8707): the URI of a registered resource, whose
	// API belongs in APIOrigins then; empty means the provider's own API.
	Resource string
	// Parameters are added to the authorization request (ui_locales, prompt,
	// max_age …). Those that this package sends itself are refused.
	Parameters url.Values
	// Sessions keeps the sessions, sealed with Box. Both nil means a store in
	// memory with a key that dies with the process; one without the other is
	// refused.
	Sessions SessionStore
	Box      *seal.Box
	// IdleTimeout and AbsoluteTimeout end sessions of the web app; zero means
	// [DefaultIdleTimeout] and [DefaultAbsoluteTimeout].
	IdleTimeout, AbsoluteTimeout time.Duration
	// SignInURL is the path of [UserTokens.SignIn]; empty means /signin.
	SignInURL string
	// SignedInURL is where people go after sign-in without a return_to, and
	// SignedOutURL after sign-out; empty means /.
	SignedInURL, SignedOutURL string
	// CookieName names the session cookie, without a prefix; empty means a name
	// made from the application and the issuer, so that apps on one host
	// (localhost) do not disturb each other.
	CookieName string
	// APIOrigins ("https://api.example.com") may be sent the user token, beside
	// the issuer's own origin and the root of an [OData].
	APIOrigins []string
	// UserinfoInBody sends the access token to the userinfo endpoint in the body of a form
	// (RFC 6750 section 2.2), for a provider that reads it there alone.
	UserinfoInBody bool
	// Transport makes the API calls; nil means the Provider's.
	Transport http.RoundTripper
	// Observe is told about each API call, in the caller's goroutine.
	Observe func(Call)
	// ErrorPage answers a sign-in that failed, with a sentence for the person;
	// nil means a plain page.
	ErrorPage func(w http.ResponseWriter, r *http.Request, status int, message string)
	// SignInAgainPage answers a form that came when its person was not signed in
	// any more, with status 401; nil means a plain page.
	SignInAgainPage func(w http.ResponseWriter, r *http.Request, ask SignInAgain)
	// FormPage shows a form that was kept to its person, whose session is in the
	// request's context, to be looked at and sent. It must not act on the form.
	// nil means a plain page with the fields.
	FormPage func(w http.ResponseWriter, r *http.Request, form *KeptForm)
	// SignOutPage draws the page that takes the sign-out to the provider; nil
	// means a plain page. The handler has set a Content-Security-Policy that
	// allows the form and SignOutForm.Script.
	SignOutPage func(w http.ResponseWriter, r *http.Request, form SignOutForm)
	// Log gets what the person is not shown; nil discards it.
	Log *slog.Logger
	// Clock tells the time; nil means the system's.
	Clock tandem.Clock
}

// SignOutForm is a form that must be posted to the provider to end the person's
// sign-in there. It holds the ID token, if there is one, which must not get into
// a URL.
type SignOutForm struct {
	// Action is the address to POST to.
	Action string
	// Fields are its hidden fields.
	Fields url.Values
	// Script is the address of a script that submits the page's first form at
	// once; empty where there is none. Without it the person presses a button.
	Script string
}
