package findings_test

import (
	"slices"
	"testing"
	"time"

	"github.com/hybridapps/tandem/audit/findings"
)

// A record that nobody verifies is told of while something runs, and what is to be done
// looks at no less than what was found with.
func TestRecordThatIsNotVerified(t *testing.T) {
	t.Parallel()
	ago := func(days int) time.Time { return now.AddDate(0, 0, -days) }
	with, without := "tandem record verify --anchor FILE", "tandem record verify"
	for name, c := range map[string]struct {
		seal findings.Seal
		idle bool
		want string // the mend
	}{
		"verified this night":       {findings.Seal{Begun: ago(90), Verified: ago(1)}, false, ""},
		"verified long ago":         {findings.Seal{Begun: ago(90), Verified: ago(3)}, false, without},
		"long ago, with an anchor":  {findings.Seal{Begun: ago(90), Verified: ago(3), WithAnchors: true}, false, with},
		"while nothing runs":        {findings.Seal{Begun: ago(90), Verified: ago(3)}, true, ""},
		"never":                     {findings.Seal{Begun: ago(3)}, false, without},
		"never, for it began today": {findings.Seal{Begun: ago(0)}, false, ""},
		"nothing is sealed":         {findings.Seal{}, false, ""},
		"faults, with an anchor":    {findings.Seal{Begun: ago(9), Verified: ago(1), Faults: 1, WithAnchors: true}, true, with},
	} {
		f := findings.NewFacts(now, findings.DefaultLimits())
		f.Seal = c.seal
		if !c.idle {
			f.Setting.Replicas = []findings.Replica{{Name: "one", URL: "http://localhost:1", Seen: now}}
		}
		at := slices.IndexFunc(findings.Record, func(r findings.Rule) bool { return r.ID == "REC-01" })
		found := findings.Record[at].Check(f)
		if len(found) > 1 || (len(found) == 1) != (c.want != "") || len(found) == 1 && found[0].Mend[0] != c.want {
			t.Errorf("%s: %+v; want %q", name, found, c.want)
		}
	}
}
