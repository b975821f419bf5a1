package data

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/sqldb"
)

// Facts about the indexes that are there: of each, after factSearch and its table, its
// number and its form, which is unfinished until all rows wait or are taken in. Programs
// of before had factAllSearch, one form of all.
const (
	factSearch    = "search:"
	factAllSearch = "search"
	unfinished    = "-"
)

const makeWaiting = ` erp_search_waiting (number INTEGER, place INTEGER, PRIMARY KEY (number, place)) WITHOUT ROWID`

// create are the statements that make the index with a number, empty. What a statement
// writes is only noted, by triggers; [ERP.IndexWaiting] takes it in later, and until then
// whatever waits is among what a search looks at.
func (s *searchIndex) create(number int64) []string {
	waits := ` BEGIN INSERT OR IGNORE INTO erp_search_waiting (number, place) VALUES (` + itoa(number) + `, `
	return []string{
		`CREATE VIRTUAL TABLE ` + s.name() + ` USING fts5(texts, content='', contentless_delete=1, detail=none, tokenize='trigram case_sensitive 1')`,
		`CREATE TRIGGER ` + s.name() + `_added AFTER INSERT ON ` + s.table + waits + `new.rowid); END`,
		`CREATE TRIGGER ` + s.name() + `_changed AFTER UPDATE OF ` + strings.Join(s.made(), ", ") + ` ON ` + s.table + waits + `new.rowid); END`,
		`CREATE TRIGGER ` + s.name() + `_removed AFTER DELETE ON ` + s.table + waits + `old.rowid); END`,
	}
}

// drop are those that take it away.
func (s *searchIndex) drop() []string {
	return []string{`DROP TABLE IF EXISTS ` + s.name(),
		`DROP TRIGGER IF EXISTS ` + s.name() + `_added`, `DROP TRIGGER IF EXISTS ` + s.name() + `_changed`, `DROP TRIGGER IF EXISTS ` + s.name() + `_removed`}
}

// form tells what it is made of.
func (s *searchIndex) form() string { return form(append(s.create(0), s.doc())) }

// formOfAll is the form that programs of before kept, of all indexes with their numbers.
func (e *ERP) formOfAll() string {
	all := []string{`CREATE TABLE` + makeWaiting}
	var docs []string
	for i, x := range inOrder(e.search) {
		all = append(append(all, x.create(int64(i))...), `INSERT INTO erp_search_waiting (number, place) SELECT `+itoa(int64(i))+`, rowid FROM `+x.table)
		docs = append(docs, x.doc())
	}
	return form(append(all, docs...))
}

// indexSQLite makes tables of FTS5: those that are missing or of another form. The others
// stay as they are, with their numbers.
func (e *ERP) indexSQLite(ctx context.Context) error {
	if err := e.takeOverSearch(ctx); err != nil {
		return err
	}
	numbers, forms, next := map[string]int64{}, map[string]string{}, int64(0)
	rows, err := e.db.Reader().QueryContext(ctx, `SELECT SUBSTR(name, `+itoa(int64(len(factSearch)+1))+`) || ' ' || SUBSTR(value, INSTR(value, ' ') + 1),
		CAST(value AS INTEGER) FROM erp_facts WHERE name LIKE '`+factSearch+`%'`)
	err = eachPair(rows, err, func(fact string, number int64) {
		table, form, _ := strings.Cut(fact, " ")
		numbers[table], forms[table], next = number, form, max(next, number+1)
	})
	if err != nil {
		return err
	}
	for table, number := range numbers {
		if e.search[table] == nil {
			if err := e.forgetSearch(ctx, &searchIndex{table: table, number: number}); err != nil {
				return err
			}
		}
	}
	var made, there []*searchIndex
	var failed error
	for _, x := range inOrder(e.search) {
		if x.ready.Load() { // since an error at another: searches read its number
			continue
		}
		number, known := numbers[x.table]
		if !known {
			number, next = next, next+1
		}
		x.number = number
		if forms[x.table] == x.form() {
			there = append(there, x)
		} else if err := e.makeSearch(ctx, x); err != nil {
			failed = errors.Join(failed, err)
		} else {
			made = append(made, x)
		}
	}
	// Only now: whoever searches while another table is made is told of a changed schema.
	for _, x := range there {
		x.ready.Store(true)
	}
	for _, x := range made {
		if err := e.fillSearch(ctx, x); err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		x.ready.Store(true)
	}
	return failed
}

// takeOverSearch makes facts about each index of the one about all: they are as they
// should be, or all are to be made anew.
func (e *ERP) takeOverSearch(ctx context.Context) error {
	was, err := e.fact(ctx, factAllSearch)
	if err != nil || was == "" {
		return err
	}
	same := was == e.formOfAll()
	return e.db.Write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM erp_facts WHERE name = '`+factAllSearch+`' OR name LIKE '`+factSearch+`%'`)
		if err == nil && !same {
			_, err = tx.ExecContext(ctx, `INSERT INTO erp_facts (name, value)
				SELECT '`+factSearch+`' || SUBSTR(name, 1, LENGTH(name) - LENGTH('_search')), (ROW_NUMBER() OVER (ORDER BY name) - 1) || ' `+unfinished+`'
				FROM sqlite_master WHERE sql LIKE 'CREATE VIRTUAL TABLE %_search USING fts5(%'`)
		}
		for i, x := range inOrder(e.search) {
			if err == nil && same {
				x.number = int64(i)
				err = x.keep(ctx, tx, x.form())
			}
		}
		return err
	})
}

// keep keeps the fact about the index.
func (s *searchIndex) keep(ctx context.Context, on executor, form string) error {
	_, err := on.ExecContext(ctx, keepFact, factSearch+s.table, itoa(s.number)+" "+form)
	return err
}

// forgetSearch takes away the index of a table that is not searched by one any more.
func (e *ERP) forgetSearch(ctx context.Context, x *searchIndex) error {
	return e.db.Write(ctx, func(tx *sql.Tx) error {
		return execAll(ctx, tx, append(x.drop(), `DELETE FROM erp_search_waiting WHERE number = `+itoa(x.number),
			`DELETE FROM erp_facts WHERE name = '`+factSearch+x.table+`'`)...)
	})
}

// filledAtOnce is how many rows of a table one transaction lets wait.
const filledAtOnce = 5_000

// makeSearch makes an index, empty.
func (e *ERP) makeSearch(ctx context.Context, x *searchIndex) error {
	return e.db.Write(ctx, func(tx *sql.Tx) error {
		all := append([]string{`CREATE TABLE IF NOT EXISTS` + makeWaiting}, x.drop()...)
		if err := execAll(ctx, tx, append(all, x.create(x.number)...)...); err != nil {
			return err
		}
		return x.keep(ctx, tx, unfinished)
	})
}

// fillSearch lets all rows of an index's table wait to be taken in.
func (e *ERP) fillSearch(ctx context.Context, x *searchIndex) error {
	last := int64(0)
	err := e.littleByLittle(ctx, func() (more bool, err error) {
		var n, upto int64
		err = e.db.Reader().QueryRowContext(ctx, `SELECT COUNT(*), COALESCE(MAX(place), 0) FROM
			(SELECT rowid AS place FROM `+x.table+` WHERE rowid > $1 ORDER BY rowid LIMIT `+itoa(filledAtOnce)+`)`, last).Scan(&n, &upto)
		if err != nil || n == 0 {
			return false, err
		}
		_, err = e.db.Writer().ExecContext(ctx, `INSERT OR IGNORE INTO erp_search_waiting (number, place)
			SELECT `+itoa(x.number)+`, rowid FROM `+x.table+` WHERE rowid > $1 AND rowid <= $2`, last, upto)
		last = upto
		return n == filledAtOnce, err
	})
	if err != nil {
		return err
	}
	return x.keep(ctx, e.db.Writer(), x.form())
}

func execAll(ctx context.Context, tx *sql.Tx, statements ...string) error {
	for _, s := range statements {
		if _, err := tx.ExecContext(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// indexedAtOnce is how many rows one transaction takes in: some tens of milliseconds.
const indexedAtOnce = 50

// IndexWaiting takes in what was written since the last time, a few rows at a time
// while others write, and says how many rows that were: for the indexes that are made.
// PostgreSQL does so by itself.
func (e *ERP) IndexWaiting(ctx context.Context) (rows int, err error) {
	if e.db.Engine == sqldb.PostgreSQL {
		return 0, nil
	}
	for _, x := range inOrder(e.search) {
		if !x.ready.Load() {
			continue
		}
		err := e.littleByLittle(ctx, func() (more bool, err error) {
			n, err := e.takeIn(ctx, x)
			rows += n
			return n == indexedAtOnce, err
		})
		if err != nil {
			return rows, err
		}
	}
	return rows, nil
}

// littleByLittle does one step after another, until there is no more, and lets others
// write between two.
func (e *ERP) littleByLittle(ctx context.Context, step func() (more bool, err error)) error {
	for {
		writes, began := e.writes.Load(), tandem.SystemTime()
		if more, err := step(); err != nil || !more {
			return err
		}
		pause := tandem.SystemTime().Sub(began)
		if e.writes.Load() != writes { // others write: they come first
			pause *= 9
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

// takeIn takes in the next rows of a table.
func (e *ERP) takeIn(ctx context.Context, x *searchIndex) (n int, err error) {
	number := itoa(x.number)
	err = e.db.Reader().QueryRowContext(ctx, `SELECT COUNT(*) FROM (SELECT 1 FROM erp_search_waiting WHERE number = `+number+
		` LIMIT `+itoa(indexedAtOnce)+`)`).Scan(&n)
	if err != nil || n == 0 {
		return 0, err
	}
	next := ` IN (SELECT place FROM erp_search_waiting WHERE number = ` + number + ` ORDER BY place LIMIT ` + itoa(indexedAtOnce) + `)`
	return n, e.db.Write(ctx, func(tx *sql.Tx) error {
		return execAll(ctx, tx,
			`DELETE FROM `+x.name()+` WHERE rowid`+next,
			`INSERT INTO `+x.name()+` (rowid, texts) SELECT rowid, `+x.doc()+` FROM `+x.table+` WHERE rowid`+next,
			`DELETE FROM erp_search_waiting WHERE number = `+number+` AND place`+next)
	})
}
