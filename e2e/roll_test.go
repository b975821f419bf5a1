package e2e

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/hybridapps/tandem/api"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// scale are the sizes of the tests of replicas: TANDEM_BENCH_SCALE=full has those
// of docs/benchmarks.md.
var scale = sizes{replicas: 2, rate: 50, kills: 2, openers: 40, races: 2, freezes: 2, freeze: 100 * time.Millisecond, outages: 1}

type sizes struct {
	replicas, rate, kills   int // rate is requests a second
	openers, races, freezes int
	freeze                  time.Duration // how long one stands still
	outages                 int           // restarts and failovers
	bounds                  bool          // times are held to what is promised
}

func init() {
	if os.Getenv("TANDEM_BENCH_SCALE") == "full" {
		scale = sizes{replicas: 4, rate: 1000, kills: 100, openers: 1000, races: 50, freezes: 20, freeze: 60 * time.Second, outages: 10, bounds: true}
	}
}

// replica is a process of `tandem instance` among several on one database.
type replica struct {
	t       *testing.T
	args    []string
	address string
	cmd     *exec.Cmd
	ended   chan error
	log     testkit.Buffer
	turned  atomic.Bool  // away: the balancer sends nothing more
	running atomic.Int64 // requests
}

// start runs the process at its address, which it keeps for its whole life.
func (r *replica) start() {
	r.t.Helper()
	file, err := program.File()
	if err != nil {
		r.t.Fatal(err)
	}
	r.cmd = exec.Command(file, append([]string{"instance", "--listen", cmp.Or(r.address, "127.0.0.1:0"), "--drain", "10m"}, r.args...)...)
	r.cmd.Stdout, r.cmd.Stderr = &r.log, &r.log
	before := len(r.log.String())
	if err := r.cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	ended := make(chan error, 1)
	r.ended = ended
	go func() { ended <- r.cmd.Wait() }()
	testkit.Eventually(r.t, "a replica to listen", func() bool {
		select {
		case err := <-ended:
			r.t.Fatalf("a replica ended: %v\n%s", err, tail(r.log.String(), 10))
		default:
		}
		_, at, found := strings.Cut(r.log.String()[before:], "msg=listening address=")
		if r.address == "" && found && strings.Contains(at, "\n") {
			r.address = strings.Fields(at)[0]
		}
		return found && r.ready() == http.StatusOK
	})
	r.turned.Store(false)
}

func (r *replica) ready() int {
	res, err := http.Get("http://" + r.address + "/readyz")
	if err != nil {
		return 0
	}
	res.Body.Close()
	return res.StatusCode
}

// roll restarts the process as whoever operates it does, behind a balancer that
// turns away when /readyz says so. A second SIGTERM ends the drain when it has, so
// that no time has to be right on a slow machine.
func (r *replica) roll() {
	r.t.Helper()
	r.signal(syscall.SIGTERM)
	testkit.Eventually(r.t, "the replica to say that it goes", func() bool { return r.ready() == http.StatusServiceUnavailable })
	r.turned.Store(true)
	testkit.Eventually(r.t, "its requests to end", func() bool { return r.running.Load() == 0 })
	r.signal(syscall.SIGTERM)
	if err := <-r.ended; err != nil {
		r.t.Errorf("a replica ended: %v\n%s", err, tail(r.log.String(), 10))
	}
	r.start()
}

func (r *replica) signal(s syscall.Signal) {
	r.t.Helper()
	if err := r.cmd.Process.Signal(s); err != nil {
		r.t.Fatal(err)
	}
}

// replicas are behind a balancer that takes one after the other.
type replicas struct {
	all   []*replica
	turn  atomic.Int64
	form  url.Values
	odata string       // its path
	own   *http.Client // keeps connections, as a balancer does
}

// next is a replica that is not turned away; the caller says when it is done.
func (s *replicas) next() *replica {
	for {
		r := s.all[int(s.turn.Add(1))%len(s.all)]
		r.running.Add(1) // before the look: roll looks the other way round
		if !r.turned.Load() {
			return r
		}
		r.running.Add(-1)
	}
}

// token asks for a token and returns its id.
func (s *replicas) token(t *testing.T) (id string, err error) {
	r := s.next()
	defer r.running.Add(-1)
	token, err := s.ask(r, s.form)
	if err != nil {
		return "", err
	}
	return jti(t, token), nil
}

// ask asks a replica for a token.
func (s *replicas) ask(r *replica, form url.Values) (token string, err error) {
	res, err := s.own.PostForm("http://"+r.address+oauth.PathToken, form)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK || json.Unmarshal(text, &answer) != nil {
		return "", errors.Join(err, errors.New(res.Status+" "+string(text)))
	}
	return answer.AccessToken, nil
}

// Replicas are restarted one after the other, twice, while people work: no request
// is lost. One that is killed takes no token with it that has no record, and one that
// stands still keeps nobody else waiting for ever.
func TestReplicasComeAndGo(t *testing.T) {
	t.Parallel()
	in := tandemtest.Start(t, tandemtest.Options{Engine: sqldb.PostgreSQL})
	store := in.Store()
	s := &replicas{odata: api.DomainPath, own: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}, form: url.Values{
		"grant_type": {"client_credentials"}, "client_id": {tandemtest.Portal}, "client_secret": {in.ServiceSecret},
	}}
	defer s.own.CloseIdleConnections()
	for range scale.replicas {
		r := &replica{t: t, args: []string{"--db", store.DB, "--key-file", store.KeyFile, "--url", in.URL, "--data", t.TempDir()}}
		t.Cleanup(func() {
			_ = r.cmd.Process.Kill() // it may have ended
			if t.Failed() {
				t.Log(tail(r.log.String(), 20))
			}
		})
		r.start()
		s.all = append(s.all, r)
	}
	t.Run("rolls", s.lostInRolls)
	t.Run("kills", func(t *testing.T) { s.eachHasItsRecord(t, in, s.killed(t)) })
	t.Run("freezes", func(t *testing.T) { s.frozen(t, in) })
	t.Run("races", func(t *testing.T) { s.races(t, in) })
}

func (s *replicas) eachHasItsRecord(t *testing.T, in *tandemtest.Instance, ids []string) {
	for _, id := range ids {
		var n int
		err := in.Platform.DB.Reader().QueryRowContext(t.Context(),
			`SELECT count(*) FROM audit_events WHERE token_id = $1 AND kind = 'token_issued'`, id).Scan(&n)
		if err != nil || n != 1 {
			t.Fatalf("token %s has %d records (%v)", id, n, err)
		}
	}
}

// lostInRolls restarts all replicas twice under a steady load.
func (s *replicas) lostInRolls(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var sent, lost atomic.Int64
	var all sync.WaitGroup
	all.Go(func() {
		tick := time.NewTicker(time.Second / time.Duration(scale.rate))
		defer tick.Stop()
		busy := make(chan struct{}, 64)
		for ctx.Err() == nil {
			<-tick.C
			busy <- struct{}{}
			all.Go(func() {
				defer func() { <-busy }()
				sent.Add(1)
				if _, err := s.token(t); err != nil {
					lost.Add(1)
					t.Errorf("a request was lost in a rolling restart: %v", err)
				}
			})
		}
	})
	for range 2 {
		for _, r := range s.all {
			r.roll()
		}
	}
	stop()
	all.Wait()
	t.Logf("%d requests, %d lost, in two rolls of %d replicas", sent.Load(), lost.Load(), len(s.all))
}

// killed kills replicas at random moments of their work, one after the other, and
// returns the tokens that got out.
func (s *replicas) killed(t *testing.T) (ids []string) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var mu sync.Mutex
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for ctx.Err() == nil {
				if id, err := s.token(t); err == nil {
					mu.Lock()
					ids = append(ids, id)
					mu.Unlock()
				}
			}
		})
	}
	count := func() int { mu.Lock(); defer mu.Unlock(); return len(ids) }
	for n := range scale.kills {
		r, before := s.all[n%len(s.all)], count()
		testkit.Eventually(t, "some tokens", func() bool { return count() >= before+20 })
		time.Sleep(rand.N(50 * time.Millisecond))
		r.signal(syscall.SIGKILL)
		<-r.ended
		r.start()
	}
	stop()
	all.Wait()
	t.Logf("%d tokens over %d kills, each with its record", len(ids), scale.kills)
	return ids
}
