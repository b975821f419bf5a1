package prove_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"html"
	"net/url"
	"strings"
	"testing"

	"github.com/hybridapps/tandem/prove"
)

// TestI13_ShownHasNoSecret writes a secret in every way that a leak takes.
func TestI13_ShownHasNoSecret(t *testing.T) {
	t.Parallel()
	const secret, code = `pa:ss/"wörd" +& one`, "SplxlOBeZQQYbYS6WxSbIA"
	var s prove.Secrets
	s.Note("service secret", secret)
	s.NoteNumbered("code", "another code")
	s.NoteNumbered("code", code)
	s.NoteNumbered("code", code)
	quoted, err := json.Marshal(secret)
	if err != nil {
		t.Fatal(err)
	}
	for how, text := range map[string]string{
		"raw": secret, "query": "?p=" + url.QueryEscape(secret) + "&x=1", "path": "/" + url.PathEscape(secret), "html": html.EscapeString(secret),
		"json": string(quoted), "hex": hex.EncodeToString([]byte(secret)), "HEX": strings.ToUpper(hex.EncodeToString([]byte(secret))),
		"basic":   base64.StdEncoding.EncodeToString([]byte("com.example/portal:" + secret)),
		"basic 2": base64.StdEncoding.EncodeToString([]byte("com.example/portal2:" + secret + "tail")),
		"basic 3": base64.RawURLEncoding.EncodeToString([]byte("com.example/portal23:" + secret)),
	} {
		found := s.Find("before " + text + " after")
		if len(found) != 1 || found[0].Label != "service secret" {
			t.Errorf("%s: %v is found in %s", how, found, text)
		}
		shown := s.Show("before " + text + " after").String()
		if !strings.Contains(shown, "«service secret»") || len(s.Find(shown)) != 0 {
			t.Errorf("%s: %s", how, shown)
		}
	}
	if got := s.Show("GET /callback?code=" + code).String(); got != "GET /callback?code=«code 2»" {
		t.Error(got)
	}
	if got := s.Show("x eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0abc.c2ln y").String(); got != "x «a token» y" {
		t.Error(got)
	}
	if got := s.Show("a\r\n\x1b[31mred\xff " + strings.Repeat("é", 600)).String(); !strings.HasPrefix(got, "a [31mred? éé") || len(got) > 620 || !strings.HasSuffix(got, "…") {
		t.Error(got)
	}
	if found := s.Find("nothing here"); found != nil {
		t.Error(found)
	}
}

// TestReportIsReadAgain: what is signed is read by others.
func TestReportIsReadAgain(t *testing.T) {
	t.Parallel()
	r := prove.Report{Schema: prove.Schema, Rows: []prove.Row{
		{ID: "I1", Verdict: prove.Holds, Why: prove.Plain("with %d registrations", 2), Probes: []prove.Probe{{Verdict: prove.Holds}, {Verdict: prove.NotTested}}},
		{ID: "I2", Verdict: prove.Fails}, {ID: "I3", Verdict: prove.NotTested},
	}}
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var again prove.Report
	if err := json.Unmarshal(text, &again); err != nil {
		t.Fatal(err)
	}
	if again.Rows[0].Why.String() != "with 2 registrations" || again.Rows[0].Tried() != 1 || again.Summary() != "1 hold, 1 fail, 1 not tested" {
		t.Errorf("%s: %+v", text, again)
	}
}
