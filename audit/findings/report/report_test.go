package report_test

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/net/html"

	"github.com/hybridapps/tandem/audit/findings"
	"github.com/hybridapps/tandem/audit/findings/report"
)

var now = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

// sample is a report with each state that a finding can be in.
func sample(t *testing.T) *report.Report {
	t.Helper()
	f := findings.NewFacts(now, findings.DefaultLimits())
	of := func(severity findings.Severity, names ...string) func(*findings.Facts) []findings.Finding {
		return func(*findings.Facts) (all []findings.Finding) {
			for _, name := range names {
				all = append(all, findings.Finding{
					Kind: "application", ID: name, Name: name, Application: name, Severity: severity, Since: now.AddDate(0, 0, -400),
					Evidence: []findings.Evidence{{Name: "age", Value: "400 days"}, {Name: "last used", Value: time.Time{}}, {Name: "halves", Value: []string{"user", "service"}}},
					Mend:     []string{"tandem app update " + name + " --no-basic"},
				})
			}
			return all
		}
	}
	rules := []findings.Rule{
		{ID: "X-01", Severity: findings.High, Title: "Something is <b>wrong</b>", Why: "It may be bad.", Check: of(findings.High, "com.acme/portal", `com.evil/"><script>alert(1)</script>`)},
		{ID: "X-02", Severity: findings.Medium, Title: "Something is odd", Why: "It may get bad.", Check: of(findings.Medium, "com.acme/portal", "com.acme/old")},
		{ID: "X-03", Severity: findings.Low, Title: "Something could be better", Why: "It could.", Check: of(findings.Low, "com.acme/portal")},
		{ID: "X-04", Severity: findings.Info, Title: "Something to know", Why: "One may want to.", Check: of(findings.Info, "com.acme/portal")},
		{ID: "X-05", Severity: findings.High, Title: "Nothing", Why: "Nothing.", Check: of(findings.High)},
		{ID: "X-06", Severity: findings.High, Title: "Not there", Why: "Nothing.", Absent: "not in this version"},
	}
	found, skipped := findings.Run(f, rules)
	f.Known[found[0].Fingerprint()] = findings.Known{FirstSeen: now.AddDate(0, -1, 0)}
	for _, x := range found {
		if x.Name == "com.acme/old" {
			f.Acceptances = []findings.Acceptance{{Finding: x.Fingerprint(), Severity: findings.Medium, By: "maria", Reason: "goes in March", Until: now.AddDate(0, 1, 0)}}
		}
	}
	return report.New(report.Instance{ID: "7d0c3b52-1111-4222-8333-944455556666", URL: "https://erp.example.com", Version: "1.0"}, now, rules, f.Judge(found), skipped)
}

// TestSARIF: what is written is valid by the schema of OASIS, and says what the readers of
// SARIF look for.
func TestSARIF(t *testing.T) {
	t.Parallel()
	text, err := sample(t).SARIF()
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile("testdata/sarif-schema-2.1.0.json")
	if err != nil {
		t.Fatal(err)
	}
	read, err := jsonschema.UnmarshalJSON(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("sarif.json", read); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("sarif.json")
	if err != nil {
		t.Fatal(err)
	}
	instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(instance); err != nil {
		t.Error(err)
	}
	instance.(map[string]any)["runs"].([]any)[0].(map[string]any)["tool"] = "tandem"
	if schema.Validate(instance) == nil {
		t.Error("the schema lets anything pass")
	}
	var log struct {
		Runs []struct {
			Tool struct {
				Driver struct {
					Rules []struct {
						ID         string
						Properties map[string]any
					}
				}
			}
			Results []struct {
				RuleID, Level, BaselineState      string
				RuleIndex                         int
				Fingerprints, PartialFingerprints map[string]string
				Suppressions                      []struct{ Justification string }
				Locations                         []struct {
					PhysicalLocation struct{ ArtifactLocation struct{ URI string } }
				}
			}
		}
	}
	if err := json.Unmarshal(text, &log); err != nil {
		t.Fatal(err)
	}
	run := log.Runs[0]
	if len(run.Tool.Driver.Rules) != 6 || run.Tool.Driver.Rules[0].Properties["security-severity"] != "8.0" {
		t.Errorf("rules: %+v", run.Tool.Driver.Rules)
	}
	levels, states, suppressed := map[string]int{}, map[string]int{}, 0
	for _, r := range run.Results {
		levels[r.Level]++
		states[r.BaselineState]++
		if run.Tool.Driver.Rules[r.RuleIndex].ID != r.RuleID || r.Fingerprints["tandem/v1"] == "" || r.Fingerprints["tandem/v1"] != r.PartialFingerprints["tandem/v1"] {
			t.Errorf("%+v", r)
		}
		if uri := r.Locations[0].PhysicalLocation.ArtifactLocation.URI; !strings.HasPrefix(uri, "applications/com.") || strings.ContainsAny(uri, `:"<>() `) {
			t.Errorf("location %q", uri)
		}
		for _, s := range r.Suppressions {
			if s.Justification != "goes in March (accepted by maria until 2026-12-29)" {
				t.Errorf("%+v", s)
			}
			suppressed++
		}
	}
	if levels["error"] != 2 || levels["warning"] != 2 || levels["note"] != 2 || states["unchanged"] != 1 || states["new"] != 5 || suppressed != 1 {
		t.Errorf("levels %v, states %v, %d suppressed", levels, states, suppressed)
	}
}

// TestPage: the page needs nothing from elsewhere, runs no script, and a name in it is text.
func TestPage(t *testing.T) {
	t.Parallel()
	text, err := sample(t).HTML()
	if err != nil {
		t.Fatal(err)
	}
	if out := os.Getenv("TANDEM_TEST_PAGE"); out != "" { // for who wants to look at it
		if err := os.WriteFile(out, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	root, err := html.Parse(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	articles := 0
	for n := range root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		switch n.Data {
		case "article":
			articles++
		case "script", "link", "img", "iframe", "form", "b":
			if n.Data != "b" || n.Parent.Data != "li" {
				t.Errorf("the page has <%s>", n.Data)
			}
		}
		for _, a := range n.Attr {
			if a.Key == "src" || a.Key == "href" || strings.HasPrefix(a.Key, "on") {
				t.Errorf("<%s %s=%q>", n.Data, a.Key, a.Val)
			}
		}
	}
	for _, want := range []string{"https://erp.example.com", "goes in March", "not in this version", "tandem app update com.acme/portal --no-basic", "never", "user, service"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if articles != 6 {
		t.Errorf("%d findings on the page", articles)
	}
}

// TestJSON: the shape is stable, and an earlier report is read by its ids.
func TestJSON(t *testing.T) {
	t.Parallel()
	r := sample(t)
	if r.Failing(findings.High) != 2 || r.Failing(findings.Medium) != 3 {
		t.Errorf("%d high, %d medium", r.Failing(findings.High), r.Failing(findings.Medium))
	}
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"schema": "tandem-audit/1"`, `"high": 2`, `"medium": 1`, `"accepted": 1`, `"kind": "application"`, `"last used": null`, `"first_seen": "2026-10-29T12:00:00Z"`,
		`"state": "accepted"`, `"reason": "goes in March"`, `"until": "2026-12-29T12:00:00Z"`, `"why": "not in this version"`, `"rule": "X-06"`,
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
	ids, err := report.IDs(text)
	if err != nil || len(ids) != 6 {
		t.Errorf("%v %v", ids, err)
	}
	r.Keep(func(f *report.Finding) bool { return !ids[f.ID] })
	if len(r.Findings) != 0 || r.Failing(findings.Info) != 0 {
		t.Errorf("%+v", r.Findings)
	}
	for _, text := range []string{`{}`, `[]`, `{"schema":"x"}`, "no"} {
		if _, err := report.IDs([]byte(text)); err == nil {
			t.Errorf("%s is taken for a report", text)
		}
	}
}
