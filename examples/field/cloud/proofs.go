package cloud

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/hybridapps/tandem/sqldb"
)

// Proofs of keys. A request that somebody has taken from a line or a log comes with a proof
// that is good for some minutes: all replicas remember it, and so does one that starts again.

const noteProof = `INSERT INTO proofs (id, good_until) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING`

// firstProof is a dpop.Seen.
func (s *store) firstProof(ctx context.Context, id [sha256.Size]byte, until time.Time) (first bool, err error) {
	err = s.write(ctx, []string{noteProof}, func(tx writing) error {
		first, err = sqldb.Changed(tx.ExecContext(ctx, noteProof, hex.EncodeToString(id[:]), sqldb.Micros(until)))
		return err
	})
	return first, err
}

func (c *Cloud) proofsPart() part {
	return part{clean: func(ctx context.Context) error {
		_, err := c.config.DB.Purge(ctx, sqldb.Purge{Table: "proofs", Column: "good_until", Before: sqldb.Micros(c.clock.Now())})
		return err
	}}
}
