package data_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/session"
	"github.com/hybridapps/tandem/sqldb"
)

// sessionsOf puts sessions into a database.
type sessionsOf struct {
	t    *testing.T
	db   *sqldb.DB
	rows []string
	n    int
}

// add is a session of a kind with its times in seconds from noon on, which has not ended
// where ended is 0.
func (s *sessionsOf) add(kind tandem.SessionKind, user, application string, absolute bool, opened, expires, ended int) (id string) {
	s.n++
	at := func(seconds int) int64 { return sqldb.Micros(noon.Add(time.Duration(seconds) * time.Second)) }
	ends, end := int64(0), int64(0)
	if absolute {
		ends = at(expires)
	}
	if ended != 0 {
		end = at(ended)
	}
	id = fmt.Sprint("session ", s.n)
	s.rows = append(s.rows, fmt.Sprintf(`('%s', '%[1]s', '%s', '%s', '%[3]s', '%[4]s', '', %d, FALSE, '', FALSE, %d, %d, %d, %d, 1, %d, '', %d)`,
		id, kind, user, application, s.n, at(opened), at(opened), ends, at(expires), end, s.n))
	return id
}

func (s *sessionsOf) write() {
	s.t.Helper()
	for some := range slices.Chunk(s.rows, 1000) {
		_, err := s.db.Writer().ExecContext(s.t.Context(), `INSERT INTO sessions (id, session_key, kind, user_login, user_id, application_uri, service_instance, slot, reserved,
			remote_addr, multiplexed, opened_at, last_request_at, absolute_expires_at, expires_at, requests, ended_at, end_reason, ended_change) VALUES `+strings.Join(some, ", "))
		must(s.t, err)
	}
	_, err := s.db.Writer().ExecContext(s.t.Context(), `ANALYZE`)
	must(s.t, err)
}

// The peak of a span is that of all sessions, and what is read for it are those that came or
// went in it: the others are counted.
func TestHeldSlotsAreReadAsFarAsTheyChange(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := &sessionsOf{t: t, db: db}
		kinds := []tandem.SessionKind{tandem.SessionUser, tandem.SessionService, tandem.SessionReference}
		var all []session.Held
		changes := 0
		add := func(opened, expires, ended int) {
			kind, absolute := kinds[rand.IntN(3)], rand.IntN(2) == 0
			s.add(kind, "u", "a", absolute, opened, expires, ended)
			at := func(seconds int) time.Time { return noon.Add(time.Duration(seconds) * time.Second) }
			h := session.Held{Kind: kind, N: 1, From: at(opened), Until: at(expires)}
			if ended != 0 {
				h.Until = at(ended)
			}
			if absolute {
				h.Absolute = at(expires)
			}
			all = append(all, h)
		}
		for range 2500 {
			for range 4 {
				add(-9000-rand.IntN(9000), -7000, -8000+rand.IntN(7000)) // ended before
			}
			add(-rand.IntN(9000), 400+rand.IntN(9000), 0) // open all the time
		}
		for range 100 {
			add(1+rand.IntN(298), 300+rand.IntN(900), 0)    // opened
			add(-rand.IntN(900), 1+rand.IntN(298), 0)       // would have expired
			add(-rand.IntN(900), 900, 1+rand.IntN(299))     // ended
			add(1+rand.IntN(90), 900, 100+rand.IntN(400))   // came and went
			add(400+rand.IntN(900), 5000+rand.IntN(900), 0) // came later
			add(400+rand.IntN(900), 5000, 1400)             // and went
			changes += 6
		}
		s.write()
		from, until := noon, noon.Add(5*time.Minute)
		held, err := data.NewSessions(db).Held(t.Context(), from, until)
		must(t, err)
		if len(held) > changes+6 {
			t.Errorf("%d rows were read for %d changes", len(held), changes)
		}
		if got, want := session.Peaks(held, from, until), session.Peaks(all, from, until); !maps.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
		if plan := explained(t, db, data.HeldIn, sqldb.Micros(from), sqldb.Micros(until)); readsAll(plan, "sessions") {
			t.Errorf("all sessions are gone through:\n%s", plan)
		}
	})
}

// The sessions of a person through an application are found by the index, however many are
// open.
func TestOpenSessionsOfAPersonAreFoundByTheIndex(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := &sessionsOf{t: t, db: db}
		for n := range 3000 {
			s.add(tandem.SessionUser, "u"+strconv.Itoa(n), "com.example/portal", false, -100, 900, 0)
			s.add(tandem.SessionUser, "u"+strconv.Itoa(n), "com.example/portal", false, -100, 900, -50)
		}
		want := []string{"session 3", s.add(tandem.SessionUser, "u1", "com.example/portal", false, -100, 900, 0)}
		s.add(tandem.SessionUser, "u1", "com.example/other", false, -100, 900, 0)
		s.add(tandem.SessionUser, "u1", "com.example/portal", false, -100, -1, 0)
		s.add(tandem.SessionReference, "u1", "com.example/portal", false, -100, 900, 0)
		s.write()
		got, err := data.NewSessions(db).OpenOf(t.Context(), "u1", "com.example/portal", noon)
		if slices.Sort(got); err != nil || !slices.Equal(got, want) {
			t.Errorf("%v, want %v; %v", got, want, err)
		}
		if plan := explained(t, db, data.OpenOf, "u1", "com.example/portal", sqldb.Micros(noon)); !strings.Contains(plan, "sessions_open_of") {
			t.Errorf("not by the index:\n%s", plan)
		}
	})
}
