package data

import (
	"context"
	"database/sql"
	"errors"
	"strings"

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

// refold does one column, in the order of the ids.
func (e *ERP) refold(ctx context.Context, table string, p *model.Property) error {
	column, text := quoted(p.Column), quoted(p.Column+"_text")
	for from, more := "", true; more; {
		err := e.db.Write(ctx, func(tx *sql.Tx) error {
			rows, err := tx.QueryContext(ctx, "SELECT id, "+column+", COALESCE("+text+", '') FROM "+table+
				" WHERE id > $1 AND "+column+" IS NOT NULL ORDER BY id LIMIT $2", from, foldedAtOnce)
			if err != nil {
				return err
			}
			defer rows.Close()
			stale, n := map[string]string{}, 0
			for rows.Next() {
				var id, value, folded string
				if err := rows.Scan(&id, &value, &folded); err != nil {
					return err
				}
				if now := p.Fold(model.TextValue(value)); now != folded {
					stale[strings.Clone(id)] = now
				}
				from, n = id, n+1
			}
			if err := errors.Join(rows.Err(), rows.Close()); err != nil {
				return err
			}
			more = n == foldedAtOnce
			for id, folded := range stale {
				if _, err := tx.ExecContext(ctx, "UPDATE "+table+" SET "+text+" = $2 WHERE id = $1", id, folded); err != nil {
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
