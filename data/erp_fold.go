package data

import (
	"context"
	"database/sql"
	"errors"

	"github.com/hybridapps/tandem/erp/model"
)

// factFold is the version of the form in which searched texts are stored.
const factFold = "fold"

// foldedAtOnce is how many rows one transaction of [ERP.Refold] looks at, so that
// it holds no writer up.
const foldedAtOnce = 500

// Refold brings what is stored for searching into the form of this program,
// where a former one stored another: once, a few rows at a time, while others
// read and write.
func (e *ERP) Refold(ctx context.Context) error {
	var version string
	err := e.db.Reader().QueryRowContext(ctx, `SELECT value FROM erp_facts WHERE name = $1`, factFold).Scan(&version)
	if err != nil && !errors.Is(err, sql.ErrNoRows) || version == model.FoldVersion {
		return err
	}
	for _, s := range e.model.Sets {
		for _, p := range s.Properties {
			if !e.folded[p] || p.Set != s || s.View {
				continue
			}
			if err := e.refold(ctx, s.Table, p); err != nil {
				return err
			}
		}
	}
	_, err = e.db.Writer().ExecContext(ctx,
		`INSERT INTO erp_facts (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value`, factFold, model.FoldVersion)
	return err
}

// foldedText is a text that is searched: of a row, as it is kept, and as it is
// folded beside it.
type foldedText struct{ id, text, folded string }

// refold does one column, in the order of the ids.
func (e *ERP) refold(ctx context.Context, table string, p *model.Property) error {
	column, beside := quoted(p.Column), quoted(p.Column+"_text")
	read := "SELECT id, " + column + ", COALESCE(" + beside + ", '') FROM " + table +
		" WHERE id > $1 AND " + column + " IS NOT NULL ORDER BY id LIMIT $2"
	// Another text that was committed meanwhile was folded by who wrote it.
	fold := "UPDATE " + table + " SET " + beside + " = $1 WHERE id = $2 AND " + column + " = $3"
	for from := ""; ; {
		var rows []foldedText
		err := e.write(ctx, MaxTransaction, func(t *transaction) (err error) {
			if rows, err = t.folded(read, from); err != nil {
				return err
			}
			for _, r := range rows {
				now := p.Fold(model.TextValue(r.text))
				if now == r.folded {
					continue
				}
				if err := t.exec(fold, []any{now, r.id, r.text}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil || len(rows) < foldedAtOnce {
			return err
		}
		from = rows[len(rows)-1].id
	}
}

// folded are the next rows after the id.
func (t *transaction) folded(text, after string) (found []foldedText, err error) {
	rows, err := t.query(text, []any{after, foldedAtOnce})
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
