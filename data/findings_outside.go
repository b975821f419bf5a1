package data

import (
	"context"

	"github.com/hybridapps/tandem/audit/findings"
	"github.com/hybridapps/tandem/sqldb"
)

// externalPerson is what the copy of the accounts calls somebody from outside.
const externalPerson = 1

// Blind reads the external people who may see no customer, and how many there are.
func (e *ERP) Blind(ctx context.Context, f *findings.Facts, rule string) error {
	rows, err := e.db.Reader().QueryContext(ctx, `SELECT u.id, u.login, u.creation_time_utc, COUNT(*) OVER ()
		FROM erp_users u WHERE u.user_type = $1 AND u.active AND NOT EXISTS (SELECT 1 FROM erp_customer_external_access a WHERE a."user" = u.id)
		ORDER BY u.login LIMIT $2`, externalPerson, findings.MostOfARule)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var p findings.Person
		var all int
		if err := rows.Scan(&p.ID, &p.Login, sqldb.TimeField(&p.At), &all); err != nil {
			return err
		}
		f.Blind = append(f.Blind, p)
		f.Beyond[rule] = all - len(f.Blind)
	}
	return rows.Err()
}
