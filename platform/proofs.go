package platform

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/prove"
)

// RecordProof keeps a run of tandem prove against this instance, and puts it on
// record with the digest of the signed report: under the next signed head of the
// record nobody can put another in its place. It remembers the invariants that were asked
// for.
func (a *Administration) RecordProof(ctx context.Context, by tandem.By, report *prove.Report, signed []byte, key ed25519.PublicKey) (tandem.Proof, error) {
	digest := sha256.Sum256(signed)
	p := tandem.Proof{
		ID: report.Run, At: report.At, Milliseconds: report.Milliseconds, By: by.Login, Issuer: report.Target.Issuer, ApplicationURI: report.Target.Application,
		Holds: report.Count(prove.Holds), Fails: report.Count(prove.Fails), NotTested: report.Count(prove.NotTested),
		Report: signed, Digest: hex.EncodeToString(digest[:]), KeyID: prove.KeyID(key),
	}
	var failed []string
	for i := range report.Rows {
		row := &report.Rows[i]
		if !report.Options.Asked(row.ID) {
			continue
		}
		p.Rows = append(p.Rows, tandem.ProofRow{
			ID: row.ID, Title: row.Title, Meaning: prove.Meaning(row.ID), Verdict: string(row.Verdict), Why: row.Why.String(),
		})
		if row.Verdict == prove.Fails {
			failed = append(failed, row.ID)
		}
	}
	detail := fmt.Sprintf("proof %s: %s", p.ID, report.Summary())
	if len(failed) > 0 {
		detail += "; " + strings.Join(failed, ", ") + " fail"
	}
	e := by.Recorded(detail+"; SHA-256 of the signed report "+p.Digest, tandem.Facts{})
	e.Kind, e.ApplicationURI, e.At = tandem.AuditProof, p.ApplicationURI, a.config.Clock.Now()
	if err := a.audit.Record(ctx, e); err != nil {
		return p, err
	}
	return p, a.proofs.Add(ctx, p, prove.Invariants())
}

// LastProof is the last run of tandem prove of all invariants that was recorded;
// [tandem.ErrNotFound] when none was.
func (a *Administration) LastProof(ctx context.Context) (tandem.Proof, error) {
	return a.proofs.LastWhole(ctx, prove.Invariants())
}
