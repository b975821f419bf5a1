package data_test

import (
	"fmt"
	"testing"

	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/erp/demo"
	"github.com/hybridapps/tandem/erp/write"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/sqldb"
)

// demoCompany is a store with the demo company.
func demoCompany(t testing.TB, db *sqldb.DB) *data.ERP {
	t.Helper()
	anna := account("anna")
	users := data.NewUsers(db)
	must(t, users.Create(t.Context(), anna))
	e := data.NewERP(db, erpModel)
	must(t, e.FollowUsers(t.Context(), users))
	must(t, e.Transact(t.Context(), func(tx write.Tx) error {
		_, err := demo.Seed(tx, erpModel, demo.Options{Now: noon, By: write.Platform(anna.ID, anna.Login)})
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

// BenchmarkImportLines imports orders of three lines, one transaction each, as
// the API does.
func BenchmarkImportLines(b *testing.B) {
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		b.Run(string(engine), func(b *testing.B) {
			s := newShop(b, datatest.Open(b, engine))
			n := 0
			for b.Loop() {
				req := &write.ImportRequest{Transaction: write.PerObject, LoggingLevel: 2}
				for range testkit.Size(500, 20) {
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
