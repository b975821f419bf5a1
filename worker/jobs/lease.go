package jobs

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/sqldb"
)

// A job that runs is leased to a process. The process renews the lease; when it
// dies, the lease runs out, or another process of the same machine sees that
// the process is gone, and the job is queued again. What a process writes about
// its job is written only while the lease is its own, so that one that was
// suspended for long cannot overwrite its successor.
const (
	leaseFor   = 10 * time.Second
	renewEvery = time.Second
	// redispatchAfter is when a queued job that River was told about and did
	// not run is told again: the process may have died in between.
	redispatchAfter = time.Minute
)

// newOwner names this process: a place where process numbers are comparable,
// the process number, and something that no other process has.
func newOwner() string {
	return strings.Join([]string{processSpace(), strconv.Itoa(os.Getpid()), rand.Text()[:12]}, "|")
}

// processSpace names the machine and the process namespace (a container has one
// of its own); empty where that cannot be told, and leases alone decide.
func processSpace() string {
	host, err := os.Hostname()
	if err != nil {
		return ""
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	space, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		return ""
	}
	return strings.ReplaceAll(host+"/"+strings.TrimSpace(string(boot))+"/"+space, "|", "_")
}

// isGone reports whether the owner surely lives no more.
func (e *engine) isGone(owner string) bool {
	if owner == e.owner {
		return false
	}
	parts := strings.Split(owner, "|")
	space, _, _ := strings.Cut(e.owner, "|")
	if len(parts) != 3 || space == "" || parts[0] != space {
		return false
	}
	pid, err := strconv.Atoi(parts[1])
	if err != nil || pid <= 0 || pid == os.Getpid() {
		return false
	}
	p, err := os.FindProcess(pid)
	if err != nil {
		return false
	}
	defer p.Release()
	err = p.Signal(syscall.Signal(0))
	return err != nil && !os.IsPermission(err)
}

// reclaim queues the jobs of processes that are gone.
func (e *engine) reclaim(ctx context.Context) error {
	rows, err := e.db.Reader().QueryContext(ctx, `SELECT id, owner, lease_until FROM jobs WHERE state = 'running'`)
	if err != nil {
		return err
	}
	type orphan struct{ id, owner string }
	var orphans []orphan
	now := sqldb.Micros(e.clock.Now())
	defer rows.Close()
	for rows.Next() {
		var o orphan
		var until int64
		if err := rows.Scan(&o.id, &o.owner, &until); err != nil {
			return err
		}
		if until < now || e.isGone(o.owner) {
			orphans = append(orphans, o)
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for _, o := range orphans {
		_, err := e.db.Writer().ExecContext(ctx, `UPDATE jobs SET state = 'queued', owner = '', lease_until = 0, run_at = $1, dispatched_at = 0,
				note = 'the worker stopped; the job goes on', version = version + 1
			WHERE id = $2 AND state = 'running' AND owner = $3`, now, o.id, o.owner)
		if err != nil {
			return err
		}
		e.log.Info("a job of a worker that stopped goes on", "job", o.id)
		e.jobs.watch.changed(o.id)
	}
	return nil
}

// claim takes a queued job; nil when there is nothing to do.
func (e *engine) claim(ctx context.Context, id string) (*row, error) {
	var out *row
	err := e.db.Write(ctx, func(tx *sql.Tx) error {
		j, err := scanRow(tx.QueryRowContext(ctx, selectJobs()+`WHERE id = $1`+e.db.ForUpdate(), id))
		if err != nil {
			return noJob(id, err)
		}
		now := e.clock.Now()
		if j.state != internalapi.JobQueued || j.runAt.After(now) {
			return nil // final, run by another, or not yet
		}
		if j.startedAt.IsZero() {
			j.startedAt = now
		}
		j.state, j.owner, j.leaseUntil = internalapi.JobRunning, e.owner, now.Add(leaseFor)
		j.attempts++
		_, err = tx.ExecContext(ctx, `UPDATE jobs SET state = $1, owner = $2, lease_until = $3, attempts = $4, started_at = $5, note = '',
			version = version + 1 WHERE id = $6`,
			string(j.state), j.owner, sqldb.Micros(j.leaseUntil), j.attempts, sqldb.Micros(j.startedAt), id)
		out = j
		return err
	})
	if err != nil {
		return nil, err
	}
	if out != nil {
		e.jobs.watch.changed(id)
	}
	return out, nil
}

// errLeaseLost ends the run of a job that another process has taken over.
var errLeaseLost = fmt.Errorf("another worker has taken the job over")

// renew prolongs the lease, and reports whether the job is to be cancelled.
func (e *engine) renew(ctx context.Context, id string) (cancelling bool, err error) {
	err = e.db.Writer().QueryRowContext(ctx, `UPDATE jobs SET lease_until = $1
		WHERE id = $2 AND state = 'running' AND owner = $3 RETURNING cancelling`,
		sqldb.Micros(e.clock.Now().Add(leaseFor)), id, e.owner).Scan(&cancelling)
	if err == sql.ErrNoRows { //nolint:errorlint // database/sql returns it bare
		return false, errLeaseLost
	}
	return cancelling, err
}
