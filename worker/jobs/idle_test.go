package jobs_test

import (
	"flag"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/worker/workertest"
	"github.com/hybridapps/tandem/worker/workertest/workerdb"
)

// What a worker takes that has nothing to do, in per cent of a core, as the
// system counts it. Run it with -benchtime 60s on a machine that is calm.
func BenchmarkIdle(b *testing.B) {
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		b.Run(string(engine), func(b *testing.B) {
			f := workertest.NewFake(b)
			p := workertest.Spawn(b, f, workerdb.URL(b, engine), b.TempDir())
			if flag.Lookup("test.benchtime").Value.String() != "1x" {
				time.Sleep(15 * time.Second) // the start is no idling
			}
			before, began := ticks(b, p.PID), time.Now()
			for b.Loop() {
				time.Sleep(time.Second)
			}
			used := float64(ticks(b, p.PID)-before) / 100
			b.ReportMetric(100*used/time.Since(began).Seconds(), "%core")
		})
	}
}

// ticks are the hundredths of a second of CPU that the process has used.
func ticks(b *testing.B, pid int) int {
	b.Helper()
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		b.Skip("there is no /proc: ", err)
	}
	// The name of the program is in brackets, and may hold spaces.
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	user, err1 := strconv.Atoi(fields[11])
	system, err2 := strconv.Atoi(fields[12])
	if err1 != nil || err2 != nil {
		b.Fatal(err1, err2)
	}
	return user + system
}
