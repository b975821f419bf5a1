package bench

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// usedForLong are what the applications of a large instance have used in $1 days until day
// $2: a tenth of them every day, three tenths once a week, the others once a month, each a
// dozen things.
var usedForLong = []string{
	`INSERT INTO uses (day, application_id, flow, what, calls)
	WITH RECURSIVE d (day) AS (SELECT CAST($2 AS BIGINT) UNION ALL SELECT day - 1 FROM d WHERE day > CAST($2 AS BIGINT) - $1),
		t (flow, what) AS (VALUES ('user', 'scope:read'), ('user', 'scope:update'), ('user', 'grant:authorization_code'), ('user', 'grant:refresh_token'),
			('user', 'set:General_Products_Products:r'), ('user', 'set:Crm_Sales_SalesOrders:r'), ('user', 'set:Crm_Sales_SalesOrders:w'),
			('service', 'scope:read'), ('service', 'grant:client_credentials'), ('service', 'instance:worker-1'), ('service', 'set:General_Products_Products:r'),
			('service', 'set:Crm_Sales_SalesOrders:r')),
		n (id, i) AS (SELECT id, ROW_NUMBER() OVER (ORDER BY id) FROM applications WHERE notes = 'made for a measurement')
	SELECT d.day, n.id, t.flow, t.what, 7 FROM n JOIN d ON n.i % 10 = 0 OR n.i % 10 < 4 AND (d.day + n.i) % 7 = 0 OR (d.day + n.i) % 30 = 0 CROSS JOIN t`,
	`INSERT INTO used (application_id, flow, what, first_day, last_day)
	SELECT application_id, flow, what, MIN(day), MAX(day) FROM uses WHERE application_id <> '' GROUP BY application_id, flow, what ON CONFLICT DO NOTHING`,
	`INSERT INTO used (application_id, flow, what, first_day, last_day) VALUES ('', '', 'running', CAST($2 AS BIGINT) - $1, $2)
		ON CONFLICT (application_id, flow, what) DO UPDATE SET first_day = excluded.first_day`,
}

// manyEvents are $1 events of the last days.
const manyEvents = `INSERT INTO audit_events (id, at, kind, application_uri, actor, flow, session_id, sign_in_id, token_id, remote_addr, detail, request_id, facts)
	SELECT SUBSTR(e.id, 1, 15) || SUBSTR(r.id, 1, 20), e.at, CASE WHEN r.i % 20 = 0 THEN 'token_refused' WHEN r.i % 21 = 0 THEN 'sign_in_failed' ELSE e.kind END, e.application_uri, e.actor, e.flow,
		e.session_id, e.sign_in_id, e.token_id, e.remote_addr, e.detail, e.request_id, e.facts FROM r, (SELECT * FROM audit_events WHERE kind = 'token_issued' LIMIT 1) e`

// BenchmarkAudit audits an instance with 10,000 applications, a million users and 400 days
// of uses by the built binary. It tells how long that took, and its memory.
func BenchmarkAudit(b *testing.B) {
	file, err := program.File()
	if err != nil {
		b.Fatal(err)
	}
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		b.Run(string(engine), func(b *testing.B) {
			in := tandemtest.Start(b, tandemtest.Options{Engine: engine})
			in.SignIn("anna")
			in.ServiceToken()
			people(b, in, scaled(1_000_000, 1000))
			years(b, in, scaled(10_000, 100), scaled(400, 20), scaled(200_000, 100))
			var took, memory []float64
			for b.Loop() {
				cmd := exec.CommandContext(b.Context(), file, "audit", "-o", "json", "--timeout", "0s")
				cmd.Env = append(os.Environ(), "TANDEM_DB="+in.Store().DB, "TANDEM_KEY_FILE="+in.Store().KeyFile)
				var out bytes.Buffer
				cmd.Stdout, cmd.Stderr = &out, os.Stderr
				begun := time.Now()
				memory = append(memory, run(b, cmd))
				took = append(took, time.Since(begun).Seconds())
				var report struct {
					Findings []struct{ Rule string }
					Ran      []string
				}
				if err := json.Unmarshal(out.Bytes(), &report); err != nil || len(report.Findings) == 0 || len(report.Ran) < 40 {
					b.Fatalf("%v: %d findings by %d rules", err, len(report.Findings), len(report.Ran))
				}
			}
			b.ReportMetric(median(took), "audit-s")
			b.ReportMetric(median(memory), "most-MiB")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// people are so many accounts, and a tenth as many refresh families and sign-ins.
func people(b *testing.B, in *tandemtest.Instance, n int) {
	b.Helper()
	grow(b, in.Platform.DB, map[string]int{"users": n, "refresh_families": n / 10, "sign_ins": n / 10})
}

// years are so many applications with what they used in so many days, and events.
func years(b *testing.B, in *tandemtest.Instance, apps, days, events int) {
	b.Helper()
	db := in.Platform.DB
	exec := func(statement string, args ...any) {
		b.Helper()
		if _, err := db.Writer().ExecContext(b.Context(), statement, args...); err != nil {
			b.Fatal(err)
		}
	}
	makeApplications(b, db, tandemtest.Portal, apps)
	today := in.Clock.Now().Unix() / (24 * 60 * 60)
	for part := 0; part < days; part += 20 { // small enough for a statement's time
		exec(usedForLong[0], min(20, days-part)-1, today-int64(part))
	}
	exec(usedForLong[1])
	exec(usedForLong[2], days, today)
	exec(manyRows[db.Engine]+manyEvents, events)
}
