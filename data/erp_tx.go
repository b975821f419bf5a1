package data

import (
	"context"
	"database/sql"
	"fmt"
	"runtime"
	"strconv"
	"strings"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/query"
	"github.com/hybridapps/tandem/erp/write"
	"github.com/hybridapps/tandem/sqldb"
)

// transaction implements [write.Tx].
type transaction struct {
	e   *ERP
	ctx context.Context
	tx  *sql.Tx
	// prepared are the statements of this transaction by their text, missed
	// the texts of those that were prepared in it.
	prepared map[string]*sql.Stmt
	missed   []string
	depth    int  // of savepoints
	taken    bool // a unique key was
	reads    bool // on a reader, which the statements kept for writes are not for
}

// stmt prepares a text that comes again and again. The number of such texts
// is bounded by the model.
func (t *transaction) stmt(text string) (*sql.Stmt, error) {
	if s := t.prepared[text]; s != nil {
		return s, nil
	}
	var s *sql.Stmt
	if kept := t.e.stmts.writing(text); kept != nil {
		s = t.tx.StmtContext(t.ctx, kept)
	} else {
		var err error
		if s, err = t.tx.PrepareContext(t.ctx, text); err != nil {
			return nil, err
		}
		t.missed = append(t.missed, text)
	}
	t.prepared[text] = s
	return s, nil
}

// quick is the context of one statement: the end of the transaction's context
// is looked for between statements, which costs much less than within them.
func (t *transaction) quick() (context.Context, error) {
	return context.WithoutCancel(t.ctx), t.ctx.Err()
}

func (t *transaction) query(text string, args []any) (*sql.Rows, error) {
	ctx, err := t.quick()
	if err != nil {
		return nil, err
	}
	if t.e.stmts.server || t.reads {
		return t.tx.QueryContext(ctx, text, args...)
	}
	s, err := t.stmt(text)
	if err != nil {
		return nil, err
	}
	return s.QueryContext(ctx, args...)
}

func (t *transaction) exec(text string, args []any) error {
	ctx, err := t.quick()
	if err != nil {
		return err
	}
	if t.e.stmts.server {
		_, err := t.tx.ExecContext(ctx, text, args...)
		return err
	}
	s, err := t.stmt(text)
	if err != nil {
		return err
	}
	_, err = s.ExecContext(ctx, args...)
	return err
}

// Find implements [write.Tx].
func (t *transaction) Find(q *query.Query) ([]model.Entity, error) {
	defer runtime.KeepAlive(q.By)
	if err := q.Check(); err != nil {
		return nil, err
	}
	narrow, err := t.e.narrow(func(text string, arg any) (int64, error) { return t.number(text, arg) }, q, maxNarrowed)
	if err != nil {
		return nil, err
	}
	b := t.e.builder(q)
	b.narrow = narrow
	text, err := b.find(q)
	if err != nil {
		return nil, err
	}
	rows, err := t.query(text, b.args)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var found []model.Entity
	var id, kind cell
	for rows.Next() {
		e := model.Entity{Set: q.Set}
		if !q.Set.View {
			if err := rows.Scan(&id, &kind); err != nil {
				return nil, err
			}
			e.ID = id.Text
			if q.Set.Abstract {
				e.Set = q.Set.Concrete(kind.Int)
			}
		}
		found = append(found, e)
	}
	return found, rows.Err()
}

// Load implements [write.Tx].
func (t *transaction) Load(s *model.Set, id string, lock bool) (*model.Record, error) {
	if s.View {
		return nil, fmt.Errorf("load a row of %s: it has no id", s.Name)
	}
	if s.Abstract {
		found, err := t.Find(query.ByID(s, id))
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			return nil, missing(s, id)
		}
		s = found[0].Set
	}
	table := t.e.tables[s]
	text, args := table.load, []any{id}
	if s.Base != nil {
		args = append(args, s.Discriminator)
	}
	if lock {
		text += t.e.lock()
	}
	rows, err := t.query(text, args)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	if !rows.Next() {
		if err := rows.Err(); err != nil {
			return nil, err
		}
		return nil, missing(s, id)
	}
	return table.scan(rows, id)
}

func missing(s *model.Set, id string) error {
	return tandem.Errorf(tandem.CodeNotFound, "There is no %s.", model.Entity{Set: s, ID: id})
}

// scan reads the row that load found.
func (tb *table) scan(rows *sql.Rows, id string) (*model.Record, error) {
	r := &model.Record{Set: tb.set, ID: id, Values: make([]model.Value, len(tb.set.Properties))}
	types := make([]cell, 0, 4)
	into := make([]any, 0, len(tb.columns))
	for _, c := range tb.columns {
		switch c.holds {
		case heldValue:
			into = append(into, (*cell)(&r.Values[c.property.Index]))
		case heldType:
			types = append(types, cell{}) // within its capacity: the model has no more
			into = append(into, &types[len(types)-1])
		}
	}
	if err := rows.Scan(into...); err != nil {
		return nil, err
	}
	n := 0
	for _, c := range tb.columns {
		if c.holds == heldType {
			r.Values[c.property.Index].Int = types[n].Int
			n++
		}
	}
	r.Saved = append([]model.Value(nil), r.Values...)
	return r, nil
}

// Insert implements [write.Tx].
func (t *transaction) Insert(rows ...*model.Record) error {
	together := 1 // SQLite has no round trips to save
	if t.e.stmts.server {
		together = maxInserted
	}
	for len(rows) > 0 {
		n := 1
		for n < min(len(rows), together) && rows[n].Set == rows[0].Set {
			n++
		}
		if err := t.insert(rows[:n]); err != nil {
			return t.explain(rows[0].Set, err)
		}
		rows = rows[n:]
	}
	return nil
}

// maxInserted is how many rows one statement adds on PostgreSQL; with it no
// table comes near the 65535 arguments that it takes.
const maxInserted = 100

// insert adds rows of one set.
func (t *transaction) insert(rows []*model.Record) error {
	table := t.e.tables[rows[0].Set]
	args := make([]any, 0, len(rows)*len(table.columns))
	for _, r := range rows {
		for _, c := range table.columns {
			args = append(args, c.arg(r.Values[c.property.Index]))
		}
	}
	if err := t.exec(table.inserting(len(rows)), args); err != nil {
		return err
	}
	for _, r := range rows {
		r.Saved = append(r.Saved[:0], r.Values...)
	}
	return nil
}

// Save implements [write.Tx].
func (t *transaction) Save(r *model.Record) error {
	table := t.e.tables[r.Set]
	var b strings.Builder
	var args []any
	b.WriteString("UPDATE ")
	b.WriteString(r.Set.Table)
	for _, c := range table.columns {
		if !r.Changed(c.property) {
			continue
		}
		if len(args) == 0 {
			b.WriteString(" SET ")
		} else {
			b.WriteString(", ")
		}
		args = append(args, c.arg(r.Values[c.property.Index]))
		b.WriteString(c.name + " = $" + strconv.Itoa(len(args)))
	}
	if len(args) == 0 {
		return nil
	}
	for i, c := range table.keys {
		b.WriteString([...]string{" WHERE ", " AND "}[min(i, 1)])
		args = append(args, c.arg(r.Saved[c.property.Index]))
		b.WriteString(c.name + " = $" + strconv.Itoa(len(args)))
	}
	ctx, err := t.quick()
	if err != nil {
		return err
	}
	// Which columns change varies too much to keep the statement.
	done, err := t.tx.ExecContext(ctx, b.String(), args...)
	if err != nil {
		return t.explain(r.Set, err)
	}
	if n, err := done.RowsAffected(); err != nil || n != 1 {
		return fmt.Errorf("save %s: %d rows: %w", model.Entity{Set: r.Set, ID: r.ID}, n, err)
	}
	r.Saved = append(r.Saved[:0], r.Values...)
	return nil
}

// Remove implements [write.Tx].
func (t *transaction) Remove(s *model.Set, id string) error {
	if err := t.removeHanging(s, id); err != nil {
		return removing(model.Entity{Set: s, ID: id}, err)
	}
	for _, c := range s.Children {
		err := t.exec("DELETE FROM "+c.Set.Table+" WHERE "+quoted(c.Owner.Column)+" = $1", []any{id})
		if err != nil {
			return removing(model.Entity{Set: s, ID: id}, err)
		}
	}
	return removing(model.Entity{Set: s, ID: id}, t.exec(t.e.tables[s].remove, []any{id}))
}

// removeHanging deletes what hangs on a row: its files.
func (t *transaction) removeHanging(on *model.Set, id string) error {
	if !on.TakesFiles() {
		return nil
	}
	for _, s := range t.e.model.Sets {
		if s.Hang() == nil {
			continue
		}
		// Callers choose ids, so that rows of two sets can have the same.
		is := quoted(s.Hang().ID.Column) + " = $1 AND " + quoted(s.Hang().Type.Column) + " = $2"
		args := []any{id, on.Name}
		for _, c := range s.Children {
			if err := t.exec("DELETE FROM "+c.Set.Table+" WHERE "+quoted(c.Owner.Column)+" IN (SELECT id FROM "+s.Table+" WHERE "+is+")", args); err != nil {
				return err
			}
		}
		if err := t.exec("DELETE FROM "+s.Table+" WHERE "+is, args); err != nil {
			return err
		}
	}
	return nil
}

// NextNumbers implements [write.Tx].
func (t *transaction) NextNumbers(counter string, n int) (first int64, err error) {
	last, err := t.number(`INSERT INTO erp_counters (name, value) VALUES ($1, $2)
		ON CONFLICT (name) DO UPDATE SET value = erp_counters.value + excluded.value RETURNING value`, counter, n)
	return last - int64(n) + 1, err
}

// Aggregate implements [write.Tx].
func (t *transaction) Aggregate(f write.Aggregate, child *model.Child, owner string, p *model.Property) (int64, error) {
	name := "SUM"
	if f == write.Max {
		name = "MAX"
	}
	return t.number("SELECT CAST(COALESCE("+name+"("+quoted(p.Column)+"), 0) AS BIGINT) FROM "+child.Set.Table+
		" WHERE "+quoted(child.Owner.Column)+" = $1", owner)
}

// number is the one number that a statement yields.
func (t *transaction) number(text string, args ...any) (n int64, err error) {
	rows, err := t.query(text, args)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	if !rows.Next() {
		return 0, fmt.Errorf("no number: %w", rows.Err())
	}
	if err := rows.Scan(&n); err != nil {
		return 0, err
	}
	return n, rows.Close()
}

// Try implements [write.Tx].
func (t *transaction) Try(f func() error) error {
	ctx, err := t.quick()
	if err != nil {
		return err
	}
	t.depth++
	defer func() { t.depth-- }()
	name := "try" + strconv.Itoa(t.depth)
	if _, err := t.tx.ExecContext(ctx, "SAVEPOINT "+name); err != nil {
		return err
	}
	err = f()
	if err != nil {
		if _, undo := t.tx.ExecContext(ctx, "ROLLBACK TO SAVEPOINT "+name); undo != nil {
			return fmt.Errorf("undo a part of the transaction: %w", undo)
		}
	}
	if _, release := t.tx.ExecContext(ctx, "RELEASE SAVEPOINT "+name); release != nil && err == nil {
		return release
	}
	return err
}

// explain tells a caller which key is taken or which row is missing.
func (t *transaction) explain(s *model.Set, err error) error {
	if key := sqldb.UniqueKey(err); key != "" {
		t.taken = true
		return duplicate(s, key)
	}
	if sqldb.IsForeignKey(err) {
		return tandem.Errorf(tandem.CodeConflict, "%s: a row that this one refers to was deleted meanwhile; read it again.", s.Name)
	}
	return err
}
