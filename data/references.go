package data

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/registry"
	"github.com/hybridapps/tandem/sqldb"
)

// References keeps reference tokens; it implements [registry.ReferenceStore].
type References struct{ db *sqldb.DB }

// NewReferences keeps them in the instance's database.
func NewReferences(db *sqldb.DB) *References { return &References{db} }

var _ registry.ReferenceStore = (*References)(nil)

var referenceTokens = sqldb.NewTable("reference_tokens", referenceColumns)

func referenceColumns(t *tandem.ReferenceToken, column sqldb.Column) {
	column("id", &t.ID)
	column("kind", &t.Kind)
	column("application_id", &t.ApplicationID)
	column("application_uri", &t.ApplicationURI)
	column("user_id", &t.UserID)
	column("name", &t.Name)
	column("scope", scopeField(&t.Scope))
	column("created_at", sqldb.TimeField(&t.CreatedAt))
	column("expires_at", sqldb.TimeField(&t.ExpiresAt))
	column("created_by", &t.CreatedBy)
	column("created_from", &t.CreatedFrom)
	column("last_used_at", sqldb.TimeField(&t.LastUsedAt))
	column("last_used_from", &t.LastUsedFrom)
	column("calls", &t.Calls)
	column("last_written_at", sqldb.TimeField(&t.LastWrittenAt))
	column("revoked_at", sqldb.TimeField(&t.RevokedAt))
	column("revoked_by", &t.RevokedBy)
	column("successor_of", &t.SuccessorOf)
}

// madeReference is a row with the hash, as it is written once.
type madeReference struct {
	tandem.ReferenceToken
	hash [sha256.Size]byte
}

var madeReferences = sqldb.NewTable("reference_tokens", func(t *madeReference, column sqldb.Column) {
	referenceColumns(&t.ReferenceToken, column)
	column("hash", (*hashField)(&t.hash))
})

// AddReference implements [registry.ReferenceStore]. The application's row keeps those
// who count at the same time apart.
func (s *References) AddReference(ctx context.Context, t tandem.ReferenceToken, hash [sha256.Size]byte, most int) error {
	return s.db.Write(ctx, func(tx *sql.Tx) error {
		if err := s.mayAdd(ctx, tx, &t, most); err != nil {
			return err
		}
		return addReference(ctx, tx, t, hash)
	})
}

// mayAdd counts the live tokens of the account and application, but the one in whose place
// the new one comes. That one must have no other successor.
func (s *References) mayAdd(ctx context.Context, tx *sql.Tx, t *tandem.ReferenceToken, most int) error {
	var id string
	err := tx.QueryRowContext(ctx, `SELECT id FROM applications WHERE id = $1 AND deleted_at = 0`+s.db.ForUpdate(), t.ApplicationID).Scan(&id)
	if err != nil {
		return sqldb.NotFound(err, "there is no application %q", t.ApplicationURI)
	}
	var live, successors int
	err = tx.QueryRowContext(ctx, `SELECT COUNT(*), COALESCE(SUM(CASE WHEN $4 <> '' AND successor_of = $4 THEN 1 ELSE 0 END), 0) FROM reference_tokens
		WHERE user_id = $1 AND application_id = $2 AND revoked_at = 0 AND expires_at > $3 AND id <> $4`,
		t.UserID, t.ApplicationID, sqldb.Micros(t.CreatedAt), t.SuccessorOf).Scan(&live, &successors)
	switch {
	case err != nil:
		return err
	case successors > 0:
		return tandem.Errorf(tandem.CodeConflict, "the reference token %s has a successor: if nobody has it, revoke that one first", t.SuccessorOf)
	case live >= most:
		return tandem.Errorf(tandem.CodeConflict, "the account has %d live reference tokens for %s: revoke those that nobody needs "+
			"(tandem token list --application %[2]s --unused 60d)", live, t.ApplicationURI)
	}
	return nil
}

// addReference adds one. An id that is taken was made with a form that was sent twice.
func addReference(ctx context.Context, tx *sql.Tx, t tandem.ReferenceToken, hash [sha256.Size]byte) error {
	_, err := tx.ExecContext(ctx, madeReferences.Insert, madeReferences.Values(&madeReference{t, hash})...)
	if sqldb.IsUnique(err) {
		return tandem.Errorf(tandem.CodeConflict, "the reference token %s was made before", t.ID)
	}
	return err
}

// ReferenceByHash implements [registry.References].
func (s *References) ReferenceByHash(ctx context.Context, hash [sha256.Size]byte) (tandem.ReferenceToken, error) {
	return s.one(ctx, `WHERE hash = $1`, hash[:], "there is no such reference token")
}

// ReferenceByID implements [registry.References].
func (s *References) ReferenceByID(ctx context.Context, id string) (tandem.ReferenceToken, error) {
	return s.one(ctx, `WHERE id = $1`, id, "there is no reference token %s", id)
}

func (s *References) one(ctx context.Context, where string, arg any, missing string, args ...any) (tandem.ReferenceToken, error) {
	stmt, err := s.db.ReadStmt(ctx, referenceTokens.Select+where)
	if err != nil {
		return tandem.ReferenceToken{}, err
	}
	t, err := referenceTokens.One(stmt.QueryRowContext(ctx, arg))
	return t, sqldb.NotFound(err, missing, args...)
}

// ReferencesAfter implements [registry.References].
func (s *References) ReferencesAfter(ctx context.Context, change int64, tell func(id string)) error {
	stmt, err := s.db.ReadStmt(ctx, `SELECT id FROM reference_tokens WHERE change > $1 AND change > 0`)
	if err != nil {
		return err
	}
	ids, err := sqldb.List[string](stmt.QueryContext(ctx, change))
	for _, id := range ids {
		tell(id)
	}
	return err
}

// PageReferences implements [registry.ReferenceStore].
func (s *References) PageReferences(ctx context.Context, f registry.ReferenceFilter, after string, limit int) ([]registry.ListedReference, error) {
	var w where
	w.when(after != "", "t.id < ?", after)
	w.when(f.ApplicationURI != "", "t.application_uri = ?", f.ApplicationURI)
	w.when(f.UserID != "", "t.user_id = ?", f.UserID)
	w.when(f.Kind != "", "t.kind = ?", string(f.Kind))
	w.when(!f.LiveAt.IsZero(), "t.revoked_at = 0 AND t.expires_at > ?", sqldb.Micros(f.LiveAt))
	w.when(!f.UnusedSince.IsZero(), "t.last_used_at < ? AND t.created_at < ?", sqldb.Micros(f.UnusedSince), sqldb.Micros(f.UnusedSince))
	w.when(!f.ExpiresBefore.IsZero(), "t.expires_at < ?", sqldb.Micros(f.ExpiresBefore))
	return listedReferences.All(s.db.Reader().QueryContext(ctx, selectListedReferences+w.text()+` ORDER BY t.id DESC LIMIT `+strconv.Itoa(limit), w.args...))
}

// listedReferences are rows with the login of the account.
var (
	listedReferences = sqldb.NewTable("reference_tokens", func(t *registry.ListedReference, column sqldb.Column) {
		referenceColumns(&t.ReferenceToken, func(name string, value any) { column("t."+name, value) })
		column("u.login", &t.User)
	})
	selectListedReferences = `SELECT ` + listedReferences.Columns + ` FROM reference_tokens t JOIN users u ON u.id = t.user_id `
)

// changedReferences counts the changes up, for the statement that follows in the same
// transaction, which writes [newestReference] to the rows.
func changedReferences(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, `UPDATE change_counters SET last = last + 1 WHERE name = 'reference_tokens'`)
	return err
}

const newestReference = `change = (SELECT last FROM change_counters WHERE name = 'reference_tokens')`

// RevokeReference implements [registry.ReferenceStore].
func (s *References) RevokeReference(ctx context.Context, id, by string, at time.Time) (revoked bool, err error) {
	err = s.db.Write(ctx, func(tx *sql.Tx) error {
		revoked, err = endReferences(ctx, tx, "id = $3", id, by, at)
		return err
	})
	return revoked, err
}

// endReferences revokes those that are not revoked of the ones where the column has
// the value, and reports whether there were any.
func endReferences(ctx context.Context, tx *sql.Tx, where, value, by string, at time.Time) (bool, error) {
	if err := changedReferences(ctx, tx); err != nil {
		return false, err
	}
	return sqldb.Changed(tx.ExecContext(ctx, `UPDATE reference_tokens SET revoked_at = $1, revoked_by = $2, `+newestReference+
		` WHERE revoked_at = 0 AND `+where, sqldb.Micros(at), by, value))
}

// ReplaceReference implements [registry.ReferenceStore].
func (s *References) ReplaceReference(
	ctx context.Context, id string, until time.Time, t tandem.ReferenceToken, hash [sha256.Size]byte, most int,
) error {
	return s.db.Write(ctx, func(tx *sql.Tx) error {
		if err := s.mayAdd(ctx, tx, &t, most); err != nil {
			return err
		}
		if err := changedReferences(ctx, tx); err != nil {
			return err
		}
		set, args := `expires_at = CASE WHEN expires_at > $1 THEN $1 ELSE expires_at END`, []any{sqldb.Micros(until), id}
		if !until.After(t.CreatedAt) {
			set, args = `revoked_at = $1, revoked_by = $3`, append(args, t.CreatedBy)
		}
		args[0] = sqldb.Micros(until)
		live, err := sqldb.Changed(tx.ExecContext(ctx, `UPDATE reference_tokens SET `+set+`, `+newestReference+` WHERE id = $2 AND revoked_at = 0`, args...))
		if err != nil {
			return err
		}
		if !live {
			return tandem.Errorf(tandem.CodeConflict, "the reference token %s was revoked: make another one with tandem token create", id)
		}
		return addReference(ctx, tx, t, hash)
	})
}

// ReferencesUsed implements [registry.ReferenceStore]. Replicas write in the same
// order, so that none waits for another that waits for it. It is no change: nobody
// needs to read a token again for this.
func (s *References) ReferencesUsed(ctx context.Context, uses map[string]*registry.ReferenceUse) error {
	for ids := range slices.Chunk(slices.Sorted(maps.Keys(uses)), usesAtOnce) {
		err := s.db.Write(ctx, func(tx *sql.Tx) error {
			for _, id := range ids {
				if err := referenceUsed(ctx, tx, id, uses[id]); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		for _, id := range ids {
			delete(uses, id) // is written down
		}
	}
	return nil
}

func referenceUsed(ctx context.Context, tx *sql.Tx, id string, use *registry.ReferenceUse) error {
	_, err := tx.ExecContext(ctx, `UPDATE reference_tokens SET calls = calls + $2,
		last_used_from = CASE WHEN last_used_at < $3 THEN $4 ELSE last_used_from END,
		last_used_at = CASE WHEN last_used_at < $3 THEN $3 ELSE last_used_at END,
		last_written_at = CASE WHEN last_written_at < $5 THEN $5 ELSE last_written_at END WHERE id = $1`,
		id, use.Calls, sqldb.Micros(use.Last), use.From, sqldb.Micros(use.Wrote))
	if err != nil {
		return err
	}
	for _, network := range slices.Sorted(slices.Values(use.Places)) {
		_, err := tx.ExecContext(ctx, `INSERT INTO reference_token_places (token_id, network, last_at)
			SELECT CAST($1 AS TEXT), CAST($2 AS TEXT), CAST($3 AS BIGINT)
			WHERE EXISTS (SELECT 1 FROM reference_token_places WHERE token_id = $1 AND network = $2)
				OR (SELECT COUNT(*) FROM reference_token_places WHERE token_id = $1) < $4
			ON CONFLICT (token_id, network) DO UPDATE SET last_at = excluded.last_at`,
			id, network, sqldb.Micros(use.Last), registry.MaxReferencePlaces)
		if err != nil {
			return err
		}
	}
	return nil
}

// What has served of reference tokens. A token is listed for as long after its end as
// the record is kept.
var (
	oldReferences      = sqldb.Purge{Table: "reference_tokens", Column: "expires_at"}
	oldReferencePlaces = sqldb.Purge{Table: "reference_token_places", Column: "last_at"}
)

// PurgeReferences implements [registry.ReferenceStore].
func (s *References) PurgeReferences(ctx context.Context, endedBefore, usedBefore time.Time) error {
	if err := purge(ctx, s.db, sqldb.Micros(usedBefore), oldReferencePlaces); err != nil {
		return err
	}
	return purge(ctx, s.db, sqldb.Micros(endedBefore), oldReferences)
}
