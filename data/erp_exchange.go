package data

import (
	"context"

	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/sqldb"
)

// atOncePurged is how many rows of the log one transaction deletes: who writes
// waits for no more than that.
const atOncePurged = 1000

// purgeExchanges delete the rows of logs whose last day has passed, the objects of
// a log before its head.
var purgeExchanges = []string{
	`DELETE FROM erp_data_exchange_objects WHERE id IN (SELECT o.id FROM erp_data_exchanges e
		JOIN erp_data_exchange_objects o ON o.data_exchange = e.id WHERE e.keep_until < $1 LIMIT $2)`,
	`DELETE FROM erp_data_exchanges WHERE id IN (SELECT id FROM erp_data_exchanges WHERE keep_until < $1 LIMIT $2)`,
}

// PurgeExchanges deletes the logs of imports that are kept no longer, see the
// attribute KeepUntil, and returns how many rows they had.
func (e *ERP) PurgeExchanges(ctx context.Context) (rows int64, err error) {
	today := sqldb.Micros(model.Day(e.present()))
	for _, statement := range purgeExchanges {
		for {
			result, err := e.db.Writer().ExecContext(ctx, statement, today, atOncePurged)
			if err != nil {
				return rows, err
			}
			deleted, err := result.RowsAffected()
			rows += deleted
			if err != nil || deleted < atOncePurged {
				break
			}
		}
	}
	return rows, nil
}
