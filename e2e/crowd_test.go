package e2e

import (
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/tandemtest"
)

// caller is a back end that runs under a name of its own, and so in a session of its
// own.
type caller struct{ name, token string }

func (s *replicas) callers(t *testing.T, in *tandemtest.Instance, prefix string, n int) []caller {
	form := maps.Clone(s.form)
	all := make([]caller, n)
	for i := range all {
		all[i].name = fmt.Sprint(prefix, i)
		form.Set("service_instance", all[i].name)
		token, err := s.ask(s.all[0], form)
		if err != nil {
			t.Fatal(err)
		}
		all[i].token = token
	}
	return all
}

// call asks a replica for something small, which opens the session.
func (s *replicas) call(r *replica, c caller) (status int, err error) {
	req, err := http.NewRequest("GET", "http://"+r.address+s.odata+"General_Products_Products?$top=1", nil)
	if err != nil {
		return 0, err
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	res, err := s.own.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	return res.StatusCode, err
}

// races has many open the last session that the licence has room for, over all
// replicas at the same moment: one wins, each time.
func (s *replicas) races(t *testing.T, in *tandemtest.Instance) {
	for _, c := range s.callers(t, in, "held", in.Usage().Slots-1) {
		if status, err := s.call(s.all[0], c); err != nil || status != http.StatusOK {
			t.Fatalf("%d %v", status, err)
		}
	}
	var took []time.Duration
	for n := range scale.races {
		// Others than before: a replica may take a second to learn that a session ended.
		late := s.callers(t, in, fmt.Sprintf("late%d-", n), scale.openers)
		var won, refused atomic.Int64
		var wg sync.WaitGroup
		start := make(chan struct{})
		for i, c := range late {
			wg.Go(func() {
				<-start
				switch status, err := s.call(s.all[i%len(s.all)], c); {
				case err == nil && status == http.StatusOK:
					won.Add(1)
				case err == nil && status == http.StatusForbidden:
					refused.Add(1)
				default:
					t.Errorf("an opener: %d %v", status, err)
				}
			})
		}
		begun := time.Now()
		close(start)
		wg.Wait()
		took = append(took, time.Since(begun))
		if won.Load() != 1 || refused.Load() != int64(len(late)-1) {
			t.Errorf("%d won, %d were refused", won.Load(), refused.Load())
		}
		s.close(t, in, "late")
		if u := in.Usage(); u.InUse != u.Slots-1 {
			t.Errorf("%d slots are taken after a race", u.InUse)
		}
	}
	slices.Sort(took)
	t.Logf("%d races of %d openers over %d replicas, one winner each; a race took %s (median), %s at most",
		scale.races, scale.openers, len(s.all), took[len(took)/2], took[len(took)-1])
	s.close(t, in, "held")
}

// close ends the sessions of callers whose name begins so.
func (s *replicas) close(t *testing.T, in *tandemtest.Instance, prefix string) {
	t.Helper()
	_, err := in.Platform.Sessions.EndWhere(t.Context(), func(one *tandem.Session) bool {
		return len(one.ServiceInstance) >= len(prefix) && one.ServiceInstance[:len(prefix)] == prefix
	}, "measured")
	if err != nil {
		t.Error(err)
	}
}

// frozen stops one replica at a random moment at which it opens sessions. Meanwhile
// others open sessions, end them and ask for tokens; what it tells is for how long they
// waited.
func (s *replicas) frozen(t *testing.T, in *tandemtest.Instance) {
	still, others := s.all[0], s.all[1:]
	opening, beside := s.callers(t, in, "still", 4), s.callers(t, in, "beside", 4)
	var longest, held time.Duration
	calls := 0
	measured := func(what string, f func() (int, error)) {
		begun := time.Now()
		status, err := f()
		longest, calls = max(longest, time.Since(begun)), calls+1
		if err != nil || status >= 500 {
			t.Errorf("beside a replica that stands still: %s: %d %v", what, status, err)
		}
	}
	for range scale.freezes {
		end := make(chan struct{})
		var wg sync.WaitGroup
		for _, c := range opening {
			wg.Go(func() {
				for {
					select {
					case <-end:
						return
					default:
					}
					if status, err := s.call(still, c); err != nil || status >= 500 && status != http.StatusServiceUnavailable {
						t.Errorf("the replica that stood still: %d %v", status, err)
					}
					s.close(t, in, c.name)
				}
			})
		}
		time.Sleep(rand.N(100 * time.Millisecond)) // wherever they are
		still.signal(syscall.SIGSTOP)
		still.turned.Store(true)
		for begun := time.Now(); time.Since(begun) < scale.freeze; {
			for i, c := range beside {
				measured("a call", func() (int, error) { return s.call(others[i%len(others)], c) })
			}
			measured("the end of a session", func() (int, error) { s.close(t, in, "beside"); return 0, nil })
			measured("a token", func() (int, error) { _, err := s.token(t); return 0, err })
		}
		close(end)
		still.signal(syscall.SIGCONT)
		wg.Wait()
		held += scale.freeze
		testkit.Eventually(t, "the replica to be back", func() bool { return still.ready() == http.StatusOK })
		still.turned.Store(false)
		s.close(t, in, "still")
	}
	if scale.bounds && longest > 2*time.Second {
		t.Errorf("beside a replica that stands still somebody waited %s, and may wait 2 s", longest)
	}
	t.Logf("%d freezes of %s, in which %d calls, ends and tokens beside waited %s at most", scale.freezes, held/time.Duration(scale.freezes), calls, longest)
}
