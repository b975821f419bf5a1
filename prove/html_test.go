package prove_test

import (
	"bytes"
	"context"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/internal/testkit/chromium"
	"github.com/hybridapps/tandem/prove"
)

func pageOf(t *testing.T, p prove.Page) string {
	t.Helper()
	var text bytes.Buffer
	if err := prove.WritePage(&text, p); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

func TestThePageTellsWhatTheReportTells(t *testing.T) {
	t.Parallel()
	_, public, _ := keyed(t)
	r := sample()
	r.Rows[3].Why = prove.Plain("an answer with <script>alert(1)</script> & more")
	text := pageOf(t, prove.Page{Report: r, Key: public, Digest: strings.Repeat("12", 32), File: "ours.json"})
	for _, want := range []string{
		"<b>12</b> hold", "<b>1</b> fail", "<b>1</b> not tested", "the replaced token still works", "needs --disturb",
		"&lt;script&gt;alert(1)", "POST /token grant_type=&lt;refresh_token&gt;", prove.KeyID(public), strings.Repeat("12", 32),
		"tandem prove verify ours.json", "auditor’s &lt;words&gt; &amp; more", "What another application may do", "TLS 1.3",
		"tandem prove --data DIR", "BEGIN PUBLIC KEY", "import base64",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, row := range r.Rows {
		if meaning := prove.Meaning(row.ID); meaning == "" || !strings.Contains(text, meaning) {
			t.Errorf("the page does not say what %s means", row.ID)
		}
	}
	// It stands alone: nothing of it is elsewhere, and nothing in it runs.
	if found := regexp.MustCompile(`(?i)<script|<link rel="style|\b(src|href)="(http|/)|url\(|@import`).FindString(text); found != "" {
		t.Errorf("the page has %q", found)
	}
}

func TestThePageSaysHowToRepeat(t *testing.T) {
	t.Parallel()
	r := sample()
	r.Options = prove.Options{Disturb: true, ByHand: true, Steps: true, Only: []string{"I1", "I9"}}
	r.Target.Issuer, r.Target.Application, r.Target.ServiceApplication = "https://idp.example/it's", "web", "worker"
	text := pageOf(t, prove.Page{Report: r})
	want := `tandem prove --issuer &#39;https://idp.example/it&#39;\&#39;&#39;s&#39; --application-uri web --user-credential-file FILE --service-credential-file FILE ` +
		`--redirect URI --service-application-uri worker --disturb --by-hand --sign-in-steps FILE --only I1,I9`
	if !strings.Contains(text, want) {
		t.Errorf("%s\nis not in\n%s", want, text[strings.Index(text, "How to repeat"):])
	}
	if !strings.Contains(text, "was not signed") {
		t.Error("the page does not say that the run was not signed")
	}
}

// The page of a whole run is one sheet of paper, and fits a telephone.
func TestThePageOnPaperAndOnATelephone(t *testing.T) {
	t.Parallel()
	_, public, _ := keyed(t)
	r := sample()
	for i := range r.Rows {
		r.Rows[i].Title = "A sentence as long as the longest of the invariants’ titles"
	}
	file := filepath.Join(t.TempDir(), "page.html")
	if err := os.WriteFile(file, []byte(pageOf(t, prove.Page{Report: r, Key: public, Digest: strings.Repeat("12", 32)})), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(chromium.Open(t), testkit.Patience)
	defer cancel()
	err := chromedp.Do(ctx, chromedp.EmulateViewport(320, 640), chromedp.Navigate((&url.URL{Scheme: "file", Path: file}).String()))
	if err != nil {
		t.Fatal(err)
	}
	width, err := chromedp.Run(ctx, chromedp.Evaluate[float64]("document.documentElement.scrollWidth"))
	if err != nil {
		t.Fatal(err)
	}
	pdf, err := chromedp.Run(ctx, chromedp.PrintToPDF(func(p *page.PrintToPDFParams) { p.PreferCSSPageSize = new(true) }))
	if err != nil {
		t.Fatal(err)
	}
	if sheets := len(regexp.MustCompile(`/Type\s*/Page\b[^s]`).FindAll(pdf, -1)); sheets != 1 {
		t.Errorf("it takes %d sheets of paper", sheets)
	}
	if width > 320 {
		t.Errorf("on a telephone of 320 pixels it is %v wide", width)
	}
}
