package bench

import (
	"crypto/sha256"
	"net/url"
	"testing"
	"time"

	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/sqldb"
)

// manyApplications copies the application $4 under other names,
// $1 times from $2 on, each with addresses and with a credential for either flow,
// whose secret has the hash $1 of the second statement. $3 ends a line.
var manyApplications = []string{
	`INSERT INTO applications (id, application_uri, name, is_enabled, client_type, internal_users, external_users, redirect_uris,
		post_logout_redirect_uris, backchannel_logout_uri, system_user_allowed, system_user_id, scope, user_scope, service_scope, access_tokens,
		device_flow, first_party, secret_hash, basic_authentication, notes, created_at, changed_at, deleted_at, version)
	WITH RECURSIVE n (i) AS (SELECT CAST($2 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $1 + $2)
	SELECT '01980000-0000-7000-8000-' || (100000000000 + n.i), 'com.example.customer' || n.i || '/portal', 'Portal of customer ' || n.i, TRUE,
		'Confidential', TRUE, TRUE, 'https://portal.customer' || n.i || '.example/signin-callback' || $3 || 'https://test.customer' || n.i || '.example/signin-callback',
		'https://portal.customer' || n.i || '.example/signed-out', '', TRUE, a.system_user_id, 'read update', NULL, 'read', 'None',
		FALSE, TRUE, '', FALSE, 'made for a measurement', a.created_at, a.changed_at, 0, 1
	FROM n, applications a WHERE a.application_uri = $4`,
	`INSERT INTO credentials (id, application_id, kind, flow, secret_hash, public_key, created_at, not_before, expires_at, last_used_at)
	SELECT '01980000-0000-7000-' || f.part || substr(a.id, 24), a.id, 'secret', f.flow, $1, '', a.created_at, 0, 0, 0
	FROM applications a, (SELECT '9000' AS part, 'user' AS flow UNION ALL SELECT 'a000', 'service') f WHERE a.notes = 'made for a measurement'`,
}

// changeAll changes every application that was made here.
const changeAll = `UPDATE applications SET name = name || '.', version = version + 1, changed_at = changed_at + 1 WHERE notes = 'made for a measurement'`

// BenchmarkApplications starts the built binary on 10,000 applications, asks for tokens
// of one and changes all at once. It tells how long the start took until all three
// processes answered, the memory of the instance under that load and when it had rested,
// and at most, and what it took of a core five seconds after the change.
func BenchmarkApplications(b *testing.B) {
	if _, err := program.File(); err != nil {
		b.Fatal(err)
	}
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		b.Run(string(engine), func(b *testing.B) {
			var starts, idle, memory, load, most []float64
			for b.Loop() {
				dir, db := b.TempDir(), datatest.URL(b, engine)
				up(b, dir, db).stop(b)
				apps := openBeside(b, db)
				makeApplications(b, apps, "com.example/integration", scaled(10_000, 300))
				s := up(b, dir, db)
				starts = append(starts, s.took.Seconds())
				started, _ := s.resident(b, "instance")
				pid := s.process(b, "instance")
				round := &server{name: "instance", Address: hostOf(b, s.Instance), Application: "com.example.customer7/portal", Secret: oneSecret, pid: pid}
				round.round(b, scaled(40_000, 160))
				loaded, _ := s.resident(b, "instance")
				time.Sleep(time.Duration(scaled(40_000, 50)) * time.Millisecond) // it rests
				rested, _ := s.resident(b, "instance")
				if _, err := apps.Writer().ExecContext(b.Context(), changeAll); err != nil {
					b.Fatal(err)
				}
				time.Sleep(time.Duration(scaled(5000, 50)) * time.Millisecond)
				idle = append(idle, ofACore(b, pid, time.Duration(scaled(10_000, 100))*time.Millisecond))
				now, peak := s.resident(b, "instance")
				memory, load, most = append(memory, rested), append(load, loaded), append(most, peak)
				b.Logf("MiB: started %.0f, under load %.0f, at rest %.0f, all changed %.0f, at most %.0f", started, loaded, rested, now, peak)
				s.stop(b)
			}
			b.ReportMetric(median(starts), "start-s")
			b.ReportMetric(median(idle), "idle-%")
			b.ReportMetric(median(load), "load-MiB")
			b.ReportMetric(median(memory), "rest-MiB")
			b.ReportMetric(median(most), "most-MiB")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// oneSecret is that of all applications that are made here: each is found by its
// ApplicationURI, and has a copy of the hash.
const oneSecret = "one-secret-of-all-that-were-made-for-a-measurement"

// makeApplications copies the application that is named.
func makeApplications(b *testing.B, db *sqldb.DB, like string, n int) {
	sum := sha256.Sum256([]byte(oneSecret))
	for made := 0; made < n; made += 1000 {
		if _, err := db.Writer().ExecContext(b.Context(), manyApplications[0], min(1000, n-made), made, "\n", like); err != nil {
			b.Fatal(err)
		}
	}
	if _, err := db.Writer().ExecContext(b.Context(), manyApplications[1], sum[:]); err != nil {
		b.Fatal(err)
	}
}

// openBeside opens the database of a system that may be running.
func openBeside(b *testing.B, db string) *sqldb.DB {
	opened, err := sqldb.Open(b.Context(), db, sqldb.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { opened.Close() })
	return opened
}

func hostOf(b *testing.B, address string) string {
	root, err := url.Parse(address)
	if err != nil {
		b.Fatal(err)
	}
	return root.Host
}

// ofACore is what a process takes while nobody asks it, in percent of a core.
func ofACore(b *testing.B, pid string, during time.Duration) float64 {
	before, began := cpu(b, pid), time.Now()
	time.Sleep(during)
	return (cpu(b, pid) - before) / float64(time.Since(began).Microseconds()) * 100
}
