package demo_test

import (
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/erp/demo"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/query"
	"github.com/hybridapps/tandem/erp/write"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/sqldb"
)

// open is an ERP store without data, with the accounts.
func open(t testing.TB, db *sqldb.DB) *data.ERP {
	t.Helper()
	users := data.NewUsers(db)
	for _, u := range []write.Actor{admin, anna, paul} {
		account := signin.Account{User: tandem.User{ID: u.ID, Login: u.Login, Name: u.Login, Type: tandem.InternalUser, Enabled: true, CreatedAt: noon, ChangedAt: noon}}
		if u.ID == paul.ID {
			account.Type = tandem.ExternalCommunityUser
		}
		if err := users.Create(t.Context(), account); err != nil {
			t.Fatal(err)
		}
	}
	store := data.NewERP(db, erpModel)
	if err := store.FollowUsers(t.Context(), users); err != nil {
		t.Fatal(err)
	}
	store.Clock = func() time.Time { return noon }
	return store
}

func into(t testing.TB, store *data.ERP) (sum demo.Summary) {
	t.Helper()
	err := store.Transact(t.Context(), func(tx write.Tx) (err error) {
		sum, err = demo.Seed(tx, erpModel, options(noon))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

func TestSeedInBothDatabases(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		store := open(t, db)
		first := into(t, store)
		memory := seedOf(t, noon)
		if again := into(t, store); !again.Existing || again.Rows != 0 {
			t.Errorf("the second seed made %+v", again)
		}
		total := 0
		for _, s := range erpModel.Sets {
			if s.Base != nil || s.Name == "Systems_Security_Users" {
				continue
			}
			n, err := store.Count(t.Context(), &query.Query{Set: s})
			if err != nil {
				t.Fatal(err)
			}
			if want := len(memory.of(s.Name)); int(n) != want {
				t.Errorf("%s has %d rows, not %d", s.Name, n, want)
			}
			total += int(n)
		}
		if total != first.Rows {
			t.Errorf("there are %d rows, the summary says %d", total, first.Rows)
		}

		// paul's customer, as the portal reads it.
		orders := erpModel.Set(setOrders)
		q := &query.Query{Set: orders, Limit: 50,
			Where:  &query.Compare{Path: &model.Path{Property: orders.Property("Customer")}, Value: model.TextValue(demo.PortalCustomer(erpModel, 0).ID)},
			Order:  []query.Order{{Path: &model.Path{Property: orders.Property("DocumentDate")}, Descending: true}},
			Expand: []*query.Expand{{Child: orders.Child("Lines"), Query: query.Query{Set: erpModel.Set(setOrderLines)}}},
		}
		rows, lines := 0, 0
		var page strings.Builder
		err := store.Query(t.Context(), q, func(r *query.Row) error {
			rows++
			lines += len(r.Expanded[0])
			page.Write(q.AppendRow(nil, r))
			return nil
		})
		if err != nil || rows < 40 || lines < rows || !strings.Contains(page.String(), `"DE":`) {
			t.Errorf("a page has %d orders with %d lines: %v", rows, lines, err)
		}

		// Automatic numbers go on from the seeded ones.
		o := (&write.Object{}).Set("Customer", (&write.Object{}).Set("@odata.id", demo.PortalCustomer(erpModel, 0).String()))
		made, err := store.Write(t.Context(), anna, orders, o)
		if err != nil {
			t.Fatal(err)
		}
		number := ""
		one := query.ByID(orders, made.Entity.ID)
		one.Fields = []*model.Property{orders.Property("DocumentNo")}
		if err := store.Query(t.Context(), one, func(r *query.Row) error { number = r.Values[0].Text; return nil }); err != nil {
			t.Fatal(err)
		}
		if number != "0000003001" {
			t.Errorf("the next order has the number %s", number)
		}
	})
}

// BenchmarkSeed is the part of the first start that makes the demo company, on
// an SQLite file: at most 1.5 s of CPU.
func BenchmarkSeed(b *testing.B) {
	for range b.N {
		b.StopTimer()
		db := datatest.Open(b, sqldb.SQLite)
		store := open(b, db)
		runtime.GC()
		b.StartTimer()
		sum := into(b, store)
		b.ReportMetric(float64(sum.Rows), "rows")
		b.StopTimer()
		db.Close()
		b.StartTimer()
	}
}

// BenchmarkSeedInMemory is the same without a database.
func BenchmarkSeedInMemory(b *testing.B) {
	for range b.N {
		seed(b, noon)
	}
}

// TestServiceInBothDatabases: the demo's service keeps all rules, and is made once.
func TestServiceInBothDatabases(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		store := open(t, db)
		into(t, store)
		counts := func() (all []int64) {
			err := store.Transact(t.Context(), func(tx write.Tx) error { return demo.Service(tx, erpModel, admin, noon, "") })
			if err != nil {
				t.Fatal(err)
			}
			for _, set := range []string{"Applications_Service_ServiceObjects", "Applications_Service_ServiceAgreementLines", "Applications_Service_ServiceOrderLines",
				"Applications_Service_ServiceActivities", "Applications_Service_ServiceActivityServices", "Logistics_Shipment_Shipments"} {
				n, err := store.Count(t.Context(), &query.Query{Set: erpModel.Set(set)})
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, n)
			}
			return all
		}
		first := counts()
		for i, least := range []int64{12, 12, 4, 12, 6, 8} {
			if first[i] < least {
				t.Errorf("%v rows were made", first)
			}
		}
		if again := counts(); !slices.Equal(first, again) {
			t.Errorf("made again: %v, %v", first, again)
		}
	})
}
