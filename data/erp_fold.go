package data

import (
	"context"
	"database/sql"
	"errors"

	"github.com/hybridapps/tandem/erp/model"
)

// folding is a form that texts are kept in beside themselves: the fact that names
// the version that is stored, and the one of this program.
type folding struct {
	holds         held
	fact, version string
}

// foldings are all of them.
var foldings = [...]folding{{heldText, "fold", model.FoldVersion}, {heldCase, "fold case", model.CaseVersion}}

// foldedAtOnce is how many rows one transaction of [ERP.Refold] looks at, so that
// it holds no writer up.
const foldedAtOnce = 500

// Refold brings what is stored for searching and comparing into the form of this
// program, where a former one stored another: once, a few rows at a time, while
// others read and write.
func (e *ERP) Refold(ctx context.Context) error {
	for _, f := range foldings {
		stored, err := e.fact(ctx, f.fact)
		if err != nil {
			return err
		}
		if stored == f.version {
			continue
		}
		if err := e.refoldAll(ctx, f.holds); err != nil {
			return err
		}
		if err := e.setFact(ctx, f.fact, f.version); err != nil {
			return err
		}
	}
	return nil
}

// fact is what the ERP's database knows by a name, empty for nothing.
func (e *ERP) fact(ctx context.Context, name string) (value string, err error) {
	err = e.db.Reader().QueryRowContext(ctx, `SELECT value FROM erp_facts WHERE name = $1`, name).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return value, err
}

func (e *ERP) setFact(ctx context.Context, name, value string) error {
	_, err := e.db.Writer().ExecContext(ctx, keepFact, name, value)
	return err
}

const keepFact = `INSERT INTO erp_facts (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value`

// refoldAll does all columns that hold one form.
func (e *ERP) refoldAll(ctx context.Context, holds held) error {
	for _, s := range e.model.Sets {
		for _, c := range e.tables[s].columns {
			if c.holds != holds || c.property.Set != s || s.View {
				continue
			}
			if err := e.refold(ctx, s.Table, c); err != nil {
				return err
			}
		}
	}
	return nil
}

// foldedText is a text of a row, as it is kept, and as it is folded beside it.
type foldedText struct {
	id, text string
	folded   sql.NullString
}

// refold does one column, in the order of the ids.
func (e *ERP) refold(ctx context.Context, table string, c column) error {
	column := quoted(c.property.Column)
	read := "SELECT id, " + column + ", " + c.name + " FROM " + table + " WHERE id > $1 AND " + column + " IS NOT NULL"
	if c.holds == heldCase { // ASCII has no other form
		read += " AND length(" + column + ") <> octet_length(" + column + ")"
	}
	read += " ORDER BY id LIMIT $2"
	// Another text that was committed meanwhile was folded by who wrote it.
	fold := "UPDATE " + table + " SET " + c.name + " = $1 WHERE id = $2 AND " + column + " = $3"
	for from := ""; ; {
		rows, err := e.foldedTexts(ctx, read, from)
		if err != nil {
			return err
		}
		if err := e.foldAgain(ctx, fold, c, rows); err != nil || len(rows) < foldedAtOnce {
			return err
		}
		from = rows[len(rows)-1].id
	}
}

// foldedTexts are the next rows after the id.
func (e *ERP) foldedTexts(ctx context.Context, text, after string) (found []foldedText, err error) {
	rows, err := e.db.Reader().QueryContext(ctx, text, after, foldedAtOnce)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var r foldedText
		if err := rows.Scan(&r.id, &r.text, &r.folded); err != nil {
			return nil, err
		}
		found = append(found, r)
	}
	return found, rows.Err()
}

// foldAgain writes what has another form now.
func (e *ERP) foldAgain(ctx context.Context, statement string, c column, rows []foldedText) error {
	var args [][]any
	for _, r := range rows {
		now := c.arg(model.TextValue(r.text))
		if text, ok := now.(string); ok != r.folded.Valid || text != r.folded.String {
			args = append(args, []any{now, r.id, r.text})
		}
	}
	if len(args) == 0 {
		return nil
	}
	return e.write(ctx, MaxTransaction, func(t *transaction) error {
		for _, a := range args {
			if err := t.exec(statement, a); err != nil {
				return err
			}
		}
		return nil
	})
}
