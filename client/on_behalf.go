package client

import (
	"cmp"
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
)

// OnBehalfHeader is the request header with which a service call says for whom
// it is made. The API records it; it gives no right at all.
const OnBehalfHeader = "Tandem-On-Behalf-Of"

// NarrowHeader is the request header with which a service call asks for no more than
// that person may see. It only takes away.
const NarrowHeader = "Tandem-Narrow"

type onBehalfKey struct{}

type narrowKey struct{}

// Behalf is for whom a service call is made: what evidence says of a person, without the
// token. It may be kept with work that is done later.
type Behalf struct {
	// UserID is the person, a GUID; SignInID the sign-in by which they were there.
	UserID   string `json:"user_id"`
	SignInID string `json:"sid"`
	// IssuedAt is when the evidence was issued.
	IssuedAt time.Time `json:"iat"`
}

// Whole reports whether b says all that a call has to say: a person, a sign-in, and when.
// Calls on behalf of what is not whole are made for nobody.
func (b Behalf) Whole() bool {
	return b.SignInID != "" && len(b.UserID) == 36 && !b.IssuedAt.IsZero() &&
		!strings.ContainsFunc(b.UserID+b.SignInID, func(r rune) bool { return r <= ' ' || r > '~' || r == ';' })
}

// Evidenced is verified evidence of who asks for something: an [IDToken] (see
// [IDTokenVerifier]), the [Caller] of an API of one's own, or a [Behalf] that was kept.
type Evidenced interface{ Behalf() Behalf }

// Behalf is b itself.
func (b Behalf) Behalf() Behalf { return b }

// Behalf is what may be kept of the evidence.
func (t IDToken) Behalf() Behalf { return Behalf{t.UserID, t.SignInID, t.IssuedAt} }

// Behalf is what may be kept of the evidence.
func (c *Caller) Behalf() Behalf { return Behalf{c.UserID, c.SignInID, c.IssuedAt} }

// OnBehalfOf makes calls of a [ServiceClient] with the returned context say for
// whom they are made. The evidence must be verified, see [Evidenced].
func OnBehalfOf(ctx context.Context, evidence Evidenced) context.Context {
	return context.WithValue(ctx, onBehalfKey{}, evidence.Behalf())
}

// NarrowedTo is [OnBehalfOf], and lets the API show and do no more than the person may:
// for what they asked for and what is shown to them. A mistake of the caller's own
// filters then shows nobody's rows to somebody else.
func NarrowedTo(ctx context.Context, evidence Evidenced) context.Context {
	return context.WithValue(OnBehalfOf(ctx, evidence), narrowKey{}, true)
}

type onlyAsKey struct{}

// OnlyAs makes calls with the returned context go with a token that acts as the System
// User with the login, or not at all: an [OtherSystemUserError] says that the application
// acts as another one by now. The token that is asked is the one that is sent, so that no
// renewal comes between the two. A login that is empty asks for nothing.
func OnlyAs(ctx context.Context, login string) context.Context {
	return context.WithValue(ctx, onlyAsKey{}, login)
}

// OtherSystemUserError says that a call of [OnlyAs] was not made.
type OtherSystemUserError struct {
	// Wanted is the login that was asked for, Now the one that the application acts as;
	// it is empty where the token does not say.
	Wanted, Now string
}

// Error implements error.
func (e *OtherSystemUserError) Error() string {
	return "the application acts as " + cmp.Or(e.Now, "nobody knows whom") + " now, and this is to be done as " + e.Wanted + " alone"
}

// Unwrap is the error in the words of the glossary.
func (e *OtherSystemUserError) Unwrap() error {
	return tandem.Errorf(tandem.CodeForbidden, "%s", e.Error())
}

// mayAct refuses a token that acts as another System User than the call is for.
func mayAct(ctx context.Context, t *accessToken) error {
	if wanted, _ := ctx.Value(onlyAsKey{}).(string); wanted != "" && wanted != t.identity {
		return &OtherSystemUserError{wanted, t.identity}
	}
	return nil
}

// setOnBehalf adds the header that the request's context asks for and returns
// the user id in it. Evidence that does not name person and sign-in is left out:
// the API would refuse the call.
func setOnBehalf(req *http.Request) string {
	if narrow, _ := req.Context().Value(narrowKey{}).(bool); narrow {
		req.Header.Set(NarrowHeader, "person") // without the other one the API refuses the call
	}
	evidence, ok := req.Context().Value(onBehalfKey{}).(Behalf)
	if !ok || !evidence.Whole() {
		return ""
	}
	req.Header.Set(OnBehalfHeader, evidence.UserID+";sid="+evidence.SignInID+";iat="+strconv.FormatInt(evidence.IssuedAt.Unix(), 10))
	return evidence.UserID
}
