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

// AddUses implements [permission.Uses]. Replicas write in the same order, so that
// none waits for another that waits for it.
func (s *Permissions) AddUses(ctx context.Context, uses []permission.Use) error {
	rows := make([]useRow, len(uses))
	for i, u := range uses {
		rows[i] = useRow{u, int64(u.Right)}
	}
	slices.SortFunc(rows, func(a, b useRow) int {
		return cmp.Or(strings.Compare(a.UserID, b.UserID), strings.Compare(a.ApplicationURI, b.ApplicationURI), cmp.Compare(a.For, b.For),
			strings.Compare(a.Set, b.Set), strings.Compare(a.Attribute, b.Attribute), cmp.Compare(a.need, b.need))
	})
	for part := range slices.Chunk(rows, usesAtOnce) {
		err := s.db.Write(ctx, func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, insertUses(s.db.Engine, len(part)), permissionUses.AllValues(part)...)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// insertUses is the statement for so many rows. SQLite gets plain placeholders: it looks
// for numbered ones one by one.
func insertUses(engine sqldb.Engine, rows int) string {
	fields := len(permissionUses.Values(new(useRow)))
	var s strings.Builder
	s.WriteString(`INSERT INTO permission_uses (` + permissionUses.Columns + `) VALUES `)
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
	s.WriteString(`) ON CONFLICT (user_id, application_uri, person, set_name, attribute, need) DO UPDATE
		SET calls = permission_uses.calls + excluded.calls,
			last_at = CASE WHEN excluded.last_at > permission_uses.last_at THEN excluded.last_at ELSE permission_uses.last_at END`)
	return s.String()
}

// EachUse implements [permission.Uses].
func (s *Permissions) EachUse(ctx context.Context, userID string, since time.Time, each func(*permission.Use) error) error {
	query := permissionUses.Select + `WHERE last_at >= $1 `
	args := []any{sqldb.Micros(since)}
	if userID != "" {
		query += `AND user_id = $2 `
		args = append(args, userID)
	}
	rows, err := s.db.Reader().QueryContext(ctx, query+`ORDER BY user_id, set_name, attribute, need, application_uri, person`, args...)
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
