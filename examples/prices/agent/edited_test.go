package agent_test

import (
	"os/user"
	"strings"
	"testing"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/examples/prices/agent"
	"github.com/hybridapps/tandem/examples/prices/wire"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// Who edits a mapping does not let a file through alone that is there already: not with
// other limits and the button that checks again, nor with the approval that does so, nor
// with a mapping of another name that the file falls to, nor with the first one for a file
// that none was for. Others of the group decide then.
func TestLimitsOfAfterAFileCame(t *testing.T) {
	t.Parallel()
	loose := func(more ...string) string {
		all := append([]string{"mean: 5, largest: 20", "mean: 500, largest: 500", `from: "18:00", to: "06:00", `, ""}, more...)
		return strings.NewReplacer(all...).Replace(agent.FirstMapping())
	}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	type step func(r *robot, login string) error
	save := func(name, content string) step {
		return func(r *robot, login string) error {
			_, err := r.api.SaveMapping(r.t.Context(), r.idToken(login), name, content)
			return err
		}
	}
	check := func(r *robot, login string) error {
		_, err := r.api.Do(r.t.Context(), r.idToken(login), 1, "check")
		return err
	}
	approve := func(r *robot, login string) error { return r.decide(login, 1) }
	as := func(login string, s step) step { return func(r *robot, _ string) error { return s(r, login) } }
	for name, c := range map[string]struct {
		file  string
		first wire.State
		steps []step
		want  tandem.Code // of the last step
		then  string      // the mapping that it is checked with
	}{
		"other limits":        {"prices.csv", wire.Waiting, []step{save("prices", loose()), check}, "", "prices"},
		"two editors":         {"prices.csv", wire.Waiting, []step{save("prices", loose()), as("ada", save("prices", loose("rows: 1000", "rows: 999"))), check}, "", "prices"},
		"somebody approves":   {"prices.csv", wire.Waiting, []step{save("prices", loose()), as("milena", approve)}, tandem.CodeConflict, "prices"},
		"another name":        {"prices.csv", wire.Waiting, []step{save("a-first", loose()), check}, "", "a-first"},
		"to another that was": {"prices.csv", wire.Waiting, []step{save("prices", loose(`"prices*.csv"`, `"none*.csv"`)), check}, "", "wide"},
		"the first for it":    {"stock.csv", wire.Unusable, []step{save("stock", loose("prices*.csv", "stock*.csv")), check}, "", "stock"},
	} {
		for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
			t.Run(name+" "+string(engine), func(t *testing.T) {
				t.Parallel()
				p := newPlace(t, tandemtest.Options{})
				p.byDay()
				p.Grant("Pricing", "maria") // edits, and decides
				r := p.agentOn(p.storeOn(engine), t.TempDir(), func(c *agent.Config) { c.Owners = map[string]string{me.Username: ""} })
				if err := save("wide", loose(`"prices*.csv"`, `"price*.csv"`))(r, "ada"); err != nil {
					t.Fatal(err)
				}
				one := p.products("Active eq true")[0]
				r.put(c.file, list(one.PartNumber+","+times(one.Price, 1.41)))
				r.until(1, c.first)
				for i, s := range c.steps {
					err := s(r, "maria")
					if want := c.want; i < len(c.steps)-1 && err != nil || i == len(c.steps)-1 && tandem.ErrorCode(err) != want {
						t.Fatalf("step %d: %v", i+1, err)
					}
				}
				b := r.until(1, wire.Waiting, wire.Completed)
				if why := strings.Join(b.Why, "; "); b.State != wire.Waiting || b.Mapping != c.then || !strings.Contains(why, "maria has edited a mapping since the file came") {
					t.Fatalf("it is %s by %s, because %q: %+v", b.State, b.Mapping, why, b.Events)
				}
				if err := r.decide("maria", 1); tandem.ErrorCode(err) != tandem.CodeForbidden || !strings.Contains(err.Error(), "edited the mapping") {
					t.Errorf("maria decides: %v", err)
				}
				if err := r.decide("milena", 1); err != nil {
					t.Fatal(err)
				}
				r.until(1, wire.Completed)
			})
		}
	}
}
