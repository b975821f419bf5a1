package data

import (
	"context"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/audit/findings"
	"github.com/hybridapps/tandem/sqldb"
)

// queueLogout begins a delivery to each application that a sign-in has reached and that
// wants to hear of its end. It is part of the transaction that ends it: what was committed
// is told, whatever dies afterwards. The token itself is made at each try.
const queueLogout = `INSERT INTO deliveries (id, kind, body, state, tries, last_error, created_at, next_at, target, tried_at)
	SELECT 'logout:' || s.id || ':' || a.id || ':' || CAST(CAST($2 AS BIGINT) AS TEXT), '` + DeliveryLogout + `', s.user_id || ' ' || s.id,
		'waiting', 0, '', CAST($2 AS BIGINT), CAST($2 AS BIGINT), a.id, 0
	FROM sign_ins s JOIN sign_in_apps r ON r.sign_in_id = s.id
		JOIN applications a ON a.id = r.application_id AND a.deleted_at = 0 AND a.backchannel_logout_uri <> ''
	WHERE `

const queuedAlready = ` ORDER BY s.id, a.id ON CONFLICT (id) DO NOTHING`

// tellSignIn is for a sign-in that has ended.
func tellSignIn(ctx context.Context, on executor, signInID string, at time.Time) error {
	_, err := on.ExecContext(ctx, queueLogout+`s.id = $1`+queuedAlready, signInID, sqldb.Micros(at))
	return err
}

// tellWithdrawn is for what an application had of a person: in sign-ins that go on, and in
// refresh families that outlive theirs and are about to end.
func tellWithdrawn(ctx context.Context, on executor, userID, applicationURI string, at time.Time) error {
	_, err := on.ExecContext(ctx, queueLogout+`s.user_id = $1 AND s.ended_at = 0 AND a.application_uri = $3 AND (s.expires_at > CAST($2 AS BIGINT)
		OR EXISTS (SELECT 1 FROM refresh_families f WHERE f.sign_in_id = s.id AND f.application_uri = $3 AND f.ended_at = 0))`+queuedAlready,
		userID, sqldb.Micros(at), applicationURI)
	return err
}

// tellRestored is for all sign-ins that a restore from a backup ends.
func tellRestored(ctx context.Context, on executor, at time.Time) error {
	_, err := on.ExecContext(ctx, queueLogout+`s.ended_at = $1 AND s.expires_at > CAST($2 AS BIGINT)`+queuedAlready, 0, sqldb.Micros(at))
	return err
}

// EndedSignIn is what a delivery of the kind [DeliveryLogout] tells of: the person and the
// sign-in.
func (d *Delivery) EndedSignIn() (userID, signInID string) {
	userID, signInID, _ = strings.Cut(d.Body, " ")
	return userID, signInID
}

// ByID is an application by its id; [tandem.ErrNotFound] for one that was deleted.
func (s *Applications) ByID(ctx context.Context, id string) (tandem.TrustedApp, error) {
	found, err := s.query(ctx, s.db.Reader(), `WHERE deleted_at = 0 AND id = $1`, id)
	if err != nil {
		return tandem.TrustedApp{}, err
	}
	if len(found) == 0 {
		return tandem.TrustedApp{}, tandem.Errorf(tandem.CodeNotFound, "there is no application with the id %s", id)
	}
	return found[0].TrustedApp, nil
}

// readUntold reads what applications have not taken: what was given up lately, and what waits
// for long.
func readUntold(ctx context.Context, q querier, f *findings.Facts) error {
	f.Untold = map[string]findings.Untold{}
	rows, err := q.QueryContext(ctx, `SELECT target, COUNT(*), MIN(created_at), MAX(tried_at), MAX(last_error) FROM deliveries
		WHERE target <> '' AND kind = $1 AND tries > 0 AND (state = 'failed' AND created_at > $2 OR state = 'waiting' AND created_at < $3) GROUP BY target`,
		DeliveryLogout, sqldb.Micros(f.Now.Add(-findings.UntoldWindow)), sqldb.Micros(f.Now.Add(-findings.UntoldAfter)))
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var target string
		var u findings.Untold
		if err := rows.Scan(&target, &u.SignOuts, sqldb.TimeField(&u.Since), sqldb.TimeField(&u.Tried), &u.Error); err != nil {
			return err
		}
		f.Untold[target] = u
	}
	return rows.Err()
}
