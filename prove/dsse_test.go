package prove_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem/prove"
)

// sample is a report with a row of each verdict.
func sample() *prove.Report {
	r := &prove.Report{
		Schema: prove.Schema, Run: "0197c2d4-7a51-7a7e-8c1c-1f6f3f1f7d10", Challenge: "auditor’s <words> & more",
		Tool: prove.Tool{Version: "1.2.3", Commit: "0123abcd", BinarySHA256: strings.Repeat("ab", 32)},
		Target: prove.Target{
			Issuer: "https://erp.acme.example/id", DiscoverySHA256: strings.Repeat("cd", 32), JWKSThumbprints: []string{"k1", "k2"},
			TLS: &prove.TLS{Version: "TLS 1.3", CertSHA256: strings.Repeat("ef", 32)}, Application: "com.acme/portal",
		},
		At: time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC), Milliseconds: 31234, Requests: 87,
		Options: prove.Options{Data: true, Only: []string{}}, Limits: []string{"What another application may do was not tried."},
	}
	for n := 1; n <= 14; n++ {
		row := prove.Row{ID: fmt.Sprint("I", n), Title: fmt.Sprint("invariant ", n), Verdict: prove.Holds, Probes: []prove.Probe{
			{Name: "the attempt", Core: true, Sent: prove.Plain("POST /token grant_type=<refresh_token>"), Answered: prove.Plain("400 invalid_grant"), MS: 12, Verdict: prove.Holds},
			{Name: "another", Sent: prove.Plain("GET /x"), Answered: prove.Plain("401"), MS: 3, Verdict: prove.Holds},
		}}
		switch n {
		case 9:
			row.Verdict, row.Why = prove.Fails, prove.Plain("the replaced token still works")
			row.Probes[0].Verdict, row.Probes[0].Why = prove.Fails, row.Why
		case 12:
			row.Verdict, row.Why = prove.NotTested, prove.Plain("needs --disturb")
			row.Probes = row.Probes[:1]
			row.Probes[0].Verdict, row.Probes[0].Why = prove.NotTested, row.Why
		}
		r.Rows = append(r.Rows, row)
	}
	return r
}

// keyed makes a key's two files.
func keyed(t testing.TB) (key ed25519.PrivateKey, public ed25519.PublicKey, file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), prove.KeyFile)
	key, made, err := prove.SigningKey(file)
	if err != nil || !made {
		t.Fatal(made, err)
	}
	public, err = prove.ReadPublicKey(file + prove.PublicSuffix)
	if err != nil {
		t.Fatal(err)
	}
	return key, public, file
}

func signed(t testing.TB, r *prove.Report, key ed25519.PrivateKey) []byte {
	t.Helper()
	text, err := prove.Sign(r, key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestASignedReportIsWhatWasSigned(t *testing.T) {
	t.Parallel()
	key, public, _ := keyed(t)
	want := sample()
	got, err := prove.Verify(signed(t, want, key), public)
	if err != nil {
		t.Fatal(err)
	}
	a, _ := json.Marshal(want)
	b, _ := json.Marshal(got)
	if !bytes.Equal(a, b) {
		t.Errorf("read as\n%s, was\n%s", b, a)
	}
}

// A policy tool reads the statement without knowing us.
func TestTheStatementIsOneOfInToto(t *testing.T) {
	t.Parallel()
	key, _, _ := keyed(t)
	var e struct {
		PayloadType string
		Payload     []byte
		Signatures  []struct{ KeyID string }
	}
	if err := json.Unmarshal(signed(t, sample(), key), &e); err != nil {
		t.Fatal(err)
	}
	var s map[string]any
	if err := json.Unmarshal(e.Payload, &s); err != nil {
		t.Fatal(err)
	}
	predicate := s["predicate"].(map[string]any)
	for _, c := range []struct{ got, want any }{
		{e.PayloadType, "application/vnd.in-toto+json"}, {s["_type"], "https://in-toto.io/Statement/v1"},
		{s["predicateType"], "https://in-toto.io/attestation/test-result/v0.1"}, {predicate["result"], "FAILED"},
		{fmt.Sprint(predicate["failedTests"]), "[I9]"}, {fmt.Sprint(predicate["warnedTests"]), "[I12]"},
		{fmt.Sprint(s["subject"]), "[map[digest:map[sha256:" + strings.Repeat("cd", 32) + "] name:https://erp.acme.example/id]]"},
	} {
		if c.got != c.want {
			t.Errorf("got %v, want %v", c.got, c.want)
		}
	}
}

// Whatever is changed after signing is refused: each field of the envelope and of
// what was signed, one at a time.
func TestAChangedReportIsRefused(t *testing.T) {
	t.Parallel()
	key, public, _ := keyed(t)
	text := signed(t, sample(), key)
	tried := 0
	refused := func(what string, changed []byte) {
		tried++
		if _, err := prove.Verify(changed, public); err == nil {
			t.Errorf("changed %s and verified", what)
		}
	}
	eachLeaf(t, text, func(path string, changed []byte) { refused("the envelope's "+path, changed) })
	var e prove.Envelope
	if err := json.Unmarshal(text, &e); err != nil {
		t.Fatal(err)
	}
	payload := e.Payload
	eachLeaf(t, payload, func(path string, changed []byte) {
		e.Payload = changed
		again, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		refused(path, again)
	})
	if tried < 150 {
		t.Errorf("only %d changes were tried", tried)
	}
	refused("the end", append(bytes.Clone(text), "{}"...))
	refused("the size", append(bytes.Clone(text), bytes.Repeat([]byte(" "), prove.MaxSigned)...))
}

// eachLeaf gives f the document once for each value in it, with that one changed.
func eachLeaf(t *testing.T, document []byte, f func(path string, changed []byte)) {
	t.Helper()
	var root any
	if err := json.Unmarshal(document, &root); err != nil {
		t.Fatal(err)
	}
	var walk func(path string, v any, put func(any))
	walk = func(path string, v any, put func(any)) {
		try := func(other any) {
			put(other)
			changed, err := json.Marshal(root)
			if err != nil {
				t.Fatal(err)
			}
			f(path, changed)
			put(v)
		}
		switch v := v.(type) {
		case map[string]any:
			for name, inner := range v {
				walk(path+"."+name, inner, func(o any) { v[name] = o })
			}
		case []any:
			for i, inner := range v {
				walk(fmt.Sprint(path, "[", i, "]"), inner, func(o any) { v[i] = o })
			}
			try(append([]any{"more"}, v...))
		case string:
			// In base64 the first sign counts, while the last may not.
			other := "A" + v[min(1, len(v)):]
			if other == v {
				other = "B" + v[1:]
			}
			try(other)
		case float64:
			try(v + 1)
		case bool:
			try(!v)
		default:
			try("something")
		}
	}
	walk("", root, func(o any) { root = o })
}

// A signature over what contradicts itself is none: the short form that policy tools
// read says what the rows say, and each row what its probes say.
func TestAContradictionIsRefused(t *testing.T) {
	t.Parallel()
	key, public, _ := keyed(t)
	for name, change := range map[string]func(s *prove.Statement){
		"another result":     func(s *prove.Statement) { s.Predicate.Result = "PASSED" },
		"a failed test less": func(s *prove.Statement) { s.Predicate.FailedTests = []string{} },
		"another subject":    func(s *prove.Statement) { s.Subject[0].Name = "https://other.example" },
		"two subjects":       func(s *prove.Statement) { s.Subject = append(s.Subject, s.Subject[0]) },
		"another type":       func(s *prove.Statement) { s.Type = "https://in-toto.io/Statement/v0.1" },
		"another predicate":  func(s *prove.Statement) { s.PredicateType = "https://slsa.dev/provenance/v1" },
		"another schema":     func(s *prove.Statement) { s.Predicate.Report.Schema = "tandem-proof/3" },
		"a row twice":        func(s *prove.Statement) { s.Predicate.Report.Rows[1].ID = "I1" },
		"an unknown row":     func(s *prove.Statement) { s.Predicate.Report.Rows[1].ID = "I99" },
		"holds, but a probe fails": func(s *prove.Statement) {
			s.Predicate.Report.Rows[0].Probes[1].Verdict = prove.Fails
		},
		"holds, but a core probe was not tested": func(s *prove.Statement) {
			s.Predicate.Report.Rows[0].Probes[0].Verdict = prove.NotTested
		},
		"not asked for, but tried": func(s *prove.Statement) { s.Predicate.Report.Options.Only = []string{"I2"} },
		"holds without a probe":    func(s *prove.Statement) { s.Predicate.Report.Rows[0].Probes = nil },
		"a verdict that is none": func(s *prove.Statement) {
			s.Predicate.Report.Rows[0].Probes[1].Verdict = "perhaps"
		},
	} {
		s, err := prove.StatementOf(sample())
		if err != nil {
			t.Fatal(err)
		}
		change(&s)
		payload, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := prove.Verify(envelope(t, payload, key), public); err == nil {
			t.Errorf("%s: verified", name)
		}
	}
}

// of leaves out the other invariants, as --only does.
func of(r *prove.Report, ids ...string) *prove.Report {
	r.Options.Only = ids
	r.Rows = slices.DeleteFunc(r.Rows, func(row prove.Row) bool { return !slices.Contains(ids, row.ID) })
	return r
}

// A signed report has all invariants: one of a single row passed nothing.
func TestAReportOfOneInvariantIsNone(t *testing.T) {
	t.Parallel()
	key, public, _ := keyed(t)
	one := of(sample(), "I7")
	if _, err := prove.Verify(signed(t, one, key), public); err == nil || !strings.Contains(err.Error(), "there are 14 invariants") {
		t.Errorf("a report of one row is taken: %v", err)
	}
	// One of before is still read, and says that the others were not asked for.
	one.Schema = "tandem-proof/1"
	got, err := prove.Verify(signed(t, one, key), public)
	if err != nil {
		t.Fatal(err)
	}
	if got.Summary() != "1 hold, 0 fail, 13 not tested" || got.Rows[13].Why.String() != "not asked for" {
		t.Errorf("read as %s, %+v", got.Summary(), got.Rows[13])
	}
}

// envelope signs anything, as DSSE says.
func envelope(t testing.TB, payload []byte, key ed25519.PrivateKey) []byte {
	t.Helper()
	sig := ed25519.Sign(key, fmt.Appendf(nil, "DSSEv1 28 application/vnd.in-toto+json %d %s", len(payload), payload))
	text, err := json.Marshal(map[string]any{
		"payloadType": "application/vnd.in-toto+json", "payload": payload, "signatures": []any{map[string]any{"sig": sig}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestAnotherKeyIsNamed(t *testing.T) {
	t.Parallel()
	key, public, _ := keyed(t)
	_, other, _ := keyed(t)
	_, err := prove.Verify(signed(t, sample(), key), other)
	if err == nil || !strings.Contains(err.Error(), prove.KeyID(public)) || !strings.Contains(err.Error(), prove.KeyID(other)) {
		t.Errorf("the error names not both keys: %v", err)
	}
}

// Somebody with Python and OpenSSL needs nothing of ours.
func TestThePrintedLinesOfPythonVerify(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"python3", "openssl"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("the printed lines are NOT TESTED: there is no %s; run make test, which installs it", program)
		}
	}
	key, _, file := keyed(t)
	dir := t.TempDir()
	for name, text := range map[string][]byte{"verify.py": []byte(prove.Python), "report.json": signed(t, sample(), key)} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	python := func() (string, error) {
		cmd := exec.CommandContext(t.Context(), "python3", "verify.py", "report.json", file+prove.PublicSuffix)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := python(); err != nil || !strings.Contains(out, "FAILED ['I9']") {
		t.Fatalf("%v: %s", err, out)
	}
	changed := sample()
	changed.Rows[8].Why = prove.Plain("nothing")
	other, _, _ := keyed(t)
	if err := os.WriteFile(filepath.Join(dir, "report.json"), signed(t, changed, other), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := python(); err == nil {
		t.Errorf("a report of another key verified: %s", out)
	}
	if lines := strings.Count(strings.TrimSpace(prove.Python), "\n") + 1; lines != 8 {
		t.Errorf("%d lines", lines)
	}
}

func TestSigningKeys(t *testing.T) {
	t.Parallel()
	key, public, file := keyed(t)
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatal(info.Mode(), err)
	}
	again, made, err := prove.SigningKey(file)
	if err != nil || made || !again.Equal(key) {
		t.Errorf("made %v, %v: the key of the second run is another", made, err)
	}
	if _, err := prove.ReadPublicKey(file); err == nil || !strings.Contains(err.Error(), "private key") {
		t.Errorf("a private key was taken for a public one: %v", err)
	}
	if back, err := prove.ParsePublicKey(prove.PublicPEM(public)); err != nil || !back.Equal(public) {
		t.Error(err)
	}
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, _, err := prove.SigningKey(file); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a key that everybody reads was used: %v", err)
	}
	bad := filepath.Join(t.TempDir(), "bad.key")
	if err := os.WriteFile(bad, []byte("no key"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := prove.SigningKey(bad); err == nil || !strings.Contains(err.Error(), "openssl genpkey") {
		t.Errorf("no key was used, or the error does not mend: %v", err)
	}
}

// A report comes from somebody else.
func FuzzVerify(f *testing.F) {
	key, public, _ := keyed(f)
	text := signed(f, sample(), key)
	f.Add(text, []byte{})
	f.Add([]byte(`{"payloadType":"application/vnd.in-toto+json","payload":"e30=","signatures":[{"sig":"AA=="}]}`), []byte("{}"))
	f.Add([]byte(`{}`), []byte(`{"_type":"https://in-toto.io/Statement/v1","predicate":{"report":{"schema":"tandem-proof/1","rows":[{"probes":[{}]}]}}}`))
	f.Fuzz(func(t *testing.T, text, payload []byte) {
		_, _ = prove.ParsePublicKey(text)
		_, _ = prove.Verify(text, public)
		// What was signed comes from whoever owns the key, and is read as carefully.
		r, err := prove.Verify(envelope(t, payload, key), public)
		if err != nil {
			return
		}
		if _, err := prove.StatementOf(r); err != nil {
			t.Fatal(err)
		}
		var page bytes.Buffer
		if err := prove.WritePage(&page, prove.Page{Report: r, Key: public}); err != nil {
			t.Fatal(err)
		}
	})
}
