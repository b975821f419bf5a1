package webapp

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/site/words"
)

// routes is the whole outside of the app.
func (a *App) routes() http.Handler {
	mux := http.NewServeMux()
	people := func(pattern string, h handler) { mux.Handle(pattern, a.page(h)) }
	long := func(pattern string, h handler) { mux.Handle(pattern, a.long(internalOnly(h))) }
	internal := func(pattern string, h handler) { mux.Handle(pattern, a.page(internalOnly(h))) }
	external := func(pattern string, h handler) { mux.Handle(pattern, a.page(externalOnly(h))) }

	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("ok\n")) })
	mux.HandleFunc("GET /readyz", a.readyz)
	mux.Handle(static.Pattern(), static)
	a.users.Mount(mux)

	mux.Handle("GET /{$}", a.users.Middleware(http.HandlerFunc(a.home)))
	mux.Handle("GET /goodbye", a.users.Middleware(http.HandlerFunc(a.goodbye)))
	people("GET /two-halves", a.twoHalves)

	internal("GET /two-halves/proof", a.lastProof)
	internal("GET /two-halves/proof/report.json", a.proofReport)

	internal("GET /orders", a.orders)
	internal("GET /orders/new", a.newOrder)
	internal("POST /orders/new", a.createOrder)
	internal("GET /orders/{id}", a.order)
	internal("GET /orders/{id}/print", a.printOrder)
	internal("GET /orders/{id}/edit", a.editOrder)
	internal("POST /orders/{id}/edit", a.saveOrder)
	internal("POST /orders/{id}/state", a.changeState)
	internal("GET /pick/{what}", a.pick)
	internal("GET /approvals", a.approvals)
	internal("GET /approvals/{id}", a.approval)
	internal("POST /approvals/{id}", a.decide)

	internal("GET /visits", a.fieldVisits)
	internal("GET /visits/{id}", a.fieldVisit)
	long("GET /files/{id}", a.fileContent)

	internal("GET "+pathNotifications, a.notifications)
	internal("POST "+pathNotifications, a.readNotifications)

	internal("GET /stock", a.stock)
	internal("POST /stock/sync", a.syncStock)
	internal("GET /jobs", a.jobs)
	internal("GET /jobs/{id}", a.job)
	long("GET /jobs/{id}/events", a.jobEvents)
	long("GET /jobs/{id}/file", a.jobFile)
	internal("POST /jobs/{id}/cancel", a.cancelJob)
	internal("GET /schedules", a.schedules)
	internal("POST /schedules/{id}/{do}", a.scheduleDo)
	internal("GET /import", a.importForm)
	internal("GET /import/template/{file}", a.importTemplate)
	long("POST /import", a.importFiles)
	internal("GET /export", a.exportForm)
	internal("POST /export", a.exportOrders)

	external("GET /portal", a.portalHome)
	external("GET /portal/orders", a.portalOrders)
	external("GET /portal/orders/{id}", a.portalOrder)
	external("GET /portal/invoices", a.portalInvoices)
	external("GET /portal/invoices/{id}", a.portalInvoice) // also {id}.pdf
	external("GET /portal/shipments", a.portalShipments)
	external("GET /portal/shipments/{id}", a.portalShipment)
	external("POST /portal/shipments/{id}/received", a.receiveShipment)
	external("POST /portal/shipments/{id}/address", a.redirectShipment)
	external("GET /portal/tickets", a.portalTickets)
	external("GET /portal/tickets/new", a.newTicket)
	mux.Handle("POST /portal/tickets/new", a.withFile(fieldPhoto, internalapi.MaxPhoto, a.fileTicket))
	external("GET /portal/tickets/{id}", a.portalTicket)
	mux.Handle("POST /portal/tickets/{id}/photo", a.withFile(fieldPhoto, internalapi.MaxPhoto, a.addPhoto))
	mux.Handle("GET /portal/tickets/{id}/files/{file}", a.long(externalOnly(a.ticketFile)))

	mux.Handle("/", a.users.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.problem(a.visitOf(w, r), notFound(words.T("There is no page at this address.").English))
	})))
	return a.guard(mux)
}

func (a *App) readyz(w http.ResponseWriter, r *http.Request) {
	if err := a.Ready(r.Context()); err != nil {
		a.log.WarnContext(r.Context(), "not ready", "error", err)
		http.Error(w, "the web app's database does not answer", http.StatusServiceUnavailable)
		return
	}
	w.Write([]byte("ready\n"))
}

// guard sets the headers of every response, refuses what comes from other sites
// with an unsafe method, and bounds bodies.
func (a *App) guard(next http.Handler) http.Handler {
	cross := http.NewCrossOriginProtection()
	cross.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.problem(a.visitOf(w, r), forbidden(words.T("This request came from another web site, so nothing was done. Open the page here and try again.").English))
	}))
	if err := cross.AddTrustedOrigin(a.origin); err != nil {
		panic(err) // New has checked the address
	}
	protected := cross.Handler(a.readable(next))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", a.policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=()")
		h.Set("Cache-Control", "no-store")
		if a.secure {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		if !takesFiles(r) && r.Body != nil {
			r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		}
		protected.ServeHTTP(w, r)
	})
}

// pathImport takes files, and hands them on as they come.
const pathImport = "/import"

// takesFiles reports whether the body has files, which are bounded and read where they are
// handed on.
func takesFiles(r *http.Request) bool {
	at := r.URL.Path
	return at == pathImport || r.Method == http.MethodPost && strings.HasPrefix(at, portalTicketsPath) && (at == pathNewTicket || strings.HasSuffix(at, tailPhoto))
}

// readable reads the form of a request, and refuses an address or form that
// cannot be read, or holds what is no text: nothing behind it has to.
func (a *App) readable(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := checkText(r.URL.Path)
		if err == nil && !takesFiles(r) {
			err = parseForm(r)
		}
		if err != nil {
			a.problem(a.visitOf(w, r), err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func parseForm(r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return tandem.Errorf(tandem.CodeTooLarge, "The form is too large.")
		}
		return tandem.Errorf(tandem.CodeInvalid, "The form or the address cannot be read. Open the page again and start there.")
	}
	for name, values := range r.Form {
		for _, text := range append(values, name) {
			if err := checkText(text); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkText(text string) error {
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return tandem.Errorf(tandem.CodeInvalid, "What came holds bytes that are no text. Type it again.")
	}
	return nil
}

// contentPolicy lets a page load and send nothing but its own, and forms lead
// to the identity server, too.
func contentPolicy(issuer string) string {
	policy := "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
		"base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
	u, err := url.Parse(issuer)
	if err != nil || u.Host == "" || strings.ContainsAny(u.Host, " ;,'\"") {
		return policy
	}
	if strings.Contains(u.Host, "[") {
		return policy + " " + u.Scheme + ":" // the policy's grammar has no IPv6 addresses
	}
	return policy + " " + u.Scheme + "://" + u.Host
}
