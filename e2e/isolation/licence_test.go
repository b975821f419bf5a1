package isolation_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/platform"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// TestB13_I12_RaceForTheLastSlot lets two hundred people, signed in already,
// make their first call at the same moment at two replicas: one wins the last
// slot, everybody else is told why, and no count is ever above the licence.
func TestB13_I12_RaceForTheLastSlot(t *testing.T) {
	t.Parallel()
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			const slots, racers = 3, 200
			in := tandemtest.Start(t, tandemtest.Options{Engine: engine, Licence: tandem.Licence{Slots: slots}, Log: slog.New(slog.DiscardHandler)})
			replicas := []*tandemtest.Instance{in, in.Replica(t)}
			for _, token := range []string{in.SignIn("admin").Access, in.ServiceToken()} {
				if status, text := in.API("GET", "GetVersion()", token, ""); status != 200 {
					t.Fatal(status, text)
				}
			}
			tokens := make([]string, racers)
			var people []signin.NewUser
			for i := range tokens {
				people = append(people, newClerk(fmt.Sprintf("racer%03d", i)))
			}
			in.CreateUsers(people...)
			var all errgroup.Group
			all.SetLimit(8)
			for i := range tokens {
				all.Go(func() error { tokens[i] = in.SignIn(fmt.Sprintf("racer%03d", i)).Access; return nil })
			}
			_ = all.Wait()

			ctx, stop := context.WithCancel(t.Context())
			most := make(chan int)
			go func() {
				highest := 0
				for ctx.Err() == nil {
					var n int
					if err := in.Platform.DB.Reader().QueryRowContext(ctx, `SELECT count(*) FROM sessions WHERE ended_at = 0`).Scan(&n); err == nil {
						highest = max(highest, n)
					}
				}
				most <- highest
			}()
			var won, refused atomic.Int64
			var winner atomic.Value
			var wg sync.WaitGroup
			begin := make(chan struct{})
			for i, token := range tokens {
				wg.Go(func() {
					<-begin
					status, text := replicas[i%2].API("GET", "GetVersion()", token, "")
					for end := time.Now().Add(testkit.Patience); status == 503 && time.Now().Before(end); {
						// So many at once are more than a slow machine answers in time.
						status, text = replicas[i%2].API("GET", "GetVersion()", token, "")
					}
					switch {
					case status == 200:
						won.Add(1)
						winner.Store(i)
					case status == 403 && strings.Contains(text, "MaximumLicenseCountExceeded"):
						refused.Add(1)
					default:
						t.Errorf("racer %d: %d %s", i, status, text)
					}
				})
			}
			close(begin)
			wg.Wait()
			stop()
			if n := <-most; n > slots {
				t.Errorf("%d sessions were open with a licence for %d", n, slots)
			}
			if won.Load() != 1 || refused.Load() != racers-1 {
				t.Fatalf("%d won the last slot, %d were refused", won.Load(), refused.Load())
			}
			for _, r := range replicas {
				if u := r.Usage(); u.InUse != slots || u.User != slots-1 || u.Service != 1 {
					t.Errorf("usage: %+v", u)
				}
			}
			// The refused are signed in as before, and one gets the slot that is
			// given back.
			w := winner.Load().(int)
			for _, row := range in.Sessions(false) {
				if row.User == fmt.Sprintf("racer%03d", w) {
					if err := in.Platform.Sessions.Close(t.Context(), tandemtest.By, row.ID, "the race is over"); err != nil {
						t.Fatal(err)
					}
				}
			}
			in.Refresh()
			if status, text := replicas[1].API("GET", "GetVersion()", tokens[(w+1)%racers], ""); status != 200 {
				t.Errorf("a slot is free: %d %s", status, text)
			}
			if status, text := replicas[0].API("GET", "GetVersion()", tokens[(w+2)%racers], ""); status != 403 {
				t.Errorf("no slot is free: %d %s", status, text)
			}
		})
	}
}

// TestI11_OneServiceSession follows the worker's session across renewals of its
// token and a restart of its process: it stays one, until its hour is over.
func TestI11_OneServiceSession(t *testing.T) {
	t.Parallel()
	each(t, tandemtest.Options{Lifetimes: token.Lifetimes{Access: 5 * time.Minute}}, func(t *testing.T, s *system) {
		dir, db := s.workerFolder(t)
		rpc, stop := s.startWorker(t, dir, db)
		evidence := func() string { return s.SignIn("anna", "openid").ID }
		s.sync(rpc, evidence())
		session := s.serviceSession()
		if session == "" {
			t.Fatal("the worker has no session")
		}
		issued := func() int { return len(s.tap.all(kindService)) }
		first := issued()
		for range 3 { // renewals
			s.Advance(6 * time.Minute)
			s.sync(rpc, evidence())
			if got := s.serviceSession(); got != session {
				t.Errorf("after a renewal the session is %s, not %s", got, session)
			}
		}
		if n := issued(); n < first+3 {
			t.Errorf("%d service tokens, %d at first: none was renewed", n, first)
		}
		stop()
		rpc, stop = s.startWorker(t, dir, db)
		s.sync(rpc, evidence())
		if got := s.serviceSession(); got != session {
			t.Errorf("after a restart the session is %s, not %s", got, session)
		}
		if n := s.Usage().Service; n != 1 {
			t.Errorf("%d service sessions are open", n)
		}
		var ids []string
		for _, row := range s.Sessions(true) {
			if row.Kind == tandem.SessionService {
				ids = append(ids, row.ID)
			}
		}
		if len(ids) != 1 {
			t.Errorf("the worker had the sessions %v", ids)
		}
		// One hour after it opened it is over, active or not.
		for range 4 {
			s.Advance(12 * time.Minute)
			s.sync(rpc, evidence())
		}
		if got := s.serviceSession(); got == session || got == "" {
			t.Errorf("after an hour the session is %q still", got)
		}
		stop()
	})
}

// workerFolder makes the data folder and names the database of a worker that
// the test starts and stops itself.
func (s *system) workerFolder(t *testing.T) (dir, db string) {
	t.Helper()
	dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "credential"), []byte(s.ServiceSecret), 0o600); err != nil {
		t.Fatal(err)
	}
	if strings.HasPrefix(s.WorkerDB, "sqlite:") {
		return dir, "sqlite:" + filepath.Join(dir, "worker.db")
	}
	return dir, datatest.URL(t, sqldb.PostgreSQL)
}

// startWorker starts a worker, and returns what asks it and what stops it.
func (s *system) startWorker(t *testing.T, dir, db string) (rpc *internalapi.Client, stop func()) {
	t.Helper()
	w, err := platform.NewWorker(t.Context(), platform.WorkerConfig{HalfConfig: platform.HalfConfig{
		Issuer: s.Issuer, ApplicationURI: tandemtest.Portal, CredentialFile: filepath.Join(dir, "credential"), DB: db, Dir: dir,
		ChannelKeyFile: filepath.Join(s.Dir, "channel.key"), Log: slog.New(slog.DiscardHandler), Clock: s.Clock.Now,
	}})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- platform.Serve(ctx, w, platform.ServeOptions{Listener: l, Log: slog.New(slog.DiscardHandler)})
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error("the worker did not end well:", err)
		}
	})
	t.Cleanup(stop)
	if rpc, err = internalapi.NewClient("http://"+l.Addr().String(), s.ChannelKey, nil); err != nil {
		t.Fatal(err)
	}
	return rpc, stop
}
