package data

import (
	"context"

	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/write"
)

// Call implements [write.Store]: on a reader, so that it waits for no Import.
func (e *ERP) Call(ctx context.Context, by write.Actor, entity model.Entity, function string) (*write.Object, error) {
	tx, err := e.db.Reader().BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer tx.Rollback() //nolint:errcheck // nothing was written
	t := &transaction{e: e, ctx: ctx, tx: tx, reads: true}
	return write.NewWriter(e.model, by).In(t, e.present()).Call(entity, function)
}
