package platform_test

import (
	"encoding/base64"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/platform"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// noText are bytes that PostgreSQL refuses in a text, escaped for a URL.
var noText = []string{"%00", "%ff"}

// parameters are the names that the rooms ask their requests for, as their sources have them.
func parameters(t *testing.T, rooms ...string) []string {
	t.Helper()
	asked := regexp.MustCompile(`\.(?:Get|Has|get|has|all|FormValue|PathValue)\("([\w$.-]{1,40})"`)
	names := map[string]bool{}
	for _, room := range rooms {
		err := filepath.WalkDir(filepath.Join("..", room), func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			for _, found := range asked.FindAllSubmatch(text, -1) {
				names[string(found[1])] = true
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// TestBytesThatAreNoText: whatever a stranger or a person sends that no database holds is
// refused, and is no fault of the instance: in each parameter of an address or a form, in
// each part of a path, in headers, in cookies and in JSON.
func TestBytesThatAreNoText(t *testing.T) {
	t.Parallel()
	log := testkit.NewLog(t)
	in := tandemtest.Start(t, tandemtest.Options{
		Engine: sqldb.PostgreSQL, Demo: true, Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelError})),
		Mail: platform.MailConfig{URL: "smtp://127.0.0.1:1", From: "erp@acme.example"}, ClientFailures: 1 << 20,
	})
	anna := in.Browser()
	anna.Authorize("anna", tandemtest.Password)
	access := in.SignIn("anna", "openid", "profile", "read", "update").Access
	service := in.ServiceToken()
	own := map[string][]string{} // by where the room is
	for place, rooms := range map[string][]string{"/id": {"identity", "oauth"}, "/profile": {"profile", "site", "identity/signin"}, "/": {"api", "platform"}} {
		if own[place] = parameters(t, rooms...); len(own[place]) < 3 {
			t.Fatalf("%v ask for %v alone", rooms, own[place])
		}
	}
	placeOf := func(path string) string {
		for _, place := range []string{"/id", "/profile"} {
			if strings.HasPrefix(path, place) {
				return place
			}
		}
		return "/"
	}
	names := slices.Clone(own["/id"])
	for _, more := range own {
		names = append(names, more...)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	sent := 0
	send := func(method, address string, header http.Header, body string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, in.URL+address, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		maps.Copy(req.Header, header)
		res, err := anna.Client.Do(req)
		if err != nil {
			t.Fatalf("%s %s: %v", method, address, err)
		}
		defer res.Body.Close()
		text, _ := io.ReadAll(res.Body)
		if sent++; res.StatusCode >= 500 {
			t.Errorf("%s %s %v %.200q: %d %.99s", method, address, header, body, res.StatusCode, text)
		}
	}
	form := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	bearer := func(token string) http.Header {
		return http.Header{"Authorization": {"Bearer " + token}, "Content-Type": {"application/json"}}
	}
	good := url.Values{
		"client_id": {tandemtest.Portal}, "redirect_uri": {tandemtest.RedirectURI}, "response_type": {"code"}, "scope": {"openid"}, "state": {"s"},
		"code_challenge": {oauth.Challenge(strings.Repeat("v", 43))}, "code_challenge_method": {"S256"}, "post_logout_redirect_uri": {tandemtest.PostLogoutRedirectURI},
		"client_secret": {in.UserSecret}, "token": {"x"}, "code": {"x"}, "refresh_token": {"x"}, "login": {"anna"}, "password": {"x"}, "user_code": {"BCDF-GHJK"},
	}
	pages := []string{
		"/", "/api", "/api/", "/api/domain/odata/", "/api/domain/odata/$metadata", "/id", "/id/", "/id/account/consent", "/id/account/forgot",
		"/id/account/outside/callback/x", "/id/account/outside/start", "/id/account/reset", oauth.PathAuthorize + "/resume", "/id/account/second-factor", "/id/account/signin", "/id/account/signout",
		oauth.PathAuthorize, oauth.PathDevice, oauth.PathEndSession, oauth.PathUserinfo, "/profile", "/profile/", "/profile/activity", "/profile/apps", "/profile/me",
		"/profile/me/picture/64", "/profile/resume", "/profile/security/links", "/profile/security/password", "/profile/security/second-factor", "/profile/security/sessions", "/profile/security/tokens", "/sys/auto-discovery", "/tools/auto-discovery",
		"/tools/server-info", "/readyz",
	}
	forms := []string{
		"/id/account/consent", "/id/account/enrolment", "/id/account/forgot", "/id/account/passkey", "/id/account/reset", "/id/account/second-factor", "/id/account/signin",
		"/id/account/signout", oauth.PathAuthorize, oauth.PathDevice, oauth.PathDeviceAuthorization, oauth.PathEndSession, oauth.PathIntrospection, oauth.PathPushed, oauth.PathRevocation, oauth.PathToken,
		oauth.PathUserinfo, "/profile/apps/withdraw", "/profile/language", "/profile/security/links/end", "/profile/security/links/prove", "/profile/security/second-factor", "/profile/picture", "/profile/security/password",
		"/profile/security/sessions/end", "/profile/security/sessions/end-others", "/profile/security/sessions/not-me", "/profile/security/tokens", "/profile/security/tokens/revoke",
		"/profile/security/tokens/roll",
	}
	for _, path := range pages {
		if page := anna.Get(in.URL + path); page.StatusCode == http.StatusNotFound && path != "/profile/resume" {
			t.Errorf("there is no page %s", path)
		}
	}
	for _, bad := range noText {
		for _, name := range names {
			others := maps.Clone(good)
			others.Del(name)
			query := url.QueryEscape(name) + "=" + bad
			if value := good.Get(name); value != "" {
				query = url.QueryEscape(name) + "=" + url.QueryEscape(value) + bad
			}
			takes := func(path string) bool { return slices.Contains(own[placeOf(path)], name) }
			for _, path := range pages {
				if takes(path) {
					send("GET", path+"?"+query, nil, "")
				}
			}
			send("GET", oauth.PathAuthorize+"?"+others.Encode()+"&"+query, nil, "")
			for _, path := range forms {
				if !takes(path) {
					continue
				}
				send("POST", path, form, others.Encode()+"&"+query)
			}
			for _, grant := range []string{oauth.GrantAuthorizationCode, oauth.GrantRefreshToken, oauth.GrantClientCredentials, oauth.GrantDeviceCode} {
				send("POST", oauth.PathToken, form, others.Encode()+"&grant_type="+url.QueryEscape(grant)+"&"+query)
			}
		}
		raw, err := url.PathUnescape(bad)
		if err != nil {
			t.Fatal(err)
		}
		odd := http.Header{}
		for _, name := range []string{"User-Agent", "Accept", "Accept-Language", "Origin", "Referer", "X-Request-Id", "X-Forwarded-For", "X-Api-Key", "Api-Key", "If-Match", "If-None-Match",
			"TransactionId", "Idempotency-Key", "Prefer", "DPoP", "Cookie", "Authorization", "Sec-Fetch-Site"} {
			if raw == "\x00" {
				break // see below
			}
			odd.Set(name, "x"+raw)
		}
		for _, path := range pages {
			send("GET", path+bad, nil, "")
			send("GET", path+"/"+bad, nil, "")
			for name, value := range odd {
				send("GET", path, http.Header{name: value}, "")
			}
		}
		for _, path := range forms {
			for name, value := range odd {
				h := maps.Clone(form)
				h[name] = value
				send("POST", path, h, good.Encode())
			}
		}
		basic := base64.StdEncoding.EncodeToString([]byte("x" + raw + ":" + raw))
		for _, assertion := range []string{"." + base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"\u0000","iss":"\u0000","jti":"\u0000"}`)) + ".AAAA", raw} {
			header := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"ES256","kid":"\u0000` + raw + `"}`))
			for _, path := range []string{oauth.PathToken, oauth.PathPushed, oauth.PathRevocation, oauth.PathIntrospection} {
				send("POST", path, http.Header{"Content-Type": form["Content-Type"], "Authorization": {"Basic " + basic}}, "grant_type=client_credentials&token=x")
				send("POST", path, form, url.Values{"grant_type": {"client_credentials"}, "client_assertion": {header + assertion},
					"client_assertion_type": {oauth.AssertionTypeJWT}, "token": {header + assertion}}.Encode())
				proof := strings.ReplaceAll(header+assertion, "\x00", "") // net/http sends no such header, and takes none
				send("POST", path, http.Header{"Content-Type": form["Content-Type"], "Dpop": {proof}}, "grant_type=client_credentials&token="+url.QueryEscape(header+assertion))
			}
			send("GET", oauth.PathEndSession+"?id_token_hint="+url.QueryEscape(header+assertion), nil, "")
		}
		// The API, by both halves.
		const set = "/api/domain/odata/General_Products_ProductGroups"
		for _, header := range []http.Header{bearer(access), bearer(service)} {
			for _, query := range []string{
				"$filter=Code%20eq%20'{}'", "$filter=contains(Code,'{}')", "$filter=startswith(Name,'{}')", "$filter=Id%20eq%20{}", "$filter=Code%20in%20('{}','a')", "$filter={}", "$search={}", "$search=\"{}\"",
				"$orderby=Code{}", "$select={}", "$expand={}", "$expand=Parent($filter=Code%20eq%20'{}')", "$top={}", "$skip={}", "$count={}", "$apply=groupby((Code{}))", "$apply=filter(Code%20eq%20'{}')/aggregate($count%20as%20n)",
				"$skiptoken={}", "$format={}", "options={}", "culture={}", "{}=1", "@p='{}'", "$compute={}%20as%20x",
			} {
				send("GET", set+"?"+strings.ReplaceAll(query, "{}", bad), header, "")
			}
			for _, path := range []string{"({})", "('{}')", "/{}", "{}", "(Code='{}')", "/$count{}", "(1f0c3d3e-0000-4000-8000-00000000000{})", "(1f0c3d3e-0000-4000-8000-000000000000)/{}", "/Import{}"} {
				for _, method := range []string{"GET", "POST", "PATCH", "DELETE"} {
					send(method, set+strings.ReplaceAll(path, "{}", bad), header, `{"Code":"a"}`)
				}
			}
			for _, value := range []string{`"\u0000"`, `"a\u0000b"`, "\"" + raw + "\"", `"\ud800"`, `{"EN":"\u0000"}`, `{"\u0000":"a"}`, "{\"EN\":\"" + raw + "\"}"} {
				for _, name := range []string{"Code", "Name", "Id", "Notes", `\u0000`, "Parent@odata.bind", "@odata.type", "Parent"} {
					send("POST", set, header, `{"Code":"Q","Name":{"EN":"q"},"`+name+`":`+value+`}`)
					send("POST", set+"/Import", header, `{"rows":[{"`+name+`":`+value+`}],"find":["`+name+`"],"items":[{"`+name+`":`+value+`}]}`)
				}
				send("POST", "/api/domain/odata/$batch", header, `{"requests":[{"id":`+value+`,"method":"GET","url":"General_Products_ProductGroups"},{"id":"2","method":"GET","url":`+value+`}]}`)
			}
			for _, name := range slices.Sorted(maps.Keys(odd)) {
				if name == "Authorization" || name == "Api-Key" || name == "X-Api-Key" {
					continue
				}
				h := maps.Clone(header)
				h[name] = odd[name]
				send("GET", set+"?$top=1", h, "")
				send("POST", set, h, `{"Code":"H","Name":{"EN":"h"}}`)
			}
		}
	}
	if text := log.String(); text != "" {
		t.Errorf("on the log: %.2000s", text)
	}
	t.Log(sent, "requests")
}
