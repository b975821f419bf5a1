package data

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/sqldb"
)

// factKeys is the version of the permissions whose keys have been copied.
const factKeys = "keys"

// FollowKeys brings the ERP's copy of the keys that rows may have up to date, with
// all that was committed before the call and every replica knows: see
// [permission.Settling]. It may be called from many replicas at once. What the copy is
// behind by is only what a row can be given: who holds a key is never asked here.
func (e *ERP) FollowKeys(ctx context.Context, from *Permissions) error {
	version, err := from.Version(ctx)
	if err != nil {
		return err
	}
	done, err := e.copied(ctx, factKeys)
	if err != nil || done == version {
		return err
	}
	d, err := from.Definitions(ctx)
	if err != nil {
		return err
	}
	copied, err := sqldb.List[string](e.db.Reader().QueryContext(ctx, `SELECT id FROM erp_access_keys`))
	if err != nil {
		return err
	}
	changes := keyChanges(d.Keys, copied, e.present())
	if changes.none() && changes.young {
		return nil // looked at again until all are old enough
	}
	if err := e.db.Write(ctx, func(tx *sql.Tx) error { return changes.take(ctx, tx, d.Version) }); err != nil {
		return fmt.Errorf("copy the keys: %w", err)
	}
	return nil
}

// copyKeys is how the copy of the keys has to be changed.
type copyKeys struct {
	add    []permission.Key
	remove []string
	young  bool // there are keys that not every replica may know yet
}

func keyChanges(keys []permission.Key, copied []string, now time.Time) (c copyKeys) {
	old := make(map[string]bool, len(copied))
	for _, id := range copied {
		old[id] = true
	}
	for i := range keys {
		k := &keys[i]
		switch {
		case k.Kind != permission.RowKey:
		case old[k.ID]:
			delete(old, k.ID)
		case k.Settled(now):
			c.add = append(c.add, *k)
		default:
			c.young = true
		}
	}
	c.remove = slices.Collect(maps.Keys(old))
	return c
}

func (c *copyKeys) none() bool { return len(c.add) == 0 && len(c.remove) == 0 }

// Share levels of [permission.Key] in the entity model.
const (
	keyPrivate = 0
	keyShared  = 4
)

// take changes the copy. The version is noted once it has all keys.
func (c *copyKeys) take(ctx context.Context, tx *sql.Tx, version int64) error {
	for _, id := range c.remove { // of a database that is older now
		if _, err := tx.ExecContext(ctx, `DELETE FROM erp_access_keys WHERE id = $1`, id); err != nil {
			return err
		}
	}
	for _, k := range c.add {
		entity, level := sql.NullString{String: k.EntityID, Valid: k.EntityID != ""}, keyShared
		if entity.Valid {
			level = keyPrivate
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO erp_access_keys (id, name, name_text, entity_name, entity_id, share_level)
			VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO NOTHING`, k.ID, k.Name, model.FoldText(k.Name), k.EntityName, entity, level); err != nil {
			return err
		}
	}
	if c.young {
		return nil
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO erp_facts (name, value) VALUES ($1, $2)
		ON CONFLICT (name) DO UPDATE SET value = excluded.value`, factKeys, strconv.FormatInt(version, 10))
	return err
}
