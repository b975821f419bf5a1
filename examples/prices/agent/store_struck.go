package agent

import (
	"context"
	"database/sql"

	"github.com/hybridapps/tandem/examples/prices/wire"
	"github.com/hybridapps/tandem/sqldb"
)

// What people have struck of a batch. Its rows are read again whenever it is checked
// again; that somebody wanted a product left out is kept beside them.

// noteStrike keeps that a row was struck, or forgets it.
var noteStrike = map[wire.RowState]string{
	wire.RowStruck: `INSERT INTO struck (batch_id, product_id) SELECT batch_id, product_id FROM price_rows WHERE batch_id = $1 AND line = $2
		ON CONFLICT DO NOTHING`,
	wire.RowChange: `DELETE FROM struck WHERE batch_id = $1 AND product_id IN (
		SELECT product_id FROM price_rows WHERE batch_id = $1 AND line = $2)`,
}

// strikeRows gives rows another state, and says how many had the one of before.
func (s *store) strikeRows(ctx context.Context, tx *sql.Tx, id int64, lines []int64, from, to wire.RowState) (n int64, err error) {
	for _, line := range lines {
		changed, err := sqldb.Changed(tx.ExecContext(ctx, `UPDATE price_rows SET state = $3 WHERE batch_id = $1 AND line = $2 AND state = $4`,
			id, line, string(to), string(from)))
		if err != nil {
			return n, err
		}
		if !changed {
			continue
		}
		n++
		if _, err := tx.ExecContext(ctx, noteStrike[to], id, line); err != nil {
			return n, err
		}
	}
	return n, nil
}

// strikeAgain strikes the rows of a file that was read again as people had struck them,
// and says how many products they had struck.
func (s *store) strikeAgain(ctx context.Context, tx *sql.Tx, id int64) (n int64, err error) {
	_, err = tx.ExecContext(ctx, `UPDATE price_rows SET state = 'struck' WHERE batch_id = $1 AND state = 'change' AND product_id IN (
		SELECT product_id FROM struck WHERE batch_id = $1)`, id)
	if err != nil {
		return 0, err
	}
	err = tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM struck WHERE batch_id = $1`, id).Scan(&n)
	return n, err
}
