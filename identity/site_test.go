package identity_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/audit"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/identity"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/oauth/dpop"
	"github.com/hybridapps/tandem/registry"
	"github.com/hybridapps/tandem/seal"
	"github.com/hybridapps/tandem/sqldb"
)

// What every site has.
const (
	root     = "https://erp.example"
	issuer   = root + oauth.PathIssuer
	portal   = "com.example/portal"  // confidential, both flows, a credential for each
	field    = "com.example/field"   // public
	stranger = "com.example/other"   // confidential, of somebody else
	classic  = "com.example/classic" // confidential, with the one secret of an ERP.net record
	back     = "https://portal.example/signin-callback"
	after    = "https://portal.example/signed-out"
	device   = "http://127.0.0.1/callback"
	password = "correct horse battery"
)

// site is the identity server wired as in production, as any number of
// replicas over one database.
type site struct {
	t        testing.TB
	db       *sqldb.DB
	clock    *testkit.Clock
	audit    *testkit.Record
	refusals *audit.Refusals
	log      *testkit.Buffer
	users    *data.Users
	accounts *signin.Accounts
	apps     *registry.TrustedApps
	ending   *signin.Ending
	master   []byte
	replicas []*replica

	anna, paul, robot          tandem.User
	portalSecrets, otherSecret registry.Secrets
	userKey, serviceKey        jose.JSONWebKey // the portal's, for private_key_jwt
}

// replica is one process of the identity server.
type replica struct {
	*http.ServeMux
	s        *site
	address  string // where requests seem to come from
	handler  *identity.Handler
	registry *registry.Registry
	keys     *token.Keys
	minter   *token.Minter
}

func newSite(t testing.TB) *site { return newSiteOn(t, datatest.Open(t, sqldb.SQLite)) }

func newSiteOn(t testing.TB, db *sqldb.DB) *site {
	s := &site{
		t: t, db: db, clock: testkit.NewClock(), audit: &testkit.Record{}, log: &testkit.Buffer{},
		users: data.NewUsers(db), master: []byte("0123456789abcdef0123456789abcdef"),
	}
	s.refusals = audit.NewRefusals(s.audit, s.clock.Now)
	s.userKey, s.serviceKey = newClientKey(t), newClientKey(t)
	families := s.families()
	s.ending = &signin.Ending{
		SignIns: data.NewSignIns(db), Families: families, Revocations: data.NewRevoked(db), TokenLife: token.AccessLifetime + token.Skew,
		Audit: s.audit, Clock: s.clock.Now,
	}
	s.accounts = &signin.Accounts{Users: s.users, Passwords: passwords(), Ending: s.ending, Resets: data.NewPasswordResets(db), Audit: s.audit, Clock: s.clock.Now}
	s.apps = &registry.TrustedApps{Store: data.NewApplications(db), Accounts: s.users, Grants: families, Audit: s.audit, Clock: s.clock.Now}
	s.anna = s.user(signin.NewUser{Login: "anna", Type: tandem.InternalUser, Name: "Anna Ivanova", Email: "anna@example.com", Locale: "bg", Zoneinfo: "Europe/Sofia", Admin: true})
	s.paul = s.user(signin.NewUser{Login: "paul", Type: tandem.ExternalCommunityUser, Name: "Paul", Email: "paul@example.com"})
	s.robot = s.user(signin.NewUser{Login: "svc.portal", Type: tandem.SystemUserNoLogin})

	hybrid := tandem.TrustedApp{
		ApplicationURI: portal, Enabled: true, ClientType: tandem.ClientConfidential, InternalUsers: true, ExternalUsers: true, FirstParty: true,
		RedirectURIs: []string{back}, PostLogoutRedirectURIs: []string{after}, SystemUserAllowed: true, SystemUserID: s.robot.ID,
		Scope: tandem.Scope{"read", "update"},
	}
	s.portalSecrets = s.register(hybrid)
	other := hybrid
	other.ApplicationURI = stranger
	s.otherSecret = s.register(other)
	other.ApplicationURI, other.SecretHash = classic, classicHash
	s.register(other)
	s.register(tandem.TrustedApp{
		ApplicationURI: field, Enabled: true, ClientType: tandem.ClientPublic, InternalUsers: true, ExternalUsers: true, FirstParty: true,
		RedirectURIs: []string{device}, Scope: tandem.Scope{"read", "update"},
	})
	for flow, key := range map[tandem.Flow]jose.JSONWebKey{tandem.FlowUser: s.userKey, tandem.FlowService: s.serviceKey} {
		s.addKey(portal, flow, key)
	}
	s.start()
	return s
}

// classicSecret is the one secret of an application as ERP.net has it.
const (
	classicSecret = "classic secret"
	classicHash   = "LemK3uMxOEdAPSc+BDl1N8cOaQ/mALDaq2Gc291OST8="
)

func passwords() *signin.Passwords {
	return signin.NewPasswords(signin.PasswordParams{Memory: 8, Time: 1, Threads: 1}, 4) // cheap: no test here is about them
}

func newClientKey(t testing.TB) jose.JSONWebKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return jose.JSONWebKey{Key: key, KeyID: rand.Text()}
}

func (s *site) box(purpose string) *seal.Box {
	box, err := seal.New(purpose, s.master)
	if err != nil {
		s.t.Fatal(err)
	}
	return box
}

func (s *site) references() *registry.ReferenceTokens {
	return &registry.ReferenceTokens{
		Store: data.NewReferences(s.db), Apps: data.NewApplications(s.db), Accounts: s.users, Sessions: noSessions{}, Audit: s.audit, Clock: s.clock.Now,
	}
}

func (s *site) devices() *token.Devices {
	return &token.Devices{Store: data.NewDevices(s.db), Key: s.master, Clock: s.clock.Now}
}

func (s *site) families() *token.Families {
	return &token.Families{Store: data.NewRefresh(s.db), Box: s.box("refresh"), Clock: s.clock.Now}
}

// start adds a replica.
func (s *site) start() *replica {
	s.t.Helper()
	r := &replica{ServeMux: http.NewServeMux(), s: s, address: "192.0.2.1:4711"}
	log := slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	revoked := data.NewRevoked(s.db)
	r.keys = &token.Keys{Store: data.NewKeys(s.db), Box: s.box("signing keys"), Log: log, Clock: s.clock.Now}
	r.registry = &registry.Registry{Changes: data.NewChanges(s.db), Users: s.users, References: data.NewReferences(s.db), Log: log, Clock: s.clock.Now}
	r.minter = &token.Minter{Issuer: issuer, Keys: r.keys, Database: "db-1", Picture: identity.PictureURL(root), Clock: s.clock.Now}
	codes := &token.Codes{Store: data.NewCodes(s.db), Clock: s.clock.Now}
	verifier := &token.Verifier{Issuer: issuer, Keys: r.keys, Clock: s.clock.Now}
	assertions := data.NewAssertions(s.db)
	proofs := func(seen dpop.Seen) *dpop.Server {
		return &dpop.Server{Base: root, Seen: seen, Nonces: &dpop.Nonces{Key: []byte("nonces")}, Now: s.clock.Now}
	}
	using := proofs(new(dpop.Recent).First)
	r.handler = &identity.Handler{
		Issuer: issuer, API: root + "/api/domain/odata/", Registry: r.registry, Users: s.users, Keys: r.keys, Minter: r.minter, Verifier: verifier, Codes: codes, Families: s.families(), Devices: s.devices(),
		Assertions: assertions, Proofs: proofs(assertions.UseAssertion), Failures: data.NewClientFailures(s.db), Revocations: revoked, References: s.references(), SignIns: data.NewSignInGrants(s.db), Consents: data.NewConsents(s.db), Uses: data.NewApplications(s.db),
		Audit: s.audit, Refusals: s.refusals, Log: log, Clock: s.clock.Now,
	}
	r.handler.Mount(r.ServeMux)
	browser := &signin.Handler{
		Issuer: issuer, API: root + "/api/domain/odata/", Applications: r.registry, Users: s.users, SignIns: s.ending.SignIns, Consents: data.NewConsents(s.db), Passwords: passwords(), Attempts: data.NewThrottle(s.db),
		Codes: codes, Devices: s.devices(), IDTokens: r.minter, Pushed: data.NewPushedRequests(s.db), Hints: verifier, Ending: s.ending, Accounts: s.accounts, Audit: s.audit, Refusals: s.refusals, Box: s.box("sign-in"), Log: log, Clock: s.clock.Now,
	}
	r.handler.Pushed = browser
	if err := browser.Mount(r.ServeMux); err != nil {
		s.t.Fatal(err)
	}
	people := *verifier
	people.Audience = token.ResourcesAudience(issuer)
	r.Handle(oauth.PathUserinfo, &identity.Userinfo{Tokens: &people, Registry: r.registry, Proofs: using, URL: root, Refusals: s.refusals, Log: log})
	me := identity.ProfileMe{Pictures: data.NewPictures(s.db), Tokens: &people, Registry: r.registry, Proofs: using, Database: "db-1", URL: root, Refusals: s.refusals, Log: log}
	me.Mount(r.ServeMux)
	s.replicas = append(s.replicas, r)
	s.refresh()
	return r
}

// one is the first replica.
func (s *site) one() *replica { return s.replicas[0] }

// refresh brings every replica up to date, as a few seconds do in production.
func (s *site) refresh() {
	s.t.Helper()
	for _, r := range s.replicas {
		if err := r.registry.Refresh(s.t.Context()); err != nil {
			s.t.Fatal(err)
		}
		if err := r.keys.Refresh(s.t.Context()); err != nil {
			s.t.Fatal(err)
		}
	}
}

// user creates an account; people have the common password.
func (s *site) user(n signin.NewUser) tandem.User {
	s.t.Helper()
	if n.Type.CanSignIn() {
		n.Password = password
	}
	u, err := s.accounts.Create(s.t.Context(), by, n)
	if err != nil {
		s.t.Fatal(err)
	}
	return u
}

func (s *site) register(a tandem.TrustedApp) registry.Secrets {
	s.t.Helper()
	_, secrets, err := s.apps.Create(s.t.Context(), by, a)
	if err != nil {
		s.t.Fatal(err)
	}
	return secrets
}

// change edits an application, and every replica hears of it.
func (s *site) change(uri string, f func(*tandem.TrustedApp)) {
	s.t.Helper()
	s.clock.Advance(time.Millisecond)
	_, err := s.apps.Update(s.t.Context(), by, uri, func(a *tandem.TrustedApp) error { f(a); return nil })
	if err != nil {
		s.t.Fatal(err)
	}
	s.refresh()
}

func (s *site) addKey(uri string, flow tandem.Flow, key jose.JSONWebKey) {
	s.t.Helper()
	text, err := json.Marshal(key.Public())
	if err != nil {
		s.t.Fatal(err)
	}
	if _, _, err = s.apps.AddCredential(s.t.Context(), by, uri, registry.NewCredential{Flow: flow, PublicKey: text}); err != nil {
		s.t.Fatal(err)
	}
}

// answer is what the token endpoint said.
type answer struct {
	*httptest.ResponseRecorder
	body
}

type body struct {
	oauth.TokenResponse
	Error       oauth.ErrorCode `json:"error"`
	Description string          `json:"error_description"`
}

// post sends a form as a client does; pairs of names and values follow.
func (r *replica) post(path string, pairs ...string) *answer {
	return r.send(r.request(path, pairs...))
}

func (r *replica) request(path string, pairs ...string) *http.Request {
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	req := httptest.NewRequestWithContext(r.s.t.Context(), "POST", path, strings.NewReader(form.Encode()))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return req
}

func (r *replica) send(req *http.Request) *answer {
	r.s.t.Helper()
	req.RemoteAddr = r.address
	a := &answer{ResponseRecorder: httptest.NewRecorder()}
	r.ServeHTTP(a, req)
	if a.Body.Len() > 0 && a.Header().Get("Content-Type") == "application/json" {
		if err := json.Unmarshal(a.Body.Bytes(), &a.body); err != nil {
			r.s.t.Fatalf("%s: %v in %s", req.URL.Path, err, a.Body)
		}
	}
	return a
}

// got says what an answer was, for comparison in tables: "ok" or the error
// with its status when that is not 400.
func (a *answer) got() string {
	switch {
	case a.Code == http.StatusOK:
		return "ok"
	case a.Code == http.StatusBadRequest:
		return string(a.Error)
	}
	return http.StatusText(a.Code) + " " + string(a.Error)
}

// get asks with a bearer token.
func (r *replica) get(path, bearer string) *answer {
	r.s.t.Helper()
	req := httptest.NewRequestWithContext(r.s.t.Context(), "GET", path, nil)
	req.Header.Set("Authorization", "Bearer "+bearer)
	return r.send(req)
}

// admits is what every API does with a token: verify, then ask whether its
// holder still may act.
func (r *replica) admits(jwt string) error {
	p, err := r.handler.Verifier.VerifyAccess(r.s.t.Context(), jwt)
	if err != nil {
		return err
	}
	return r.registry.Check(r.s.t.Context(), p)
}
