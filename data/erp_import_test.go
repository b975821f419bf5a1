package data_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/query"
	"github.com/hybridapps/tandem/erp/write"
	"github.com/hybridapps/tandem/sqldb"
)

func (s *shop) bring(mode string, level int, objects ...string) *write.ImportResult {
	s.t.Helper()
	req := &write.ImportRequest{Transaction: mode, LoggingLevel: level}
	for _, o := range objects {
		req.Objects = append(req.Objects, object(s.t, o))
	}
	got, err := s.Import(s.t.Context(), s.by, req)
	must(s.t, err)
	return got
}

func states(r *write.ImportResult) string {
	var all []string
	for _, o := range r.Objects {
		if o.Err != nil {
			all = append(all, string(tandem.ErrorCode(o.Err)))
			continue
		}
		all = append(all, string(o.State))
	}
	return strings.Join(all, " ")
}

func TestImportModes(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newShop(t, db)
		good := `{"@odata.type":"Erp.Logistics_Inventory_StoreGroup","@erpnet.action":"merge","Code":"A","Name":{"EN":"a"}}`
		other := `{"@odata.type":"Erp.Logistics_Inventory_StoreGroup","@erpnet.action":"merge","Code":"B","Name":{"EN":"b"}}`
		bad := `{"@odata.type":"Erp.Logistics_Inventory_StoreGroup","Code":"MAIN","Name":{"EN":"taken"}}`
		count := func(set string) int64 {
			n, err := s.Count(t.Context(), &query.Query{Set: erpModel.Set(set)})
			must(t, err)
			return n
		}

		got := s.bring(write.AllObjects, 2, good, bad, other)
		if states(got) != "Added conflict Added" || got.Success || count("Logistics_Inventory_StoreGroups") != 1 {
			t.Errorf("all objects: %s, %d groups", states(got), count("Logistics_Inventory_StoreGroups"))
		}
		logged := queryOf("Systems_Exchange_DataExchangeObjects", "LineNo ExchangeResult RepositoryName")
		logged.Where = equal(logged.Set, "DataExchange", model.TextValue(got.DataExchange.ID))
		logged.Order = []query.Order{{Path: path(logged.Set, "LineNo")}}
		if n := strings.Count(s.list(logged), `"RepositoryName":"Logistics_Inventory_StoreGroups"`); n != 3 {
			t.Errorf("%d objects are in the log", n)
		}
		if head := bare(s.get(got.DataExchange, "State ExchangeLog")); head != `{"State":"FinishedFail","ExchangeLog":"3 objects, 1 failed, all-objects"}` {
			t.Error(head)
		}

		got = s.bring(write.PerObject, 1, good, bad, other, `{"Code":"no type"}`)
		if states(got) != "Added conflict Added invalid" || count("Logistics_Inventory_StoreGroups") != 3 {
			t.Errorf("per object: %s", states(got))
		}
		got = s.bring(write.PerObject, 0, good, other, strings.Replace(other, `"b"`, `"c"`, 1),
			`{"@odata.type":"Erp.Logistics_Inventory_StoreGroup","@erpnet.action":"delete","Code":"A"}`,
			`{"@odata.type":"Erp.Logistics_Inventory_StoreGroup","@erpnet.action":"find","@erpnet.findBy":{"Code":"A"}}`)
		if states(got) != "Unchanged Unchanged Modified Deleted rule" || got.DataExchange.ID != "" {
			t.Errorf("again: %s", states(got))
		}
		if n := count("Systems_Exchange_DataExchanges"); n != 2 {
			t.Errorf("%d logs", n)
		}
	})
}

// The log of an import keeps what was sent only for who asks, and goes when its
// time is over; the newer ones stay.
func TestImportLogIsKeptForATime(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newShop(t, db)
		now := time.Date(2026, 11, 28, 9, 0, 0, 0, time.UTC)
		s.Clock = func() time.Time { return now }
		group := `{"@odata.type":"Erp.Logistics_Inventory_StoreGroup","@erpnet.action":"merge","Code":"A","Name":{"EN":"a"}}`
		objects := queryOf("Systems_Exchange_DataExchangeObjects", "Payload ExchangeResult")
		for body, want := range map[string]string{`{"objects":[` + group + `]}`: `null`, `{"loggingLevel":2,"objects":[` + group + `]}`: `"{`} {
			req, err := write.ParseImport(object(t, body))
			must(t, err)
			got, err := s.Import(t.Context(), s.by, req)
			must(t, err)
			objects.Where = equal(objects.Set, "DataExchange", model.TextValue(got.DataExchange.ID))
			if log := s.list(objects); !strings.Contains(log, `"Payload":`+want) || !strings.Contains(log, `"Success"`) {
				t.Errorf("%s leaves %s", body, log)
			}
		}
		many := make([]string, 1100)
		for i := range many {
			many[i] = group
		}
		s.bring(write.AllObjects, 2, many...)
		count := func() (logs, rows int64) {
			logs, err := s.Count(t.Context(), &query.Query{Set: erpModel.Set("Systems_Exchange_DataExchanges")})
			must(t, err)
			rows, err = s.Count(t.Context(), &query.Query{Set: erpModel.Set("Systems_Exchange_DataExchangeObjects")})
			must(t, err)
			return logs, rows
		}
		purge := func(want int64) {
			t.Helper()
			if rows, err := s.PurgeExchanges(t.Context()); rows != want || err != nil {
				t.Errorf("%d rows deleted, want %d, %v", rows, want, err)
			}
		}
		now = now.AddDate(0, 0, 1)
		s.bring(write.PerObject, 2, group)
		now = now.AddDate(0, 0, 89) // the last day of the first three
		purge(0)
		now = now.AddDate(0, 0, 1)
		purge(3 + 1102)
		if logs, rows := count(); logs != 1 || rows != 1 {
			t.Errorf("%d logs with %d rows are left", logs, rows)
		}
	})
}

// TestRepeatedImportMakesNothingTwice also finds rows by each key there is.
func TestRepeatedImportMakesNothingTwice(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newShop(t, db)
		objects := []string{importedOrder(1), importedOrder(2), importedOrder(3)}
		if got := states(s.bring(write.PerObject, 0, objects...)); got != "Added Added Added" {
			t.Fatal(got)
		}
		if got := states(s.bring(write.AllObjects, 0, objects...)); got != "Unchanged Unchanged Unchanged" {
			t.Error(got)
		}
		if got := states(s.bring(write.PerObject, 0, strings.Replace(objects[0], `"Value":9.8`, `"Value":9.9`, 1))); got != "Modified" {
			t.Error(got)
		}
		order := `{"@odata.type":"Erp.Crm_Sales_SalesOrder","@erpnet.action":"find","@erpnet.findBy":`
		id := s.ids(&query.Query{Set: erpModel.Set(orders), Fields: []*model.Property{}, Where: equal(erpModel.Set(orders), "ExternalId", model.TextValue("1"))})[0]
		number := strings.Split(s.get(model.Entity{Set: erpModel.Set(orders), ID: id}, "DocumentNo"), `"`)[7]
		for _, by := range []string{
			`{"Id":"` + id + `"}`, `{"ExternalId":"1"}`, `{"ExternalId":"1","ExternalSystem":"northwind"}`, `{"Code":"` + number + `"}`, `{"DisplayText":"` + number + `"}`,
		} {
			got := s.bring(write.PerObject, 0, order+by+`}`)
			if got.Objects[0].Entity.ID != id {
				t.Errorf("%s: %s %v", by, got.Objects[0].Entity, got.Objects[0].Err)
			}
		}
		if n, err := s.Count(t.Context(), &query.Query{Set: erpModel.Set(lines)}); n != 9 || err != nil {
			t.Errorf("%d lines, %v", n, err)
		}
	})
}

func TestWriteEndsWithItsContext(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newShop(t, db)
		ctx, cancel := context.WithCancel(t.Context())
		err := s.Transact(ctx, func(tx write.Tx) error {
			if _, err := tx.NextNumbers("x", 1); err != nil {
				return err
			}
			cancel()
			_, err := tx.NextNumbers("x", 1)
			return err
		})
		if err == nil {
			t.Error("a write went on after its caller had gone")
		}
		must(t, s.Transact(t.Context(), func(tx write.Tx) error {
			if n, err := tx.NextNumbers("x", 1); n != 1 || err != nil {
				t.Errorf("number %d, %v", n, err)
			}
			return nil
		}))
	})
}
