package data

import (
	"context"
	"errors"

	"github.com/hybridapps/tandem/erp/write"
)

// togetherKey finds the transaction that writes of a context belong to.
type togetherKey struct{}

// together is a transaction of several writes. One request uses it, one write at a time.
type together struct {
	t *transaction
	// err is the first failure as the database has it: whoever called may have made an
	// answer of it.
	err error
}

// Together implements [write.Store].
func (e *ERP) Together(ctx context.Context, _ write.Actor, f func(ctx context.Context) error) error {
	err := e.write(ctx, MaxTransaction, func(t *transaction) error {
		all := &together{t: t}
		err := f(context.WithValue(t.ctx, togetherKey{}, all))
		switch {
		case err != nil && all.err != nil:
			return errors.Join(err, all.err) // f's own is first, the cause decides whether it is tried again
		case err == nil && all.err != nil:
			return all.err
		case err == nil && e.Undo:
			return errUndone
		}
		return err
	})
	if errors.Is(err, errUndone) {
		return nil
	}
	return err
}

// change is one of the writes.
func (all *together) change(e *ERP, by write.Actor, f func(*write.Writer) error) error {
	if all.err != nil {
		return all.err
	}
	w := write.NewWriter(e.model, by).In(all.t, e.present())
	err := w.Renew()
	if err == nil {
		err = w.Named(f(w))
	}
	all.err = err
	return err
}
