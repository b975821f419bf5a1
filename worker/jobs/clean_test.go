package jobs

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem/sqldb"
)

// Of the jobs those go that ended before the time, with their reports; not those
// whose export is still there, or that have not ended.
func TestOldJobsGo(t *testing.T) {
	t.Parallel()
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			j := noops(t, engine, func(context.Context, *Run) error { return nil })
			ctx, now := t.Context(), time.Now()
			old, young := sqldb.FirstID(now.Add(-3*time.Hour)), sqldb.FirstID(now.Add(-time.Hour))
			insert := func(id string, finished time.Time, file string) {
				r, err := j.insert(ctx, nil, Ask{Kind: "nothing", RequestedBy: "anna"}, unbounded())
				if err == nil {
					_, err = j.db.Writer().ExecContext(ctx, `UPDATE jobs SET id = $2, finished_at = $3, file = $4, state = 'done', active_key = NULL WHERE id = $1`,
						r.id, id, sqldb.Micros(finished), file)
				}
				if err == nil {
					_, err = j.db.Writer().ExecContext(ctx, `INSERT INTO job_report (job_id, place, file, line, severity, column_name, value, reason)
						VALUES ($1, 0, '', 1, '', '', '', ''), ($1, 1, '', 2, '', '', '', '')`, id)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			hours := func(n time.Duration) time.Time { return now.Add(-n * time.Hour) }
			insert(old+"-goes", hours(3), "")
			insert(old+"-has-an-export", hours(3), "all.csv")
			insert(old+"-ended-late", hours(1), "")
			insert(old+"-runs", time.Time{}, "")
			insert(young+"-is-young", hours(1), "")
			if err := j.cleanJobs(ctx, hours(2)); err != nil {
				t.Fatal(err)
			}
			for _, table := range []string{"id FROM jobs ORDER BY id", "DISTINCT job_id FROM job_report ORDER BY job_id"} {
				left, err := j.ids(ctx, `SELECT `+table)
				if got := strings.Join(left, " "); err != nil || strings.Contains(got, "goes") || len(left) != 4 {
					t.Errorf("left are %s, %v", got, err)
				}
			}
		})
	}
}
