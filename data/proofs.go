package data

import (
	"context"
	"database/sql"
	"encoding/json"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/sqldb"
)

// ProofsKept is how many proofs an instance keeps, the latest ones.
const ProofsKept = 24

// Proofs keeps the last runs of tandem prove.
type Proofs struct{ db *sqldb.DB }

// NewProofs keeps them in the instance's database.
func NewProofs(db *sqldb.DB) *Proofs { return &Proofs{db} }

// proofRow is a proof as it is stored.
type proofRow struct {
	tandem.Proof
	verdicts string
}

var proofs = sqldb.NewTable("proofs", func(p *proofRow, column sqldb.Column) {
	column("id", &p.ID)
	column("at", sqldb.TimeField(&p.At))
	column("recorded_by", &p.By)
	column("issuer", &p.Issuer)
	column("application_uri", &p.ApplicationURI)
	column("holds", &p.Holds)
	column("fails", &p.Fails)
	column("not_tested", &p.NotTested)
	column("verdicts", &p.verdicts)
	column("digest", &p.Digest)
	column("key_id", &p.KeyID)
	column("report", &p.Report)
})

// Add keeps a proof, and lets go of those that are more than [ProofsKept].
func (s *Proofs) Add(ctx context.Context, p tandem.Proof) error {
	verdicts, err := json.Marshal(p.Rows)
	if err != nil {
		return err
	}
	row := proofRow{p, string(verdicts)}
	return s.db.Write(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, proofs.Insert, proofs.Values(&row)...); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `DELETE FROM proofs WHERE id NOT IN (SELECT id FROM proofs ORDER BY at DESC, id DESC LIMIT $1)`, ProofsKept)
		return err
	})
}

// LastWhole is the latest proof that tried so many invariants; [tandem.ErrNotFound] when
// there has been none.
func (s *Proofs) LastWhole(ctx context.Context, rows int) (found tandem.Proof, err error) {
	all, err := proofs.All(s.db.Reader().QueryContext(ctx, proofs.Select+`ORDER BY at DESC, id DESC`))
	for i := range all {
		if err := json.Unmarshal([]byte(all[i].verdicts), &all[i].Rows); err != nil {
			return found, err
		}
		if len(all[i].Rows) >= rows && all[i].Holds+all[i].Fails > 0 {
			return all[i].Proof, nil
		}
	}
	if err == nil {
		err = tandem.ErrNotFound
	}
	return found, err
}

// Last is the latest proof; [tandem.ErrNotFound] when there has been none.
func (s *Proofs) Last(ctx context.Context) (tandem.Proof, error) {
	row, err := proofs.One(s.db.Reader().QueryRowContext(ctx, proofs.Select+`ORDER BY at DESC, id DESC LIMIT 1`))
	if err != nil {
		return tandem.Proof{}, sqldb.NotFound(err, "tandem prove has not been run with this instance's data")
	}
	err = json.Unmarshal([]byte(row.verdicts), &row.Rows)
	return row.Proof, err
}
