package signin

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/internal/netaddr"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/registry"
	"github.com/hybridapps/tandem/seal"
)

// Applications finds registrations, from memory that a change reaches within
// five seconds; [registry.Registry] implements it.
type Applications interface {
	// App also returns disabled applications.
	App(applicationURI string) (*registry.App, bool)
}

// Codes issues authorization codes; [token.Codes] implements it.
type Codes interface {
	Issue(ctx context.Context, g token.CodeGrant) (code string, err error)
}

// IDTokens makes the ID token that goes with a code; [token.Minter] implements it.
type IDTokens interface {
	IDToken(t token.UserToken, bound token.Bound) (token.Minted, error)
}

// Hints verifies ID token hints, whatever their expiry; [token.Verifier]
// implements it.
type Hints interface {
	VerifyHint(ctx context.Context, text string) (token.Hint, error)
}

// Handler serves the browser's part of the identity server. All fields but
// Throttling and Clock are required.
type Handler struct {
	// Issuer is the identity server's URL, such as https://erp.example/id.
	Issuer string
	// API is the URL of the domain API, which the parameter resource may name.
	API          string
	Applications Applications
	Users        Users
	SignIns      SignIns
	Passwords    *Passwords
	Attempts     AttemptCounters
	Throttling   Throttling
	Codes        Codes
	IDTokens     IDTokens
	Pushed       PushedRequests
	Hints        Hints
	Ending       *Ending
	Audit        tandem.Auditor
	// Box seals what travels through the browser; replicas share its key.
	Box *seal.Box
	Log *slog.Logger
	// Clock tells the time; nil means the system's.
	Clock tandem.Clock

	// Set by Mount.
	secure       bool // the issuer is https
	issuerHost   string
	cookieSuffix string
	throttle     throttle
	refused      refusedRequests
	crossSite    *http.CrossOriginProtection
}

// Paths of the pages that only the browser and this package know.
const (
	pathResume  = oauth.PathAuthorize + "/resume"
	pathAccount = oauth.PathIssuer + "/account/"
	pathSignIn  = pathAccount + "signin"
	pathSignOut = pathAccount + "signout"
)

// Mount adds the endpoints to mux.
func (h *Handler) Mount(mux *http.ServeMux) error {
	u, err := url.Parse(h.Issuer)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return errors.New("signin: the issuer " + tandem.Clip(h.Issuer, shown) + " is not an http or https URL")
	}
	h.secure, h.issuerHost = u.Scheme == "https", u.Host
	h.cookieSuffix = cookieSuffix(h.Issuer)
	h.throttle = newThrottle(h.Throttling, h.Attempts, h.Clock)
	h.refused.gate.Max = maxRefused
	h.crossSite = http.NewCrossOriginProtection()
	// A proxy may present another Host than the browser's Origin.
	if err := h.crossSite.AddTrustedOrigin(u.Scheme + "://" + u.Host); err != nil {
		return err
	}
	mux.Handle("GET "+oauth.PathIssuer, h.serve(h.landing))
	mux.Handle("GET "+oauth.PathIssuer+"/{$}", h.serve(h.landing))
	mux.Handle("GET "+oauth.PathAuthorize, h.serve(h.authorize))
	mux.Handle("POST "+oauth.PathAuthorize, h.serve(h.authorizePost))
	mux.Handle("GET "+pathResume, h.serve(h.resume))
	mux.Handle("GET "+pathSignIn, h.serve(h.signInForm))
	mux.Handle("POST "+pathSignIn, h.serve(h.signIn))
	mux.Handle("GET "+pathSignOut, h.serve(h.signOutForm))
	mux.Handle("POST "+pathSignOut, h.serve(h.signOut))
	mux.Handle("GET "+oauth.PathEndSession, h.serve(h.endSession))
	mux.Handle("POST "+oauth.PathEndSession, h.serve(h.endSessionPost))
	mux.Handle(static.Pattern(), static)
	return nil
}

// Purge deletes what time has made useless; call it now and then.
func (h *Handler) Purge(ctx context.Context) error {
	now := h.Clock.Now()
	return errors.Join(
		h.SignIns.Purge(ctx, now.Add(-SignInAbsolute)),
		h.Attempts.Purge(ctx, now.Add(-h.throttle.Window)),
		h.Pushed.PurgePushed(ctx, now.Add(-time.Hour)),
	)
}

// maxForm bounds a form's body, in bytes.
const maxForm = 32 << 10

// readForm parses the body of a POST, and only that.
func readForm(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	if !strings.EqualFold(strings.TrimSpace(kind), "application/x-www-form-urlencoded") {
		return nil, &problem{status: http.StatusUnsupportedMediaType, code: "invalid_request", text: "The form came in a format that is not understood."}
	}
	if err := r.ParseForm(); err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return nil, &problem{status: http.StatusRequestEntityTooLarge, code: "invalid_request", text: "The form is too large."}
		}
		return nil, badRequest("The form cannot be read.", "")
	}
	for name, values := range r.PostForm {
		for _, text := range append(values, name) {
			if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
				return nil, badRequest("The form holds bytes that are no text.", "")
			}
		}
	}
	return r.PostForm, nil
}

func (h *Handler) record(ctx context.Context, r *http.Request, e tandem.AuditEvent) error {
	e.At, e.Flow, e.RemoteAddr = h.Clock.Now(), tandem.FlowUser, netaddr.Host(r.RemoteAddr)
	return h.Audit.Record(ctx, e)
}
