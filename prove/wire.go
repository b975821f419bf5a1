package prove

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hybridapps/tandem/oauth"
)

// What a run may cost whoever it is run against.
const (
	// MaxRequests, Pace and MaxWrongClients are how many requests a run makes, how
	// far apart, and how often in a row the authentication of a client is refused: a
	// provider may lock one that fails too often, and counts anew when it succeeds.
	MaxRequests     = 120
	Pace            = 200 * time.Millisecond
	MaxWrongClients = 6
	// MaxRun is how long a run takes at most where nothing else is said, MaxWithin what can
	// be said, and MaxAnswer how long it waits for one answer.
	MaxRun    = 90 * time.Second
	MaxWithin = 10 * time.Minute
	MaxAnswer = 10 * time.Second
	// maxBody is how many bytes of an answer are read.
	maxBody = 1 << 20
)

var (
	errRequests = fmt.Errorf("the %d requests of a run are used up; run it for some rows alone with --only", MaxRequests)
	errClients  = fmt.Errorf("%d client authentications in a row were refused already, and more could lock the application", MaxWrongClients)
)

// wire makes the requests of a run, and remembers what came back.
type wire struct {
	http    *http.Client
	secrets *Secrets
	pace    time.Duration

	mu       sync.Mutex
	requests int
	wrong    map[string]int // by who sends them, in a row
	next     time.Time
	seen     []*answer
	tls      *tls.ConnectionState // of the first answer
}

func newWire(transport http.RoundTripper, pace time.Duration, secrets *Secrets) *wire {
	return &wire{
		secrets: secrets, pace: pace, wrong: map[string]int{},
		http: &http.Client{
			Transport: transport, Timeout: MaxAnswer,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// call is a request as the prover thinks of it.
type call struct {
	method, url string
	header      http.Header
	form        url.Values
	body        string
	jar         *cookiejar.Jar
	// as names who sends it and with what, for the report.
	as string
	// client says that it carries a client's authentication.
	client bool
	// atOnce is not paced: several must arrive together.
	atOnce bool
	// tokens says that secrets may be in a good answer's body: it is the token
	// endpoint's.
	tokens bool
	// allowed are the parameters of its URL that are secrets on purpose.
	allowed []string
}

// answer is what came back.
type answer struct {
	call   *call
	status int
	header http.Header
	body   []byte
	ms     int64
}

// do makes a request. The error says why there is no answer.
func (w *wire) do(ctx context.Context, c *call) (*answer, error) {
	if err := w.admit(ctx, c); err != nil {
		return nil, err
	}
	req, err := c.request(ctx)
	if err != nil {
		return nil, err
	}
	client := *w.http
	if c.jar != nil {
		client.Jar = c.jar
	}
	begun := time.Now()
	res, err := client.Do(req)
	if err != nil {
		return nil, w.noAnswer(c, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxBody))
	if err != nil {
		return nil, w.noAnswer(c, err)
	}
	a := &answer{c, res.StatusCode, res.Header, body, time.Since(begun).Milliseconds()}
	w.keep(a, res.TLS)
	return a, nil
}

// noAnswer is the error without its address, in which secrets may stand.
func (w *wire) noAnswer(c *call, err error) error {
	var address *url.Error
	if errors.As(err, &address) {
		if address.Timeout() {
			return fmt.Errorf("%s gave no answer within %s", w.place(c), MaxAnswer)
		}
		err = address.Err
	}
	return fmt.Errorf("%s gave no answer: %s", w.place(c), w.secrets.Show(err.Error()))
}

// admit waits for the request's turn, and refuses it when there is none.
func (w *wire) admit(ctx context.Context, c *call) error {
	w.mu.Lock()
	if w.requests >= MaxRequests {
		w.mu.Unlock()
		return errRequests
	}
	if c.client && w.wrong[c.as] >= MaxWrongClients {
		w.mu.Unlock()
		return errClients
	}
	w.requests++
	now := time.Now()
	at := now
	if !c.atOnce && w.next.After(now) {
		at = w.next
	}
	w.next = at.Add(w.pace)
	w.mu.Unlock()
	return sleep(ctx, at.Sub(now))
}

func (w *wire) keep(a *answer, state *tls.ConnectionState) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.tls == nil {
		w.tls = state
	}
	switch {
	case !a.call.client:
	case a.status == http.StatusUnauthorized:
		w.wrong[a.call.as]++
	case a.ok():
		w.wrong[a.call.as] = 0
	}
	w.seen = append(w.seen, a)
}

// all are the answers so far.
func (w *wire) all() []*answer {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.seen)
}

// refused is how often in a row a client's authentication was refused.
func (w *wire) refused(as string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.wrong[as]
}

func (w *wire) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.requests
}

// sleep waits, and not longer than the context lives.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *call) request(ctx context.Context) (*http.Request, error) {
	var body io.Reader
	switch {
	case c.form != nil:
		body = strings.NewReader(c.form.Encode())
	case c.body != "":
		body = strings.NewReader(c.body)
	}
	req, err := http.NewRequestWithContext(ctx, c.method, c.url, body)
	if err != nil {
		return nil, errors.New("the provider named an address that is none")
	}
	for name, values := range c.header {
		req.Header[name] = values
	}
	if c.form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if req.Header.Get("Accept") == "" {
		req.Header.Set("Accept", "application/json")
	}
	return req, nil
}

// place is the request's method and path.
func (w *wire) place(c *call) string {
	u, err := url.Parse(c.url)
	if err != nil {
		return c.method
	}
	return c.method + " " + w.secrets.Show(u.Path).String()
}

// sent is the request as a report shows it.
func (a *answer) sent(s *Secrets) Shown {
	c := a.call
	text := c.method + " " + c.url
	if u, err := url.Parse(c.url); err == nil {
		text = c.method + " " + u.Path
		for _, p := range pairs(u.Query()) {
			text += " " + p
		}
	}
	for _, p := range pairs(c.form) {
		text += " " + p
	}
	if c.body != "" {
		text += " " + c.body
	}
	if c.as != "" {
		text += " (" + c.as + ")"
	}
	return s.Show(text)
}

// pairs are parameters in the order of their names. Client secrets are named by who
// sends them.
func pairs(form url.Values) (text []string) {
	for name, values := range form {
		for _, v := range values {
			text = append(text, name+"="+v)
		}
	}
	slices.Sort(text)
	return text
}

// answered is the answer as a report shows it: its status, the error that it names,
// or how it begins.
func (a *answer) answered(s *Secrets) Shown {
	text := fmt.Sprintf("%d", a.status)
	e := a.problem()
	switch location := a.header.Get("Location"); {
	case e.Error != "":
		text += " " + e.Error + ": " + e.Description
	case location != "":
		text += " to " + location
	case len(a.body) > 0:
		// Much more than is shown: what is cut off must not begin with half a secret.
		text += " " + string(a.body[:min(len(a.body), 64<<10)])
	}
	return s.Show(text)
}

// problem is an error response (RFC 6749 section 5.2).
type problem struct {
	Error       string `json:"error"`
	Description string `json:"error_description"`
}

func (a *answer) problem() (p problem) {
	_ = a.decode(&p) // what is no such error is empty
	return p
}

// ok says that the answer is a good one.
func (a *answer) ok() bool { return a.status >= 200 && a.status < 300 }

// bearer is the header of a token.
func bearer(token string) http.Header {
	return http.Header{"Authorization": {oauth.TokenTypeBearer + " " + token}}
}

// dialer is the transport of runs: connections are kept, proxies of the environment
// are honoured.
func dialer() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DialContext = (&net.Dialer{Timeout: MaxAnswer}).DialContext
	t.ResponseHeaderTimeout = MaxAnswer
	return t
}
