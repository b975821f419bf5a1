package worker

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/internalapi"
)

// Limits of the internal API.
const (
	maxBody     = 64 << 10
	maxEvidence = 16 << 10
	// answerIn bounds every request but uploads, downloads and event streams.
	answerIn = 30 * time.Second
	// transferIn bounds uploads and downloads.
	transferIn = 10 * time.Minute
	maxUploads = 4
	maxSkip    = 100_000
)

// person is the verified evidence of who asks.
type person struct {
	client.IDToken
}

func (p *person) behalf() *onBehalf {
	return &onBehalf{UserID: p.UserID, Login: p.Login, SignInID: p.SignInID, IssuedAt: p.IssuedAt}
}

// audience says whom a path is for.
type audience int

const (
	anybody  audience = iota // who has the channel key
	internal                 // employees
	external                 // portal users
)

type handlerFunc func(w http.ResponseWriter, r *http.Request, p *person) error

// Handler serves the internal API. Every request needs the channel key; all
// but the status also the ID token of the person who asks.
func (w *Worker) Handler() http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern string, who audience, f handlerFunc) { mux.Handle(pattern, w.endpoint(who, answerIn, f)) }
	long := func(pattern string, who audience, limit time.Duration, f handlerFunc) {
		mux.Handle(pattern, w.endpoint(who, limit, f))
	}
	handle("GET "+internalapi.PathStatus, anybody, w.serveStatus)
	handle("GET "+internalapi.PathJobs, internal, w.serveJobs)
	handle("POST "+internalapi.PathJobs, internal, w.serveStart)
	handle("GET "+internalapi.PathJob+"{id}", internal, w.serveJob)
	handle("POST "+internalapi.PathJob+"{id}"+internalapi.TailCancel, internal, w.serveCancel)
	handle("GET "+internalapi.PathJob+"{id}"+internalapi.TailReport, internal, w.serveReport)
	long("GET "+internalapi.PathJob+"{id}"+internalapi.TailEvents, internal, 0, w.serveEvents)
	long("GET "+internalapi.PathJob+"{id}"+internalapi.TailFile, internal, transferIn, w.serveFile)
	long("POST "+internalapi.PathImports, internal, transferIn, w.serveImport)
	handle("GET "+internalapi.PathSchedules, internal, w.serveSchedules)
	handle("POST "+internalapi.PathSchedule+"{id}"+internalapi.TailPause, internal, w.schedule(w.pauseSchedule))
	handle("POST "+internalapi.PathSchedule+"{id}"+internalapi.TailResume, internal, w.schedule(w.resumeSchedule))
	handle("POST "+internalapi.PathSchedule+"{id}"+internalapi.TailRun, internal, w.serveRunSchedule)
	handle("GET "+internalapi.PathStock, internal, w.serveStock)
	handle("GET "+internalapi.PathPortalCustomer, external, w.serveCustomers)
	handle("GET "+internalapi.PathPortalOrders, external, w.documents(orders))
	handle("GET "+internalapi.PathPortalOrder+"{id}", external, w.document(orders))
	handle("GET "+internalapi.PathPortalInvoices, external, w.documents(invoices))
	handle("GET "+internalapi.PathPortalInvoice+"{id}", external, w.document(invoices))
	// The key is asked for before anything else, also before a 404 or 405.
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if !w.config.ChannelKey.Accepts(r) {
			internalapi.WriteError(rw, &tandem.Error{Code: tandem.CodeUnauthorized, Message: "this is not the worker's web app: the channel key is missing or wrong"})
			return
		}
		if _, pattern := mux.Handler(r); pattern == "" {
			internalapi.WriteError(rw, &tandem.Error{Code: tandem.CodeNotFound, Message: "the internal API has no such path or method"})
			return
		}
		mux.ServeHTTP(rw, r)
	})
}

// endpoint wraps a handler with evidence, limits and error answers.
func (w *Worker) endpoint(who audience, limit time.Duration, f handlerFunc) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if limit > 0 {
			ctx, cancel := context.WithTimeout(r.Context(), limit)
			defer cancel()
			r = r.WithContext(ctx)
		}
		p, err := w.evidence(r)
		if err == nil {
			err = admit(who, p)
		}
		if err == nil {
			if limit == answerIn {
				r.Body = http.MaxBytesReader(rw, r.Body, maxBody)
			}
			err = f(rw, r, p)
		}
		if err != nil {
			w.refuse(rw, r, err)
		}
	})
}

// evidence verifies the ID token of the request; nil when it has none.
func (w *Worker) evidence(r *http.Request) (*person, error) {
	sent := r.Header.Values(internalapi.HeaderEvidence)
	switch {
	case len(sent) == 0 || len(sent) == 1 && sent[0] == "":
		return nil, nil
	case len(sent) > 1 || len(sent[0]) > maxEvidence:
		return nil, &tandem.Error{Code: tandem.CodeUnauthorized, Message: "the evidence must be one ID token"}
	}
	t, err := w.verifier.Verify(r.Context(), sent[0])
	if err != nil {
		return nil, &tandem.Error{Code: tandem.ErrorCode(err), Message: err.Error()}
	}
	w.facts.know(t)
	return &person{t}, nil
}

// admit decides by the kind of account alone; unknown kinds get nothing.
func admit(who audience, p *person) error {
	switch {
	case who == anybody:
		return nil
	case p == nil:
		return &tandem.Error{Code: tandem.CodeUnauthorized, Message: "the ID token of the person who asks is missing"}
	case who == internal && p.UserType == tandem.InternalUser, who == external && p.UserType == tandem.ExternalCommunityUser:
		return nil
	case who == external && p.UserType == tandem.InternalUser:
		return &tandem.Error{Code: tandem.CodeForbidden, Message: "the portal is for external users; employees read orders with their own token"}
	}
	return &tandem.Error{Code: tandem.CodeForbidden, Message: "this is for employees"}
}

// refuse answers with the error, in words for the person who sees it.
func (w *Worker) refuse(rw http.ResponseWriter, r *http.Request, err error) {
	//nolint:errorlint // Own errors are bare; those of the SDK wrap what the ERP said.
	if own, bare := err.(*tandem.Error); bare {
		internalapi.WriteError(rw, own)
		return
	}
	var api *client.APIError
	var tooBig *http.MaxBytesError
	_, reason := w.retry(err, 0)
	switch {
	case errors.As(err, &tooBig):
		err = &tandem.Error{Code: tandem.CodeTooLarge, Message: "the request is too large"}
	case r.Context().Err() != nil && errors.Is(err, context.Canceled):
		return // the caller has gone
	case errors.Is(err, syscall.ENOSPC):
		w.log.Error("internal API", "path", r.Pattern, "error", err)
		err = &tandem.Error{Code: tandem.CodeUnavailable, Message: diskFull + ", then try again"}
	case errors.As(err, &api) && api.LicenceFull():
		err = &tandem.Error{Code: tandem.CodeLicenceFull, Message: "no licence is free for the back end right now; try again in a few minutes"}
	case reason != "":
		w.log.Warn("the ERP cannot be asked", "path", r.Pattern, "reason", reason, "error", err)
		err = &tandem.Error{Code: tandem.CodeUnavailable, Message: "the back end cannot reach the ERP right now (" + strings.TrimPrefix(reason, "paused: ") + "); try again in a few minutes"}
	default:
		w.log.Error("internal API", "path", r.Pattern, "error", err)
		err = errors.New("internal") // what the ERP said is for the log
	}
	internalapi.WriteError(rw, err)
}

// page reads skip and top.
func page(r *http.Request) (internalapi.Page, error) {
	p := internalapi.Page{Top: internalapi.DefaultPage}
	q := r.URL.Query()
	for name, to := range map[string]*int{"skip": &p.Skip, "top": &p.Top} {
		text := q.Get(name)
		if text == "" {
			continue
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return p, invalid("%s must be a number from 0", name)
		}
		*to = n
	}
	p.Top = max(1, min(p.Top, internalapi.MaxPage))
	if p.Skip > maxSkip {
		return p, invalid("skip is larger than %d; search for what you need", maxSkip)
	}
	return p, nil
}

// search reads the page and the search text.
func search(r *http.Request) (internalapi.Page, string, error) {
	p, err := page(r)
	if err != nil {
		return p, "", err
	}
	text := strings.TrimSpace(r.URL.Query().Get("search"))
	if len(text) > internalapi.MaxSearch {
		return p, "", invalid("the search text has %d bytes; at most %d are allowed", len(text), internalapi.MaxSearch)
	}
	if strings.ContainsFunc(text, func(c rune) bool { return c < ' ' || c == 0xFFFD }) {
		return p, "", invalid("the search text holds characters that no text has")
	}
	return p, text, nil
}

// readJSON reads a small body strictly.
func readJSON(r *http.Request, into any) error {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		var tooBig *http.MaxBytesError
		if errors.As(err, &tooBig) {
			return err
		}
		return invalid("the body is not the JSON expected here: %v", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return invalid("the body holds more than one JSON value")
	}
	return nil
}

func ok(w http.ResponseWriter, v any) error {
	internalapi.WriteJSON(w, http.StatusOK, v)
	return nil
}

func (w *Worker) serveStatus(rw http.ResponseWriter, r *http.Request, p *person) error {
	s, err := w.status(r.Context(), p != nil && p.UserType == tandem.InternalUser)
	if err != nil {
		return err
	}
	return ok(rw, s)
}
