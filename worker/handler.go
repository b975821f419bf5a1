package worker

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/worker/fault"
	"github.com/hybridapps/tandem/worker/portal"
)

// Limits of the internal API.
const (
	maxBody     = 64 << 10
	maxEvidence = 16 << 10
	// respondIn bounds every request but uploads, downloads and event streams.
	respondIn = 30 * time.Second
	// transferIn bounds uploads and downloads.
	transferIn = 10 * time.Minute
	// maxUploads are taken at once, and maxUploadsEach of one person.
	maxUploads, maxUploadsEach = 4, 2
	maxSkip                    = 100_000
)

type handlerFunc func(w http.ResponseWriter, r *http.Request, p *person) error

// Handler serves the internal API. Every request needs the channel key; all
// but the status also the ID token of the person who asks.
func (w *Worker) Handler() http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern string, who audience, f handlerFunc) { mux.Handle(pattern, w.endpoint(who, respondIn, f)) }
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
	handle("GET "+internalapi.PathImports, internal, w.servePlan)
	long("POST "+internalapi.PathImports, internal, transferIn, w.serveImport)
	handle("GET "+internalapi.PathSchedules, internal, w.serveSchedules)
	handle("POST "+internalapi.PathSchedule+"{id}"+internalapi.TailPause, internal, w.schedule(w.jobs.Schedules.Pause))
	handle("POST "+internalapi.PathSchedule+"{id}"+internalapi.TailResume, internal, w.schedule(w.jobs.Schedules.Resume))
	handle("POST "+internalapi.PathSchedule+"{id}"+internalapi.TailEdit, internal, w.serveEditSchedule)
	handle("POST "+internalapi.PathSchedule+"{id}"+internalapi.TailRun, internal, w.serveRunSchedule)
	handle("GET "+internalapi.PathStock, internal, w.serveStock)
	handle("GET "+internalapi.PathPortalCustomer, external, w.serveCustomers)
	handle("GET "+internalapi.PathPortalOrders, external, w.documents(portal.Orders))
	handle("GET "+internalapi.PathPortalOrder+"{id}", external, w.document(portal.Orders))
	handle("GET "+internalapi.PathPortalInvoices, external, w.documents(portal.Invoices))
	handle("GET "+internalapi.PathPortalInvoice+"{id}", external, w.document(portal.Invoices))
	handle("GET "+internalapi.PathPortalInvoice+"{id}"+internalapi.TailPDF, external, w.serveInvoicePDF)
	handle("GET "+internalapi.PathPortalShipments, external, w.documents(portal.Shipments))
	handle("GET "+internalapi.PathPortalShipment+"{id}", external, w.document(portal.Shipments))
	handle("POST "+internalapi.PathPortalShipment+"{id}"+internalapi.TailReceived, external, w.serveReceived)
	handle("POST "+internalapi.PathPortalShipment+"{id}"+internalapi.TailAddress, external, w.serveAddress)
	handle("GET "+internalapi.PathPortalObjects, external, w.serveObjects)
	handle("GET "+internalapi.PathPortalTickets, external, w.serveTickets)
	handle("POST "+internalapi.PathPortalTickets, external, w.serveNewTicket)
	handle("GET "+internalapi.PathPortalTicket+"{id}", external, w.serveTicket)
	long("POST "+internalapi.PathPortalTicket+"{id}"+internalapi.TailPhotos, external, transferIn, w.servePhoto)
	long("GET "+internalapi.PathPortalTicket+"{id}"+internalapi.TailFiles+"/{file}", external, transferIn, w.serveTicketFile)
	// The key is asked for before anything else, also before a 404 or 405.
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if !w.config.ChannelKey.Accepts(r) {
			w.strangers.told(w.log, w.config.Clock.Now(), r)
			internalapi.RefuseChannel(rw)
			return
		}
		if _, pattern := mux.Handler(r); pattern == "" {
			internalapi.WriteError(rw, tandem.Errorf(tandem.CodeNotFound, "the internal API has no such path or method"))
			return
		}
		mux.ServeHTTP(rw, r)
	})
}

// endpoint wraps a handler with evidence, limits and error responses.
func (w *Worker) endpoint(who audience, limit time.Duration, f handlerFunc) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if limit > 0 {
			ctx, cancel := context.WithTimeout(r.Context(), limit)
			defer cancel()
			r = r.WithContext(ctx)
		}
		p, err := w.evidence(r)
		if who == anybody && tandem.ErrorCode(err) == tandem.CodeUnavailable {
			err = nil // nobody in particular: what they see says why
		}
		if err == nil {
			err = admit(who, p)
		}
		if err == nil {
			err = checkAddress(r)
		}
		if err == nil {
			if limit == respondIn {
				r.Body = http.MaxBytesReader(rw, r.Body, maxBody)
			}
			err = w.serve(rw, r, p, f)
		}
		if err != nil {
			w.refuse(rw, r, err)
		}
	})
}

// checkAddress refuses a path or query that cannot be read, or holds what is no
// text: databases differ in what they make of it.
func checkAddress(r *http.Request) error {
	query, err := url.QueryUnescape(r.URL.RawQuery)
	if err != nil || !utf8.ValidString(query) || strings.ContainsRune(query, 0) || !utf8.ValidString(r.URL.Path) || strings.ContainsRune(r.URL.Path, 0) {
		return invalid("the address cannot be read, or holds bytes that are no text")
	}
	return nil
}

// serve serves a person for as long as they may act: what goes on for longer than
// a moment ends with that.
func (w *Worker) serve(rw http.ResponseWriter, r *http.Request, p *person, f handlerFunc) error {
	if p == nil {
		return f(rw, r, nil)
	}
	during, stop := w.people.WhileSignedIn(r.Context(), p.IDToken)
	defer stop()
	err := f(rw, r.WithContext(during), p)
	if err != nil && r.Context().Err() == nil && during.Err() != nil {
		return w.refusal(r, context.Cause(during))
	}
	return err
}

// refuse responds with the error, in words for the person who sees it.
func (w *Worker) refuse(rw http.ResponseWriter, r *http.Request, err error) {
	var api *client.APIError
	var tooBig *http.MaxBytesError
	reason := fault.Of(err, 0).Reason
	switch {
	case fault.Own(err) != nil:
		err = fault.Own(err)
	case errors.As(err, &tooBig):
		err = tandem.Errorf(tandem.CodeTooLarge, "the request is too large")
	case r.Context().Err() != nil && errors.Is(err, context.Canceled):
		return // the caller has gone
	case errors.Is(err, syscall.ENOSPC):
		w.log.Error("internal API", "path", r.Pattern, "error", err)
		err = tandem.Errorf(tandem.CodeUnavailable, "%s, then try again", fault.DiskFull)
	case errors.As(err, &api) && api.LicenceFull():
		err = tandem.Errorf(tandem.CodeLicenceFull, "no licence is free for the back end right now; try again in a few minutes")
	case reason != "":
		w.log.Warn("the ERP cannot be asked", "path", r.Pattern, "reason", reason, "error", err)
		err = tandem.Errorf(tandem.CodeUnavailable,
			"the back end cannot reach the ERP right now (%s); try again in a few minutes", strings.TrimPrefix(reason, "paused: "))
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

// invalid is an error about what was asked.
func invalid(format string, args ...any) error {
	return tandem.Errorf(tandem.CodeInvalid, format, args...)
}
