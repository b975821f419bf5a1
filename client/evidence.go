package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/oauth"
)

const (
	// EvidenceKept is for how long the answer to a question about a sign-in is
	// used, counted from when it was asked.
	EvidenceKept = 2 * time.Second
	// evidenceAskIn bounds one question.
	evidenceAskIn = 4 * time.Second
	// evidenceEvery is how often the contexts of an [Evidence] ask.
	evidenceEvery = time.Second
	// signedInStale and admittedStale are how old their last good answer may
	// become while no other comes.
	signedInStale, admittedStale = 5 * time.Second, 30 * time.Second
	maxIntrospection             = 64 << 10
)

// ErrSignInEnded is what an [Evidence] says of a person who may not act any
// more: their sign-in was ended, or they or the application were disabled.
var ErrSignInEnded error = tandem.Errorf(tandem.CodeUnauthorized,
	"the sign-in has ended, or its person may not use the application any more; please sign in again")

// EvidenceConfig configures an [Evidence]. Provider, ApplicationURI and Service
// are needed.
type EvidenceConfig struct {
	Provider *Provider
	// ApplicationURI is the application that the ID tokens were issued to.
	ApplicationURI string
	// Service is the back end's half: the provider is asked with its token.
	Service *ServiceTokens
	// ForItsLife accepts an ID token until it expires without asking anybody:
	// for providers that cannot tell whether a sign-in lives, as none but Tandem
	// can. Then a person who was disabled or has signed out is served for as
	// long as their ID token lives. Without it such providers are refused.
	ForItsLife bool
	// Clock tells the time; nil means the system's.
	Clock tandem.Clock
}

// Evidence takes ID tokens as evidence of who asks a back end for something, and
// knows of each whether its person still may ask. It is for a back end that acts
// for people with more rights than they have: an ID token alone proves that
// somebody was signed in when it was made, and goes on to do so for minutes after
// they were disabled.
//
// The provider is asked with the back end's own service token, at its
// introspection endpoint (RFC 7662), whether the sign-in at this application
// lives. An answer is used for [EvidenceKept]; those who need it at the same time
// share one question. Without an answer within four seconds nobody is served:
// the error is then a [tandem.Error] with [tandem.CodeUnavailable], where that of
// a sign-in which has ended is [ErrSignInEnded].
//
// It is safe for concurrent use.
type Evidence struct {
	verifier *IDTokenVerifier
	service  *ServiceTokens
	config   EvidenceConfig
	clock    tandem.Clock
	// calls are the service half's, told to no observer: they are about the
	// platform, not the application's work.
	calls authorised

	kept recent[question, verdict]

	mu      sync.Mutex
	flights map[question]*flight[verdict]
}

// question is about one sign-in.
type question struct {
	signInID, userID, subject string
	// person asks about the person alone: they may have signed out.
	person bool
}

// verdict is the answer to a question: no error means yes.
type verdict struct {
	err    error
	asked  time.Time
	groups []string
}

// NewEvidence checks the configuration. It makes no request.
func NewEvidence(c EvidenceConfig) (*Evidence, error) {
	switch {
	case c.Provider == nil:
		return nil, errors.New("evidence: no Provider")
	case c.ApplicationURI == "":
		return nil, errors.New("evidence: no ApplicationURI")
	case c.Service == nil && !c.ForItsLife:
		return nil, errors.New("evidence: no Service: the provider is asked with the service token whether a sign-in lives")
	}
	e := &Evidence{
		verifier: NewIDTokenVerifier(c.Provider, c.ApplicationURI), service: c.Service, config: c, clock: c.Clock,
		flights: map[question]*flight[verdict]{},
	}
	if c.Service != nil {
		e.calls = *c.Service.calls
		e.calls.observe = nil
	}
	return e, nil
}

// Verify says whose evidence the raw ID token is: it passes the checks of
// [IDTokenVerifier.Verify], and the sign-in is live.
func (e *Evidence) Verify(ctx context.Context, raw string) (IDToken, error) {
	t, err := e.verifier.Verify(ctx, raw)
	if err == nil {
		err = e.SignedIn(ctx, t)
	}
	if err != nil {
		return IDToken{}, err
	}
	return t, nil
}

// SignedIn says whether a sign-in is live: nobody has ended it, and its person
// and the application may act. A nil error means yes, [ErrSignInEnded] no. The
// token must have been verified; it may have expired since.
func (e *Evidence) SignedIn(ctx context.Context, t IDToken) error { return e.about(ctx, t, false) }

// Groups are the names of the groups that a person is in whose sign-in is live, as of
// at most [EvidenceKept] ago: a back end that lets people decide asks whether they may.
// The error is that of [Evidence.SignedIn]. A provider that is not asked, see
// [EvidenceConfig.ForItsLife], tells of none.
func (e *Evidence) Groups(ctx context.Context, t IDToken) ([]string, error) {
	if e.config.ForItsLife {
		return nil, nil
	}
	v, err := e.answer(ctx, t, false)
	return slices.Clone(v.groups), err
}

// Admitted is SignedIn for work that goes on when the person has left: also who
// has signed out is admitted, and nobody whose account or application was
// disabled or whose sign-ins were ended for them. After a sign-in without
// offline_access it is the same as SignedIn.
func (e *Evidence) Admitted(ctx context.Context, t IDToken) error { return e.about(ctx, t, true) }

// WhileSignedIn is a context for what is done for a person: it ends when
// [Evidence.SignedIn] says no, within five seconds, or when the provider has not
// answered for as long; [context.Cause] then is that error. Call stop when it is
// done.
func (e *Evidence) WhileSignedIn(ctx context.Context, t IDToken) (_ context.Context, stop func()) {
	return e.while(ctx, t, false)
}

// WhileAdmitted is WhileSignedIn with the question of [Evidence.Admitted]. As
// nobody waits for such work, it goes on for half a minute while the provider does
// not answer.
func (e *Evidence) WhileAdmitted(ctx context.Context, t IDToken) (_ context.Context, stop func()) {
	return e.while(ctx, t, true)
}

func (e *Evidence) while(ctx context.Context, t IDToken, person bool) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	if e.config.ForItsLife {
		return ctx, func() { cancel(nil) }
	}
	w := &watch{ctx: ctx, cancel: cancel, stale: signedInStale}
	if person {
		w.stale = admittedStale
	}
	w.about = func() (time.Duration, error) {
		v, err := e.answer(ctx, t, person)
		return e.clock.Now().Sub(v.asked), err
	}
	w.lock.Lock()
	defer w.lock.Unlock()
	w.next = time.AfterFunc(evidenceEvery, w.look)
	w.limit = time.AfterFunc(w.stale-EvidenceKept, func() { cancel(e.unanswered(context.DeadlineExceeded)) })
	return ctx, w.stop
}

// watch asks again and again until its context ends.
type watch struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	// about asks, and says how old the answer is.
	about func() (time.Duration, error)
	stale time.Duration

	lock sync.Mutex
	// next is when to ask again; limit ends the context unless there is a good
	// answer before.
	next, limit *time.Timer
}

func (w *watch) look() {
	age, err := w.about()
	if errors.Is(err, ErrSignInEnded) {
		w.cancel(err)
	}
	w.lock.Lock()
	defer w.lock.Unlock()
	if w.ctx.Err() != nil {
		w.limit.Stop()
		return
	}
	if err == nil {
		w.limit.Reset(w.stale - age)
	}
	w.next.Reset(evidenceEvery)
}

func (w *watch) stop() {
	w.cancel(nil)
	w.lock.Lock()
	defer w.lock.Unlock()
	w.next.Stop()
	w.limit.Stop()
}

func (e *Evidence) about(ctx context.Context, t IDToken, person bool) error {
	if e.config.ForItsLife {
		return nil
	}
	_, err := e.answer(ctx, t, person)
	return err
}

// answer is the answer of now, or one that was kept.
func (e *Evidence) answer(ctx context.Context, t IDToken, person bool) (v verdict, err error) {
	if t.SignInID == "" {
		return v, badIDToken(errors.New("it names no sign-in (sid)"))
	}
	q := question{t.SignInID, t.UserID, t.Subject, person}
	e.mu.Lock()
	if v, ok := e.kept.get(q); ok {
		// A clock that was set back must not make an answer live longer.
		if age := e.clock.Now().Sub(v.asked); 0 <= age && age < EvidenceKept {
			e.mu.Unlock()
			return v, v.err
		}
	}
	f := e.flights[q]
	if f == nil {
		f = newFlight[verdict]()
		e.flights[q] = f
		go e.fly(context.WithoutCancel(ctx), q, f)
	}
	e.mu.Unlock()
	return f.wait(ctx)
}

// fly asks the question for all who wait.
func (e *Evidence) fly(ctx context.Context, q question, f *flight[verdict]) {
	ctx, cancel := context.WithTimeout(ctx, evidenceAskIn)
	defer cancel()
	v := verdict{asked: e.clock.Now()}
	live, groups, err := e.ask(ctx, q)
	if v.groups = groups; err != nil {
		v.err = e.unanswered(err)
	} else if !live {
		v.err = ErrSignInEnded
	}
	e.mu.Lock()
	delete(e.flights, q)
	if err == nil { // a failure is for those who waited for it
		e.kept.put(q, v)
	}
	e.mu.Unlock()
	f.land(v, v.err)
}

// unanswered is the error while nobody can be asked. It is never one that a new
// sign-in would mend.
func (e *Evidence) unanswered(cause error) error {
	var known *tandem.Error
	if errors.As(cause, &known) && known.Code == tandem.CodeInvalid {
		return cause
	}
	if code := refusal(cause); code == oauth.InvalidClient || code == oauth.UnauthorizedClient {
		return fail(tandem.CodeUnavailable, cause, "the identity server %s does not admit the application %s: it is disabled, "+
			"or its back end's credential or System User is refused", e.verifier.provider.issuer, e.config.ApplicationURI)
	}
	if errors.Is(cause, errMisconfigured) {
		return cause
	}
	return fail(tandem.CodeUnavailable, cause, "the identity server %s cannot be asked whether a sign-in lives; try again shortly: %v",
		e.verifier.provider.issuer, cause)
}

func (e *Evidence) ask(ctx context.Context, q question) (live bool, groups []string, err error) {
	m, err := e.verifier.provider.Metadata(ctx)
	if err != nil {
		return false, nil, err
	}
	if !m.SignInIntrospection || m.IntrospectionEndpoint == "" {
		return false, nil, tandem.Errorf(tandem.CodeInvalid, "the provider %s cannot tell whether a sign-in lives "+
			"(sign_in_introspection_supported in its discovery document); set ForItsLife to accept ID tokens without asking, "+
			"also those of people who were disabled minutes ago", m.Issuer)
	}
	address, err := secureURL(m.IntrospectionEndpoint)
	if err != nil {
		return false, nil, err
	}
	form := url.Values{"token": {q.signInID}, "token_type_hint": {"sid"}}
	if q.person {
		form.Set(oauth.ParamAbout, oauth.AboutPerson)
	}
	var answer oauth.Introspection
	for again := false; ; again = true {
		status, err := e.send(ctx, address, form.Encode(), &answer)
		switch {
		case err != nil:
			return false, nil, err
		case status == http.StatusOK:
			// The answer is about who was asked about, and nobody else.
			live = answer.Active && answer.SignInID == q.signInID && answer.UserID == q.userID && answer.Subject == q.subject
			return live, answer.Groups, nil
		case status != http.StatusUnauthorized || again:
			return false, nil, fmt.Errorf("it answers %d", status)
		} // the service token was refused and is dropped: once more with another
	}
}

// send makes one request. It is no call of the API, and nobody observes it.
func (e *Evidence) send(ctx context.Context, address *url.URL, form string, into *oauth.Introspection) (status int, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address.String(), strings.NewReader(form))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	res, err := e.calls.do(req, origin(address))
	if err != nil {
		return 0, withoutURL(err)
	}
	defer res.Body.Close()
	body, err := readLimited(res.Body, maxIntrospection)
	if err != nil || res.StatusCode != http.StatusOK {
		_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, maxIntrospection)) // to keep the connection
		return res.StatusCode, err
	}
	return res.StatusCode, json.Unmarshal(body, into)
}
