package findings_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem/audit/findings"
)

var now = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

const day = 24 * time.Hour

// TestWindowsThatAreNotFull: a rule says how many days it needs, and nothing before.
func TestWindowsThatAreNotFull(t *testing.T) {
	t.Parallel()
	window := func(*findings.Limits) time.Duration { return 90 * day }
	found := func(*findings.Facts) []findings.Finding {
		return []findings.Finding{{Kind: "user", ID: "1", Name: "anna"}}
	}
	rule := findings.Rule{ID: "X-01", Severity: findings.Low, Needs: findings.RightUses, Window: window, Check: found}
	for _, c := range []struct {
		since   time.Time
		missing string
		want    string
	}{
		{time.Time{}, "", "90 days to go: no uses of rights have been counted yet"},
		{now.Add(-3 * day), "", "87 days to go: uses of rights are counted since 2026-11-26"},
		{now.Add(-89*day - time.Hour), "", "1 day to go: uses of rights are counted since 2026-09-01"},
		{now.Add(-90 * day), "", ""},
		{now.Add(-90 * day), "the database is away", "the database is away"},
		{now.Add(time.Hour), "", "90 days to go: uses of rights are counted since 2026-11-29"}, // by another clock
	} {
		f := findings.NewFacts(now, findings.DefaultLimits())
		f.Since[findings.RightUses], f.Missing[findings.RightUses] = c.since, c.missing
		got, skipped := findings.Run(f, []findings.Rule{rule})
		if c.want == "" && (len(got) != 1 || len(skipped) != 0) || c.want != "" && (len(got) != 0 || len(skipped) != 1 || skipped[0].Why != c.want) {
			t.Errorf("since %v: %v %v, want %q", c.since, got, skipped, c.want)
		}
	}
}

// TestOrderAndBound: the worst first, then as the catalogue goes, and of one rule not more
// than anybody reads.
func TestOrderAndBound(t *testing.T) {
	t.Parallel()
	many := func(n int) func(*findings.Facts) []findings.Finding {
		return func(*findings.Facts) []findings.Finding {
			all := make([]findings.Finding, n)
			for i := range all {
				all[i] = findings.Finding{Kind: "user", ID: string(rune('a' + i)), Name: string(rune('z' - i%20))}
			}
			return all
		}
	}
	f := findings.NewFacts(now, findings.DefaultLimits())
	f.Beyond["X-02"] = 7
	got, _ := findings.Run(f, []findings.Rule{
		{ID: "X-01", Severity: findings.Low, Check: many(2)}, {ID: "X-02", Severity: findings.High, Check: many(findings.MostOfARule + 3)},
	})
	if len(got) != findings.MostOfARule+1+2 || got[0].Rule != "X-02" || got[len(got)-1].Rule != "X-01" || got[len(got)-1].Name != "z" {
		t.Errorf("%d findings, the first %+v, the last %+v", len(got), got[0], got[len(got)-1])
	}
	if at := slices.IndexFunc(got, func(f findings.Finding) bool { return f.ID == "more" }); at < 0 || got[at].Name != "10 more" {
		t.Errorf("nobody is told of the rest: %d", at)
	}
}

// TestAcceptances: they hold until their date, for what was accepted and nothing worse, and
// nobody accepts without a reason, for ever, or until yesterday.
func TestAcceptances(t *testing.T) {
	t.Parallel()
	f := findings.NewFacts(now, findings.DefaultLimits())
	found := []findings.Finding{{Rule: "X-01", Severity: findings.Medium, Kind: "user", ID: "1"}}
	id := found[0].Fingerprint()
	f.Known[id] = findings.Known{FirstSeen: now.Add(-day)}
	for _, c := range []struct {
		at       time.Time
		severity findings.Severity
		want     findings.State
	}{
		{now, findings.Medium, findings.Accepted}, {now.Add(2 * day), findings.Medium, findings.Open},
		{now, findings.High, findings.Open}, {now, findings.Low, findings.Accepted},
	} {
		f.Now, found[0].Severity = c.at, c.severity
		f.Acceptances = []findings.Acceptance{{Finding: id, Severity: findings.Medium, Until: now.Add(day), Reason: "known"}}
		if j := f.Judge(found)[0]; j.State != c.want || j.New || j.FirstSeen != now.Add(-day) {
			t.Errorf("%+v: %+v", c, j)
		}
	}
	for _, c := range []struct {
		reason string
		until  time.Time
		want   string
	}{
		{" ", now.Add(day), "--reason"}, {"why", now, "day to come"}, {"why", now.Add(367 * day), "a year at most"}, {"why\n", now.Add(day), "printable"},
		{strings.Repeat("w", 501), now.Add(day), "500 bytes"}, {"why", now.Add(365 * day), ""},
	} {
		a := findings.Acceptance{Reason: c.reason, Until: c.until}
		if err := a.Check(now); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.20q until %v: %v, want %q", c.reason, c.until, err, c.want)
		}
	}
}

// TestLimits: a file may set some, and what is no threshold is refused.
func TestLimits(t *testing.T) {
	t.Parallel()
	l, err := findings.ParseLimits([]byte("secret_age_days: 100\n"))
	if err != nil || l.SecretAgeDays != 100 || l.ExpiryWarnDays != 30 {
		t.Errorf("%+v %v", l, err)
	}
	if l, err := findings.ParseLimits(nil); err != nil || l != findings.DefaultLimits() {
		t.Errorf("an empty file: %+v %v", l, err)
	}
	for text, want := range map[string]string{
		"secret_age: 1": "not found", "secret_age_days: never": "cannot unmarshal", "secret_age_days: 0": "1 to 1000000", "[1]": "cannot unmarshal",
		"secret_age_days: 1\nsecret_age_days: 2": "already defined",
	} {
		if _, err := findings.ParseLimits([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	for _, l := range findings.AllLimits() {
		if l.Name == "" || l.Help == "" || l.Default < 1 {
			t.Errorf("%+v", l)
		}
	}
}

// FuzzParseLimits: a file of an operator never panics, and gives limits within bounds.
func FuzzParseLimits(f *testing.F) {
	f.Add([]byte("networks: 5"))
	f.Add([]byte("{networks: 5, rotation_days: 1}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if l, err := findings.ParseLimits(text); err == nil && (l.Networks < 1 || l.Networks > findings.MaxLimit) {
			t.Errorf("%q: %+v", text, l)
		}
	})
}

// TestEvidence: as text and as JSON, in its order, names that repeat as arrays.
func TestEvidence(t *testing.T) {
	t.Parallel()
	all := findings.EvidenceJSON{
		{Name: "z", Value: "text"}, {Name: "a", Value: 3}, {Name: "n", Value: int64(4)}, {Name: "at", Value: now}, {Name: "never", Value: time.Time{}},
		{Name: "yes", Value: true}, {Name: "list", Value: []string{"x", "y"}}, {Name: "z", Value: "again"},
	}
	text, err := json.Marshal(all)
	want := `{"z":["text","again"],"a":3,"n":4,"at":"2026-11-29T12:00:00Z","never":null,"yes":true,"list":["x","y"]}`
	if err != nil || string(text) != want {
		t.Errorf("%s %v", text, err)
	}
	var texts []string
	for i := range all {
		texts = append(texts, all[i].Text())
	}
	if got := strings.Join(texts, "|"); got != "text|3|4|2026-11-29 12:00 UTC|never|yes|x, y|again" {
		t.Error(got)
	}
}

// TestCatalogue: every rule says what it is about, has an id of its own, and either looks
// or says why not.
func TestCatalogue(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, r := range findings.Rules() {
		if r.ID == "" || seen[r.ID] || r.Title == "" || r.Why == "" || strings.HasSuffix(r.Title, ".") || !strings.HasSuffix(r.Why, ".") || (r.Check == nil) != (r.Absent != "") {
			t.Errorf("%+v", r)
		}
		seen[r.ID] = true
	}
}
