package data

import (
	"context"
	"database/sql"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/audit/findings"
	"github.com/hybridapps/tandem/sqldb"
)

// Findings reads what the rules of [findings] look at, and keeps what was found.
type Findings struct{ db *sqldb.DB }

// NewFindings reads and keeps in the instance's database.
func NewFindings(db *sqldb.DB) *Findings { return &Findings{db} }

// Read reads into f what rules need of the identity server's database: each kind of
// thing in one statement, however many there are, and all as they were at one moment.
func (s *Findings) Read(ctx context.Context, f *findings.Facts, need findings.Part) error {
	return s.db.Snapshot(ctx, func(tx *sql.Tx) error {
		if err := readApps(ctx, tx, f); err != nil {
			return err
		}
		if err := readMakers(ctx, tx, f); err != nil {
			return err
		}
		if err := readUntold(ctx, tx, f); err != nil {
			return err
		}
		if err := readKept(ctx, tx, f); err != nil {
			return err
		}
		if err := readReplicas(ctx, tx, f); err != nil {
			return err
		}
		if need&findings.Persons != 0 {
			if err := readPeople(ctx, tx, f); err != nil {
				return err
			}
		}
		if need&findings.Rights != 0 {
			return readAccounts(ctx, tx, f)
		}
		return nil
	})
}

func readApps(ctx context.Context, q querier, f *findings.Facts) error {
	of, err := credentialsOf(ctx, q, `application_id IN (SELECT id FROM applications WHERE deleted_at = 0) AND revoked_at = 0`)
	if err != nil {
		return err
	}
	rows, err := q.QueryContext(ctx, applications.Select+`WHERE deleted_at = 0 ORDER BY application_uri`)
	return applications.Range(rows, err, func(a *application) error {
		a.Credentials = of[a.ID]
		f.Apps = append(f.Apps, findings.App{TrustedApp: a.TrustedApp})
		return nil
	})
}

// readAccounts reads the System Users, whoever an application acts as, and everybody who
// is in a group: not the many people who are in none.
func readAccounts(ctx context.Context, q querier, f *findings.Facts) error {
	rows, err := q.QueryContext(ctx, `SELECT u.id, u.login, u.user_type, u.is_admin, u.is_enabled, u.created_at, COALESCE(m.group_id, '')
		FROM users u LEFT JOIN permission_members m ON m.user_id = u.id
		WHERE u.user_type = $1 OR m.group_id IS NOT NULL OR u.id IN (SELECT system_user_id FROM applications WHERE deleted_at = 0 AND system_user_id <> '')
		ORDER BY u.id, m.group_id`, string(tandem.SystemUserNoLogin))
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var next memberOf
		if err := rows.Scan(&next.ID, &next.Login, &next.Type, &next.Admin, &next.Enabled, sqldb.TimeField(&next.CreatedAt), &next.group); err != nil {
			return err
		}
		if n := len(f.Accounts); n == 0 || f.Accounts[n-1].ID != next.ID {
			f.Accounts = append(f.Accounts, findings.Account{User: next.User})
		}
		if last := &f.Accounts[len(f.Accounts)-1]; next.group != "" {
			last.Put = append(last.Put, next.group)
		}
	}
	return rows.Err()
}
