package tus_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hybridapps/tandem/sqldb"
)

// BenchmarkUploadsAtOnce is 200 files of 4 MB on their way at the same time, in a process of
// its own: what that takes beside what the process has when it is idle (peak of the resident
// memory, in MiB; the parts are files and count for the machine's cache), and how many
// requests it is to go on after a break.
//
//	go test ./examples/field/tus -run '^$' -bench UploadsAtOnce -benchtime 3x
func BenchmarkUploadsAtOnce(b *testing.B) {
	const files, size = 200, 4 << 20
	p := newProcess(b, sqldb.SQLite)
	p.client.Transport = &http.Transport{MaxIdleConnsPerHost: files, MaxConnsPerHost: files}
	warm := newFile("warm", 1000)
	p.patch("warm", p.created("warm", warm), 0, warm.bytes)
	idle := p.resident(b, "VmRSS")
	f := newFile("many", size)
	round := 0
	for b.Loop() {
		round++
		var all, halfway sync.WaitGroup
		halfway.Add(files)
		for i := range files {
			all.Go(func() {
				g := f
				g.key, g.visit = fmt.Sprintf("%d-%d", round, i), fmt.Sprint(i)
				who := fmt.Sprintf("person %d of %d", i, round)
				at := p.created(who, g)
				body := io.MultiReader(bytes.NewReader(g.bytes[:size/2]), &gate{wait: func() { halfway.Done(); halfway.Wait() }}, bytes.NewReader(g.bytes[size/2:]))
				a := p.ask(who, "PATCH", at, body, "Upload-Offset: 0", "Content-Type: application/offset+octet-stream")
				if a.status != 204 {
					b.Errorf("%d %s", a.status, a.body)
				}
			})
		}
		all.Wait()
	}
	b.ReportMetric(float64(p.resident(b, "VmHWM")-idle)/1024, "MiB-over-idle")
	b.ReportMetric(float64(idle)/1024, "MiB-idle")
	b.ReportMetric(float64(files)*size/(1<<20)*float64(b.N)/b.Elapsed().Seconds(), "MiB/s")
	b.ReportMetric(0, "ns/op")
}

// gate is a reader of nothing that waits: all are in the middle of their file together.
type gate struct {
	wait func()
	once sync.Once
}

func (g *gate) Read([]byte) (int, error) {
	g.once.Do(g.wait)
	return 0, io.EOF
}

// resident is a figure of the server's process, in KiB.
func (p *process) resident(b *testing.B, name string) int64 {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		b.Skip("there is no /proc here")
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			n, err := strconv.ParseInt(strings.Fields(value)[0], 10, 64)
			if err != nil {
				b.Fatal(err)
			}
			return n
		}
	}
	b.Fatalf("no %s", name)
	return 0
}

// BenchmarkResume is what it costs to go on after a break: one request, of which nothing
// comes but the offset.
func BenchmarkResume(b *testing.B) {
	p := newPlace(b, sqldb.SQLite)
	f := newFile("resume", 1<<20)
	at := p.created("tom", f)
	p.patch("tom", at, 0, f.bytes[:1<<19])
	requests := 0
	began := time.Now()
	for b.Loop() {
		requests++
		if a := p.create("tom", f); a.offset() != 1<<19 || a.header.Get("Location") != at {
			b.Fatal(a)
		}
	}
	b.ReportMetric(float64(requests)/float64(b.N), "requests/op")
	b.ReportMetric(float64(time.Since(began).Microseconds())/float64(b.N), "µs/op")
}
