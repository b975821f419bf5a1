package data

import (
	"context"
	"slices"
	"time"

	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/sqldb"
)

// reachedRow is an application that a sign-in has reached.
type reachedRow struct {
	signin.Reached
	signInID string
}

var reached = sqldb.NewTable("sign_in_apps r JOIN sign_ins s ON s.id = r.sign_in_id LEFT JOIN applications a ON a.id = r.application_id AND a.deleted_at = 0",
	func(r *reachedRow, column sqldb.Column) {
		column("r.sign_in_id", &r.signInID)
		column("r.application_id", &r.ApplicationID)
		column("COALESCE(a.application_uri, '')", &r.ApplicationURI)
		column("r.first_at", sqldb.TimeField(&r.First))
		column("r.last_at", sqldb.TimeField(&r.Last))
	})

// OfUser implements [signin.SignIns].
func (s *SignIns) OfUser(ctx context.Context, userID string, at time.Time, all bool) ([]signin.Known, error) {
	rows, err := signIns.All(s.db.Reader().QueryContext(ctx, signIns.Select+`WHERE user_id = $1 ORDER BY last_seen_at DESC, id`, userID))
	if err != nil {
		return nil, err
	}
	apps := map[string][]signin.Reached{}
	found, err := s.db.Reader().QueryContext(ctx, reached.Select+`WHERE s.user_id = $1 ORDER BY r.last_at DESC`, userID)
	err = reached.Range(found, err, func(r *reachedRow) error {
		apps[r.signInID] = append(apps[r.signInID], r.Reached)
		return nil
	})
	if err != nil {
		return nil, err
	}
	renewable, err := sqldb.List[string](s.db.Reader().QueryContext(ctx, `SELECT DISTINCT sign_in_id FROM refresh_families
		WHERE user_id = $1 AND ended_at = 0 AND expires_at > $2`, userID, sqldb.Micros(at)))
	var known []signin.Known
	for _, in := range rows {
		holds := in.LiveAt(at, s.Idle) || in.EndedAt.IsZero() && slices.Contains(renewable, in.ID)
		if err == nil && holds {
			in.EndedAt, err = endedAt(ctx, s.db, in.ID)
		}
		if all || holds && in.EndedAt.IsZero() {
			known = append(known, signin.Known{SignIn: in, Reached: apps[in.ID]})
		}
	}
	return known, err
}
