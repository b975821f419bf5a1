package webapp_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/seal"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
	"github.com/hybridapps/tandem/webapp"
)

// site is a running web app with a real instance behind it and a worker that
// plays its part in memory.
type site struct {
	t      *testing.T
	url    string
	app    *webapp.App
	in     *tandemtest.Instance
	worker *fakeWorker
	db     *sqldb.DB
	config webapp.Config
}

type siteOptions struct {
	tandemtest.Options
	engine sqldb.Engine
	// publicURL is another one than the listener's.
	publicURL string
	// transport makes the requests to the instance; nil is the usual one.
	transport http.RoundTripper
}

const appURI = "com.example/shop"

func newSite(t *testing.T, o siteOptions) *site {
	t.Helper()
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &site{t: t, in: tandemtest.Start(t, o.Options)}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.url = "http://" + listener.Addr().String()
	if o.publicURL != "" {
		s.url = o.publicURL
	}
	secrets := s.in.CreateApp(tandem.TrustedApp{
		ApplicationURI: appURI, Name: "The shop", Enabled: true, ClientType: tandem.ClientConfidential, FirstParty: true,
		InternalUsers: true, ExternalUsers: true, Scope: tandem.Scope{"read", "update"},
		RedirectURIs: []string{s.url + "/signin-callback"}, PostLogoutRedirectURIs: []string{s.url + "/signout-callback"},
	})
	provider, err := client.NewProvider(client.ProviderConfig{Issuer: s.in.Issuer, Clock: s.in.Clock.Now, Transport: o.transport})
	if err != nil {
		t.Fatal(err)
	}
	s.worker = newFakeWorker(t, client.NewIDTokenVerifier(provider, appURI))
	if o.engine == "" {
		o.engine = sqldb.SQLite
	}
	s.db = openDB(t, o.engine)
	box, err := seal.New("sessions", make([]byte, seal.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	s.config = webapp.Config{
		Provider: provider, ApplicationURI: appURI, Credential: client.UserSecret(secrets.User), PublicURL: s.url,
		DB: s.db, Box: box, Worker: s.worker.client, Clock: s.in.Clock.Now, Log: o.Log,
	}
	s.app = s.serve(listener)
	return s
}

// serve runs a web app of the site at the listener.
func (s *site) serve(listener net.Listener) *webapp.App {
	s.t.Helper()
	app, err := webapp.New(s.t.Context(), s.config)
	if err != nil {
		s.t.Fatal(err)
	}
	server := &http.Server{Handler: app.Handler()}
	go server.Serve(listener)
	s.t.Cleanup(func() {
		app.Close()
		server.Close()
	})
	return app
}

// replica is where another web app of the site listens.
func (s *site) replica() string {
	s.t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	s.serve(listener)
	return "http://" + listener.Addr().String()
}

// browser is one without JavaScript that says what browsers say.
func (s *site) browser() *browser {
	b := s.in.Browser()
	b.Client.Transport = navigating{}
	return &browser{Browser: b, s: s}
}

type navigating struct{}

func (navigating) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Header.Get("Accept") == "" {
		r = r.Clone(r.Context())
		r.Header.Set("Accept", "text/html,*/*;q=0.8")
	}
	return http.DefaultTransport.RoundTrip(r)
}

type browser struct {
	*tandemtest.Browser
	s *site
}

// signIn opens a page of the site as the person.
func (s *site) signIn(login, path string) (*browser, *doc) {
	s.t.Helper()
	b := s.browser()
	return b, read(s.t, b.SignIn(s.url+"/signin?return_to="+url.QueryEscape(path), login, tandemtest.Password))
}

func (b *browser) open(path string) *doc { b.s.t.Helper(); return read(b.s.t, b.Get(b.s.url+path)) }

// post sends a form that no page has, from this site.
func (b *browser) post(path string, form url.Values) *doc {
	b.s.t.Helper()
	from := &tandemtest.Page{Response: &http.Response{Request: httptest.NewRequest("GET", b.s.url+"/", nil)}}
	return read(b.s.t, b.Post(from, path, form))
}

// submit fills the form with the id and sends it as if the button was pressed.
func (b *browser) submit(d *doc, id string, fields url.Values) *doc {
	b.s.t.Helper()
	form := d.byID(id)
	if form == nil {
		b.s.t.Fatalf("%s has no form %q:\n%s", d.Request.URL, id, d.Text)
	}
	return read(b.s.t, b.Post(d.Page, attr(form, "action"), filled(d, id, fields)))
}

// filled are the fields of the form with the id, filled.
func filled(d *doc, id string, fields url.Values) url.Values {
	values := url.Values{}
	form := d.root
	if id != "" {
		form = d.byID(id)
	}
	for n := range form.Descendants() {
		name := attr(n, "name")
		switch {
		case n.Type != html.ElementNode || name == "":
		case n.Data == "textarea":
			values.Add(name, textOf(n))
		case n.Data == "select":
			values.Add(name, "")
		case n.Data == "input" && attr(n, "type") != "checkbox" && attr(n, "type") != "radio":
			values.Add(name, attr(n, "value"))
		}
	}
	for name, v := range fields {
		for i, text := range v {
			if i < len(values[name]) {
				values[name][i] = text
			} else {
				values.Add(name, text)
			}
		}
	}
	return values
}

// doc is a page that can be asked.
type doc struct {
	*tandemtest.Page
	root *html.Node
}

func read(t *testing.T, p *tandemtest.Page) *doc {
	t.Helper()
	root, err := html.Parse(strings.NewReader(p.Text))
	if err != nil {
		t.Fatal(err)
	}
	return &doc{p, root}
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func textOf(n *html.Node) string {
	var b strings.Builder
	for c := range n.Descendants() {
		if c.Type == html.TextNode {
			b.WriteString(c.Data)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

func (d *doc) byID(id string) *html.Node {
	for n := range d.root.Descendants() {
		if n.Type == html.ElementNode && attr(n, "id") == id {
			return n
		}
	}
	return nil
}

// text is what the element with the id says; empty when there is none.
func (d *doc) text(id string) string {
	if n := d.byID(id); n != nil {
		return textOf(n)
	}
	return ""
}

// data is an attribute data-… of the element with the id.
func (d *doc) data(id, name string) string {
	if n := d.byID(id); n != nil {
		return attr(n, "data-"+name)
	}
	return ""
}

// all are the values of an attribute, in their order.
func (d *doc) all(attribute string) []string {
	var list []string
	for n := range d.root.Descendants() {
		if v := attr(n, attribute); n.Type == html.ElementNode && v != "" {
			list = append(list, v)
		}
	}
	return list
}

// wants fails the test when the page has another status or lacks a text.
func (d *doc) wants(t *testing.T, status int, texts ...string) *doc {
	t.Helper()
	if d.StatusCode != status {
		t.Fatalf("%s %s: %d, want %d\n%s", d.Request.Method, d.Request.URL, d.StatusCode, status, textOf(d.root))
	}
	said := textOf(d.root)
	for _, text := range texts {
		if !strings.Contains(said, text) {
			t.Errorf("%s does not say %q, but: %s", d.Request.URL, text, said)
		}
	}
	return d
}

// fakeWorker is the back end as the web app sees it. It verifies the channel
// key and the evidence like the real one.
type fakeWorker struct {
	t        *testing.T
	client   *internalapi.Client
	server   *httptest.Server
	verifier *client.IDTokenVerifier

	mu       sync.Mutex
	jobs     []internalapi.Job
	watchers map[chan struct{}]bool
	evidence []string // the raw ID tokens that came
	streams  int
	// cut makes an event stream end after so many events, as when the evidence
	// has expired.
	cut       int
	fail      *tandem.Error
	stranger  bool             // has another channel key
	uploads   map[string]int64 // by file name
	status    internalapi.Status
	customers []internalapi.PortalCustomer
	others    bool // schedules are for others to change
	documents []internalapi.PortalDocument
	report    internalapi.ReportPage
	tickets   tickets
}

func newFakeWorker(t *testing.T, verifier *client.IDTokenVerifier) *fakeWorker {
	w := &fakeWorker{t: t, verifier: verifier, watchers: map[chan struct{}]bool{}, uploads: map[string]int64{}}
	key, err := internalapi.NewChannelKey(make([]byte, internalapi.MinChannelKey))
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+internalapi.PathJobs, func(rw http.ResponseWriter, r *http.Request) {
		var job internalapi.NewJob
		if err := json.NewDecoder(r.Body).Decode(&job); err != nil {
			t.Error(err)
		}
		internalapi.WriteJSON(rw, http.StatusAccepted, w.add(job.Kind))
	})
	mux.HandleFunc("GET "+internalapi.PathJobs, func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		defer w.mu.Unlock()
		internalapi.WriteJSON(rw, http.StatusOK, internalapi.JobPage{Jobs: w.jobs})
	})
	mux.HandleFunc("GET "+internalapi.PathJob+"{id}", func(rw http.ResponseWriter, r *http.Request) {
		if j, ok := w.job(r.PathValue("id")); ok {
			internalapi.WriteJSON(rw, http.StatusOK, j)
			return
		}
		internalapi.WriteError(rw, tandem.Errorf(tandem.CodeNotFound, "There is no such job."))
	})
	mux.HandleFunc("GET "+internalapi.PathImports, func(rw http.ResponseWriter, _ *http.Request) {
		internalapi.WriteJSON(rw, http.StatusOK, internalapi.ImportPlan{Name: "Shop", Files: []internalapi.ImportFile{
			{Name: "orders.csv", Columns: []string{"id", "a;b"}, Separator: ";"}}})
	})
	mux.HandleFunc("GET "+internalapi.PathJob+"{id}/report", func(rw http.ResponseWriter, r *http.Request) {
		internalapi.WriteJSON(rw, http.StatusOK, w.report)
	})
	mux.HandleFunc("GET "+internalapi.PathJob+"{id}/file", func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "text/csv; charset=utf-8")
		rw.Header().Set("Content-Disposition", `attachment; filename="orders.csv"`)
		io.WriteString(rw, "number;total\n1;2\n")
	})
	mux.HandleFunc("GET "+internalapi.PathJob+"{id}/events", w.events)
	mux.HandleFunc("POST "+internalapi.PathImports, w.imports)
	mux.HandleFunc("GET "+internalapi.PathStock, func(rw http.ResponseWriter, r *http.Request) {
		internalapi.WriteJSON(rw, http.StatusOK, internalapi.StockPage{Rows: []internalapi.StockRow{{Name: "<b>Bolt</b>", PartNumber: "P1", Quantity: "1200", Unit: "pcs", Active: true}}, Total: 1})
	})
	mux.HandleFunc("GET "+internalapi.PathSchedules, func(rw http.ResponseWriter, r *http.Request) {
		internalapi.WriteJSON(rw, http.StatusOK, []internalapi.Schedule{{ID: "s1", Name: "Nightly", Kind: internalapi.JobSyncStock, Spec: "0 2 * * *", TimeZone: "UTC", Words: "every day at 02:00, UTC", Manage: !w.others}})
	})
	mux.HandleFunc("POST "+internalapi.PathSchedule+"{id}"+internalapi.TailEdit, func(rw http.ResponseWriter, r *http.Request) {
		var e internalapi.ScheduleEdit
		if err := json.NewDecoder(r.Body).Decode(&e); err != nil || e.Spec != "0 3 * * *" || e.TimeZone != "Europe/Sofia" {
			internalapi.WriteError(rw, tandem.Errorf(tandem.CodeInvalid, "the schedule %q cannot be read", e.Spec))
			return
		}
		internalapi.WriteJSON(rw, http.StatusOK, internalapi.Schedule{ID: "s1"})
	})
	mux.HandleFunc("POST "+internalapi.PathSchedule+"{id}/{do}", func(rw http.ResponseWriter, r *http.Request) {
		if r.PathValue("do") == "run" {
			internalapi.WriteJSON(rw, http.StatusOK, w.add(internalapi.JobSyncStock))
			return
		}
		internalapi.WriteJSON(rw, http.StatusOK, internalapi.Schedule{ID: "s1", Paused: r.PathValue("do") == "pause"})
	})
	mux.HandleFunc("GET "+internalapi.PathStatus, func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		defer w.mu.Unlock()
		s := w.status
		if r.Header.Get(internalapi.HeaderEvidence) == "" {
			s.Calls = nil
		}
		internalapi.WriteJSON(rw, http.StatusOK, s)
	})
	mux.HandleFunc("GET "+internalapi.PathPortalCustomer, func(rw http.ResponseWriter, r *http.Request) {
		internalapi.WriteJSON(rw, http.StatusOK, internalapi.PortalCustomers{Customers: w.customers})
	})
	for _, path := range []string{internalapi.PathPortalOrders, internalapi.PathPortalInvoices} {
		mux.HandleFunc("GET "+path, func(rw http.ResponseWriter, r *http.Request) {
			internalapi.WriteJSON(rw, http.StatusOK, internalapi.PortalPage{Documents: w.documents, Total: int64(len(w.documents))})
		})
		mux.HandleFunc("GET "+path+"/{id}", func(rw http.ResponseWriter, r *http.Request) {
			for _, d := range w.documents {
				if d.ID == r.PathValue("id") {
					internalapi.WriteJSON(rw, http.StatusOK, d)
					return
				}
			}
			internalapi.WriteError(rw, tandem.Errorf(tandem.CodeNotFound, "There is no such document."))
		})
	}
	w.tickets.serve(w, mux)
	w.server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if !key.Accepts(r) {
			t.Errorf("%s %s without the channel key", r.Method, r.URL.Path)
		}
		raw := r.Header.Get(internalapi.HeaderEvidence)
		if raw != "" || r.URL.Path != internalapi.PathStatus {
			if _, err := verifier.Verify(r.Context(), raw); err != nil {
				t.Errorf("%s %s with evidence that does not verify: %v", r.Method, r.URL.Path, err)
			}
		}
		w.mu.Lock()
		w.evidence = append(w.evidence, raw)
		fail, stranger := w.fail, w.stranger
		w.mu.Unlock()
		if stranger {
			internalapi.RefuseChannel(rw)
			return
		}
		if fail != nil {
			internalapi.WriteError(rw, fail)
			return
		}
		mux.ServeHTTP(rw, r)
	}))
	t.Cleanup(w.server.Close)
	if w.client, err = internalapi.NewClient(w.server.URL, key, nil); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *fakeWorker) set(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
	for c := range w.watchers {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

func (w *fakeWorker) add(kind internalapi.JobKind) internalapi.Job {
	w.mu.Lock()
	defer w.mu.Unlock()
	j := internalapi.Job{ID: fmt.Sprint(len(w.jobs) + 1), Kind: kind, State: internalapi.JobQueued, RequestedBy: "anna", CreatedAt: time.Now(), Manage: true}
	w.jobs = append(w.jobs, j)
	return j
}

func (w *fakeWorker) job(id string) (internalapi.Job, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, j := range w.jobs {
		if j.ID == id {
			return j, true
		}
	}
	return internalapi.Job{}, false
}

func (w *fakeWorker) events(rw http.ResponseWriter, r *http.Request) {
	wake := make(chan struct{}, 1)
	w.mu.Lock()
	w.watchers[wake] = true
	w.streams++
	cut := w.cut
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.watchers, wake)
	}()
	rw.Header().Set("Content-Type", "text/event-stream")
	for n := 1; ; n++ {
		j, _ := w.job(r.PathValue("id"))
		text, _ := json.Marshal(j)
		fmt.Fprintf(rw, "data: %s\n\n", text)
		rw.(http.Flusher).Flush()
		if j.State.Final() || n == cut {
			return
		}
		select {
		case <-wake:
		case <-r.Context().Done():
			return
		}
	}
}

func (w *fakeWorker) imports(rw http.ResponseWriter, r *http.Request) {
	_, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		internalapi.WriteError(rw, tandem.Errorf(tandem.CodeInvalid, "%s", err.Error()))
		return
	}
	form := multipart.NewReader(r.Body, params["boundary"])
	for {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return // broken off
		}
		if part.FileName() == "refused.csv" { // before all of it has come
			internalapi.WriteError(rw, tandem.Errorf(tandem.CodeRule, "refused at once"))
			return
		}
		n, err := io.Copy(io.Discard, part)
		if err != nil {
			return
		}
		w.set(func() { w.uploads[part.FileName()] = n })
	}
	internalapi.WriteJSON(rw, http.StatusAccepted, w.add(internalapi.JobImport))
}
