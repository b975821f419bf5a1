package data

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/sqldb"
)

// nameKind says whose a name is.
type nameKind string

// The kinds of name.
const (
	userName        nameKind = "user"        // a login
	applicationName nameKind = "application" // an ApplicationURI
)

// claimName takes a name inside the transaction that creates its owner. Users
// and applications draw from one pool, so that no login ever equals an
// ApplicationURI, whoever comes first and however many come at once (invariant
// I7). The error for a taken name has [tandem.CodeConflict].
func claimName(ctx context.Context, tx *sql.Tx, name string, kind nameKind) error {
	// On a race PostgreSQL waits here for the competitor's commit. ON CONFLICT keeps the transaction alive on PostgreSQL, so that the holder
	// can be named.
	claimed, err := sqldb.Changed(tx.ExecContext(ctx, `INSERT INTO principal_names (name, kind) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING`,
		name, string(kind)))
	if err != nil {
		return fmt.Errorf("claim the name %q: %w", name, err)
	}
	if claimed {
		return nil
	}
	var holder nameKind
	err = tx.QueryRowContext(ctx, `SELECT kind FROM principal_names WHERE name = $1`, name).Scan(&holder)
	if err != nil {
		return sqldb.NotFound(err, "the name %q was in use a moment ago; try again", name)
	}
	if holder == kind {
		return tandem.Errorf(tandem.CodeConflict,
			"the name %q is taken by another %s", name, holder)
	}
	return tandem.Errorf(tandem.CodeConflict,
		"the name %q is taken by an existing %s: a user and an application cannot share a name", name, holder)
}

// releaseName gives a name back inside the transaction that deletes its owner.
func releaseName(ctx context.Context, tx *sql.Tx, name string, kind nameKind) error {
	_, err := tx.ExecContext(ctx, `DELETE FROM principal_names WHERE name = $1 AND kind = $2`, name, string(kind))
	return err
}
