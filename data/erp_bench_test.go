package data_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/erp"
	"github.com/hybridapps/tandem/erp/demo"
	"github.com/hybridapps/tandem/sqldb"
)

// demoCompany is a store with the demo company.
func demoCompany(t testing.TB, db *sqldb.DB) *data.ERP {
	t.Helper()
	anna := account("anna")
	must(t, data.NewUsers(db).Create(t.Context(), anna))
	e := data.NewERP(db, erpModel)
	must(t, e.Transact(t.Context(), func(tx erp.Tx) error {
		_, err := demo.Seed(tx, erpModel, demo.Options{Now: noon, By: erp.Actor{ID: anna.ID, Login: anna.Login}})
		return err
	}))
	return e
}

func BenchmarkSeed(b *testing.B) {
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		b.Run(string(engine), func(b *testing.B) {
			for b.Loop() {
				demoCompany(b, datatest.Open(b, engine))
			}
		})
	}
}

// firstPage is what the application asks for: 50 orders with their customers.
func firstPage() *erp.Query {
	q := &erp.Query{Set: erpModel.Set(orders), Limit: 51}
	q.Order = []erp.Order{{Path: path(q.Set, "DocumentDate"), Descending: true}}
	q.Expand = []*erp.Expand{{Reference: q.Set.Property("Customer"), Query: erp.Query{Set: erpModel.Set("Crm_Sales_Customers")}}}
	return q
}

// BenchmarkFirstPageOrders compares a page of the store with the same done by
// hand. Its ratio (rows a second of the store to those by hand) is to be 0.4
// at least.
func BenchmarkFirstPageOrders(b *testing.B) {
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		b.Run(string(engine), func(b *testing.B) {
			db := datatest.Open(b, engine)
			e := demoCompany(b, db)
			ctx, cancel := context.WithCancel(b.Context())
			defer cancel()
			var ours, theirs time.Duration
			var out []byte
			var plain bytes.Buffer
			stmt, err := db.Reader().PrepareContext(ctx, plainPage)
			must(b, err)
			defer stmt.Close()
			b.ReportAllocs()
			rows := 0
			for b.Loop() { // by turns, so that a busy machine is busy for both
				start := time.Now()
				out, rows = out[:0], 0
				q := firstPage()
				must(b, e.Query(ctx, q, func(r *erp.Row) error {
					out = append(q.AppendRow(out, r), ',')
					rows++
					return nil
				}))
				middle := time.Now()
				ours += middle.Sub(start)
				plain.Reset()
				byHand, err := plainOrders(ctx, stmt)
				must(b, err)
				must(b, json.NewEncoder(&plain).Encode(byHand))
				theirs += time.Since(middle)
				if rows != 51 || len(byHand) != 51 {
					b.Fatalf("%d rows, by hand %d", rows, len(byHand))
				}
			}
			b.ReportMetric(float64(theirs)/float64(ours), "ratio")
			b.ReportMetric(float64(b.N*51)/ours.Seconds(), "rows/s")
			b.ReportMetric(float64(len(out))/float64(plain.Len()), "bytes/plain")
		})
	}
}

// BenchmarkImportLines imports orders of three lines, one transaction each, as
// the API does.
func BenchmarkImportLines(b *testing.B) {
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		b.Run(string(engine), func(b *testing.B) {
			s := newShop(b, datatest.Open(b, engine))
			n := 0
			for b.Loop() {
				req := &erp.ImportRequest{Transaction: erp.PerObject, LoggingLevel: 2}
				for range 500 {
					n++
					req.Objects = append(req.Objects, object(b, importedOrder(n)))
				}
				got, err := s.Import(b.Context(), s.by, req)
				must(b, err)
				if !got.Success {
					b.Fatal(got.Objects[0].Err)
				}
			}
			b.ReportMetric(float64(n*3)/b.Elapsed().Seconds(), "lines/s")
		})
	}
}

func importedOrder(n int) string {
	return fmt.Sprintf(`{"@odata.type":"Erp.Crm_Sales_SalesOrder","@erpnet.action":"merge","@erpnet.findBy":{"ExternalId":"%d","ExternalSystem":"northwind"},
		"ExternalId":"%[1]d","ExternalSystem":"northwind","DocumentDate":"2026-01-31","Customer":{"Number":"C%d"},"Lines":[
		{"LineNo":10,"Product":{"PartNumber":"P1"},"Quantity":{"Value":12,"Unit":"pcs"},"UnitPrice":{"Value":14,"Currency":"%[3]s"},"LineCustomDiscountPercent":0.05},
		{"LineNo":20,"Product":{"PartNumber":"P2"},"Quantity":{"Value":10,"Unit":"pcs"},"UnitPrice":{"Value":9.8,"Currency":"%[3]s"}},
		{"LineNo":30,"Product":{"PartNumber":"P1"},"Quantity":{"Value":5,"Unit":"box"},"UnitPrice":{"Value":34.8,"Currency":"%[3]s"}}]}`,
		n, n%2+1, []string{"EUR", "BGN"}[n%2])
}
