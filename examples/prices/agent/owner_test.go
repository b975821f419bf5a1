package agent_test

import (
	"os/user"
	"strings"
	"testing"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/examples/prices/agent"
	"github.com/hybridapps/tandem/examples/prices/wire"
	"github.com/hybridapps/tandem/tandemtest"
)

// Who placed a file of the folder is told by the account that owns it: by the table of the
// configuration, else by a login of the same name, whatever the case and the domain. Where
// the table has it not that is a guess, and nobody decides who could have handed it in.
func TestWhoPlacedAFile(t *testing.T) {
	t.Parallel()
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	const placed, unknown = "who placed a file", "nobody knows whose account"
	for name, c := range map[string]struct {
		owners map[string]string
		owner  string // that the system tells, where it is not the test's
		maria  string // why she may not decide, who edits mappings too
		milena string // why she may not, who does not
	}{
		"in the table":            {map[string]string{strings.ToUpper(me.Username): "Maria"}, "", placed, ""},
		"another's in the table":  {map[string]string{me.Username: "anna"}, "", "", ""},
		"nobody's in the table":   {map[string]string{me.Username: ""}, "", "", ""},
		"not in the table":        {map[string]string{"smith": "maria"}, "", unknown, ""},
		"none":                    {nil, "", unknown, ""},
		"a login of another case": {nil, "Milena", unknown, placed},
		"of a domain":             {nil, `CORP\MILENA`, unknown, placed},
		"of a realm":              {nil, "milena@corp.example", unknown, placed},
		"a domain in the table":   {map[string]string{`corp\msmith`: "maria"}, `CORP\MSmith`, placed, ""},
		"the system tells none":   {nil, "-", unknown, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, tandemtest.Options{})
			p.Grant("Pricing", "maria") // edits, and decides
			r := p.agentOf(func(c2 *agent.Config) { c2.Owners = c.owners })
			one := p.products("Active eq true")[0]
			r.put("prices.csv", list(one.PartNumber+","+times(one.Price, 1.5)))
			r.until(1, wire.Waiting)
			if c.owner != "" {
				if _, err := r.db.Writer().ExecContext(t.Context(), `UPDATE batches SET placed_by = $1`, strings.Trim(c.owner, "-")); err != nil {
					t.Fatal(err)
				}
			}
			for login, why := range map[string]string{"maria": c.maria, "milena": c.milena} {
				if b := r.batch(login, 1); b.MayDecide != (why == "") || !strings.Contains(b.WhyNot, why) {
					t.Errorf("%s is told: %q", login, b.WhyNot)
				}
				if why == "" {
					continue
				}
				if err := r.decide(login, 1); tandem.ErrorCode(err) != tandem.CodeForbidden || !strings.Contains(err.Error(), why) {
					t.Errorf("%s decides: %v", login, err)
				}
			}
		})
	}
}
