package cloud_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/hybridapps/tandem/api"
	"github.com/hybridapps/tandem/examples/field/cloud"
	"github.com/hybridapps/tandem/examples/field/fieldtest"
	"github.com/hybridapps/tandem/examples/field/tus"
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

// BenchmarkCommand is one phone that sends one command after the other: how long each takes,
// the calls of the ERP taken off, and how many those are.
func BenchmarkCommand(b *testing.B) {
	cloud.LetGrow()
	var inERP atomic.Int64
	l := &line{}
	p := fieldtest.Start(b, tandemtest.Options{Wrap: func(next http.Handler) http.Handler {
		counted := l.wrap(next)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if began := time.Now(); strings.HasPrefix(r.URL.Path, api.DomainPath) {
				defer func() { inERP.Add(int64(time.Since(began))) }()
			}
			counted.ServeHTTP(w, r)
		})
	}})
	c := p.Cloud()
	id := p.Visits("tom", p.Today(9), 1)[0]
	pulled(b, c)
	ph := p.Phone("tom")
	service := item(b, ph, true)
	booked(b, ph.Send(ph.Command(id, wire.Note, 0, wire.NoteBody{Text: "first"})))
	calls, within, n := l.calls.Load(), inERP.Load(), 0
	for b.Loop() {
		k := ph.Command(id, wire.Note, 0, wire.NoteBody{Text: fmt.Sprintf("note %d", n)})
		if n%4 == 1 {
			k = ph.Reuse(k, wire.ServiceAdd, wire.ServiceBody{Service: service, Quantity: "1"})
		}
		booked(b, ph.Send(k))
		n++
	}
	b.ReportMetric((b.Elapsed()-time.Duration(inERP.Load()-within)).Seconds()*1000/float64(n), "own-ms")
	b.ReportMetric(float64(l.calls.Load()-calls)/float64(n), "ERPcalls/command")
}

// BenchmarkUploadsAtOnce is 200 photos of 4 MB, eight of each of 25 people, that are on their way to the
// cloud at the same time, each request with a token and a proof: what the cloud's process
// takes then beside what it has when it is idle, at the peak, in MiB.
func BenchmarkUploadsAtOnce(b *testing.B) {
	people, each, size := testkit.Size(25, 2), tus.OwnBodies, 4<<20
	p := fieldtest.Start(b, tandemtest.Options{})
	process := p.Process(sqldb.SQLite)
	process.Start()
	var files []*sending
	content := photo(b, 60, 40)
	content = append(content, make([]byte, size-len(content))...)
	for _, login := range p.Technicians(people) {
		ph, visit := p.Phone(login), p.Visits(login, p.Today(9), 1)[0]
		for range each {
			files = append(files, newSending(b, ph, visit, "a.jpg", content))
		}
	}
	newSending(b, files[0].Phone, files[0].visit, "warm.jpg", content[:1000]).send()
	idle := resident(b, process.PID, "VmRSS")
	for b.Loop() {
		var all, halfway sync.WaitGroup
		halfway.Add(len(files))
		for _, f := range files {
			all.Go(func() {
				f.command = uuid.Must(uuid.NewV7()).String()
				meet := sync.OnceFunc(func() { halfway.Done(); halfway.Wait() })
				defer meet()
				if a := f.create(); a.Status != http.StatusCreated {
					b.Errorf("%d %s", a.Status, a.Body)
					return
				}
				req := f.Request("PATCH", f.at, io.MultiReader(bytes.NewReader(content[:size/2]), onRead(meet), bytes.NewReader(content[size/2:])))
				for name, value := range map[string]string{"Tus-Resumable": "1.0.0", "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"} {
					req.Header.Set(name, value)
				}
				res, err := http.DefaultClient.Do(req)
				if err != nil {
					b.Error(err)
					return
				}
				if res.Body.Close(); res.StatusCode != http.StatusNoContent {
					b.Error(res.Status)
				}
			})
		}
		all.Wait()
	}
	b.ReportMetric(float64(resident(b, process.PID, "VmHWM")-idle)/1024, "MiB-over-idle")
	b.ReportMetric(float64(idle)/1024, "MiB-idle")
}

// onRead is a reader of nothing that does something when it is come to.
type onRead func()

func (f onRead) Read([]byte) (int, error) {
	f()
	return 0, io.EOF
}

// resident is a figure of a process's memory, in KiB.
func resident(b *testing.B, pid int, name string) int64 {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Skip("there is no /proc here")
	}
	_, rest, _ := strings.Cut(string(text), "\n"+name+":")
	n, err := strconv.ParseInt(strings.Fields(rest + " ?")[0], 10, 64)
	if err != nil {
		b.Fatalf("%s: %v", name, err)
	}
	return n
}
