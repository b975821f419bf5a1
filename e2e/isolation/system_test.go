package isolation_test

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// system is the whole hybrid app, with everything secret that passes by noted.
type system struct {
	*tandemtest.Hybrid
	t    *testing.T
	tap  *tap
	rpc  *internalapi.Client
	wire *http.Client
}

// postgres bounds how many systems use the one PostgreSQL server at a time, on
// a machine of many cores: each has three pools of connections.
var postgres = make(chan struct{}, 4)

// each runs a test on both databases.
func each(t *testing.T, o tandemtest.Options, test func(t *testing.T, s *system)) {
	t.Helper()
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			if engine == sqldb.PostgreSQL {
				postgres <- struct{}{}
				t.Cleanup(func() { <-postgres })
			}
			o := o
			o.Engine = engine
			test(t, start(t, o))
		})
	}
}

func start(t *testing.T, o tandemtest.Options) *system {
	t.Helper()
	s := &system{t: t, tap: &tap{}, wire: &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	inner := o.Wrap
	o.Wrap = func(h http.Handler) http.Handler {
		if inner != nil {
			h = inner(h)
		}
		return s.tap.wrap(h)
	}
	s.Hybrid = tandemtest.StartHybrid(t, o)
	var err error
	if s.rpc, err = internalapi.NewClient(s.Worker, s.ChannelKey, nil); err != nil {
		t.Fatal(err)
	}
	return s
}

// answer is what came back for a request.
type answer struct {
	*http.Response
	Text string
}

// send makes one request and follows nothing.
func (s *system) send(method, address, body string, header http.Header) answer {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	for name, values := range header {
		req.Header[http.CanonicalHeaderKey(name)] = values
	}
	return s.do(s.wire, req)
}

func (s *system) do(c *http.Client, req *http.Request) answer {
	s.t.Helper()
	res, err := c.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer{res, string(text)}
}

// askWorker asks the internal API as the web app does: with the channel key,
// and with evidence unless it is empty.
func (s *system) askWorker(method, path, evidence string, header http.Header) answer {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.Worker+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	for name, values := range header {
		req.Header[http.CanonicalHeaderKey(name)] = values
	}
	s.ChannelKey.Authorize(req)
	if evidence != "" {
		req.Header.Set(internalapi.HeaderEvidence, evidence)
	}
	return s.do(s.wire, req)
}

// during is the system for a subtest in it.
func (s *system) during(t *testing.T) *system {
	same := *s
	same.t = t
	return &same
}

// person is a browser in which somebody is signed in to the web app.
type person struct {
	*tandemtest.Browser
	s         *system
	login, id string // the id is of who was made for the test only
}

// during is the person for a subtest in the system.
func (p *person) during(s *system) *person {
	same := *p
	same.s = s
	return &same
}

func (s *system) stranger() *person {
	s.t.Helper()
	b := s.Browser()
	b.Client.Transport = &navigating{}
	return &person{Browser: b, s: s}
}

func (s *system) signIn(login string) *person {
	s.t.Helper()
	p := s.stranger()
	p.login = login
	s.SignInToWebApp(p.Browser, login)
	return p
}

// newSignedIn signs somebody in who was not there before.
func (s *system) newSignedIn(n signin.NewUser) *person {
	s.t.Helper()
	u := s.CreateUser(n)
	p := s.signIn(n.Login)
	p.id = u.ID
	return p
}

// open opens a page of the web app.
func (p *person) open(path string) *tandemtest.Page {
	p.s.t.Helper()
	return p.Get(p.s.WebApp + path)
}

// post sends a form of the web app.
func (p *person) post(path string, form map[string][]string) *tandemtest.Page {
	p.s.t.Helper()
	req, err := http.NewRequestWithContext(p.s.t.Context(), "GET", p.s.WebApp+"/", nil)
	if err != nil {
		p.s.t.Fatal(err)
	}
	return p.Post(&tandemtest.Page{Response: &http.Response{Request: req}}, path, form)
}

// signedIn reports whether the web app knows the person.
func (p *person) signedIn() bool {
	p.s.t.Helper()
	return strings.Contains(p.open("/two-halves").Text, `id="sign-out"`)
}

// navigating says what browsers say of a page that somebody opens. Elsewhere
// than on this machine it finds empty pages.
type navigating struct{}

func (navigating) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Hostname() != "127.0.0.1" {
		return &http.Response{StatusCode: 200, Status: "200 OK", Proto: "HTTP/1.1", Header: http.Header{}, Body: http.NoBody, Request: r}, nil
	}
	if r.Header.Get("Accept") == "" {
		r = r.Clone(r.Context())
		r.Header.Set("Accept", "text/html,*/*;q=0.8")
	}
	return http.DefaultTransport.RoundTrip(r)
}

// api calls the domain API and reads its JSON.
func (s *system) api(method, path, token, body string, into any) {
	s.t.Helper()
	status, text := s.API(method, path, token, body)
	if status/100 != 2 {
		s.t.Fatalf("%s %s: %d %s", method, path, status, text)
	}
	if into == nil {
		return
	}
	if err := json.Unmarshal([]byte(text), into); err != nil {
		s.t.Fatalf("%s %s: %v: %s", method, path, err, text)
	}
}

// sync runs a stock sync in the worker, as anna's evidence asks for it, and
// waits for its end.
func (s *system) sync(rpc *internalapi.Client, evidence string) internalapi.Job {
	s.t.Helper()
	job, err := rpc.StartJob(s.t.Context(), evidence, internalapi.NewJob{Kind: internalapi.JobSyncStock})
	if err == nil {
		err = rpc.JobEvents(s.t.Context(), evidence, job.ID, func(seen internalapi.Job) error { job = seen; return nil })
	}
	if err != nil || job.State != internalapi.JobCompleted {
		s.t.Fatalf("sync: %+v %v", job, err)
	}
	return job
}

var uuidText = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)

func newClerk(login string) signin.NewUser {
	return signin.NewUser{Login: login, Name: "Clerk " + login, Type: tandem.InternalUser}
}

func newAdmin(login string) signin.NewUser {
	n := newClerk(login)
	n.Admin = true
	return n
}

// renewal is a time after which every access token must be renewed, and nobody
// has been signed out of the web app.
func (s *system) renewal() time.Duration { return 61 * time.Minute }
