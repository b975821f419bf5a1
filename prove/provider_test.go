package prove_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/prove"
)

// small is a small provider with one registration that has both flows and one secret,
// as many have, and with pages of a shape that is asked for.
type small struct {
	*httptest.Server
	t *testing.T
	// pages are what stands between the request and the code: each writes its page, and
	// says whether what was posted lets the browser go on.
	pages []shape
	// anywhere sends codes to addresses that are not registered.
	anywhere bool

	mu    sync.Mutex
	at    map[string]int // how far the browser of a request is
	codes map[string]string
	n     int
	asked int
}

// shape is a page of a sign-in.
type shape struct {
	// body is the page, with %s in the place of where it is sent.
	body string
	// want are the values that must be posted, and not those that must not.
	want map[string]string
	not  []string
}

const (
	smallSecret   = "the one secret of the registration"
	smallPassword = "a long password of anna"
	smallRedirect = "http://127.0.0.1:9/cb"
)

func newSmall(t *testing.T, pages ...shape) *small {
	t.Helper()
	s := &small{t: t, pages: pages, at: map[string]int{}, codes: map[string]string{}}
	mux := http.NewServeMux()
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.asked++
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		write(w, map[string]any{
			"issuer": s.URL, "authorization_endpoint": s.URL + "/authorize", "token_endpoint": s.URL + "/token",
			"scopes_supported": []string{"openid", "offline_access", "profile"},
		})
	})
	mux.HandleFunc("GET /authorize", s.authorize)
	mux.HandleFunc("/page/{request}", s.page)
	mux.HandleFunc("POST /token", s.token)
	return s
}

func write(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(v)
}

// authorize begins, or answers at once who is signed in.
func (s *small) authorize(w http.ResponseWriter, r *http.Request) {
	if !s.anywhere && r.FormValue("redirect_uri") != smallRedirect {
		http.Error(w, "this address is not registered", http.StatusBadRequest)
		return
	}
	request := base64.RawURLEncoding.EncodeToString([]byte(r.URL.RawQuery))
	if _, err := r.Cookie("sso"); err == nil || len(s.pages) == 0 {
		s.back(w, r, request)
		return
	}
	http.SetCookie(w, &http.Cookie{Name: "begun", Value: "1", Path: "/", Secure: true, HttpOnly: true}) // as Keycloak does, on plain loopback
	http.Redirect(w, r, "/page/"+request, http.StatusFound)
}

func (s *small) page(w http.ResponseWriter, r *http.Request) {
	request := r.PathValue("request")
	if _, err := r.Cookie("begun"); err != nil {
		http.Error(w, "no cookie", http.StatusBadRequest)
		return
	}
	shown := s.pages[s.at[request]]
	problem := ""
	if r.Method == http.MethodPost {
		if problem = shown.refuses(r); problem == "" {
			s.at[request]++
			if s.at[request] == len(s.pages) {
				http.SetCookie(w, &http.Cookie{Name: "sso", Value: "1", Path: "/"})
				s.back(w, r, request)
				return
			}
			http.Redirect(w, r, "/page/"+request, http.StatusSeeOther)
			return
		}
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	body := strings.ReplaceAll(shown.body, "ACTION", "/page/"+request)
	fmt.Fprint(w, strings.ReplaceAll(body, "PROBLEM", problem))
}

// refuses says what is wrong with what was posted.
func (p *shape) refuses(r *http.Request) string {
	if err := r.ParseForm(); err != nil {
		return "unreadable"
	}
	for name, want := range p.want {
		if got, ok := r.PostForm[name]; !ok || got[0] != want {
			return "wrong " + name
		}
	}
	for _, name := range p.not {
		if r.PostForm.Has(name) {
			return "there is " + name
		}
	}
	return ""
}

func (s *small) back(w http.ResponseWriter, r *http.Request, request string) {
	query, err := base64.RawURLEncoding.DecodeString(request)
	if err != nil {
		s.t.Error(err)
	}
	q, err := url.ParseQuery(string(query))
	if err != nil {
		s.t.Error(err)
	}
	s.n++
	code := fmt.Sprintf("code-number-%d", s.n)
	s.codes[code] = q.Get("nonce")
	http.Redirect(w, r, q.Get("redirect_uri")+"?"+url.Values{"code": {code}, "state": {q.Get("state")}}.Encode(), http.StatusSeeOther)
}

func jwt(claims map[string]any) string {
	text, _ := json.Marshal(claims)
	return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + base64.RawURLEncoding.EncodeToString(text) + ".c2lnbmF0dXJl"
}

func (s *small) token(w http.ResponseWriter, r *http.Request) {
	_, secret, _ := r.BasicAuth()
	if secret, _ = url.QueryUnescape(secret); secret != smallSecret {
		w.WriteHeader(http.StatusUnauthorized)
		write(w, map[string]string{"error": "invalid_client"})
		return
	}
	s.n++
	t := map[string]any{"token_type": "Bearer", "expires_in": 60}
	switch r.FormValue("grant_type") {
	case "client_credentials":
		t["access_token"] = jwt(map[string]any{"sub": "app", "jti": s.n, "client_id": "app"})
	case "authorization_code":
		nonce, ok := s.codes[r.FormValue("code")]
		if !ok {
			w.WriteHeader(http.StatusBadRequest)
			write(w, map[string]string{"error": "invalid_grant"})
			return
		}
		t["id_token"] = jwt(map[string]any{"sub": "anna", "nonce": nonce})
		fallthrough
	default:
		t["access_token"], t["refresh_token"] = jwt(map[string]any{"sub": "anna", "jti": s.n}), fmt.Sprintf("refresh-token-number-%d", s.n)
	}
	write(w, t)
}

// config proves the small provider, as fast as it goes.
func (s *small) config(only ...string) prove.Config {
	return prove.Config{
		Issuer: s.URL, Application: "app", UserSecret: smallSecret, ServiceSecret: smallSecret, RedirectURI: smallRedirect,
		Person: prove.Person{Login: "anna", Password: smallPassword}, Only: only, Pace: time.Millisecond, Challenge: "a test",
	}
}

// rows are the verdicts of a run.
func rows(t *testing.T, c prove.Config) (*prove.Report, map[string]prove.Row) {
	t.Helper()
	report, err := prove.Run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]prove.Row{}
	for _, row := range report.Rows {
		all[row.ID] = row
	}
	return report, all
}

// TestOneSecretFails: a registration with one secret for both flows keeps nothing
// apart, what cannot be tried is not tested, and no secret is told.
func TestOneSecretFails(t *testing.T) {
	t.Parallel()
	s := newSmall(t)
	s.anywhere = true
	report, got := rows(t, s.config())
	for id, want := range map[string]prove.Verdict{
		"I1": prove.Fails, "I2": prove.Fails, "I3": prove.Fails, "I4": prove.Holds, "I5": prove.NotTested, "I8": prove.NotTested,
		"I9": prove.Fails, "I11": prove.NotTested, "I12": prove.NotTested, "I13": prove.Fails, "I14": prove.NotTested,
	} {
		if row := got[id]; row.Verdict != want || want != prove.Holds && row.Why.String() == "" {
			t.Errorf("%s %s: %s", id, row.Verdict, row.Why)
		}
	}
	if report.Requests != s.asked {
		t.Errorf("%d requests are told, and %d were made", report.Requests, s.asked)
	}
	text, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	if testkit.HasToken(string(text)) {
		t.Errorf("the report has a token: %s", text)
	}
	for _, secret := range []string{smallSecret, smallPassword, "code-number-", "refresh-token-number-"} {
		if strings.Contains(string(text), secret) {
			t.Errorf("the report has %q", secret)
		}
	}
}

// TestWhatIsLeakedIsFound: a provider that writes the code into a header is told so.
func TestWhatIsLeakedIsFound(t *testing.T) {
	t.Parallel()
	s := newSmall(t)
	inner := s.Config.Handler
	s.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/token" {
			body, _ := io.ReadAll(r.Body)
			r.Body = io.NopCloser(strings.NewReader(string(body)))
			form, _ := url.ParseQuery(string(body))
			w.Header().Set("X-Debug", form.Get("code"))
		}
		inner.ServeHTTP(w, r)
	})
	_, got := rows(t, s.config("I1", "I13"))
	if row := got["I13"]; row.Verdict != prove.Fails || !strings.Contains(row.Why.String(), "header X-Debug") || strings.Contains(row.Why.String(), "code-number-") {
		t.Errorf("%s: %s", row.Verdict, row.Why)
	}
}

// TestWhatIsNotAskedForIsToldAsSuch: a run of one invariant is no proof of the others, and
// what is signed of it says so.
func TestWhatIsNotAskedForIsToldAsSuch(t *testing.T) {
	t.Parallel()
	report, got := rows(t, newSmall(t).config("I4"))
	if got["I4"].Verdict != prove.Holds {
		t.Fatalf("%s: %s", got["I4"].Verdict, got["I4"].Why)
	}
	for _, row := range report.Rows {
		if row.ID != "I4" && (row.Verdict != prove.NotTested || row.Why.String() != "not asked for") {
			t.Errorf("%s %s: %s", row.ID, row.Verdict, row.Why)
		}
	}
	s, err := prove.StatementOf(report)
	if err != nil || len(report.Rows) != prove.Invariants() || s.Predicate.Result != "WARNED" || len(s.Predicate.WarnedTests) != 13 {
		t.Errorf("%d rows, %s, %v: %v", len(report.Rows), s.Predicate.Result, s.Predicate.WarnedTests, err)
	}
}

// TestAWrongUserCredentialShowsNothing: that it is refused everywhere proves nothing of
// the two halves.
func TestAWrongUserCredentialShowsNothing(t *testing.T) {
	t.Parallel()
	c := newSmall(t).config()
	c.UserSecret = "mistyped"
	report, _ := rows(t, c)
	for _, row := range report.Rows {
		for _, p := range row.Probes {
			if p.Verdict == prove.Holds && row.ID != "I3" && p.Core {
				t.Errorf("%s %s holds: %s", row.ID, p.Name, p.Answered)
			}
		}
		if row.Verdict == prove.Holds {
			t.Errorf("%s holds", row.ID)
		}
	}
}

// TestSilenceIsNoRefusal: what gave no answer was not tested.
func TestSilenceIsNoRefusal(t *testing.T) {
	t.Parallel()
	s := newSmall(t)
	inner := s.Config.Handler
	broken := false
	s.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/token" {
			if broken {
				w.WriteHeader(http.StatusBadGateway)
				return
			}
			broken = true // after the person has signed in
		}
		inner.ServeHTTP(w, r)
	})
	_, got := rows(t, s.config("I1"))
	if row := got["I1"]; row.Verdict != prove.NotTested || !strings.Contains(row.Why.String(), "502") {
		t.Errorf("%s: %s", row.Verdict, row.Why)
	}
}

// TestARunIsBounded: a provider that never lets the browser go costs no more than a
// run may.
func TestARunIsBounded(t *testing.T) {
	t.Parallel()
	s := newSmall(t)
	n := 0
	inner := s.Config.Handler
	s.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n++; r.URL.Path != "/.well-known/openid-configuration" {
			http.Redirect(w, r, "/again", http.StatusFound)
			return
		}
		inner.ServeHTTP(w, r)
	})
	report, got := rows(t, s.config())
	if n > prove.MaxRequests || report.Requests != n {
		t.Errorf("%d requests, %d told", n, report.Requests)
	}
	if row := got["I1"]; row.Verdict != prove.NotTested || !strings.Contains(row.Why.String(), "circle") {
		t.Errorf("%s: %s", row.Verdict, row.Why)
	}
}
