package agent

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/examples/prices/wire"
	"github.com/hybridapps/tandem/worker/jobs"
)

// Step 7, rollback. It is a batch of its own: the prices of before are looked at, decided
// about, written and reconciled like those of a file. A price is taken back only where it
// is still the one that was written; the others are kept, and the report says who has
// changed them.

// rollBack makes the batch that takes back another one, of one product group or all of
// it. Somebody else has to approve it.
func (a *Agent) rollBack(ctx context.Context, p *person, parent int64, ask wire.Rollback) (id int64, err error) {
	err = a.config.DB.Write(ctx, func(tx *sql.Tx) error {
		of, err := a.store.locked(ctx, tx, parent)
		if err != nil {
			return err
		}
		if err := a.manages(ctx, p, of); err != nil {
			return err
		}
		switch of.state {
		case wire.Completed, wire.Failed, wire.Cancelled:
		default:
			return tandem.Errorf(tandem.CodeConflict, "a batch that is %s cannot be rolled back", of.state)
		}
		open, err := a.store.find(ctx, tx, `WHERE parent = $1 AND state NOT IN ('completed', 'failed', 'refused', 'cancelled',
			'unusable', 'rolled back')`, parent)
		if err != nil {
			return err
		}
		if len(open) > 0 {
			return tandem.Errorf(tandem.CodeConflict, "batch %d takes this one back already; wait until it has ended", open[0].id)
		}
		now := a.clock.Now()
		b := &batch{
			kind: wire.KindRollback, parent: parent, state: wire.Received, token: jobs.NewID(), fileName: fmt.Sprintf("rollback of batch %d",
				parent),
			connector: "rollback", placedBy: p.Login, byHand: true, mapping: of.mapping, mappingVersion: of.mappingVersion, currency: of.currency,
			receivedAt: now, reason: ask.Reason, jobID: jobs.NewID(),
		}
		if err := a.store.add(ctx, tx, b); err != nil {
			return err
		}
		n, err := a.store.takeBack(ctx, tx, b.id, parent, ask.Group)
		if err != nil {
			return err
		}
		if n == 0 {
			return tandem.Errorf(tandem.CodeRule,
				"there is nothing to take back: the batch has changed no price of this group, or all were taken back")
		}
		id = b.id
		what := fmt.Sprintf("asked to take back %d prices: %s", n, ask.Reason)
		if err := a.store.event(ctx, tx, id, now, p.Login, what); err != nil {
			return err
		}
		return a.store.event(ctx, tx, parent, now, p.Login, fmt.Sprintf("asked for a rollback: batch %d", id))
	})
	a.wake()
	return id, err
}

// takeBack makes the rows of a rollback of those that were written.
func (s *store) takeBack(ctx context.Context, tx *sql.Tx, id, parent int64, group string) (int64, error) {
	result, err := tx.ExecContext(ctx, `INSERT INTO price_rows (batch_id, line, part_number, state, reason, product_id, group_id,
		old_price, new_price,
			change_ppm, version, version_after)
		SELECT $1, line, part_number, 'new', '', product_id, group_id, new_price, old_price, 0, version, 0
		FROM price_rows WHERE batch_id = $2 AND state = 'changed' AND ($3 = '' OR group_id = $3)`, id, parent, group)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// checkRollback looks which prices are still those that were written.
func (a *Agent) checkRollback(ctx context.Context, r *jobs.Run, b *batch) error {
	var at checkpoint
	if err := r.Checkpoint(&at); err != nil {
		return err
	}
	if !at.Read { // else it goes on after a break
		if err := r.Write(ctx, func(tx *sqlTx) error { return a.store.lookAgain(ctx, tx, b.id) }); err != nil {
			return err
		}
		if err := r.Save(ctx, checkpoint{Read: true}, nil, 1, "looking at the products"); err != nil {
			return err
		}
	}
	f, err := a.store.figures(ctx, a.config.DB.Reader(), b.id)
	if err != nil {
		return err
	}
	for done := int64(0); ; {
		rows, err := a.store.rows(ctx, b.id, wire.RowNew, -1, checkAtOnce)
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			return a.gateRollback(ctx, r, b)
		}
		if err := a.compareBack(ctx, b.currency, rows); err != nil {
			return err
		}
		if err := r.Write(ctx, func(tx *sqlTx) error { return a.store.saveRows(ctx, tx, rows) }); err != nil {
			return err
		}
		done += int64(len(rows))
		if err := r.Progress(ctx, int(95*done/max(1, f.Rows)), fmt.Sprintf("%d of %d prices looked at", done, f.Rows)); err != nil {
			return err
		}
	}
}

// compareBack settles rows of a rollback: their old price is the one that was written.
func (a *Agent) compareBack(ctx context.Context, currency string, rows []priceRow) error {
	byID, err := a.productsOf(ctx, rows)
	if err != nil {
		return err
	}
	for i := range rows {
		row := &rows[i]
		switch p := byID[row.productID]; {
		case p == nil:
			row.refuse("the product is gone")
		case p.StandardPricePerLot.Currency != currency:
			row.state, row.reason = wire.RowKept, fmt.Sprintf("%s: %s", p.changedBy(), p.pricedIn(currency))
		case p.price == row.old:
			row.compare(p)
		case p.price == row.new:
			row.state, row.reason = wire.RowUnchanged, "the price of before is there again: "+p.changedBy()
		default:
			row.state, row.reason = wire.RowKept, fmt.Sprintf("%s, to %s", p.changedBy(), p.price.number())
		}
	}
	return nil
}

// gateRollback lets a rollback wait for a person, whatever it is.
func (a *Agent) gateRollback(ctx context.Context, r *jobs.Run, b *batch) error {
	return a.settle(ctx, r, b.id, true, func(tx *sqlTx, now *batch) error {
		if _, err := a.store.strikeAgain(ctx, tx, b.id); err != nil {
			return err
		}
		f, err := a.store.figures(ctx, tx, b.id)
		if err != nil {
			return err
		}
		m, err := a.store.mappingIn(ctx, tx, b.mapping, 0)
		if err != nil {
			return err
		}
		now.state, now.checkedAt, now.note, now.mappingVersion = wire.Waiting, a.clock.Now(), "", m.version
		now.setReasons([]string{fmt.Sprintf("it takes back prices of batch %d: somebody else than %s has to look at it", b.parent, b.placedBy)})
		what := fmt.Sprintf("checked: %d to take back, %d kept", f.Count[wire.RowChange], f.Count[wire.RowKept])
		if struck := f.Count[wire.RowStruck]; struck > 0 {
			what += fmt.Sprintf("; %d rows stay struck", struck)
		}
		return a.store.event(ctx, tx, b.id, now.checkedAt, "", what)
	})
}

// markRolledBack notes at the batch of before which of its rows were taken back.
func (a *Agent) markRolledBack(ctx context.Context, tx *sql.Tx, b *batch) error {
	_, err := tx.ExecContext(ctx, `UPDATE price_rows SET state = 'rolled back', reason = $3 WHERE batch_id = $1 AND state =
		'changed' AND line IN (
		SELECT line FROM price_rows WHERE batch_id = $2 AND state = 'changed')`, b.parent, b.id, fmt.Sprintf("taken back by batch %d", b.id))
	if err != nil {
		return err
	}
	of, err := a.store.locked(ctx, tx, b.parent)
	if err != nil {
		return err
	}
	left, _, err := a.store.progress(ctx, tx, b.parent)
	if err != nil {
		return err
	}
	what := fmt.Sprintf("rolled back in part by batch %d", b.id)
	if left == 0 {
		of.state, what = wire.RolledBack, fmt.Sprintf("rolled back by batch %d", b.id)
	}
	if err := a.store.save(ctx, tx, of); err != nil {
		return err
	}
	return a.store.event(ctx, tx, of.id, a.clock.Now(), "", what)
}
