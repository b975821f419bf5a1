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
	"github.com/hybridapps/tandem/oauth"
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
		m.requests, m.latency, &usageCollector{i}, i.audit,
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
}

// auditKinds are the kinds of event that are counted, each by its flow.
var auditKinds = [...]tandem.AuditKind{
	tandem.AuditSignIn, tandem.AuditSignInFailed, tandem.AuditSignOut, tandem.AuditTokenIssued, tandem.AuditTokenRefused,
	tandem.AuditRefreshReplayed, tandem.AuditCodeReplayed, tandem.AuditSessionOpened, tandem.AuditSessionClosed,
	tandem.AuditSessionRefused, tandem.AuditOnBehalf, tandem.AuditMultiplexing, tandem.AuditAdministration,
	tandem.AuditPruned, tandem.AuditRestored, tandem.AuditPermissionRefused, tandem.AuditCallRefused,
}

var auditFlows = [...]tandem.Flow{"", tandem.FlowUser, tandem.FlowService}

// Record implements the boxes' Auditor.
func (m *metered) Record(ctx context.Context, e tandem.AuditEvent) error {
	m.waiting.Add(1)
	err := m.Log.Record(ctx, e)
	m.waiting.Add(-1)
	if err == nil {
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
			m.count(&events[i])
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
}

var (
	eventsDesc = prometheus.NewDesc("tandem_events_total",
		"Events recorded: sign-ins, tokens issued, sessions opened …", []string{"kind", "flow"}, nil)
	waitingDesc = prometheus.NewDesc("tandem_audit_waiting", "Events that wait for their commit.", nil, nil)
	slotsDesc   = prometheus.NewDesc("tandem_licence_slots", "Licence slots, and how many are in use.", []string{"what"}, nil)
	openDesc    = prometheus.NewDesc("tandem_sessions_open", "Open API sessions, by kind.", []string{"kind"}, nil)
	keysDesc    = prometheus.NewDesc("tandem_signing_keys", "Signing keys published, by state.", []string{"state"}, nil)
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
