package data

import (
	"context"
	"database/sql"
	"errors"
	"runtime"
	"slices"
	"strings"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/query"
	"github.com/hybridapps/tandem/sqldb"
)

// maxGathered is how many expanded rows are read, and held in memory, for a part
// of a page; when there are more, the part is made smaller, down to one row.
const maxGathered = 25_000

// Query implements [query.Reader]. A page is read as a whole before its rows are
// given away, so that no slow caller holds a connection.
func (e *ERP) Query(ctx context.Context, q *query.Query, each func(*query.Row) error) error {
	defer runtime.KeepAlive(q.By) // whose keys a statement knows by a number
	if err := q.Check(); err != nil {
		return err
	}
	rows, err := e.read(ctx, q, nil, nil)
	if err != nil {
		return err
	}
	n := len(rows.rows)
	for len(q.Expand) > 0 && len(rows.rows) > 0 {
		n = min(n, len(rows.rows))
		err := e.expand(ctx, q, rows, n, &budget{e.atOnce})
		if errors.Is(err, errGathered) && n > 1 {
			n = max(1, n/4) // and the parts after this one, too
			continue
		}
		if err != nil {
			return err
		}
		if err := yield(rows.rows[:n], each); err != nil {
			return err
		}
		rows.drop(n)
	}
	return yield(rows.rows, each)
}

func yield(rows []query.Row, each func(*query.Row) error) error {
	for i := range rows {
		if err := each(&rows[i]); err != nil {
			return err
		}
	}
	return nil
}

// Count implements [query.Reader].
func (e *ERP) Count(ctx context.Context, q *query.Query) (n int64, err error) {
	defer runtime.KeepAlive(q.By)
	if err := q.Check(); err != nil {
		return 0, err
	}
	narrow, err := e.narrowFor(ctx, q, maxNarrowedToCount)
	if err != nil {
		return 0, err
	}
	b := e.builder(q)
	b.narrow = narrow
	if b.few, err = e.few(ctx, q); err != nil {
		return 0, err
	}
	text, err := b.count(q)
	if err != nil {
		return 0, err
	}
	a, err := e.ask(ctx, text, b.args, b.scans)
	if err != nil {
		return 0, err
	}
	defer a.done()
	if a.Next() {
		err = a.Scan(&n)
	}
	return n, errors.Join(err, a.Err())
}

// answer is the rows of a statement.
type answer struct {
	*sql.Rows
	ctx   context.Context
	leave []func()
}

// ask runs a statement when it is its turn. scans says that it will look at many rows.
func (e *ERP) ask(ctx context.Context, text string, args []any, scans bool) (*answer, error) {
	shape := text[max(0, strings.Index(text, " FROM ")):]
	within, leave, err := e.gate.turn(ctx, shape, scans)
	if err != nil {
		return nil, err
	}
	if scans && e.db.Engine == sqldb.SQLite && !strings.HasPrefix(text, "SELECT COUNT") {
		// The driver can end a statement until its first row comes, and not between
		// rows: so all are found before the first is given.
		text = "WITH page AS MATERIALIZED (" + text + ") SELECT * FROM page"
	}
	rows, done, err := e.stmts.query(within, text, args)
	if err != nil {
		leave()
		return nil, told(within, err)
	}
	return &answer{rows, within, []func(){leave, done, func() { rows.Close() }}}, nil
}

// Err is why there are no more rows, nil when these were all.
func (a *answer) Err() error { return told(a.ctx, a.Rows.Err()) }

// done ends the statement.
func (a *answer) done() {
	for _, f := range slices.Backward(a.leave) {
		f()
	}
}

// errGathered tells that a part of a page expands to too much at once.
var errGathered = tandem.Errorf(tandem.CodeInvalid,
	"$expand reads more than %d rows for one row; expand less, and read the rest with a second request.", maxGathered)

// tooManyChildren refuses to show a collection as if it was whole.
func tooManyChildren(s *model.Set, by *model.Property) error {
	return tandem.Errorf(tandem.CodeInvalid, "$expand reads more than %d rows of %s for one %s; expand some of them with $top or $filter, "+
		"or read them with $filter=%[3]s eq '%s(…)', page by page.", query.MaxChildRows, s.Name, by.Name, by.Target.Name)
}

// budget counts the expanded rows that are read.
type budget struct{ left int }

// level is the rows of one level of a query.
type level struct {
	rows   []query.Row
	owners []string   // by row: what they were gathered by
	links  [][]string // by expand and row: the referenced ids, empty for null
	joined []*portion // by expand: what has been read with the rows, or nil
	most   int        // rows that may come; zero when there is no saying

	values   []model.Value // room for some more rows
	expanded []query.Row   // likewise, for the rows joined to them
	lists    [][]query.Row // likewise, for what the rows expand
}

// drop forgets the first rows.
func (l *level) drop(n int) {
	l.rows = l.rows[n:]
	for i := range l.links {
		if l.links[i] != nil {
			l.links[i] = l.links[i][n:]
		}
	}
}

// read reads one level.
func (e *ERP) read(ctx context.Context, q *query.Query, g *gather, left *budget) (*level, error) {
	var narrow []narrowing
	if g == nil {
		var err error
		if narrow, err = e.narrowFor(ctx, q, maxNarrowed); err != nil {
			return nil, err
		}
	}
	var few []openKeys
	if g == nil {
		var err error
		if few, err = e.few(ctx, q); err != nil {
			return nil, err
		}
	}
	p, err := e.plan(q, g, few, narrow...)
	if err != nil {
		return nil, err
	}
	found, err := e.ask(ctx, p.text, p.args, p.scans)
	if err != nil {
		return nil, err
	}
	defer found.done()
	l := &level{links: make([][]string, len(p.links)), joined: p.joined}
	if g == nil {
		l.most = q.Limit
	}
	cells, into := scanner(len(p.cells))
	var owner string
	n := 0 // rows of the owner
	for found.Next() {
		if err := found.Scan(into...); err != nil {
			return nil, err
		}
		if p.owner >= 0 {
			if cells[p.owner].Text != owner {
				owner, n = cells[p.owner].Text, 0
			}
			if n++; n > query.MaxChildRows {
				return nil, tooManyChildren(q.Set, g.by)
			}
			if left.left--; left.left < 0 {
				return nil, errGathered
			}
			l.owners = append(l.owners, owner)
		}
		l.add(p.shape, cells)
	}
	return l, found.Err()
}

// add makes a row of the cells, with the rows that were read beside it.
func (l *level) add(s *shape, cells []cell) {
	values := l.room(len(s.fields) + len(s.order))
	row := s.row(cells, values)
	row.Key = values[len(s.fields):]
	for i, c := range s.order {
		row.Key[i] = model.Value(cells[c])
	}
	row.Expanded = some(&l.lists, len(s.links), l.ahead())
	for i, c := range s.links {
		switch p := s.joined[i]; {
		case p == nil && c >= 0:
			l.links[i] = append(l.links[i], cells[c].Text)
		case p != nil && cells[c].Text != "":
			one := some(&l.expanded, 1, l.ahead())
			one[0] = p.row(cells, l.room(len(p.fields)))
			row.Expanded[i] = one
		}
	}
	l.rows = append(l.rows, row)
}

func (l *level) room(n int) []model.Value { return some(&l.values, n, l.ahead()) }

// ahead is for how many rows room is made at a time: the more have been read, the
// more may come.
func (l *level) ahead() int {
	rows := min(64, max(8, len(l.rows)))
	if l.most > 0 {
		rows = max(1, min(rows, l.most-len(l.rows)))
	}
	return rows
}

// some takes the first n of what there is room for, and makes room for so many rows
// when it is not enough.
func some[T any](room *[]T, n, rows int) []T {
	if n == 0 {
		return nil
	}
	if len(*room) < n {
		*room = make([]T, n*rows)
	}
	taken := (*room)[:n:n]
	*room = (*room)[n:]
	return taken
}
