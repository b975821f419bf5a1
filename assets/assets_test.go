package assets_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"testing"
	"testing/fstest"

	"github.com/hybridapps/tandem/assets"
)

func TestFilesAreServedUnderTheirHash(t *testing.T) {
	t.Parallel()
	serve := func(content string) (*assets.Files, http.Handler) {
		f := assets.New(fstest.MapFS{"in/app.css": {Data: []byte(content)}}, "in", "/static/")
		mux := http.NewServeMux()
		mux.Handle(f.Pattern(), f)
		return f, mux
	}
	get := func(h http.Handler, path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		return w
	}
	f, mux := serve("a{}")
	path := f.Path("app.css")
	if !regexp.MustCompile(`^/static/app\.[0-9a-f]{12}\.css$`).MatchString(path) {
		t.Errorf("path %q", path)
	}
	w := get(mux, path)
	if w.Code != 200 || w.Body.String() != "a{}" || w.Header().Get("Content-Type") != "text/css; charset=utf-8" || w.Header().Get("Cache-Control") != "public, max-age=31536000, immutable" {
		t.Errorf("%d %q %v", w.Code, w.Body, w.Header())
	}
	if other, _ := serve("b{}"); other.Path("app.css") == path {
		t.Error("another content has the same name")
	}
	for _, path := range []string{"/static/app.css", "/static/", "/static/..%2fapp.css"} {
		if w := get(mux, path); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	if f.Path("no.css") != "" {
		t.Error("a file that does not exist has a path")
	}
}
