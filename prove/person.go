package prove

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
)

// person is how somebody signs in.
type person interface {
	// begin is called once, before the time of the run counts.
	begin(ctx context.Context, r *run) error
	// authorize sends the browser to the authorization endpoint, signs in where it is
	// asked to, and returns the parameters that come back with the state given.
	authorize(ctx context.Context, address, state string) (url.Values, error)
	// signOut sends the browser to the end-session endpoint, and confirms there. The
	// answer is the last one seen, nil where nobody sees it.
	signOut(ctx context.Context, address string) (*answer, error)
	// quiet is authorize that must not ask anybody (prompt=none); known is false where
	// that cannot be seen.
	quiet(ctx context.Context, address, state string) (back url.Values, known bool, err error)
}

// maxPages and maxHops are how many pages a sign-in may have, and redirects in all.
const (
	maxPages = 14
	maxHops  = 30
)

// forms signs in by filling the provider's forms, without script.
type forms struct {
	r    *run
	who  Person
	jar  *cookiejar.Jar
	page *url.URL // where the browser is
	// silent says that a request was answered without a password: the provider keeps
	// people signed in.
	silent bool
}

func newForms(r *run, who Person) (*forms, error) {
	jar, err := cookiejar.New(nil)
	return &forms{r: r, who: who, jar: jar}, err
}

func (*forms) begin(context.Context, *run) error { return nil }

// authorize implements [person].
func (f *forms) authorize(ctx context.Context, address, state string) (url.Values, error) {
	back, _, err := f.walk(ctx, address, state, true)
	return back, err
}

// quiet implements [person].
func (f *forms) quiet(ctx context.Context, address, state string) (url.Values, bool, error) {
	back, _, err := f.walk(ctx, address, state, false)
	return back, true, err
}

// signOut implements [person].
func (f *forms) signOut(ctx context.Context, address string) (*answer, error) {
	_, last, err := f.walk(ctx, address, "", true)
	return last, err
}

// walk follows redirects and fills forms until the browser is sent to the redirect
// URI, or, without a state, until there is no form that asks.
func (f *forms) walk(ctx context.Context, address, state string, fill bool) (back url.Values, last *answer, err error) {
	c := &call{method: http.MethodGet, url: address, allowed: []string{"id_token_hint"}}
	f.page = nil
	signedIn, pages := "", 0
	for range maxHops {
		if state != "" && f.leads(c.url) {
			back, err := returned(c.url, state)
			f.silent = f.silent || signedIn == "" && back.Get("code") != ""
			return back, last, err
		}
		if state == "" && f.r.leaves(c.url) {
			return nil, last, nil
		}
		if last, err = f.open(ctx, c); err != nil {
			return nil, nil, err
		}
		if location := last.header.Get("Location"); location != "" && last.status >= 300 && last.status < 400 {
			if c, err = f.follow(last, location); err != nil {
				return nil, nil, err
			}
			continue
		}
		filled, done, err := f.fill(last, state == "", fill)
		if err != nil || done {
			return nil, last, err
		}
		if filled.password && filled.place() == signedIn {
			return nil, last, fmt.Errorf("the sign-in was refused: %s", f.r.secrets.Show(filled.words))
		}
		if filled.password {
			signedIn = filled.place()
		}
		if f.leads(filled.action) { // response_mode=form_post
			back, err := checkState(filled.values, state)
			return back, last, err
		}
		if pages++; pages > maxPages {
			return nil, last, fmt.Errorf("the sign-in has more than %d pages; use --sign-in-steps or --by-hand", maxPages)
		}
		c = &call{method: http.MethodPost, url: filled.action, form: filled.values, as: "form of the sign-in page"}
	}
	return nil, last, errors.New("the redirects of the sign-in lead in a circle")
}

// leaves says that a sign-out goes back to the application.
func (r *run) leaves(address string) bool {
	return r.config.PostLogout != "" && strings.HasPrefix(address, r.config.PostLogout)
}

// open loads a page as a browser does.
func (f *forms) open(ctx context.Context, c *call) (*answer, error) {
	to, err := url.Parse(c.url)
	if err != nil {
		return nil, errors.New("the provider sent the browser to an address that is none")
	}
	c.jar = f.jar
	c.header = http.Header{
		"Accept": {"text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}, "Accept-Language": {"en"}, "User-Agent": {"Mozilla/5.0 tandem-prove"},
		"Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Dest": {"document"}, "Sec-Fetch-Site": {site(f.page, to)},
	}
	if c.method == http.MethodPost && f.page != nil {
		c.header.Set("Origin", f.page.Scheme+"://"+f.page.Host)
		c.header.Set("Referer", f.page.Scheme+"://"+f.page.Host+f.page.Path)
	}
	a, err := f.r.wire.do(ctx, c)
	if err == nil {
		f.page = to
	}
	return a, err
}

// site is how two addresses stand to each other, as browsers say it (Fetch Metadata).
func site(from, to *url.URL) string {
	switch {
	case from == nil:
		return "none"
	case from.Scheme == to.Scheme && from.Host == to.Host:
		return "same-origin"
	case from.Scheme == to.Scheme && from.Hostname() == to.Hostname():
		return "same-site"
	}
	return "cross-site"
}

// follow is the request that a redirect asks for. One to another site than http would
// leave the machine in ways that a browser does not go.
func (f *forms) follow(a *answer, location string) (*call, error) {
	to, err := f.page.Parse(location)
	if err != nil {
		return nil, errors.New("the provider redirected to an address that is none")
	}
	if to.Scheme != "http" && to.Scheme != "https" && !f.leads(to.String()) {
		return nil, fmt.Errorf("the provider redirected to a %s address", f.r.secrets.Show(to.Scheme))
	}
	c := &call{method: http.MethodGet, url: to.String()}
	if a.call.method == http.MethodPost && (a.status == http.StatusTemporaryRedirect || a.status == http.StatusPermanentRedirect) {
		c.method, c.form = http.MethodPost, a.call.form
	}
	return c, nil
}

// leads says that an address is the redirect URI, with parameters.
func (f *forms) leads(address string) bool { return isRedirect(f.r.config.RedirectURI, address) }

func isRedirect(redirect, address string) bool {
	rest, ok := strings.CutPrefix(address, redirect)
	return ok && (rest == "" || rest[0] == '?' || rest[0] == '#' || rest[0] == '&' && strings.Contains(redirect, "?"))
}

// returned are the parameters of a callback.
func returned(address, state string) (url.Values, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, errors.New("the provider came back with an address that is none")
	}
	q := u.Query()
	if q.Get("state") == "" && u.Fragment != "" {
		if q, err = url.ParseQuery(u.Fragment); err != nil {
			return nil, errors.New("the provider came back with parameters that are none")
		}
	}
	return checkState(q, state)
}

// checkState refuses the answer to another request (RFC 6749 section 10.12).
func checkState(q url.Values, state string) (url.Values, error) {
	if q.Get("state") != state {
		return nil, errors.New("the provider came back with another state")
	}
	return q, nil
}
