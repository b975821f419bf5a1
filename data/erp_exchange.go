package data

import (
	"context"
	"math"
	"time"

	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/sqldb"
)

// PurgeExchanges deletes the logs of imports that are kept no longer, see the
// attribute KeepUntil, and returns how many rows they had: the objects of a log
// before its head.
func (e *ERP) PurgeExchanges(ctx context.Context) (rows int64, err error) {
	const atOnce = 100
	today := sqldb.Micros(model.Day(e.present()))
	for {
		over, err := sqldb.List[string](e.db.Reader().QueryContext(ctx,
			`SELECT id FROM erp_data_exchanges WHERE keep_until < $1 ORDER BY keep_until LIMIT $2`, today, atOnce))
		if err != nil {
			return rows, err
		}
		for _, id := range over {
			n, err := e.purgeExchange(ctx, id, today)
			if rows += n; err != nil {
				return rows, err
			}
		}
		if len(over) < atOnce {
			return rows, nil
		}
	}
}

func (e *ERP) purgeExchange(ctx context.Context, id string, today int64) (rows int64, err error) {
	for _, p := range []sqldb.Purge{
		{Table: "erp_data_exchange_objects", Column: "line_no", Before: int64(math.MaxInt64), And: `data_exchange = $4`, Args: []any{id}},
		{Table: "erp_data_exchanges", Column: "keep_until", Before: today, And: `id = $4`, Args: []any{id}},
	} {
		n, err := e.db.Purge(ctx, p)
		if rows += n; err != nil {
			return rows, err
		}
	}
	return rows, nil
}

// notificationsKept is for how long people can look at what they were told.
const notificationsKept = 400 * 24 * time.Hour

// PurgeNotifications deletes notifications that are older than 400 days, and returns how
// many that were.
func (e *ERP) PurgeNotifications(ctx context.Context) (rows int64, err error) {
	return e.db.Purge(ctx, sqldb.Purge{Table: "erp_notifications", Column: "creation_time_utc", Before: sqldb.Micros(e.present().Add(-notificationsKept))})
}
