package platform_test

import (
	"slices"
	"sync"
	"testing"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/tandemtest"
)

// TestGrantsAtTheSameTime: of grants and revocations at the same moment none is lost and
// none comes back, and an attribute never has a key that nobody is granted.
func TestGrantsAtTheSameTime(t *testing.T) {
	t.Parallel()
	const set, column = "Crm_Sales_SalesOrders", "Crm_Sales_SalesOrders.ReferenceDocumentNo"
	wired(t, func(t *testing.T, in *tandemtest.Instance) {
		ctx, admin := t.Context(), in.Platform.Permissions
		_, err := admin.CreateGroup(ctx, tandemtest.By, "Depot", "")
		must(t, err)
		depot, err := admin.Group(ctx, "Depot")
		must(t, err)
		on := permission.Target{Set: set}
		granted := func(on permission.Target, rights string) func() error {
			return func() error {
				_, err := admin.Grant(ctx, tandemtest.By, "Depot", on, rights, false)
				return err
			}
		}
		atOnce := func(all ...func() error) {
			t.Helper()
			start := make(chan struct{})
			var g sync.WaitGroup
			for _, f := range all {
				g.Go(func() {
					<-start
					if err := f(); err != nil {
						t.Error(err)
					}
				})
			}
			close(start)
			g.Wait()
		}
		has := func(key string) (rights permission.Right) {
			t.Helper()
			all, err := admin.Grants(ctx, depot.ID)
			must(t, err)
			for _, g := range all {
				if g.Key.ID == key {
					rights = g.Rights
				}
			}
			return rights
		}
		for range 20 {
			atOnce(granted(on, "create"), granted(on, "update"), granted(on, "delete"))
			if got := has(permission.SetKeyID(set)); got != permission.Read|permission.Create|permission.Update|permission.Delete {
				t.Fatalf("of three grants there are %s", got)
			}
			atOnce(granted(on, "update"), func() error { return admin.Revoke(ctx, tandemtest.By, "Depot", on) })
			if got := has(permission.SetKeyID(set)); got&(permission.Create|permission.Delete) == permission.Create|permission.Delete {
				t.Fatalf("what was revoked is back: %s", got)
			}
			if has(permission.SetKeyID(set)) != 0 {
				must(t, admin.Revoke(ctx, tandemtest.By, "Depot", on))
			}
		}

		done := make(chan struct{})
		var watcher sync.WaitGroup
		watcher.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				d, err := admin.Store.Definitions(ctx)
				if err != nil {
					t.Error(err)
					return
				}
				at := slices.IndexFunc(d.Keys, func(k permission.Key) bool { return k.Attribute == "ReferenceDocumentNo" })
				if at >= 0 && !slices.ContainsFunc(d.Grants, func(g permission.Grant) bool { return g.Key == d.Keys[at].ID }) {
					t.Error("the attribute is hidden from everybody")
					return
				}
			}
		})
		must(t, granted(permission.Target{Column: column}, "read")())
		close(done)
		watcher.Wait()

		must(t, admin.DeleteGroup(ctx, tandemtest.By, "Depot"))
		if _, err := admin.Grant(ctx, tandemtest.By, "Depot", on, "read", false); tandem.ErrorCode(err) != tandem.CodeNotFound {
			t.Errorf("a grant to a group that is gone: %v", err)
		}
	})
}
