package signin

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/federation"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/internal/netaddr"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/registry"
	"github.com/hybridapps/tandem/seal"
	"github.com/hybridapps/tandem/site"
	"github.com/hybridapps/tandem/usage"
)

// Applications finds registrations, from memory that a change reaches within
// five seconds; [registry.Registry] implements it.
type Applications interface {
	// App also returns disabled applications.
	App(applicationURI string) (*registry.App, bool)
	// Resource and ResourceOf find what applications have registered for tokens of
	// others.
	token.Registered
}

// Codes issues authorization codes; [token.Codes] implements it.
type Codes interface {
	Issue(ctx context.Context, g token.CodeGrant, fapi bool) (code string, err error)
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
// Lifetimes, Throttling, Used, Factors and Clock are required.
type Handler struct {
	// Issuer is the identity server's URL, such as https://erp.example/id.
	Issuer string
	// API is the URL of the domain API, which the parameter resource may name.
	API          string
	Applications Applications
	Users        Users
	SignIns      SignIns
	Consents     Consents
	Passwords    *Passwords
	// Lifetimes are those of sign-ins, pushed requests and devices.
	Lifetimes  token.Lifetimes
	Attempts   AttemptCounters
	Throttling Throttling
	Codes      Codes
	Devices    Devices
	IDTokens   IDTokens
	Pushed     PushedRequests
	// Used counts where codes are sent; nil counts nothing.
	Used   *usage.Meter
	Hints  Hints
	Ending *Ending
	// Outside are OpenID providers of others, and Links say who their subjects are here; nil
	// for none.
	Outside *federation.RelyingParty
	Links   *federation.Admin
	// Factors are people's second factors; nil knows none.
	Factors *Factors
	// Accounts changes passwords of people themselves.
	Accounts *Accounts
	Audit    tandem.Auditor
	Refusals tandem.Refuser
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
	asked        chan forgotten // for a link by mail
	crossSite    *http.CrossOriginProtection
}

// Paths of the pages that only the browser and this package know.
const (
	pathResume  = oauth.PathAuthorize + "/resume"
	pathAccount = oauth.PathIssuer + "/account/"
	pathSignIn  = pathAccount + "signin"
	pathSignOut = pathAccount + "signout"
	pathConsent = pathAccount + "consent"

	pathSecondFactor = pathAccount + "second-factor"
	pathEnrolment    = pathAccount + "enrolment"
	pathPasskey      = pathAccount + "passkey"
	pathReset        = pathAccount + "reset"
	pathForgot       = pathAccount + "forgot"
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
	if h.Factors != nil {
		h.Factors.issuer = u.Host
		if h.Factors.party, err = relyingParty(u); err != nil {
			return err
		}
	}
	h.asked = make(chan forgotten, maxForgotten)
	h.crossSite = http.NewCrossOriginProtection()
	// A proxy may present another Host than the browser's Origin.
	if err := h.crossSite.AddTrustedOrigin(u.Scheme + "://" + u.Host); err != nil {
		return err
	}
	mux.Handle("GET "+oauth.PathIssuer, h.serve(h.landing))
	mux.Handle("GET "+oauth.PathIssuer+"/{$}", h.serve(h.landing))
	h.mountActing(mux, oauth.PathAuthorize, h.authorize, h.authorizePost)
	h.mountActing(mux, pathResume, h.resume, nil)
	mux.Handle("GET "+pathSignIn, h.serve(h.signInForm))
	mux.Handle("POST "+pathSignIn, h.serve(h.signIn))
	h.mountActing(mux, pathConsent, h.consentForm, h.consent)
	mux.Handle("POST "+pathPasskey, h.serve(h.passkeySignIn))
	mux.Handle("GET "+pathSecondFactor, h.serve(h.secondFactorForm))
	mux.Handle("POST "+pathSecondFactor, h.serve(h.secondFactor))
	mux.Handle("POST "+pathEnrolment, h.serve(h.enrolment))
	if h.Factors != nil {
		mux.Handle("GET "+pathFactors, h.serve(h.factorsPage))
		mux.Handle("POST "+pathFactors, h.serve(h.changeFactors))
	}
	if h.Outside != nil {
		h.mountActing(mux, pathOutside, h.outsideStart, nil)
		h.mountActing(mux, federation.CallbackPath("{provider}"), h.outsideCallback, nil)
	}
	mux.Handle("GET "+oauth.PathDevice, h.serve(h.deviceForm))
	mux.Handle("POST "+oauth.PathDevice, h.serve(h.devicePost))
	mux.Handle("GET "+pathReset, h.serve(h.resetForm))
	mux.Handle("POST "+pathReset, h.serve(h.reset))
	if h.Accounts.Notifier != nil {
		mux.Handle("GET "+pathForgot, h.serve(h.forgotForm))
		mux.Handle("POST "+pathForgot, h.serve(h.forgot))
	}
	mux.Handle("GET "+pathSignOut, h.serve(h.signOutForm))
	mux.Handle("POST "+pathSignOut, h.serve(h.signOut))
	h.mountActing(mux, oauth.PathEndSession, h.endSession, h.endSessionPost)
	mux.Handle(static.Pattern(), static)
	return nil
}

// Purge deletes what time has made useless; call it now and then.
func (h *Handler) Purge(ctx context.Context) error {
	now := h.Clock.Now()
	return errors.Join(
		h.SignIns.Purge(ctx, now.Add(-token.SignInAbsolute)),
		h.Attempts.Purge(ctx, now.Add(-2*h.throttle.Window), now.Add(-factorWindow)),
		h.Pushed.PurgePushed(ctx, now.Add(-time.Hour)),
		h.Accounts.Resets.Purge(ctx, now),
	)
}

// readForm parses the body of a POST, and only that.
func readForm(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	form, bad := site.ReadForm(w, r)
	if bad != nil {
		return nil, &problem{status: bad.Status, code: "invalid_request", rule: tandem.RuleForm, text: bad.Text}
	}
	return form, nil
}

func (h *Handler) record(ctx context.Context, r *http.Request, e tandem.AuditEvent) error {
	e.At, e.Flow, e.RemoteAddr = h.Clock.Now(), tandem.FlowUser, netaddr.Host(r.RemoteAddr)
	return h.Audit.Record(ctx, e)
}
