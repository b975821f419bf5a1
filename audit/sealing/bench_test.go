package sealing_test

import (
	"context"
	"fmt"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/audit/sealing"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/sqldb"
)

// cpu is the processor time that this process has used.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	must(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// benchEvents is how many events a benchmark has: a tile of level 1, and more.
const benchEvents = 100_000

// filled is a record of n events as tokens make them, with 245 bytes of facts.
func filled(b *testing.B, engine sqldb.Engine, n int) *book {
	b.Helper()
	book := openBook(b, datatest.Open(b, engine))
	facts := `{"g":"client_credentials","c":"7f31c2d0-0193-7000-8000-0123456789ab","a":"client_secret_basic","ask":"read update","got":"read update","max":"read update","av":12,"uv":7,"aud":"DomainAPI","exp":1790000000,"k":"DhqdFxCV","f":"","amr":"pwd"}`
	store := data.NewAudit(book.db)
	for range n / 500 {
		var events []tandem.AuditEvent
		for range 500 {
			book.now = book.now.Add(time.Millisecond)
			id := book.nextID()
			events = append(events, tandem.AuditEvent{
				ID: id, At: book.now, Kind: tandem.AuditTokenIssued, ApplicationURI: "com.acme/portal", Actor: "svc.portal", Flow: tandem.FlowService, TokenID: id,
				RemoteAddr: "10.0.0.5", Detail: "scope read update", RequestID: id, Facts: facts,
			})
		}
		must(b, store.AppendAudit(b.Context(), events))
	}
	book.now = book.now.Add(time.Minute)
	return book
}

// timed measures how long the writer is held.
type timed struct {
	sealing.Store
	mu      sync.Mutex
	longest time.Duration
}

func (s *timed) Seal(ctx context.Context, n sealing.Sealing) error {
	begun := time.Now()
	err := s.Store.Seal(ctx, n)
	s.mu.Lock()
	s.longest = max(s.longest, time.Since(begun))
	s.mu.Unlock()
	return err
}

// BenchmarkSeal seals a record of many events, and looks whether it is sealed. cpu-µs/event
// is all of this process, and longest-ms the longest time for which one sealing has the
// writer. Where it is only run, a tile of level 1 is full on one engine.
func BenchmarkSeal(b *testing.B) {
	for engine, once := range map[sqldb.Engine]int{sqldb.SQLite: 66_000, sqldb.PostgreSQL: 2000} {
		b.Run(string(engine), func(b *testing.B) {
			events := testkit.Size(benchEvents, once)
			book := filled(b, engine, events)
			store := &timed{Store: book.Store}
			book.Log.Store = store
			var used time.Duration
			for b.Loop() {
				for _, table := range []string{"record_epochs", "record_tiles", "record_checkpoints"} {
					book.exec(`DELETE FROM ` + table)
				}
				before := cpu(b)
				h, err := book.Seal(b.Context())
				must(b, err)
				used += cpu(b) - before
				if h.Size != int64(events) {
					b.Fatalf("%d events are sealed", h.Size)
				}
			}
			b.ReportMetric(float64(used.Nanoseconds())/1e3/float64(b.N)/float64(events), "cpu-µs/event")
			b.ReportMetric(float64(store.longest.Microseconds())/1e3, "longest-ms")
			if r := book.verify(sealing.Options{}); !r.OK() || r.Events != int64(events) {
				b.Fatal(fmt.Sprint(r))
			}
		})
	}
}

// BenchmarkVerify verifies a record of many events.
func BenchmarkVerify(b *testing.B) {
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		b.Run(string(engine), func(b *testing.B) {
			events := testkit.Size(benchEvents, 2000)
			book := filled(b, engine, events)
			_, err := book.Seal(b.Context())
			must(b, err)
			before := cpu(b)
			for b.Loop() {
				if r := book.verify(sealing.Options{}); !r.OK() || r.Events != int64(events) {
					b.Fatal(fmt.Sprint(r))
				}
			}
			n := float64(b.N) * float64(events)
			b.ReportMetric(n/b.Elapsed().Seconds(), "events/s")
			b.ReportMetric(n/(cpu(b)-before).Seconds(), "events/cpu-s")
		})
	}
}
