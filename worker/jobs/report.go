package jobs

import (
	"context"
	"database/sql"

	"github.com/hybridapps/tandem/internalapi"
)

// MaxReport is how many rows of a job's report are kept; further ones are only
// counted by the job itself.
const MaxReport = 100_000

// addReport writes rows behind those that the report has.
func addReport(ctx context.Context, tx *sql.Tx, id string, report []internalapi.ReportRow) error {
	if len(report) == 0 {
		return nil
	}
	place, err := reported(tx.QueryRowContext(ctx, countReport, id))
	if err != nil {
		return err
	}
	for _, row := range report[:min(int64(len(report)), MaxReport-place)] {
		place++
		_, err := tx.ExecContext(ctx, `INSERT INTO job_report (job_id, place, file, line, severity, column_name, value, reason)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`, id, place, row.File, row.Row, row.Severity, row.Column, row.Value, row.Reason)
		if err != nil {
			return err
		}
	}
	return nil
}

// countReport counts the rows of a report, whose places have no gap.
const countReport = `SELECT COALESCE(MAX(place), 0) FROM job_report WHERE job_id = $1`

func reported(found *sql.Row) (n int64, err error) {
	err = found.Scan(&n)
	return n, err
}

// Report is a page of what was wrong with the rows that a job was given.
func (j *Jobs) Report(ctx context.Context, reach Reach, id string, p internalapi.Page) (internalapi.ReportPage, error) {
	out := internalapi.ReportPage{Rows: []internalapi.ReportRow{}}
	if _, err := j.reached(ctx, reach, id, "read its report"); err != nil {
		return out, err
	}
	rows, err := j.db.Reader().QueryContext(ctx, `SELECT file, line, severity, column_name, value, reason FROM job_report
		WHERE job_id = $1 AND place > $2 ORDER BY place LIMIT $3`, id, p.Skip, p.Top)
	if err != nil {
		return out, err
	}
	defer rows.Close()
	for rows.Next() {
		var row internalapi.ReportRow
		if err := rows.Scan(&row.File, &row.Row, &row.Severity, &row.Column, &row.Value, &row.Reason); err != nil {
			return out, err
		}
		out.Rows = append(out.Rows, row)
	}
	if err := rows.Err(); err != nil {
		return out, err
	}
	if out.Total, err = reported(j.db.Reader().QueryRowContext(ctx, countReport, id)); err != nil {
		return out, err
	}
	out.More = int64(p.Skip+len(out.Rows)) < out.Total
	return out, nil
}
