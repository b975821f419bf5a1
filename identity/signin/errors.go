package signin

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/google/uuid"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/site/words"
)

// shown is how much of a wrong value is repeated in a message, in bytes.
const shown = 80

func invalid(format string, args ...any) error {
	return tandem.Errorf(tandem.CodeInvalid, format, args...)
}

// problem is an error that is shown to the person: there is nowhere safe to
// send them.
type problem struct {
	status int
	code   string // the protocol's word for it
	// text says what went wrong, in one or two sentences; hint what to do.
	text, hint words.Text
	// again is where the person can start anew, application the name of what is
	// there; both may be empty.
	again, application string
	// signOut offers the sign-out page.
	signOut bool
	// about is what an authorization request named, for the log.
	about *asked
	// rule is what decided, for the record, and detail says more to it than text; empty for
	// text.
	rule   tandem.Rule
	detail string
	// of is the account whose sign-in failed; nil for none.
	of *Account
}

// asked is what an authorization request named: anything, before it has been
// checked.
type asked struct{ application, redirectURI string }

// Error implements error.
func (p *problem) Error() string { return p.text.String() }

// startAgain is the hint for who has come to a dead end.
var startAgain = words.T("Open the application again and start there.")

func badRequest(rule tandem.Rule, text, hint words.Text) *problem {
	return &problem{status: http.StatusBadRequest, code: string(oauth.InvalidRequest), text: text, hint: hint, rule: rule}
}

// elsewhere is no error: the browser is to go on at another page of ours.
type elsewhere struct{ path string }

// Error implements error.
func (e *elsewhere) Error() string { return "go on at " + e.path }

// refusal is an error that goes to the application that asked (RFC 6749 section
// 4.1.2.1): its redirect URI has been checked.
type refusal struct {
	request *authorizationRequest
	cause   *oauth.Error
}

// Error implements error.
func (e *refusal) Error() string { return e.cause.Error() }

// failure is what went wrong here while a request was answered of which the redirect URI has
// been checked: the application is told (RFC 6749 section 4.1.2.1), which may have a way to
// go on.
type failure struct {
	request *authorizationRequest
	cause   error
}

// Error implements error.
func (e *failure) Error() string { return e.cause.Error() }

// Unwrap is for errors.Is and errors.As.
func (e *failure) Unwrap() error { return e.cause }

// failed is the error of what answers the request, for the application where it is a failure.
func (req *authorizationRequest) failed(err error) error {
	var shown *problem
	var refused *refusal
	var other *elsewhere
	if err == nil || errors.As(err, &shown) || errors.As(err, &refused) || errors.As(err, &other) || tandem.ErrorCode(err) == tandem.CodeInvalid {
		return err
	}
	return &failure{req, err}
}

// handlerFunc is an endpoint. What it returns an error for it has not written.
type handlerFunc func(w http.ResponseWriter, r *http.Request) error

// serve makes an endpoint an [http.Handler].
func (h *Handler) serve(f handlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := f(w, r); err != nil {
			h.fail(w, r, err)
		}
	})
}

// mountActing adds an endpoint whose GET does something, such as giving a code: a HEAD,
// which the same pattern matches, must not do it (RFC 9110 section 9.2.1). So Allow is told
// here: mux would name HEAD. A nil post is for none.
func (h *Handler) mountActing(mux *http.ServeMux, path string, get, post handlerFunc) {
	allow := http.MethodGet
	if post != nil {
		allow += ", " + http.MethodPost
		mux.Handle("POST "+path, h.serve(post))
	}
	other := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Allow", allow)
		http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
	})
	mux.Handle("GET "+path, h.serve(get))
	mux.Handle("HEAD "+path, other)
	mux.Handle(path, other)
}

// fail is the one place where an error becomes a response: the error page, or
// an error response to the application.
func (h *Handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	var shown *problem
	var refused *refusal
	var other *elsewhere
	var failed *failure
	var known *tandem.Error
	if errors.As(err, &known) && known.Code == tandem.CodeInvalid { // by whoever keeps what came
		p := badRequest(cmp.Or(known.Rule, tandem.RuleParameter), words.T("The address that brought you here is damaged."), startAgain)
		p.detail, err = known.Message, p
	}
	switch {
	case errors.As(err, &other):
		goOn(w, r, other.path)
		return
	case errors.As(err, &refused):
		// A form may have been open for long, and the address taken from the application.
		app, gone := h.application(refused.request.ApplicationURI, refused.request.RedirectURI)
		if gone != nil {
			h.fail(w, r, gone)
			return
		}
		refused.request.ApplicationName = app.Name
		h.refusedRequest(w, r, refused)
		h.refused.tell(h.Log, h.Clock.Now(), asked{refused.request.ApplicationURI, refused.request.RedirectURI}, refused.cause)
		err = h.respond(w, r, refused.request,
			field{"error", string(refused.cause.Code)}, field{"error_description", refused.cause.Description})
	case errors.As(err, &shown):
		reference := h.refusedPage(w, r, shown)
		if shown.about != nil {
			h.refused.tell(h.Log, h.Clock.Now(), *shown.about, err)
		}
		if strings.HasPrefix(shown.again, "/") {
			shown.again = onward(r, shown.again)
		}
		err = h.render(w, r, shown.status, "error.html", page{
			Title: words.T("This did not work"), Problem: shown.text, Hint: shown.hint, Code: shown.code, Again: shown.again, Application: shown.application,
			SignOut: shown.signOut, ID: reference,
		})
	case errors.Is(r.Context().Err(), context.Canceled):
		return // nobody is waiting
	case errors.As(err, &failed):
		err = h.failBack(w, r, failed)
	case tandem.ErrorCode(err) == tandem.CodeUnavailable:
		w.Header().Set("Retry-After", "2")
		err = h.render(w, r, http.StatusServiceUnavailable, "error.html", page{
			Title:   words.T("Not available right now"),
			Problem: words.T("The identity server cannot do this at the moment. It is not your fault, and nothing is lost."),
			Hint:    words.T("Try again in a moment."),
			Code:    string(oauth.TemporarilyUnavailable),
			ID:      tandem.RequestID(r.Context()),
		})
	default:
		err = h.failInternal(w, r, err)
	}
	if err != nil {
		h.Log.ErrorContext(r.Context(), "render the error page", "error", err)
		http.Error(w, "internal error", http.StatusInternalServerError)
	}
}

// failBack tells the application that its request failed here. What exactly it was is for the
// log.
func (h *Handler) failBack(w http.ResponseWriter, r *http.Request, failed *failure) error {
	req := failed.request
	app, gone := h.application(req.ApplicationURI, req.RedirectURI)
	if gone != nil {
		h.fail(w, r, gone)
		return nil
	}
	req.ApplicationName = app.Name
	code, text := oauth.TemporarilyUnavailable, "the identity server cannot do this at the moment: try again"
	if tandem.ErrorCode(failed.cause) != tandem.CodeUnavailable {
		code, text = oauth.ServerError, "the identity server could not finish this; its log has it under "+h.logged(r, failed.cause)
	}
	return h.respond(w, r, req, field{"error", string(code)}, field{"error_description", text})
}

// logged logs an error of ours, and returns the id by which it is found.
func (h *Handler) logged(r *http.Request, err error) string {
	id := cmp.Or(tandem.RequestID(r.Context()), uuid.NewString())
	h.Log.ErrorContext(r.Context(), "sign-in", "path", r.URL.Path, "error", err, "id", id)
	return id
}

// failInternal logs an error and shows a page that names only where to find it.
func (h *Handler) failInternal(w http.ResponseWriter, r *http.Request, err error) error {
	id := h.logged(r, err)
	return h.render(w, r, http.StatusInternalServerError, "error.html", page{
		Title:   words.T("Something went wrong here"),
		Problem: words.T("The identity server could not finish this. It is not your fault."),
		Hint:    words.T("Try again in a moment. If it stays like this, tell the administrator the reference below."),
		Code:    "server_error", ID: id,
	})
}
