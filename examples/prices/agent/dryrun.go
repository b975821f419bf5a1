package agent

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/examples/prices/wire"
	"github.com/hybridapps/tandem/worker/jobs"
)

// Step 3, dry run. Every row is read, looked up and compared, with a token that cannot
// write. What becomes of each is kept, so that what a person decides about is what will
// be done.

const (
	// writeAtOnce is how many rows go to the store in one transaction.
	writeAtOnce = 1000
	// checkAtOnce is how many rows are looked up between two notes of how far it is.
	checkAtOnce = 500
)

// checkpoint is how far a check has come: what it read stays when the process dies.
type checkpoint struct {
	Read    bool
	Mapping string
	Version int64
	Control string
	Rows    int64
	// Opened is how often the file was opened and the process died before it was read.
	Opened int
}

// maxOpened is how many processes may die of a file.
const maxOpened = 3

// check is the job that brings a batch that was received to the gate.
func (a *Agent) check(ctx context.Context, r *jobs.Run, b *batch) error {
	if b.state != wire.Received {
		return nil
	}
	if b.kind == wire.KindRollback {
		return a.checkRollback(ctx, r, b)
	}
	m, rules, err := a.mappingOf(ctx, b.fileName)
	if err == nil {
		var at checkpoint
		if err := r.Checkpoint(&at); err != nil {
			return err
		}
		b.mapping, b.mappingVersion, b.currency = m.name, m.version, rules.code
		if !at.Read || at.Mapping != m.name || at.Version != m.version {
			at, err = a.read(ctx, r, b, rules, checkpoint{Read: true, Mapping: m.name, Version: m.version}, at.Opened)
		}
		b.control = at.Control
		if err == nil {
			err = a.lookUp(ctx, r, b, at.Rows)
		}
	}
	var known *tandem.Error
	var api *client.APIError
	if errors.As(err, &known) && !errors.As(err, &api) && (known.Code == tandem.CodeInvalid || known.Code == tandem.CodeNotFound) {
		return a.unusable(ctx, r, b, known.Message)
	}
	if err != nil {
		return err
	}
	return a.gate(ctx, r, b, rules)
}

// unusable ends a batch whose file cannot be used as it is. It can be checked again
// when the mapping is another one.
func (a *Agent) unusable(ctx context.Context, r *jobs.Run, b *batch, why string) error {
	return a.settle(ctx, r, b.id, false, func(tx *sqlTx, now *batch) error {
		now.state, now.note, now.finishedAt = wire.Unusable, why, a.clock.Now()
		now.mapping, now.mappingVersion = b.mapping, b.mappingVersion
		if err := a.store.dropRows(ctx, tx, b.id); err != nil {
			return err
		}
		return a.store.event(ctx, tx, b.id, a.clock.Now(), "", "cannot be used: "+why)
	})
}

// open opens the file of a batch.
func (a *Agent) open(b *batch, r *rules) (*reading, error) {
	file := a.path(b)
	return openReading(file, filepath.Join(filepath.Dir(file), "content.utf8"), r)
}

// read reads the file of a batch, and what was read stays. A file of which processes have
// died is not opened for ever: it cannot be used.
func (a *Agent) read(ctx context.Context, r *jobs.Run, b *batch, rules *rules, at checkpoint, opened int) (checkpoint, error) {
	if opened >= maxOpened {
		return at, wrong("the agent has ended %d times while it read the file; save it anew, or in parts", opened)
	}
	if err := r.Save(ctx, checkpoint{Opened: opened + 1}, nil, 1, "reading the file"); err != nil {
		return at, err
	}
	var err error
	if at.Control, at.Rows, err = a.readRows(ctx, r, b, rules); err != nil {
		// It has not died, and be it that the agent is to end.
		return at, errors.Join(err, r.Save(context.WithoutCancel(ctx), checkpoint{Opened: opened}, nil, 1, "reading the file"))
	}
	return at, r.Save(ctx, at, nil, 40, "looking at the products")
}

// readRows keeps the rows of the file, in the place of any that were kept before.
func (a *Agent) readRows(ctx context.Context, r *jobs.Run, b *batch, rules *rules) (control string, n int64, err error) {
	if err := r.Progress(ctx, 1, "reading the file"); err != nil {
		return "", 0, err
	}
	file, err := a.open(b, rules)
	if err != nil {
		return "", 0, err
	}
	defer func() { err = errors.Join(err, file.close()) }()
	if err := r.Write(ctx, func(tx *sqlTx) error { return a.store.dropRows(ctx, tx, b.id) }); err != nil {
		return "", 0, err
	}
	some := make([]priceRow, 0, writeAtOnce)
	flush := func() error {
		err := r.Write(ctx, func(tx *sqlTx) error { return a.store.addRows(ctx, tx, some) })
		some = some[:0]
		if err != nil {
			return err
		}
		return r.Progress(ctx, 1+int(min(38, file.count/1000)), fmt.Sprintf("%d rows read", file.count))
	}
	for row, err := range file.rows() {
		if err != nil {
			return "", 0, err
		}
		row.batchID = b.id
		if some = append(some, row); len(some) == writeAtOnce {
			if err := flush(); err != nil {
				return "", 0, err
			}
		}
	}
	if err := flush(); err != nil {
		return "", 0, err
	}
	if control, err = file.control(); err != nil {
		return "", 0, err
	}
	if file.count == 0 {
		return "", 0, wrong("the file has no rows")
	}
	return control, file.count, r.Write(ctx, func(tx *sqlTx) error { return a.store.refuseTwice(ctx, tx, b.id, "part_number") })
}

// lookUp compares the rows that are new with the products of the ERP.
func (a *Agent) lookUp(ctx context.Context, r *jobs.Run, b *batch, total int64) error {
	for done := int64(0); ; {
		rows, err := a.store.rows(ctx, b.id, wire.RowNew, -1, checkAtOnce)
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			break
		}
		if err := a.compare(ctx, b.currency, rows); err != nil {
			return err
		}
		if err := r.Write(ctx, func(tx *sqlTx) error { return a.store.saveRows(ctx, tx, rows) }); err != nil {
			return err
		}
		done += int64(len(rows))
		if err := r.Progress(ctx, 40+int(55*done/max(1, total)), fmt.Sprintf("%d of %d rows checked", done, total)); err != nil {
			return err
		}
	}
	// Two spellings of one number are one product.
	return r.Write(ctx, func(tx *sqlTx) error { return a.store.refuseTwice(ctx, tx, b.id, "product_id") })
}

// compare settles rows by the products that they name.
func (a *Agent) compare(ctx context.Context, currency string, rows []priceRow) error {
	numbers := make([]string, len(rows))
	for i := range rows {
		numbers[i] = rows[i].partNumber
	}
	found, err := productsBy(ctx, a.reads, "PartNumber", numbers)
	if err != nil {
		return err
	}
	byNumber := map[string][]*product{}
	for i := range found {
		number := strings.ToLower(found[i].PartNumber)
		byNumber[number] = append(byNumber[number], &found[i])
	}
	for i := range rows {
		settle(&rows[i], byNumber[strings.ToLower(rows[i].partNumber)], currency)
	}
	return nil
}

// settle settles a row by the products of its number.
func settle(row *priceRow, found []*product, currency string) {
	switch len(found) {
	case 0:
		row.refuse("no product has this number")
		return
	case 1:
	default:
		row.refuse("several products have this number")
		return
	}
	p := found[0]
	row.productID, row.groupID = p.ID, p.group()
	row.old, row.version = p.price, p.ObjectVersion
	switch {
	case !p.Active:
		row.refuse(notActive)
	case p.StandardPricePerLot.Currency != currency:
		row.refuse(p.pricedIn(currency))
	default:
		row.compare(p)
	}
}
