package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem/prove"
)

// proofFiles are a signed report and its key's public part.
func proofFiles(t *testing.T) (report, public string) {
	t.Helper()
	dir := t.TempDir()
	key, _, err := prove.SigningKey(filepath.Join(dir, prove.KeyFile))
	if err != nil {
		t.Fatal(err)
	}
	r := &prove.Report{
		Schema: prove.Schema, Run: "0197c2d4-7a51-7a7e-8c1c-1f6f3f1f7d10", Challenge: "mine", At: time.Now(),
		Target: prove.Target{Issuer: "https://idp.example", Application: "web"},
		Rows: []prove.Row{
			{ID: "I1", Verdict: prove.Holds, Probes: []prove.Probe{{Core: true, Verdict: prove.Holds}}},
			{ID: "I2", Verdict: prove.Fails, Why: prove.Plain("it got one"), Probes: []prove.Probe{{Core: true, Verdict: prove.Fails}}},
		},
	}
	for n := 3; n <= prove.Invariants(); n++ {
		r.Rows = append(r.Rows, prove.Row{ID: fmt.Sprint("I", n), Verdict: prove.NotTested, Why: prove.Plain("not asked for")})
	}
	text, err := prove.Sign(r, key)
	if err != nil {
		t.Fatal(err)
	}
	report = filepath.Join(dir, "report.json")
	if err := os.WriteFile(report, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return report, filepath.Join(dir, prove.KeyFile+prove.PublicSuffix)
}

func TestProveVerify(t *testing.T) {
	t.Parallel()
	report, public := proofFiles(t)
	page := filepath.Join(t.TempDir(), "page.html")
	text := done(t, "prove", "verify", report, "--key", public, "--challenge", "mine", "--html", page)
	for _, want := range []string{"is as it was signed", "https://idp.example", "1 hold, 1 fail, 12 not tested", "fails: it got one"} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not say %q:\n%s", want, text)
		}
	}
	if html, err := os.ReadFile(page); err != nil || !strings.Contains(string(html), "it got one") {
		t.Errorf("the page: %v", err)
	}
	if got := read[prove.Report](t, "prove", "verify", report, "--key", public); got.Rows[1].Verdict != prove.Fails {
		t.Errorf("as JSON: %+v", got)
	}
	_, other := proofFiles(t)
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"another key":       {[]string{report, "--key", other}, "NOT verified"},
		"another challenge": {[]string{report, "--key", public, "--challenge", "yours"}, `the challenge "mine"`},
		"no report":         {[]string{public, "--key", public}, "no signed report"},
		"no file":           {[]string{report + "x", "--key", public}, "report: "},
		"a private key":     {[]string{report, "--key", strings.TrimSuffix(public, prove.PublicSuffix)}, "private key"},
	} {
		if a := tandem(t, nil, append([]string{"prove", "verify"}, c.args...)...); a.code != 1 || !strings.Contains(a.stderr, c.want) || a.stdout != "" {
			t.Errorf("%s: exit %d, %s%s", name, a.code, a.stdout, a.stderr)
		}
	}
}
