package cloud_test

import (
	"fmt"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/hybridapps/tandem/examples/field/fieldtest"
	"github.com/hybridapps/tandem/examples/field/wire"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// devices is how many drain at once: 1,000, or what TANDEM_FIELD_DEVICES says; a few where
// the benchmark is only to run.
func devices(b *testing.B) int {
	b.Helper()
	text := os.Getenv("TANDEM_FIELD_DEVICES")
	if text == "" {
		return testkit.Size(1000, 4)
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		b.Fatal(err)
	}
	return n
}

// BenchmarkDrain is 1,000 devices that come out of a valley at the same time, each with 40
// commands of one visit, over a line to itself: identity server, ERP, cloud and phones
// share the machine.
func BenchmarkDrain(b *testing.B) {
	const each = 40
	n := devices(b)
	for range b.N {
		b.StopTimer()
		l := &line{}
		p := fieldtest.Start(b, tandemtest.Options{Wrap: l.wrap})
		db := p.Store(sqldb.SQLite)
		c := p.CloudOn(db, b.TempDir())
		visits := append(p.Visits("tom", p.Today(9), n/2), p.Visits("nina", p.Today(9), n-n/2)...)
		pulled(b, c)
		tom, nina := p.Phone("tom"), p.Phone("nina")
		service := item(b, tom, true)
		phones := make([]*fieldtest.Phone, n)
		tom.Do("PUT", "devices/"+tom.Device, wire.DeviceReport{})
		nina.Do("PUT", "devices/"+nina.Device, wire.DeviceReport{})
		for i := range phones { // two people stand for many, and may have so many devices only here
			of := tom
			if i >= n/2 {
				of = nina
			}
			phones[i] = of.Another()
			if _, err := db.Writer().ExecContext(b.Context(), `INSERT INTO devices SELECT user_id, $1, login, user_name, name, 0, 0, 0, 0, last_seen, 0, '', FALSE, '', 0
				FROM devices WHERE device = $2`, phones[i].Device, of.Device); err != nil {
				b.Fatal(err)
			}
		}
		calls := l.calls.Load()
		b.StartTimer()
		began := time.Now()
		var g sync.WaitGroup
		for i, id := range visits {
			ph := phones[i]
			g.Go(func() { drain(b, ph, id, service, each) })
		}
		g.Wait()
		took := time.Since(began)
		b.ReportMetric(float64(n*each)/took.Seconds(), "commands/s")
		b.ReportMetric(took.Seconds(), "s")
		b.ReportMetric(float64(l.calls.Load()-calls)/float64(n*each), "ERPcalls/command")
	}
}

// drain does the work of a visit in so many commands.
func drain(b *testing.B, ph *fieldtest.Phone, visit, service string, each int) {
	b.Helper()
	var kept []string
	for i := range each {
		c := ph.Command(visit, wire.Note, 1, wire.NoteBody{Text: fmt.Sprintf("note %d", i)})
		switch {
		case i == 0:
			c = ph.Reuse(c, wire.Start, struct{}{})
		case i == each-2:
			c = ph.Reuse(c, wire.Sign, wire.SignBody{Name: "F. Lechner"})
		case i == each-1:
			c = ph.Reuse(c, wire.Finish, struct{}{})
		case i%4 == 1:
			c = ph.Reuse(c, wire.ServiceAdd, wire.ServiceBody{Service: service, Quantity: "1"})
		}
		c.Base = 0
		for {
			a, err := ph.Try("POST", "commands", c, "Idempotency-Key", c.ID)
			if err == nil && (a.Status == 200 || a.Status == 202) {
				if a.Status == 202 {
					kept = append(kept, c.ID)
				}
				break
			}
			if err == nil && a.Status < 500 && a.Status != 429 {
				b.Errorf("%d %s", a.Status, a.Body)
				return
			}
			time.Sleep(200 * time.Millisecond)
		}
	}
	for _, id := range kept {
		for {
			a, err := ph.Try("GET", "commands/"+id, nil)
			if err == nil && a.Status == 200 {
				break
			}
			if err == nil && a.Status != 202 && a.Status < 500 {
				b.Errorf("%d %s", a.Status, a.Body)
				return
			}
			time.Sleep(500 * time.Millisecond)
		}
	}
}
