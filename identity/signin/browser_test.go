package signin_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/internal/testkit/chromium"
	"github.com/hybridapps/tandem/sqldb"
)

// What only a browser can prove: the pages' own Content-Security-Policy lets
// the form and the redirect after it through, form_post submits itself, with an
// error too, and a POST from another site finds the person signed in.
func TestInABrowser(t *testing.T) {
	t.Parallel()
	ctx, late := context.WithTimeout(chromium.Open(t), 3*testkit.Patience)
	defer late()
	s := newSiteOn(t, datatest.Open(t, sqldb.SQLite), false)
	s.user("anna", tandem.InternalUser)

	// The application lives on localhost, the identity server on 127.0.0.1: to
	// a browser they are two sites.
	var app *httptest.Server
	app = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		switch r.URL.Path {
		case "/start", "/object": // a form that posts to the authorization endpoint
			params := authorizeParams("redirect_uri", home(app)+"/callback", "response_mode", "form_post", "prompt", "none")
			if r.URL.Path == "/object" { // which has the mode and the state within
				params = authorizeParams("redirect_uri", home(app)+"/callback", "state", "", "request",
					"e30."+base64.RawURLEncoding.EncodeToString([]byte(`{"response_mode":"form_post","state":"of the object"}`))+".")
			}
			var form strings.Builder
			fmt.Fprintf(&form, `<form id="start" method="post" action="%s/id/connect/authorize">`, s.URL)
			for name, values := range params {
				fmt.Fprintf(&form, `<input type="hidden" name="%s" value="%s">`, name, html.EscapeString(values[0]))
			}
			fmt.Fprint(w, form.String(), `<button>go</button></form>`)
		case "/callback":
			r.ParseForm()
			fmt.Fprintf(w, `<p id="answer">%s code=%t error=%s state=%s</p>`, r.Method, r.Form.Get("code") != "", r.Form.Get("error"), html.EscapeString(r.Form.Get("state")))
		}
	}))
	t.Cleanup(app.Close)
	s.apps.change(portal, func(a *tandem.TrustedApp) { a.RedirectURIs = []string{home(app) + "/callback"} })

	answer := func(steps ...chromedp.Action[chromedp.Void]) string {
		t.Helper()
		if err := chromedp.Do(ctx, steps...); err != nil {
			t.Fatal(err)
		}
		text, err := chromedp.Run(ctx, chromedp.Text(chromedp.CSS("#answer")))
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	first := answer(
		chromedp.Navigate(s.URL+authorizeURL("redirect_uri", home(app)+"/callback")),
		chromedp.SendKeys(chromedp.CSS("#login"), "anna"),
		chromedp.SendKeys(chromedp.CSS("#password"), password),
		chromedp.Click(chromedp.CSS("button")),
	)
	second := answer(chromedp.Navigate(home(app)+"/start"), chromedp.Click(chromedp.CSS("#start button")))
	third := answer(chromedp.Navigate(home(app)+"/object"), chromedp.Click(chromedp.CSS("#start button")))
	if want := "GET code=true error= state=st4te &=?#"; first != want {
		t.Errorf("after the form: %q, want %q", first, want)
	}
	if want := "POST code=true error= state=st4te &=?#"; second != want {
		t.Errorf("after form_post: %q, want %q", second, want)
	}
	if want := "POST code=false error=request_not_supported state=of the object"; third != want {
		t.Errorf("after a request object: %q, want %q", third, want)
	}
}

func home(app *httptest.Server) string {
	return strings.Replace(app.URL, "127.0.0.1", "localhost", 1)
}
