package data

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/audit/findings"
	"github.com/hybridapps/tandem/sqldb"
)

// severityField keeps a severity by its name.
func severityField(s *findings.Severity) sqldb.Field {
	return sqldb.TextField(s, findings.Severity.String, func(text string) findings.Severity {
		severity, _ := findings.ParseSeverity(text) // only we write it
		return severity
	})
}

// keptFinding is a finding as audits note it.
type keptFinding struct {
	findings.Known
	fingerprint string
	lastSeen    time.Time
	closedAt    time.Time // zero while it is open
}

var keptFindings = sqldb.NewTable("findings", func(f *keptFinding, column sqldb.Column) {
	column("fingerprint", &f.fingerprint)
	column("rule", &f.Rule)
	column("severity", severityField(&f.Severity))
	column("kind", &f.Kind)
	column("subject", &f.Subject)
	column("accepted", &f.Accepted)
	column("first_seen", sqldb.TimeField(&f.FirstSeen))
	column("last_seen", sqldb.TimeField(&f.lastSeen))
	column("closed_at", sqldb.TimeField(&f.closedAt))
})

var acceptances = sqldb.NewTable("acceptances", func(a *findings.Acceptance, column sqldb.Column) {
	column("finding", &a.Finding)
	column("rule", &a.Rule)
	column("kind", &a.Kind)
	column("subject", &a.Subject)
	column("severity", severityField(&a.Severity))
	column("accepted_by", &a.By)
	column("reason", &a.Reason)
	column("accepted_at", sqldb.TimeField(&a.At))
	column("until_at", sqldb.TimeField(&a.Until))
})

// readKept reads what earlier audits and people said of findings.
func readKept(ctx context.Context, q querier, f *findings.Facts) (err error) {
	rows, err := q.QueryContext(ctx, keptFindings.Select+`WHERE closed_at = 0`)
	err = keptFindings.Range(rows, err, func(k *keptFinding) error {
		f.Known[k.fingerprint] = k.Known
		return nil
	})
	if err != nil {
		return err
	}
	f.Acceptances, err = acceptances.All(q.QueryContext(ctx, acceptances.Select+`ORDER BY until_at, finding`))
	return err
}

// Accept keeps acceptances, in the place of those of the same findings.
func (s *Findings) Accept(ctx context.Context, all []findings.Acceptance) error {
	return s.db.Write(ctx, func(tx *sql.Tx) error {
		for i := range all {
			if _, err := tx.ExecContext(ctx, `DELETE FROM acceptances WHERE finding = $1`, all[i].Finding); err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, acceptances.Insert, acceptances.Values(&all[i])...); err != nil {
				return err
			}
		}
		return nil
	})
}

// Acceptances are all of them, those that end first before the others.
func (s *Findings) Acceptances(ctx context.Context) ([]findings.Acceptance, error) {
	return acceptances.All(s.db.Reader().QueryContext(ctx, acceptances.Select+`ORDER BY until_at, finding`))
}

// TakeBack removes the acceptance of a finding; [tandem.ErrNotFound] when there is none.
func (s *Findings) TakeBack(ctx context.Context, finding string) error {
	gone, err := sqldb.Changed(s.db.Writer().ExecContext(ctx, `DELETE FROM acceptances WHERE finding = $1`, finding))
	if err == nil && !gone {
		err = tandem.ErrNotFound
	}
	return err
}

// AuditRun is an audit that a schedule has made.
type AuditRun struct {
	At time.Time
	// Whole says that all rules looked, and not only the cheap ones.
	Whole           bool
	Rules, Findings int
	Took            time.Duration
}

// Note keeps what an audit saw: what is there, what is there no more, and what others are
// to be told.
func (s *Findings) Note(ctx context.Context, run AuditRun, seen map[string]findings.Known, closed []string, tell []Delivery) error {
	id, err := uuid.NewV7()
	if err != nil {
		return err
	}
	return s.db.Write(ctx, func(tx *sql.Tx) error {
		for fingerprint, known := range seen {
			row := keptFinding{Known: known, fingerprint: fingerprint, lastSeen: run.At}
			_, err := tx.ExecContext(ctx, keptFindings.Insert+` ON CONFLICT (fingerprint) DO UPDATE SET severity = excluded.severity,
				subject = excluded.subject, accepted = excluded.accepted, first_seen = excluded.first_seen, last_seen = excluded.last_seen, closed_at = 0`,
				keptFindings.Values(&row)...)
			if err != nil {
				return err
			}
		}
		for _, fingerprint := range closed {
			if _, err := tx.ExecContext(ctx, `UPDATE findings SET closed_at = $2 WHERE fingerprint = $1`, fingerprint, sqldb.Micros(run.At)); err != nil {
				return err
			}
		}
		for i := range tell {
			if _, err := tx.ExecContext(ctx, deliveries.Insert, deliveries.Values(&tell[i])...); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO audit_runs (id, at, whole, rules, findings, took) VALUES ($1, $2, $3, $4, $5, $6)`,
			id.String(), sqldb.Micros(run.At), run.Whole, run.Rules, run.Findings, run.Took.Microseconds())
		return err
	})
}

// LastRuns are when an audit last ran, and when one of all rules did; zero when none did.
func (s *Findings) LastRuns(ctx context.Context) (last, whole time.Time, err error) {
	err = s.db.Reader().QueryRowContext(ctx, `SELECT COALESCE(MAX(at), 0), COALESCE(MAX(CASE WHEN whole THEN at ELSE 0 END), 0) FROM audit_runs`).
		Scan(sqldb.TimeField(&last), sqldb.TimeField(&whole))
	return last, whole, err
}

// Open counts the findings that the last audits saw and that nobody accepts, by severity.
func (s *Findings) Open(ctx context.Context) (map[string]int, error) {
	rows, err := s.db.Reader().QueryContext(ctx, `SELECT severity, COUNT(*) FROM findings WHERE closed_at = 0 AND NOT accepted GROUP BY severity`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	open := map[string]int{}
	for rows.Next() {
		var severity string
		var n int
		if err := rows.Scan(&severity, &n); err != nil {
			return nil, err
		}
		open[severity] = n
	}
	return open, rows.Err()
}

// For how long is kept what nobody needs to see every day.
const (
	keepFindings   = 400 * 24 * time.Hour
	keepDeliveries = 30 * 24 * time.Hour
	keepReplicas   = 30 * 24 * time.Hour
)

// Purge deletes what is kept no longer.
func (s *Findings) Purge(ctx context.Context, now time.Time) error {
	return errors.Join(
		purge(ctx, s.db, sqldb.Micros(now.Add(-keepPlaces)), sqldb.Purge{Table: "credential_places", Column: "last_at"}),
		purge(ctx, s.db, sqldb.Micros(now.Add(-keepFindings)), sqldb.Purge{Table: "findings", Column: "closed_at", And: `closed_at <> 0`},
			sqldb.Purge{Table: "audit_runs", Column: "at"}),
		purge(ctx, s.db, sqldb.Micros(now.Add(-keepDeliveries)), sqldb.Purge{Table: "deliveries", Column: "created_at", And: `state <> 'waiting'`},
			sqldb.Purge{Table: "delivery_targets", Column: "not_before"}),
		purge(ctx, s.db, sqldb.Micros(now.Add(-keepReplicas)), sqldb.Purge{Table: "replicas", Column: "seen_at"}),
	)
}
