package data_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/api/odata"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/query"
	"github.com/hybridapps/tandem/erp/write"
	"github.com/hybridapps/tandem/sqldb"
)

// TestImportersAndWritersTogether has importers merge the same customers in
// opposite orders, writers add orders of them, and readers look: nothing but
// what a caller can mend may come back, and nothing may be made twice.
func TestImportersAndWritersTogether(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newShop(t, db)
		const n = 12
		customer := func(i, by int) *write.Object {
			return object(t, fmt.Sprintf(`{"@odata.type":"Erp.Crm_Sales_Customer","@erpnet.action":"merge","Number":"N%d","DefaultPaymentTermDays":%d,
				"Party":{"@odata.type":"Erp.General_Contacts_Company","@erpnet.action":"merge","RegistrationNumber":"R%[1]d","Name":{"EN":"by %[2]d"}}}`, i, by))
		}
		var all sync.WaitGroup
		for by := range 4 {
			mode := []string{write.PerObject, write.AllObjects}[by%2]
			all.Go(func() {
				for round := range 3 {
					req := &write.ImportRequest{Transaction: mode, LoggingLevel: 2}
					for i := range n {
						req.Objects = append(req.Objects, customer(i, 10*by+round))
					}
					if by >= 2 {
						slices.Reverse(req.Objects)
					}
					got, err := s.Import(t.Context(), s.by, req)
					if err != nil {
						t.Errorf("import: %v", err)
						return
					}
					for _, o := range got.Objects {
						// Of all at once, who was second with a new row may be told.
						if o.Err != nil && (mode == write.PerObject || tandem.ErrorCode(o.Err) != tandem.CodeConflict) {
							t.Errorf("%s: %v", mode, o.Err)
						}
					}
				}
			})
		}
		for i := range 4 {
			all.Go(func() {
				for range 5 {
					if _, err := s.write(orders, fmt.Sprintf(`{"Customer":{"Number":"C%d"},"Lines":[{"Product":{"PartNumber":"P1"}},{"Product":{"PartNumber":"P2"}}]}`, i%2+1)); err != nil {
						t.Errorf("write: %v", err)
					}
				}
			})
		}
		all.Go(func() {
			for range 20 {
				if _, err := listed(t.Context(), s.ERP, &query.Query{Set: erpModel.Set(orders)}); err != nil {
					t.Errorf("read: %v", err)
				}
			}
		})
		all.Wait()
		for set, want := range map[string]int64{"Crm_Sales_Customers": n + 2, "General_Contacts_Companies": n + 2, orders: 20, lines: 40} {
			if got, err := s.Count(t.Context(), &query.Query{Set: erpModel.Set(set)}); got != want || err != nil {
				t.Errorf("%d rows of %s, want %d, %v", got, set, want, err)
			}
		}
	})
}

// TestChangesOfOneOrderFollowEachOther adds lines to one order at once: each
// gets a number of its own, and the total counts them all.
func TestChangesOfOneOrderFollowEachOther(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newShop(t, db)
		order := s.create(orders, `{"Customer":{"Number":"C1"}}`)
		datatest.Together(t, 8, func(int) error {
			return s.update(order, `{"Lines":[{"Product":{"PartNumber":"P1"},"UnitPrice":{"Value":1}}]}`)
		})
		if got := bare(s.get(order, "ObjectVersion TotalLineAmount")); got != `{"ObjectVersion":9,"TotalLineAmount":{"Value":8,"Currency":"EUR"}}` {
			t.Error(got)
		}
		q := queryOf(lines, "LineNo")
		q.Where, q.Order = equal(q.Set, "SalesOrder", model.TextValue(order.ID)), []query.Order{{Path: path(q.Set, "LineNo")}}
		if got := bare(s.list(q)); got != `[{"LineNo":10},{"LineNo":20},{"LineNo":30},{"LineNo":40},{"LineNo":50},{"LineNo":60},{"LineNo":70},{"LineNo":80}]` {
			t.Error(got)
		}
		// Of those who saw the same version one wins.
		won, lost := 0, 0
		var mu sync.Mutex
		datatest.Together(t, 6, func(i int) error {
			err := s.update(order, fmt.Sprintf(`{"ObjectVersion":9,"DocumentNotes":"%d"}`, i))
			mu.Lock()
			defer mu.Unlock()
			switch tandem.ErrorCode(err) {
			case "":
				won++
			case tandem.CodeConflict:
				lost++
			default:
				return err
			}
			return nil
		})
		if won != 1 || lost != 5 {
			t.Errorf("%d won and %d lost", won, lost)
		}
	})
}

// TestSyncLosesNoRow pulls changes by the documented recipe, with an overlap,
// while writers are at work and their clock is theirs.
func TestSyncLosesNoRow(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newShop(t, db)
		set := erpModel.Set("General_Products_ProductTypes")
		written := make(chan struct{})
		var writers sync.WaitGroup
		for by := range 3 {
			writers.Go(func() {
				for i := range 15 {
					s.now.Add(int64(7 * time.Second / time.Microsecond))
					e := s.create(set.Name, fmt.Sprintf(`{"Code":"W%d-%d","Name":{"EN":"x"}}`, by, i))
					if err := s.update(e, `{"IsShipped":true}`); err != nil {
						t.Error(err)
					}
				}
			})
		}
		go func() { writers.Wait(); close(written) }()
		copied := map[string]string{}
		fields := "Code IsShipped AggregateLastUpdateTimeUtc ObjectVersion"
		watermark := int64(0)
		pull := func() {
			q := queryOf(set.Name, fields)
			q.Where = &query.Compare{Path: path(set, "AggregateLastUpdateTimeUtc"), Op: odata.GreaterOrEqual, Value: model.IntValue(watermark - int64(5*time.Minute/time.Microsecond))}
			must(t, s.Query(t.Context(), q, func(r *query.Row) error {
				copied[r.ID] = string(q.AppendRow(nil, r))
				watermark = max(watermark, r.Values[2].Int)
				return nil
			}))
		}
		for done := false; !done; {
			select {
			case <-written:
				done = true
			default:
			}
			pull()
		}
		q := queryOf(set.Name, fields)
		n := 0
		must(t, s.Query(t.Context(), q, func(r *query.Row) error {
			n++
			if got := string(q.AppendRow(nil, r)); copied[r.ID] != got {
				t.Errorf("copied %q, want %s", copied[r.ID], got)
			}
			return nil
		}))
		if n != 46 {
			t.Errorf("%d rows", n)
		}
	})
}

func TestChangeTimeNeverGoesBack(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newShop(t, db)
		order := s.create(orders, `{"Customer":{"Number":"C1"}}`)
		last := ""
		for i, step := range []time.Duration{time.Second, 0, -time.Hour, time.Second} {
			s.now.Add(step.Microseconds())
			must(t, s.update(order, fmt.Sprintf(`{"DocumentNotes":"%d"}`, i)))
			now := bare(s.get(order, "AggregateLastUpdateTimeUtc"))
			if len(now) == len(last) && now <= last {
				t.Errorf("%s after %s", now, last)
			}
			last = now
		}
		must(t, s.update(order, `{"DocumentNotes":"3"}`)) // nothing changes
		if got := bare(s.get(order, "AggregateLastUpdateTimeUtc ObjectVersion")); got != last[:len(last)-1]+`,"ObjectVersion":5}` {
			t.Errorf("%s after %s", got, last)
		}
	})
}
