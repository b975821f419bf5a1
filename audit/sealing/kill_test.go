package sealing_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/audit"
	"github.com/hybridapps/tandem/audit/sealing"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/sqldb"
)

// killVariable names the database whose record a child process seals until it is killed.
const killVariable = "TANDEM_TEST_SEALING_KILL"

// TestKilledWhileSealing kills a sealing process without notice, twenty times: what it had
// told is sealed, the next one goes on, and the record is as it was sealed.
func TestKilledWhileSealing(t *testing.T) {
	t.Parallel()
	if url := os.Getenv(killVariable); url != "" {
		sealUntilKilled(t, url)
		return
	}
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			url := "sqlite:" + filepath.Join(t.TempDir(), "test.db")
			if engine == sqldb.PostgreSQL {
				url = datatest.URL(t, engine)
			}
			var told int64
			for range 20 {
				told = killOne(t, url, told)
			}
			db, err := data.Open(t.Context(), url, sqldb.Options{})
			must(t, err)
			defer db.Close()
			b := openBook(t, db.Identity)
			b.now = time.Now()
			if r := b.clean(sealing.Options{}); r.Events < told || r.Events < 1000 {
				t.Errorf("%d events were told to be sealed, and %d are", told, r.Events)
			}
		})
	}
}

// killOne lets a process seal until it has told of more than once, and kills it.
func killOne(t *testing.T, url string, told int64) int64 {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKilledWhileSealing$")
	child.Env = append(os.Environ(), killVariable+"="+url)
	out, err := child.StdoutPipe()
	must(t, err)
	must(t, child.Start())
	lines, last := bufio.NewScanner(out), told
	for n, kill := 0, 2+rand.IntN(20); lines.Scan(); n++ {
		if n == kill {
			must(t, child.Process.Kill())
		}
		if _, err := fmt.Sscan(lines.Text(), &last); err != nil {
			t.Fatalf("the child says %q", lines.Text())
		}
	}
	if err := child.Wait(); err == nil || last <= told {
		t.Fatalf("the child ended with %v, after %d events", err, last)
	}
	return last
}

func sealUntilKilled(t *testing.T, url string) {
	db, err := data.Open(t.Context(), url, sqldb.Options{})
	must(t, err)
	l := &sealing.Log{Store: data.NewSealed(db.Identity), Key: sealing.NewKey(seed), Instance: data.NewInstance(db.Identity).ID, Log: slog.New(slog.DiscardHandler)}
	for {
		var events []tandem.AuditEvent
		for n := range 150 {
			at := time.Now().Add(-time.Minute)
			events = append(events, tandem.AuditEvent{ID: fmt.Sprintf("%s-7%03x-8000-%012d", sqldb.FirstID(at), n, time.Now().UnixNano()%1e12), At: at, Kind: tandem.AuditTokenIssued})
		}
		time.Sleep(time.Millisecond) // no id comes again
		must(t, data.NewAudit(db.Identity).AppendAudit(t.Context(), events))
		h, err := l.Seal(t.Context())
		must(t, err)
		// One write: a line that was read was sealed before.
		fmt.Fprintln(os.Stdout, h.Size)
	}
}

// Replicas that all believe that they are to seal, and commands that write beside them,
// make one tree, in which nothing is missing and nothing comes late.
func TestReplicasMakeOneTree(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		// Five seconds settle, as long as a commit may take.
		ahead := func() time.Time { return time.Now().Add(sealing.Settle - audit.CommitTimeout) }
		ctx, stop := context.WithTimeout(t.Context(), 9*time.Second)
		defer stop()
		var writers, sealers sync.WaitGroup
		for w := range 3 {
			writers.Go(func() { writeRecord(t, ctx, db, w) })
		}
		over := make(chan struct{})
		newLog := func() *sealing.Log {
			return &sealing.Log{Store: data.NewSealed(db), Key: sealing.NewKey(seed), Instance: data.NewInstance(db).ID, Clock: ahead, Log: slog.New(slog.DiscardHandler)}
		}
		for range 3 {
			sealers.Go(func() {
				for l := newLog(); ; {
					if _, err := l.Seal(t.Context()); err != nil && !errors.Is(err, sealing.ErrOvertaken) {
						t.Error(err)
					}
					select {
					case <-over:
						return
					case <-time.After(20 * time.Millisecond):
					}
				}
			})
		}
		writers.Wait()
		time.Sleep(audit.CommitTimeout)
		close(over)
		sealers.Wait()
		l := newLog()
		_, err := l.Seal(t.Context())
		must(t, err)
		r, err := l.Verify(t.Context(), sealing.Options{Alive: ahead()})
		if err != nil || !r.OK() || r.Events < 100 || r.Unsealed > 0 {
			t.Errorf("%+v, %v", r, err)
		}
	})
}

// writeRecord is one program that puts events on the record, until ctx ends.
func writeRecord(t *testing.T, ctx context.Context, db *sqldb.DB, who int) {
	run, stop := context.WithCancel(t.Context())
	l := &audit.Log{Store: data.NewAudit(db)}
	done := make(chan struct{})
	go func() { defer close(done); l.Run(run) }()
	for n := 0; ctx.Err() == nil; n++ {
		e := tandem.AuditEvent{Kind: tandem.AuditAdministration, Actor: fmt.Sprint("program ", who), Detail: fmt.Sprint(n)}
		if err := l.Record(t.Context(), e); err != nil {
			t.Error(err)
		}
		time.Sleep(5 * time.Millisecond) // what it finds comes by time and not by number
	}
	stop()
	<-done
}
