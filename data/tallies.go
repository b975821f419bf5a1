package data

import (
	"cmp"
	"context"
	"database/sql"
	"strings"
	"time"

	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/usage"
)

// tallyRow is a tally as it is stored.
type tallyRow struct {
	usage.Tally
	span int64
}

var tallies = sqldb.NewTable("tallies", func(t *tallyRow, column sqldb.Column) {
	column("span", &t.span)
	column("at", sqldb.TimeField(&t.At))
	column("kind", &t.Kind)
	column("application_id", &t.ApplicationID)
	column("flow", (*string)(&t.Flow))
	column("n", &t.N)
})

func isPeak(kind string) bool { return strings.HasPrefix(kind, usage.Peak) }

// compare is the order of the key.
func (t *tallyRow) compare(b *tallyRow) int {
	return cmp.Or(cmp.Compare(t.span, b.span), t.At.Compare(b.At), strings.Compare(t.Kind, b.Kind),
		strings.Compare(t.ApplicationID, b.ApplicationID), cmp.Compare(t.Flow, b.Flow))
}

func (t *tallyRow) add(b *tallyRow) {
	if isPeak(t.Kind) {
		t.N = max(t.N, b.N)
	} else {
		t.N += b.N
	}
}

// AddTallies implements [usage.Store].
func (s *Usage) AddTallies(ctx context.Context, all []usage.Tally) (left []usage.Tally, err error) {
	rows := make([]tallyRow, len(all))
	for i, t := range all {
		rows[i] = tallyRow{t, seconds(t.Span)}
	}
	rows = summed(rows, (*tallyRow).compare, (*tallyRow).add)
	for len(rows) > 0 {
		part := rows[:min(len(rows), usesAtOnce)]
		err := s.db.Write(ctx, func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, insertTallies(s.db.Engine, len(part)), tallies.AllValues(part)...)
			return err
		})
		if err != nil {
			return sqldb.Each(rows, func(t *tallyRow) usage.Tally { return t.Tally }), err
		}
		rows = rows[len(part):]
	}
	return nil, nil
}

func insertTallies(engine sqldb.Engine, rows int) string {
	return `INSERT INTO tallies (` + tallies.Columns + `) VALUES ` + valueRows(engine, 6, rows) +
		` ON CONFLICT (span, at, kind, application_id, flow) DO UPDATE SET n = CASE WHEN tallies.kind NOT LIKE '` + usage.Peak + `%' THEN tallies.n + excluded.n
			WHEN tallies.n < excluded.n THEN excluded.n ELSE tallies.n END`
}

// EachTally implements [usage.Store].
func (s *Usage) EachTally(ctx context.Context, f usage.Filter, each func(*usage.Tally) error) error {
	var w where
	w.add("span = ?", seconds(f.Span))
	w.when(!f.Since.IsZero(), "at >= ?", sqldb.Micros(f.Since))
	w.when(!f.Until.IsZero(), "at < ?", sqldb.Micros(f.Until))
	if f.Kind != "" {
		w.add("(kind = ? OR kind LIKE ?)", f.Kind, f.Kind+":%")
	}
	w.when(f.ApplicationID != "", "application_id = ?", f.ApplicationID)
	rows, err := s.db.Reader().QueryContext(ctx, tallies.Select+w.text()+` ORDER BY at, kind, application_id, flow`, w.args...)
	return tallies.Range(rows, err, func(t *tallyRow) error {
		t.Span = time.Duration(t.span) * time.Second
		return each(&t.Tally)
	})
}
