package bench

import (
	"context"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// scaled is a size of `make bench-scale`, a tenth of it, and otherwise a small one.
func scaled(full, small int) int {
	switch os.Getenv(testkit.ScaleVariable) {
	case "full":
		return full
	case "tenth":
		return full / 10
	}
	return small
}

// manyRows are $1 rows with a random id, from which those are made that expired or
// ended long ago.
var manyRows = map[sqldb.Engine]string{
	sqldb.SQLite: `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1),
		r (id, i) AS MATERIALIZED (SELECT lower(hex(randomblob(16))), i FROM n)`,
	sqldb.PostgreSQL: `WITH r (id, i) AS (SELECT replace(gen_random_uuid()::text, '-', ''), i FROM generate_series(1, $1) i)`,
}

const (
	insertFamilies = ` INSERT INTO refresh_families (id, application_uri, user_id, user_type, sign_in_id, auth_time, scope, secret,
		created_at, expires_at, generation, rotated_at, ended_at, end_reason)
		SELECT id, 'com.example/portal', substr(id, 3), 'InternalUser', substr(id, 5), i, 'openid offline_access read update', $2, i, i, 3, i, 0, '' FROM r`
	insertEnded = ` INSERT INTO sessions (id, session_key, kind, user_login, user_id, application_uri, service_instance, slot, reserved,
		remote_addr, multiplexed, opened_at, last_request_at, absolute_expires_at, expires_at, requests, ended_at, end_reason, ended_change)
		SELECT id, substr(id, 3), 'user', 'anna', substr(id, 5), 'com.example/portal', '', 1, false, '10.0.0.1', false, i, i, 0, i, 1, i, 'idle', 0 FROM r`
)

// BenchmarkTokensDuringPurge gets service tokens one after another, alone and
// while the purge deletes refresh families and sessions that are over, half a
// million of each at full scale. It tells percentiles of both, for how long the
// purge took, and how large the log of SQLite was at most.
func BenchmarkTokensDuringPurge(b *testing.B) {
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		b.Run(string(engine), func(b *testing.B) {
			in := tandemtest.Start(b, tandemtest.Options{Engine: engine})
			rows := scaled(500_000, 2_000)
			var alone, beside []time.Duration
			var took time.Duration
			var log int64
			for range b.N {
				for made := 0; made < rows; made += 2000 { // in parts, as one statement is bounded
					_, err := in.Platform.DB.Writer().ExecContext(b.Context(), manyRows[engine]+insertFamilies, 2000, make([]byte, 92))
					if err == nil {
						_, err = in.Platform.DB.Writer().ExecContext(b.Context(), manyRows[engine]+insertEnded, 2000)
					}
					if err != nil {
						b.Fatal(err)
					}
				}
				for range testkit.Size(3000, 50) {
					alone = append(alone, oneToken(in))
				}
				done := make(chan time.Duration)
				go func() {
					begun := time.Now()
					in.Platform.Purge(context.WithoutCancel(b.Context()))
					done <- time.Since(begun)
				}()
				for ended := false; !ended; {
					select {
					case t := <-done:
						took, ended = took+t, true
					default:
						beside = append(beside, oneToken(in))
						log = max(log, walSize(in))
					}
				}
				left := 0
				err := in.Platform.DB.Reader().QueryRowContext(b.Context(), `SELECT (SELECT COUNT(*) FROM refresh_families) + (SELECT COUNT(*) FROM sessions)`).Scan(&left)
				if err != nil || left > 1 {
					b.Fatalf("%d rows are left: %v", left, err)
				}
			}
			for name, all := range map[string][]time.Duration{"alone": alone, "purge": beside} {
				slices.Sort(all)
				b.ReportMetric(ms(middle(all)), name+"-p50-ms")
				b.ReportMetric(ms(p99(all)), name+"-p99-ms")
				b.ReportMetric(ms(all[len(all)-1]), name+"-max-ms")
			}
			b.ReportMetric(ms(p99(beside)-p99(alone)), "purge-p99-later-ms")
			b.ReportMetric(took.Seconds()/float64(b.N), "purge-s")
			b.ReportMetric(float64(log)/(1<<20), "log-MiB")
			b.ReportMetric(0, "ns/op")
		})
	}
}

func middle(all []time.Duration) time.Duration {
	return slices.Sorted(slices.Values(all))[len(all)/2]
}

// p99 is the 99th percentile of times that are sorted.
func p99(sorted []time.Duration) time.Duration { return sorted[len(sorted)*99/100] }

// walSize is how large the log beside the file of SQLite is.
func walSize(in *tandemtest.Instance) int64 {
	if in.Platform.DB.Engine != sqldb.SQLite {
		return 0
	}
	info, err := os.Stat(in.Platform.DB.URL()[len("sqlite:"):] + "-wal")
	if err != nil {
		return 0
	}
	return info.Size()
}
