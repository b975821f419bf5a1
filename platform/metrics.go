package platform

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/audit"
	"github.com/hybridapps/tandem/audit/findings"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/usage"
)

// metrics are the instance's. Every label has a short list of values: no login,
// no application, no path of a caller's choice becomes one.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	latency  *prometheus.HistogramVec
	// responses are the counters of requests by part and class of status, so
	// that a request looks nothing up by text.
	responses [len(parts)][6]prometheus.Counter
	observed  [len(parts)]prometheus.Observer
}

// parts are the parts of the instance that requests are counted by.
var parts = [...]struct{ name, prefix string }{
	{"token", oauth.PathToken},
	{"signin", oauth.PathIssuer + "/"},
	{"api", "/api/"},
	{"other", ""},
}

func newMetrics(i *Instance) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tandem_http_requests_total", Help: "Requests answered, by part of the instance and class of status.",
		}, []string{"part", "status"}),
		latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "tandem_http_request_seconds", Help: "Time to answer a request.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"part"}),
	}
	for p, part := range parts {
		m.observed[p] = m.latency.WithLabelValues(part.name)
		for class, status := range []string{"", "1xx", "2xx", "3xx", "4xx", "5xx"} {
			if status != "" {
				m.responses[p][class] = m.requests.WithLabelValues(part.name, status)
			}
		}
	}
	m.registry.MustRegister(
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		m.requests, m.latency, &usageCollector{i}, i.audit, &recordCollector{i},
	)
	return m
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 3, Timeout: 10 * time.Second})
}

// observe counts and times a request.
func (m *metrics) observe(path string, status int, took time.Duration) {
	part := partOf(path)
	m.observed[part].Observe(took.Seconds())
	m.responses[part][min(5, max(1, status/100))].Inc()
}

func partOf(path string) int {
	for i := range parts {
		if strings.HasPrefix(path, parts[i].prefix) {
			return i
		}
	}
	return len(parts) - 1
}

// metered is the record of the instance, counted as it is written.
type metered struct {
	*audit.Log
	counts  [len(auditKinds) + 1][3]atomic.Int64
	waiting atomic.Int64
	tallies usage.Tallies
}

// auditKinds are the kinds of event that are counted, each by its flow.
var auditKinds = [...]tandem.AuditKind{
	tandem.AuditSignIn, tandem.AuditSignInFailed, tandem.AuditSignOut, tandem.AuditTokenIssued, tandem.AuditTokenRefused,
	tandem.AuditRefreshReplayed, tandem.AuditCodeReplayed, tandem.AuditSessionOpened, tandem.AuditSessionClosed,
	tandem.AuditSessionRefused, tandem.AuditOnBehalf, tandem.AuditMultiplexing, tandem.AuditAdministration,
	tandem.AuditFindingOpened, tandem.AuditFindingClosed, tandem.AuditPruned, tandem.AuditRestored, tandem.AuditPermissionRefused, tandem.AuditCallRefused,
	tandem.AuditSealed, tandem.AuditRestarted, tandem.AuditConsentGiven, tandem.AuditConsentWithdrawn, tandem.AuditLogoutTold, tandem.AuditLogoutUntold,
}

var auditFlows = [...]tandem.Flow{"", tandem.FlowUser, tandem.FlowService}

// Record implements the boxes' Auditor.
func (m *metered) Record(ctx context.Context, e tandem.AuditEvent) error {
	m.waiting.Add(1)
	err := m.Log.Record(ctx, e)
	m.waiting.Add(-1)
	if err == nil && (e.Once == nil || e.Once.First) {
		m.count(&e)
	}
	return err
}

// RecordAll implements the session box's Auditor.
func (m *metered) RecordAll(ctx context.Context, events []tandem.AuditEvent) error {
	m.waiting.Add(int64(len(events)))
	err := m.Log.RecordAll(ctx, events)
	m.waiting.Add(-int64(len(events)))
	if err == nil {
		for i := range events {
			if once := events[i].Once; once == nil || once.First {
				m.count(&events[i])
			}
		}
	}
	return err
}

func (m *metered) count(e *tandem.AuditEvent) {
	kind, flow := 0, 0
	for kind < len(auditKinds) && auditKinds[kind] != e.Kind {
		kind++
	}
	for i := range auditFlows {
		if auditFlows[i] == e.Flow {
			flow = i
		}
	}
	m.counts[kind][flow].Add(1)
	m.tally(e)
}

// tally counts an event by the rule that decided, where something was refused. What goes
// through [refusals] is counted there: of a flood the record has only a part.
func (m *metered) tally(e *tandem.AuditEvent) {
	var rule tandem.Rule
	switch e.Kind {
	case tandem.AuditTokenRefused, tandem.AuditSessionRefused, tandem.AuditPermissionRefused, tandem.AuditCallRefused, tandem.AuditAuthorizationRefused:
		return
	case tandem.AuditSignInFailed:
		if facts, err := tandem.ParseFacts(e.Facts); err == nil {
			rule = facts.Rule
		}
	case tandem.AuditTokenIssued, tandem.AuditCodeIssued:
		if strings.Contains(e.Facts, string(tandem.RuleScopeObsolete)) {
			m.tallies.Count(usage.ObsoleteScope, "", e.ApplicationURI, e.Flow, 1)
		}
	}
	m.tallies.Count(e.Kind, rule, e.ApplicationURI, e.Flow, 1)
}

// refusals are those of the record, and are counted each, also those that the record does
// not tell one by one.
type refusals struct {
	*audit.Refusals
	tallies *usage.Tallies
}

// Refused implements [tandem.Refuser].
func (r *refusals) Refused(ctx context.Context, e tandem.AuditEvent, f tandem.Facts, code string) (string, error) {
	r.tallies.Count(e.Kind, f.Rule, e.ApplicationURI, e.Flow, 1)
	return r.Refusals.Refused(ctx, e, f, code)
}

var (
	eventsDesc = prometheus.NewDesc("tandem_events_total",
		"Events recorded: sign-ins, tokens issued, sessions opened …", []string{"kind", "flow"}, nil)
	waitingDesc    = prometheus.NewDesc("tandem_audit_waiting", "Events that wait for their commit.", nil, nil)
	slotsDesc      = prometheus.NewDesc("tandem_licence_slots", "Licence slots, and how many are in use.", []string{"what"}, nil)
	openDesc       = prometheus.NewDesc("tandem_sessions_open", "Open API sessions, by kind.", []string{"kind"}, nil)
	findingsDesc   = prometheus.NewDesc("tandem_findings", "Findings of the last audits that nobody has accepted, by severity.", []string{"severity"}, nil)
	deliveriesDesc = prometheus.NewDesc("tandem_deliveries_waiting", "Messages to other programs that have not arrived yet, by kind.", []string{"kind"}, nil)
	keysDesc       = prometheus.NewDesc("tandem_signing_keys", "Signing keys published, by state.", []string{"state"}, nil)
)

// Describe implements prometheus.Collector.
func (m *metered) Describe(ch chan<- *prometheus.Desc) { ch <- eventsDesc; ch <- waitingDesc }

// Collect implements prometheus.Collector.
func (m *metered) Collect(ch chan<- prometheus.Metric) {
	ch <- prometheus.MustNewConstMetric(waitingDesc, prometheus.GaugeValue, float64(m.waiting.Load()))
	for k := range m.counts {
		kind := "other"
		if k < len(auditKinds) {
			kind = string(auditKinds[k])
		}
		for f := range m.counts[k] {
			if n := m.counts[k][f].Load(); n > 0 {
				ch <- prometheus.MustNewConstMetric(eventsDesc, prometheus.CounterValue, float64(n), kind, string(auditFlows[f]))
			}
		}
	}
}

// usageCollector asks for the use of the licence when somebody looks.
type usageCollector struct{ i *Instance }

// Describe implements prometheus.Collector.
func (c *usageCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- slotsDesc
	ch <- openDesc
	ch <- keysDesc
	ch <- findingsDesc
	ch <- deliveriesDesc
}

// Collect implements prometheus.Collector. While the database does not answer
// the figures are missing, which says more than zeros.
func (c *usageCollector) Collect(ch chan<- prometheus.Metric) {
	states := map[string]int{"next": 0, "active": 0, "retired": 0}
	for _, k := range c.i.Keys.List() {
		states[string(k.State)]++
	}
	for state, n := range states {
		ch <- prometheus.MustNewConstMetric(keysDesc, prometheus.GaugeValue, float64(n), state)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if open, err := data.NewFindings(c.i.DB).Open(ctx); err == nil {
		for _, severity := range findings.Severities {
			ch <- prometheus.MustNewConstMetric(findingsDesc, prometheus.GaugeValue, float64(open[severity.String()]), severity.String())
		}
	}
	if waiting, err := data.NewDeliveries(c.i.DB).Waiting(ctx); err == nil {
		for _, kind := range []string{data.DeliveryAlert, data.DeliveryLogout} {
			ch <- prometheus.MustNewConstMetric(deliveriesDesc, prometheus.GaugeValue, float64(waiting[kind]), kind)
		}
	}
	u, err := c.i.Sessions.Usage(ctx)
	if err != nil {
		return
	}
	for what, n := range map[string]int{"total": u.Slots, "in_use": u.InUse} {
		ch <- prometheus.MustNewConstMetric(slotsDesc, prometheus.GaugeValue, float64(n), what)
	}
	for kind, n := range map[string]int{"user": u.User, "service": u.Service, "reference": u.Reference} {
		ch <- prometheus.MustNewConstMetric(openDesc, prometheus.GaugeValue, float64(n), kind)
	}
}
