package data

import (
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/query"
	"github.com/hybridapps/tandem/erp/write"
	"github.com/hybridapps/tandem/sqldb"
)

// MaxTransaction bounds one write: an Import of all objects at once.
// Rows are stamped with the time of their change and seen at the commit, so a
// reader that asks again for what changed since its last run must look back
// further than this; the API's recipe looks back five minutes or more.
const MaxTransaction = 2 * time.Minute

// maxSeed bounds a transaction of the platform itself, which fills an ERP that
// nobody uses yet: a slow machine takes minutes for the demo company.
const maxSeed = 15 * time.Minute

// maxAttempts is how often a transaction is run that PostgreSQL undoes because
// of others.
const maxAttempts = 10

// ERP keeps the entity model's rows; it implements [write.Store].
type ERP struct {
	// Clock is nil for the system's.
	Clock tandem.Clock
	// Undo makes Write, CreateChild, Update, Delete, Do and Import undo what they have done.
	Undo bool

	db     *sqldb.DB
	model  *write.Model
	tables map[*model.Set]*table
	folded map[*model.Property]bool
	search map[string]*searchIndex // by table
	writes atomic.Int64            // transactions
	stmts  *statements
	shapes shapes
	fews   fews
	gate   *gate
	// atOnce is maxGathered, fewSkipped is fewSkipped; tests make them small.
	atOnce, fewSkipped int
}

var _ write.Store = (*ERP)(nil)

// NewERP keeps the rows of the model in the instance's database.
func NewERP(db *sqldb.DB, m *write.Model) *ERP {
	e := &ERP{
		db: db, model: m,
		tables: make(map[*model.Set]*table, len(m.Sets)),
		folded: folded(m.Model), stmts: newStatements(db), atOnce: maxGathered, fewSkipped: fewSkipped,
		gate: newGate(db, QueryLimits{}),
	}
	e.search = e.searchIndexes()
	for _, s := range m.Sets {
		e.tables[s] = e.newTable(s)
	}
	return e
}

// Limit sets what a session may ask; before any does.
func (e *ERP) Limit(l QueryLimits) { e.gate = newGate(e.db, l) }

// Transact runs f in one transaction: for seeding and other work that is not a
// single write of the API. f is run again when the database asks for it, so it
// must not change anything but through the [write.Tx]. It is given 15 minutes.
func (e *ERP) Transact(ctx context.Context, f func(write.Tx) error) error {
	return e.write(ctx, maxSeed, func(t *transaction) error { return f(t) })
}

// write runs f in a transaction, again when another one got in its way, for at
// most the limit.
func (e *ERP) write(ctx context.Context, limit time.Duration, f func(*transaction) error) error {
	errTooLong := tandem.Errorf(tandem.CodeUnavailable,
		"the transaction took longer than %s and was undone; send fewer objects at a time, or import them per-object", limit)
	ctx, cancel := context.WithTimeoutCause(ctx, limit, errTooLong)
	defer cancel()
	for attempt := 1; ; attempt++ {
		raced, err := e.once(ctx, f, attempt > 1)
		switch {
		case err == nil:
			return nil
		case context.Cause(ctx) == errTooLong:
			return errTooLong
		// Who was the first to insert has committed by now, and will be found.
		case raced && attempt == 1 && e.db.Engine == sqldb.PostgreSQL:
		case sqldb.IsDeadlock(err) && attempt < maxAttempts:
		default:
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(rand.N(time.Duration(attempt) * 5 * time.Millisecond)):
		}
	}
}

// once is one attempt; raced tells that a unique key was taken. Attempts after
// the first queue, so that two that got in each other's way do so but once.
func (e *ERP) once(ctx context.Context, f func(*transaction) error, again bool) (raced bool, err error) {
	e.writes.Add(1)
	t := &transaction{e: e, ctx: ctx, prepared: map[string]*sql.Stmt{}}
	err = e.db.Write(ctx, func(tx *sql.Tx) error {
		t.tx = tx
		if again && e.db.Engine == sqldb.PostgreSQL {
			if _, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock(hashtext('erp'))"); err != nil {
				return err
			}
		}
		return f(t)
	})
	if err == nil {
		e.stmts.keep(ctx, t.missed)
	}
	return t.taken, err
}

// present is the time as the store keeps it.
func (e *ERP) present() time.Time { return e.Clock.Now().UTC().Truncate(time.Microsecond) }

// Write implements [write.Store].
func (e *ERP) Write(ctx context.Context, by write.Actor, set *model.Set, o *write.Object) (write.Outcome, error) {
	return e.outcome(ctx, by, func(w *write.Writer) (write.Outcome, error) { return w.Apply(set, o, "create") })
}

// CreateChild implements [write.Store].
func (e *ERP) CreateChild(ctx context.Context, by write.Actor, owner model.Entity, when write.Condition,
	child *model.Child, o *write.Object) (write.Outcome, error) {
	return e.outcome(ctx, by, func(w *write.Writer) (write.Outcome, error) { return w.CreateChild(owner, when, child, o) })
}

// Update implements [write.Store].
func (e *ERP) Update(ctx context.Context, by write.Actor, entity model.Entity, when write.Condition,
	o *write.Object) (write.Outcome, error) {
	return e.outcome(ctx, by, func(w *write.Writer) (write.Outcome, error) { return w.Update(entity, when, o) })
}

// Delete implements [write.Store].
func (e *ERP) Delete(ctx context.Context, by write.Actor, entity model.Entity, when write.Condition) error {
	return e.change(ctx, by, func(w *write.Writer) error { return w.Delete(entity, when) })
}

// Do implements [write.Store].
func (e *ERP) Do(ctx context.Context, by write.Actor, entity model.Entity, when write.Condition, action string,
	args *write.Object) (write.Outcome, error) {
	return e.outcome(ctx, by, func(w *write.Writer) (write.Outcome, error) { return w.Do(entity, when, action, args) })
}

// outcome is change for a write that has one, with what the caller should know of it.
func (e *ERP) outcome(ctx context.Context, by write.Actor, f func(*write.Writer) (write.Outcome, error)) (out write.Outcome, err error) {
	err = e.change(ctx, by, func(w *write.Writer) error {
		out, err = f(w)
		out.Note = w.Note()
		return err
	})
	return out, err
}

func (e *ERP) change(ctx context.Context, by write.Actor, f func(*write.Writer) error) error {
	if t, _ := ctx.Value(togetherKey{}).(*together); t != nil {
		return t.change(e, by, f)
	}
	err := e.write(ctx, MaxTransaction, func(t *transaction) error {
		w := write.NewWriter(e.model, by).In(t, e.present())
		if err := w.Renew(); err != nil {
			return err
		}
		if err := f(w); err != nil || !e.Undo {
			return err
		}
		return errUndone
	})
	if errors.Is(err, errUndone) {
		return nil
	}
	if referred := (*write.Referred)(nil); errors.As(err, &referred) { // nobody waits for it any more
		w := write.NewWriter(e.model, by).In(finding{e: e, ctx: ctx}, e.present())
		if err := w.Renew(); err != nil {
			return err
		}
		return w.Named(err)
	}
	return err
}

// finding is a reader for a writer that writes nothing.
type finding struct {
	write.Tx
	e   *ERP
	ctx context.Context
}

// Find implements [write.Tx].
func (f finding) Find(q *query.Query) (found []model.Entity, err error) {
	if q.Fields == nil {
		q.Fields = []*model.Property{}
	}
	err = f.e.Query(f.ctx, q, func(r *query.Row) error {
		found = append(found, model.Entity{Set: r.Set, ID: r.ID})
		return nil
	})
	return found, err
}

// errUndone ends a transaction of a store that keeps nothing.
var errUndone = errors.New("done, and undone")

// Try runs f with a writer in a transaction of which nothing stays.
func (e *ERP) Try(ctx context.Context, by write.Actor, f func(*write.Writer) error) error {
	err := e.write(ctx, MaxTransaction, func(t *transaction) error {
		if err := f(write.NewWriter(e.model, by).In(t, e.present())); err != nil {
			return err
		}
		return errUndone
	})
	if errors.Is(err, errUndone) {
		return nil
	}
	return err
}

// Import implements [write.Store].
func (e *ERP) Import(ctx context.Context, by write.Actor, req *write.ImportRequest) (*write.ImportResult, error) {
	if e.Undo {
		dry := *req
		dry.DryRun, dry.LoggingLevel, dry.KeepPayload = true, 0, false
		req = &dry
	}
	return write.Import(e.model, by, req, e.present, func(f func(write.Tx) error) error {
		return e.write(ctx, MaxTransaction, func(t *transaction) error {
			err := f(t)
			if req.DryRun {
				t.taken = false // told in the result, and no reason to begin again
			}
			return err
		})
	})
}
