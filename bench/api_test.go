package bench

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/api"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/erp"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// domain is the Domain API of a running instance, without its network.
type domain struct {
	*tandemtest.Instance
	open    *api.Domain // nothing stands before it
	guarded http.Handler
	fresh   http.Handler // guarded; it remembers no token
	token   string
}

func newDomain(b *testing.B, engine sqldb.Engine) *domain {
	b.Helper()
	in := tandemtest.Start(b, tandemtest.Options{Engine: engine, Demo: true})
	model := erp.NewModel()
	d := &domain{Instance: in, token: in.ServiceToken(), open: &api.Domain{Model: model.Model, Store: data.NewERP(in.Platform.ERP, model), Root: in.URL}}
	d.guarded = d.access(nil).Guard(d.open)
	generation := uint64(0)
	d.fresh = d.access(func() uint64 { generation++; return generation }).Guard(d.open)
	return d
}

func (d *domain) access(generation func() uint64) *api.Access {
	p := d.Platform
	if generation == nil {
		generation = p.Keys.Generation
	}
	return &api.Access{
		Verifier:      &token.Verifier{Issuer: d.Issuer, Keys: p.Keys, Audience: token.AudienceDomainAPI},
		KeyGeneration: generation, Checker: p.Registry, Sessions: p.Sessions, Rights: p.Registry.Rights, Auditor: p.Audit,
	}
}

// get answers a request: with the token or, where nobody looks at it, with the
// call that the guard would make of it.
func (d *domain) get(b *testing.B, h http.Handler, path string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(b.Context(), "GET", api.DomainPath+path, nil)
	r.Header.Set("Authorization", "Bearer "+d.token)
	if h == d.open {
		r = r.WithContext(api.WithCall(r.Context(), someCall))
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		b.Fatalf("%s: %d %s", path, w.Code, w.Body)
	}
	return w
}

var someCall = &api.Call{
	Rights:    permission.ByPlatform().Rights,
	Principal: &tandem.Principal{Service: &tandem.ServiceIdentity{SystemUserLogin: tandemtest.SystemUser}, Scope: tandem.Scope{tandem.ScopeRead}},
	Session:   &tandem.Session{},
}

// perBlock is how many calls are measured together.
var perBlock = testkit.Size(500, 5)

// BenchmarkEntityByID reads one entity: with a token that has been seen before,
// with one that has not, and without any check. One iteration is a block of each,
// in turn; the figures are medians. auth-µs is what authentication, session and
// scope add to a call, in CPU: it is to be 10 at most.
func BenchmarkEntityByID(b *testing.B) {
	d := newDomain(b, sqldb.SQLite)
	var page struct{ Value []struct{ Id string } }
	if err := json.Unmarshal(d.get(b, d.guarded, "General_Products_Products?$top=1&$select=Id").Body.Bytes(), &page); err != nil || len(page.Value) != 1 {
		b.Fatal(err, page)
	}
	path := "General_Products_Products(" + page.Value[0].Id + ")"
	block := func(h http.Handler) float64 {
		before := used(b)
		for range perBlock {
			d.get(b, h, path)
		}
		return float64((used(b) - before).Nanoseconds()) / 1000 / float64(perBlock)
	}
	block(d.guarded) // warm
	var plain, known, unseen []float64
	for b.Loop() {
		without := block(d.open)
		plain = append(plain, without)
		known = append(known, block(d.guarded)-without)
		unseen = append(unseen, block(d.fresh)-without)
	}
	b.ReportMetric(median(plain), "open-µs")
	b.ReportMetric(median(known), "auth-µs")
	b.ReportMetric(median(unseen), "auth-unseen-µs")
	b.ReportMetric(0, "ns/op")
}

// used is the CPU time of this process.
func used(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkFirstPage reads the first page of orders with their customers
// through the API, as a signed-in application does, and by hand. rate/hand, rows
// a second of the one to the other, is to be 0.4 at least.
func BenchmarkFirstPage(b *testing.B) {
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		b.Run(string(engine), func(b *testing.B) {
			d := newDomain(b, engine)
			stmt, err := d.Platform.ERP.Reader().PrepareContext(b.Context(), pageByHand)
			if err != nil {
				b.Fatal(err)
			}
			defer stmt.Close()
			var ours, theirs time.Duration
			var bytes, bytesByHand int
			for b.Loop() { // by turns, so that a busy machine is busy for both
				start := time.Now()
				page := d.get(b, d.guarded, "Crm_Sales_SalesOrders?$top=50&$orderby=DocumentDate%20desc&$expand=Customer").Body
				middle := time.Now()
				byHand := httptest.NewRecorder()
				orders, err := ordersByHand(b.Context(), stmt)
				if err == nil {
					err = json.NewEncoder(byHand).Encode(orders)
				}
				if err != nil {
					b.Fatal(err)
				}
				ours, theirs = ours+middle.Sub(start), theirs+time.Since(middle)
				if rows := strings.Count(page.String(), `"DocumentNo":`); rows != 50 || len(orders) != 50 {
					b.Fatalf("%d rows, by hand %d", rows, len(orders))
				}
				bytes, bytesByHand = page.Len(), byHand.Body.Len()
			}
			b.ReportMetric(float64(theirs)/float64(ours), "rate/hand")
			b.ReportMetric(float64(b.N*50)/ours.Seconds(), "rows/s")
			b.ReportMetric(float64(bytes)/float64(bytesByHand), "bytes/hand")
			b.ReportMetric(0, "ns/op")
		})
	}
}
