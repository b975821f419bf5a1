package data

import (
	"context"
	"database/sql"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/audit/findings"
	"github.com/hybridapps/tandem/identity"
	"github.com/hybridapps/tandem/internal/netaddr"
	"github.com/hybridapps/tandem/sqldb"
)

// placeUsed notes the network that a credential was used from: at most one a minute for
// each credential and replica, as its uses are noted.
func placeUsed(ctx context.Context, tx *sql.Tx, u *identity.CredentialUse) error {
	network := netaddr.Network(u.From)
	if network == "" {
		return nil
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO credential_places (application_id, credential_id, network, last_at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (application_id, credential_id, network) DO UPDATE SET last_at = excluded.last_at WHERE credential_places.last_at < excluded.last_at`,
		u.ApplicationID, u.CredentialID, network, sqldb.Micros(u.At))
	return err
}

// keepPlaces is for how long a place is kept that a credential is not used from.
const keepPlaces = 7 * 24 * time.Hour

// placeDay is how far back places are looked at.
const placeDay = 24 * time.Hour

// ReadPlaces reads the credentials that were used from several networks within a day, and
// how many service instances of their applications were at work.
func (s *Findings) ReadPlaces(ctx context.Context, f *findings.Facts) error {
	since := sqldb.Micros(f.Now.Add(-placeDay))
	rows, err := s.db.Reader().QueryContext(ctx, `SELECT p.credential_id, p.application_id, p.network FROM credential_places p
		JOIN (SELECT application_id, credential_id FROM credential_places WHERE last_at >= $1 GROUP BY application_id, credential_id HAVING COUNT(*) >= $2) many
			ON many.application_id = p.application_id AND many.credential_id = p.credential_id
		WHERE p.last_at >= $1 ORDER BY p.application_id, p.credential_id, p.network`, since, f.Limits.Networks)
	if err != nil {
		return err
	}
	defer rows.Close()
	f.Places, f.Instances = map[string][]string{}, map[string]int{}
	for rows.Next() {
		var credential, application, network string
		if err := rows.Scan(&credential, &application, &network); err != nil {
			return err
		}
		if credential == tandem.ClassicCredential {
			credential = application // of which an application has one
		}
		f.Places[credential] = append(f.Places[credential], network)
	}
	if err := rows.Err(); err != nil || len(f.Places) == 0 {
		return err
	}
	return s.readInstances(ctx, f, since)
}

func (s *Findings) readInstances(ctx context.Context, f *findings.Facts, since int64) error {
	rows, err := s.db.Reader().QueryContext(ctx, `SELECT application_uri, COUNT(DISTINCT service_instance) FROM sessions
		WHERE kind = $1 AND last_request_at >= $2 GROUP BY application_uri`, string(tandem.SessionService), since)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var uri string
		var n int
		if err := rows.Scan(&uri, &n); err != nil {
			return err
		}
		f.Instances[uri] = n
	}
	return rows.Err()
}
