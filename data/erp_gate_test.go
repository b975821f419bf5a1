package data_test

import (
	"context"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/query"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/sqldb"
)

const soon = 20 * time.Millisecond

// TestTurns shows who waits for whom: those of a session for each other, and all that
// look at many rows.
func TestTurns(t *testing.T) {
	t.Parallel()
	e := data.NewERP(datatest.Open(t, sqldb.SQLite), erpModel)
	e.Limit(data.QueryLimits{Patience: soon, PerSession: 2, Long: 1})
	anna, paul := query.For(t.Context(), "anna"), query.For(t.Context(), "paul")
	turn := func(ctx context.Context, scans bool, want tandem.Code) func() {
		t.Helper()
		_, done, err := e.Turn(ctx, "any", scans)
		if tandem.ErrorCode(err) != want {
			t.Fatalf("got %v, want %q", err, want)
		}
		return done
	}
	first, second := turn(anna, true, ""), turn(anna, false, "")
	turn(anna, false, tandem.CodeThrottled)
	second()
	turn(anna, true, tandem.CodeThrottled)
	turn(paul, true, tandem.CodeUnavailable)
	turn(paul, false, "")()
	turn(t.Context(), true, "")() // the platform itself
	first()
	turn(paul, true, "")()
	if n := e.Askers(); n != 0 {
		t.Errorf("%d sessions are remembered", n)
	}
}

// TestALongStatementHasAProcessorMore is alone: what it looks at is the process's.
func TestALongStatementHasAProcessorMore(t *testing.T) {
	e := data.NewERP(datatest.Open(t, sqldb.SQLite), erpModel)
	e.Limit(data.QueryLimits{Long: 2})
	own := runtime.GOMAXPROCS(0)
	there := func(lent int) {
		t.Helper()
		testkit.Eventually(t, strconv.Itoa(lent)+" are lent", func() bool { return runtime.GOMAXPROCS(0) == own+lent })
	}
	turn := func(session string) func() {
		_, done, err := e.Turn(query.For(t.Context(), session), "any", true)
		must(t, err)
		return done
	}
	anna := turn("anna")
	there(1)
	paul := turn("paul")
	there(2)
	anna()
	there(1)
	for range 100 { // that are over before one is lent
		turn("anna")()
	}
	there(1)
	paul()
	there(0)
}

// However much one person asks for through a session that many share, another's query is
// behind no more than one of theirs; and the session has no more for naming persons.
func TestTurnsOfPersonsWhoShareASession(t *testing.T) {
	t.Parallel()
	e := data.NewERP(datatest.Open(t, sqldb.SQLite), erpModel)
	e.Limit(data.QueryLimits{Patience: time.Minute, PerSession: 2, Long: 1})
	portal := query.For(t.Context(), "portal")
	carol, dave := query.OnBehalf(portal, "carol"), query.OnBehalf(portal, "dave")
	_, first, err := e.Turn(carol, "any", true)
	must(t, err)
	var wait sync.WaitGroup
	defer wait.Wait()
	end, stop := context.WithCancel(carol)
	defer stop()
	for range 50 { // they are queued before dave comes
		wait.Go(func() {
			if _, done, err := e.Turn(end, "any", true); err == nil {
				defer done()
				<-end.Done() // and would keep it
			}
		})
	}
	testkit.Eventually(t, "all of carol's wait", func() bool { return e.Waiting("portal", "carol") == 51 })
	_, quick, err := e.Turn(dave, "any", false) // a place is left for others
	must(t, err)
	quick()
	got := make(chan error, 1)
	go func() {
		_, done, err := e.Turn(dave, "any", true)
		if err == nil {
			done()
		}
		got <- err
	}()
	testkit.Eventually(t, "dave waits", func() bool { return e.Waiting("portal", "dave") == 1 })
	first()
	must(t, <-got) // and one of carol's is the next
	stop()
	wait.Wait()
	if n := e.Askers(); n != 0 {
		t.Errorf("%d are remembered", n)
	}
}

// Who waits for a connection is not told that the query looks at too many rows.
func TestQueryWithoutAConnection(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		e := data.NewERP(db, erpModel)
		e.Limit(data.QueryLimits{Timeout: 10 * soon, Patience: time.Minute})
		for range db.Reader().Stats().MaxOpenConnections {
			conn, err := db.Reader().Conn(t.Context())
			must(t, err)
			defer conn.Close()
		}
		err := e.Ask(query.For(t.Context(), "anna"), `SELECT 1 FROM (SELECT 1) AS one`)
		if tandem.ErrorCode(err) != tandem.CodeUnavailable || strings.Contains(err.Error(), "rows") || !strings.Contains(err.Error(), "not begun") {
			t.Errorf("got %v", err)
		}
	})
}

func TestWhatTookLongIsLong(t *testing.T) {
	t.Parallel()
	e := data.NewERP(datatest.Open(t, sqldb.SQLite), erpModel)
	e.Limit(data.QueryLimits{Patience: soon, PerSession: 2, Long: 1})
	_, done, err := e.Turn(query.For(t.Context(), "anna"), "a", true)
	must(t, err)
	defer done()
	for shape, want := range map[string]tandem.Code{"slow": tandem.CodeUnavailable, "quick": ""} {
		e.Took(shape, map[string]time.Duration{"slow": time.Second, "quick": time.Millisecond}[shape])
		_, done, err := e.Turn(query.For(t.Context(), "paul"), shape, false)
		if tandem.ErrorCode(err) != want {
			t.Errorf("%s: %v", shape, err)
		}
		if err == nil {
			done()
		}
	}
	for range 10 {
		e.Took("slow", time.Millisecond)
	}
	_, again, err := e.Turn(query.For(t.Context(), "paul"), "slow", false)
	must(t, err)
	again()
}

// TestStatementsEndWithTheirTime asks what never ends, before the first row and
// after it, and looks that nothing goes on at the database.
func TestStatementsEndWithTheirTime(t *testing.T) {
	t.Parallel()
	const endless = `SELECT x FROM (WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x FROM n) AS endless WHERE `
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newShop(t, db)
		s.Limit(data.QueryLimits{Timeout: 10 * soon, Patience: time.Minute})
		ctx := query.For(t.Context(), "anna")
		for _, where := range []string{"x < 0", "x < 2"} {
			for range 6 { // more than there are readers
				if err := s.Ask(ctx, endless+where); tandem.ErrorCode(err) != tandem.CodeUnavailable || err.Error() == "" {
					t.Fatalf("%s: %v", where, err)
				}
			}
		}
		s.Limit(data.QueryLimits{Timeout: time.Minute})
		within, cancel := context.WithTimeout(ctx, 10*soon)
		defer cancel()
		if err := s.Ask(within, endless+"x < 2"); err == nil {
			t.Error("it did not end with its caller")
		}
		if n, err := s.Count(ctx, &query.Query{Set: erpModel.Set(product)}); err != nil || n == 0 {
			t.Errorf("%d products, %v", n, err)
		}
		if db.Engine == sqldb.PostgreSQL {
			testkit.Eventually(t, "nothing goes on", func() bool {
				var n int
				must(t, db.Reader().QueryRowContext(t.Context(), `SELECT COUNT(*) FROM pg_stat_activity
					WHERE datname = current_database() AND state = 'active' AND query LIKE '%endless%' AND pid <> pg_backend_pid()`).Scan(&n))
				return n == 0
			})
		}
	})
}

// TestDeepPagesAreThoseOfTheOrder compares pages that are skipped to by ids alone.
func TestDeepPagesAreThoseOfTheOrder(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newShop(t, db)
		odd(s)
		set := erpModel.Set(orders)
		q := &query.Query{Set: set, Limit: 1000, Order: []query.Order{{Path: path(set, "RequiredDeliveryDate")}, {Path: path(set, "CustomerPurchaseOrderNo"), Descending: true}},
			Where: &query.Compare{Path: path(set, "DocumentDate"), Op: 1, Value: model.IntValue(0)}}
		all := s.ids(q)
		s.SkipFrom(3)
		for offset := 3; offset < len(all)+2; offset += 4 {
			page := *q
			page.Offset, page.Limit = offset, 4
			want := all[min(offset, len(all)):min(offset+4, len(all))]
			if got := s.ids(&page); len(got) != len(want) || len(got) > 0 && (got[0] != want[0] || got[len(got)-1] != want[len(want)-1]) {
				t.Errorf("skip %d: %v, want %v", offset, got, want)
			}
		}
	})
}
