package data

import (
	"cmp"
	"context"
	"database/sql"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/usage"
)

// Usage keeps what is used; it implements [usage.Store].
type Usage struct{ db *sqldb.DB }

// NewUsage keeps what is used in the instance's database.
func NewUsage(db *sqldb.DB) *Usage { return &Usage{db} }

var _ usage.Store = (*Usage)(nil)

var uses = sqldb.NewTable("uses", func(u *usage.Use, column sqldb.Column) {
	column("day", (*int64)(&u.Day))
	column("application_id", &u.ApplicationID)
	column("flow", (*string)(&u.Flow))
	column("what", &u.What)
	column("calls", &u.Calls)
})

var used = sqldb.NewTable("used", func(u *usage.Used, column sqldb.Column) {
	column("application_id", &u.ApplicationID)
	column("flow", (*string)(&u.Flow))
	column("what", &u.What)
	column("first_day", (*int64)(&u.First))
	column("last_day", (*int64)(&u.Last))
})

// AddUses implements [usage.Store]. Replicas write in the same order, so that none waits
// for another that waits for it.
func (s *Usage) AddUses(ctx context.Context, all []usage.Use) (left []usage.Use, err error) {
	left = summed(all, compareUses, func(into, u *usage.Use) { into.Calls += u.Calls })
	for len(left) > 0 {
		part := left[:min(len(left), usesAtOnce)]
		if err := s.db.Write(ctx, func(tx *sql.Tx) error { return s.addUses(ctx, tx, part) }); err != nil {
			return left, err
		}
		left = left[len(part):]
	}
	return nil, nil
}

func compareUses(a, b *usage.Use) int {
	return cmp.Or(strings.Compare(a.ApplicationID, b.ApplicationID), cmp.Compare(a.Flow, b.Flow),
		strings.Compare(a.What, b.What), cmp.Compare(a.Day, b.Day))
}

func compareUsed(a, b *usage.Used) int {
	return cmp.Or(strings.Compare(a.ApplicationID, b.ApplicationID), cmp.Compare(a.Flow, b.Flow), strings.Compare(a.What, b.What))
}

func (s *Usage) addUses(ctx context.Context, tx *sql.Tx, part []usage.Use) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO uses (`+uses.Columns+`) VALUES `+valueRows(s.db.Engine, 5, len(part))+
		` ON CONFLICT (day, application_id, flow, what) DO UPDATE SET calls = uses.calls + excluded.calls`, uses.AllValues(part)...)
	if err != nil {
		return err
	}
	days := make([]usage.Used, len(part))
	for i, u := range part {
		days[i] = usage.Used{ApplicationID: u.ApplicationID, Flow: u.Flow, What: u.What, First: u.Day, Last: u.Day}
	}
	days = summed(days, compareUsed, func(into, u *usage.Used) { into.First, into.Last = min(into.First, u.First), max(into.Last, u.Last) })
	_, err = tx.ExecContext(ctx, `INSERT INTO used (`+used.Columns+`) VALUES `+valueRows(s.db.Engine, 5, len(days))+
		` ON CONFLICT (application_id, flow, what) DO UPDATE SET last_day = excluded.last_day WHERE used.last_day < excluded.last_day`, used.AllValues(days)...)
	return err
}

// EachUsed implements [usage.Store].
func (s *Usage) EachUsed(ctx context.Context, applicationID string, each func(*usage.Used) error) error {
	query, args := used.Select+`WHERE application_id <> ''`, []any(nil)
	if applicationID != "" {
		query, args = used.Select+`WHERE application_id = $1`, []any{applicationID}
	}
	rows, err := s.db.Reader().QueryContext(ctx, query+` ORDER BY application_id, flow, what`, args...)
	return used.Range(rows, err, each)
}

// Sums implements [usage.Store]. Each day is looked up in the key.
func (s *Usage) Sums(ctx context.Context, applicationID string, since usage.Day) ([]usage.Use, error) {
	return uses.All(s.db.Reader().QueryContext(ctx, `WITH RECURSIVE d (day) AS (
			SELECT CAST($2 AS BIGINT) UNION ALL SELECT day + 1 FROM d WHERE day < (SELECT MAX(day) FROM uses))
		SELECT MAX(u.day), u.application_id, u.flow, u.what, CAST(SUM(u.calls) AS BIGINT)
		FROM d CROSS JOIN uses u WHERE u.day = d.day AND u.application_id = $1
		GROUP BY u.application_id, u.flow, u.what ORDER BY u.flow, u.what`, applicationID, int64(since)))
}

// EachSum implements [usage.Store]. The days are summed up here: a database would sort all of
// them first, in memory.
func (s *Usage) EachSum(ctx context.Context, since usage.Day, each func(*usage.Use) error) error {
	type key struct {
		application string
		flow        tandem.Flow
		what        string
	}
	sums := map[key]*usage.Use{}
	rows, err := s.db.Reader().QueryContext(ctx, uses.Select+`WHERE day >= $1
		AND (what IN ('scope:read', 'scope:update') OR what >= 'grant:' AND what < 'grant;')`, int64(since))
	err = uses.Range(rows, err, func(u *usage.Use) error {
		of := key{u.ApplicationID, u.Flow, u.What}
		sum := sums[of]
		if sum == nil {
			first := *u
			sums[of] = &first
			return nil
		}
		sum.Calls, sum.Day = sum.Calls+u.Calls, max(sum.Day, u.Day)
		return nil
	})
	if err != nil {
		return err
	}
	for _, u := range slices.SortedFunc(maps.Values(sums), compareUses) {
		if err := each(u); err != nil {
			return err
		}
	}
	return nil
}

// Since implements [usage.Store].
func (s *Usage) Since(ctx context.Context) (usage.Day, error) {
	var day int64
	err := s.db.Reader().QueryRowContext(ctx, `SELECT COALESCE(MIN(first_day), 0) FROM used WHERE application_id = '' AND flow = '' AND what = $1`,
		usage.Running).Scan(&day)
	return usage.Day(day), err
}

var (
	oldDays  = sqldb.Purge{Table: "uses", Column: "day"}
	oldUsed  = sqldb.Purge{Table: "used", Column: "last_day"}
	oldSpans = sqldb.Purge{Table: "tallies", Column: "at", And: `span = $4`}
)

// PurgeUses implements [usage.Store].
func (s *Usage) PurgeUses(ctx context.Context, before usage.Day) error {
	return purge(ctx, s.db, int64(before), oldDays, oldUsed)
}

// PurgeTallies implements [usage.Store].
func (s *Usage) PurgeTallies(ctx context.Context, span time.Duration, before time.Time) error {
	p := oldSpans
	p.Args = []any{seconds(span)}
	return purge(ctx, s.db, sqldb.Micros(before), p)
}

func seconds(d time.Duration) int64 { return int64(d / time.Second) }
