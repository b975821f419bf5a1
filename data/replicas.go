package data

import (
	"context"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/audit/findings"
	"github.com/hybridapps/tandem/sqldb"
)

var replicas = sqldb.NewTable("replicas", func(r *findings.Replica, column sqldb.Column) {
	column("name", &r.Name)
	column("url", &r.URL)
	column("version", &r.Version)
	column("licence", &r.Licence)
	column("own_ca", &r.DevelopmentCA)
	column("open_metrics", &r.MetricsToAll)
	column("skew", (*int64)(&r.Skew))
	column("rotate_keys", (*int64)(&r.RotateKeys))
	column("seen_at", sqldb.TimeField(&r.Seen))
})

// mostReplicas is how many replicas are looked at.
const mostReplicas = 64

// readReplicas reads how the instance runs, the last seen first.
func readReplicas(ctx context.Context, q querier, f *findings.Facts) (err error) {
	f.Setting.Replicas, err = replicas.All(q.QueryContext(ctx, replicas.Select+`ORDER BY seen_at DESC, name LIMIT $1`, mostReplicas))
	return err
}

// announced puts a replica in the place of what it was before: one statement, as two that
// announce the same one at once would each find nothing to delete.
var announced = replicas.Insert + ` ON CONFLICT (name) DO UPDATE SET ` + excluded(replicas.Columns)

// excluded sets columns to what would have been inserted.
func excluded(columns string) string {
	sets := strings.Split(columns, ", ")
	for i, c := range sets {
		sets[i] = c + " = excluded." + c
	}
	return strings.Join(sets, ", ")
}

// Announce keeps how a replica runs.
func (s *Findings) Announce(ctx context.Context, r findings.Replica) error {
	_, err := s.db.Writer().ExecContext(ctx, announced, replicas.Values(&r)...)
	return err
}

// Skew is by how much the clock of this process is ahead of the database's, to half the
// time that the question took.
func (s *Findings) Skew(ctx context.Context) (time.Duration, error) {
	asked := tandem.SystemTime()
	var at time.Time
	err := s.db.Reader().QueryRowContext(ctx, `SELECT `+s.db.Engine.Now()).Scan(sqldb.TimeField(&at))
	answered := tandem.SystemTime()
	return asked.Add(answered.Sub(asked) / 2).Sub(at), err
}

// LastURL is the public root of the replica that was last seen; empty for none.
func (s *Findings) LastURL(ctx context.Context) (string, error) {
	found, err := replicas.All(s.db.Reader().QueryContext(ctx, replicas.Select+`ORDER BY seen_at DESC, name LIMIT 1`))
	if err != nil || len(found) == 0 {
		return "", err
	}
	return found[0].URL, nil
}
