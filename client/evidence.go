package client

import (
	"context"
	"errors"
	"net/url"
	"slices"
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
	verdicts answers[question, verdict]
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
	return &Evidence{
		verifier: NewIDTokenVerifier(c.Provider, c.ApplicationURI), service: c.Service, config: c, clock: c.Clock,
		verdicts: answers[question, verdict]{keep: EvidenceKept, within: evidenceAskIn, clock: c.Clock},
	}, nil
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
	told, err := e.answer(ctx, t, false)
	return slices.Clone(told.value.groups), err
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
		told, err := e.answer(ctx, t, person)
		return e.clock.Now().Sub(told.asked), err
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

// answer is the answer of now, or one that was kept. A no is an error, too.
func (e *Evidence) answer(ctx context.Context, t IDToken, person bool) (told answer[verdict], err error) {
	if t.SignInID == "" {
		return told, badIDToken(errors.New("it names no sign-in (sid)"))
	}
	q := question{t.SignInID, t.UserID, t.Subject, person}
	told, err = e.verdicts.get(ctx, q, func(ctx context.Context) (v verdict, err error) {
		live, groups, err := e.ask(ctx, q)
		if err != nil {
			return v, e.unanswered(err)
		}
		if v.groups = groups; !live {
			v.err = ErrSignInEnded
		}
		return v, nil
	})
	if err == nil {
		err = told.value.err
	}
	return told, err
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
	form := url.Values{"token": {q.signInID}, "token_type_hint": {"sid"}}
	if q.person {
		form.Set(oauth.ParamAbout, oauth.AboutPerson)
	}
	told, err := e.service.introspectAt(ctx, &m, form, true)
	// The answer is about who was asked about, and nobody else.
	live = told.Active && told.SignInID == q.signInID && told.UserID == q.userID && told.Subject == q.subject
	return live && err == nil, told.Groups, err
}
