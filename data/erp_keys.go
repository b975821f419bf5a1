package data

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"

	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/permission"
)

// factKeys is the version of the permissions whose keys have been copied.
const factKeys = "keys"

// FollowKeys brings the ERP's copy of the keys that rows may have up to date, with
// all that was committed before the call. It may be called from many replicas at
// once. What the copy is behind by is only what a row can be given: who holds a key
// is never asked here.
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
	if err := e.db.Write(ctx, func(tx *sql.Tx) error { return takeKeys(ctx, tx, d) }); err != nil {
		return fmt.Errorf("copy the keys: %w", err)
	}
	return nil
}

// Share levels of [permission.Key] in the entity model.
const (
	keyPrivate = 0
	keyShared  = 4
)

func takeKeys(ctx context.Context, tx *sql.Tx, d permission.Definitions) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM erp_access_keys`); err != nil {
		return err
	}
	for _, k := range d.Keys {
		if k.Kind != permission.RowKey {
			continue
		}
		entity, level := sql.NullString{String: k.EntityID, Valid: k.EntityID != ""}, keyShared
		if entity.Valid {
			level = keyPrivate
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO erp_access_keys (id, name, name_text, entity_name, entity_id, share_level)
			VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO NOTHING`, k.ID, k.Name, model.FoldText(k.Name), k.EntityName, entity, level); err != nil {
			return err
		}
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO erp_facts (name, value) VALUES ($1, $2)
		ON CONFLICT (name) DO UPDATE SET value = excluded.value`, factKeys, strconv.FormatInt(d.Version, 10))
	return err
}
