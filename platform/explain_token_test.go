package platform_test

import (
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/audit"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/platform"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// given is an event of something that was given, with its facts by the names that are
// stored.
func (d *deciding) given(kind tandem.AuditKind) (e tandem.AuditEvent, facts map[string]any) {
	d.T.Helper()
	events := d.Record(kind)
	if len(events) == 0 {
		d.Fatalf("no %s is on record", kind)
	}
	must(d.T, json.Unmarshal([]byte(events[0].Facts), &facts))
	return events[0], facts
}

// TestEveryGrantIsOnRecord walks everything that the identity server gives: each is on
// record with what it was decided by, and explain finds it, by the id of the request.
func TestEveryGrantIsOnRecord(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, engine sqldb.Engine) {
		d := newDeciding(t, tandemtest.Options{Engine: engine})
		var tokens tandemtest.Tokens
		revoke := func(d *deciding, text string) {
			d.post(oauth.PathRevocation, form("client_id", tandemtest.Portal, "client_secret", d.UserSecret, "token", text))
		}
		for _, c := range []struct {
			what string
			kind tandem.AuditKind
			give func(d *deciding)
			want string // the facts that it has
		}{
			{"a service token", tandem.AuditTokenIssued, func(d *deciding) { d.service("scope", "read") }, "g c a ask got max av uv aud exp k"},
			{"a service token by key", tandem.AuditTokenIssued, func(d *deciding) { d.asserted(d.assertion(d.Issuer)) }, "g c a got max av uv aud exp k"},
			{"a sign-in", tandem.AuditSignIn, func(d *deciding) { d.signIn("anna", tandemtest.Password) }, "amr acr ut uv"},
			{"a code", tandem.AuditCodeIssued, func(d *deciding) { d.Browser().Authorize("anna", tandemtest.Password) }, "g ask got max av uv amr acr ut"},
			{"a token by code", tandem.AuditTokenIssued, func(d *deciding) { tokens = d.SignIn("anna") }, "g c a got max av uv aud exp k f amr acr ut"},
			{"a token by refresh", tandem.AuditTokenIssued, func(d *deciding) { tokens = d.RefreshTokens(tokens.Refresh) }, "g c a got max av uv aud exp k f amr acr ut"},
			{"a narrower token by refresh", tandem.AuditTokenIssued, func(d *deciding) { d.refresh(d.SignIn("anna").Refresh, "scope", "read") }, "g c a ask got max av uv aud exp k f amr acr ut"},
			{"an external person's token", tandem.AuditTokenIssued, func(d *deciding) { d.SignIn("paul", "openid") }, "g c a got max av uv exp k f amr acr ut"},
			{"an ID token with a code", tandem.AuditTokenIssued, func(d *deciding) {
				d.signIn("anna", tandemtest.Password, "response_type", "code id_token", "nonce", "n", "response_mode", "fragment")
			}, "g got uv exp k amr acr ut"},
			{"a consent", tandem.AuditConsentGiven, func(d *deciding) {
				b := d.Browser()
				page := b.Submit(d.authorize(b, "prompt", "consent"), url.Values{"login": {"anna"}, "password": {tandemtest.Password}})
				b.Submit(page, url.Values{"allow": {"1"}})
			}, "g got av uv ut"},
			{"a pushed request", tandem.AuditRequestPushed, func(d *deciding) { d.pushed() }, "g c a ask max av"},
			{"the end of a token", tandem.AuditTokenRevoked, func(d *deciding) { revoke(d, tokens.Access) }, "g c a av"},
			{"the end of a family", tandem.AuditTokenRevoked, func(d *deciding) { revoke(d, tokens.Refresh) }, "g c a av f"},
		} {
			t.Run(c.what, func(t *testing.T) {
				d := *d
				d.T = t
				d.Clock.Advance(time.Millisecond)
				c.give(&d)
				e, facts := d.given(c.kind)
				if names := strings.Fields(c.want); !slices.ContainsFunc(names, func(n string) bool { return facts[n] == nil }) && len(facts) == len(names) {
				} else {
					t.Errorf("the facts are %s, want %s", e.Facts, c.want)
				}
				x, err := d.Platform.ExplainRequest(t.Context(), e.RequestID)
				if err != nil || !slices.ContainsFunc(x.Events, func(x platform.EventExplanation) bool { return x.Kind == c.kind && x.ID == e.ID }) {
					t.Errorf("explain %s: %v %+v", e.RequestID, err, x)
				}
				if one, err := d.Platform.ExplainRequest(t.Context(), e.ID); err != nil || len(one.Events) != 1 || one.Events[0].ID != e.ID {
					t.Errorf("explain the event %s: %v %+v", e.ID, err, one)
				}
			})
		}
	})
}

// token explains a token.
func (d *deciding) explained(text string) *platform.TokenExplanation {
	d.T.Helper()
	x, err := d.Platform.ExplainToken(d.Context(), text)
	must(d.T, err)
	return x
}

// TestTokensAreExplained: what explain says of a token is what the instance would decide,
// by what it was given, and who has changed that since.
func TestTokensAreExplained(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, engine sqldb.Engine) {
		d := newDeciding(t, tandemtest.Options{Engine: engine})
		service := d.ServiceToken()
		for range 3 {
			d.API("GET", "General_Products_Products?$top=1", service, "")
		}
		x := d.explained(service)
		if x.Kind != "service token" || x.Now != "" || x.Actor != tandemtest.SystemUser || x.Issued == nil || x.Issued.Facts.Scope != "read update" ||
			!strings.Contains(x.Issued.Credential, "secret, service flow") || len(x.Changed) != 0 || len(x.Sessions) != 1 || x.Sessions[0].Requests != 3 {
			t.Errorf("a service token: %+v", x)
		}
		pat := d.pat()
		d.API("GET", "General_Products_Products?$top=1", pat, "")
		if x := d.explained(pat); x.Kind != "personal access token" || x.Now != "" || x.Actor != "anna" || !strings.Contains(x.Made, "a script") || len(x.Sessions) != 1 {
			t.Errorf("a personal access token: %+v", x)
		}
		if x := d.explained(tandem.ReferencePrefix + strings.Repeat("0", 64)); !x.Foreign || x.Now != tandem.RuleReferenceUnknown {
			t.Errorf("a reference token that is none of ours: %+v", x)
		}
		d.narrowed(service)
		d.refreshTokens()
		d.foreign(service)
		d.oldKeys(service)
	})
}

// narrowed: who took a scope away is named, and putting it back is seen.
func (d *deciding) narrowed(service string) {
	d.T.Helper()
	d.Clock.Advance(time.Second)
	d.UpdateApp(tandemtest.Portal, func(a *tandem.TrustedApp) { a.ServiceScope = tandem.Scope{"read"} })
	x := d.explained(service)
	if x.Now != tandem.RuleScopeFlow || x.LimitNow.String() != "read" || len(x.Changed) != 1 || !strings.Contains(x.Changed[0].Detail, "service_scope") || len(x.Mend) == 0 {
		d.Errorf("after its scope was narrowed: %+v", x)
	}
	d.found(d.read(service), x.Now) // as the API decides
	d.UpdateApp(tandemtest.Portal, func(a *tandem.TrustedApp) { a.ServiceScope = nil })
	if x := d.explained(service); x.Now != "" || len(x.Changed) != 2 {
		d.Errorf("after it was put back: %+v", x)
	}
}

// refreshTokens: asked about, a replaced one ends nothing.
func (d *deciding) refreshTokens() {
	d.T.Helper()
	first := d.SignIn("anna")
	second := d.RefreshTokens(first.Refresh)
	d.Clock.Advance(time.Second)
	third := d.RefreshTokens(second.Refresh)
	d.Advance(time.Minute)
	for _, c := range []struct {
		text   string
		number int64
		now    tandem.Rule
	}{{first.Refresh, 1, tandem.RuleRefreshReplayed}, {third.Refresh, 3, ""}, {first.Refresh, 1, tandem.RuleRefreshReplayed}, {third.Refresh, 3, ""}} {
		x := d.explained(c.text)
		if x.Kind != "refresh token" || x.Number != c.number || x.Newest != 3 || x.Now != c.now || x.Actor != "anna" || x.Issued == nil ||
			x.Issued.Facts.Family != x.Family+"#"+string(rune('0'+c.number)) {
			d.Errorf("the refresh token %d: %+v", c.number, x)
		}
	}
	must(d.T, d.Platform.Families.EndUser(d.Context(), d.idOf("anna")))
	if x := d.explained(third.Refresh); x.Now != tandem.RuleRefreshEnded || x.Why == "" {
		d.Errorf("after its family was ended: %+v", x)
	}
	user := d.explained(third.Access)
	if user.Kind != "user token" || user.Now != "" || user.Issued == nil || user.SignInID == "" {
		d.Errorf("a user token: %+v", user)
	}
	d.enabled("anna", false) // which ends what was given in every sign-in
	if x := d.explained(third.Access); x.Now != tandem.RuleTokenRevoked {
		d.Errorf("after its person was switched off: %+v", x)
	}
	d.enabled("anna", true)
}

func (d *deciding) idOf(login string) string {
	d.T.Helper()
	u, err := d.Platform.Accounts.Show(d.Context(), login)
	must(d.T, err)
	return u.ID
}

// foreign: what is not ours is said to be so, and is believed nothing of.
func (d *deciding) foreign(service string) {
	d.T.Helper()
	elsewhere := tandemtest.Start(d.T, tandemtest.Options{OwnKeys: true, Log: quiet})
	x := d.explained(elsewhere.ServiceToken())
	if !x.Foreign || x.Issuer != elsewhere.Issuer || x.KeyID == "" || x.ApplicationURI != "" || x.Issued != nil {
		d.Errorf("a token of another instance: %+v", x)
	}
	parts := strings.Split(service, ".")
	if x := d.explained(parts[0] + "." + parts[1] + "." + strings.Repeat("A", len(parts[2]))); !x.Foreign || x.Now != tandem.RuleTokenSignature {
		d.Errorf("a token that was changed: %+v", x)
	}
	if x := d.explained(elsewhere.SignIn("anna").Refresh); !x.Foreign || x.Now != tandem.RuleRefreshUnknown {
		d.Errorf("a refresh token of another instance: %+v", x)
	}
	for _, text := range []string{"", "token", strings.Repeat("a", 10_000), "..", "a.b"} {
		if _, err := d.Platform.ExplainToken(d.Context(), text); !errors.Is(err, platform.ErrNoToken) {
			d.Errorf("%.20q: %v", text, err)
		}
	}
}

// oldKeys: a token is known for what it is after its key was removed.
func (d *deciding) oldKeys(service string) {
	d.T.Helper()
	kid := d.explained(service).KeyID
	_, err := d.Platform.Keys.Remove(d.Context(), kid)
	must(d.T, err)
	d.Refresh()
	x := d.explained(service)
	if x.Foreign || x.Kind != "service token" || x.Now != tandem.RuleTokenSignature || x.Issued == nil {
		d.Errorf("after its key was removed: %+v", x)
	}
	d.Advance(2 * time.Hour)
	if x := d.explained(service); x.Now != tandem.RuleTokenExpired || x.Issued == nil {
		d.Errorf("after it expired: %+v", x)
	}
	// Who can write to the database plants no key that is believed.
	keys := data.NewKeys(d.Platform.DB)
	kept, err := keys.PublishedKey(d.Context(), kid)
	must(d.T, err)
	_, err = d.Platform.DB.Writer().ExecContext(d.Context(), `DELETE FROM published_keys`)
	must(d.T, err)
	kept.ID = "planted"
	must(d.T, keys.PublishKey(d.Context(), kept))
	if x := d.explained(service); !x.Foreign {
		d.Errorf("a key of another id is believed: %+v", x)
	}
	for _, e := range d.Record(tandem.AuditAdministration) {
		if testkit.HasToken(e.Detail + e.Facts) {
			d.Errorf("a token is on record: %+v", e)
		}
	}
}

// TestWhatIfDecidesAsTheServerDoes: what --what-if says is what is given, or refused, and
// nothing is given by it.
func TestWhatIfDecidesAsTheServerDoes(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, engine sqldb.Engine) {
		d := newDeciding(t, tandemtest.Options{Engine: engine})
		ask := func(w platform.WhatIf) *platform.WhatIfExplanation {
			t.Helper()
			x, err := d.Platform.WhatIf(t.Context(), w)
			must(t, err)
			return x
		}
		service := func() {
			t.Helper()
			for _, scope := range []string{"", "read", "read update", "read DomainApi", "admin", "openid", "sec", `a"b`} {
				x := ask(platform.WhatIf{ApplicationURI: tandemtest.Portal, Flow: tandem.FlowService, Scope: scope})
				status, body := d.TokenRequest(form("grant_type", "client_credentials", "client_id", tandemtest.Portal, "client_secret", d.ServiceSecret, "scope", scope))
				if got := between(body, `"scope":"`, `"`); (status == 200) != (x.Rule == "") || got != x.Given.String() || len(x.Credentials) != 2 {
					t.Errorf("scope %q: %d %s, and explain says %+v", scope, status, body, x)
				}
				if events := d.Record(tandem.AuditTokenRefused); status != 200 && !decidedBy(t, &events[0], x.Rule) {
					t.Errorf("scope %q: explain says %s, and the record %s", scope, x.Rule, events[0].Facts)
				}
				d.Advance(2 * time.Minute)
				must(t, d.Platform.TellRefusals(t.Context()))
			}
		}
		service()
		for _, c := range []struct{ login, scope string }{{"anna", "openid read"}, {"paul", "openid read"}, {"paul", "read"}, {"anna", "admin"}, {"anna", ""}} {
			x := ask(platform.WhatIf{ApplicationURI: tandemtest.Portal, Flow: tandem.FlowUser, Scope: c.scope, Login: c.login})
			b := d.Browser()
			page := d.authorize(b, "scope", c.scope)
			if _, _, ok := page.Form(url.Values{"login": nil, "password": nil}); ok {
				page = b.Submit(page, url.Values{"login": {c.login}, "password": {tandemtest.Password}})
			}
			to, err := url.Parse(page.Header.Get("Location"))
			must(t, err)
			if given := to.Query().Has("code"); given != (x.Rule == "") {
				t.Errorf("%v: %s, and explain says %+v", c, to, x)
			}
			if x.Rule == "" {
				if f, err := tandem.ParseFacts(d.Record(tandem.AuditCodeIssued)[0].Facts); err != nil || f.Scope != x.Given.String() {
					t.Errorf("%v: given %q, and explain says %q: %v", c, f.Scope, x.Given, err)
				}
			}
		}
		before := len(d.issued())
		d.enabled(tandemtest.SystemUser, false)
		if x := ask(platform.WhatIf{ApplicationURI: tandemtest.Portal, Flow: tandem.FlowService}); x.Rule != tandem.RuleUserSystem || len(x.Mend) == 0 {
			t.Errorf("without its System User: %+v", x)
		}
		d.UpdateApp(tandemtest.Portal, func(a *tandem.TrustedApp) { a.Enabled = false })
		if x := ask(platform.WhatIf{ApplicationURI: tandemtest.Portal, Flow: tandem.FlowUser}); x.Rule != tandem.RuleAppDisabled {
			t.Errorf("switched off: %+v", x)
		}
		if x := ask(platform.WhatIf{ApplicationURI: tandemtest.Field, Flow: tandem.FlowService}); x.Rule != tandem.RuleAppType {
			t.Errorf("a public application: %+v", x)
		}
		if n := len(d.issued()); n != before {
			t.Errorf("%d tokens were issued by asking", n-before)
		}
	})
}

func (d *deciding) issued() []tandem.AuditEvent {
	d.T.Helper()
	events, err := d.Platform.Audit.List(d.Context(), audit.Filter{Kind: tandem.AuditTokenIssued, Limit: audit.MaxPage})
	must(d.T, err)
	return events
}

// TestScopeThatWasNotAskedFor: explain of a call without a scope says what was asked for
// when the token was issued.
func TestScopeThatWasNotAskedFor(t *testing.T) {
	t.Parallel()
	d := newDeciding(t, tandemtest.Options{})
	id := d.call("POST", "General_Products_Products", d.ServiceToken("read"), "{}")
	x, err := d.Platform.ExplainRequest(t.Context(), id)
	must(t, err)
	e := x.Events[0]
	if e.Now == nil || !e.Now.Allowed || !strings.Contains(e.Why, "read was asked for, read given, and read update could have been") {
		t.Errorf("%+v", e)
	}
}
