package cloud

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/examples/field/wire"
	"github.com/hybridapps/tandem/worker/fault"
)

// respondIn bounds an answer, the calls of the ERP included.
const respondIn = 30 * time.Second

// routes takes the paths of a part.
type routes struct {
	cloud *Cloud
	mux   *http.ServeMux
}

// handler answers a verified caller. What it returns is written as an error.
type handler func(w http.ResponseWriter, r *http.Request, who *client.Caller) error

// handle serves a pattern such as "GET me", below [wire.Prefix], in bounded time.
func (h routes) handle(method, path string, f handler) {
	h.mux.HandleFunc(method+" "+wire.Prefix+path, func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), respondIn)
		defer cancel()
		control, end := http.NewResponseController(w), tandem.SystemTime().Add(respondIn)
		_, _ = control.SetReadDeadline(end), control.SetWriteDeadline(end) // a server without deadlines has none to move
		if err := f(w, r.WithContext(ctx), client.CallerOf(ctx)); err != nil {
			h.cloud.refuse(w, r, err)
		}
	})
}

// stream serves a pattern whose bodies take as long as the line does: the handler bounds
// itself.
func (h routes) stream(pattern string, f http.Handler) { h.mux.Handle(pattern, f) }

// refusal is an answer that is no success.
type refusal struct {
	status     int
	retryAfter time.Duration
	answer     wire.Answer
}

func (r *refusal) Error() string { return r.answer.Error + ": " + r.answer.Message }

// problem makes a refusal; the reason says how to mend it.
func problem(status int, word string, why wire.Reason, args wire.Args) *refusal {
	return &refusal{status: status, answer: wire.Answer{Error: word, Reason: why, Args: args, Message: why.Text(args)}}
}

// told is a refusal with a better message than its reason has.
func told(r *refusal, message string) *refusal {
	r.answer.Message = message
	return r
}

// away is a refusal for now.
func away(wait time.Duration, why wire.Reason) *refusal {
	r := problem(http.StatusServiceUnavailable, wire.Unavailable, why, nil)
	r.retryAfter = wait
	return r
}

func writeProblem(w http.ResponseWriter, r *refusal) {
	if r.retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int((r.retryAfter+time.Second-1)/time.Second)))
	}
	writeJSON(w, r.status, r.answer)
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	text, err := json.Marshal(v)
	if err != nil { // values of ours: cannot happen
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	writeText(w, status, text)
}

// writeText is [writeJSON] of what is JSON already.
func writeText(w http.ResponseWriter, status int, text []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(text) // who has gone away cannot be told
}

// refuse answers with an error, in words for people. What the ERP says is not for them
// unless it is a rule: it was asked with other rights than theirs.
func (c *Cloud) refuse(w http.ResponseWriter, r *http.Request, err error) {
	var own *refusal
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &own):
		writeProblem(w, own)
	case errors.Is(err, client.ErrTokenEnded):
		c.server.Refuse(w, err)
	case errors.As(err, &large):
		writeProblem(w, problem(http.StatusRequestEntityTooLarge, wire.TooLarge, wire.BodyTooLarge, wire.Args{"most": large.Limit}))
	case r.Context().Err() != nil && errors.Is(err, r.Context().Err()):
		writeProblem(w, away(2*time.Second, wire.TooSlow))
	case fault.Of(err, 0).Wait > 0:
		f := fault.Of(err, 0)
		writeProblem(w, told(away(f.Wait, wire.ERPAway), f.Reason+"; try again in a moment"))
	case fault.Own(err) != nil && fault.Own(err).Code == tandem.CodeInvalid: // of the own database: what came is no text
		writeProblem(w, problem(http.StatusBadRequest, wire.Invalid, wire.Malformed, nil))
	case tandem.ErrorCode(err) == tandem.CodeNotFound:
		writeProblem(w, problem(http.StatusNotFound, wire.NotFound, wire.NoThing, nil))
	default:
		c.log.ErrorContext(r.Context(), "a request failed", "path", r.Pattern, "error", err)
		writeProblem(w, problem(http.StatusInternalServerError, wire.Internal, wire.ServiceFault, nil))
	}
}

// readJSON reads a body of at most limit bytes that has nothing but what v has.
func readJSON(w http.ResponseWriter, r *http.Request, limit int64, v any) error {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, limit))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return err
		}
		return invalid("the body is not the JSON that belongs here: %v", err)
	}
	if d.More() {
		return invalid("the body is more than one object")
	}
	return nil
}
