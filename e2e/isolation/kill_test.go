package isolation_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/platform"
	"github.com/hybridapps/tandem/registry"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// killing is an instance of two replicas with an application whose each half has a
// credential beside the one that everybody else works with.
type killing struct {
	*tandemtest.Instance // the replica that is not told
	*testing.T
	near  *tandemtest.Instance // where everything is issued
	admin *platform.Administration
	// of each half: the credential that may be revoked, and its secret
	user, service             tandem.Credential
	userSecret, serviceSecret string
}

// issued is what was given out before a switch is thrown.
type issued struct {
	browser     *tandemtest.Browser
	user        tandemtest.Tokens // got with the user credential
	code        tandemtest.Code   // not yet redeemed
	service     string            // got with the service credential
	pat, sat    string
	patID, sid  string
	otherPerson tandemtest.Tokens // of another person, got with another credential
}

// The things that can be done with what was issued. Each works before, and afterwards
// either for nobody or as before.
const (
	userAPI, userInfo, userIntrospection, userRefresh, codeRedeemed, signedIn = "the API as a person", "userinfo", "introspection of a person's token",
		"a refresh", "the code", "the sign-in"
	serviceAPI, serviceIntrospection, serviceNew = "the API as the back end", "introspection of the back end's token", "a new service token"
	patAPI, satAPI                               = "the API with a PAT", "the API with a SAT"
	otherAPI                                     = "the API as another person"
)

var (
	ofThePerson = []string{userAPI, userInfo, userIntrospection, userRefresh, codeRedeemed, signedIn}
	ofTheBack   = []string{serviceAPI, serviceIntrospection, serviceNew}
)

// TestI6_KillSwitchesReachEveryReplica throws every kill switch that there is, as an
// administrator's command does, and asks the replica that issued nothing and was told
// nothing: within five seconds nothing that hangs on it works, in no way that there is,
// and everything else goes on.
func TestI6_KillSwitchesReachEveryReplica(t *testing.T) {
	t.Parallel()
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			near := tandemtest.Start(t, tandemtest.Options{Engine: engine, OwnKeys: true, Licence: tandem.Licence{Slots: 500}})
			far := near.Replica(t)
			for _, s := range []struct {
				name  string
				throw func(ctx context.Context, k *killing, i *issued) error
				ends  []string
			}{
				{"application", func(ctx context.Context, k *killing, _ *issued) error {
					return k.admin.Apps.Disable(ctx, tandemtest.By, tandemtest.Portal)
				}, slices.Concat(ofThePerson, ofTheBack, []string{patAPI, satAPI, otherAPI})},
				{"user credential", func(ctx context.Context, k *killing, _ *issued) error {
					_, err := k.admin.RevokeCredential(ctx, tandemtest.By, tandemtest.Portal, k.user.ID, true)
					return err
				}, ofThePerson[:5]},
				{"service credential", func(ctx context.Context, k *killing, _ *issued) error {
					_, err := k.admin.RevokeCredential(ctx, tandemtest.By, tandemtest.Portal, k.service.ID, true)
					return err
				}, ofTheBack},
				{"user", func(ctx context.Context, k *killing, _ *issued) error {
					_, err := k.admin.Accounts.Disable(ctx, tandemtest.By, "anna")
					return err
				}, append(slices.Clone(ofThePerson), patAPI)},
				{"System User", func(ctx context.Context, k *killing, _ *issued) error {
					_, err := k.admin.Accounts.Disable(ctx, tandemtest.By, tandemtest.SystemUser)
					return err
				}, append(slices.Clone(ofTheBack), satAPI)},
				{"sign-in", func(ctx context.Context, k *killing, i *issued) error {
					return k.admin.Ending.SignIn(ctx, i.sid, "anna", "test")
				}, ofThePerson},
				{"sign-ins of a person", func(ctx context.Context, k *killing, _ *issued) error {
					_, err := k.admin.Accounts.EndSignIns(ctx, tandemtest.By, "anna")
					return err
				}, append(slices.Clone(ofThePerson), patAPI)},
				{"password", func(ctx context.Context, k *killing, _ *issued) error {
					_, err := k.admin.Accounts.SetPassword(ctx, tandemtest.By, "anna", tandemtest.Password)
					return err
				}, append(slices.Clone(ofThePerson), patAPI)},
				{"grant of a person", func(ctx context.Context, k *killing, _ *issued) error {
					return k.admin.Grants.Withdraw(ctx, tandemtest.By, "anna", tandemtest.Portal)
				}, ofThePerson[:5]},
				{"signing key", func(ctx context.Context, k *killing, i *issued) error {
					_, err := k.admin.DistrustKey(ctx, tandemtest.By, kid(k, i.service))
					return err
				}, []string{userAPI, userInfo, userIntrospection, serviceAPI, serviceIntrospection, otherAPI}},
				{"access token of a person", func(ctx context.Context, k *killing, i *issued) error {
					return k.revokeToken(ctx, i.user.Access, k.UserSecret)
				}, []string{userAPI, userInfo, userIntrospection}},
				{"access token of the back end", func(ctx context.Context, k *killing, i *issued) error {
					return k.revokeToken(ctx, i.service, k.ServiceSecret)
				}, []string{serviceAPI, serviceIntrospection}},
				{"refresh token", func(ctx context.Context, k *killing, i *issued) error {
					return k.revokeToken(ctx, i.user.Refresh, k.UserSecret)
				}, []string{userAPI, userInfo, userIntrospection, userRefresh}},
				{"reference token", func(ctx context.Context, k *killing, i *issued) error {
					return k.admin.References.Revoke(ctx, tandemtest.By, i.patID)
				}, []string{patAPI}},
			} {
				t.Run(s.name, func(t *testing.T) {
					k := newKilling(t, near, far)
					defer k.mend()
					k.killed(s.throw, s.ends)
				})
			}
		})
	}
}

func newKilling(t *testing.T, near, far *tandemtest.Instance) *killing {
	t.Helper()
	admin, err := platform.OpenAdministration(t.Context(), near.Store())
	if err != nil {
		t.Fatal(err)
	}
	k := &killing{Instance: far, T: t, near: near, admin: admin}
	k.user, k.userSecret = k.credential(tandem.FlowUser)
	k.service, k.serviceSecret = k.credential(tandem.FlowService)
	near.Refresh()
	return k
}

func (k *killing) credential(flow tandem.Flow) (tandem.Credential, string) {
	k.T.Helper()
	c, secret, err := k.admin.Apps.AddCredential(k.Context(), tandemtest.By, tandemtest.Portal, registry.NewCredential{Flow: flow})
	if err != nil {
		k.Fatal(err)
	}
	return c, secret
}

// mend lets everybody act again.
func (k *killing) mend() {
	defer k.admin.Close()
	turnBack(k.T, k.near, k.admin)
	for _, c := range []tandem.Credential{k.user, k.service} {
		_ = k.admin.Apps.RevokeCredential(k.Context(), tandemtest.By, tandemtest.Portal, c.ID) // or it is already
	}
}

// issue gives out everything that there is.
func (k *killing) issue() *issued {
	k.T.Helper()
	i := &issued{browser: k.near.Browser()}
	code := i.browser.Authorize("anna", tandemtest.Password)
	i.user = k.tokens("grant_type", "authorization_code", "code", code.Code, "redirect_uri", tandemtest.RedirectURI, "code_verifier", code.Verifier,
		"client_secret", k.userSecret)
	i.code = tandemtest.Code{Verifier: strings.Repeat("v", 43)}
	i.code.Code = k.again(k.near, i.browser)
	i.service = k.tokens("grant_type", "client_credentials", "client_secret", k.serviceSecret).Access
	i.pat, i.patID = k.near.PAT("anna")
	i.sat, _ = k.near.SAT()
	i.otherPerson = k.near.SignIn("admin")
	var about oauth.Introspection
	k.introspect(k.near, i.user.Access, k.near.UserSecret, &about)
	i.sid = about.SignInID
	return i
}

func (k *killing) tokens(pairs ...string) (got tandemtest.Tokens) {
	k.T.Helper()
	if status := k.post(k.near, oauth.PathToken, &got, pairs...); status != http.StatusOK {
		k.Fatalf("%v: %d", pairs[1], status)
	}
	return got
}

// killed throws the switch and looks at what still works.
func (k *killing) killed(throw func(context.Context, *killing, *issued) error, ends []string) {
	k.T.Helper()
	i := k.issue()
	works := k.works(i)
	for what, ok := range works {
		if what != codeRedeemed && !ok() {
			k.Fatalf("before: %s does not work", what)
		}
	}
	if err := throw(k.Context(), k, i); err != nil {
		k.Fatal(err)
	}
	thrown := time.Now()
	for what, ok := range works {
		dies := slices.Contains(ends, what)
		for dies && what != codeRedeemed && ok() {
			if time.Since(thrown) > reaches {
				k.Errorf("%s works %v afterwards", what, time.Since(thrown))
				break
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
	for what, ok := range works { // the code, which works once, among them
		if dies := slices.Contains(ends, what); ok() == dies {
			k.Errorf("afterwards: %s works %v", what, dies)
		}
	}
}

// works has every use of what was issued, at the far replica.
func (k *killing) works(i *issued) map[string]func() bool {
	api := func(token string) func() bool {
		return func() bool { status, _ := k.API("GET", "GetVersion()", token, ""); return status == http.StatusOK }
	}
	known := func(token, secret string) func() bool {
		return func() bool {
			var about oauth.Introspection
			return k.introspect(k.Instance, token, secret, &about) == http.StatusOK && about.Active
		}
	}
	return map[string]func() bool{
		userAPI: api(i.user.Access), serviceAPI: api(i.service), patAPI: api(i.pat), satAPI: api(i.sat), otherAPI: api(i.otherPerson.Access),
		userIntrospection: known(i.user.Access, k.UserSecret), serviceIntrospection: known(i.service, k.ServiceSecret),
		userInfo: func() bool {
			req, err := http.NewRequestWithContext(k.Context(), "GET", k.URL+oauth.PathUserinfo, nil)
			if err != nil {
				k.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer "+i.user.Access)
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				k.Fatal(err)
			}
			res.Body.Close()
			return res.StatusCode == http.StatusOK
		},
		userRefresh: func() bool {
			var got tandemtest.Tokens
			status := k.post(k.Instance, oauth.PathToken, &got, "grant_type", "refresh_token", "refresh_token", i.user.Refresh, "client_secret", k.userSecret)
			if status == http.StatusOK {
				i.user.Refresh = got.Refresh
			}
			return status == http.StatusOK
		},
		codeRedeemed: func() bool {
			var got tandemtest.Tokens
			return k.post(k.Instance, oauth.PathToken, &got, "grant_type", "authorization_code", "code", i.code.Code, "redirect_uri", tandemtest.RedirectURI,
				"code_verifier", i.code.Verifier, "client_secret", k.userSecret) == http.StatusOK
		},
		serviceNew: func() bool {
			var got tandemtest.Tokens
			return k.post(k.Instance, oauth.PathToken, &got, "grant_type", "client_credentials", "client_secret", k.serviceSecret) == http.StatusOK
		},
		signedIn: func() bool { // the browser's cookie is of all replicas, as behind a load balancer
			far := k.Browser()
			far.Client.Jar = copied(k, i.browser.Client.Jar, k.near.URL, k.URL)
			return k.again(k.Instance, far) != ""
		},
	}
}

// again gets a code for who is signed in with the browser; empty for nobody.
func (k *killing) again(in *tandemtest.Instance, b *tandemtest.Browser) string {
	k.T.Helper()
	page := b.Get(in.URL + oauth.PathAuthorize + "?" + url.Values{
		"client_id": {tandemtest.Portal}, "redirect_uri": {tandemtest.RedirectURI}, "response_type": {"code"}, "scope": {"openid read"}, "prompt": {"none"},
		"code_challenge": {oauth.Challenge(strings.Repeat("v", 43))}, "code_challenge_method": {"S256"},
	}.Encode())
	to, err := url.Parse(page.Header.Get("Location"))
	if err != nil {
		k.Fatal(err)
	}
	return to.Query().Get("code")
}

func copied(k *killing, jar http.CookieJar, from, to string) http.CookieJar {
	k.T.Helper()
	made, err := cookiejar.New(nil)
	if err != nil {
		k.Fatal(err)
	}
	a, _ := url.Parse(from)
	b, _ := url.Parse(to)
	made.SetCookies(b, jar.Cookies(a))
	return made
}

func (k *killing) introspect(in *tandemtest.Instance, token, secret string, about *oauth.Introspection) int {
	k.T.Helper()
	return k.post(in, oauth.PathIntrospection, about, "token", token, "client_secret", secret)
}

func (k *killing) revokeToken(_ context.Context, token, secret string) error {
	k.T.Helper()
	if status := k.post(k.near, oauth.PathRevocation, nil, "token", token, "client_secret", secret); status != http.StatusOK {
		k.Fatalf("the revocation is answered with %d", status)
	}
	return nil
}

// post sends a form of pairs as the portal's client.
func (k *killing) post(in *tandemtest.Instance, path string, answer any, pairs ...string) int {
	k.T.Helper()
	form := url.Values{"client_id": {tandemtest.Portal}}
	for n := 0; n < len(pairs); n += 2 {
		form.Set(pairs[n], pairs[n+1])
	}
	req, err := http.NewRequestWithContext(k.Context(), "POST", in.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		k.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return decoded(k, req, answer)
}

func decoded(k *killing, req *http.Request, answer any) int {
	k.T.Helper()
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		k.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		k.Fatal(err)
	}
	if answer != nil && res.StatusCode == http.StatusOK {
		if err := json.Unmarshal(text, answer); err != nil {
			k.Fatalf("%s: %v", text, err)
		}
	}
	return res.StatusCode
}

// kid is the id of the key that signed a token.
func kid(k *killing, jwt string) string {
	k.T.Helper()
	first, _, _ := strings.Cut(jwt, ".")
	text, err := base64.RawURLEncoding.DecodeString(first)
	var header struct {
		KeyID string `json:"kid"`
	}
	if err == nil {
		err = json.Unmarshal(text, &header)
	}
	if err != nil {
		k.Fatal(err)
	}
	return header.KeyID
}
