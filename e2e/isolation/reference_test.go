package isolation_test

import (
	"cmp"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/platform"
	"github.com/hybridapps/tandem/registry"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// onBoth runs a test on an instance of each engine.
func onBoth(t *testing.T, o tandemtest.Options, test func(t *testing.T, in *tandemtest.Instance)) {
	t.Helper()
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			own := o
			own.Engine = engine
			test(t, tandemtest.Start(t, own))
		})
	}
}

// ask sends a request with the headers given, name and value in turn.
func ask(t *testing.T, method, address, body string, headers ...string) (status int, text string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Add(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(answer)
}

// A PAT is its person and a SAT its System User, wherever they come; neither is the
// other, and neither gets anything at the token endpoint.
func TestI1_I2_I3_I4_ReferenceTokensAreWhoTheySay(t *testing.T) {
	t.Parallel()
	onBoth(t, tandemtest.Options{Demo: true}, func(t *testing.T, in *tandemtest.Instance) {
		pat, patID := in.PAT("anna")
		sat, satID := in.SAT()
		for token, want := range map[string]struct {
			id, actor string
			absolute  bool
			flow      tandem.Flow
		}{
			pat: {patID, "anna", false, tandem.FlowUser}, sat: {satID, tandemtest.SystemUser, true, tandem.FlowService},
		} {
			for range 2 {
				if status, text := in.API("GET", "General_Products_Products?$top=1", token, ""); status != 200 {
					t.Fatalf("%s: %d %s", want.actor, status, text)
				}
			}
			found := 0
			for _, s := range in.Sessions(false) {
				if s.Key == want.id {
					found++
					if s.Kind != tandem.SessionReference || s.User != want.actor || s.AbsoluteExpiresAt.IsZero() == want.absolute || s.Requests != 2 {
						t.Errorf("%s has the session %+v", want.actor, s)
					}
				}
			}
			if found != 1 {
				t.Errorf("%s has %d sessions", want.actor, found)
			}
			found = 0
			for _, e := range in.Record(tandem.AuditSessionOpened) {
				if e.TokenID == want.id && e.Actor == want.actor && e.Flow == want.flow {
					found++
				}
			}
			if found != 1 {
				t.Errorf("%s: %d openings are on record", want.actor, found)
			}
			for _, form := range []url.Values{
				{"grant_type": {"client_credentials"}, "client_id": {tandemtest.Portal}, "client_secret": {token}},
				{"grant_type": {"refresh_token"}, "refresh_token": {token}, "client_id": {tandemtest.Portal}, "client_secret": {in.UserSecret}},
				{"grant_type": {"authorization_code"}, "code": {token}, "client_id": {tandemtest.Portal}, "client_secret": {in.UserSecret}},
			} {
				if status, text := in.TokenRequest(form); status < 400 || status > 401 {
					t.Errorf("%s at the token endpoint, %s: %d %s", want.actor, form.Get("grant_type"), status, text)
				}
			}
		}
		bearer := func(token string) []string { return []string{"Authorization", "Bearer " + token} }
		onBehalf := []string{"Tandem-On-Behalf-Of", "6f0c2f0e-0000-4000-8000-000000000000;sid=x;iat=1767225600"}
		root := in.OData + "General_Products_Products?$top=1"
		for _, c := range []struct {
			what, address string
			headers       []string
			status        int
			says          string
		}{
			{"a PAT at the profile", in.URL + "/profile/me", bearer(pat), 200, `"login":"anna"`},
			{"a SAT at the profile", in.URL + "/profile/me", bearer(sat), 403, "insufficient_scope"},
			{"a PAT at userinfo", in.URL + "/id/connect/userinfo", bearer(pat), 403, "openid"},
			{"a SAT at userinfo", in.URL + "/id/connect/userinfo", bearer(sat), 403, "insufficient_scope"},
			{"a PAT as a back end", root, append(bearer(pat), onBehalf...), 400, "service tokens"},
			{"a SAT as a back end", root, append(bearer(sat), onBehalf...), 200, ""},
			{"a PAT asks about sessions", in.OData + "Systems_Monitoring_CurrentSessions", bearer(pat), 403, "administrators"},
		} {
			if status, text := ask(t, "GET", c.address, "", c.headers...); status != c.status || !strings.Contains(text, c.says) {
				t.Errorf("%s: %d %s", c.what, status, text)
			}
		}
		if status, text := ask(t, "POST", in.URL+"/id/connect/introspect", "token="+url.QueryEscape(sat), "Authorization", "Bearer "+sat,
			"Content-Type", "application/x-www-form-urlencoded"); status != 401 {
			t.Errorf("a SAT asks the introspection endpoint: %d %s", status, text)
		}
	})
}

// Exactly one of three headers carries a token, and never the URL or a body.
func TestReferenceTokensComeInOneHeader(t *testing.T) {
	t.Parallel()
	in := tandemtest.Start(t, tandemtest.Options{Demo: true})
	pat, _ := in.PAT("anna")
	sat, _ := in.SAT()
	jwt := in.SignIn("anna").Access
	places := []string{in.OData + "General_Products_Products?$top=1", in.URL + "/profile/me"}
	for what, c := range map[string]struct {
		headers []string
		status  int
	}{
		"Bearer":              {[]string{"Authorization", "Bearer " + pat}, 200},
		"bearer":              {[]string{"Authorization", "bearer " + pat}, 200},
		"X-Api-Key":           {[]string{"X-Api-Key", pat}, 200},
		"X-API-KEY":           {[]string{"X-API-KEY", pat}, 200},
		"Api-Key":             {[]string{"Api-Key", pat}, 200},
		"none":                {nil, 401},
		"empty":               {[]string{"Api-Key", ""}, 401},
		"both keys":           {[]string{"X-Api-Key", pat, "Api-Key", pat}, 400},
		"bearer and key":      {[]string{"Authorization", "Bearer " + pat, "Api-Key", pat}, 400},
		"JWT and key":         {[]string{"Authorization", "Bearer " + jwt, "X-Api-Key", pat}, 400},
		"twice":               {[]string{"X-Api-Key", pat, "X-Api-Key", pat}, 400},
		"another's second":    {[]string{"X-Api-Key", pat, "X-Api-Key", sat}, 400},
		"Basic and key":       {[]string{"Authorization", "Basic YTpi", "X-Api-Key", pat}, 400},
		"JWT as a key":        {[]string{"X-Api-Key", jwt}, 401},
		"small letters":       {[]string{"Authorization", "Bearer " + strings.ToLower(pat)}, 401},
		"one digit less":      {[]string{"X-Api-Key", pat[:len(pat)-1]}, 401},
		"one digit more":      {[]string{"X-Api-Key", pat + "0"}, 401},
		"nobody's":            {[]string{"X-Api-Key", tandem.ReferencePrefix + strings.Repeat("0", 64)}, 401},
		"without its prefix":  {[]string{"X-Api-Key", strings.TrimPrefix(pat, tandem.ReferencePrefix)}, 401},
		"Basic":               {[]string{"Authorization", "Basic " + pat}, 401},
		"as its own password": {[]string{"X-Auth-Token", pat}, 401},
	} {
		for _, place := range places {
			if status, text := ask(t, "GET", place, "", c.headers...); status != c.status {
				t.Errorf("%s at %s: %d, want %d: %s", what, place, status, c.status, text)
			}
		}
	}
	for _, place := range places {
		for _, name := range []string{"access_token", "api_key", "x-api-key"} {
			sign := "?"
			if strings.Contains(place, "?") {
				sign = "&"
			}
			if status, _ := ask(t, "GET", place+sign+name+"="+pat, ""); status != 400 && status != 401 {
				t.Errorf("in the query as %s at %s: %d", name, place, status)
			}
		}
	}
}

// Whatever a reference token hangs on ends it, on every replica, within five seconds,
// though another process has done it; what it does not hang on leaves it alone.
func TestA12_I6_ReferenceTokensEndWithWhatTheyHangOn(t *testing.T) {
	t.Parallel()
	onBoth(t, tandemtest.Options{}, func(t *testing.T, in *tandemtest.Instance) {
		replicas := []*tandemtest.Instance{in, in.Replica(t)}
		admin, err := platform.OpenAdministration(t.Context(), in.Store())
		if err != nil {
			t.Fatal(err)
		}
		defer admin.Close()
		ctx := t.Context()
		app := func(change func(a *tandem.TrustedApp)) func(pat, sat string) error {
			return func(string, string) error {
				_, err := admin.Apps.Update(ctx, tandemtest.By, tandemtest.Portal, func(a *tandem.TrustedApp) error { change(a); return nil })
				return err
			}
		}
		account := func(login string, change func(u *tandem.User)) func(pat, sat string) error {
			return func(string, string) error {
				_, err := admin.Accounts.Update(ctx, tandemtest.By, login, change)
				return err
			}
		}
		in.CreateUser(signin.NewUser{Login: "maria", Type: tandem.InternalUser, Password: tandemtest.Password})
		disable := func(login string) func(pat, sat string) error {
			return func(string, string) error {
				_, err := admin.Accounts.Disable(ctx, tandemtest.By, login)
				return err
			}
		}
		for _, c := range []struct {
			name     string
			off      func(pat, sat string) error
			pat, sat bool // whether it dies
			forGood  bool
			of       string // whose the PAT is, anna's where nothing is said
		}{
			{name: "PAT revoked", off: func(pat, _ string) error { return admin.References.Revoke(ctx, tandemtest.By, pat) }, pat: true, forGood: true},
			{name: "SAT revoked", off: func(_, sat string) error { return admin.References.Revoke(ctx, tandemtest.By, sat) }, sat: true, forGood: true},
			{name: "application disabled", off: app(func(a *tandem.TrustedApp) { a.Enabled = false }), pat: true, sat: true},
			{name: "policy none", off: app(func(a *tandem.TrustedApp) { a.AccessTokens = tandem.AccessTokensNone }), pat: true, sat: true},
			{name: "policy administrators", off: app(func(a *tandem.TrustedApp) { a.AccessTokens = tandem.AccessTokensAdministratorsOnly }), pat: true},
			{name: "user scope narrowed", off: app(func(a *tandem.TrustedApp) { a.UserScope = tandem.Scope{tandem.ScopeRead} }), pat: true},
			{name: "service scope narrowed", off: app(func(a *tandem.TrustedApp) { a.ServiceScope = tandem.Scope{tandem.ScopeRead} }), sat: true},
			{name: "no System User", off: app(func(a *tandem.TrustedApp) { a.SystemUserAllowed = false }), sat: true},
			{name: "nobody signs in", off: app(func(a *tandem.TrustedApp) { a.InternalUsers, a.ExternalUsers = false, false })},
			{name: "user disabled", off: disable("anna"), pat: true},
			{name: "user external", off: account("anna", func(u *tandem.User) { u.Type = tandem.ExternalCommunityUser }), pat: true},
			{name: "another user disabled", off: disable("maria")},
			{name: "System User disabled", off: disable(tandemtest.SystemUser), sat: true},
			{name: "user deleted", off: func(string, string) error { return admin.Accounts.Delete(ctx, tandemtest.By, "anna") }, pat: true, forGood: true},
			{name: "application deleted", off: func(string, string) error { return admin.Apps.Delete(ctx, tandemtest.By, tandemtest.Portal) }, pat: true, sat: true, forGood: true, of: "admin"},
		} {
			t.Run(c.name, func(t *testing.T) {
				pat, patID := in.PAT(cmp.Or(c.of, "anna"))
				sat, satID := in.SAT()
				was, err := in.Platform.Apps.Get(ctx, tandemtest.Portal)
				if err != nil {
					t.Fatal(err)
				}
				for _, r := range replicas {
					for _, token := range []string{pat, sat} {
						if status, text := r.API("GET", "GetVersion()", token, ""); status != 200 {
							t.Fatalf("%d %s", status, text)
						}
					}
				}
				if err := c.off(patID, satID); err != nil {
					t.Fatal(err)
				}
				changed := time.Now()
				for _, r := range replicas {
					for token, dies := range map[string]bool{pat: c.pat, sat: c.sat} {
						testkit.Eventually(t, c.name+" reaches every replica", func() bool {
							status, text := r.API("GET", "GetVersion()", token, "")
							if dies != (status == 401) && (status != 200 || time.Since(changed) > reaches) {
								t.Errorf("%d %s after %s", status, text, time.Since(changed))
								return true
							}
							return dies == (status == 401)
						})
					}
				}
				// Its slot is free, as far as it died.
				in.Refresh()
				for _, s := range in.Sessions(false) {
					if s.Key == patID && c.pat || s.Key == satID && c.sat {
						t.Errorf("%s still has slot %d", s.User, s.Slot)
					}
				}
				if c.forGood {
					return
				}
				for _, login := range []string{"anna", tandemtest.SystemUser} {
					if _, err := admin.Accounts.Enable(ctx, tandemtest.By, login); err != nil {
						t.Fatal(err)
					}
				}
				if err := account("anna", func(u *tandem.User) { u.Type = tandem.InternalUser })("", ""); err != nil {
					t.Fatal(err)
				}
				err = app(func(a *tandem.TrustedApp) {
					credentials, version := a.Credentials, a.Version
					*a = was
					a.Credentials, a.Version = credentials, version
				})("", "")
				if err != nil {
					t.Fatal(err)
				}
				in.Refresh()
			})
		}
	})
}

// A token never does more than its scope, and none is made that does more than its half
// of the application, or for somebody who may not have one.
func TestA12_I5_I10_WhatReferenceTokensAreNotMadeFor(t *testing.T) {
	t.Parallel()
	in := tandemtest.Start(t, tandemtest.Options{Demo: true})
	read, _ := in.PAT("anna", tandem.ScopeRead)
	if status, text := in.API("GET", "General_Products_Products?$top=1", read, ""); status != 200 {
		t.Fatalf("%d %s", status, text)
	}
	if status, text := in.API("POST", "General_Products_Products", read, `{"Name":{"EN":"x"}}`); status != 403 || !strings.Contains(text, "insufficient_scope") {
		t.Errorf("read writes: %d %s", status, text)
	}
	in.UpdateApp(tandemtest.Portal, func(a *tandem.TrustedApp) { a.UserScope = tandem.Scope{tandem.ScopeRead} })
	soon := in.Clock.Now().Add(time.Hour)
	create := func(change func(n *registry.NewReference)) error {
		n := registry.NewReference{Kind: tandem.ReferencePAT, Login: "anna", ApplicationURI: tandemtest.Portal, Scope: tandem.Scope{tandem.ScopeRead}, ExpiresAt: soon}
		change(&n)
		_, _, err := in.Platform.References.Create(t.Context(), tandemtest.By, n)
		return err
	}
	for says, change := range map[string]func(n *registry.NewReference){
		"the user half":    func(n *registry.NewReference) { n.Scope = tandem.Scope{tandem.ScopeRead, tandem.ScopeUpdate} },
		`scope "openid"`:   func(n *registry.NewReference) { n.Scope = tandem.Scope{tandem.ScopeOpenID} },
		`scope "sec"`:      func(n *registry.NewReference) { n.Scope = tandem.Scope{tandem.ScopeSec} },
		"say what":         func(n *registry.NewReference) { n.Scope = nil },
		"external user":    func(n *registry.NewReference) { n.Login = "paul" },
		"is a SAT":         func(n *registry.NewReference) { n.Login = tandemtest.SystemUser },
		"no user":          func(n *registry.NewReference) { n.Login = "nobody" },
		"name the person":  func(n *registry.NewReference) { n.Login = "" },
		"name no user":     func(n *registry.NewReference) { n.Kind = tandem.ReferenceSAT },
		"kind":             func(n *registry.NewReference) { n.Kind = "god" },
		"before it can":    func(n *registry.NewReference) { n.ExpiresAt = in.Clock.Now() },
		"at most 366 days": func(n *registry.NewReference) { n.ExpiresAt = in.Clock.Now().Add(367 * 24 * time.Hour) },
		"printable":        func(n *registry.NewReference) { n.Name = "a\nb" },
		"no application":   func(n *registry.NewReference) { n.ApplicationURI = "com.example/none" },
		"not act as a Syst": func(n *registry.NewReference) {
			n.Kind, n.Login, n.ApplicationURI = tandem.ReferenceSAT, "", tandemtest.Field
		},
		"admits no": func(n *registry.NewReference) { n.ApplicationURI = tandemtest.Field },
	} {
		if err := create(change); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", says, err)
		}
	}
	in.SetAccessTokens(tandem.AccessTokensAdministratorsOnly)
	if err := create(func(*registry.NewReference) {}); err == nil || !strings.Contains(err.Error(), "administrators only") {
		t.Errorf("anna, where only administrators may: %v", err)
	}
	if err := create(func(n *registry.NewReference) { n.Login = "admin" }); err != nil {
		t.Errorf("an administrator: %v", err)
	}
	if err := create(func(n *registry.NewReference) { n.Kind, n.Login = tandem.ReferenceSAT, "" }); err != nil {
		t.Errorf("a SAT where administrators may: %v", err)
	}
	for n := range registry.MaxReferenceTokens {
		err := create(func(n *registry.NewReference) { n.Login = "admin" })
		if full := n == registry.MaxReferenceTokens-1; (tandem.ErrorCode(err) == tandem.CodeConflict) != full {
			t.Fatalf("token %d of one account: %v", n+2, err)
		}
	}
}

// Each token takes a slot of its own, and a full licence is a full licence.
func TestI12_ReferenceTokensTakeSlots(t *testing.T) {
	t.Parallel()
	in := tandemtest.Start(t, tandemtest.Options{Licence: tandem.Licence{Slots: 2}})
	first, id := in.PAT("anna")
	second, _ := in.PAT("anna")
	third, _ := in.SAT()
	call := func(token string) (int, string) { return in.API("GET", "GetVersion()", token, "") }
	for _, token := range []string{first, second, first, second} {
		if status, text := call(token); status != 200 {
			t.Fatalf("%d %s", status, text)
		}
	}
	if status, text := call(third); status != 403 || !strings.Contains(text, "MaximumLicenseCountExceeded") {
		t.Errorf("a third session of two: %d %s", status, text)
	}
	if err := in.Platform.References.Revoke(t.Context(), tandemtest.By, id); err != nil {
		t.Fatal(err)
	}
	if status, text := call(third); status != 200 {
		t.Errorf("after the first was revoked: %d %s", status, text)
	}
	in.Advance(tandem.ServiceSessionAbsolute / 2)
	call(third)
	if used := in.Usage(); used.Reference != 1 || used.InUse != 1 {
		t.Errorf("half an hour later: %+v", used)
	}
	for range 7 { // never idle, and still over after an hour
		in.Advance(10 * time.Minute)
		call(third)
	}
	if opened := in.Record(tandem.AuditSessionOpened); len(opened) != 5 {
		t.Errorf("%d openings, where a SAT's session ends after an hour: %+v", len(opened), opened)
	}
}

// An expired token is refused, and one that was rolled when its overlap is
// over, at a replica that has seen it before, too.
func TestA12_ReferenceTokensExpire(t *testing.T) {
	t.Parallel()
	onBoth(t, tandemtest.Options{}, func(t *testing.T, in *tandemtest.Instance) {
		other := in.Replica(t)
		old, id := in.PAT("anna")
		works := func(token string) (n int) {
			t.Helper()
			for _, r := range []*tandemtest.Instance{in, other} {
				if status, _ := r.API("GET", "GetVersion()", token, ""); status == 200 {
					n++
				}
			}
			return n
		}
		if works(old) != 2 {
			t.Fatal("a new token does not work")
		}
		made, fresh, err := in.Platform.References.Roll(t.Context(), tandemtest.By, id, time.Hour, in.Clock.Now().Add(24*time.Hour))
		if err != nil || made.SuccessorOf != id || fresh == old {
			t.Fatal(made, err)
		}
		in.Refresh()
		if works(old) != 2 || works(fresh) != 2 {
			t.Error("the two do not overlap")
		}
		if _, _, err := in.Platform.References.Roll(t.Context(), tandemtest.By, id, time.Hour, in.Clock.Now().Add(time.Hour)); tandem.ErrorCode(err) != tandem.CodeConflict {
			t.Error("one token has two live successors:", err)
		}
		in.Advance(time.Hour)
		if works(old) != 0 || works(fresh) != 2 {
			t.Error("after the overlap")
		}
		in.Advance(23*time.Hour - time.Minute)
		if works(fresh) != 2 {
			t.Error("refused a minute before its end")
		}
		in.Advance(time.Minute)
		if works(fresh) != 0 {
			t.Error("works after its end")
		}
		if _, _, err := in.Platform.References.Roll(t.Context(), tandemtest.By, id, 0, in.Clock.Now().Add(time.Hour)); err != nil {
			t.Error("an expired one cannot be rolled:", err)
		}
		if _, _, err := in.Platform.References.Roll(t.Context(), tandemtest.By, id, 0, in.Clock.Now().Add(time.Hour)); tandem.ErrorCode(err) != tandem.CodeConflict {
			t.Error("a revoked one can be rolled:", err)
		}
	})
}

// No reference token is left anywhere in readable form: not in the database, not in the
// record, not in a log; what is kept of a use is when, from where and how often.
func TestI13_ReferenceTokensAreNowhere(t *testing.T) {
	t.Parallel()
	var log testkit.Buffer
	onBoth(t, tandemtest.Options{Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))}, func(t *testing.T, in *tandemtest.Instance) {
		pat, id := in.PAT("anna")
		sat, satID := in.SAT()
		for _, token := range []string{pat, sat, pat[:len(pat)-4] + "0000"} {
			in.API("GET", "GetVersion()", token, "")
			in.API("GET", "Nothing", token, "")
			in.API("GET", "GetVersion()?access_token="+token, "", "")
		}
		in.API("POST", "General_Products_Products", sat, "{}") // needs update, whatever comes of it
		if err := in.Platform.References.Revoke(t.Context(), tandemtest.By, satID); err != nil {
			t.Fatal(err)
		}
		in.API("GET", "GetVersion()", sat, "")
		if err := in.Platform.WriteReferenceUses(t.Context()); err != nil {
			t.Fatal(err)
		}
		used, err := in.Platform.References.Get(t.Context(), id)
		if err != nil || used.Calls < 1 || used.LastUsedFrom != "127.0.0.1" || used.LastUsedAt.IsZero() {
			t.Errorf("%+v %v", used, err)
		}
		wrote, err := in.Platform.References.Get(t.Context(), satID)
		if err != nil || wrote.LastWrittenAt.IsZero() || !used.LastWrittenAt.IsZero() {
			t.Errorf("one has written, and one has not: %+v, %+v, %v", wrote, used, err)
		}
		look := func(where, text string) {
			for _, secret := range []string{pat, sat} {
				if strings.Contains(text, secret[len(tandem.ReferencePrefix):][:40]) {
					t.Errorf("a reference token is in %s", where)
				}
			}
		}
		if n := dump(t, in.Platform.DB, func(table, text string) { look(table, text) }); n < 100 {
			t.Errorf("%d values", n)
		}
		for _, e := range in.Record("") {
			look("the record", fmt.Sprintf("%+v", e))
		}
		look("the log", log.String())
	})
}
