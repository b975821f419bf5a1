package agent

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/examples/prices/wire"
	"github.com/hybridapps/tandem/worker/jobs"
)

// Step 5, commit. Prices are written by Import, a call for some products, each with the
// version that was seen when it was checked. Before each call the store knows what is sent,
// and after it what became of its rows: who goes on after a break begins there, and rows
// that were written and not noted are found to be so by that and the product itself.

// writeRowsAtOnce is how many products one call writes.
const writeRowsAtOnce = 200

// Things that a person wants of a batch while it is written.
const (
	wantPause  = "pause"
	wantCancel = "cancel"
)

// commit is the job that writes the prices of a batch that was approved.
func (a *Agent) commit(ctx context.Context, r *jobs.Run, b *batch) error {
	if b.state != wire.Approved && b.state != wire.Running {
		return nil
	}
	if again, err := a.startWriting(ctx, r, b); again || err != nil {
		return err
	}
	ctx, err := a.onBehalf(ctx, r, b)
	if err != nil {
		return err
	}
	for {
		rows, err := a.store.rows(ctx, b.id, wire.RowChange, -1, writeRowsAtOnce)
		if err != nil {
			return err
		}
		wanted, err := a.store.wanted(ctx, b.id)
		if err != nil {
			return err
		}
		if len(rows) == 0 || wanted != "" {
			return a.stopWriting(ctx, r, b, len(rows) > 0)
		}
		err = a.write(ctx, r, b, pointers(rows))
		if other := (*client.OtherSystemUserError)(nil); errors.As(err, &other) {
			return a.stopAsStranger(ctx, r, b, other.Now)
		}
		if err == nil {
			err = a.noteWritten(ctx, r, b, rows)
		}
		if err != nil {
			return err
		}
	}
}

// self is who the application acts as now; empty before its first call.
func (a *Agent) self() string {
	_, login, _ := a.tokens.Status()
	return login
}

// stopAsStranger pauses a batch that was begun as another System User: whether it may go
// on as this one is for an administrator to say.
func (a *Agent) stopAsStranger(ctx context.Context, r *jobs.Run, b *batch, self string) error {
	return a.settle(ctx, r, b.id, true, func(tx *sqlTx, now *batch) error {
		now.state = wire.Paused
		now.note = fmt.Sprintf("the application acts as %s now, and began this batch as %s: "+
			"an administrator has to look before it goes on", self, b.systemUser)
		return a.store.event(ctx, tx, b.id, a.clock.Now(), "", now.note)
	})
}

// startWriting moves the batch on to writing. again says that the mapping was changed
// since the check, so that the batch goes back to it.
func (a *Agent) startWriting(ctx context.Context, r *jobs.Run, b *batch) (again bool, err error) {
	if b.state == wire.Running {
		return false, nil // goes on after a break
	}
	m, err := a.store.mapping(ctx, b.mapping, 0)
	if err != nil {
		return false, err
	}
	again = m.version != b.mappingVersion && b.startedAt.IsZero()
	return again, a.settle(ctx, r, b.id, again, func(tx *sqlTx, now *batch) error {
		at := a.clock.Now()
		if again {
			now.state = wire.Received
			return a.store.event(ctx, tx, b.id, at, "", "to be checked again, because the mapping was changed since it was approved")
		}
		if now.startedAt.IsZero() {
			now.startedAt = at
		}
		now.state = wire.Running
		return nil
	})
}

// onBehalf tells the ERP with each call who approved. That person's account may have
// been disabled since: the approval was right when it was given, and stands.
func (a *Agent) onBehalf(ctx context.Context, r *jobs.Run, b *batch) (context.Context, error) {
	asker, err := r.Asker()
	if err != nil || asker == nil {
		return ctx, err
	}
	who := client.IDToken{
		UserID: asker.UserID, Login: asker.Login, Subject: asker.Login, SignInID: asker.SignInID, IssuedAt: asker.IssuedAt,
	}
	err = a.people.Admitted(ctx, who)
	if errors.Is(err, client.ErrSignInEnded) {
		err = a.config.DB.Write(ctx, func(tx *sql.Tx) error {
			return a.store.event(ctx, tx, b.id, a.clock.Now(), "",
				who.Login+" may not use the application any more; the approval was given before that, and stands")
		})
	}
	return client.OnBehalfOf(ctx, who), err
}

// write writes the prices of rows, and settles each row by the answer. Rows whose
// product has another version by now are looked at once more.
func (a *Agent) write(ctx context.Context, r *jobs.Run, b *batch, rows []*priceRow) error {
	late, err := a.send(ctx, r, b, rows)
	if err == nil && len(late) > 0 {
		var again []*priceRow
		if again, err = a.recheck(ctx, b, late); err == nil {
			late, err = a.send(ctx, r, b, again)
		}
		for _, row := range late {
			row.refuse("somebody else was changing the product at the same moment")
		}
	}
	for _, row := range rows {
		row.sent = true
	}
	return err
}

// sending keeps, before rows are sent, that they are, and with which version.
func (a *Agent) sending(ctx context.Context, r *jobs.Run, rows []*priceRow) error {
	marked := make([]priceRow, len(rows))
	for i, row := range rows {
		marked[i] = *row
		marked[i].sent = true
	}
	return r.Write(ctx, func(tx *sqlTx) error { return a.store.saveRows(ctx, tx, marked) })
}

func pointers(rows []priceRow) []*priceRow {
	all := make([]*priceRow, len(rows))
	for i := range rows {
		all[i] = &rows[i]
	}
	return all
}

// send makes one call, and gives the rows that another version is in the way of.
func (a *Agent) send(ctx context.Context, r *jobs.Run, b *batch, rows []*priceRow) (late []*priceRow, err error) {
	if len(rows) == 0 {
		return nil, nil
	}
	objects := make([]any, len(rows))
	for i, row := range rows {
		objects[i] = map[string]any{
			"@odata.type": "Erp." + typeProduct, "@erpnet.action": "update", "@erpnet.findBy": map[string]string{"Id": row.productID},
			"ObjectVersion": row.version,
			attributePrice:  map[string]any{"Value": row.new.number(), "Currency": b.currency},
		}
	}
	if b.systemUser == "" {
		token, err := a.tokens.Token(ctx)
		if err != nil {
			return nil, err
		}
		b.systemUser = token.SystemUser()
	}
	if err := a.sending(ctx, r, rows); err != nil {
		return nil, err
	}
	logCall := 1
	result, err := a.writes.Import(client.OnlyAs(ctx, b.systemUser), client.ImportRequest{
		Transaction: client.ImportPerObject, LoggingLevel: &logCall, Objects: objects,
	})
	if err == nil {
		err = result.Fault() // what was written is known by its version then
	}
	if err != nil {
		return nil, err
	}
	for i := range result.Objects {
		switch o := &result.Objects[i]; {
		case o.OK():
			rows[i].state, rows[i].reason = wire.RowDone, ""
		case o.Error != nil && o.Error.Code == conflict:
			late = append(late, rows[i])
		default:
			rows[i].refuse("the ERP refused it: " + said(o))
		}
	}
	return late, nil
}

// conflict is the API's number of a version conflict.
const conflict = 2129

func said(o *client.ImportedObject) string {
	if o.Error != nil && o.Error.Message != "" {
		return tandem.Clip(o.Error.Message, 300)
	}
	return tandem.Clip(o.Message, 300)
}

// recheck looks at products that have another version than when they were checked:
// rows whose price is still the one of then are given their version, and are to be sent
// once more. A price that is the new one already may have been written by us, before a
// break: where the row was sent, and the product has been written twice since if somebody
// else was the last.
func (a *Agent) recheck(ctx context.Context, b *batch, late []*priceRow) (again []*priceRow, err error) {
	ids := make([]string, len(late))
	for i, row := range late {
		ids[i] = row.productID
	}
	found, err := productsBy(ctx, a.reads, "Id", ids)
	if err != nil {
		return nil, err
	}
	byID := map[string]*product{}
	for i := range found {
		byID[found[i].ID] = &found[i]
	}
	for _, row := range late {
		p := byID[row.productID]
		switch {
		case p == nil:
			row.refuse("the product is gone")
		case p.StandardPricePerLot.Currency != b.currency:
			a.overtaken(b, row, p.changedBy()+": "+p.pricedIn(b.currency))
		case p.price == row.new && (p.UpdateUser == b.systemUser || row.sent && p.ObjectVersion > row.version+1):
			other, err := a.store.writer(ctx, row, p.price, row.version)
			if err != nil {
				return nil, err
			}
			if row.state, row.reason = wire.RowDone, ""; other != 0 {
				row.state, row.reason = wire.RowUnchanged, fmt.Sprintf("the price is this already: written by batch %d", other)
			}
		case p.price == row.new:
			row.state, row.reason = wire.RowUnchanged, "the price is this already: "+p.changedBy()
		case !p.Active && b.kind != wire.KindRollback:
			row.refuse(notActive)
		case p.price == row.old:
			row.version = p.ObjectVersion
			again = append(again, row)
		default:
			a.overtaken(b, row, fmt.Sprintf("%s, to %s: the check saw %s", p.changedBy(), p.price.number(), row.old.number()))
		}
	}
	return again, nil
}

// overtaken settles a row whose price somebody has changed since the check.
func (a *Agent) overtaken(b *batch, row *priceRow, how string) {
	row.refuse(how)
	if b.kind == wire.KindRollback {
		row.state = wire.RowKept
	}
}

// noteWritten keeps what became of rows, and who wrote them.
func (a *Agent) noteWritten(ctx context.Context, r *jobs.Run, b *batch, rows []priceRow) error {
	var done, left int64
	err := a.settle(ctx, r, b.id, false, func(tx *sqlTx, now *batch) (err error) {
		if err := a.store.saveRows(ctx, tx, rows); err != nil {
			return err
		}
		now.systemUser = b.systemUser
		done, left, err = a.store.progress(ctx, tx, b.id)
		return err
	})
	if err != nil {
		return err
	}
	// What was written ends a row of failures, so that each is waited for anew.
	return r.Save(ctx, struct{}{}, nil, int(100*done/max(1, done+left)), fmt.Sprintf("%d of %d prices written", done, done+left))
}

// stopWriting ends the writing: all is written, or a person wants it to stop.
func (a *Agent) stopWriting(ctx context.Context, r *jobs.Run, b *batch, left bool) error {
	return a.settle(ctx, r, b.id, true, func(tx *sqlTx, now *batch) error {
		at := a.clock.Now()
		if now.wanted == wantPause && left { // and not cancel, since it was looked at
			now.state, now.wanted, now.note = wire.Paused, "", "paused: what is written stays, the rest waits"
			return a.store.event(ctx, tx, b.id, at, "", now.note)
		}
		now.state, now.note = wire.Written, ""
		if now.wanted == wantPause {
			now.wanted = "" // it was done already
		}
		return a.store.event(ctx, tx, b.id, at, "", "written as "+now.systemUser)
	})
}
