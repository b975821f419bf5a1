package platform_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/platform"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/tandemtest"
)

// What an operator sets by name is within bounds, and each name sets something of its own.
func TestLimitsHaveNamesAndBounds(t *testing.T) {
	t.Parallel()
	seen := []platform.InstanceConfig{{}}
	set := func(name string, err error, c platform.InstanceConfig) {
		t.Helper()
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, other := range seen {
			if reflect.DeepEqual(other, c) {
				t.Errorf("%s sets nothing, or what another name sets", name)
			}
		}
		seen = append(seen, c)
	}
	for name, d := range map[string]time.Duration{
		"code": time.Minute, "access": time.Minute, "id": time.Minute, "refresh": time.Hour, "refresh-public": time.Hour, "device": time.Minute, "pushed": time.Minute,
		"sign-in": time.Hour, "sign-in-kept": time.Hour, "session": time.Minute, "service-session": time.Hour, "key": 24 * time.Hour,
	} {
		var c platform.InstanceConfig
		set(name, c.SetLifetime(name, d), c)
		for _, wrong := range []time.Duration{time.Second, 400 * 24 * time.Hour} {
			if err := c.SetLifetime(name, wrong); err == nil || !strings.Contains(err.Error(), "use ") {
				t.Errorf("%s of %s: %v", name, wrong, err)
			}
		}
	}
	// What is renewed is ended by its sign-in, which is kept for thirty days after its end.
	for _, name := range []string{"refresh", "refresh-public"} {
		var c platform.InstanceConfig
		must(t, c.SetLifetime(name, 30*24*time.Hour))
		if err := c.SetLifetime(name, 31*24*time.Hour); err == nil || !strings.Contains(err.Error(), "use 1h0m0s to 720h0m0s") {
			t.Errorf("%s outlives the sign-in that it came from: %v", name, err)
		}
	}
	for name, n := range map[string]int{"sign-in": 5, "account": 20, "address": 20, "client": 20} {
		var c platform.InstanceConfig
		set(name, c.SetThrottle(name, n), c)
		for _, wrong := range []int{-1, 0, 1_000_000} {
			if err := c.SetThrottle(name, wrong); err == nil || !strings.Contains(err.Error(), "use ") {
				t.Errorf("%s of %d: %v", name, wrong, err)
			}
		}
	}
	var c platform.InstanceConfig
	if err := c.SetLifetime("token", time.Hour); err == nil || !strings.Contains(err.Error(), "access, id, refresh") {
		t.Error(err)
	}
	if err := c.SetThrottle("anna", 5); err == nil || !strings.Contains(err.Error(), "sign-in, account") {
		t.Error(err)
	}
}

// An instance keeps to what was set, and tells it.
func TestLimitsAreKept(t *testing.T) {
	t.Parallel()
	var c platform.InstanceConfig
	for name, d := range map[string]time.Duration{"access": 20 * time.Minute, "device": 2 * time.Minute, "pushed": 30 * time.Second, "sign-in": time.Hour, "sign-in-kept": 3 * time.Hour} {
		must(t, c.SetLifetime(name, d))
	}
	must(t, c.SetThrottle("sign-in", 3))
	must(t, c.SetThrottle("client", 10))
	each(t, func(t *testing.T, engine sqldb.Engine) {
		in := tandemtest.Start(t, tandemtest.Options{Engine: engine, Log: quiet, Lifetimes: c.Lifetimes, Throttling: c.Throttling, ClientFailures: c.ClientFailures})
		post := func(path string, form url.Values) (status int, told struct {
			ExpiresIn int `json:"expires_in"`
		}) {
			t.Helper()
			res, err := http.PostForm(in.URL+path, form)
			must(t, err)
			defer res.Body.Close()
			must(t, json.NewDecoder(res.Body).Decode(&told))
			return res.StatusCode, told
		}
		asUser := url.Values{"client_id": {tandemtest.Portal}, "client_secret": {in.UserSecret}, "response_type": {"code"}, "scope": {"openid"}, "redirect_uri": {tandemtest.RedirectURI}}
		if _, told := post(oauth.PathPushed, asUser); told.ExpiresIn != 30 {
			t.Errorf("a pushed request waits for %d s", told.ExpiresIn)
		}
		asService := url.Values{"client_id": {tandemtest.Portal}, "client_secret": {in.ServiceSecret}, "grant_type": {"client_credentials"}}
		if _, told := post(oauth.PathToken, asService); told.ExpiresIn != 20*60 {
			t.Errorf("an access token lives for %d s", told.ExpiresIn)
		}
		signedIn := func(b *tandemtest.Browser) bool {
			return !strings.Contains(b.Get(in.URL+"/profile/").Text, `name="password"`)
		}
		b := in.Browser()
		b.SignIn(in.URL+"/profile/", "anna", tandemtest.Password)
		in.Advance(50 * time.Minute)
		if !signedIn(b) {
			t.Error("a sign-in that was used within the hour has ended")
		}
		in.Advance(70 * time.Minute)
		if signedIn(b) {
			t.Error("a sign-in that idled for an hour lives")
		}
		other, last := in.Browser(), 0
		page := other.Get(in.URL + "/id/account/signin")
		for range 4 {
			last = other.Submit(page, url.Values{"login": {"anna"}, "password": {"wrong"}}).StatusCode
		}
		if last != http.StatusTooManyRequests {
			t.Errorf("the fourth wrong password: %d", last)
		}
		asService.Set("client_secret", "wrong")
		for range 11 {
			last, _ = post(oauth.PathToken, asService)
		}
		if last != http.StatusTooManyRequests {
			t.Errorf("the eleventh wrong secret: %d", last)
		}
	})
}
