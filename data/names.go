package data

import (
	"context"
	"database/sql"
	"fmt"
	"time"

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

// NameRests is for how long a name that was given back goes to nobody of another kind:
// longer than an access token lives.
const NameRests = 24 * time.Hour

// claimName takes a name inside the transaction that creates its owner. Users
// and applications draw from one pool, so that no login ever equals an
// ApplicationURI, whoever comes first and however many come at once (invariant
// I7). As logins are compared without case, so is the pool: a user has a name
// alone, applications share one when theirs differ by case, which their own table
// sees to. A name that was given back is free for its own kind at once, and for others
// when no token can name its owner any more. The error for a taken name has
// [tandem.CodeConflict].
func claimName(ctx context.Context, tx *sql.Tx, name string, kind nameKind, now time.Time) error {
	// holders is above zero for a name that somebody has.
	statement := `INSERT INTO principal_names (name, kind) VALUES ($1, $2)
		ON CONFLICT (name) DO UPDATE SET holders = principal_names.holders + 1, kind = excluded.kind
		WHERE (principal_names.holders < 1 AND principal_names.released_at < $3)
			OR (principal_names.kind = excluded.kind AND (principal_names.holders < 1 OR principal_names.kind = 'application'))`
	// On a race PostgreSQL waits here for the competitor's commit. ON CONFLICT keeps the transaction alive on PostgreSQL, so that the holder
	// can be named.
	claimed, err := sqldb.Changed(tx.ExecContext(ctx, statement, signin.LoginKey(name), string(kind), sqldb.Micros(now.Add(-NameRests))))
	if err != nil {
		return fmt.Errorf("claim the name %q: %w", name, err)
	}
	if claimed {
		return nil
	}
	var holder nameKind
	var holders int
	var released time.Time
	err = tx.QueryRowContext(ctx, `SELECT kind, holders, released_at FROM principal_names WHERE name = $1`, signin.LoginKey(name)).
		Scan(&holder, &holders, sqldb.TimeField(&released))
	if err != nil {
		return sqldb.NotFound(err, "the name %q was in use a moment ago; try again", name)
	}
	if holders < 1 {
		return tandem.Errorf(tandem.CodeConflict, "the name %q was that of %s, and tokens of before may still say so: it is free for another kind of owner from %s on",
			name, owners[holder], released.Add(NameRests).UTC().Format(time.RFC3339))
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

// owners says whose a name was.
var owners = map[nameKind]string{userName: "an account", applicationName: "an application", resourceName: "a resource"}

// heldBy says who has a name.
var heldBy = map[nameKind]string{
	userName: "an account has it as its login", applicationName: "it is the ApplicationUri of an application",
	resourceName: "it is the resource of an application", instanceName: "it is an issuer or an audience of this instance",
}

func taken(name string, kind nameKind) error {
	return tandem.Errorf(tandem.CodeConflict, "the name %q is taken by another %s", name, kind)
}

// releaseName gives a name back inside the transaction that deletes its owner.
func releaseName(ctx context.Context, tx *sql.Tx, name string, kind nameKind, now time.Time) error {
	_, err := tx.ExecContext(ctx, `UPDATE principal_names SET holders = holders - 1, released_at = $3 WHERE name = $1 AND kind = $2 AND holders > 0`,
		signin.LoginKey(name), string(kind), sqldb.Micros(now))
	return err
}
