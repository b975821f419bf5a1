package bench

import (
	"testing"

	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/sqldb"
)

// BenchmarkStart starts the built binary on nothing, and again on what the first
// start made, until all three processes answer: 6 s and 2 s at most. The memory is
// that of the processes after the second start, of the instance 60 MiB at most.
func BenchmarkStart(b *testing.B) {
	if _, err := program.File(); err != nil {
		b.Fatal(err)
	}
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		b.Run(string(engine), func(b *testing.B) {
			var first, again []float64
			memory := map[string][]float64{}
			for b.Loop() {
				dir, db := b.TempDir(), datatest.URL(b, engine)
				s := up(b, dir, db)
				first = append(first, s.took.Seconds())
				s.stop(b)
				s = up(b, dir, db)
				again = append(again, s.took.Seconds())
				for _, name := range []string{"instance", "webapp", "worker"} {
					now, _ := s.resident(b, name)
					memory[name] = append(memory[name], now)
				}
				s.stop(b)
			}
			b.ReportMetric(median(first), "first-s")
			b.ReportMetric(median(again), "again-s")
			for name, all := range memory {
				b.ReportMetric(median(all), name+"-MiB")
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}
