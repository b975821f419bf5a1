package webapp

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/site/words"
)

func notFound(text string) error  { return tandem.Errorf(tandem.CodeNotFound, "%s", text) }
func forbidden(text string) error { return tandem.Errorf(tandem.CodeForbidden, "%s", text) }

// trouble is an error as a person sees it.
type trouble struct {
	Status        int
	Code          tandem.Code
	Heading       string
	Message, Hint string
	// ID finds the cause in the log; Retry is the address to try again, SignIn
	// that of the sign-in.
	ID, Retry, SignIn string
}

var headings = map[tandem.Code]string{
	tandem.CodeInvalid:      words.T("That did not work").English,
	tandem.CodeUnauthorized: words.T("Please sign in again").English,
	tandem.CodeForbidden:    words.T("Not for you").English,
	tandem.CodeLicenceFull:  words.T("Every licence place is taken").English,
	tandem.CodeNotFound:     words.T("Not found").English,
	tandem.CodeConflict:     words.T("Somebody was faster").English,
	tandem.CodeTooLarge:     words.T("Too large").English,
	tandem.CodeRule:         words.T("The ERP refused it").English,
	tandem.CodeThrottled:    words.T("Too many requests").English,
	tandem.CodeUnavailable:  words.T("Not available right now").English,
	tandem.CodeInternal:     words.T("Something went wrong here").English,
}

var hints = map[tandem.Code]string{
	tandem.CodeLicenceFull: "What you can do: ask a colleague who has finished to press “Sign out” – closing the window is not enough – " +
		"or wait: a place becomes free 20 minutes after somebody’s last click. Then try again; you stay signed in. " +
		"Who can help: your administrator can end a session that nobody needs, or get more licences.",
	tandem.CodeUnavailable: words.T("It comes back by itself. Try again in a moment.").English,
	tandem.CodeThrottled:   words.T("Wait a little, then try again.").English,
}

var (
	licenceFull = words.T("Everybody who works in the ERP takes one of its licence places, and all of them are taken right now. You did nothing wrong.").English
	erpSilent   = words.T("The ERP does not answer at the moment.").English
	workerAway  = words.T("The back end of this portal does not answer at the moment.").English
	keysDiffer  = words.T("The two halves of this portal do not trust each other: their channel keys differ. Only who runs the portal can mend that.").English
	mistake     = words.T("The app made a mistake, not you.").English
	// unknownOutcome is for what was sent and not answered.
	unknownOutcome = words.T("It is not known whether what you sent was done: look before you send it again.").English
)

// codeOf gives errors of the API, of the worker and of the network one code, and
// words for people: never an address or a cause, which are for the log.
func codeOf(err error) (tandem.Code, string) {
	var refused *client.APIError
	var known *tandem.Error
	var network net.Error
	var address *url.Error
	var large *http.MaxBytesError
	code, message := tandem.CodeInternal, ""
	switch {
	case errors.As(err, &large):
		return tandem.CodeTooLarge, words.T("The form is too large. Send less at a time.").English
	case errors.As(err, &refused):
		code, message = apiCode(refused), refused.Message
	case errors.As(err, &known) && headings[known.Code] != "":
		code, message = known.Code, known.Message
	case errors.As(err, &network), errors.As(err, &address), errors.Is(err, context.DeadlineExceeded):
		code = tandem.CodeUnavailable
	}
	switch {
	case errors.Is(err, internalapi.ErrChannelKey):
		return tandem.CodeUnavailable, keysDiffer
	case errors.Is(err, internalapi.ErrNoAnswer):
		return tandem.CodeUnavailable, workerAway
	case code == tandem.CodeUnavailable:
		return code, erpSilent
	case code == tandem.CodeLicenceFull:
		return code, licenceFull
	case code == tandem.CodeInternal:
		return code, mistake
	}
	return code, message
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

// reference is the id under which an administrator finds out about a request: the ERP's
// where it was the ERP that said no, and else this program's.
func reference(v *visit, err error) string {
	var refused *client.APIError
	if errors.As(err, &refused) && refused.RequestID != "" {
		return refused.RequestID
	}
	return cmp.Or(tandem.RequestID(v.r.Context()), rand.Text()[:10])
}

// logged notes the cause of what a person is told in other words, under an id
// that they are told, too.
func (a *App) logged(v *visit, err error) (id string) {
	id = reference(v, err)
	a.log.WarnContext(v.r.Context(), "request failed", "id", id, "method", v.r.Method, "path", v.r.URL.Path, "error", err)
	return id
}

// problem responds with a page, or JSON for a script, that says what is wrong
// and what to do.
func (a *App) problem(v *visit, err error) {
	if errors.Is(err, context.Canceled) && v.r.Context().Err() != nil {
		return // the browser has gone
	}
	code, message := codeOf(err)
	t := trouble{Status: code.Status(), Code: code, Heading: headings[code], Message: message, Hint: hints[code]}
	switch code {
	case tandem.CodeUnauthorized:
		v.refused = true
		a.signInAgain(v, t)
		return
	case tandem.CodeForbidden:
		t.ID = reference(v, err)
	case tandem.CodeInternal, tandem.CodeUnavailable, tandem.CodeLicenceFull, tandem.CodeThrottled:
		t.ID = a.logged(v, err)
		if v.r.Method == http.MethodGet {
			t.Retry = v.r.URL.RequestURI()
		} else if code == tandem.CodeUnavailable {
			t.Hint = outcome(err)
		}
	}
	a.tell(v, t)
}

// outcome says whether what was sent was done, when no answer came.
func outcome(err error) string {
	if maybeDone(err) {
		return unknownOutcome
	}
	return words.T("Nothing was done. Try again in a moment.").English
}

// maybeDone reports whether what was sent may have been done, for all one knows.
func maybeDone(err error) bool {
	var refused *client.APIError
	var dial *net.OpError
	if errors.As(err, &refused) && refused.Status == http.StatusServiceUnavailable || errors.As(err, &dial) && dial.Op == "dial" ||
		errors.Is(err, internalapi.ErrChannelKey) {
		return false
	}
	code, _ := codeOf(err)
	return code == tandem.CodeUnavailable
}

// formFault is what went wrong with a form that can be shown again, with all that
// was typed: it is lost otherwise. ok is false where another page helps more.
func (a *App) formFault(v *visit, err error) (message string, status int, ok bool) {
	code, message := codeOf(err)
	l := v.language()
	message = l.Tell(english(message))
	switch code {
	case tandem.CodeUnauthorized, tandem.CodeNotFound:
		return "", 0, false
	case tandem.CodeUnavailable:
		v.unknown = maybeDone(err)
		message += " " + l.Tell(english(outcome(err)))
	case tandem.CodeInternal, tandem.CodeLicenceFull, tandem.CodeThrottled:
		message += " " + l.Tell(english(hints[code]))
	case tandem.CodeInvalid, tandem.CodeForbidden:
		return message, http.StatusUnprocessableEntity, true
	default:
		return message, code.Status(), true
	}
	return message + " " + l.Say("Reference %s.", a.logged(v, err)), code.Status(), true
}

// freshSignIn is how long after a sign-in another one would not help.
const freshSignIn = 15 * time.Second

// signInAgain is for a sign-in that ended while the session here still lived:
// browsers are led to the sign-in and back, also with a form, scripts are told.
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
	if !wantsJSON(v.r) && v.r.Header.Get("X-Fragment") == "" {
		a.users.AskToSignIn(v.w, v.r)
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
	l := v.language()
	for _, text := range []*string{&t.Heading, &t.Message, &t.Hint} {
		*text = l.Tell(english(*text))
	}
	p := page{Title: t.Heading, Narrow: true, Plain: t.SignIn != "", D: t}
	v.frame(&p)
	a.render(v.w, v.r, t.Status, "problem", "layout", p)
}

// signInFailed is the page of a sign-in that failed.
func (a *App) signInFailed(w http.ResponseWriter, r *http.Request, status int, message string) {
	t := trouble{Status: status, Code: tandem.CodeUnauthorized, Heading: words.T("That did not work").English, Message: message, SignIn: "/signin"}
	if strings.HasPrefix(r.URL.Path, "/signin") && !r.URL.Query().Has("form") {
		t.Heading = "The sign-in did not work"
	}
	if status == http.StatusServiceUnavailable || status == http.StatusBadGateway {
		t.Code, t.Hint = tandem.CodeUnavailable, "The sign-in server is where people sign in. When it is back, try again."
		t.SignIn, t.Retry = "", "/signin"
	}
	v := a.visitOf(w, r)
	if v.session != nil {
		t.SignIn = "" // it is not the sign-in that failed
	}
	a.tell(v, t)
}

// askToSignIn is the page of a form that came when its person was not signed in
// any more.
func (a *App) askToSignIn(w http.ResponseWriter, r *http.Request, ask client.SignInAgain) {
	code := tandem.CodeUnauthorized
	a.tell(&visit{app: a, w: w, r: r}, trouble{
		Status: code.Status(), Code: code, Heading: words.T("Please sign in again").English, Message: ask.Message, SignIn: ask.SignInURL})
}
