package data

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/query"
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/sqldb"
)

// An account that sees few of the rows of a large set would have its page looked for
// among all of them, in the order that it asks for. Where that is more work than to
// find all rows that it sees, and to sort them, these are found first, by an index of
// what guards them. Which way is taken changes no answer.

const (
	// mostFew is how many rows are found and sorted at most.
	mostFew = 5_000
	// fewHolds is for how long an account is taken to see few rows, or many.
	fewHolds = time.Minute
	// maxFew bounds what is remembered; then all is forgotten.
	maxFew = 1000
	// pageLooked is about how many rows a page needs.
	pageLooked = 50
)

// fews remembers which accounts see few rows of which sets.
type fews struct {
	mu   sync.Mutex
	seen map[fewOf]fewSeen
}

type fewOf struct {
	rights uint64 // their serial
	set    *model.Set
}

type fewSeen struct {
	few bool
	at  time.Time
}

// openKeys are what a guard lets be seen: keys that are held, or rows that are referred
// to, as a list for the engine. The lists are known to the planner, as a subselect
// would not be: it knows how many rows each has.
type openKeys struct{ list string }

// few are what the guards of a set let be seen, where who asks sees few rows of it and
// it is large; nil otherwise.
func (e *ERP) few(ctx context.Context, q *query.Query) ([]openKeys, error) {
	if !mayBeFew(q) {
		return nil, nil
	}
	of, now := fewOf{q.By.Serial(), q.Set}, tandem.SystemTime()
	e.fews.mu.Lock()
	known, ok := e.fews.seen[of]
	e.fews.mu.Unlock()
	fresh := ok && now.Sub(known.at) < fewHolds
	if fresh && !known.few {
		return nil, nil
	}
	open, err := e.openKeys(ctx, q)
	if err != nil || fresh {
		return open, err
	}
	few, err := e.countFew(ctx, q, open)
	if err != nil {
		return nil, err
	}
	e.fews.mu.Lock()
	defer e.fews.mu.Unlock()
	if e.fews.seen == nil || len(e.fews.seen) >= maxFew {
		e.fews.seen = map[fewOf]fewSeen{}
	}
	e.fews.seen[of] = fewSeen{few, now}
	if !few {
		return nil, nil
	}
	return open, nil
}

// mayBeFew reports whether it has to be asked: documents and the like, in lists, by
// somebody who does not see all.
func mayBeFew(q *query.Query) bool {
	s := q.Set
	return q.By != nil && q.By.Outside() == nil && s.Owner == nil && !s.Abstract && s.Base == nil && !s.View && len(s.Guards()) > 0 && q.Need <= permission.Read &&
		!single(q) && q.By.Set(s.Name, permission.Read) && !s.OpenRows(q.By, permission.Read)
}

// openKeys reads what each guard lets be seen.
func (e *ERP) openKeys(ctx context.Context, q *query.Query) ([]openKeys, error) {
	open := make([]openKeys, len(q.Set.Guards()))
	for i, g := range q.Set.Guards() {
		held, every := q.By.Keys(g.Set.Name, permission.Read)
		if len(g.Refs) == 0 {
			open[i] = e.keysOf(held)
			continue
		}
		target, where := g.Refs[0].Target, "1 = 1"
		b := &builder{e: e}
		if !every {
			where = b.keyed(quoted(g.Key.Column), held)
		}
		if target.Base != nil {
			where = quoted(target.TypeProperty().Column) + " = " + itoa(target.Discriminator) + " AND " + where
		}
		ids, err := e.texts(ctx, "SELECT id FROM "+target.Table+" WHERE "+where, b.args)
		if err != nil {
			return nil, err
		}
		open[i] = e.keysOf(permission.HeldOf(ids))
	}
	return open, nil
}

func (e *ERP) keysOf(held permission.Held) openKeys {
	if e.db.Engine == sqldb.PostgreSQL {
		return openKeys{held.List}
	}
	return openKeys{held.JSON}
}

// countFew compares the two ways: n rows are found among all, or a page is, among
// those that lie before the end of it.
func (e *ERP) countFew(ctx context.Context, q *query.Query, open []openKeys) (bool, error) {
	all := `SELECT COALESCE(MAX(rowid), 0) FROM ` + q.Set.Table
	if e.db.Engine == sqldb.PostgreSQL {
		all = `SELECT CAST(GREATEST(reltuples, 0) AS BIGINT) FROM pg_class WHERE oid = to_regclass('` + q.Set.Table + `')`
	}
	rows, err := e.number(ctx, all, nil)
	if err != nil || rows < pageLooked*pageLooked {
		return false, err
	}
	b := &builder{e: e, set: q.Set, by: q.By, few: open}
	n, err := e.number(ctx, "SELECT COUNT(*) FROM ("+strings.Join(b.fewSelects(), " UNION ALL ")+" LIMIT "+itoa(mostFew+1)+") AS found", b.args)
	return n <= mostFew && n*n < pageLooked*rows, err
}

// number is the one number that a statement of a query yields.
func (e *ERP) number(ctx context.Context, text string, args []any) (n int64, err error) {
	a, err := e.ask(ctx, text, args, false)
	if err != nil {
		return 0, err
	}
	defer a.done()
	if a.Next() {
		err = a.Scan(&n)
	}
	if err == nil {
		err = a.Err()
	}
	return n, err
}

// texts are the texts that a statement of a query yields.
func (e *ERP) texts(ctx context.Context, text string, args []any) (all []string, err error) {
	a, err := e.ask(ctx, text, args, false)
	if err != nil {
		return nil, err
	}
	defer a.done()
	for a.Next() {
		var t string
		if err := a.Scan(&t); err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	return all, a.Err()
}

// fewGuard is the condition that a row is one of the few that are seen, or were when
// that was looked at: the guards decide.
func (b *builder) fewGuard() string {
	return "t0." + b.place() + " IN (" + strings.Join(b.fewSelects(), " UNION ALL ") + ")"
}

// place is what rows are found by soonest: where they lie. Within one statement no row moves.
func (b *builder) place() string {
	if b.e.db.Engine == sqldb.SQLite {
		return "rowid"
	}
	return "ctid"
}

// fewSelects select the rows that are seen: those that the first guard lets be seen
// since they have no key, and those whose key is held, each by an index.
func (b *builder) fewSelects() []string {
	first := []string{"1 = 1"}
	var others []string
	for i, g := range b.set.Guards() {
		column, required := "seen."+quoted(g.Key.Column), false
		if len(g.Refs) > 0 {
			column, required = "seen."+quoted(g.Refs[0].Column), g.Refs[0].Required
		} else if _, every := b.by.Keys(g.Set.Name, permission.Read); every {
			continue
		}
		switch open := column + b.listed(b.few[i]); {
		case required:
			others = append(others, open)
		case len(first) == 1:
			first = []string{column + " IS NULL", open}
		default:
			others = append(others, "("+column+" IS NULL OR "+open+")")
		}
	}
	selects := make([]string, len(first))
	for i, lead := range first {
		selects[i] = "SELECT seen." + b.place() + " FROM " + b.set.Table + " AS seen WHERE " + strings.Join(append([]string{lead}, others...), " AND ")
	}
	return selects
}

// listed is the condition that a column is one of a list.
func (b *builder) listed(open openKeys) string {
	if b.e.db.Engine == sqldb.PostgreSQL {
		return " = ANY (string_to_array(" + b.arg(open.list) + ", ','))"
	}
	return " IN (SELECT value FROM json_each(" + b.arg(open.list) + "))"
}
