package data

import (
	"context"
	"database/sql"
	"time"

	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/sqldb"
)

// Consents keeps what people allow applications to do in their name; it implements
// [signin.GrantStore].
type Consents struct{ db *sqldb.DB }

// NewConsents keeps consents in the instance's database.
func NewConsents(db *sqldb.DB) *Consents { return &Consents{db} }

var _ signin.GrantStore = (*Consents)(nil)

var consents = sqldb.NewTable("consents", func(c *signin.Consent, column sqldb.Column) {
	column("user_id", &c.UserID)
	column("application_id", &c.ApplicationID)
	column("scope", scopeField(&c.Scope))
	column("first_at", sqldb.TimeField(&c.FirstAt))
	column("given_at", sqldb.TimeField(&c.GivenAt))
	column("given_from", &c.GivenFrom)
	column("used_at", sqldb.TimeField(&c.UsedAt))
})

const oneConsent = `WHERE user_id = $1 AND application_id = $2`

// Consent implements [signin.Consents].
func (s *Consents) Consent(ctx context.Context, userID, applicationID string) (signin.Consent, error) {
	stmt, err := s.db.ReadStmt(ctx, consents.Select+oneConsent)
	if err != nil {
		return signin.Consent{}, err
	}
	c, err := consents.One(stmt.QueryRowContext(ctx, userID, applicationID))
	return c, sqldb.NotFound(err, "the person has allowed the application nothing")
}

// Give implements [signin.Consents].
func (s *Consents) Give(ctx context.Context, c signin.Consent) error {
	return s.db.Write(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, consents.Insert+` ON CONFLICT (user_id, application_id) DO NOTHING`, consents.Values(&c)...); err != nil {
			return err
		}
		was, err := consents.One(tx.QueryRowContext(ctx, consents.Select+oneConsent+s.db.ForUpdate(), c.UserID, c.ApplicationID))
		if err != nil {
			return err
		}
		all := was.Scope.With(c.Scope)
		_, err = tx.ExecContext(ctx, `UPDATE consents SET scope = $3, given_at = $4, given_from = $5, used_at = $6 `+oneConsent,
			c.UserID, c.ApplicationID, all.String(), sqldb.Micros(newer(c.GivenAt, was.GivenAt)), c.GivenFrom, sqldb.Micros(newer(c.UsedAt, was.UsedAt)))
		return err
	})
}

// ConsentUsed implements [signin.Consents]. The time never goes back.
func (s *Consents) ConsentUsed(ctx context.Context, userID, applicationID string, at time.Time) error {
	_, err := s.db.Writer().ExecContext(ctx, `UPDATE consents SET used_at = $3 `+oneConsent+` AND used_at < $3`, userID, applicationID, sqldb.Micros(at))
	return err
}

// grantedRow is what a person allowed, or what an application holds of them.
type grantedRow struct{ signin.Granted }

func (g *grantedRow) application(column sqldb.Column) {
	column("a.id", &g.ApplicationID)
	column("a.application_uri", &g.ApplicationURI)
	column("a.name", &g.Name)
	column("a.first_party", &g.FirstParty)
	column("a.devices_uri", &g.DevicesURI)
}

var granted = sqldb.NewTable("consents c JOIN applications a ON a.id = c.application_id AND a.deleted_at = 0", func(g *grantedRow, column sqldb.Column) {
	g.application(column)
	column("c.scope", scopeField(&g.Scope))
	column("c.first_at", sqldb.TimeField(&g.Since))
	column("c.used_at", sqldb.TimeField(&g.LastUsed))
})

var heldGrants = sqldb.NewTable("refresh_families f JOIN applications a ON a.application_uri = f.application_uri AND a.deleted_at = 0 AND a.created_at <= f.created_at",
	func(g *grantedRow, column sqldb.Column) {
		g.application(column)
		column("f.scope", scopeField(&g.Scope))
		column("f.created_at", sqldb.TimeField(&g.Since))
		column("f.rotated_at", sqldb.TimeField(&g.LastUsed))
	})

// Granted implements [signin.GrantStore].
func (s *Consents) Granted(ctx context.Context, userID string, at time.Time) ([]signin.Granted, error) {
	var all []signin.Granted
	known := map[string]int{}
	rows, err := s.db.Reader().QueryContext(ctx, granted.Select+`WHERE c.user_id = $1`, userID)
	err = granted.Range(rows, err, func(g *grantedRow) error {
		known[g.ApplicationID] = len(all)
		g.Given = true
		all = append(all, g.Granted)
		return nil
	})
	if err != nil {
		return nil, err
	}
	rows, err = s.db.Reader().QueryContext(ctx, heldGrants.Select+`WHERE f.user_id = $1 AND f.ended_at = 0 AND f.expires_at > $2`, userID, sqldb.Micros(at))
	err = heldGrants.Range(rows, err, func(h *grantedRow) error {
		n, there := known[h.ApplicationID]
		if !there {
			known[h.ApplicationID], n = len(all), len(all)
			all = append(all, h.Granted)
		}
		g := &all[n]
		g.Families++
		g.LastUsed = newer(g.LastUsed, h.LastUsed)
		if !g.Given {
			g.Scope = g.Scope.With(h.Scope)
			if h.Since.Before(g.Since) {
				g.Since = h.Since
			}
		}
		return nil
	})
	return all, err
}

const ofBoth = `user_id = $1 AND application_uri = $2`

// withdrawnGrants are what is remembered of grants that end with a consent.
var withdrawnGrants = []string{
	`SELECT grant_id, CAST($3 AS BIGINT), CAST($4 AS BIGINT), CAST($4 AS BIGINT) FROM authorization_codes WHERE ` + ofBoth + ` AND grant_id <> '' AND used_at > $5 AND ` + notRefused("grant_id") + ` ORDER BY grant_id`,
	`SELECT id, CAST($3 AS BIGINT), CAST($4 AS BIGINT), expires_at FROM refresh_families WHERE ` + ofBoth + ` AND (ended_at = 0 OR rotated_at > $5) AND ` + notRefused("id") + ` ORDER BY id`,
}

// Withdraw implements [signin.GrantStore]. It takes rows in the order of all that ends
// grants, see [Refresh.EndSignIn].
func (s *Consents) Withdraw(ctx context.Context, w signin.Withdrawal) (found bool, err error) {
	err = s.db.WriteAgain(ctx, func(tx *sql.Tx) error {
		found = false
		changed := func(query string, args ...any) error {
			did, err := sqldb.Changed(tx.ExecContext(ctx, query, args...))
			found = found || did
			return err
		}
		if err := changed(`DELETE FROM consents WHERE user_id = $1 AND application_id IN
			(SELECT id FROM applications WHERE application_uri = $2 AND deleted_at = 0)`, w.UserID, w.ApplicationURI); err != nil {
			return err
		}
		took, err := takeUnusedCodes(ctx, s.db, tx, w.At, ofBoth, w.UserID, w.ApplicationURI)
		if err != nil {
			return err
		}
		found = found || took
		if err := s.db.LockInOrder(ctx, tx, "refresh_families", "id", ofBoth+` AND ended_at = 0`, w.UserID, w.ApplicationURI); err != nil {
			return err
		}
		// A grant whose last access token may still live is refused by its id.
		lived := sqldb.Micros(w.At.Add(-w.TokensUntil.Sub(w.At)))
		for _, grants := range withdrawnGrants {
			err := changed(`INSERT INTO revoked_tokens (token_id, revoked_at, expires_at, kept_until) `+grants+endedAgain,
				w.UserID, w.ApplicationURI, sqldb.Micros(w.At), sqldb.Micros(w.TokensUntil), lived)
			if err != nil {
				return err
			}
		}
		if err := tellWithdrawn(ctx, tx, w.UserID, w.ApplicationURI, w.At); err != nil {
			return err
		}
		return changed(`UPDATE refresh_families SET ended_at = $3, end_reason = $4, secret = $5 WHERE `+ofBoth+` AND ended_at = 0`,
			w.UserID, w.ApplicationURI, sqldb.Micros(w.At), token.EndWithdrawn, []byte{})
	})
	return found, err
}

// notRefused leaves out the grants whose access tokens are refused already.
func notRefused(column string) string {
	return `NOT EXISTS (SELECT 1 FROM revoked_tokens r WHERE r.token_id = ` + column + ` AND r.expires_at > 0)`
}

func newer(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// forgetConsents deletes those of a user, or of an application.
func forgetConsents(ctx context.Context, on executor, column, id string) error {
	_, err := on.ExecContext(ctx, `DELETE FROM consents WHERE `+column+` = $1`, id)
	return err
}
