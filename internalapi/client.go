package internalapi

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internal/netaddr"
	"github.com/hybridapps/tandem/internal/patience"
)

// How long the worker may be silent: until its response begins, and between the
// parts of one. What it does with an upload takes longer.
const (
	callPatience   = 8 * time.Second
	filePatience   = 30 * time.Second // it is asked first who may see what is in it
	uploadPatience = 2 * time.Minute
	eventPatience  = 45 * time.Second // a quiet stream beats every 15 s
)

// Client is the web app's access to its worker. Every method that takes an
// idToken needs the fresh ID token of the person who asks, in its raw form; it
// goes into a header of this one request and nowhere else.
//
// Errors are [tandem.Error] with the worker's code and message, and
// [tandem.CodeUnavailable] where the worker does not answer.
type Client struct {
	// Patience, set before the first call, is how long the worker may be silent in
	// those for which people wait; zero means 8 seconds.
	Patience time.Duration

	base *url.URL
	key  ChannelKey
	http *http.Client
}

// NewClient makes a client of the worker at baseURL: https, or http on a
// loopback host ("http://127.0.0.1:8082"), because channel key, evidence and
// uploads go there. A nil transport means a private one. A proxy of the
// environment is not used, and redirects are not followed: they go to the worker
// only.
func NewClient(baseURL string, key ChannelKey, transport http.RoundTripper) (*Client, error) {
	u, err := netaddr.SecureURL(strings.TrimSuffix(baseURL, "/"))
	if err == nil && (u.RawQuery != "" || u.ForceQuery) {
		err = fmt.Errorf("%q has a query: leave it out", u.Redacted())
	}
	if err != nil {
		return nil, fmt.Errorf("worker URL: %w", err)
	}
	if key.IsZero() {
		return nil, errors.New("worker client: no channel key")
	}
	if t, ok := transport.(*http.Transport); ok && t.Proxy != nil {
		t = t.Clone()
		t.Proxy = nil
		transport = t
	}
	if transport == nil {
		transport = &http.Transport{
			MaxIdleConnsPerHost: 16, IdleConnTimeout: 90 * time.Second,
			ForceAttemptHTTP2: true,
		}
	}
	return &Client{base: u, key: key, http: &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// StartJob queues a job. Asking for a sync while one is queued or running
// answers with that one.
func (c *Client) StartJob(ctx context.Context, idToken string, job NewJob) (Job, error) {
	return call[Job](ctx, c, idToken, http.MethodPost, PathJobs, nil, job)
}

// Jobs lists jobs.
func (c *Client) Jobs(ctx context.Context, idToken string, q JobQuery) (JobPage, error) {
	values := ordered(q.query(), q.Sort)
	for name, at := range map[string]time.Time{"from": q.From, "until": q.Until} {
		if !at.IsZero() {
			values.Set(name, at.UTC().Format(time.RFC3339))
		}
	}
	return call[JobPage](ctx, c, idToken, http.MethodGet, PathJobs, values, nil)
}

// Job is one job as it stands.
func (c *Client) Job(ctx context.Context, idToken, id string) (Job, error) {
	return call[Job](ctx, c, idToken, http.MethodGet, under(PathJob, id, ""), nil, nil)
}

// JobReport is a page of the rows that an import refused or repaired.
func (c *Client) JobReport(ctx context.Context, idToken, id string, p Page) (ReportPage, error) {
	return call[ReportPage](ctx, c, idToken, http.MethodGet, under(PathJob, id, TailReport), p.query(), nil)
}

// ImportPlan tells which files the worker's mapping knows.
func (c *Client) ImportPlan(ctx context.Context, idToken string) (ImportPlan, error) {
	return call[ImportPlan](ctx, c, idToken, http.MethodGet, PathImports, nil, nil)
}

// CancelJob asks a job to stop; a final job stays as it is.
func (c *Client) CancelJob(ctx context.Context, idToken, id string) (Job, error) {
	return call[Job](ctx, c, idToken, http.MethodPost, under(PathJob, id, TailCancel), nil, nil)
}

// Schedules lists all schedules by name.
func (c *Client) Schedules(ctx context.Context, idToken string) ([]Schedule, error) {
	return call[[]Schedule](ctx, c, idToken, http.MethodGet, PathSchedules, nil, nil)
}

// EditSchedule gives a schedule another time; its next time is counted anew.
// A paused one stays paused.
func (c *Client) EditSchedule(ctx context.Context, idToken, id string, e ScheduleEdit) (Schedule, error) {
	return call[Schedule](ctx, c, idToken, http.MethodPost, under(PathSchedule, id, TailEdit), nil, e)
}

// PauseSchedule stops a schedule from starting jobs until it is resumed.
func (c *Client) PauseSchedule(ctx context.Context, idToken, id string) (Schedule, error) {
	return call[Schedule](ctx, c, idToken, http.MethodPost, under(PathSchedule, id, TailPause), nil, nil)
}

// ResumeSchedule lets a paused schedule go on with its next time; times that
// passed while it was paused are not made up for.
func (c *Client) ResumeSchedule(ctx context.Context, idToken, id string) (Schedule, error) {
	return call[Schedule](ctx, c, idToken, http.MethodPost, under(PathSchedule, id, TailResume), nil, nil)
}

// RunSchedule starts the schedule's job at once, paused or not.
func (c *Client) RunSchedule(ctx context.Context, idToken, id string) (Job, error) {
	return call[Job](ctx, c, idToken, http.MethodPost, under(PathSchedule, id, TailRun), nil, nil)
}

// Customers lists the companies that a portal user may act for. A person
// without any gets [tandem.CodeForbidden] with a message that says so.
func (c *Client) Customers(ctx context.Context, idToken string) ([]PortalCustomer, error) {
	me, err := call[PortalCustomers](ctx, c, idToken, http.MethodGet, PathPortalCustomer, nil, nil)
	return me.Customers, err
}

// Orders lists the sales orders of the portal user's own companies.
func (c *Client) Orders(ctx context.Context, idToken string, q PortalQuery) (PortalPage, error) {
	return call[PortalPage](ctx, c, idToken, http.MethodGet, PathPortalOrders, q.query(), nil)
}

// Order is one sales order with its lines. Another company's is not found.
func (c *Client) Order(ctx context.Context, idToken, id string) (PortalDocument, error) {
	return call[PortalDocument](ctx, c, idToken, http.MethodGet, under(PathPortalOrder, id, ""), nil, nil)
}

// Invoices lists the invoices of the portal user's own companies.
func (c *Client) Invoices(ctx context.Context, idToken string, q PortalQuery) (PortalPage, error) {
	return call[PortalPage](ctx, c, idToken, http.MethodGet, PathPortalInvoices, q.query(), nil)
}

// Invoice is one invoice with its lines. Another company's is not found.
func (c *Client) Invoice(ctx context.Context, idToken, id string) (PortalDocument, error) {
	return call[PortalDocument](ctx, c, idToken, http.MethodGet, under(PathPortalInvoice, id, ""), nil, nil)
}

// InvoicePDF is an invoice as PDF, in the language en, de or bg. The caller closes the
// body.
func (c *Client) InvoicePDF(ctx context.Context, idToken, id, language string) (*Download, error) {
	return c.download(ctx, callPatience, idToken, under(PathPortalInvoice, id, TailPDF), url.Values{"language": {language}}, "invoice.pdf")
}

// Shipments lists the shipments to the portal user's own companies.
func (c *Client) Shipments(ctx context.Context, idToken string, q PortalQuery) (PortalPage, error) {
	return call[PortalPage](ctx, c, idToken, http.MethodGet, PathPortalShipments, q.query(), nil)
}

// Shipment is one shipment with its lines. One to another company is not found.
func (c *Client) Shipment(ctx context.Context, idToken, id string) (PortalDocument, error) {
	return call[PortalDocument](ctx, c, idToken, http.MethodGet, under(PathPortalShipment, id, ""), nil, nil)
}

// ConfirmShipment notes that a shipment arrived. The same words twice are noted once.
func (c *Client) ConfirmShipment(ctx context.Context, idToken, id string, r Receipt) (PortalDocument, error) {
	return call[PortalDocument](ctx, c, idToken, http.MethodPost, under(PathPortalShipment, id, TailReceived), nil, r)
}

// RedirectShipment gives a shipment that is not released yet another address.
func (c *Client) RedirectShipment(ctx context.Context, idToken, id, address string) (PortalDocument, error) {
	return call[PortalDocument](ctx, c, idToken, http.MethodPost, under(PathPortalShipment, id, TailAddress), nil, NewAddress{address})
}

// Stock searches the stock that the worker has synced.
func (c *Client) Stock(ctx context.Context, idToken string, q StockQuery) (StockPage, error) {
	return call[StockPage](ctx, c, idToken, http.MethodGet, PathStock, ordered(search(q.Page, q.Search), q.Sort), nil)
}

// Status tells about the worker's half. Without an ID token ("") it tells
// counts only.
func (c *Client) Status(ctx context.Context, idToken string) (Status, error) {
	return call[Status](ctx, c, idToken, http.MethodGet, PathStatus, nil, nil)
}

func (p Page) query() url.Values {
	q := url.Values{}
	if p.Skip > 0 {
		q.Set("skip", strconv.Itoa(p.Skip))
	}
	if p.Top > 0 {
		q.Set("top", strconv.Itoa(p.Top))
	}
	return q
}

func search(p Page, text string) url.Values {
	q := p.query()
	if text != "" {
		q.Set("search", text)
	}
	return q
}

func ordered(q url.Values, sort string) url.Values {
	if sort != "" {
		q.Set("sort", sort)
	}
	return q
}

func (p PortalQuery) query() url.Values {
	q := ordered(search(p.Page, p.Search), p.Sort)
	for name, day := range map[string]string{"from": p.From, "to": p.To} {
		if day != "" {
			q.Set(name, day)
		}
	}
	return q
}

// Ask makes one request whose response is small JSON, for back ends with paths of
// their own: body is sent as JSON unless nil.
func Ask[T any](ctx context.Context, c *Client, idToken, method, path string, query url.Values, body any) (T, error) {
	return call[T](ctx, c, idToken, method, path, query, body)
}

// Send makes one request with a body and gives the response, whose body the caller
// closes. Every response that is not a success is an error. The back end may be
// silent for two minutes, as it is while it takes a file.
func (c *Client) Send(
	ctx context.Context, idToken, method, path string, query url.Values, contentType string, body io.Reader,
) (*http.Response, error) {
	return c.send(ctx, uploadPatience, idToken, method, path, query, contentType, body)
}

// call makes one request whose response is small JSON.
func call[T any](ctx context.Context, c *Client, idToken, method, path string, query url.Values, body any) (T, error) {
	var out T
	var content io.Reader
	contentType := ""
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return out, err
		}
		content, contentType = bytes.NewReader(text), "application/json"
	}
	res, err := c.send(ctx, cmp.Or(c.Patience, callPatience), idToken, method, path, query, contentType, content)
	if err != nil {
		return out, err
	}
	defer res.Body.Close()
	if err := json.NewDecoder(io.LimitReader(res.Body, 16<<20)).Decode(&out); err != nil {
		return out, unavailable(fmt.Errorf("unreadable response: %w", err))
	}
	return out, nil
}

// send makes one request and turns every response that is not a success into an
// error. The worker may be silent for so long. The caller closes the body.
func (c *Client) send(ctx context.Context, silent time.Duration, idToken, method, path string, query url.Values,
	contentType string, body io.Reader,
) (*http.Response, error) {
	u := c.base.String() + path
	if len(query) > 0 {
		u += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, u, body)
	if err != nil {
		return nil, err
	}
	c.key.Authorize(req)
	if idToken != "" {
		req.Header.Set(HeaderEvidence, idToken)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	res, err := patience.Do(c.http, req, silent)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, unavailable(err)
	}
	if res.StatusCode/100 == 2 {
		return res, nil
	}
	defer res.Body.Close()
	var e wireError
	if err := json.NewDecoder(io.LimitReader(res.Body, 64<<10)).Decode(&e); err != nil || e.Error.Code == "" {
		return nil, unavailable(fmt.Errorf("unexpected response %s", res.Status))
	}
	if e.Error.Code == codeChannelKey {
		return nil, ErrChannelKey
	}
	if e.Error.Code == tandem.CodeUnavailable { // what it lacks may have an address
		return nil, unavailable(errors.New(e.Error.Message))
	}
	return nil, tandem.Errorf(e.Error.Code, "%s", e.Error.Message)
}

// ErrNoAnswer is matched by every error of a worker that does not answer, or says
// itself that it cannot right now. Its message is for people.
var ErrNoAnswer error = tandem.Errorf(tandem.CodeUnavailable, "the back end of this portal does not answer at the moment; please try again shortly")

// ErrChannelKey is returned where the worker has another channel key: nothing
// works then, for nobody, and no sign-in would help.
var ErrChannelKey error = tandem.Errorf(tandem.CodeUnavailable, "web app and worker have different channel keys, so that the worker takes nothing from here: "+
	"start both with the same file (--channel-key-file)")

// noAnswer keeps the cause, as text and for a log.
type noAnswer struct{ cause error }

func (e *noAnswer) Error() string   { return ErrNoAnswer.Error() + ": " + e.cause.Error() }
func (e *noAnswer) Unwrap() []error { return []error{ErrNoAnswer, e.cause} }

func unavailable(err error) error {
	// url.Error repeats the URL, which holds ids and search words of a person.
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	return &noAnswer{err}
}
