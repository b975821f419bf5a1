package isolation_test

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/platform"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// TestD25_RotationUnderLoad rotates the signing keys three times, by a process of its own,
// while people and back ends go on getting tokens at one replica and using them at the
// others: no token is refused anywhere, not those of the key before either, and each is
// by a key that every replica has published.
func TestD25_RotationUnderLoad(t *testing.T) {
	t.Parallel()
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			in := tandemtest.Start(t, tandemtest.Options{Engine: engine})
			replicas := []*tandemtest.Instance{in, in.Replica(t), in.Replica(t)}
			admin, err := platform.OpenAdministration(t.Context(), in.Store())
			if err != nil {
				t.Fatal(err)
			}
			defer admin.Close()
			if err := admin.LoadKeys(t.Context()); err != nil {
				t.Fatal(err)
			}
			people := in.SignIn("anna", "openid", "read", "offline_access")
			l := &load{replicas: replicas, signed: map[string]bool{}}
			stop := make(chan struct{})
			var working sync.WaitGroup
			for worker := range 3 {
				working.Go(func() { l.service(t, worker, stop) })
			}
			working.Go(func() { l.person(t, people.Refresh, stop) })

			const rotations = 3
			for range rotations {
				before := l.used.Load()
				if _, err := admin.RotateKeys(t.Context(), tandemtest.By); err != nil {
					t.Fatal(err)
				}
				for range 3 { // over the moment from which the new key signs
					in.Advance(token.PublishLead/2 + time.Second)
					l.more(t)
				}
				if l.used.Load() == before {
					t.Error("nobody used a token while the keys were rotated")
				}
			}
			close(stop)
			working.Wait()
			if n := len(l.signed); n < rotations+1 {
				t.Errorf("%d keys have signed in %d rotations", n, rotations)
			}
			t.Logf("%d tokens, each used at %d replicas, by %d keys", l.used.Load(), len(replicas), len(l.signed))
		})
	}
}

// load are people and back ends at work.
type load struct {
	replicas []*tandemtest.Instance
	used     atomic.Int64

	mu     sync.Mutex
	signed map[string]bool // key ids
}

// more waits for some more tokens.
func (l *load) more(t *testing.T) {
	t.Helper()
	for want, end := l.used.Load()+8, time.Now().Add(time.Minute); l.used.Load() < want; time.Sleep(time.Millisecond) {
		if t.Failed() || time.Now().After(end) {
			t.Fatal("nobody gets tokens any more")
		}
	}
}

func (l *load) service(t *testing.T, worker int, stop <-chan struct{}) {
	previous := ""
	for turn := worker; ; turn++ {
		select {
		case <-stop:
			return
		default:
		}
		access := l.replicas[turn%len(l.replicas)].ServiceToken()
		l.use(t, access)
		if previous != "" {
			l.use(t, previous)
		}
		if previous == "" || turn%8 == 0 {
			previous = access // and used over the next change of keys
		}
	}
}

func (l *load) person(t *testing.T, refresh string, stop <-chan struct{}) {
	for turn := 0; ; turn++ {
		select {
		case <-stop:
			return
		default:
		}
		got := l.replicas[turn%len(l.replicas)].RefreshTokens(refresh)
		refresh = got.Refresh
		l.use(t, got.Access)
	}
}

// use calls every replica with the token, and looks for its key at every replica.
func (l *load) use(t *testing.T, access string) {
	kid, _ := headerOf(t, access)["kid"].(string)
	for i, r := range l.replicas {
		if status, text := r.API("GET", "GetVersion()", access, ""); status != 200 {
			t.Errorf("replica %d answers %d: %s", i, status, text)
		}
		if keys := tandemtest.NewBrowser(t).Get(r.URL + oauth.PathJWKS).Text; !strings.Contains(keys, `"`+kid+`"`) {
			t.Errorf("replica %d does not publish the key %s", i, kid)
		}
	}
	l.mu.Lock()
	l.signed[kid] = true
	l.mu.Unlock()
	l.used.Add(1)
}
