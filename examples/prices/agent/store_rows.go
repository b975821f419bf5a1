package agent

import (
	"context"
	"database/sql"
	"encoding/json"
	"math/big"

	"github.com/hybridapps/tandem/examples/prices/wire"
	"github.com/hybridapps/tandem/sqldb"
)

// priceRow is a row of a batch.
type priceRow struct {
	batchID, line       int64
	partNumber          string
	state               wire.RowState
	reason              string
	productID, groupID  string
	old, new            money
	changePPM           int64
	version, versionNow int64
	// sent says that the ERP was asked to write it with that version, or is being asked.
	sent bool
}

var priceRows = sqldb.NewTable("price_rows", func(r *priceRow, column sqldb.Column) {
	column("batch_id", &r.batchID)
	column("line", &r.line)
	column("part_number", &r.partNumber)
	column("state", &r.state)
	column("reason", &r.reason)
	column("product_id", &r.productID)
	column("group_id", &r.groupID)
	column("old_price", &r.old)
	column("new_price", &r.new)
	column("change_ppm", &r.changePPM)
	column("version", &r.version)
	column("version_after", &r.versionNow)
	column("sent", &r.sent)
})

// refuse says why a row is left out.
func (r *priceRow) refuse(reason string) { r.state, r.reason = wire.RowRefused, reason }

// compare settles a row whose product was found: what it costs now, and what the
// change is.
func (r *priceRow) compare(p *product) {
	r.old, r.version, r.changePPM = p.price, p.ObjectVersion, changePPM(p.price, r.new)
	if r.state = wire.RowChange; r.old == r.new {
		r.state, r.changePPM = wire.RowUnchanged, 0
	}
}

func (s *store) addRows(ctx context.Context, tx *sql.Tx, rows []priceRow) error {
	stmt, err := tx.PrepareContext(ctx, priceRows.Insert)
	if err != nil {
		return err
	}
	defer stmt.Close()
	for i := range rows {
		if _, err := stmt.ExecContext(ctx, priceRows.Values(&rows[i])...); err != nil {
			return err
		}
	}
	return nil
}

// saveRows writes what became of rows.
func (s *store) saveRows(ctx context.Context, tx *sql.Tx, rows []priceRow) error {
	stmt, err := tx.PrepareContext(ctx, `UPDATE price_rows SET state = $3, reason = $4, product_id = $5, group_id = $6, old_price = $7,
		new_price = $8, change_ppm = $9, version = $10, version_after = $11, sent = $12 WHERE batch_id = $1 AND line = $2`)
	if err != nil {
		return err
	}
	defer stmt.Close()
	for i := range rows {
		r := &rows[i]
		_, err := stmt.ExecContext(ctx, r.batchID, r.line, string(r.state), r.reason, r.productID, r.groupID, int64(r.old), int64(r.new),
			r.changePPM, r.version, r.versionNow, r.sent)
		if err != nil {
			return err
		}
	}
	return nil
}

// lookAgain has all rows of a batch of which nothing is written looked at anew.
func (s *store) lookAgain(ctx context.Context, tx *sql.Tx, id int64) error {
	_, err := tx.ExecContext(ctx, `UPDATE price_rows SET state = 'new', reason = '' WHERE batch_id = $1 AND state <> 'new'`, id)
	return err
}

// dropRows deletes all rows of a batch.
func (s *store) dropRows(ctx context.Context, tx *sql.Tx, id int64) error {
	_, err := tx.ExecContext(ctx, `DELETE FROM price_rows WHERE batch_id = $1`, id)
	return err
}

// rows are the next rows of a batch in a state, behind a line.
func (s *store) rows(ctx context.Context, id int64, state wire.RowState, behind int64, limit int) ([]priceRow, error) {
	stmt, err := s.db.ReadStmt(ctx, priceRows.Select+`WHERE batch_id = $1 AND state = $2 AND line > $3 ORDER BY line LIMIT $4`)
	if err != nil {
		return nil, err
	}
	return priceRows.All(stmt.QueryContext(ctx, id, string(state), behind, limit))
}

// page is a page of rows for people.
func (s *store) page(ctx context.Context, id int64, state wire.RowState, largest bool, skip, top int) ([]priceRow, error) {
	order := `line`
	if largest {
		order = `ABS(change_ppm) DESC, line`
	}
	return priceRows.All(s.db.Reader().QueryContext(ctx, priceRows.Select+
		`WHERE batch_id = $1 AND ($2 = '' OR state = $2) ORDER BY `+order+` LIMIT $3 OFFSET $4`, id, string(state), top, skip))
}

// each calls f with every row of a batch in the order of the file, without having
// them in memory together.
func (s *store) each(ctx context.Context, id int64, f func(r *priceRow) error) error {
	const some = 1000
	for behind := int64(-1); ; {
		rows, err := priceRows.All(s.db.Reader().QueryContext(ctx, priceRows.Select+
			`WHERE batch_id = $1 AND line > $2 ORDER BY line LIMIT $3`, id, behind, some))
		if err != nil || len(rows) == 0 {
			return err
		}
		for i := range rows {
			if err := f(&rows[i]); err != nil {
				return err
			}
		}
		behind = rows[len(rows)-1].line
	}
}

// changing are the states of rows that count as a change of the batch.
const changing = `('change', 'changed', 'rolled back')`

// figures count the rows of a batch.
func (s *store) figures(ctx context.Context, in asking, id int64) (f wire.Figures, err error) {
	f.Count = map[wire.RowState]int64{}
	rows, err := in.QueryContext(ctx, `SELECT state, COUNT(*) FROM price_rows WHERE batch_id = $1 GROUP BY state`, id)
	if err != nil {
		return f, err
	}
	defer rows.Close()
	for rows.Next() {
		var state wire.RowState
		var n int64
		if err := rows.Scan(&state, &n); err != nil {
			return f, err
		}
		f.Count[state] = n
		f.Rows += n
	}
	if err := rows.Err(); err != nil {
		return f, err
	}
	// Halves of the prices, so that sums of a million of them fit an integer.
	var old, oldLow, now, nowLow int64
	err = in.QueryRowContext(ctx, `SELECT CAST(COALESCE(AVG(change_ppm), 0) AS BIGINT),
		CAST(COALESCE(SUM(old_price / 1000000), 0) AS BIGINT), CAST(COALESCE(SUM(old_price % 1000000), 0) AS BIGINT),
		CAST(COALESCE(SUM(new_price / 1000000), 0) AS BIGINT), CAST(COALESCE(SUM(new_price % 1000000), 0) AS BIGINT)
		FROM price_rows WHERE batch_id = $1 AND state IN `+changing, id).Scan(&f.MeanPPM, &old, &oldLow, &now, &nowLow)
	if err != nil {
		return f, err
	}
	f.Old, f.New = json.Number(fixed(joined(old, oldLow))), json.Number(fixed(joined(now, nowLow)))
	err = in.QueryRowContext(ctx, `SELECT change_ppm FROM price_rows WHERE batch_id = $1 AND state IN `+changing+`
		ORDER BY ABS(change_ppm) DESC LIMIT 1`, id).Scan(&f.LargestPPM)
	if err == sql.ErrNoRows { //nolint:errorlint // it is not wrapped by Scan
		err = nil
	}
	return f, err
}

func joined(high, low int64) *big.Int {
	n := new(big.Int).Mul(big.NewInt(high), big.NewInt(million))
	return n.Add(n, big.NewInt(low))
}

// bounds part the histogram, in per cent.
var bounds = []int64{-20, -10, -5, 0, 5, 10, 20}

// histogram counts the changes of a batch by how large they are.
func (s *store) histogram(ctx context.Context, id int64, largest float64) ([]wire.Bar, error) {
	bars := make([]wire.Bar, len(bounds)+1)
	bars[0].From = "less"
	for i, b := range bounds {
		bars[i+1].From = percent(b * (million / 100))
		bars[i+1].Outside = float64(b) >= largest
		bars[i].Outside = bars[i].Outside || float64(-b) >= largest
	}
	rows, err := s.db.Reader().QueryContext(ctx, `SELECT bar, COUNT(*) FROM (SELECT CASE
			WHEN change_ppm < -200000 THEN 0 WHEN change_ppm < -100000 THEN 1 WHEN change_ppm < -50000 THEN 2 WHEN change_ppm < 0 THEN 3
			WHEN change_ppm < 50000 THEN 4 WHEN change_ppm < 100000 THEN 5 WHEN change_ppm < 200000 THEN 6 ELSE 7 END AS bar
		FROM price_rows WHERE batch_id = $1 AND state IN `+changing+`) AS bars GROUP BY bar`, id)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var bar int
		var n int64
		if err := rows.Scan(&bar, &n); err != nil {
			return nil, err
		}
		bars[bar].Rows = n
	}
	return bars, rows.Err()
}

// groups are the product groups of rows that were written, with how many each.
func (s *store) groups(ctx context.Context, id int64) (all []wire.Group, err error) {
	rows, err := s.db.Reader().QueryContext(ctx, `SELECT group_id, COUNT(*) FROM price_rows
		WHERE batch_id = $1 AND state = 'changed' GROUP BY group_id ORDER BY COUNT(*) DESC, group_id LIMIT 500`, id)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var g wire.Group
		if err := rows.Scan(&g.ID, &g.Rows); err != nil {
			return nil, err
		}
		all = append(all, g)
	}
	return all, rows.Err()
}

// shown is the row for people.
func (r *priceRow) shown() wire.Row {
	out := wire.Row{Line: r.line, PartNumber: r.partNumber, State: r.state, Reason: r.reason, ProductID: r.productID, GroupID: r.groupID,
		ChangePPM: r.changePPM, New: r.new.number()}
	if r.productID != "" {
		out.Old = r.old.number()
	}
	return out
}

// twice finds rows that name the same part, or the same product, by a column.
var twice = map[string]string{
	"part_number": `UPDATE price_rows SET state = 'refused', reason = $2 WHERE batch_id = $1 AND state <> 'refused' AND part_number IN (
		SELECT part_number FROM price_rows WHERE batch_id = $1 AND part_number <> '' GROUP BY part_number HAVING COUNT(*) > 1)`,
	"product_id": `UPDATE price_rows SET state = 'refused', reason = $2 WHERE batch_id = $1 AND state <> 'refused' AND product_id IN (
		SELECT product_id FROM price_rows WHERE batch_id = $1 AND product_id <> '' GROUP BY product_id HAVING COUNT(*) > 1)`,
}

// refuseTwice refuses all rows of a product that has several: nobody knows which is meant.
func (s *store) refuseTwice(ctx context.Context, tx *sql.Tx, id int64, column string) error {
	_, err := tx.ExecContext(ctx, twice[column], id, "the product is in several rows of the file, and it cannot be told which is meant")
	return err
}

// progress is how many rows of a batch are written, and how many are to be.
func (s *store) progress(ctx context.Context, in asking, id int64) (done, left int64, err error) {
	err = in.QueryRowContext(ctx, `SELECT (SELECT COUNT(*) FROM price_rows WHERE batch_id = $1 AND state = 'changed'),
		(SELECT COUNT(*) FROM price_rows WHERE batch_id = $1 AND state = 'change')`, id).Scan(&done, &left)
	return done, left, err
}

// writer is another batch that has written a price of a product, or is writing it, over a
// version that is not older than from; 0 where there is none. The product's versions are
// the order in which batches came to it.
func (s *store) writer(ctx context.Context, row *priceRow, price money, from int64) (id int64, err error) {
	err = s.db.Reader().QueryRowContext(ctx, `SELECT COALESCE(MAX(batch_id), 0) FROM price_rows WHERE sent AND product_id = $1
		AND batch_id <> $2 AND new_price = $3 AND version >= $4 AND state IN ('change', 'changed')`,
		row.productID, row.batchID, int64(price), from).Scan(&id)
	return id, err
}

// wanted is what a person wants of a batch that is written.
func (s *store) wanted(ctx context.Context, id int64) (what string, err error) {
	err = s.db.Reader().QueryRowContext(ctx, `SELECT wanted FROM batches WHERE id = $1`, id).Scan(&what)
	return what, err
}
