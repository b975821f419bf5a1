package tandemtest

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"net/textproto"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/hybridapps/tandem/oauth"
)

// Browser is a browser without JavaScript: it keeps cookies, follows redirects
// one by one, fills forms and sends the headers that browsers send.
type Browser struct {
	Client *http.Client
	t      testing.TB
	in     *Instance // nil when it belongs to none
}

// NewBrowser opens a browser for a system that runs elsewhere.
func NewBrowser(t testing.TB) *Browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &Browser{t: t, Client: &http.Client{
		Jar:           jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Browser opens a browser that nobody is signed in with.
func (in *Instance) Browser() *Browser {
	in.t.Helper()
	b := NewBrowser(in.t)
	b.in = in
	return b
}

// Page is an answer as the browser has it.
type Page struct {
	*http.Response
	Text string
}

// Get opens an address and follows redirects, as far as they lead to where
// somebody listens: one to [RedirectURI] or [PostLogoutRedirectURI] is returned.
func (b *Browser) Get(address string) *Page {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), "GET", address, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Sec-Fetch-Site", "none")
	return b.follow(b.do(req))
}

// Post sends a form from the page given, as a browser does.
func (b *Browser) Post(from *Page, address string, form url.Values) *Page {
	b.t.Helper()
	return b.post(from, address, "application/x-www-form-urlencoded", strings.NewReader(form.Encode()))
}

func (b *Browser) post(from *Page, address, contentType string, body io.Reader) *Page {
	b.t.Helper()
	to, err := from.Request.URL.Parse(address)
	if err != nil {
		b.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(b.t.Context(), "POST", to.String(), body)
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("Origin", from.Request.URL.Scheme+"://"+from.Request.URL.Host)
	req.Header.Set("Sec-Fetch-Site", fetchSite(from.Request.URL, to))
	return b.follow(b.do(req))
}

// Submit fills the first form of the page that has all the fields given, and
// sends it with its hidden fields.
func (b *Browser) Submit(page *Page, fields url.Values) *Page {
	b.t.Helper()
	action, filled, ok := page.Form(fields)
	if !ok {
		b.t.Fatalf("%s has no form with %v: %d %s", page.Request.URL.Path, fields, page.StatusCode, page.Text)
	}
	return b.Post(page, action, filled)
}

// SubmitFile is [Browser.Submit] with a file in a field of the form, which is sent last, as
// browsers send what stands last; a nil file is none chosen.
func (b *Browser) SubmitFile(page *Page, fields url.Values, field, name string, file []byte) *Page {
	b.t.Helper()
	action, filled, ok := page.Form(fields)
	if !ok {
		b.t.Fatalf("%s has no form with %v: %d %s", page.Request.URL.Path, fields, page.StatusCode, page.Text)
	}
	delete(filled, field)
	var body bytes.Buffer
	parts := multipart.NewWriter(&body)
	for key, values := range filled {
		for _, text := range values {
			if err := parts.WriteField(key, text); err != nil {
				b.t.Fatal(err)
			}
		}
	}
	if file == nil {
		name = ""
	}
	part, err := parts.CreatePart(textproto.MIMEHeader{"Content-Disposition": {multipart.FileContentDisposition(field, name)}, "Content-Type": {"application/octet-stream"}})
	if err == nil {
		_, err = part.Write(file)
	}
	if err = errors.Join(err, parts.Close()); err != nil {
		b.t.Fatal(err)
	}
	return b.post(page, action, parts.FormDataContentType(), &body)
}

// Form is the first form of the page with all the fields given, filled.
func (p *Page) Form(fields url.Values) (action string, filled url.Values, ok bool) {
	root, err := html.Parse(strings.NewReader(p.Text))
	if err != nil {
		return "", nil, false
	}
	for form := range root.Descendants() {
		if form.Type != html.ElementNode || form.Data != "form" {
			continue
		}
		filled := url.Values{}
		names := map[string]bool{}
		for n := range form.Descendants() {
			if n.Type != html.ElementNode || n.Data != "input" && n.Data != "button" && n.Data != "select" && n.Data != "textarea" {
				continue
			}
			name := attribute(n, "name")
			names[name] = true
			if n.Data == "input" && name != "" && attribute(n, "type") != "checkbox" && attribute(n, "type") != "submit" {
				filled.Set(name, attribute(n, "value"))
			}
		}
		all := true
		for name, values := range fields {
			all = all && names[name]
			filled[name] = values
		}
		if all {
			return attribute(form, "action"), filled, true
		}
	}
	return "", nil, false
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// SignIn opens an address that leads to the sign-in page, signs in there, and
// returns the page that comes after it.
func (b *Browser) SignIn(address, login, password string) *Page {
	b.t.Helper()
	page := b.Get(address)
	return b.Submit(page, url.Values{"login": {login}, "password": {password}})
}

// Code is an authorization code with what its redemption needs.
type Code struct{ Code, Verifier, Nonce string }

// Authorize signs a person in through [Portal], allows it what it asks for where it is
// not of the first party, and returns the code. Without scopes it asks for openid profile
// offline_access read update.
func (b *Browser) Authorize(login, password string, scope ...string) Code {
	b.t.Helper()
	if len(scope) == 0 {
		scope = []string{"openid", "profile", "offline_access", "read", "update"}
	}
	c := Code{Verifier: rand.Text() + rand.Text(), Nonce: rand.Text()}
	state := rand.Text()
	page := b.SignIn(b.in.URL+oauth.PathAuthorize+"?"+url.Values{
		"client_id": {Portal}, "redirect_uri": {RedirectURI}, "response_type": {"code"}, "scope": {strings.Join(scope, " ")},
		"state": {state}, "nonce": {c.Nonce}, "code_challenge": {challenge(c.Verifier)}, "code_challenge_method": {"S256"},
	}.Encode(), login, password)
	if _, _, asked := page.Form(url.Values{"allow": nil}); asked {
		page = b.Submit(page, url.Values{"allow": {"1"}})
	}
	to, err := url.Parse(page.Header.Get("Location"))
	if err != nil {
		b.t.Fatal(err)
	}
	q := to.Query()
	if c.Code = q.Get("code"); c.Code == "" || q.Get("state") != state || q.Get("iss") != b.in.Issuer {
		b.t.Fatalf("%s was not signed in: %d, back to the application with %v: %s", login, page.StatusCode, q, page.Text)
	}
	return c
}

// navigation is what browsers say when a person goes to a page.
var navigation = map[string]string{
	"User-Agent":                "Mozilla/5.0 (X11; Linux x86_64) tandemtest",
	"Accept":                    "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
	"Accept-Language":           "en",
	"Sec-Fetch-Mode":            "navigate",
	"Sec-Fetch-Dest":            "document",
	"Sec-Fetch-User":            "?1",
	"Upgrade-Insecure-Requests": "1",
}

// fetchSite is the relation of two addresses as browsers tell it, as far as hosts
// without a public suffix have one.
func fetchSite(from, to *url.URL) string {
	switch {
	case from.Scheme == to.Scheme && from.Host == to.Host:
		return "same-origin"
	case from.Scheme == to.Scheme && from.Hostname() == to.Hostname():
		return "same-site"
	}
	return "cross-site"
}

func (b *Browser) do(req *http.Request) *Page {
	b.t.Helper()
	for name, value := range navigation {
		if req.Header.Get(name) == "" {
			req.Header.Set(name, value)
		}
	}
	res, err := b.Client.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return &Page{res, string(text)}
}

// maxRedirects is how many a browser follows before it says that they lead in
// a circle.
const maxRedirects = 20

func (b *Browser) follow(p *Page) *Page {
	b.t.Helper()
	for range maxRedirects {
		location := p.Header.Get("Location")
		if location == "" {
			return p
		}
		to, err := p.Request.URL.Parse(location)
		if err != nil {
			b.t.Fatal(err)
		}
		if to.Port() == "" && to.Hostname() == "127.0.0.1" {
			return p // nobody listens there
		}
		if b.in != nil && to.Scheme+"://"+to.Host == b.in.config.URL && b.in.URL != b.in.config.URL {
			to, _ = to.Parse(b.in.URL + to.RequestURI()) // stay with this replica
		}
		req, err := http.NewRequestWithContext(b.t.Context(), "GET", to.String(), nil)
		if err != nil {
			b.t.Fatal(err)
		}
		req.Header.Set("Sec-Fetch-Site", fetchSite(p.Request.URL, to))
		p = b.do(req)
	}
	b.t.Fatal("the redirects lead in a circle")
	return nil
}
