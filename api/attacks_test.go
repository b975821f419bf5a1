package api_test

import (
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/tandemtest"
)

// bare calls the domain API with headers and nothing else.
func bare(t *testing.T, in *tandemtest.Instance, method, path string, header ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, in.OData+path, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Add(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(body)
}

// No door of the domain API opens for what is no access token of its own: an
// external user's, an ID token, a refresh token, a forged or another instance's
// one, or identity headers alone. Nothing of it opens a session (A7, B15, D24,
// I5).
func TestA7_B15_D24_I5_WhatOpensNothing(t *testing.T) {
	t.Parallel()
	in, other := tandemtest.Start(t, tandemtest.Options{}), tandemtest.Start(t, tandemtest.Options{OwnKeys: true})
	anna, paul, service := in.SignIn("anna"), in.SignIn("paul"), in.ServiceToken()
	part := strings.Split(anna.Access, ".")
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"at+jwt"}`)) + "." + part[1] + "."
	bearer := func(token string) []string { return []string{"Authorization", "Bearer " + token} }
	doors := []struct{ method, path string }{
		{"GET", ""}, {"GET", "General_Products_Products"}, {"GET", "General_Products_Products/$count"}, {"GET", "GetLicenceUsage"},
		{"GET", "Systems_Monitoring_CurrentSessions"}, {"POST", "General_Products_Products"}, {"POST", "Import"},
		{"PATCH", "General_Products_Products(0123abcd-4567-89ab-cdef-0123456789ab)"}, {"DELETE", "General_Products_Products(0123abcd-4567-89ab-cdef-0123456789ab)"},
	}
	for name, header := range map[string][]string{
		"nothing":                   nil,
		"external user":             bearer(paul.Access),
		"ID token":                  bearer(anna.ID),
		"external user's ID token":  bearer(paul.ID),
		"refresh token":             bearer(anna.Refresh),
		"unsigned":                  bearer(none),
		"signature of another":      bearer(part[0] + "." + part[1] + "." + strings.Split(service, ".")[2]),
		"claims of another":         bearer(part[0] + "." + strings.Split(service, ".")[1] + "." + part[2]),
		"another instance, user":    bearer(other.SignIn("anna").Access),
		"another instance, service": bearer(other.ServiceToken()),
		"the secret":                bearer(in.ServiceSecret),
		"Basic with the secret":     {"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte(tandemtest.Portal+":"+in.ServiceSecret))},
		"Basic of a person":         {"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte("admin:"+tandemtest.Password))},
		"a cookie":                  {"Cookie", "access_token=" + anna.Access + "; tandem_identity=" + anna.Access},
		"identity headers": {"X-User", "admin", "X-Forwarded-User", "admin", "X-User-Id", "1", "X-Remote-User", "admin", "Remote-User", "admin",
			"X-Forwarded-Email", "admin@example.com", "Tandem-On-Behalf-Of", "admin", "X-Api-Key", "admin", "X-Original-URL", "/", "Tandem-Session", "1"},
		"token in another header": {"X-Access-Token", anna.Access},
	} {
		for _, door := range doors {
			res, body := bare(t, in, door.method, door.path, header...)
			if res.StatusCode != http.StatusUnauthorized && res.StatusCode != http.StatusForbidden && res.StatusCode != http.StatusBadRequest {
				t.Errorf("%s at %s %s: %d %s", name, door.method, door.path, res.StatusCode, body)
			}
			if res.StatusCode == http.StatusUnauthorized && !strings.HasPrefix(res.Header.Get("WWW-Authenticate"), "Bearer") {
				t.Errorf("%s at %s: 401 without a challenge", name, door.path)
			}
			if res.Header.Get("Tandem-Session") != "" || res.Header.Get("Tandem-Slot") != "" {
				t.Errorf("%s at %s: a session", name, door.path)
			}
			for _, secret := range []string{anna.Access[:40], paul.Access[:40], in.ServiceSecret} {
				if strings.Contains(body, secret) {
					t.Errorf("%s at %s: the answer repeats a secret", name, door.path)
				}
			}
		}
	}
	// In the URL a token counts for nothing: URLs end in logs.
	for _, q := range []string{"?access_token=", "?$filter=true&access_token=", "?token="} {
		if res, _ := bare(t, in, "GET", "General_Products_Products"+q+url.QueryEscape(anna.Access)); res.StatusCode < 400 {
			t.Errorf("a token in the URL: %d", res.StatusCode)
		}
	}
	if sessions := in.Sessions(true); len(sessions) != 0 {
		t.Errorf("sessions were opened: %+v", sessions)
	}
	// The same doors open for those who may.
	for name, token := range map[string]string{"user": anna.Access, "service": service} {
		if status, body := in.API("GET", "General_Products_Products", token, ""); status != http.StatusOK {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
	if n := len(in.Sessions(false)); n != 2 {
		t.Errorf("%d sessions for two callers", n)
	}
}

// A token does what its scope says: without update nothing is written, and the
// answer names the scope that was needed (I4, I10).
func TestI4_I10_ScopeIsEnforcedAtEveryDoor(t *testing.T) {
	t.Parallel()
	in := tandemtest.Start(t, tandemtest.Options{})
	for name, token := range map[string]string{"user": in.SignIn("anna", "openid", "read").Access, "service": in.ServiceToken("read")} {
		for _, door := range []struct{ method, path string }{
			{"POST", "General_Products_Products"}, {"PATCH", "General_Products_Products(0123abcd-4567-89ab-cdef-0123456789ab)"},
			{"PUT", "General_Products_Products(0123abcd-4567-89ab-cdef-0123456789ab)"}, {"DELETE", "General_Products_Products(0123abcd-4567-89ab-cdef-0123456789ab)"},
			{"POST", "Import"},
		} {
			for _, override := range [][]string{nil, {"X-HTTP-Method-Override", "GET"}, {"X-HTTP-Method", "GET"}, {"X-Method-Override", "GET"}} {
				res, body := bare(t, in, door.method, door.path, append([]string{"Authorization", "Bearer " + token}, override...)...)
				if res.StatusCode != http.StatusForbidden || !strings.Contains(res.Header.Get("WWW-Authenticate")+body, "update") {
					t.Errorf("%s, %s %s %v: %d %q %s", name, door.method, door.path, override, res.StatusCode, res.Header.Get("WWW-Authenticate"), body)
				}
			}
		}
		// And the other way round: a GET that pretends to write is a GET.
		if res, _ := bare(t, in, "GET", "General_Products_Products", "Authorization", "Bearer "+token, "X-HTTP-Method-Override", "DELETE"); res.StatusCode != http.StatusOK {
			t.Errorf("%s: GET is refused: %d", name, res.StatusCode)
		}
	}
	// Nobody gets past without read either, and a person who is no
	// administrator does not see who works.
	if status, _ := in.API("GET", "General_Products_Products", in.SignIn("anna", "openid", "profile").Access, ""); status != http.StatusUnauthorized {
		t.Errorf("without read, and so without the API's audience: %d", status)
	}
	if status, body := in.API("GET", "Systems_Monitoring_CurrentSessions", in.SignIn("anna").Access, ""); status != http.StatusForbidden {
		t.Errorf("sessions for everybody: %d %s", status, body)
	}
	if status, body := in.API("GET", "Systems_Monitoring_CurrentSessions", in.ServiceToken(), ""); status != http.StatusForbidden {
		t.Errorf("sessions for a service: %d %s", status, body)
	}
}

// The warm cache of verified tokens forgets with the switches: what is turned
// off stays off on every replica, and a cached token ends at its time (A9,
// A11).
func TestA9_A11_WarmTokensDie(t *testing.T) {
	t.Parallel()
	in := tandemtest.Start(t, tandemtest.Options{})
	second := in.Replica(t)
	anna, service := in.SignIn("anna").Access, in.ServiceToken()
	check := func(when, token string, want int) {
		t.Helper()
		for i, replica := range []*tandemtest.Instance{in, second} {
			if status, body := replica.API("GET", "GetLicenceUsage", token, ""); status != want {
				t.Errorf("%s, replica %d: %d, want %d: %s", when, i, status, want, body)
			}
		}
	}
	for range 2 {
		check("warm", anna, http.StatusOK)
		check("warm", service, http.StatusOK)
	}
	// One byte more or less is another token, warm cache or not.
	for _, altered := range []string{anna + "x", anna[:len(anna)-1], strings.ToUpper(anna), " " + anna + "."} {
		check("altered", altered, http.StatusUnauthorized)
	}
	in.UpdateApp(tandemtest.Portal, func(a *tandem.TrustedApp) { a.SystemUserAllowed = false })
	check("no System User", service, http.StatusUnauthorized)
	check("the person's", anna, http.StatusOK)
	in.UpdateApp(tandemtest.Portal, func(a *tandem.TrustedApp) { a.SystemUserAllowed = true })
	check("allowed again", service, http.StatusOK)
	in.UpdateApp(tandemtest.Portal, func(a *tandem.TrustedApp) { a.Enabled = false })
	check("disabled", service, http.StatusUnauthorized)
	check("disabled", anna, http.StatusUnauthorized)
	in.UpdateApp(tandemtest.Portal, func(a *tandem.TrustedApp) { a.Enabled = true })
	check("enabled", anna, http.StatusOK)
	in.Advance(time.Hour + 10*time.Second)
	check("after its hour", anna, http.StatusUnauthorized)
	check("after its hour", service, http.StatusUnauthorized)
}
