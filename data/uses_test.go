package data_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/sqldb"
)

// What a database did not take, since it failed in the middle, is given back: all of that,
// as it was counted, and nothing of what it took.
func TestUsesThatWereNotAddedAreGivenBack(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		ctx, store := t.Context(), data.NewPermissions(db)
		sql := func(text string) {
			t.Helper()
			_, err := db.Writer().ExecContext(ctx, text)
			must(t, err)
		}
		// Two of the third hundred cannot both be there.
		sql(`CREATE UNIQUE INDEX one_only ON permission_uses (person) WHERE user_id >= '120' AND set_name = 'last'`)
		var all []permission.Use
		for i := range 130 {
			for _, set := range []string{"first", "last"} {
				for _, flow := range []tandem.Flow{tandem.FlowUser, tandem.FlowService} {
					all = append(all, permission.Use{By: permission.By{UserID: fmt.Sprintf("%03d", (i*7)%130), Flow: flow}, Set: set, Right: permission.Read, Calls: 3, First: noon, Last: noon})
				}
			}
		}
		counted := func(uses []permission.Use) map[tandem.Flow]int64 {
			by := map[tandem.Flow]int64{}
			for i := range uses {
				by[uses[i].Flow] += uses[i].Calls
			}
			return by
		}
		kept := func() (calls int64) {
			t.Helper()
			must(t, store.EachUse(ctx, "", time.Time{}, func(u *permission.Use) error { calls += u.Calls; return nil }))
			return calls
		}
		left, err := store.AddUses(ctx, all)
		by := counted(left)
		if err == nil || len(left) == 0 || len(left) == len(all) || by[tandem.FlowUser] != by[tandem.FlowService] {
			t.Errorf("%d of %d are left, %v; %v", len(left), len(all), by, err)
		}
		if n := kept() + by[tandem.FlowUser] + by[tandem.FlowService]; n != 3*int64(len(all)) {
			t.Errorf("%d calls are kept or left of %d", n, 3*len(all))
		}
		sql(`DROP INDEX one_only`)
		if left, err := store.AddUses(ctx, left); err != nil || len(left) != 0 {
			t.Errorf("then %d are left, %v", len(left), err)
		}
		if n := kept(); n != 3*int64(len(all)) {
			t.Errorf("%d calls are kept of %d", n, 3*len(all))
		}
	})
}
