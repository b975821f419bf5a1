package cloud_test

import (
	"fmt"
	"net/http"
	"os"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hybridapps/tandem/examples/field/cloud"
	"github.com/hybridapps/tandem/examples/field/fieldtest"
	"github.com/hybridapps/tandem/examples/field/wire"
	"github.com/hybridapps/tandem/internal/testkit"
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

// perPerson is how many devices a person has, which is as many as may be.
const perPerson = 50

// BenchmarkDrain is 1,000 devices that come out of a valley at the same time, each with 40
// commands of one visit, over a line to itself that stays open: identity server, ERP, cloud
// and phones share the machine, and here a process.
func BenchmarkDrain(b *testing.B) {
	const each = 40
	cloud.LetGrow() // as the program does; the instance has a floor of its own
	n := devices(b)
	lines, _ := http.DefaultTransport.(*http.Transport)
	defer func(most, idle int) { lines.MaxIdleConnsPerHost, lines.MaxIdleConns = most, idle }(lines.MaxIdleConnsPerHost, lines.MaxIdleConns)
	lines.MaxIdleConnsPerHost, lines.MaxIdleConns = n, 0
	for range b.N {
		b.StopTimer()
		l := &line{}
		p := fieldtest.Start(b, tandemtest.Options{Wrap: l.wrap})
		c := p.Cloud()
		var phones []*fieldtest.Phone
		var visits []string
		for _, login := range p.Technicians((n + perPerson - 1) / perPerson) {
			ph, of := p.Phone(login), min(perPerson, n-len(phones))
			visits = append(visits, p.Visits(login, p.Today(9), of)...)
			for range of {
				phones = append(phones, ph.Another())
			}
		}
		pulled(b, c)
		service := item(b, phones[0], true)
		calls, cpu := l.calls.Load(), cpuTime(b)
		b.StartTimer()
		began := time.Now()
		var g sync.WaitGroup
		for i, id := range visits {
			g.Go(func() { drain(b, phones[i], id, service, each) })
		}
		g.Wait()
		took := time.Since(began)
		b.ReportMetric(float64(n*each)/took.Seconds(), "commands/s")
		b.ReportMetric(took.Seconds(), "s")
		b.ReportMetric((cpuTime(b) - cpu).Seconds(), "cpu-s")
		b.ReportMetric(float64(l.calls.Load()-calls)/float64(n*each), "ERPcalls/command")
	}
}

// cpuTime is what the process has taken of the processors.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
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
