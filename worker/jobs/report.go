package jobs

import (
	"context"
	"database/sql"
	"regexp"

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
		_, err := tx.ExecContext(ctx, `INSERT INTO job_report (job_id, place, file, line, severity, column_name, value, reason, kind)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
			id, place, row.File, row.Row, row.Severity, row.Column, row.Value, row.Reason, kindOf(row.Reason))
		if err != nil {
			return err
		}
	}
	return nil
}

// changing is what differs in reasons that are alike: numbers, and what was typed.
var changing = regexp.MustCompile(`"[^"]*"|\{[^}]*\}|[0-9]+`)

func kindOf(reason string) string { return changing.ReplaceAllString(reason, "#") }

// MaxGroups is how many kinds of problem are told of one report.
const MaxGroups = 100

// groups are the kinds of problem of a report, those that refused the most rows
// first.
func (j *Jobs) groups(ctx context.Context, id string) (all []internalapi.ReportGroup, err error) {
	rows, err := j.db.Reader().QueryContext(ctx, `SELECT file, severity, column_name, MIN(reason), MIN(line), COUNT(*) AS n FROM job_report
		WHERE job_id = $1 GROUP BY file, severity, column_name, CASE WHEN kind = '' THEN reason ELSE kind END
		ORDER BY severity, n DESC, file, column_name LIMIT $2`, id, MaxGroups)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var g internalapi.ReportGroup
		if err := rows.Scan(&g.File, &g.Severity, &g.Column, &g.Reason, &g.First, &g.Count); err != nil {
			return nil, err
		}
		all = append(all, g)
	}
	return all, rows.Err()
}

// Refused are the reasons why rows were refused, by file and line: of each row the
// first. Files that were refused as a whole are not in it. full says that the report
// has [MaxReport] rows, so that there can be more.
func (r *Run) Refused(ctx context.Context) (all map[string]map[int64]string, full bool, err error) {
	defer func() { err = ofDatabase(ctx, err) }()
	told, err := reported(r.jobs.db.Reader().QueryRowContext(ctx, countReport, r.row.id))
	if err != nil {
		return nil, false, err
	}
	rows, err := r.jobs.db.Reader().QueryContext(ctx, `SELECT file, line, reason FROM job_report
		WHERE job_id = $1 AND severity = $2 AND line > 1 ORDER BY place`, r.row.id, internalapi.SeverityRefused)
	if err != nil {
		return nil, false, err
	}
	defer rows.Close()
	all = map[string]map[int64]string{}
	for rows.Next() {
		var file, reason string
		var line int64
		if err := rows.Scan(&file, &line, &reason); err != nil {
			return nil, false, err
		}
		if all[file] == nil {
			all[file] = map[int64]string{}
		}
		if _, known := all[file][line]; !known {
			all[file][line] = reason
		}
	}
	return all, told >= MaxReport, rows.Err()
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
	if p.Skip == 0 {
		if out.Groups, err = j.groups(ctx, id); err != nil {
			return out, err
		}
	}
	out.More = int64(p.Skip+len(out.Rows)) < out.Total
	return out, nil
}
