package stock

import (
	"context"
	"database/sql"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/sqldb"
)

// orders are the orders of the rows by their words, of the balances of somebody.
func (s *Stock) orders(theirs string) map[string]string {
	// inAll is a product's quantity in all of them.
	inAll := `(SELECT COALESCE(SUM(thousandths), 0) FROM company_balances WHERE product_id = products.id AND ` + theirs + `)`
	return map[string]string{
		"": "part_number, id", "part_number": "part_number, id", "-part_number": "part_number DESC, id",
		"name": "LOWER(name), id", "-name": "LOWER(name) DESC, id", "quantity": inAll + ", part_number, id", "-quantity": inAll + " DESC, part_number, id",
	}
}

// theirs is the condition that a balance is of one of somebody's stores, and of one of
// their companies.
func (s *Stock) theirs(stores, companies string) string {
	in := func(column, parameter string) string {
		if s.DB.Engine == sqldb.PostgreSQL {
			return column + " IN (SELECT jsonb_array_elements_text(CAST(" + parameter + " AS jsonb)))"
		}
		return column + " IN (SELECT value FROM json_each(" + parameter + "))"
	}
	return in("store", stores) + " AND " + in("company", companies)
}

// Search finds products in what the last sync left, with what is in the stores, and of
// the companies, that the person may see.
func (s *Stock) Search(ctx context.Context, q internalapi.StockQuery, reach Reach) (internalapi.StockPage, error) {
	out := internalapi.StockPage{Rows: []internalapi.StockRow{}}
	theirs := s.theirs("$4", "$5")
	order, known := s.orders(theirs)[q.Sort]
	if !known {
		return out, tandem.Errorf(tandem.CodeInvalid, "stock is sorted by part_number, name or quantity, and not by %q", tandem.Clip(q.Sort, 60))
	}
	mark, err := s.watermark(ctx, markName)
	if err != nil {
		return out, err
	}
	out.SyncedAt = internalapi.When(mark.syncedAt)
	found := s.DB.Contains("search_text", "$1")
	text := fold(q.Search)
	if err := s.DB.Reader().QueryRowContext(ctx, `SELECT COUNT(*) FROM products WHERE `+found, text).Scan(&out.Total); err != nil {
		return out, err
	}
	rows, err := s.DB.Reader().QueryContext(ctx, `SELECT p.id, p.part_number, p.name, p.active, p.unit, COALESCE(b.store, ''), b.thousandths
		FROM (SELECT id, part_number, name, active, unit, ROW_NUMBER() OVER (ORDER BY `+order+`) AS place
			FROM products WHERE `+found+` ORDER BY place LIMIT $2 OFFSET $3) p
		LEFT JOIN (SELECT product_id, store, CAST(SUM(thousandths) AS BIGINT) AS thousandths FROM company_balances WHERE `+theirs+`
			GROUP BY product_id, store) b ON b.product_id = p.id
		ORDER BY p.place, b.store`, text, q.Top, q.Skip, list(reach.stores), list(reach.companies))
	if err != nil {
		return out, err
	}
	defer rows.Close()
	sum := int64(0)
	for rows.Next() {
		var row internalapi.StockRow
		var store string
		var thousandths sql.NullInt64
		if err := rows.Scan(&row.ProductID, &row.PartNumber, &row.Name, &row.Active, &row.Unit, &store, &thousandths); err != nil {
			return out, err
		}
		if n := len(out.Rows); n == 0 || out.Rows[n-1].ProductID != row.ProductID {
			sum = 0
			out.Rows = append(out.Rows, row)
		}
		last := &out.Rows[len(out.Rows)-1]
		if thousandths.Valid {
			sum += thousandths.Int64
			last.Stores = append(last.Stores, internalapi.StoreStock{Store: store, Quantity: decimal(thousandths.Int64)})
		}
		last.Quantity = decimal(sum)
	}
	out.More = int64(q.Skip+len(out.Rows)) < out.Total
	return out, rows.Err()
}
