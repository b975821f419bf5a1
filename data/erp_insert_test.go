package data_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/query"
	"github.com/hybridapps/tandem/erp/write"
	"github.com/hybridapps/tandem/sqldb"
)

// More rows than one statement takes: all are there, each
// with its own values, and one that is refused takes all with it.
func TestInsertManyRows(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newShop(t, db)
		var rows []*model.Record
		for n := range 250 {
			rows = append(rows, group(fmt.Sprintf("G%03d", n)))
		}
		must(t, s.Transact(t.Context(), func(tx write.Tx) error { return tx.Insert(rows...) }))
		for _, n := range []int{0, 99, 100, 199, 200, 249} {
			got, want := s.get(model.Entity{Set: rows[n].Set, ID: rows[n].ID}, "Code"), fmt.Sprintf(`"Code":"G%03d"`, n)
			if !strings.Contains(got, want) {
				t.Errorf("row %d is %s, without %s", n, got, want)
			}
			if rows[n].Changed(rows[n].Set.Property("Code")) {
				t.Errorf("row %d counts as changed after it was inserted", n)
			}
		}
		err := s.Transact(t.Context(), func(tx write.Tx) error { return tx.Insert(group("new"), group("other"), group("G100")) })
		refused(t, err, tandem.CodeConflict, "same Code")
		if n, err := s.Count(t.Context(), &query.Query{Set: rows[0].Set}); n != 251 || err != nil { // the shop has one
			t.Errorf("%d groups, %v", n, err)
		}
	})
}

func TestNextNumbersAreTakenOnce(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newShop(t, db)
		must(t, s.Transact(t.Context(), func(tx write.Tx) error {
			for _, take := range []struct {
				n    int
				want int64
			}{{3, 1}, {1, 4}, {20, 5}, {1, 25}} {
				if first, err := tx.NextNumbers("numbers", take.n); first != take.want || err != nil {
					t.Errorf("%d numbers begin at %d, not %d: %v", take.n, first, take.want, err)
				}
			}
			return nil
		}))
	})
}
