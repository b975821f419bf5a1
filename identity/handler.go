package identity

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/oauth/dpop"
	"github.com/hybridapps/tandem/registry"
	"github.com/hybridapps/tandem/usage"
)

// Users reads accounts as they are at this moment.
type Users interface {
	UserByID(ctx context.Context, id string) (tandem.User, error)
}

// Revocations keeps the ids of access tokens that ended before their time.
type Revocations interface {
	Revoke(ctx context.Context, t registry.RevokedToken) error
	// Purge deletes what expired before the time.
	Purge(ctx context.Context, before time.Time) error
}

// CredentialUse is the last use of a credential within a minute.
type CredentialUse struct {
	ApplicationID string
	// CredentialID is [tandem.ClassicCredential] for the one secret of both flows.
	CredentialID string
	// At is in whole minutes, From the address.
	At   time.Time
	From string
}

// CredentialUses keeps when credentials were last used, and from where. It never goes
// back in time.
type CredentialUses interface {
	CredentialsUsed(ctx context.Context, used []CredentialUse) error
}

// Handler serves discovery, the key set, the token endpoint, revocation and
// introspection.
// All fields but ClientFailures, Log and Clock are required. Call [Handler.Mount] once, and leave
// [Handler.Run] running.
type Handler struct {
	// Issuer is the identity server's URL, such as https://erp.example/id.
	Issuer string
	// API is the URL of the domain API, which the parameter resource may name.
	API        string
	Registry   *registry.Registry
	Users      Users
	Keys       *token.Keys
	Minter     *token.Minter
	Verifier   *token.Verifier
	Codes      *token.Codes
	Families   *token.Families
	Devices    *token.Devices
	Assertions token.AssertionStore
	Failures   FailureCounters
	// ClientFailures is how many failed authentications of one application from one address
	// are free in a minute; zero means [MaxClientFailures].
	ClientFailures int
	Revocations    Revocations
	SignIns        SignInGrants
	// Consents are what people allow applications that are not of the first party.
	Consents signin.Consents
	Pushed   Pusher
	// Proofs checks DPoP proofs (RFC 9449), and has the nonces.
	Proofs *dpop.Server
	Uses   CredentialUses
	// Used counts which grants and credentials are used; nil counts nothing.
	Used     *usage.Meter
	Audit    tandem.Auditor
	Refusals tandem.Refuser
	// References are the tokens that the revocation endpoint may end, too.
	References *registry.ReferenceTokens
	// Log gets internal errors; nil means slog.Default.
	Log *slog.Logger
	// Clock tells the time; nil means the system's.
	Clock tandem.Clock

	throttle throttle
	uses     uses
	// audiences are what a client assertion may be addressed to.
	audiences []string
}

// Mount adds the endpoints.
func (h *Handler) Mount(mux *http.ServeMux) {
	h.throttle = throttle{counters: h.Failures, clock: h.Clock, free: int64(cmp.Or(h.ClientFailures, MaxClientFailures))}
	h.audiences = []string{h.Issuer, h.endpoint(oauth.PathToken), h.endpoint(oauth.PathPushed)}

	discovery := h.discovery()
	mux.Handle("GET "+oauth.PathDiscovery, discovery)
	mux.Handle("GET "+oauth.PathMetadata, discovery)
	mux.HandleFunc("GET "+oauth.PathJWKS, h.jwks)
	mux.HandleFunc("POST "+oauth.PathToken, h.serveToken)
	mux.HandleFunc("POST "+oauth.PathPushed, h.servePushed)
	mux.HandleFunc("POST "+oauth.PathDeviceAuthorization, h.serveDevice)
	mux.HandleFunc("POST "+oauth.PathRevocation, h.serveRevocation)
	mux.HandleFunc("POST "+oauth.PathIntrospection, h.serveIntrospection)
}

// endpoint is the URL of a path of the issuer.
func (h *Handler) endpoint(path string) string { return h.Issuer + path[len(oauth.PathIssuer):] }

func (h *Handler) log() *slog.Logger {
	if h.Log != nil {
		return h.Log
	}
	return slog.Default()
}

// usesEvery is how often what was kept in memory is written down.
const usesEvery = 10 * time.Second

// Run writes down what was kept in memory until the context ends; then it writes
// down the rest.
func (h *Handler) Run(ctx context.Context) error {
	flush := time.NewTicker(usesEvery)
	defer flush.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
			defer cancel()
			return h.uses.flush(last, h.Uses)
		case <-flush.C:
			h.keep(ctx, "credential uses", h.uses.flush(ctx, h.Uses))
		}
	}
}

func (h *Handler) keep(ctx context.Context, what string, err error) {
	if err != nil && ctx.Err() == nil {
		h.log().Warn("identity: housekeeping failed", "what", what, "error", err)
	}
}

// Purge deletes codes, families, assertions and counters that have served; call
// it now and then.
func (h *Handler) Purge(ctx context.Context) error {
	now := h.Clock.Now()
	return errors.Join(
		h.Codes.Purge(ctx), h.Families.Purge(ctx), h.Devices.Purge(ctx),
		h.Assertions.PurgeAssertions(ctx, now.Add(-time.Minute)),
		h.Revocations.Purge(ctx, now.Add(-time.Minute)),
		h.Failures.PurgeFailures(ctx, minuteOf(now)-1),
	)
}

// fail responds to a request that was refused or failed: the one place where an
// error becomes a response. Replays are recorded each; other refusals are
// recorded in a way that a flood of them does not fill the disk.
func (h *Handler) fail(w http.ResponseWriter, r *http.Request, q *request, err error) {
	event := h.event(q)
	var refusal *oauth.Error
	var known *tandem.Error
	if errors.As(err, &known) && known.Code == tandem.CodeInvalid {
		err = token.Refuse(cmp.Or(known.Rule, tandem.RuleParameter), oauth.InvalidRequest, "%s", known.Message)
	}
	switch {
	case errors.Is(err, token.ErrCodeReplayed):
		event.Kind, event.Detail = tandem.AuditCodeReplayed, "what the code gave was taken back"
	case errors.Is(err, token.ErrRefreshReplayed):
		event.Kind, event.Detail = tandem.AuditRefreshReplayed, "the family was ended"
	}
	q.facts.Rule = token.RuleOf(err)
	if event.Kind != "" {
		event.Facts = q.facts.JSON()
		if auditErr := h.Audit.Record(r.Context(), event); auditErr != nil {
			err = auditErr
		}
	}
	if errors.Is(err, token.ErrRefreshAltered) {
		h.log().Warn("identity: a refresh token is refused", "application", q.knownApp(), "error", token.ErrRefreshAltered)
	}
	if !errors.As(err, &refusal) {
		refusal = h.internal(r, err)
	} else if event.Kind == "" && refusal.Code != oauth.AuthorizationPending { // who waits was refused nothing
		tellReference(w, h.refused(q, err))
	}
	oauth.WriteError(w, refusal, q.basicTried)
}

// event is what a record of a request begins with.
func (h *Handler) event(q *request) tandem.AuditEvent {
	return tandem.AuditEvent{At: h.Clock.Now(), ApplicationURI: q.knownApp(), Flow: q.flow, SignInID: q.signInID, RemoteAddr: q.address}
}

// refused puts a refusal on record, and says under which id it is found where it was
// repeated.
func (h *Handler) refused(q *request, why error) (reference string) {
	var refusal *oauth.Error
	if !errors.As(why, &refusal) {
		return ""
	}
	event := h.event(q)
	event.Kind, event.Detail = tandem.AuditTokenRefused, refusal.Error()
	if q.app != nil && q.flow != "" {
		q.facts.Limit = q.app.FlowScope(q.flow).String()
	}
	q.facts.Rule, q.facts.Method, q.facts.Path = token.RuleOf(why), q.http.Method, q.http.URL.Path
	ctx := q.http.Context()
	reference, err := h.Refusals.Refused(ctx, event, q.facts, string(refusal.Code))
	h.keep(ctx, "refusals", err)
	return reference
}

// tellReference says the id under which a repeated refusal is found.
func tellReference(w http.ResponseWriter, reference string) {
	if reference != "" {
		w.Header().Set(tandem.RequestIDHeader, reference)
	}
}

// unavailable tells that trying again helps (RFC 6749 section 4.1.2.1), and
// nothing of the cause: that is in the log of who found it.
func unavailable(err error) *oauth.Error {
	e := &oauth.Error{
		Code:        oauth.TemporarilyUnavailable,
		Description: "no answer in time; try again",
		Status:      http.StatusServiceUnavailable,
		RetryAfter:  2 * time.Second,
	}
	var known *tandem.Error
	if errors.As(err, &known) {
		e.Description = known.Message
	}
	return e
}

// internal turns an error that is no refusal into a response that says nothing
// of it but an id, under which it is logged.
func (h *Handler) internal(r *http.Request, err error) *oauth.Error {
	if tandem.ErrorCode(err) == tandem.CodeUnavailable {
		return unavailable(err)
	}
	id := uuid.NewString()
	if r.Context().Err() == nil { // else the client has gone, and that is all
		h.log().Error("identity: internal error", "id", id, "path", r.URL.Path, "error", err)
	}
	return &oauth.Error{Code: oauth.ServerError, Description: "internal error " + id, Status: http.StatusInternalServerError}
}
