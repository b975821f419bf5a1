package testkit

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/html"
)

// Speaks looks at all that a browser is answered by one host, for a person who is to be
// spoken to in one language: each page is in it, and each form, link and redirect to
// another page of the paths tells the next one so, by ui_locales.
type Speaks struct {
	T    testing.TB
	Next http.RoundTripper
	// Tag is the language, Paths are the beginnings of the paths that are looked at.
	Tag   string
	Paths []string

	lock  sync.Mutex
	pages map[string]bool
}

// RoundTrip implements [http.RoundTripper].
func (s *Speaks) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := s.Next.RoundTrip(req)
	if err != nil {
		return res, err
	}
	at := req.Method + " " + req.URL.Path
	if to := res.Header.Get("Location"); to != "" {
		if u, err := req.URL.Parse(to); err != nil || u.Host == req.URL.Host && !s.told(u) {
			s.T.Errorf("%s redirects without the language, to %s", at, to)
		}
		return res, nil
	}
	if !strings.HasPrefix(res.Header.Get("Content-Type"), "text/html") || !s.ours(req.URL.Path) {
		return res, nil
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return res, err
	}
	res.Body.Close()
	res.Body = io.NopCloser(bytes.NewReader(body))
	s.page(at, res.Header.Get("Content-Language"), body)
	return res, nil
}

func (s *Speaks) page(at, tag string, body []byte) {
	root, err := html.Parse(bytes.NewReader(body))
	if err != nil || tag != s.Tag {
		s.T.Errorf("%s speaks %q: %.300s", at, tag, body)
		return
	}
	for n := range root.Descendants() {
		switch attrs := attributes(n); {
		case n.Data == "h1" && n.FirstChild != nil:
			s.saw(strings.TrimSpace(n.FirstChild.Data))
		case n.Data == "a" && strings.HasPrefix(attrs["href"], "/"):
			if u, err := url.Parse(attrs["href"]); err != nil || !s.told(u) {
				s.T.Errorf("%s has a link without the language, to %s", at, attrs["href"])
			}
		case n.Data == "form" && s.ours(attrs["action"]):
			told := false
			for in := range n.Descendants() {
				a := attributes(in)
				told = told || a["name"] == "ui_locales" && a["value"] != ""
			}
			if !told {
				s.T.Errorf("%s has a form without the language, to %s", at, attrs["action"])
			}
		}
	}
}

// Pages are the headings of the pages that there were.
func (s *Speaks) Pages() map[string]bool {
	s.lock.Lock()
	defer s.lock.Unlock()
	return s.pages
}

func (s *Speaks) saw(heading string) {
	s.lock.Lock()
	defer s.lock.Unlock()
	if s.pages == nil {
		s.pages = map[string]bool{}
	}
	s.pages[heading] = true
}

func (s *Speaks) ours(path string) bool {
	for _, p := range s.Paths {
		if strings.HasPrefix(path, p) && !strings.Contains(path, "/.well-known/") {
			return true
		}
	}
	return false
}

func (s *Speaks) told(u *url.URL) bool { return !s.ours(u.Path) || u.Query().Get("ui_locales") != "" }

func attributes(n *html.Node) map[string]string {
	all := map[string]string{}
	for _, a := range n.Attr {
		all[a.Key] = a.Val
	}
	return all
}
