package write

import (
	"context"
	"errors"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/permission"
)

// ErrNotAttempted is what became of an object that comes after a fault.
var ErrNotAttempted = errors.New("not attempted: an object before it met a fault; send it again")

// errUndo ends a transaction whose results were already noted.
var errUndo = errors.New("undo the transaction")

// Import applies the objects of an import. transact runs a function in one
// transaction of its own, again when the store wants that.
func Import(m *Model, by Actor, req *ImportRequest, clock tandem.Clock, transact func(func(Tx) error) error) (*ImportResult, error) {
	run := &importRun{
		w: NewWriter(m, by), req: req, clock: clock,
		result: &ImportResult{Success: true, Objects: make([]ImportedObject, len(req.Objects))},
	}
	run.transact = func(f func(Tx) error) error {
		again := false
		return transact(func(tx Tx) error {
			if again {
				run.w.Forget() // what the undone transaction made is not there
			}
			again = true
			return f(tx)
		})
	}
	if err := run.foresee(); err != nil {
		return nil, err
	}
	if err := run.begin(); err != nil {
		return nil, err
	}
	apply := run.perObject
	switch {
	case req.DryRun:
		apply = run.rehearse
	case req.Transaction == AllObjects:
		apply = run.allObjects
	}
	if err := apply(); err != nil {
		return nil, err
	}
	if err := run.unlogged(run.end()); err != nil {
		return nil, err
	}
	return run.result, nil
}

type importRun struct {
	w        *Writer
	req      *ImportRequest
	clock    tandem.Clock
	transact func(func(Tx) error) error
	result   *ImportResult
	log      ImportLog // nil at logging level 0
	kept     bool      // something was changed and committed: from now on each object is told what became of it
}

// unlogged is why the import ends where its log cannot be written: it does not when
// something was changed, which is to be told.
func (r *importRun) unlogged(err error) error {
	if err == nil || !r.kept {
		return err
	}
	r.result.Unlogged = errors.Join(r.result.Unlogged, err)
	return nil
}

// ImportLog keeps what came with one Import and what became of it, in the
// transactions of the import.
type ImportLog interface {
	// Begin writes the head, which names the log.
	Begin(tx Tx) (model.Entity, error)
	// Note writes what became of the i-th object.
	Note(tx Tx, i int, done ImportedObject) error
	// End completes the head.
	End(tx Tx, result *ImportResult, at time.Time) error
}

// foresee refuses the import as a whole, before anything of it is done, when an
// object comes to rows that are not the actor's.
func (r *importRun) foresee() error {
	for _, o := range r.req.Objects {
		s, err := typeOf(r.w.model, o)
		if err != nil {
			continue // told in the object's own result
		}
		if err := r.w.foresee(s, o); err != nil {
			return err
		}
	}
	return nil
}

func (r *importRun) begin() error {
	if r.req.LoggingLevel == 0 || r.w.model.Log == nil {
		return nil
	}
	r.log = r.w.model.Log(r.w.model, r.w.by, r.req, r.clock.Now())
	return r.transact(func(tx Tx) (err error) {
		r.result.DataExchange, err = r.log.Begin(tx)
		return err
	})
}

func (r *importRun) perObject() error {
	for i := range r.req.Objects {
		err := r.transact(func(tx Tx) error {
			if err := r.applyOne(tx, i); err != nil {
				return err
			}
			return r.note(tx, i)
		})
		if err == nil {
			r.kept = r.kept || r.result.Objects[i].State != Unchanged
			continue
		}
		if err := r.failed(i, err); err != nil {
			return r.broken(i, err)
		}
		if err := r.unlogged(r.transact(func(tx Tx) error { return r.note(tx, i) })); err != nil {
			return err
		}
	}
	return nil
}

// broken ends the import with a fault at an object. Where others were changed before it
// they are told, and those after it are not attempted. Who has gone is told nothing.
func (r *importRun) broken(i int, err error) error {
	if !r.kept || errors.Is(err, context.Canceled) {
		return err
	}
	r.result.Success = false
	r.result.Objects[i] = ImportedObject{Err: err}
	for i++; i < len(r.result.Objects); i++ {
		r.result.Objects[i] = ImportedObject{Err: ErrNotAttempted}
	}
	return nil
}

func (r *importRun) allObjects() error {
	err := r.transact(func(tx Tx) error {
		if err := r.together(tx, func(int) error { return nil }); err != nil {
			return err
		}
		if !r.result.Success {
			return errUndo
		}
		return nil
	})
	if err != nil && !errors.Is(err, errUndo) {
		return err
	}
	r.kept = err == nil
	return r.unlogged(r.noteAll())
}

// together applies the objects in one transaction; one that fails is undone alone.
// Before each goOn says whether the transaction may last longer.
func (r *importRun) together(tx Tx, goOn func(i int) error) error {
	r.result.Success = true
	for i := range r.req.Objects {
		if err := goOn(i); err != nil {
			return err
		}
		if err := tx.Try(func() error { return r.applyOne(tx, i) }); err != nil {
			if err := r.failed(i, err); err != nil {
				return err
			}
		}
	}
	return nil
}

// Bounds of a dry run: its one transaction keeps other writers waiting, and gives
// them nothing for it. MaxRehearsal is how long it may last, unless it has no more
// objects than fewRehearsed.
const (
	MaxRehearsal = time.Second
	fewRehearsed = 50
)

// rehearse applies the objects one after another and undoes them all, whatever
// became of them.
func (r *importRun) rehearse() error {
	err := r.transact(func(tx Tx) error {
		began := tandem.SystemTime()
		err := r.together(tx, func(i int) error {
			if i >= fewRehearsed && tandem.SystemTime().Sub(began) > MaxRehearsal {
				return tandem.Errorf(tandem.CodeTooLarge, "Import: the dry run came to object %d of %d within %s, which is as long as it may keep others waiting; "+
					"send fewer objects at a time.", i, len(r.req.Objects), MaxRehearsal)
			}
			return nil
		})
		if err != nil {
			return err
		}
		return errUndo
	})
	if !errors.Is(err, errUndo) {
		return err
	}
	undone := map[model.Entity]bool{}
	for i := range r.result.Objects {
		o := &r.result.Objects[i]
		if o.State == Added {
			undone[o.Entity] = true
		}
		if undone[o.Entity] {
			o.Entity = model.Entity{}
		}
	}
	return nil
}

// notesAtOnce is how many objects are put in the log in one transaction: what
// waits to write gets its turn in between.
const notesAtOnce = 200

func (r *importRun) noteAll() error {
	if r.log == nil {
		return nil
	}
	for from := 0; from < len(r.result.Objects); from += notesAtOnce {
		err := r.transact(func(tx Tx) error {
			for i := from; i < min(from+notesAtOnce, len(r.result.Objects)); i++ {
				if err := r.note(tx, i); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// failed notes an object that a caller can mend, or may not write; faults end the
// import.
func (r *importRun) failed(i int, err error) error {
	r.w.Forget()
	var known *tandem.Error
	var denied *permission.Denied
	switch {
	case errors.As(err, &denied):
		err = denied
	case errors.As(err, &known):
		err = known
	default:
		return err
	}
	r.result.Success = false
	r.result.Objects[i] = ImportedObject{Err: err}
	return nil
}

// applyOne writes one object as its @erpnet.action says: create is the default,
// merge updates what is found and else creates it.
func (r *importRun) applyOne(tx Tx, i int) error {
	o := r.req.Objects[i]
	s, err := typeOf(r.w.model, o)
	if err != nil {
		return err
	}
	r.w.notes = nil
	if err := r.w.Renew(); err != nil {
		return err
	}
	outcome, err := r.w.In(tx, r.clock.Now()).Apply(s, o, actionCreate)
	r.result.Objects[i] = ImportedObject{Entity: outcome.Entity, State: outcome.State, Note: r.w.Note()}
	return err
}

func (r *importRun) note(tx Tx, i int) error {
	if r.log == nil {
		return nil
	}
	return r.log.Note(tx, i, r.result.Objects[i])
}

func (r *importRun) end() error {
	if r.log == nil {
		return nil
	}
	return r.transact(func(tx Tx) error { return r.log.End(tx, r.result, r.clock.Now()) })
}
