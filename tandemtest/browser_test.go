package tandemtest_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hybridapps/tandem/tandemtest"
)

// TestBrowserSaysWhatBrowsersSay: guards against other sites go by these headers.
func TestBrowserSaysWhatBrowsersSay(t *testing.T) {
	t.Parallel()
	var got []string
	page := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r.Method+" "+r.URL.Path+" "+r.Header.Get("Sec-Fetch-Site")+" "+r.Header.Get("Sec-Fetch-Mode")+" "+r.Header.Get("Sec-Fetch-Dest"))
		if r.Header.Get("User-Agent") == "" || r.Header.Get("Accept-Language") == "" || (r.Method == "POST") != (r.Header.Get("Origin") != "") {
			t.Errorf("%s %s: %v", r.Method, r.URL, r.Header)
		}
		if to := r.URL.Query().Get("to"); to != "" {
			http.Redirect(w, r, to, http.StatusSeeOther)
		}
	})
	one, two := httptest.NewServer(page), httptest.NewServer(page)
	t.Cleanup(one.Close)
	t.Cleanup(two.Close)
	b := tandemtest.NewBrowser(t)
	first := b.Get(one.URL + "/typed?to=/next")
	b.Post(first, "/form", url.Values{})
	b.Post(first, two.URL+"/other", url.Values{})
	want := []string{
		"GET /typed none navigate document", "GET /next same-origin navigate document",
		"POST /form same-origin navigate document", "POST /other same-site navigate document",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
