package stock_test

import (
	"testing"

	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/worker/workertest"
)

// counting has the database count the rows that are deleted since a job has last changed its
// row, which each of its transactions does.
var counting = map[sqldb.Engine][]string{
	sqldb.SQLite: {
		`CREATE TABLE parts (id INTEGER PRIMARY KEY, n BIGINT NOT NULL)`,
		`CREATE TRIGGER part AFTER UPDATE OF version ON jobs BEGIN INSERT INTO parts (n) VALUES (0); END`,
		`CREATE TRIGGER balance_gone AFTER DELETE ON company_balances BEGIN UPDATE parts SET n = n + 1 WHERE id = (SELECT MAX(id) FROM parts); END`,
		`CREATE TRIGGER product_gone AFTER DELETE ON products BEGIN UPDATE parts SET n = n + 1 WHERE id = (SELECT MAX(id) FROM parts); END`,
	},
	sqldb.PostgreSQL: {
		`CREATE TABLE parts (id BIGSERIAL PRIMARY KEY, n BIGINT NOT NULL)`,
		`CREATE FUNCTION part() RETURNS TRIGGER AS 'BEGIN INSERT INTO parts (n) VALUES (0); RETURN NULL; END' LANGUAGE plpgsql`,
		`CREATE FUNCTION gone() RETURNS TRIGGER AS 'BEGIN UPDATE parts SET n = n + 1 WHERE id = (SELECT MAX(id) FROM parts); RETURN NULL; END' LANGUAGE plpgsql`,
		`CREATE TRIGGER part AFTER UPDATE OF version ON jobs FOR EACH ROW EXECUTE FUNCTION part()`,
		`CREATE TRIGGER balance_gone AFTER DELETE ON company_balances FOR EACH ROW EXECUTE FUNCTION gone()`,
		`CREATE TRIGGER product_gone AFTER DELETE ON products FOR EACH ROW EXECUTE FUNCTION gone()`,
	},
}

// However much the ERP has no more, others write to the worker's database meanwhile.
func TestWhatIsGoneIsDeletedInParts(t *testing.T) {
	workertest.Each(t, func(t *testing.T, f *workertest.Fake, db *sqldb.DB) {
		var products, balances []object
		for n := range 1101 {
			products = append(products, workertest.Product(n, "2026-01-01T00:00:00Z"))
			balances = append(balances, workertest.Balance(n, "A", "1"))
		}
		f.Stock(products, balances)
		w := workertest.Start(t, f, db, t.TempDir())
		w.Until(w.Sync().ID, internalapi.JobCompleted)
		for _, text := range append(counting[db.Engine], `UPDATE watermarks SET full_at = 0`) { // a day later everything is pulled
			if _, err := db.Writer().ExecContext(t.Context(), text); err != nil {
				t.Fatal(err)
			}
		}
		f.Stock(products[:1], balances[:1])
		if s := w.Until(w.Sync().ID, internalapi.JobCompleted).Result.Steps; s[0].Removed != 1100 || s[1].Removed != 1100 || s[1].Unchanged != 1 {
			t.Errorf("removed: %+v", s)
		}
		page, err := w.API.Stock(t.Context(), f.Anna(), internalapi.StockQuery{Page: internalapi.Page{Top: 2}})
		if err != nil || page.Total != 1 || page.Rows[0].PartNumber != "P0000" || page.Rows[0].Quantity != "1" {
			t.Errorf("what stays: %+v, %v", page, err)
		}
		var all, most int64
		if err := db.Reader().QueryRowContext(t.Context(), `SELECT SUM(n), MAX(n) FROM parts`).Scan(&all, &most); err != nil || all != 2200 || most > 500 {
			t.Errorf("%d rows were deleted, %d at once: %v", all, most, err)
		}
	})
}
