package agent_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/examples/prices/agent"
	"github.com/hybridapps/tandem/examples/prices/wire"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// F10 in the last instant: the token is renewed as another System User when the agent has
// looked whom it acts as and before it calls. And one that a member of the group lets go on
// while the agent does not know yet is no new beginning. Neither is written as the other,
// though that one may.
func TestF10_AnotherSystemUserInTheLastInstant(t *testing.T) {
	t.Parallel()
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		for _, how := range []string{"before a call", "while it is paused"} {
			t.Run(string(engine)+" "+how, func(t *testing.T) {
				t.Parallel()
				h := &hook{}
				p := newPlace(t, tandemtest.Options{Wrap: h.wrap})
				other := p.CreateUser(signin.NewUser{Login: "svc.other", Type: tandem.SystemUserNoLogin})
				p.Grant("Price agent", "svc.other")
				actAsOther := func() {
					p.UpdateApp(tandemtest.Portal, func(a *tandem.TrustedApp) { a.SystemUserID = other.ID })
				}
				var armed atomic.Bool
				changed := make(chan struct{})
				r := p.agentOn(p.storeOn(engine), t.TempDir(), func(c *agent.Config) {
					root := c.Provider.ODataRoot
					c.ODataRoot = func(ctx context.Context) (string, error) { // asked for in the call, before its token
						if armed.CompareAndSwap(true, false) {
							actAsOther()
							p.Advance(61 * time.Minute)
							close(changed)
						}
						return root(ctx)
					}
				})
				all := p.products("Active eq true")
				r.put("prices.csv", many(all, 1.5))
				r.until(1, wire.Waiting)
				token := r.idToken("maria")
				h.set(isImport, func() {
					if how == "before a call" {
						armed.Store(true)
					} else if _, err := r.api.Do(t.Context(), token, 1, "pause"); err != nil {
						t.Error(err)
					}
				})
				if err := r.decide("maria", 1); err != nil {
					t.Fatal(err)
				}
				if how == "before a call" {
					select { // nothing is asked meanwhile, so that the next call is the next piece
					case <-changed:
					case <-time.After(testkit.Patience):
						t.Fatal("no second call")
					}
					delete(p.tokens, "maria")
				} else {
					r.until(1, wire.Paused)
					actAsOther()
					if _, err := r.api.Do(t.Context(), token, 1, "resume"); err != nil && tandem.ErrorCode(err) != tandem.CodeForbidden {
						t.Fatal(err)
					}
				}
				var b wire.Batch
				testkit.Eventually(t, "it waits for an administrator", func() bool {
					b = r.until(1, wire.Paused, wire.Running, wire.Approved, wire.Written)
					return b.State == wire.Paused && strings.Contains(b.Note, "acts as svc.other now, and began this batch as svc.prices: an administrator has to look")
				})
				if b.Figures.Count[wire.RowDone] != 200 || b.Figures.Count[wire.RowRefused] != 0 {
					t.Errorf("%+v", b.Figures)
				}
				for _, one := range p.products("Active eq true") {
					if one.UpdateUser == "svc.other" {
						t.Fatalf("svc.other has written %+v", one)
					}
				}
				delete(p.tokens, "admin")
				if _, err := r.api.Do(t.Context(), r.idToken("admin"), 1, "resume"); err != nil {
					t.Fatal(err)
				}
				if b = r.until(1, wire.Completed); b.Figures.Count[wire.RowDone] != int64(len(all)) {
					t.Errorf("%+v %s", b.Figures, b.Note)
				}
			})
		}
	}
}
