package client

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/hybridapps/tandem"
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
	// Transport makes the API calls; nil means the Provider's.
	Transport http.RoundTripper
	// Observe is told about each API call, in the caller's goroutine.
	Observe func(Call)
	// ErrorPage answers a sign-in that failed, with a sentence for the person;
	// nil means a plain page.
	ErrorPage func(w http.ResponseWriter, r *http.Request, status int, message string)
	// SignOutPage draws the page that takes the sign-out to the provider; nil
	// means a plain page. The handler has set a Content-Security-Policy that
	// allows the form and SignOutForm.Script.
	SignOutPage func(w http.ResponseWriter, r *http.Request, form SignOutForm)
	// Log gets what the person is not shown; nil discards it.
	Log *slog.Logger
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// SignOutForm is a form that must be posted to the provider to end the person's
// sign-in there. It holds the ID token, which must not get into a URL.
type SignOutForm struct {
	// Action is the address to POST to.
	Action string
	// Fields are its hidden fields.
	Fields url.Values
	// Script is the address of a script that submits the page's first form at
	// once; empty where there is none. Without it the person presses a button.
	Script string
}

// UserTokens is the front end's half of an application: it signs people in and
// keeps and renews their tokens. It is safe for concurrent use; replicas share
// a [SessionStore] and the key of the [seal.Box].
type UserTokens struct{}

// NewUserTokens checks the configuration. It makes no request.
func NewUserTokens(c UserConfig) (*UserTokens, error) { return nil, errors.ErrUnsupported }

// Mount adds the four handlers: SignIn at SignInURL, Callback and SignedOut at
// the paths of their addresses, and SignOut at POST /signout.
func (t *UserTokens) Mount(mux *http.ServeMux) {}

// SignIn sends a browser to the provider (GET /signin?return_to=/path). The
// request's state, nonce and PKCE verifier are in a sealed short-lived cookie
// of their own, so that several tabs can sign in at once. Afterwards the
// browser comes back to return_to, which can only be a path of this host.
func (t *UserTokens) SignIn() http.Handler { return nil }

// Callback is where the provider sends the browser back (GET /signin-callback).
// It checks state and issuer (RFC 9207), redeems the code, verifies the ID
// token and its nonce, and begins a session under a new id.
func (t *UserTokens) Callback() http.Handler { return nil }

// SignOut ends the session (POST /signout; cross-origin requests are refused)
// and answers a page that posts the ID token to the provider's end-session
// endpoint. The page works without JavaScript too.
func (t *UserTokens) SignOut() http.Handler { return nil }

// SignedOut is where the provider sends the browser after a sign-out (GET
// /signout-callback). It also serves the script of the sign-out page.
func (t *UserTokens) SignedOut() http.Handler { return nil }

// Session is the session of the request's cookie. It is [tandem.ErrNotFound]
// when nobody is signed in; other errors are the store's.
func (t *UserTokens) Session(r *http.Request) (*UserSession, error) {
	return nil, errors.ErrUnsupported
}

// Middleware puts the session, if there is one, into the request's context for
// [UserSessionOf], and refuses cross-origin requests with unsafe methods (CSRF).
func (t *UserTokens) Middleware(next http.Handler) http.Handler { return nil }

// Require lets only signed-in people through: a browser that navigates is sent
// to SignIn and comes back, everything else gets 401. It includes Middleware.
func (t *UserTokens) Require(next http.Handler) http.Handler { return nil }

// UserSessionOf is the session that [UserTokens.Middleware] found; nil when
// nobody is signed in.
func UserSessionOf(ctx context.Context) *UserSession { return nil }

// Count is how many sessions are live, and of how many people.
func (t *UserTokens) Count(ctx context.Context) (sessions, people int, err error) {
	return 0, 0, errors.ErrUnsupported
}

// Purge removes expired sessions from the store; call it now and then.
func (t *UserTokens) Purge(ctx context.Context) (int, error) { return 0, errors.ErrUnsupported }

// Close waits for renewals in flight, so that no renewed refresh token is lost.
// Call it after the HTTP server has shut down.
func (t *UserTokens) Close() error { return nil }
