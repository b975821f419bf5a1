package webapp

import (
	"context"
	"crypto/rand"
	"errors"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/internalapi"
)

func notFound(text string) error  { return tandem.Errorf(tandem.CodeNotFound, "%s", text) }
func forbidden(text string) error { return tandem.Errorf(tandem.CodeForbidden, "%s", text) }

// trouble is an error as a person sees it.
type trouble struct {
	Status        int
	Code          tandem.Code
	Heading       string
	Message, Hint string
	// ID finds the cause in the log; Retry is the address to try again.
	ID, Retry string
}

var headings = map[tandem.Code]string{
	tandem.CodeInvalid:      "That did not work",
	tandem.CodeUnauthorized: "Please sign in again",
	tandem.CodeForbidden:    "Not for you",
	tandem.CodeLicenceFull:  "All licence slots are taken",
	tandem.CodeNotFound:     "Not found",
	tandem.CodeConflict:     "Somebody was faster",
	tandem.CodeTooLarge:     "Too large",
	tandem.CodeRule:         "The ERP refused it",
	tandem.CodeThrottled:    "Too many requests",
	tandem.CodeUnavailable:  "Not available right now",
	tandem.CodeInternal:     "Something went wrong here",
}

var hints = map[tandem.Code]string{
	tandem.CodeLicenceFull: "A slot becomes free when somebody signs out, or 20 minutes after their last call. " +
		"Then try again; you stay signed in.",
	tandem.CodeUnavailable: "It comes back by itself; nothing is lost. Try again in a moment.",
	tandem.CodeThrottled:   "Wait a little, then try again.",
}

// codeOf gives errors of the API, of the worker and of the network one code.
func codeOf(err error) (tandem.Code, string) {
	var refused *client.APIError
	var known *tandem.Error
	var network net.Error
	var address *url.Error
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return tandem.CodeTooLarge, "The form is too large. Send less at a time."
	case errors.As(err, &refused):
		return apiCode(refused), refused.Message
	case errors.As(err, &known) && headings[known.Code] != "":
		return known.Code, known.Message
	case errors.As(err, &network), errors.As(err, &address), errors.Is(err, context.DeadlineExceeded):
		return tandem.CodeUnavailable, "The ERP does not answer."
	}
	return tandem.CodeInternal, "The app made a mistake, not you."
}

func apiCode(e *client.APIError) tandem.Code {
	switch {
	case e.LicenceFull():
		return tandem.CodeLicenceFull
	case e.Status == 0, e.Status == http.StatusBadGateway, e.Status == http.StatusGatewayTimeout:
		return tandem.CodeUnavailable
	}
	for code := range headings {
		if code.Status() == e.Status && code != tandem.CodeLicenceFull {
			return code
		}
	}
	if e.Status < 500 {
		return tandem.CodeInvalid
	}
	return tandem.CodeInternal
}

// problem responds with a page, or JSON for a script, that says what is wrong
// and what to do. What has no words for people is logged under an id.
func (a *App) problem(v *visit, err error) {
	if errors.Is(err, context.Canceled) && v.r.Context().Err() != nil {
		return // the browser has gone
	}
	code, message := codeOf(err)
	t := trouble{Status: code.Status(), Code: code, Heading: headings[code], Message: message, Hint: hints[code]}
	switch code {
	case tandem.CodeUnauthorized:
		a.signInAgain(v, t)
		return
	case tandem.CodeInternal:
		t.ID = rand.Text()[:10]
		a.log.ErrorContext(v.r.Context(), "request failed", "id", t.ID, "method", v.r.Method, "path", v.r.URL.Path, "error", err)
	case tandem.CodeUnavailable, tandem.CodeLicenceFull, tandem.CodeThrottled:
		a.log.WarnContext(v.r.Context(), "request refused", "method", v.r.Method, "path", v.r.URL.Path, "error", err)
		if v.r.Method == http.MethodGet {
			t.Retry = v.r.URL.RequestURI()
		}
	}
	a.tell(v, t)
}

// freshSignIn is how long after a sign-in another one would not help.
const freshSignIn = 15 * time.Second

// signInAgain is for a sign-in that ended while the session here still lived:
// pages lead to the sign-in, everything else is told.
func (a *App) signInAgain(v *visit, t trouble) {
	fresh := false
	if v.session != nil {
		a.calls.forget(v.who.SignInID)
		fresh = a.clock.Now().Sub(v.session.SignedInAt()) < freshSignIn
	}
	if fresh { // to sign in once more would lead in a circle
		t.Hint = "You signed in a moment ago, and the ERP does not accept it. " +
			"Ask your administrator whether your account and this application may use it."
		t.Retry = v.r.URL.RequestURI()
		a.tell(v, t)
		return
	}
	if v.r.Method == http.MethodGet && !wantsJSON(v.r) && v.r.Header.Get("X-Fragment") == "" {
		http.Redirect(v.w, v.r, "/signin?return_to="+url.QueryEscape(v.r.URL.RequestURI()), http.StatusSeeOther)
		return
	}
	t.Hint, t.Retry = "What you were doing was not done.", "/signin"
	a.tell(v, t)
}

func (a *App) tell(v *visit, t trouble) {
	if wantsJSON(v.r) {
		internalapi.WriteJSON(v.w, t.Status, map[string]any{"error": map[string]string{"code": string(t.Code), "message": t.Message, "id": t.ID}})
		return
	}
	p := page{Title: t.Heading, Narrow: true, D: t}
	v.frame(&p)
	a.render(v.w, v.r, t.Status, "problem", "layout", p)
}

// signInFailed is the page of a sign-in that failed.
func (a *App) signInFailed(w http.ResponseWriter, r *http.Request, status int, message string) {
	t := trouble{Status: status, Code: tandem.CodeUnauthorized, Heading: "The sign-in did not work", Message: message, Retry: "/signin"}
	if status == http.StatusServiceUnavailable || status == http.StatusBadGateway {
		t.Code, t.Hint = tandem.CodeUnavailable, "The identity server is where people sign in. When it is back, try again."
	}
	a.tell(a.visitOf(w, r), t)
}
