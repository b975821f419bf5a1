package data

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/sqldb"
)

var permissionUses = sqldb.NewTable("permission_uses", func(u *useRow, column sqldb.Column) {
	column("user_id", &u.UserID)
	column("application_uri", &u.ApplicationURI)
	column("person", (*string)(&u.For))
	column("set_name", &u.Set)
	column("attribute", &u.Attribute)
	column("key_id", &u.Key)
	column("need", &u.need)
	column("calls", &u.Calls)
	column("first_at", sqldb.TimeField(&u.First))
	column("last_at", sqldb.TimeField(&u.Last))
})

// useRow is a use as it is stored.
type useRow struct {
	permission.Use
	need int64
}

var _ permission.Uses = (*Permissions)(nil)

// usesAtOnce is how many uses one statement takes: others write between two.
const usesAtOnce = 100

// compare is the order of the key.
func (u *useRow) compare(b *useRow) int {
	return cmp.Or(strings.Compare(u.UserID, b.UserID), strings.Compare(u.ApplicationURI, b.ApplicationURI), cmp.Compare(u.For, b.For),
		strings.Compare(u.Set, b.Set), strings.Compare(u.Attribute, b.Attribute), strings.Compare(u.Key, b.Key), cmp.Compare(u.need, b.need))
}

// AddUses implements [permission.Uses]. Replicas write in the same order, so that
// none waits for another that waits for it.
func (s *Permissions) AddUses(ctx context.Context, uses []permission.Use) (left []permission.Use, err error) {
	row := func(u *permission.Use) useRow { return useRow{*u, int64(u.Right)} }
	compare := func(a, b *permission.Use) int {
		left, right := row(a), row(b)
		return left.compare(&right)
	}
	slices.SortStableFunc(uses, func(a, b permission.Use) int { return compare(&a, &b) })
	rows := summed(sqldb.Each(uses, row), (*useRow).compare, func(into, u *useRow) { into.Calls += u.Calls })
	for part := range slices.Chunk(rows, usesAtOnce) {
		err := s.db.Write(ctx, func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, insertUses(s.db.Engine, len(part)), permissionUses.AllValues(part)...)
			return err
		})
		if err != nil {
			return uses[slices.IndexFunc(uses, func(u permission.Use) bool { return compare(&u, &part[0].Use) >= 0 }):], err
		}
	}
	return nil, nil
}

// insertUses is the statement for so many rows.
func insertUses(engine sqldb.Engine, rows int) string {
	return `INSERT INTO permission_uses (` + permissionUses.Columns + `) VALUES ` + valueRows(engine, len(permissionUses.Values(new(useRow))), rows) +
		` ON CONFLICT (user_id, application_uri, person, set_name, attribute, key_id, need) DO UPDATE
		SET calls = permission_uses.calls + excluded.calls,
			last_at = CASE WHEN excluded.last_at > permission_uses.last_at THEN excluded.last_at ELSE permission_uses.last_at END`
}

// valueRows are the placeholders of so many rows. SQLite gets plain ones: it looks for
// numbered ones one by one.
func valueRows(engine sqldb.Engine, fields, rows int) string {
	var s strings.Builder
	for i := range rows * fields {
		switch {
		case i == 0:
			s.WriteString("(")
		case i%fields == 0:
			s.WriteString("), (")
		default:
			s.WriteString(", ")
		}
		if engine == sqldb.SQLite {
			s.WriteByte('?')
		} else {
			s.WriteString("$" + strconv.Itoa(i+1))
		}
	}
	return s.String() + ")"
}

// summed puts rows in the order of their key, and those with the same key together: a
// statement can write no row twice.
func summed[Row any](rows []Row, compare func(a, b *Row) int, add func(into, row *Row)) []Row {
	slices.SortFunc(rows, func(a, b Row) int { return compare(&a, &b) })
	var all []Row
	for i := range rows {
		if n := len(all); n > 0 && compare(&all[n-1], &rows[i]) == 0 {
			add(&all[n-1], &rows[i])
			continue
		}
		all = append(all, rows[i])
	}
	return all
}

// EachUse implements [permission.Uses].
func (s *Permissions) EachUse(ctx context.Context, userID string, since time.Time, each func(*permission.Use) error) error {
	query := permissionUses.Select + `WHERE last_at >= $1 `
	args := []any{sqldb.Micros(since)}
	if userID != "" {
		query += `AND user_id = $2 `
		args = append(args, userID)
	}
	rows, err := s.db.Reader().QueryContext(ctx, query+`ORDER BY user_id, set_name, attribute, key_id, need, application_uri, person`, args...)
	return permissionUses.Range(rows, err, func(u *useRow) error {
		u.Right = permission.Right(u.need)
		return each(&u.Use)
	})
}

// UsesSince is when the first of the uses that are kept was written down; zero when there
// are none.
func (s *Permissions) UsesSince(ctx context.Context) (time.Time, error) {
	var at int64
	err := s.db.Reader().QueryRowContext(ctx, `SELECT COALESCE(MIN(first_at), 0) FROM permission_uses`).Scan(&at)
	return sqldb.Time(at), err
}

// oldUses were not used for long.
var oldUses = sqldb.Purge{Table: "permission_uses", Column: "last_at"}

// PurgeUses implements [permission.Uses].
func (s *Permissions) PurgeUses(ctx context.Context, before time.Time) error {
	return purge(ctx, s.db, sqldb.Micros(before), oldUses)
}
