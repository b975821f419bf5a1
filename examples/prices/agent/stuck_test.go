package agent_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/examples/prices/wire"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// F1: a batch that breaks off in the middle, because the ERP has a fault for too long, can
// go on when that is mended: what is left is written, and all of it reconciled. It can be
// stopped for good as well.
func TestF1_ABatchThatBrokeOffGoesOn(t *testing.T) {
	t.Parallel()
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			var broken atomic.Bool
			var calls, allowed atomic.Int64
			p := newPlace(t, tandemtest.Options{Wrap: func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if broken.Load() && (isImport(r) || strings.Contains(r.URL.RawQuery, "Id%20in")) && calls.Add(1) > allowed.Load() {
						http.Error(w, `{"error":{"message":"broken"}}`, http.StatusTeapot) // nothing that one waits for
						return
					}
					next.ServeHTTP(w, r)
				})
			}})
			r := p.agentOn(p.storeOn(engine), t.TempDir())
			all := p.products("Active eq true")
			do := func(id int64, what string) error {
				_, err := r.api.Do(t.Context(), r.idToken("maria"), id, what)
				return err
			}
			breaks := func(id, after int64, begin func() error) wire.Batch {
				t.Helper()
				calls.Store(0)
				allowed.Store(after)
				broken.Store(true)
				if err := begin(); err != nil {
					t.Fatal(err)
				}
				b := r.until(id, wire.Failed)
				broken.Store(false)
				if !b.Stuck {
					t.Errorf("it cannot go on: %+v", b)
				}
				return b
			}
			r.put("prices.csv", many(all, 1.5))
			r.until(1, wire.Waiting)
			b := breaks(1, 1, func() error { return r.decide("maria", 1) })
			if b.Figures.Count[wire.RowDone] != 200 || b.Figures.Count[wire.RowChange] != int64(len(all)-200) {
				t.Fatalf("%+v", b.Figures)
			}
			if _, err := r.api.Do(t.Context(), r.idToken("anna"), 1, "resume"); tandem.ErrorCode(err) != tandem.CodeForbidden {
				t.Errorf("anna lets it go on: %v", err)
			}
			// All is written, and reconciling it breaks off.
			b = breaks(1, 1, func() error { return do(1, "resume") })
			if b.Figures.Count[wire.RowDone] != int64(len(all)) {
				t.Fatalf("%+v", b.Figures)
			}
			if err := do(1, "resume"); err != nil {
				t.Fatal(err)
			}
			if b = r.until(1, wire.Completed); b.Stuck || b.FinishedAt == nil || b.DecidedBy != "maria" || b.SystemUser != systemUser {
				t.Errorf("%+v", b)
			}
			if err := do(1, "resume"); tandem.ErrorCode(err) != tandem.CodeConflict {
				t.Errorf("what is completed goes on: %v", err)
			}

			r.put("prices-2.csv", many(all, 1.7))
			r.until(2, wire.Waiting)
			breaks(2, 1, func() error { return r.decide("maria", 2) })
			if err := do(2, "cancel"); err != nil {
				t.Fatal(err)
			}
			if b = r.until(2, wire.Cancelled); !strings.Contains(b.Note, "200 prices changed") {
				t.Errorf("%s", b.Note)
			}
		})
	}
}
