package data

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

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
	column("took", &p.Milliseconds)
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

// Add keeps a proof of so many invariants, and lets go of those that are more than
// [ProofsKept]: never of the latest whole one, nor of one with the latest word about an
// invariant, or what failed would be forgotten by trying something else.
func (s *Proofs) Add(ctx context.Context, p tandem.Proof, invariants int) error {
	verdicts, err := json.Marshal(p.Rows)
	if err != nil {
		return err
	}
	row := proofRow{p, string(verdicts)}
	return s.db.Write(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, proofs.Insert, proofs.Values(&row)...); err != nil {
			return err
		}
		all, err := briefly(ctx, tx)
		if err != nil {
			return err
		}
		needed := map[string]bool{whole(all, invariants): true}
		for _, v := range latest(all) {
			needed[v.Proof] = true
		}
		for i := range all {
			if i < ProofsKept || needed[all[i].ID] {
				continue
			}
			if _, err := tx.ExecContext(ctx, `DELETE FROM proofs WHERE id = $1`, all[i].ID); err != nil {
				return err
			}
		}
		return nil
	})
}

// briefly reads all proofs without their reports, the latest first.
func briefly(ctx context.Context, db querier) (all []tandem.Proof, err error) {
	rows, err := db.QueryContext(ctx, `SELECT id, at, application_uri, holds, fails, verdicts FROM proofs ORDER BY at DESC, id DESC`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var p tandem.Proof
		var verdicts string
		if err := rows.Scan(&p.ID, sqldb.TimeField(&p.At), &p.ApplicationURI, &p.Holds, &p.Fails, &verdicts); err != nil {
			return nil, err
		}
		if err := json.Unmarshal([]byte(verdicts), &p.Rows); err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, rows.Err()
}

// whole is the id of the latest proof that was asked for so many invariants, and could try
// one.
func whole(all []tandem.Proof, invariants int) string {
	for i := range all {
		if p := &all[i]; len(p.Rows) >= invariants && p.Holds+p.Fails > 0 {
			return p.ID
		}
	}
	return ""
}

// ProofVerdict is the latest word about an invariant of an application: it holds, or not.
type ProofVerdict struct {
	ApplicationURI, Invariant string
	Holds                     bool
	// Proof is the proof's id, and At its time.
	Proof string
	At    time.Time
}

// latest are the latest verdicts. That an invariant was not tested says nothing of it.
func latest(all []tandem.Proof) (verdicts []ProofVerdict) {
	seen := map[[2]string]bool{}
	for i := range all {
		p := &all[i]
		for _, row := range p.Rows {
			of := [2]string{p.ApplicationURI, row.ID}
			if seen[of] || row.Verdict != proofHolds && row.Verdict != proofFails {
				continue
			}
			seen[of] = true
			verdicts = append(verdicts, ProofVerdict{p.ApplicationURI, row.ID, row.Verdict == proofHolds, p.ID, p.At})
		}
	}
	return verdicts
}

// The verdicts of an invariant that was tested.
const proofHolds, proofFails = "holds", "fails"

// Verdicts are the latest words about each invariant of each application that was tried,
// the latest first.
func (s *Proofs) Verdicts(ctx context.Context) ([]ProofVerdict, error) {
	all, err := briefly(ctx, s.db.Reader())
	return latest(all), err
}

// LastWhole is the latest proof that was asked for so many invariants, and could try one;
// [tandem.ErrNotFound] when there has been none.
func (s *Proofs) LastWhole(ctx context.Context, invariants int) (tandem.Proof, error) {
	all, err := briefly(ctx, s.db.Reader())
	if err != nil {
		return tandem.Proof{}, err
	}
	row, err := proofs.One(s.db.Reader().QueryRowContext(ctx, proofs.Select+`WHERE id = $1`, whole(all, invariants)))
	if err != nil {
		return tandem.Proof{}, sqldb.NotFound(err, "tandem prove has not been run with this instance's data, without --only")
	}
	err = json.Unmarshal([]byte(row.verdicts), &row.Rows)
	return row.Proof, err
}
