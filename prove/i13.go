package prove

import (
	"context"
	"encoding/json"
	"errors"
	"html"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/hybridapps/tandem/oauth"
)

// i13: no secret is left anywhere. It comes last: everything that came back is looked
// through for everything that is known by then.
func (r *run) i13(ctx context.Context) {
	r.extra(ctx, "I13", "an address that is not registered gets an answer", r.otherRedirect)
	r.core(ctx, "I13", "answers with tokens may be stored", r.looking(r.stored))
	r.core(ctx, "I13", "a secret is in an address, a header, a page or an error", r.looking(r.leaked))
	if r.config.Inside != nil {
		r.core(ctx, "I13", "a secret is in a database, a log or the metrics", r.looking(r.written))
	}
	r.core(ctx, "I13", "a secret is in this report", r.looking(r.reported))
}

// looking has the control of a search: what is looked for are secrets of the system.
// What is found all the same is found.
func (r *run) looking(search func(context.Context) (outcome, error)) func(context.Context) (outcome, error) {
	return func(ctx context.Context) (outcome, error) {
		wrong := r.bothWork(ctx)
		o, err := search(ctx)
		if err == nil && o.verdict != Fails {
			err = wrong
		}
		return o, err
	}
}

// queried comes before the person's tokens are ended.
func (r *run) queried(ctx context.Context) {
	r.extra(ctx, "I13", "a token in a query is taken", r.tokenInQuery)
}

// tokenInQuery sends a token where it would be logged (RFC 6750 section 2.3).
func (r *run) tokenInQuery(ctx context.Context) (outcome, error) {
	if r.provider.UserinfoEndpoint == "" {
		return outcome{}, errors.New("the provider has no userinfo endpoint")
	}
	t, err := r.userinfoWorks(ctx)
	if err != nil {
		return outcome{}, err
	}
	separator := "?"
	if strings.Contains(r.provider.UserinfoEndpoint, "?") {
		separator = "&"
	}
	a, err := r.wire.do(ctx, &call{
		method: http.MethodGet, url: r.provider.UserinfoEndpoint + separator + url.Values{"access_token": {t.AccessToken}}.Encode(),
		as: "a token in the query", allowed: []string{"access_token"},
	})
	if err != nil {
		return outcome{}, err
	}
	return r.refused(a, "a token in the query was taken")
}

// otherRedirect asks for a code to be sent elsewhere (RFC 9700 section 4.1).
func (r *run) otherRedirect(ctx context.Context) (outcome, error) {
	const elsewhere = "https://tandem-prove.invalid/callback"
	q, _ := r.request("I13 elsewhere", []string{"openid"})
	q.Set("redirect_uri", elsewhere)
	a, err := r.wire.do(ctx, &call{method: http.MethodGet, url: r.at(q)})
	if err != nil {
		return outcome{}, err
	}
	if location := a.header.Get("Location"); strings.HasPrefix(location, elsewhere) {
		if to, err := url.Parse(location); err == nil {
			r.secrets.NoteNumbered("code", to.Query().Get("code"))
		}
		return r.fails(a, "the browser was sent to an address that is not registered"), nil
	}
	return r.holds(a), neither(a)
}

// stored looks at the headers of what the token endpoint gave (RFC 6749 section 5.1).
func (r *run) stored(context.Context) (outcome, error) {
	n := 0
	for _, a := range r.wire.all() {
		var t oauth.TokenResponse
		if !a.call.tokens || !a.ok() || a.decode(&t) != nil || t.AccessToken == "" {
			continue
		}
		n++
		if !strings.Contains(strings.ToLower(a.header.Get("Cache-Control")), "no-store") {
			return r.fails(a, "an answer with tokens has no Cache-Control: no-store"), nil
		}
	}
	if n == 0 {
		return outcome{}, errors.New("no token was given")
	}
	return outcome{verdict: Holds, sent: Plain("look at %d answers with tokens", n), answered: Plain("all have no-store")}, nil
}

// leaked searches everything that came back.
func (r *run) leaked(context.Context) (outcome, error) {
	finder, all := r.secrets.finder(), r.wire.all()
	if len(finder.by) == 0 || len(all) == 0 {
		return outcome{}, errors.New("there was nothing to look for")
	}
	for _, a := range all {
		for where, text := range r.texts(a) {
			found := map[string]Found{}
			finder.within([]byte(text), found)
			for _, f := range found {
				return r.fails(a, "the %s is in the %s, %s", f.Label, where, f.How), nil
			}
		}
	}
	return outcome{verdict: Holds, sent: Plain("search %d answers", len(all)), answered: Plain("no secret")}, nil
}

// texts is what of an answer is searched, by where it stands. What must be there is left
// out: the callback's parameters, the hint at sign-out, and the tokens in the token
// endpoint's answers.
func (r *run) texts(a *answer) map[string]string {
	texts := map[string]string{"address": bare(a.call.url, a.call.allowed)}
	body := string(a.body)
	for name, values := range a.header {
		text := strings.Join(values, "\n")
		if name == "Location" {
			body = strings.ReplaceAll(body, text, "")
			body = strings.ReplaceAll(body, html.EscapeString(text), "")
			allowed := []string{"id_token_hint"}
			if isRedirect(r.config.RedirectURI, text) {
				allowed = append(allowed, "code", "state", "iss")
			}
			text = bare(text, allowed)
		}
		texts["header "+name] = text
	}
	if !a.call.tokens || !a.ok() {
		texts["page"] = body
	}
	return texts
}

// bare is an address without the parameters that may be in it.
func bare(address string, allowed []string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	without := func(query string) string {
		kept := slices.DeleteFunc(strings.Split(query, "&"), func(p string) bool {
			name, _, _ := strings.Cut(p, "=")
			return slices.Contains(allowed, name)
		})
		return strings.Join(kept, "&")
	}
	u.RawQuery, u.RawFragment, u.Fragment = without(u.RawQuery), "", without(u.Fragment)
	return u.String()
}

// written searches what the system writes down.
func (r *run) written(ctx context.Context) (outcome, error) {
	finder := r.secrets.finder()
	var leak string
	n := 0
	unseen, err := r.config.Inside.Search(ctx, func(where string, text io.Reader) error {
		n++
		found := map[string]Found{}
		err := finder.read(text, found)
		for _, f := range found {
			if leak == "" {
				leak = "the " + f.Label + " is in " + where + ", " + f.How
			}
		}
		return err
	})
	o := outcome{verdict: Holds, sent: Plain("search %d files, tables and pages of the system", n), answered: Plain("no secret")}
	switch {
	case err != nil:
		return outcome{}, err
	case leak != "":
		o.verdict, o.why, o.answered = Fails, leak, r.secrets.Show(leak)
	case n == 0:
		return outcome{}, errors.New("there was nothing to search")
	case len(unseen) > 0:
		return o, errors.New("not seen: " + list(unseen))
	}
	return o, nil
}

// reported searches the report itself.
func (r *run) reported(context.Context) (outcome, error) {
	text, err := json.Marshal(r.rows)
	if err != nil {
		return outcome{}, err
	}
	if found := r.secrets.Find(string(text)); len(found) > 0 {
		for _, row := range r.rows {
			for i := range row.Probes { // so that it is not told to others
				row.Probes[i].Sent, row.Probes[i].Answered, row.Probes[i].Why = Shown{}, Shown{}, Shown{}
			}
		}
		return outcome{verdict: Fails, why: "the " + found[0].Label + " stood in it, and all that was sent and answered was left out"}, nil
	}
	return outcome{verdict: Holds, sent: Plain("search this report"), answered: Plain("no secret")}, nil
}
