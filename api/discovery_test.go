package api_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hybridapps/tandem/api"
)

func discovery(ready func(context.Context) error) http.Handler {
	const root = "https://erp.example:8443"
	mux := http.NewServeMux()
	(&api.Discovery{
		Root: root, Name: "demo", Version: "1.2.3", Ready: ready,
		Sites: []api.Site{api.IDSite(root), api.DomainAPISite(root)},
	}).Mount(mux)
	return mux
}

func ask(t *testing.T, h http.Handler, path string) (*http.Response, string) {
	t.Helper()
	w := httptest.NewRecorder()
	r := httptest.NewRequest("GET", path, nil)
	r.Host = "evil.example"
	h.ServeHTTP(w, r)
	body, err := io.ReadAll(w.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.Result(), string(body)
}

func TestF30_DiscoveryComesFromTheConfigurationAndNotFromTheHostHeader(t *testing.T) {
	t.Parallel()
	want := `{"Host":"erp.example:8443","DbName":"demo","WebSites":[` +
		`{"Type":"ID","Status":"Working","StatusDescription":"","Url":"https://erp.example:8443/id","System":true,"AdditionalProperties":{}},` +
		`{"Type":"DomainAPI","Status":"Working","StatusDescription":"","Url":"https://erp.example:8443/api","System":true,"AdditionalProperties":{"ODataServiceRoot":"https://erp.example:8443/api/domain/odata/"}}]}` + "\n"
	for _, path := range []string{"/tools/auto-discovery", "/sys/auto-discovery"} {
		_, got := ask(t, discovery(nil), path)
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", path, d)
		}
	}
}

func TestDiscoveryTellsWhenTheInstanceIsNotReady(t *testing.T) {
	t.Parallel()
	h := discovery(func(context.Context) error { return errors.New("secret host db7 is down") })
	for _, path := range []string{"/tools/auto-discovery", "/"} {
		_, got := ask(t, h, path)
		if !strings.Contains(got, "NotWorking") || strings.Contains(got, "db7") {
			t.Errorf("%s: %s", path, got)
		}
	}
}

func TestVersionAndServerInfo(t *testing.T) {
	t.Parallel()
	r, got := ask(t, discovery(nil), "/tools/ver")
	if got != "1.2.3" || r.Header.Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("%q %v", got, r.Header)
	}
	_, got = ask(t, discovery(nil), "/tools/server-info")
	want := `{"version":"1.2.3","downloads":{"whatsNew":null,"winClient":null,"posClient":null,"winClient64":null,"posClient64":null},"internalApi":{"useHttpCompression":false}}` + "\n"
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestLandingPage(t *testing.T) {
	t.Parallel()
	r, got := ask(t, discovery(nil), "/")
	for _, want := range []string{"<h1>erp.example:8443</h1>", "database demo", "1.2.3", "https://erp.example:8443/api/domain/odata/$metadata", "https://erp.example:8443/id", "/tools/auto-discovery"} {
		if !strings.Contains(got, want) {
			t.Errorf("the page has no %s", want)
		}
	}
	if strings.Contains(got, "evil") || strings.Contains(got, "<script") || strings.Contains(got, "style=") {
		t.Error("the page has what it must not have")
	}
	if csp := r.Header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'") {
		t.Error(csp)
	}
	for _, path := range []string{"/api", "/api/"} {
		r, got := ask(t, discovery(nil), path)
		if r.StatusCode != 200 || !strings.Contains(got, "https://erp.example:8443/api/domain/odata/$metadata") || !strings.Contains(got, "/api/reference") || strings.Contains(got, "evil") {
			t.Errorf("%s: %s %s", path, r.Status, got)
		}
	}
	if r, _ := ask(t, discovery(nil), "/tools/landing.css"); r.StatusCode != 200 {
		t.Error(r.Status)
	}
	if r, _ := ask(t, discovery(nil), "/elsewhere"); r.StatusCode != 404 {
		t.Error(r.Status)
	}
}
