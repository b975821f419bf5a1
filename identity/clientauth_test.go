package identity_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/identity"
	"github.com/hybridapps/tandem/internal/keyalg"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/registry"
	"github.com/hybridapps/tandem/sqldb"
)

// tokenEndpoint is the URL that a client assertion may also be addressed to.
const tokenEndpoint = issuer + "/connect/token"

// basic is the Authorization header of a client (RFC 6749 section 2.3.1).
func basic(id, secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(id)+":"+url.QueryEscape(secret)))
}

// The ways to send a secret, right and odd (D26).
func TestD26_SecretsAreTakenInOneWay(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	secret := s.portalSecrets.Service
	sum := sha256.Sum256([]byte(secret))
	good := basic(portal, secret)
	raw := func(text string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(text)) }
	const ok, client = "ok", "Unauthorized invalid_client"
	for name, test := range map[string]struct {
		headers []string
		pairs   []string
		want    string
	}{
		"Basic":                    {[]string{good}, nil, ok},
		"Basic, same client_id":    {[]string{good}, []string{"client_id", portal}, ok},
		"scheme in lower case":     {[]string{"b" + good[1:]}, nil, ok},
		"every byte escaped":       {[]string{raw(escapeAll(portal) + ":" + escapeAll(secret))}, nil, ok},
		"nothing escaped":          {[]string{raw(portal + ":" + secret)}, nil, ok},
		"in the form":              {nil, []string{"client_id", portal, "client_secret", secret}, ok},
		"two methods":              {[]string{good}, []string{"client_secret", secret}, "invalid_request"},
		"Basic and an assertion":   {[]string{good}, []string{"client_assertion_type", assertionType, "client_assertion", s.assertion(s.serviceKey, portal)}, "invalid_request"},
		"secret and an assertion":  {nil, []string{"client_id", portal, "client_secret", secret, "client_assertion_type", assertionType, "client_assertion", s.assertion(s.serviceKey, portal)}, "invalid_request"},
		"another client_id":        {[]string{good}, []string{"client_id", stranger}, "invalid_request"},
		"two headers":              {[]string{good, good}, nil, client},
		"Bearer":                   {[]string{"Bearer " + secret}, nil, client},
		"Basic without base64":     {[]string{"Basic " + portal + ":" + secret}, nil, client},
		"base64url":                {[]string{"Basic " + strings.TrimRight(base64.RawURLEncoding.EncodeToString([]byte(portal+":"+secret+"?>")), "=")}, nil, client},
		"no colon":                 {[]string{raw(portal + secret)}, nil, client},
		"no secret":                {[]string{raw(portal + ":")}, nil, client},
		"no id":                    {[]string{raw(":" + secret)}, nil, client},
		"colon in the secret":      {[]string{raw(portal + ":" + secret + ":")}, nil, client},
		"bad escape":               {[]string{raw(portal + ":" + secret + "%zz")}, nil, client},
		"not UTF-8":                {[]string{raw(portal + ":" + secret + "\xff")}, nil, client},
		"with a NUL":               {[]string{raw(portal + ":" + secret + "\x00")}, nil, client},
		"with a line break":        {[]string{raw(portal + ":" + secret + "\n")}, nil, client},
		"huge":                     {[]string{raw(portal + ":" + strings.Repeat("x", 10_000))}, nil, client},
		"padded base64":            {[]string{good + "="}, nil, client},
		"empty header":             {[]string{""}, nil, client},
		"digest":                   {[]string{`Digest username="` + portal + `"`}, nil, client},
		"hash, base64":             {nil, []string{"client_id", portal, "client_secret", base64.StdEncoding.EncodeToString(sum[:])}, client},
		"hash, hex":                {nil, []string{"client_id", portal, "client_secret", hex.EncodeToString(sum[:])}, client},
		"hash, bytes":              {[]string{raw(portal + ":" + url.QueryEscape(string(sum[:])))}, nil, client},
		"the stored classic hash":  {nil, []string{"client_id", classic, "client_secret", classicHash}, client},
		"client_id in other case":  {[]string{basic(strings.ToUpper(portal), secret)}, nil, client},
		"client_id with a space":   {[]string{basic(portal+" ", secret)}, nil, client},
		"empty secret in the form": {nil, []string{"client_id", portal, "client_secret", ""}, client},
		"nothing at all":           {nil, nil, client},
	} {
		req := s.one().request(oauth.PathToken, append([]string{"grant_type", "client_credentials"}, test.pairs...)...)
		for _, h := range test.headers {
			req.Header.Add("Authorization", h)
		}
		a := s.one().send(req)
		if a.got() != test.want {
			t.Errorf("%s: %s, want %s (%s)", name, a.got(), test.want, a.Body)
		}
		// RFC 6749 section 5.2: the challenge when the header was tried.
		challenged := strings.HasPrefix(a.Header().Get("WWW-Authenticate"), "Basic realm=")
		if challenged != (a.Code == http.StatusUnauthorized && len(test.headers) > 0) {
			t.Errorf("%s: WWW-Authenticate %q with %d", name, a.Header().Get("WWW-Authenticate"), a.Code)
		}
		if strings.Contains(a.Body.String(), secret[:12]) {
			t.Errorf("%s: the answer repeats the secret", name)
		}
	}
	// In the URL a secret has been written to logs already: refused, though right.
	for _, path := range []string{"?client_id=" + portal + "&client_secret=" + secret, "?grant_type=client_credentials", "?x"} {
		for _, endpoint := range []string{oauth.PathToken, oauth.PathRevocation} {
			if a := s.one().post(endpoint+path, "grant_type", "client_credentials", "client_id", portal, "client_secret", secret, "token", "x"); a.Error != "invalid_request" {
				t.Errorf("query %q at %s: %s", path[:10], endpoint, a.got())
			}
		}
	}
}

func escapeAll(s string) string {
	var b strings.Builder
	for i := range len(s) {
		b.WriteString("%" + strings.ToUpper(hex.EncodeToString([]byte{s[i]})))
	}
	return b.String()
}

// Client assertions: whom they are from, to and for, once (D26, RFC 7523).
func TestD26_Assertions(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	now := s.clock.Now().Unix()
	set := func(name string, value any) func(map[string]any) {
		return func(c map[string]any) {
			if c[name] = value; value == nil {
				delete(c, name)
			}
		}
	}
	mine := func(change ...func(map[string]any)) string { return s.assertion(s.serviceKey, portal, change...) }
	body := map[string]any{"iss": portal, "sub": portal, "aud": issuer, "exp": now + 60, "jti": "j"}
	other := newClientKey(t)
	other.KeyID = s.serviceKey.KeyID
	hmacKey := jose.JSONWebKey{Key: []byte(strings.Repeat("k", 32)), KeyID: s.serviceKey.KeyID}
	const ok, client = "ok", "Unauthorized invalid_client"
	for name, test := range map[string]struct{ text, want string }{
		"to the issuer":              {mine(), ok},
		"to the token endpoint":      {mine(set("aud", tokenEndpoint)), ok},
		"a list of audiences":        {mine(set("aud", []string{"https://other.example", issuer})), ok},
		"no iat":                     {mine(set("iat", nil)), ok},
		"skew":                       {mine(set("iat", now+9), set("exp", now-9)), ok},
		"clock ahead":                {mine(set("iat", now+10), set("nbf", now+10)), ok},
		"clock too far ahead":        {mine(set("iat", now+11), set("nbf", now+11)), client},
		"no audience":                {mine(set("aud", nil)), client},
		"another server's":           {mine(set("aud", "https://other.example/id")), client},
		"the root":                   {mine(set("aud", root)), client},
		"issuer with a slash":        {mine(set("aud", issuer+"/")), client},
		"the userinfo endpoint":      {mine(set("aud", issuer+"/connect/userinfo")), client},
		"another instance's token":   {mine(set("aud", "https://erp2.example/id/connect/token")), client},
		"expired":                    {mine(set("exp", now-10)), client},
		"no exp":                     {mine(set("exp", nil)), client},
		"exp zero":                   {mine(set("exp", 0)), client},
		"exp negative":               {mine(set("exp", -1e300)), client},
		"exp as text":                {mine(set("exp", "9999999999")), client},
		"too long-lived":             {mine(set("exp", now+700)), client},
		"for ever":                   {mine(set("exp", 1e300)), client},
		"not yet":                    {mine(set("nbf", now+30)), client},
		"issued in the future":       {mine(set("iat", now+30)), client},
		"no jti":                     {mine(set("jti", nil)), client},
		"empty jti":                  {mine(set("jti", "")), client},
		"long jti":                   {mine(set("jti", strings.Repeat("j", 300))), client},
		"iss is another":             {mine(set("iss", stranger)), client},
		"no iss":                     {mine(set("iss", nil)), client},
		"no sub":                     {mine(set("sub", nil)), client},
		"sub is another application": {mine(set("sub", stranger), set("iss", stranger)), client},
		"sub is a user":              {mine(set("sub", "anna"), set("iss", "anna")), client},
		"another key, same kid":      {s.assertion(other, portal), client},
		"HS256 with the public key":  {s.sign(hmacKey, jose.HS256, body), client},
		"none":                       {unsigned(`{"alg":"none"}`, body), client},
		"none, with a kid":           {unsigned(`{"alg":"none","kid":"`+s.serviceKey.KeyID+`"}`, body), client},
		"kid is a path":              {s.sign(withKeyID(s.serviceKey, "../../dev/null"), jose.ES256, body), client},
		"an access token's type":     {s.sign(s.serviceKey, jose.ES256, body, "typ", "at+jwt"), client},
		"key in the header":          {s.sign(other, jose.ES256, body, "jwk", map[string]string{"kty": "EC"}), client},
		"key at a URL":               {s.sign(s.serviceKey, jose.ES256, body, "jku", "http://127.0.0.1:1/jwks"), client},
		"certificate at a URL":       {s.sign(s.serviceKey, jose.ES256, body, "x5u", "http://127.0.0.1:1/c"), client},
		"one of our access tokens":   {s.one().serve().AccessToken, client},
		"empty":                      {"", client},
		"two dots":                   {"..", client},
		"huge":                       {mine(set("x", strings.Repeat("x", 20_000))), client},
		"cut short":                  {mine()[:80], client},
		"changed":                    {flip(mine()), client},
	} {
		a := s.one().serve("client_secret", "", "client_assertion_type", assertionType, "client_assertion", test.text)
		if a.got() != test.want {
			t.Errorf("%s: %s, want %s (%s)", name, a.got(), test.want, a.Body)
		}
	}
	for name, pairs := range map[string][]string{
		"no type":       {"client_assertion", mine()},
		"another type":  {"client_assertion", mine(), "client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"},
		"type, no text": {"client_assertion_type", assertionType},
	} {
		if a := s.one().serve(append(pairs, "client_secret", "")...); a.Code == http.StatusOK {
			t.Errorf("%s: %s", name, a.got())
		}
	}
	if a := s.one().serve("client_id", stranger, "client_secret", "", "client_assertion_type", assertionType, "client_assertion", mine()); a.got() != client {
		t.Errorf("client_id of another: %s", a.got())
	}
	if a := s.one().serve("client_id", "", "client_secret", "", "client_assertion_type", assertionType, "client_assertion", mine()); a.got() != ok {
		t.Errorf("without client_id: %s %s", a.got(), a.Body)
	}
}

// unsigned is a JWS with a header of one's own and no signature.
func unsigned(header string, claims map[string]any) string {
	return join([]byte(header), mustJSON(claims), nil)
}

func withKeyID(key jose.JSONWebKey, id string) jose.JSONWebKey {
	key.KeyID = id
	return key
}

// flip changes the last but one character of the payload.
func flip(jws string) string {
	i := strings.LastIndexByte(jws, '.') - 2
	c := byte('A')
	if jws[i] == c {
		c = 'B'
	}
	return jws[:i] + string(c) + jws[i+1:]
}

// One assertion proves a client once, whichever replica sees it, and of many at
// the same moment exactly one (D26).
func TestD26_AssertionsAreUsedOnce(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSiteOn(t, db)
		s.start()
		for round := range 5 {
			text := s.assertion(s.serviceKey, portal)
			results := make([]string, 8)
			var wg sync.WaitGroup
			for i := range results {
				wg.Go(func() {
					results[i] = s.replicas[i%2].serve("client_secret", "", "client_assertion_type", assertionType, "client_assertion", text).got()
				})
			}
			wg.Wait()
			won := 0
			for _, got := range results {
				switch got {
				case "ok":
					won++
				case "Unauthorized invalid_client":
				default:
					t.Errorf("round %d: %s", round, got)
				}
			}
			if won != 1 {
				t.Errorf("round %d: %d of 8 uses of one assertion succeeded", round, won)
			}
			// Housekeeping must not forget it while it lives.
			s.clock.Advance(59 * time.Second)
			if err := s.one().handler.Purge(t.Context()); err != nil {
				t.Fatal(err)
			}
			if a := s.one().serve("client_secret", "", "client_assertion_type", assertionType, "client_assertion", text); a.Code == http.StatusOK {
				t.Errorf("round %d: replayed after housekeeping", round)
			}
		}
	})
}

// Every listed algorithm works, and a key takes only its own.
func TestAssertionAlgorithms(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ed, r := jose.JSONWebKey{Key: edKey, KeyID: "ed"}, jose.JSONWebKey{Key: rsaKey, KeyID: "rsa"}
	s.addKey(portal, tandem.FlowService, ed)
	s.addKey(portal, tandem.FlowService, r)
	s.refresh()
	now := s.clock.Now().Unix()
	for alg, test := range map[jose.SignatureAlgorithm]struct {
		key  jose.JSONWebKey
		want string
	}{
		jose.ES256: {s.serviceKey, "ok"}, jose.EdDSA: {ed, "ok"}, keyalg.Ed25519: {ed, "ok"}, jose.RS256: {r, "ok"}, jose.PS256: {r, "ok"},
		jose.RS384: {r, "Unauthorized invalid_client"}, jose.RS512: {r, "Unauthorized invalid_client"}, jose.PS512: {r, "Unauthorized invalid_client"},
	} {
		text := s.sign(test.key, alg, map[string]any{"iss": portal, "sub": portal, "aud": issuer, "exp": now + 60, "jti": string(alg)})
		if a := s.one().serve("client_secret", "", "client_assertion_type", assertionType, "client_assertion", text); a.got() != test.want {
			t.Errorf("%s: %s, want %s", alg, a.got(), test.want)
		}
	}
}

// Several credentials of a flow live at once; each has its time, and dies when
// it is revoked.
func TestCredentialsRotateWithoutAPause(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	start := s.clock.Now()
	add := func(n registry.NewCredential) (string, string) {
		n.Flow = tandem.FlowService
		c, secret, err := s.apps.AddCredential(t.Context(), by, portal, n)
		if err != nil {
			t.Fatal(err)
		}
		return c.ID, secret
	}
	id, second := add(registry.NewCredential{})
	_, later := add(registry.NewCredential{NotBefore: start.Add(time.Hour)})
	_, short := add(registry.NewCredential{ExpiresAt: start.Add(time.Hour)})
	s.refresh()
	check := func(when string, want map[string]string) {
		t.Helper()
		for secret, want := range want {
			if a := s.one().serve("client_secret", secret); a.got() != want {
				t.Errorf("%s: %s, want %s", when, a.got(), want)
			}
		}
	}
	const client = "Unauthorized invalid_client"
	check("at first", map[string]string{s.portalSecrets.Service: "ok", second: "ok", later: client, short: "ok"})
	s.clock.Advance(time.Hour)
	s.refresh()
	check("after an hour", map[string]string{s.portalSecrets.Service: "ok", second: "ok", later: "ok", short: client})
	if err := s.apps.RevokeCredential(t.Context(), by, portal, id); err != nil {
		t.Fatal(err)
	}
	s.refresh()
	check("revoked", map[string]string{s.portalSecrets.Service: "ok", second: client, later: "ok"})
	told := false
	for _, e := range s.audit.Of(tandem.AuditTokenRefused) {
		f, err := tandem.ParseFacts(e.Facts)
		told = told || err == nil && f.Rule == tandem.RuleCredRevoked && f.Credential == id
	}
	if !told {
		t.Error("the record does not tell that a revoked credential was tried")
	}
	rolled, err := s.apps.RollCredential(t.Context(), by, portal, registry.Roll{Flow: tandem.FlowService, Overlap: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	s.refresh()
	check("in the overlap", map[string]string{s.portalSecrets.Service: "ok", later: "ok", rolled.Secret: "ok", second: client})
	s.clock.Advance(time.Hour)
	s.refresh()
	check("after it", map[string]string{s.portalSecrets.Service: client, later: client, rolled.Secret: "ok"})
}

// A key that was revoked proves nothing, and neither does one of a deleted application
// that has a successor of the same name.
func TestRevokedKeysProveNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	assert := func(jti string) string {
		text := s.sign(s.serviceKey, jose.ES256, map[string]any{"iss": portal, "sub": portal, "aud": issuer, "exp": s.clock.Now().Unix() + 60, "jti": jti})
		a := s.one().serve("client_secret", "", "client_assertion_type", assertionType, "client_assertion", text)
		return a.got()
	}
	if got := assert("1"); got != "ok" {
		t.Fatalf("the key: %s", got)
	}
	app, err := s.apps.Get(t.Context(), portal)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range app.Credentials {
		if c.Kind == tandem.CredentialPublicKey {
			s.must(s.apps.RevokeCredential(t.Context(), by, portal, c.ID))
		}
	}
	s.refresh()
	if got := assert("2"); got != "Unauthorized invalid_client" {
		t.Errorf("the key that was revoked: %s", got)
	}
	was := s.portalSecrets.Service
	s.must(s.apps.Delete(t.Context(), by, portal))
	app.ID, app.Credentials = "", nil
	if _, _, err := s.apps.Create(t.Context(), by, app); err != nil {
		t.Fatal(err)
	}
	s.refresh()
	if a := s.one().serve("client_secret", was); a.got() != "Unauthorized invalid_client" {
		t.Errorf("the secret of the application before: %s", a.got())
	}
}

// Whatever proves an application is noted with the minute and the address, the classic
// secret too.
func TestUsesOfCredentialsAreNoted(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	sum := sha256.Sum256([]byte("classic"))
	s.change(portal, func(a *tandem.TrustedApp) { a.SecretHash = base64.StdEncoding.EncodeToString(sum[:]) })
	for _, secret := range []string{s.portalSecrets.Service, "classic"} {
		if a := s.one().serve("client_secret", secret); a.got() != "ok" {
			t.Fatalf("%s", a.got())
		}
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	// What cannot be written down is kept for the next time.
	failing := s.one().handler.Uses
	s.one().handler.Uses = noUses{}
	if err := s.one().handler.Run(stopped); err == nil {
		t.Error("nobody is told that uses were not written down")
	}
	s.one().handler.Uses = failing
	s.must(s.one().handler.Run(stopped)) // which writes down what there is
	app, err := s.apps.Get(t.Context(), portal)
	if err != nil {
		t.Fatal(err)
	}
	minute := s.clock.Now().Truncate(time.Minute)
	if !app.SecretUsedAt.Equal(minute) || app.SecretUsedFrom == "" {
		t.Errorf("the classic secret was used %v from %q", app.SecretUsedAt, app.SecretUsedFrom)
	}
	used := 0
	for _, c := range app.Credentials {
		if c.LastUsedAt.Equal(minute) && c.LastUsedFrom == app.SecretUsedFrom {
			used++
		}
	}
	if used != 1 {
		t.Errorf("%d credentials were used: %+v", used, app.Credentials)
	}
}

// noUses is a database that is away.
type noUses struct{}

func (noUses) CredentialsUsed(context.Context, []identity.CredentialUse) error {
	return tandem.Errorf(tandem.CodeUnavailable, "the database is away")
}

// Basic is taken with either part encoded or plain, whatever characters they have, with
// client_id beside it and without; a wrong secret is not, in any of these ways.
func TestBasicEncodedAndPlain(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	plain := func(text string) string { return text }
	escaped := func(text string) string { return strings.ReplaceAll(url.QueryEscape(text), "+", "%20") }
	encodings := map[string]func(string) string{"plain": plain, "form": url.QueryEscape, "percent": escaped, "all": escapeAll}
	ids := []string{"urn:acme", "urn:acme:portal", "urn:example:back:end", "com.example/a+b", "com.example/simple"}
	secrets := []string{"simple", "ab+cd/ef==", "100%zz", "50%25", "with space", "a:b:c", "+", "%41", "käse", "a&b=c?d#e"}
	for _, id := range ids {
		for i, secret := range secrets {
			sum := sha256.Sum256([]byte(secret + id))
			app := tandem.TrustedApp{
				ApplicationURI: id, Enabled: true, ClientType: tandem.ClientConfidential, SystemUserAllowed: true, SystemUserID: s.robot.ID,
				Scope: tandem.Scope{"read"}, SecretHash: base64.StdEncoding.EncodeToString(sum[:]),
			}
			if i == 0 {
				s.register(app)
			} else if _, err := s.apps.Update(t.Context(), by, id, func(old *tandem.TrustedApp) error {
				old.SecretHash = app.SecretHash
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			s.refresh()
			for idForm, encodeID := range encodings {
				for secretForm, encode := range encodings {
					for _, pairs := range [][]string{nil, {"client_id", id}} {
						try := func(secret string) string {
							req := s.one().request(oauth.PathToken, append([]string{"grant_type", "client_credentials"}, pairs...)...)
							req.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(encodeID(id)+":"+encode(secret))))
							return s.one().send(req).got()
						}
						if got := try(secret + id); got != "ok" {
							t.Errorf("%s %s, %q %s, %v: %s", id, idForm, secret, secretForm, pairs, got)
						}
						if got := try(secret + id + "x"); got != "Unauthorized invalid_client" {
							t.Errorf("%s %s, %q and more %s, %v: %s", id, idForm, secret, secretForm, pairs, got)
						}
					}
				}
			}
		}
	}
}

// Strangers from everywhere, who name an application, do not hide what a proved client is
// refused.
func TestStrangersDoNotHideRefusals(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	r := s.one()
	for i := range 500 {
		r.address = fmt.Sprintf("[2001:db8:0:%x::1]:4711", i)
		r.post(oauth.PathToken, "grant_type", "client_credentials", "client_id", portal, "client_secret", "x")
	}
	r.address = "192.0.2.77:1"
	before := len(s.audit.All())
	r.post(oauth.PathToken, "grant_type", "client_credentials", "client_id", stranger, "client_secret", s.otherSecret.Service, "scope", "sec")
	events := s.audit.All()[before:]
	if len(events) != 1 || events[0].ApplicationURI != stranger || !strings.Contains(events[0].Facts, string(tandem.RuleScopeReserved)) {
		t.Errorf("on record: %+v", events)
	}
}
