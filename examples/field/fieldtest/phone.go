package fieldtest

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/hybridapps/tandem/examples/field/wire"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/oauth/dpop"
	"github.com/hybridapps/tandem/tandemtest"
)

// Phone is a signed-in person with a key and tokens that are bound to it.
type Phone struct {
	place *Place
	t     testing.TB
	// Login is whose it is, Device which.
	Login, Device string
	// Tokens are those for the cloud.
	Tokens tandemtest.Tokens
	// Key is the phone's.
	Key *dpop.Key
	seq int64
}

// Phone signs somebody in on a new phone. The password is [tandemtest.Password].
func (p *Place) Phone(login string) *Phone {
	p.T.Helper()
	key, err := dpop.NewKey()
	if err != nil {
		p.T.Fatal(err)
	}
	ph := &Phone{place: p, t: p.T, Login: login, Device: uuid.NewString(), Key: key}
	ph.SignIn()
	return ph
}

// Another is a second phone of the person, with the same tokens and key, which is cheaper
// than signing in.
func (ph *Phone) Another() *Phone {
	next := *ph
	next.Device, next.seq = uuid.NewString(), 0
	return &next
}

// SignIn signs the person in once more.
func (ph *Phone) SignIn() {
	ph.t.Helper()
	verifier, state := rand.Text()+rand.Text(), rand.Text()
	b := ph.place.Browser()
	page := b.SignIn(ph.place.URLOf(oauth.PathAuthorize)+"?"+url.Values{
		"client_id": {PhoneApp}, "redirect_uri": {Redirect}, "response_type": {"code"}, "scope": {"openid profile offline_access " + wire.Scope},
		"state": {state}, "nonce": {rand.Text()}, "code_challenge": {oauth.Challenge(verifier)}, "code_challenge_method": {"S256"},
		"resource": {ph.place.Resource()},
	}.Encode(), ph.Login, tandemtest.Password)
	if _, _, asked := page.Form(url.Values{"allow": nil}); asked {
		page = b.Submit(page, url.Values{"allow": {"1"}})
	}
	to, err := url.Parse(page.Header.Get("Location"))
	if err != nil || to.Query().Get("code") == "" {
		ph.t.Fatalf("%s was not signed in: %d %v %s", ph.Login, page.StatusCode, to, page.Text)
	}
	ph.redeem(url.Values{"grant_type": {"authorization_code"}, "code": {to.Query().Get("code")}, "redirect_uri": {Redirect}, "code_verifier": {verifier}})
}

// Renew gets new tokens with the refresh token.
func (ph *Phone) Renew() {
	ph.t.Helper()
	ph.redeem(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {ph.Tokens.Refresh}})
}

func (ph *Phone) redeem(form url.Values) {
	ph.t.Helper()
	form.Set("client_id", PhoneApp)
	form.Set("resource", ph.place.Resource())
	address := ph.place.URLOf(oauth.PathToken)
	req, err := http.NewRequestWithContext(ph.t.Context(), http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		ph.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("DPoP", ph.proof(dpop.Request{Method: http.MethodPost, URL: address}))
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		ph.t.Fatal(err)
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	if json.Unmarshal(body, &ph.Tokens) != nil || res.StatusCode != http.StatusOK {
		ph.t.Fatalf("the token endpoint answered %d: %s", res.StatusCode, body)
	}
}

func (ph *Phone) proof(r dpop.Request) string {
	proof, err := ph.Key.Proof(r, "", ph.place.Clock.Now())
	if err != nil {
		ph.t.Fatal(err)
	}
	return proof
}

// Answer is what the cloud answered.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
	// Answer is the body, where it is one.
	wire.Answer
}

// Request makes a request with token and proof; path is below /field-api/.
func (ph *Phone) Request(method, path string, body io.Reader) *http.Request {
	address := ph.place.Resource() + path
	req, err := http.NewRequestWithContext(ph.t.Context(), method, address, body)
	if err != nil {
		ph.t.Fatal(err)
	}
	before, _, _ := strings.Cut(address, "?")
	req.Header.Set("Authorization", "DPoP "+ph.Tokens.Access)
	req.Header.Set("DPoP", ph.proof(dpop.Request{Method: method, URL: before, AccessToken: ph.Tokens.Access}))
	return req
}

// Try makes a call that may be broken off.
func (ph *Phone) Try(method, path string, body any, headers ...string) (*Answer, error) {
	return ph.TryIn(ph.t.Context(), method, path, body, headers...)
}

// TryIn is Try with a context of its own.
func (ph *Phone) TryIn(ctx context.Context, method, path string, body any, headers ...string) (*Answer, error) {
	var content io.Reader
	switch b := body.(type) {
	case nil:
	case []byte:
		content = bytes.NewReader(b)
	default:
		text, err := json.Marshal(b)
		if err != nil {
			return nil, err
		}
		content = bytes.NewReader(text)
	}
	req := ph.Request(method, path, content).WithContext(ctx)
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	a := &Answer{Status: res.StatusCode, Header: res.Header}
	if a.Body, err = io.ReadAll(res.Body); err != nil {
		return nil, err
	}
	_ = json.Unmarshal(a.Body, &a.Answer)
	return a, nil
}

// Do makes a call that has to be answered.
func (ph *Phone) Do(method, path string, body any, headers ...string) *Answer {
	ph.t.Helper()
	a, err := ph.Try(method, path, body, headers...)
	if err != nil {
		ph.t.Fatalf("%s %s: %v", method, path, err)
	}
	if wrong := unexplained(a); wrong != "" {
		ph.t.Errorf("%s %s: %d %s: %s", method, path, a.Status, a.Body, wrong)
	}
	return a
}

// unexplained is what keeps an app from saying in words of its own why something was
// refused; empty where nothing does. Who is not let in hears it from OAuth.
func unexplained(a *Answer) string {
	text, known := wire.Reasons[a.Reason]
	switch {
	case a.Error == "" || a.Header.Get("WWW-Authenticate") != "" || !known && string(a.Reason) == a.Error: // or an upload's
		return ""
	case !known:
		return "the reason is not in wire.Reasons"
	}
	for name := range a.Args {
		if gap := "{" + name + "}"; !strings.Contains(text, gap) {
			return "the text has no " + gap
		}
	}
	if strings.Contains(a.Reason.Text(a.Args), "{") {
		return "an argument is missing"
	}
	return ""
}

// Get reads JSON and has to get it.
func (ph *Phone) Get(path string, into any) {
	ph.t.Helper()
	a := ph.Do("GET", path, nil)
	if a.Status != 200 {
		ph.t.Fatalf("GET %s: %d %s", path, a.Status, a.Body)
	}
	if err := json.Unmarshal(a.Body, into); err != nil {
		ph.t.Fatal(err)
	}
}

// Command makes the next command of the device.
func (ph *Phone) Command(visit, kind string, base int64, body any) wire.Command {
	ph.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		ph.t.Fatal(err)
	}
	ph.seq++
	return wire.Command{
		ID: uuid.Must(uuid.NewV7()).String(), Device: ph.Device, Seq: ph.seq, Schema: wire.Schema, Visit: visit, Type: kind, Base: base,
		At: ph.place.Clock.Now().UTC().Truncate(time.Second), Body: text,
	}
}

// Send sends a command.
func (ph *Phone) Send(c wire.Command) *Answer {
	ph.t.Helper()
	return ph.Do("POST", "commands", c, "Idempotency-Key", c.ID)
}

// Outcome asks what became of a command, as a phone does that waits for it: its token is
// renewed on the way.
func (ph *Phone) Outcome(id string) *Answer {
	ph.t.Helper()
	a := ph.Do("GET", "commands/"+id, nil)
	if a.Status == http.StatusUnauthorized {
		ph.Renew()
		a = ph.Do("GET", "commands/"+id, nil)
	}
	return a
}

// Reuse is a command with another type and body.
func (ph *Phone) Reuse(c wire.Command, kind string, body any) wire.Command {
	ph.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		ph.t.Fatal(err)
	}
	c.Type, c.Body = kind, text
	return c
}
