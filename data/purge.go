package data

import (
	"context"

	"github.com/hybridapps/tandem/sqldb"
)

// What has served, of each table of the identity server's that grows by itself.
// Each is found by an index.
var (
	oldFamilies    = sqldb.Purge{Table: "refresh_families", Column: "expires_at"}
	oldCodes       = sqldb.Purge{Table: "authorization_codes", Column: "issued_at"}
	oldPushed      = sqldb.Purge{Table: "pushed_requests", Column: "expires_at"}
	oldEndings     = sqldb.Purge{Table: "revoked_tokens", Column: "kept_until"}
	oldAssertions  = sqldb.Purge{Table: "client_assertions", Column: "expires_at"}
	oldFailures    = sqldb.Purge{Table: "client_failures", Column: "minute"}
	oldAttempts    = sqldb.Purge{Table: "sign_in_attempts", Column: "last_at", And: `blocked_until < $2`}
	oldSessions    = sqldb.Purge{Table: "sessions", Column: "ended_at", And: `ended_at <> 0`}
	oldNames       = sqldb.Purge{Table: "principal_names", Column: "released_at", And: `holders < 1`}
	oldCredentials = sqldb.Purge{Table: "credentials", Column: "revoked_at", And: `revoked_at <> 0`}
	expiredSignIns = sqldb.Purge{Table: "sign_ins", Column: "expires_at"}
	endedSignIns   = sqldb.Purge{Table: "sign_ins", Column: "ended_at", And: `ended_at <> 0`}
)

// purge deletes what is older, of each.
func purge(ctx context.Context, db *sqldb.DB, before any, all ...sqldb.Purge) error {
	for _, p := range all {
		p.Before = before
		if _, err := db.Purge(ctx, p); err != nil {
			return err
		}
	}
	return nil
}
