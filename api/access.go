package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internal/netaddr"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/oauth/dpop"
	"github.com/hybridapps/tandem/permission"
)

// Verifier turns the text of an access token into whom it speaks for, or says
// in a [tandem.Error] with CodeUnauthorized why not.
type Verifier interface {
	VerifyAccess(ctx context.Context, raw string) (*tandem.Principal, error)
}

// References turns the text of a reference token into whom it speaks for. It answers
// from memory for those that were seen lately, and knows at once what was revoked. A
// refusal is a [tandem.Error] with CodeUnauthorized.
type References interface {
	Reference(ctx context.Context, text string) (*tandem.Principal, error)
	// UsedReference counts an admitted call with the token with the id, and the scope that
	// it needed.
	UsedReference(id, address, scope string)
}

// Checker says whether application and account behind a verified token still
// may act: enabled, of the same user type, allowed in this flow. It is asked at
// every call and answers from memory.
type Checker interface {
	Check(ctx context.Context, p *tandem.Principal) error
}

// Sessions finds the session of a principal, or opens one and takes a licence
// slot. The session returned is shared and must not be changed.
type Sessions interface {
	Acquire(ctx context.Context, p *tandem.Principal, remoteAddr string) (*tandem.Session, error)
}

// Auditor records an event and returns when it is durable.
type Auditor interface {
	Record(ctx context.Context, e tandem.AuditEvent) error
}

// DefaultTokenCacheSize is how many verified tokens an [Access] remembers.
const DefaultTokenCacheSize = 20_000

// MaxToken is the longest token looked at, in bytes.
const MaxToken = 16 << 10

// Access guards the handlers of the API. For each call it checks, in this
// order: the credential header, the token, the live state of application and
// account, the kind of user, the scope; only then it acquires the session, and looks
// up what the account is granted, which decides set by set.
// A call refused before that opens no session and takes no slot.
type Access struct {
	Verifier Verifier
	// References takes reference tokens; nil refuses them.
	References References
	// KeyGeneration changes whenever a signing key stops being trusted; tokens
	// verified before are then verified again. Nil means it never changes.
	KeyGeneration func() uint64
	// Proofs checks the proofs of tokens that are bound to a key (RFC 9449); nil
	// refuses such tokens.
	Proofs *dpop.Server
	// Demands are what the proofs of an application have to be; nil demands nothing.
	Demands  func(applicationURI string) dpop.Demands
	Checker  Checker
	Sessions Sessions
	// Metadata is the address of the metadata of the API (see [Domain.Metadata]), of which
	// refused callers are told; empty tells nobody.
	Metadata string
	// Rights is what the acting account of an admitted principal is granted.
	Rights func(ctx context.Context, p *tandem.Principal) (*permission.Rights, error)
	// Narrow is what rights have in common with what a person may see; never more. Nil
	// refuses every call that asks for it.
	Narrow func(ctx context.Context, rights *permission.Rights, userID string) (*permission.Rights, error)
	// Person is the kind of the account that a service calls for, empty where there is
	// none. Nil asks nobody.
	Person func(ctx context.Context, userID string) tandem.UserType
	// Uses counts the rights that calls use; nil counts nothing.
	Uses *permission.Meter
	// Watch is told of every decision, in the place of Uses; nil for nobody: it is for who
	// explains.
	Watch   permission.Watcher
	Auditor Auditor
	// Refusals put calls on record that are refused; nil for nobody.
	Refusals tandem.Refuser
	// Clock is nil for the system's.
	Clock tandem.Clock
	// Log gets internal errors; the default is slog.Default().
	Log *slog.Logger
	// TokenCacheSize bounds the tokens remembered as verified; the default is
	// DefaultTokenCacheSize, about 1 KiB each.
	TokenCacheSize int

	once  sync.Once
	cache *tokenCache
}

// Call is what is known of an admitted API call.
type Call struct {
	Principal *tandem.Principal
	// Session is shared: it must not be changed.
	Session *tandem.Session
	// Rights are those of the account that acts: see package permission.
	Rights *permission.Rights
	// Watch is told which of them are used; nil for nobody.
	Watch permission.Watcher
	// OnBehalf is nil unless a service named the person it calls for.
	OnBehalf *OnBehalf
	// Narrowed says that the rights are no more than that person's.
	Narrowed bool

	access  *Access
	at      time.Time           // when it was admitted
	counter *permission.Counter // of the account that acts; nil where nothing is counted
}

// Again is what the account may do by now: a call may have waited for others, or
// take long itself. The error says why it may not act any more.
func (c *Call) Again(ctx context.Context) (*permission.Rights, error) {
	if c.access == nil {
		return c.Rights, nil
	}
	if err := c.access.Checker.Check(ctx, c.Principal); err != nil {
		return nil, err
	}
	return c.access.rights(ctx, c)
}

// fresh is for how long what was decided at the beginning of a call holds for what
// is read by it.
const fresh = 4 * time.Second

// Still refuses to answer a call that took so long that what the account may see has
// been changed meanwhile: changes act within five seconds (E4).
func (c *Call) Still(ctx context.Context) error {
	if c == nil || c.access == nil || c.access.Clock.Now().Sub(c.at) < fresh {
		return nil
	}
	rights, err := c.Again(ctx)
	if err == nil && !rights.Same(c.Rights) {
		err = tandem.Errorf(tandem.CodeUnavailable, "What %s may see was changed while this was read; ask again.", c.Principal.Actor())
	}
	return err
}

type callKey struct{}

// CallOf is the admitted call of a request's context; nil where no [Access]
// stands before the handler.
func CallOf(ctx context.Context) *Call {
	c, _ := ctx.Value(callKey{}).(*Call)
	return c
}

// WithCall is a context that carries the call, as [Access.Guard] makes it.
func WithCall(ctx context.Context, c *Call) context.Context {
	return context.WithValue(ctx, callKey{}, c)
}

// Guard admits calls with the scope that the method needs: read for GET, HEAD
// and OPTIONS, update for all others. The handler finds the call with [CallOf].
func (a *Access) Guard(next http.Handler) http.Handler { return a.guard("", next) }

// GuardScope admits calls that have the given scope, whatever the method: for
// handlers such as a batch, which then look at each part with
// Principal.Scope.Has.
func (a *Access) GuardScope(scope string, next http.Handler) http.Handler {
	return a.guard(scope, next)
}

func (a *Access) guard(scope string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		need := scope
		if need == "" {
			need = ScopeFor(r.Method)
		}
		if ctx := Identify(r.Context(), w); ctx != r.Context() {
			r = r.WithContext(ctx)
		}
		h := w.Header()
		h.Set(RequestIDHeader, tandem.RequestID(r.Context()))
		a.Proofs.Tell(h, r)
		call, p, err := a.admit(r, need)
		if err != nil {
			Errors{a.Log, a.Metadata}.Write(w, r, a.forbidden(w, r, p, err))
			return
		}
		h.Set("Tandem-Session", call.Session.ID)
		h.Set("Tandem-Slot", strconv.Itoa(call.Session.Slot))
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r.WithContext(WithCall(r.Context(), call)))
	})
}

// ScopeFor is the scope that a call with this HTTP method needs.
func ScopeFor(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return tandem.ScopeRead
	}
	return tandem.ScopeUpdate
}

// Admit checks the request and acquires its session. The error is one for
// [Errors].
func (a *Access) Admit(r *http.Request, scope string) (*Call, error) {
	call, _, err := a.admit(r, scope)
	return call, err
}

// admit is Admit that also tells who was refused, as far as the token says so.
func (a *Access) admit(r *http.Request, scope string) (*Call, *tandem.Principal, error) {
	c, err := credentialOf(r)
	if err != nil {
		return nil, nil, err
	}
	p, err := a.identify(r, c)
	if err != nil {
		return nil, nil, err
	}
	if err := a.holder(r, c.scheme, c.token, p); err != nil {
		return nil, p, err
	}
	call, err := a.open(r, p, scope)
	return call, p, err
}

// open checks what a verified token may do, and acquires its session.
func (a *Access) open(r *http.Request, p *tandem.Principal, scope string) (call *Call, err error) {
	if err := a.Checker.Check(r.Context(), p); err != nil {
		return nil, err
	}
	if p.User != nil && p.User.Type != tandem.InternalUser {
		return nil, tandem.Errorf(tandem.CodeForbidden, "external users sign in for identity only; the API is not for them")
	}
	if !p.Scope.Has(scope) {
		return nil, InsufficientScope(scope)
	}
	call = &Call{Principal: p, access: a, at: a.Clock.Now()}
	if values := r.Header[OnBehalfHeader]; len(values) > 0 {
		if call.OnBehalf, err = onBehalf(p, values); err != nil {
			return nil, err
		}
	}
	if call.Narrowed, err = a.narrowed(r, call); err != nil {
		return nil, err
	}
	remote := netaddr.Host(r.RemoteAddr)
	if call.Session, err = a.Sessions.Acquire(r.Context(), p, remote); err != nil {
		return nil, err
	}
	if p.Reference {
		a.References.UsedReference(p.TokenID, remote, scope)
	}
	if call.Rights, err = a.rights(r.Context(), call); err != nil {
		return nil, err
	}
	if call.OnBehalf != nil && a.Person != nil {
		call.OnBehalf.Type = a.Person(r.Context(), call.OnBehalf.UserID)
	}
	a.watch(r.Context(), call, scope)
	if call.OnBehalf != nil {
		if err := a.recordOnBehalf(r, call, remote); err != nil {
			return nil, err
		}
	}
	return call, nil
}

// usedByPart counts a request of a batch as watch counts one that comes alone: the batch
// itself was admitted as a read.
func (a *Access) usedByPart(call *Call, scope string, of *http.Request) {
	if a == nil || scope == tandem.ScopeRead {
		return
	}
	if call.counter != nil {
		call.counter.Called(scope)
	}
	if call.Principal.Reference {
		a.References.UsedReference(call.Principal.TokenID, netaddr.Host(of.RemoteAddr), scope)
	}
}

// recordPart puts a request of a batch on record that is made on behalf of a person.
func (a *Access) recordPart(ctx context.Context, r *http.Request) error {
	call := CallOf(ctx)
	if a == nil || call == nil || call.OnBehalf == nil {
		return nil
	}
	return a.recordOnBehalf(r.WithContext(ctx), call, netaddr.Host(r.RemoteAddr))
}

// watch counts the call, and lets the rights be counted that it uses.
func (a *Access) watch(ctx context.Context, call *Call, scope string) {
	if call.Watch = a.Watch; a.Uses == nil || a.Watch != nil {
		return
	}
	by := permission.By{UserID: call.Principal.ActorID(), ApplicationURI: call.Principal.ApplicationURI, Flow: call.Principal.Flow()}
	if call.OnBehalf != nil {
		by.For = call.OnBehalf.Type
	}
	if c := a.Uses.Of(by); c != nil {
		c.Called(scope)
		call.counter, call.Watch = c, c
	}
	if call.Narrowed && by.For == tandem.InternalUser { // whose own rights it takes, too
		if c := a.Uses.Of(permission.By{UserID: call.OnBehalf.UserID, ApplicationURI: by.ApplicationURI}); c != nil {
			call.Watch = permission.Together(call.Watch, c)
		}
	}
}

// rights is what the account of a call may do now.
func (a *Access) rights(ctx context.Context, call *Call) (*permission.Rights, error) {
	rights, err := a.Rights(ctx, call.Principal)
	if err == nil && call.Narrowed {
		rights, err = a.Narrow(ctx, rights, call.OnBehalf.UserID)
	}
	if rights == nil {
		rights = permission.None() // nil would see every row
	}
	return rights, err
}

// identify is whom the token of a request speaks for, as far as it says so.
func (a *Access) identify(r *http.Request, c credential) (*tandem.Principal, error) {
	a.once.Do(a.init)
	if strings.HasPrefix(c.token, tandem.ReferencePrefix) && a.References != nil {
		return a.References.Reference(r.Context(), c.token)
	}
	if c.key {
		return nil, invalidToken(tandem.RuleTokenKind, "only a reference token ("+tandem.ReferencePrefix+"...) is an API key; send an access token as Authorization: Bearer")
	}
	return a.verify(r.Context(), c.token)
}

func (a *Access) verify(ctx context.Context, raw string) (*tandem.Principal, error) {
	// The generation is read first: a key removed while we verify makes the
	// entry stale at once.
	generation := a.KeyGeneration()
	key := tokenHash(raw)
	if p := a.cache.get(key, generation, a.Clock.Now()); p != nil {
		return p, nil
	}
	p, err := a.Verifier.VerifyAccess(ctx, raw)
	if err != nil {
		return nil, err
	}
	if (p.User == nil) == (p.Service == nil) {
		return nil, invalidToken(tandem.RuleTokenKind, "the token is neither a user token nor a service token")
	}
	a.cache.put(key, generation, p)
	return p, nil
}

func (a *Access) init() {
	if a.KeyGeneration == nil {
		a.KeyGeneration = func() uint64 { return 0 }
	}
	if a.TokenCacheSize == 0 {
		a.TokenCacheSize = DefaultTokenCacheSize
	}
	a.cache = newTokenCache(a.TokenCacheSize)
}

// holder checks that the request is by whom its token is bound to.
func (a *Access) holder(r *http.Request, scheme, raw string, p *tandem.Principal) error {
	if p.KeyThumbprint == "" && strings.EqualFold(scheme, oauth.TokenTypeBearer) {
		return nil
	}
	if a.Proofs == nil {
		return invalidToken(tandem.RuleProof, "a token that is bound to a key is not accepted here")
	}
	var demands dpop.Demands
	if a.Demands != nil {
		demands = a.Demands(p.ApplicationURI)
	}
	err := a.Proofs.Check(r, scheme, raw, p.KeyThumbprint, demands)
	var wrong *dpop.Error
	switch {
	case !errors.As(err, &wrong):
		return err
	case wrong.Token:
		return &challenge{kind: TypeInvalidToken, message: wrong.Error(), rule: tandem.RuleProof, proof: true}
	case wrong.Nonce:
		return &challenge{kind: TypeUseDPoPNonce, message: wrong.Error(), rule: tandem.RuleProofNonce}
	}
	return &challenge{kind: TypeInvalidDPoPProof, message: wrong.Error(), rule: tandem.RuleProof}
}

func onBehalf(p *tandem.Principal, values []string) (*OnBehalf, error) {
	if p.Service == nil {
		return nil, invalid("%s is for service tokens; a user token speaks for its own user", OnBehalfHeader)
	}
	if len(values) > 1 {
		return nil, invalid("%s is given more than once", OnBehalfHeader)
	}
	return parseOnBehalf(values[0])
}

// maxPath is how many bytes of a path a caller can make the record hold.
const maxPath = 200

func (a *Access) recordOnBehalf(r *http.Request, call *Call, remote string) error {
	narrowed := ""
	if call.Narrowed {
		narrowed = ", narrowed to what they may see"
	}
	f := tandem.Facts{
		Method: r.Method, Path: tandem.Clip(r.URL.EscapedPath(), maxPath), User: call.OnBehalf.UserID, UserType: call.OnBehalf.Type,
		Scope: call.Principal.Scope.String(),
	}
	if call.Narrowed {
		f.Person = call.OnBehalf.UserID
	}
	return a.Auditor.Record(r.Context(), tandem.AuditEvent{
		Facts:          f.JSON(),
		At:             a.Clock.Now(),
		Kind:           tandem.AuditOnBehalf,
		ApplicationURI: call.Principal.ApplicationURI,
		Actor:          call.Principal.Actor(),
		Flow:           tandem.FlowService,
		SessionID:      call.Session.ID,
		SignInID:       call.OnBehalf.SignInID,
		TokenID:        call.Principal.TokenID,
		RemoteAddr:     remote,
		Detail: r.Method + " " + tandem.Clip(r.URL.EscapedPath(), maxPath) + " for user " + call.OnBehalf.UserID +
			", as the service tells, on evidence of " + call.OnBehalf.EvidenceAt.Format(time.RFC3339) + narrowed,
	})
}
