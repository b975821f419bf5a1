package data

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/sqldb"
)

// Permissions keeps groups, keys and grants; it implements [permission.Store].
type Permissions struct{ db *sqldb.DB }

// NewPermissions keeps them in the instance's database.
func NewPermissions(db *sqldb.DB) *Permissions { return &Permissions{db} }

var _ permission.Store = (*Permissions)(nil)

var permissionGroups = sqldb.NewTable("permission_groups", func(g *permission.Group, column sqldb.Column) {
	column("id", &g.ID)
	column("name", &g.Name)
	column("group_type", &g.Type)
	column("notes", &g.Notes)
})

var permissionKeys = sqldb.NewTable("permission_keys", func(k *permission.Key, column sqldb.Column) {
	column("id", &k.ID)
	column("kind", &k.Kind)
	column("name", &k.Name)
	column("entity_name", &k.EntityName)
	column("attribute", &k.Attribute)
	column("entity_id", &k.EntityID)
	column("created_at", sqldb.TimeField(&k.CreatedAt))
})

// grantRow is a grant as it is stored: attributes joined by commas.
type grantRow struct {
	permission.Grant
	rights     int64
	attributes string
}

var permissionGrants = sqldb.NewTable("permission_grants", func(g *grantRow, column sqldb.Column) {
	column("group_id", &g.Group)
	column("key_id", &g.Key)
	column("rights", &g.rights)
	column("update_attributes", &g.attributes)
})

const permissionVersion = `SELECT last FROM change_counters WHERE name = 'permissions'`

// Version implements [permission.Store].
func (s *Permissions) Version(ctx context.Context) (n int64, err error) {
	stmt, err := s.db.ReadStmt(ctx, permissionVersion)
	if err != nil {
		return 0, err
	}
	return n, stmt.QueryRowContext(ctx).Scan(&n)
}

// Definitions implements [permission.Store]. What is read by several statements is
// of one moment if nothing was changed between the first and the last.
func (s *Permissions) Definitions(ctx context.Context) (d permission.Definitions, err error) {
	for {
		if d.Version, err = s.Version(ctx); err != nil {
			return d, err
		}
		if err := s.read(ctx, &d); err != nil {
			return d, err
		}
		now, err := s.Version(ctx)
		if err != nil || now == d.Version {
			return d, err
		}
	}
}

func (s *Permissions) read(ctx context.Context, d *permission.Definitions) (err error) {
	db := s.db.Reader()
	if d.Groups, err = permissionGroups.All(db.QueryContext(ctx, permissionGroups.Select+`ORDER BY name_key`)); err != nil {
		return err
	}
	if d.Keys, err = permissionKeys.All(db.QueryContext(ctx, permissionKeys.Select+`ORDER BY kind, entity_name, attribute, name, id`)); err != nil {
		return err
	}
	grants, err := permissionGrants.All(db.QueryContext(ctx, permissionGrants.Select+`ORDER BY group_id, key_id`))
	d.Grants = sqldb.Each(grants, (*grantRow).grant)
	return err
}

func (g *grantRow) grant() permission.Grant {
	g.Rights = permission.Right(g.rights)
	if g.attributes != "" {
		g.UpdateAttributes = strings.Split(g.attributes, ",")
	}
	return g.Grant
}

// GroupsOf implements [permission.Store].
func (s *Permissions) GroupsOf(ctx context.Context, userID string) (groups []string, version int64, err error) {
	stmt, err := s.db.ReadStmt(ctx, `SELECT c.last, COALESCE(m.group_id, '') FROM change_counters c
		LEFT JOIN permission_members m ON m.user_id = $1 WHERE c.name = 'permissions'`)
	if err != nil {
		return nil, 0, err
	}
	rows, err := stmt.QueryContext(ctx, userID)
	if err != nil {
		return nil, 0, err
	}
	defer rows.Close()
	for rows.Next() {
		var group string
		if err := rows.Scan(&version, &group); err != nil {
			return nil, 0, err
		}
		if group != "" {
			groups = append(groups, group)
		}
	}
	return groups, version, rows.Err()
}

// Members implements [permission.Store].
func (s *Permissions) Members(ctx context.Context, groupID, after string, limit int) ([]tandem.User, error) {
	all, err := users.All(s.db.Reader().QueryContext(ctx, users.Select+`WHERE id IN (SELECT user_id FROM permission_members WHERE group_id = $1)
		AND login_key > $2 ORDER BY login_key LIMIT $3`, groupID, signin.LoginKey(after), limit))
	return sqldb.Each(all, func(a *signin.Account) tandem.User { return a.User }), err
}

// memberOf is an account with one of its groups, or none.
type memberOf struct {
	tandem.User
	group string
}

// EachAccount implements [permission.Store].
func (s *Permissions) EachAccount(ctx context.Context, each func(u *tandem.User, groups []string) error) error {
	rows, err := s.db.Reader().QueryContext(ctx, `SELECT u.id, u.login, u.user_type, u.is_admin, u.is_enabled, COALESCE(m.group_id, '')
		FROM users u LEFT JOIN permission_members m ON m.user_id = u.id WHERE u.is_enabled AND u.login NOT LIKE '%#%' ORDER BY u.id, m.group_id`)
	if err != nil {
		return err
	}
	defer rows.Close()
	var u tandem.User
	var groups []string
	for rows.Next() {
		var next memberOf
		if err := rows.Scan(&next.ID, &next.Login, &next.Type, &next.Admin, &next.Enabled, &next.group); err != nil {
			return err
		}
		if next.ID != u.ID && u.ID != "" {
			if err := each(&u, groups); err != nil {
				return err
			}
			groups = nil
		}
		u = next.User
		if next.group != "" {
			groups = append(groups, next.group)
		}
	}
	if err := rows.Err(); err != nil || u.ID == "" {
		return err
	}
	return each(&u, groups)
}

// errUnchanged takes back a transaction that changed nothing.
var errUnchanged = errors.New("nothing was changed")

// change runs f in a transaction that counts the version up when f says that it
// changed something. The version is counted first, so that one changes after the other
// and f may decide by what it reads.
func (s *Permissions) change(ctx context.Context, f func(tx *sql.Tx) (changed bool, err error)) error {
	err := s.db.Write(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `UPDATE change_counters SET last = last + 1 WHERE name = 'permissions'`); err != nil {
			return err
		}
		changed, err := f(tx)
		if err == nil && !changed {
			err = errUnchanged
		}
		return err
	})
	if errors.Is(err, errUnchanged) {
		return nil
	}
	return err
}

// PutGroup implements [permission.Store].
func (s *Permissions) PutGroup(ctx context.Context, g permission.Group) error {
	err := s.change(ctx, func(tx *sql.Tx) (bool, error) {
		return sqldb.Changed(tx.ExecContext(ctx, `INSERT INTO permission_groups (id, name, name_key, group_type, notes) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (id) DO UPDATE SET name = excluded.name, name_key = excluded.name_key, notes = excluded.notes`,
			g.ID, g.Name, strings.ToLower(g.Name), g.Type, g.Notes))
	})
	if sqldb.IsUnique(err) {
		return tandem.Errorf(tandem.CodeConflict, "there is a group %q already", g.Name)
	}
	return err
}

// DeleteGroup implements [permission.Store].
func (s *Permissions) DeleteGroup(ctx context.Context, id string) error {
	return s.change(ctx, func(tx *sql.Tx) (bool, error) {
		for _, from := range []string{"permission_members WHERE group_id", "permission_grants WHERE group_id", "permission_groups WHERE id"} {
			if _, err := tx.ExecContext(ctx, `DELETE FROM `+from+` = $1`, id); err != nil {
				return false, err
			}
		}
		return true, nil
	})
}

// PutMember implements [permission.Store].
func (s *Permissions) PutMember(ctx context.Context, groupID, userID string) (there bool, err error) {
	err = s.change(ctx, func(tx *sql.Tx) (bool, error) {
		added, err := sqldb.Changed(tx.ExecContext(ctx, `INSERT INTO permission_members (user_id, group_id) VALUES ($1, $2)
			ON CONFLICT (user_id, group_id) DO NOTHING`, userID, groupID))
		there = !added
		return added, err
	})
	return there, err
}

// RemoveMember implements [permission.Store].
func (s *Permissions) RemoveMember(ctx context.Context, groupID, userID string) (there bool, err error) {
	err = s.change(ctx, func(tx *sql.Tx) (bool, error) {
		there, err = sqldb.Changed(tx.ExecContext(ctx, `DELETE FROM permission_members WHERE group_id = $1 AND user_id = $2`, groupID, userID))
		return there, err
	})
	return there, err
}

// leaveGroups takes an account that goes out of all groups.
func leaveGroups(ctx context.Context, tx *sql.Tx, userID string) error {
	was, err := sqldb.Changed(tx.ExecContext(ctx, `DELETE FROM permission_members WHERE user_id = $1`, userID))
	if err == nil && was {
		_, err = tx.ExecContext(ctx, `UPDATE change_counters SET last = last + 1 WHERE name = 'permissions'`)
	}
	return err
}

// PutKey implements [permission.Store].
func (s *Permissions) PutKey(ctx context.Context, k permission.Key) error {
	return s.change(ctx, func(tx *sql.Tx) (bool, error) { return putKey(ctx, tx, k) })
}

func putKey(ctx context.Context, tx *sql.Tx, k permission.Key) (added bool, err error) {
	return sqldb.Changed(tx.ExecContext(ctx, permissionKeys.Insert+` ON CONFLICT (id) DO NOTHING`, permissionKeys.Values(&k)...))
}

// ChangeGrant implements [permission.Store].
func (s *Permissions) ChangeGrant(ctx context.Context, groupID string, k permission.Key,
	change func(had *permission.Grant) (*permission.Grant, error),
) error {
	return s.change(ctx, func(tx *sql.Tx) (bool, error) {
		group, err := permissionGroups.All(tx.QueryContext(ctx, permissionGroups.Select+`WHERE id = $1`, groupID))
		if err == nil && len(group) == 0 {
			err = tandem.Errorf(tandem.CodeNotFound, "the group is gone")
		}
		if err != nil {
			return false, err
		}
		there, err := permissionGrants.All(tx.QueryContext(ctx, permissionGrants.Select+`WHERE group_id = $1 AND key_id = $2`, groupID, k.ID))
		if err != nil {
			return false, err
		}
		var had *permission.Grant
		if len(there) > 0 {
			g := there[0].grant()
			had = &g
		}
		has, err := change(had)
		switch {
		case err != nil:
			return false, err
		case has == nil:
			return sqldb.Changed(tx.ExecContext(ctx, `DELETE FROM permission_grants WHERE group_id = $1 AND key_id = $2`, groupID, k.ID))
		}
		if _, err := putKey(ctx, tx, k); err != nil {
			return false, err
		}
		return true, putGrant(ctx, tx, *has)
	})
}

func putGrant(ctx context.Context, tx *sql.Tx, g permission.Grant) error {
	row := grantRow{Grant: g, rights: int64(g.Rights), attributes: strings.Join(g.UpdateAttributes, ",")}
	_, err := tx.ExecContext(ctx, permissionGrants.Insert+` ON CONFLICT (group_id, key_id)
		DO UPDATE SET rights = excluded.rights, update_attributes = excluded.update_attributes`, permissionGrants.Values(&row)...)
	return err
}

// AddSets implements [permission.Store].
func (s *Permissions) AddSets(ctx context.Context, sets []permission.Key, grants []permission.Grant) error {
	return s.change(ctx, func(tx *sql.Tx) (changed bool, err error) {
		for _, k := range sets {
			added, err := putKey(ctx, tx, k)
			if err != nil {
				return false, err
			}
			if !added {
				continue
			}
			changed = true
			for _, g := range grants {
				if g.Key == k.ID {
					if err := putGrant(ctx, tx, g); err != nil {
						return false, err
					}
				}
			}
		}
		return changed, nil
	})
}
