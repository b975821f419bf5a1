package data

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/sqldb"
)

// nameKind says whose a name is.
type nameKind string

// The kinds of name.
const (
	userName        nameKind = "user"        // a login
	applicationName nameKind = "application" // an ApplicationURI
	resourceName    nameKind = "resource"    // a registered resource's URI
	instanceName    nameKind = "instance"    // an issuer, or an audience of the instance's own
)

// claimName takes a name inside the transaction that creates its owner. Users
// and applications draw from one pool, so that no login ever equals an
// ApplicationURI, whoever comes first and however many come at once (invariant
// I7). As logins are compared without case, so is the pool: a user has a name
// alone, applications share one when theirs differ by case, which their own table
// sees to. The error for a taken name has [tandem.CodeConflict].
func claimName(ctx context.Context, tx *sql.Tx, name string, kind nameKind) error {
	statement := `INSERT INTO principal_names (name, kind) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING`
	if kind == applicationName {
		statement = `INSERT INTO principal_names (name, kind) VALUES ($1, $2)
			ON CONFLICT (name) DO UPDATE SET holders = principal_names.holders + 1 WHERE principal_names.kind = excluded.kind`
	}
	// On a race PostgreSQL waits here for the competitor's commit. ON CONFLICT keeps the transaction alive on PostgreSQL, so that the holder
	// can be named.
	claimed, err := sqldb.Changed(tx.ExecContext(ctx, statement, signin.LoginKey(name), string(kind)))
	if err != nil {
		return fmt.Errorf("claim the name %q: %w", name, err)
	}
	if claimed {
		return nil
	}
	var holder nameKind
	err = tx.QueryRowContext(ctx, `SELECT kind FROM principal_names WHERE name = $1`, signin.LoginKey(name)).Scan(&holder)
	if err != nil {
		return sqldb.NotFound(err, "the name %q was in use a moment ago; try again", name)
	}
	if holder == kind {
		return taken(name, kind)
	}
	if kind == resourceName || holder == resourceName || holder == instanceName {
		return tandem.Errorf(tandem.CodeConflict, "%q is taken: %s, and no resource, application or account may be mistaken for it", name, heldBy[holder])
	}
	return tandem.Errorf(tandem.CodeConflict,
		"the name %q is taken by an existing %s: a user and an application cannot share a name", name, holder)
}

// heldBy says who has a name.
var heldBy = map[nameKind]string{
	userName: "an account has it as its login", applicationName: "it is the ApplicationUri of an application",
	resourceName: "it is the resource of an application", instanceName: "it is an issuer or an audience of this instance",
}

func taken(name string, kind nameKind) error {
	return tandem.Errorf(tandem.CodeConflict, "the name %q is taken by another %s", name, kind)
}

// releaseName gives a name back inside the transaction that deletes its owner.
func releaseName(ctx context.Context, tx *sql.Tx, name string, kind nameKind) error {
	key := signin.LoginKey(name)
	_, err := tx.ExecContext(ctx, `UPDATE principal_names SET holders = holders - 1 WHERE name = $1 AND kind = $2`, key, string(kind))
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `DELETE FROM principal_names WHERE name = $1 AND kind = $2 AND holders < 1`, key, string(kind))
	return err
}
