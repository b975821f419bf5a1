package bench

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/session"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// openSessions are $1 sessions that go on, in the slots after $2.
const openSessions = ` INSERT INTO sessions (id, session_key, kind, user_login, user_id, application_uri, service_instance, slot, reserved,
	remote_addr, multiplexed, opened_at, last_request_at, absolute_expires_at, expires_at, requests, ended_at, end_reason, ended_change)
	SELECT id, substr(id, 3), 'user', 'anna', substr(id, 5), 'com.example/portal', '', i, false, '10.0.0.1', false, i, i, 0, 9000000000000000, 1, 0, '', 0 FROM r`

// BenchmarkAtSize measures what looks at a table as large as it becomes: an opening beside
// 100,000 open sessions, the lists of a million accounts and of 10,000 applications, and
// of a million orders a page after 900,000 others and how many are of a state.
func BenchmarkAtSize(b *testing.B) {
	file, err := program.File()
	if err != nil {
		b.Fatal(err)
	}
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		b.Run(string(engine)+"/sessions", func(b *testing.B) {
			open := scaled(100_000, 500)
			licence := tandem.Licence{Slots: 2 * open}
			in := tandemtest.Start(b, tandemtest.Options{Engine: engine, Licence: licence})
			store := data.NewSessions(in.Platform.DB)
			if _, err := store.SetLicence(b.Context(), licence, in.Clock.Now()); err != nil { // it may not have done so yet
				b.Fatal(err)
			}
			for b.Loop() {
				alone := openings(b, in, store)
				fill(b, in.Platform.DB, catalogue[engine]+openSessions, open)
				beside := openings(b, in, store)
				b.ReportMetric(ms(middle(alone)), "alone-p50-ms")
				b.ReportMetric(ms(middle(beside)), "beside-p50-ms")
				b.ReportMetric(float64(middle(beside))/float64(middle(alone)), "beside/alone")
			}
			b.ReportMetric(0, "ns/op")
		})
		b.Run(string(engine)+"/lists", func(b *testing.B) {
			in := tandemtest.Start(b, tandemtest.Options{Engine: engine})
			in.SignIn("anna")
			people(b, in, scaled(1_000_000, 500))
			years(b, in, scaled(10_000, 100), 1, 1)
			for b.Loop() {
				for _, what := range []string{"user", "app"} {
					cmd := exec.CommandContext(b.Context(), file, what, "list", "--timeout", "0s")
					cmd.Env = append(os.Environ(), "TANDEM_DB="+in.Store().DB, "TANDEM_KEY_FILE="+in.Store().KeyFile)
					cmd.Stderr = os.Stderr
					begun := time.Now()
					most := run(b, cmd)
					if !cmd.ProcessState.Success() {
						b.Fatal(cmd.ProcessState)
					}
					b.ReportMetric(time.Since(begun).Seconds(), what+"-list-s")
					b.ReportMetric(most, what+"-list-MiB")
				}
			}
			b.ReportMetric(0, "ns/op")
		})
		b.Run(string(engine)+"/orders", func(b *testing.B) {
			d := newDomain(b, engine)
			n := scaled(1_000_000, 2_000)
			copyOrders(b, d, engine, n, map[string]string{"state": "CASE i % 10 WHEN 0 THEN 10 ELSE o.state END"})
			for b.Loop() {
				for name, path := range map[string]string{
					"skip":     ordersSet + "?$top=50&$skip=" + strconv.Itoa(n*9/10),
					"by-date":  ordersSet + "?$top=50&$orderby=DocumentDate%20desc&$skip=" + strconv.Itoa(n*9/10),
					"of-state": ordersSet + "/$count?$filter=State%20eq%20'Planned'",
				} {
					b.ReportMetric(turns(b, d, 1, path, someCall)[0]/1000, name+"-ms")
				}
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// fill runs a statement that makes $1 rows, numbered from $2 on, in parts, as one
// statement is bounded.
func fill(b *testing.B, db *sqldb.DB, statement string, n int) {
	b.Helper()
	const part = 20_000
	for made := 0; made < n; made += part {
		if _, err := db.Writer().ExecContext(b.Context(), statement, min(part, n-made), made); err != nil {
			b.Fatal(err)
		}
	}
}

// openings are the times of opening a session, which ends again.
func openings(b *testing.B, in *tandemtest.Instance, store *data.Sessions) (took []time.Duration) {
	b.Helper()
	now := in.Clock.Now()
	for range scaled(1000, testkit.Size(200, 20)) {
		s := tandem.Session{ID: uuid.NewString(), Key: uuid.NewString(), Kind: tandem.SessionUser, User: "anna", OpenedAt: now, LastRequestAt: now}
		begun := time.Now()
		opened, err := store.Open(b.Context(), session.Opening{Session: s, Idle: time.Hour})
		took = append(took, time.Since(begun))
		if err == nil && opened.ID == "" {
			err = errors.New("no slot is free")
		}
		if err == nil {
			_, err = store.End(b.Context(), session.Ending{Key: s.Key, Reason: tandem.EndSignOut, Now: now})
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	return took
}
