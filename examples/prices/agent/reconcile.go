package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/big"

	"github.com/hybridapps/tandem/examples/prices/wire"
	"github.com/hybridapps/tandem/worker/jobs"
)

// Step 6, reconcile. The file is read once more and each product that was touched, with
// a token that cannot write. Every row of the file has to be accounted for, each price in
// the ERP has to be the file's, and the sums have to agree.

// reconciled is what the second look found.
type reconciled struct {
	rows, checked int64
	// old, delta and now are sums over the rows that were written: of the prices before,
	// of the changes, and of what the ERP has now.
	old, delta, now *big.Int
	// overtaken are prices that somebody else, or another batch, has changed since they
	// were written.
	overtaken int64
	// faults are rows for which the ERP has another price, or that are not accounted for.
	faults []string
	more   int64
}

func (c *reconciled) fault(format string, args ...any) {
	if len(c.faults) < 20 {
		c.faults = append(c.faults, fmt.Sprintf(format, args...))
		return
	}
	c.more++
}

// reconcile is the job that ends a batch whose prices are written.
func (a *Agent) reconcile(ctx context.Context, r *jobs.Run, b *batch) error {
	if b.state != wire.Written {
		return nil
	}
	c := &reconciled{old: new(big.Int), delta: new(big.Int), now: new(big.Int)}
	if err := a.countFile(ctx, r, b, c); err != nil {
		return err
	}
	if err := a.readAgain(ctx, r, b, c); err != nil {
		return err
	}
	if sum := new(big.Int).Add(c.old, c.delta); sum.Cmp(c.now) != 0 {
		c.fault("the sums do not agree: %s before and %s of changes are %s, and the ERP has %s", fixed(c.old), fixed(c.delta), fixed(sum),
			fixed(c.now))
	}
	return a.finish(ctx, r, b, c)
}

// countFile reads the file again and compares it, row by row, with what was kept of it.
// A rollback has no file.
func (a *Agent) countFile(ctx context.Context, r *jobs.Run, b *batch, c *reconciled) error {
	if b.kind == wire.KindRollback {
		return nil
	}
	if err := r.Progress(ctx, 1, "reading the file again"); err != nil {
		return err
	}
	rules, err := a.rulesOf(ctx, b)
	if err != nil {
		return err
	}
	file, err := a.open(b, rules)
	if err != nil {
		return err
	}
	next, stop := iter.Pull2(file.rows())
	defer stop()
	err = a.store.each(ctx, b.id, func(row *priceRow) error {
		c.rows++
		again, err, there := next()
		switch {
		case err != nil:
			return err
		case !there:
			c.fault("row %d is kept, and the file ends before it", row.line)
		case again.line != row.line || again.partNumber != row.partNumber || again.state == wire.RowNew && again.new != row.new:
			c.fault("row %d of the file is %s %s, and was kept as %s %s", again.line, again.partNumber, again.new.number(), row.partNumber,
				row.new.number())
		}
		return nil
	})
	if err == nil {
		if again, _, there := next(); there {
			c.fault("row %d of the file was not kept", again.line)
		}
	}
	return errors.Join(err, file.close())
}

// readAgain reads the products that were written, and compares their prices with the
// file's.
func (a *Agent) readAgain(ctx context.Context, r *jobs.Run, b *batch, c *reconciled) error {
	done, _, err := a.store.progress(ctx, a.config.DB.Reader(), b.id)
	if err != nil {
		return err
	}
	for behind := int64(-1); ; {
		rows, err := a.store.rows(ctx, b.id, wire.RowDone, behind, checkAtOnce)
		if err != nil || len(rows) == 0 {
			return err
		}
		byID, err := a.productsOf(ctx, rows)
		if err != nil {
			return err
		}
		for i := range rows {
			if err := a.compareWritten(ctx, c, &rows[i], byID[rows[i].productID], b.systemUser); err != nil {
				return err
			}
		}
		if err := r.Write(ctx, func(tx *sqlTx) error { return a.store.saveRows(ctx, tx, rows) }); err != nil {
			return err
		}
		behind = rows[len(rows)-1].line
		if err := r.Progress(ctx, 20+int(75*c.checked/max(1, done)), fmt.Sprintf("%d of %d prices read again", c.checked, done)); err != nil {
			return err
		}
	}
}

// compareWritten compares a row that was written with its product. Another price is a fault
// only where self has written it and no later batch did: others may have changed it since.
func (a *Agent) compareWritten(ctx context.Context, c *reconciled, row *priceRow, p *product, self string) error {
	c.checked++
	was, is := big.NewInt(int64(row.old)), big.NewInt(int64(row.new))
	c.old.Add(c.old, was)
	c.delta.Add(c.delta, new(big.Int).Sub(is, was))
	if p == nil {
		c.fault("row %d: the product %s cannot be found any more", row.line, row.partNumber)
		return nil
	}
	if p.price == row.new {
		row.versionNow = p.ObjectVersion
		c.now.Add(c.now, is)
		return nil
	}
	whose := p.changedBy()
	if p.UpdateUser == self {
		later, err := a.store.writer(ctx, row, p.price, row.version+1)
		if err != nil {
			return err
		}
		if later == 0 {
			c.fault("row %d: %s has the price %s, and %s was written", row.line, row.partNumber, p.price.number(), row.new.number())
			c.now.Add(c.now, big.NewInt(int64(p.price)))
			return nil
		}
		whose = fmt.Sprintf("by batch %d since", later)
	}
	c.overtaken++
	row.reason = whose + ", to " + string(p.price.number())
	c.now.Add(c.now, is)
	return nil
}

// finish ends the batch: it balances, or somebody has to look.
func (a *Agent) finish(ctx context.Context, r *jobs.Run, b *batch, c *reconciled) error {
	err := a.settle(ctx, r, b.id, false, func(tx *sqlTx, now *batch) error {
		f, err := a.store.figures(ctx, tx, b.id)
		if err != nil {
			return err
		}
		if b.kind == wire.KindFile && c.rows != f.Rows {
			c.fault("%d rows were counted, and %d are kept", c.rows, f.Rows)
		}
		if left := f.Count[wire.RowNew] + f.Count[wire.RowChange]; left > 0 && now.wanted != wantCancel {
			c.fault("%d rows are neither written nor left out", left)
		}
		at := a.clock.Now()
		now.finishedAt = at
		switch {
		case len(c.faults) > 0:
			now.state, now.note = wire.Failed, fmt.Sprintf("it does not balance: %s", c.faults[0])
			for _, text := range c.faults {
				if err := a.store.event(ctx, tx, b.id, at, "", text); err != nil {
					return err
				}
			}
			a.log.Error("ALARM: a batch does not balance", "batch", b.id, "file", b.fileName, "faults", len(c.faults)+int(c.more), "first",
				c.faults[0])
			return nil
		case now.wanted == wantCancel:
			now.state = wire.Cancelled
		default:
			now.state = wire.Completed
		}
		now.note = outcome(f, c)
		if err := a.store.event(ctx, tx, b.id, at, "", balance(f, c)); err != nil || b.kind != wire.KindRollback {
			return err
		}
		return a.markRolledBack(ctx, tx, b)
	})
	if err != nil {
		return err
	}
	return a.keepReport(ctx, b.id)
}

// outcome is the end of a batch in words: never green when rows were left out.
func outcome(f wire.Figures, c *reconciled) string {
	text := fmt.Sprintf("%d prices changed", f.Count[wire.RowDone])
	for state, word := range map[wire.RowState]string{wire.RowRefused: "refused",
		wire.RowKept: "kept, because somebody has changed them since"} {
		if n := f.Count[state]; n > 0 {
			text += fmt.Sprintf(", %d %s", n, word)
		}
	}
	if n := f.Count[wire.RowChange]; n > 0 {
		text += fmt.Sprintf(", %d not written", n)
	}
	if c.overtaken > 0 {
		text += fmt.Sprintf("; %d of them were changed again since", c.overtaken)
	}
	return text
}

// balance is the equation of a batch, for its report.
func balance(f wire.Figures, c *reconciled) string {
	return fmt.Sprintf("balances: %d rows = %d changed + %d unchanged + %d refused + %d struck + %d kept + %d not written; "+
		"sum before %s + changes %s = sum now %s",
		f.Rows, f.Count[wire.RowDone], f.Count[wire.RowUnchanged], f.Count[wire.RowRefused], f.Count[wire.RowStruck], f.Count[wire.RowKept],
		f.Count[wire.RowChange], fixed(c.old), fixed(c.delta), fixed(c.now))
}

// keepReport writes the report beside the file, for who looks there.
func (a *Agent) keepReport(ctx context.Context, id int64) error {
	return writeFile(a.folder(id), "report.csv", func(w io.Writer) error { return a.reportCSV(ctx, w, id) })
}
