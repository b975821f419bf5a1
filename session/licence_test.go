package session_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/session"
	"github.com/hybridapps/tandem/sqldb"
)

// replicas opens the database anew for each manager, as processes would.
func replicas(t *testing.T, engine sqldb.Engine, n, slots int) ([]*session.Manager, *sqldb.DB) {
	t.Helper()
	url := datatest.URL(t, engine)
	var managers []*session.Manager
	var db *sqldb.DB
	for range n {
		opened, err := data.Open(t.Context(), url, sqldb.Options{MaxConns: 4})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { opened.Close() })
		db = opened.Identity
		managers = append(managers, &session.Manager{
			Store: data.NewSessions(db), Auditor: &testkit.Record{}, Licence: tandem.Licence{Slots: slots}, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		})
	}
	return managers, db
}

// watch counts the open sessions over and over until stop is called, which
// returns the most that there ever were.
func watch(t *testing.T, db *sqldb.DB) (stop func() int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	most := make(chan int)
	go func() {
		highest := 0
		for ctx.Err() == nil {
			var n int
			if err := db.Reader().QueryRowContext(ctx, `SELECT count(*) FROM sessions WHERE ended_at = 0`).Scan(&n); err == nil {
				highest = max(highest, n)
			}
		}
		most <- highest
	}()
	return func() int { cancel(); return <-most }
}

func TestI12_B13_RaceForTheLastSlots(t *testing.T) {
	t.Parallel()
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		for free, openers := range map[int]int{1: 1000, 7: 200} {
			t.Run(fmt.Sprintf("%s, %d free", engine, free), func(t *testing.T) {
				t.Parallel()
				const held = 3
				managers, db := replicas(t, engine, 4, held+free)
				for i := range held {
					if _, err := managers[0].Acquire(t.Context(), user("early", fmt.Sprint("early-", i)), home); err != nil {
						t.Fatal(err)
					}
				}
				stop := watch(t, db)
				var won, refused atomic.Int64
				var wg sync.WaitGroup
				start := make(chan struct{})
				for i := range openers {
					wg.Go(func() {
						<-start
						_, err := managers[i%len(managers)].Acquire(t.Context(), user("late", fmt.Sprint("late-", i)), home)
						switch tandem.ErrorCode(err) {
						case "":
							won.Add(1)
						case tandem.CodeLicenceFull:
							refused.Add(1)
						default:
							t.Errorf("opener %d: %v", i, err)
						}
					})
				}
				close(start)
				wg.Wait()
				if most := stop(); most > held+free {
					t.Errorf("%d sessions were open with a licence for %d", most, held+free)
				}
				if won.Load() != int64(free) || refused.Load() != int64(openers-free) {
					t.Errorf("%d won %d slots, %d were refused", won.Load(), free, refused.Load())
				}
				var n, slots, highest int
				err := db.Reader().QueryRowContext(t.Context(), `SELECT count(*), count(DISTINCT slot), max(slot) FROM sessions WHERE ended_at = 0`).Scan(&n, &slots, &highest)
				if err != nil || n != held+free || slots != n || highest != n {
					t.Errorf("%d sessions in %d slots up to %d, %v", n, slots, highest, err)
				}
			})
		}
	}
}

// Openings, calls and sign-outs at once, on several replicas: the count stays
// within the licence at every moment, and at the end all slots are free.
func TestI12_OpeningAndClosingTogether(t *testing.T) {
	t.Parallel()
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			const slots, people = 5, 12
			managers, db := replicas(t, engine, 3, slots)
			stop := watch(t, db)
			var wg sync.WaitGroup
			for i := range people {
				wg.Go(func() {
					random, signIn := rand.New(rand.NewPCG(1, uint64(i))), fmt.Sprint("sid-", i)
					for range 15 {
						m := managers[random.IntN(len(managers))]
						_, err := m.Acquire(t.Context(), user("u", signIn), home)
						if code := tandem.ErrorCode(err); code != "" && code != tandem.CodeLicenceFull {
							t.Error(err)
						}
						if random.IntN(2) == 0 {
							if err := m.CloseByKey(t.Context(), signIn, tandem.EndSignOut); err != nil {
								t.Error(err)
							}
						}
					}
					if err := managers[0].CloseByKey(t.Context(), signIn, tandem.EndSignOut); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			if most := stop(); most > slots {
				t.Errorf("%d sessions were open with a licence for %d", most, slots)
			}
			if u, err := managers[0].Usage(t.Context()); err != nil || u.InUse != 0 {
				t.Errorf("after everybody signed out %d slots are held, %v", u.InUse, err)
			}
		})
	}
}

func TestReservedAccountsAlwaysFindTheirSlot(t *testing.T) {
	each(t, func(w *world) {
		m := w.replica(4, map[string]int{"svc": 1, "boss": 1})
		w.call(m, user("anna", "a"))
		w.call(m, user("boris", "b"))
		w.full(m, user("clara", "c"))
		if s := w.call(m, user("boss", "boss-1")); !s.Reserved || s.Slot != 3 {
			t.Errorf("the boss sits in slot %d, reserved %v", s.Slot, s.Reserved)
		}
		w.full(m, user("boss", "boss-2")) // one slot is guaranteed, not two
		if s := w.call(m, service("svc", "")); !s.Reserved || s.Slot != 4 {
			t.Errorf("the service sits in slot %d, reserved %v", s.Slot, s.Reserved)
		}
		if n := w.open(); n != 4 {
			t.Errorf("%d of 4 slots are held", n)
		}
	})
}

func TestReducedLicenceEndsTheLongestIdle(t *testing.T) {
	each(t, func(w *world) {
		before := w.replica(4, nil)
		for i := range 4 {
			w.call(before, user("u", fmt.Sprint("sid-", i)))
			w.clock.Advance(time.Minute)
		}
		after := w.replica(2, nil)
		w.sync(after)
		if n := w.open(); n != 2 {
			t.Fatalf("%d sessions are open with a licence for 2", n)
		}
		closed := w.audit.Details(tandem.AuditSessionClosed)
		if len(closed) != 2 || !strings.HasPrefix(closed[0], string(session.EndLicence)) {
			t.Errorf("recorded: %q", closed)
		}
		// The replica that was started with more learns of it and keeps to it.
		w.sync(before)
		w.full(before, user("u", "sid-0"))
		list, err := after.List(t.Context())
		var keys []string
		for _, s := range list {
			keys = append(keys, s.Key)
		}
		if slices.Sort(keys); err != nil || !slices.Equal(keys, []string{"sid-2", "sid-3"}) {
			t.Errorf("still open: %q, %v", keys, err)
		}
	})
}

func TestLicenceThatCannotBeIsRefused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		licence tandem.Licence
		want    string
	}{
		"none":       {tandem.Licence{}, "--licences"},
		"negative":   {tandem.Licence{Slots: -1}, "--licences"},
		"no account": {tandem.Licence{Slots: 3, Reserved: map[string]int{"": 1}}, "--reserve"},
		"no slots":   {tandem.Licence{Slots: 3, Reserved: map[string]int{"svc": 0}}, "--reserve"},
		"too many":   {tandem.Licence{Slots: 3, Reserved: map[string]int{"a": 2, "b": 2}}, "only 3"},
	} {
		if err := session.CheckLicence(test.licence); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := session.CheckLicence(tandem.Licence{Slots: 3, Reserved: map[string]int{"a": 3}}); err != nil {
		t.Errorf("all slots reserved: %v", err)
	}
}
