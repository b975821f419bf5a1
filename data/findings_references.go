package data

import (
	"context"
	"database/sql"
	"strconv"
	"time"

	"github.com/hybridapps/tandem/audit/findings"
	"github.com/hybridapps/tandem/sqldb"
)

var foundReferences = sqldb.NewTable("reference_tokens", func(t *findings.Reference, column sqldb.Column) {
	referenceColumns(&t.ReferenceToken, func(name string, value any) { column("t."+name, value) })
	column("u.id", &t.Account.ID)
	column("u.login", &t.Account.Login)
	column("u.user_type", &t.Account.Type)
	column("u.is_admin", &t.Account.Admin)
	column("u.is_enabled", &t.Account.Enabled)
})

// ReadReferences reads the live reference tokens, and from where they were used within a
// day.
func (s *Findings) ReadReferences(ctx context.Context, f *findings.Facts) error {
	return s.db.Snapshot(ctx, func(tx *sql.Tx) (err error) {
		f.References, err = foundReferences.All(tx.QueryContext(ctx, `SELECT `+foundReferences.Columns+`
			FROM reference_tokens t JOIN users u ON u.id = t.user_id WHERE t.revoked_at = 0 AND t.expires_at > $1
			ORDER BY t.id DESC LIMIT `+strconv.Itoa(findings.MostReferences), sqldb.Micros(f.Now)))
		if err != nil {
			return err
		}
		f.Referred = map[string]time.Time{}
		made, err := tx.QueryContext(ctx, `SELECT application_id, MAX(CASE WHEN last_used_at > created_at THEN last_used_at ELSE created_at END)
			FROM reference_tokens GROUP BY application_id`)
		if err = eachPair(made, err, func(id string, last int64) { f.Referred[id] = sqldb.Time(last) }); err != nil {
			return err
		}
		at := make(map[string]int, len(f.References))
		for i := range f.References {
			at[f.References[i].ID] = i
		}
		rows, err := tx.QueryContext(ctx, `SELECT token_id, network FROM reference_token_places WHERE last_at > $1`, sqldb.Micros(f.Now.Add(-24*time.Hour)))
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var id, network string
			if err := rows.Scan(&id, &network); err != nil {
				return err
			}
			if i, live := at[id]; live {
				f.References[i].Networks = append(f.References[i].Networks, network)
			}
		}
		return rows.Err()
	})
}
