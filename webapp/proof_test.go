package webapp_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/prove"
	"github.com/hybridapps/tandem/tandemtest"
)

// The page says what the last run of tandem prove found; its signed report is for
// administrators, and is the one that is on record.
func TestTwoHalvesShowsTheLastProof(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{})
	anna, page := s.signIn("anna", "/two-halves")
	page.wants(t, 200, "Nobody has tried it here yet", "tandem prove --data")
	anna.open("/two-halves/proof").wants(t, 200, "Nobody has tried it here yet")

	report := &prove.Report{
		Schema: prove.Schema, Run: "0197c2d4-7a51-7a7e-8c1c-1f6f3f1f7d10", At: time.Now(),
		Target: prove.Target{Issuer: s.in.Issuer, Application: tandemtest.Portal},
		Rows: []prove.Row{
			{ID: "I1", Title: "the first", Verdict: prove.Holds, Probes: []prove.Probe{{Name: "p", Core: true, Verdict: prove.Holds}}},
			{ID: "I9", Title: "the ninth", Verdict: prove.Fails, Why: prove.Plain("it <went> wrong"), Probes: []prove.Probe{{Name: "p", Core: true, Verdict: prove.Fails}}},
			{ID: "I12", Title: "the twelfth", Verdict: prove.NotTested, Why: prove.Plain("not asked for")},
		},
	}
	for n := 2; n <= prove.Invariants(); n++ {
		if id := fmt.Sprint("I", n); id != "I9" && id != "I12" {
			report.Rows = append(report.Rows, prove.Row{ID: id, Title: "held", Verdict: prove.NotTested, Why: prove.Plain("not tried")})
		}
	}
	public, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := prove.Sign(report, key)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.in.Platform.RecordProof(t.Context(), tandem.By{Login: "os:maria", Via: tandem.ViaCommand}, report, signed, public); err != nil {
		t.Fatal(err)
	}
	if page = anna.open("/two-halves"); page.text("proof-counts") != "1 hold1 fail12 not tested" {
		t.Errorf("the counts are %q", page.text("proof-counts"))
	}
	page = anna.open("/two-halves/proof").wants(t, 200, prove.Meaning("I1"), "it <went> wrong", "the twelfth", prove.KeyID(public))
	if got := page.all("data-verdict"); len(got) != 14 || got[0] != "holds" || got[1] != "fails" || got[2] != "not tested" {
		t.Errorf("the verdicts are %v", got)
	}
	if page.byID("signed-report") != nil {
		t.Error("anna is offered what only administrators get")
	}
	anna.open("/two-halves/proof/report.json").wants(t, 403, "for administrators")

	admin, page := s.signIn("admin", "/two-halves/proof")
	digest := page.text("proof-digest")
	got := admin.open(attr(page.byID("signed-report"), "href")).wants(t, 200)
	if sum := sha256.Sum256([]byte(got.Text)); hex.EncodeToString(sum[:]) != digest {
		t.Errorf("the report that is given is not the one on record, %s", digest)
	}
	if _, err := prove.Verify([]byte(got.Text), public); err != nil {
		t.Error(err)
	}
	if events := s.in.Record("proof"); len(events) != 1 || events[0].Detail != "proof "+report.Run+": 1 hold, 1 fail, 12 not tested; I9 fail; SHA-256 of the signed report "+digest {
		t.Errorf("on record: %v", events)
	}

	// A run of one invariant is no proof of the others: the whole one stays.
	report.Run, report.Options.Only = "0197c2d4-7a51-7a7e-8c1c-1f6f3f1f7d11", []string{"I1"}
	if _, err := s.in.Platform.RecordProof(t.Context(), tandem.By{Login: "os:maria", Via: tandem.ViaCommand}, report, signed, public); err != nil {
		t.Fatal(err)
	}
	if page = admin.open("/two-halves/proof"); page.text("proof-digest") != digest || len(page.all("data-verdict")) != 14 {
		t.Errorf("a run of one invariant is shown: %s", page.Text)
	}

	paul, page := s.signIn("paul", "/two-halves")
	if page.byID("last-proof") != nil {
		t.Error("an external person is shown the proof")
	}
	paul.open("/two-halves/proof").wants(t, 403, "for employees")
}
