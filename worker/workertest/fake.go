package workertest

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/rsa"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"go.uber.org/goleak"

	"github.com/hybridapps/tandem/internal/picture"
)

// Main is the TestMain of a package that uses a fake: it looks for goroutines
// that are left. As a process of [Spawn] it is a worker instead.
func Main(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == picture.Command { // the child that decodes pictures
		os.Exit(picture.Child(os.Args[2:]))
	}
	if os.Getenv(processIssuer) != "" {
		fmt.Fprintln(os.Stderr, runProcess(context.Background()))
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("database/sql.(*DB).connectionOpener"),
		goleak.IgnoreTopFunction("internal/poll.runtime_pollWait"), goleak.IgnoreTopFunction("net/http.(*persistConn).writeLoop"))
}

// The application, and people.
const (
	ApplicationURI = "com.example/portal"
	AnnaID         = "0f2e0f8a-7c55-4f0e-9a54-1c1f0f5a8f10"
	PaulID         = "1f2e0f8a-7c55-4f0e-9a54-1c1f0f5a8f11"
	EveID          = "2f2e0f8a-7c55-4f0e-9a54-1c1f0f5a8f12"
	AdminID        = "3f2e0f8a-7c55-4f0e-9a54-1c1f0f5a8f13"
)

// SigningKey is the issuer's, RS256.
var SigningKey = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
})

// Object is JSON.
type Object = map[string]any

// Metadata is the $metadata of the API: the types that the shipped mapping uses.
//
//go:embed metadata.xml
var Metadata []byte

// Fake is an instance as the worker sees it: an issuer and a domain API that
// knows just what the worker asks.
type Fake struct {
	server *httptest.Server
	Issuer string

	lock     sync.Mutex
	Disabled bool              // the application
	Full     bool              // the licence
	tokens   map[string]string // to the service instance
	Serial   int               // of tokens made
	// Ended sign-ins are not live, those in SignedOut because their person left.
	// Mute answers no question about any; Silent says from the start that there
	// are no such questions.
	Ended, SignedOut map[string]bool
	Mute, Silent     bool
	// Questions is how many there were.
	Questions int
	people    map[string]Object // claims of the latest ID token by sid
	Requests  []*http.Request
	// Rows by set. An order's key "Customer" is {"Id": …}.
	Rows map[string][]Object
	// Imported objects by type, ExternalSystem and ExternalId.
	Imported map[string]string
	kinds    map[string]bool // the types of what was imported
	// Children of imported objects, by the object's key and the collection.
	Children map[string]map[string][]Object
	imports  int
	// During is called with each request of a set or Import, unlocked.
	During func(r *http.Request)
	// Hidden is an attribute that is hidden from who asks.
	Hidden string
	// Blind makes the API ignore filters: what comes must be checked again.
	Blind bool
}

// NewFake starts a fake instance for the test.
func NewFake(t testing.TB) *Fake {
	f := &Fake{
		tokens: map[string]string{}, people: map[string]Object{}, Ended: map[string]bool{}, SignedOut: map[string]bool{},
		Rows: map[string][]Object{}, Imported: map[string]string{}, kinds: map[string]bool{}, Children: map[string]map[string][]Object{},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /id/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		write(w, 200, Object{
			"issuer": f.Issuer, "authorization_endpoint": f.Issuer + "/connect/authorize", "token_endpoint": f.Issuer + "/connect/token",
			"jwks_uri": f.Issuer + "/jwks", "id_token_signing_alg_values_supported": []string{"RS256"}, "response_types_supported": []string{"code"},
			"subject_types_supported": []string{"public"},
			"introspection_endpoint":  f.Issuer + "/connect/introspect", "sign_in_introspection_supported": !f.Silent,
		})
	})
	mux.HandleFunc("GET /id/jwks", func(w http.ResponseWriter, _ *http.Request) {
		write(w, 200, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &SigningKey().PublicKey, KeyID: "r1", Algorithm: "RS256", Use: "sig"}}})
	})
	mux.HandleFunc("POST /id/connect/token", f.token)
	mux.HandleFunc("POST /id/connect/introspect", f.introspect)
	mux.HandleFunc("GET /sys/auto-discovery", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"WebSites":[{"Type":"DomainAPI","AdditionalProperties":{"ODataServiceRoot":%q}}]}`, f.server.URL+"/api/domain/odata/")
	})
	mux.HandleFunc("/api/domain/odata/", f.api)
	f.server = httptest.NewServer(mux)
	f.Issuer = f.server.URL + "/id"
	t.Cleanup(f.server.Close)
	return f
}

// With changes the fake under its lock.
func (f *Fake) With(change func()) { f.lock.Lock(); defer f.lock.Unlock(); change() }

func write(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func (f *Fake) token(w http.ResponseWriter, r *http.Request) {
	f.lock.Lock()
	defer f.lock.Unlock()
	_ = r.ParseForm()
	if f.Disabled || r.PostForm.Get("grant_type") != "client_credentials" {
		write(w, 401, Object{"error": "invalid_client", "error_description": "unknown or disabled application"})
		return
	}
	f.Serial++
	t := fmt.Sprintf("service-token-%d", f.Serial)
	f.tokens[t] = r.PostForm.Get("service_instance")
	write(w, 200, Object{"access_token": t, "token_type": "Bearer", "expires_in": 3600, "scope": "read update"})
}

// introspect answers about sign-ins, for who has a service token.
func (f *Fake) introspect(w http.ResponseWriter, r *http.Request) {
	f.lock.Lock()
	defer f.lock.Unlock()
	_ = r.ParseForm()
	f.Questions++
	sid := r.PostForm.Get("token")
	who, known := f.people[sid]
	_, good := f.tokens[bearer(r)]
	switch {
	case f.Mute:
		write(w, 503, Object{"error": "temporarily_unavailable"})
	case !good || f.Disabled:
		write(w, 401, Object{"error": "invalid_token"})
	case !known || f.Ended[sid] || f.SignedOut[sid] && r.PostForm.Get("about") != "person":
		write(w, 200, Object{"active": false})
	default:
		write(w, 200, Object{"active": true, "sid": sid, "sub": who["sub"], "id": who["id"], "client_id": ApplicationURI})
	}
}

// InstanceOf is the service instance of the worker that makes the request.
func (f *Fake) InstanceOf(r *http.Request) string {
	f.lock.Lock()
	defer f.lock.Unlock()
	return f.tokens[bearer(r)]
}

func bearer(r *http.Request) string {
	return strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
}

func (f *Fake) fail(w http.ResponseWriter, status int, typ, message string) {
	write(w, status, Object{"error": Object{"code": 0, "type": typ, "message": message}})
}

func (f *Fake) api(w http.ResponseWriter, r *http.Request) {
	f.lock.Lock()
	f.Requests = append(f.Requests, r)
	_, good := f.tokens[bearer(r)]
	good = good && !f.Disabled
	full, during := f.Full, f.During
	f.lock.Unlock()
	switch {
	case !good:
		f.fail(w, 401, "invalid_token", "the token is not good")
		return
	case full:
		f.fail(w, 403, "MaximumLicenseCountExceeded", "MaximumLicenseCountExceeded: no slot")
		return
	}
	// The server sees that a caller has hung up only once the body is read.
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	w.Header().Set("Tandem-Session", "session-1")
	w.Header().Set("Tandem-Slot", "3")
	if during != nil {
		during(r)
	}
	f.lock.Lock()
	defer f.lock.Unlock()
	name := strings.TrimPrefix(r.URL.Path, "/api/domain/odata/")
	switch {
	case name == "$metadata":
		w.Header().Set("Content-Type", "application/xml")
		_, _ = w.Write(Metadata)
	case name == "Import":
		f.doImport(w, r)
	case name == "GetLicenceUsage":
		write(w, 200, Object{"Slots": 25, "InUse": 3})
	case strings.HasSuffix(name, "/$count"):
		fmt.Fprint(w, len(f.find(strings.TrimSuffix(name, "/$count"), r.URL.Query())))
	case strings.HasSuffix(name, ")"):
		set, id, _ := strings.Cut(strings.TrimSuffix(name, ")"), "(")
		for _, row := range f.Rows[set] {
			if row["Id"] == id {
				write(w, 200, row)
				return
			}
		}
		f.fail(w, 404, "NotFound", "no such row")
	default:
		f.list(w, r, name)
	}
}

func (f *Fake) list(w http.ResponseWriter, r *http.Request, set string) {
	q := r.URL.Query()
	if f.Hidden != "" && strings.Contains(q.Get("$select"), f.Hidden) && !strings.Contains(q.Get("options"), "skiphidden") {
		f.fail(w, 403, "PermissionDenied", "the account has no right to read "+f.Hidden)
		return
	}
	found := f.find(set, q)
	if q.Get("$orderby") != "" {
		slices.SortStableFunc(found, func(a, b Object) int {
			newer := func(field string) int { return strings.Compare(b[field].(string), a[field].(string)) }
			return cmp.Or(newer("DocumentDate"), newer("DocumentNo"))
		})
	}
	total := len(found)
	skip, _ := strconv.Atoi(q.Get("$skip"))
	top, _ := strconv.Atoi(q.Get("$top"))
	found = slices.Clone(found[min(skip, total):])
	response := Object{"value": found}
	if top > 0 && len(found) > top {
		response["value"] = found[:top]
		next := maps.Clone(q)
		next.Set("$skip", strconv.Itoa(skip+top))
		response["@odata.nextLink"] = f.server.URL + r.URL.Path + "?" + next.Encode()
	}
	for i, row := range found {
		if !strings.Contains(q.Get("$expand"), "Lines") {
			found[i] = maps.Clone(row)
			delete(found[i], "Lines")
		}
		if _, hidden := row[f.Hidden]; hidden {
			found[i] = maps.Clone(found[i])
			delete(found[i], f.Hidden)
		}
	}
	if q.Get("$count") == "true" {
		response["@odata.count"] = total
	}
	write(w, 200, response)
}

var (
	refs     = regexp.MustCompile(`'[A-Za-z_]+\(([0-9a-f-]{36})\)'`)
	since    = regexp.MustCompile(`(\w+) ge ([0-9TZ:.-]+)`)
	until    = regexp.MustCompile(`(\w+) le ([0-9TZ:.-]+)`)
	contains = regexp.MustCompile(`contains\(DocumentNo,'((?:[^']|'')*)'\)`)
)

// find understands the filters that the worker makes.
func (f *Fake) find(set string, q url.Values) (found []Object) {
	filter := q.Get("$filter")
	if strings.Contains(filter, "ExternalId in (") {
		return f.imported(filter)
	}
	if f.Blind {
		return slices.Clone(f.Rows[set])
	}
	var ids []string
	for _, m := range refs.FindAllStringSubmatch(filter, -1) {
		ids = append(ids, m[1])
	}
	for _, row := range f.Rows[set] {
		keep := true
		if m := since.FindStringSubmatch(filter); m != nil {
			keep = keep && row[m[1]].(string) >= m[2]
		}
		if m := until.FindStringSubmatch(filter); m != nil {
			keep = keep && row[m[1]].(string)[:10] <= m[2]
		}
		if m := contains.FindStringSubmatch(filter); m != nil {
			keep = keep && strings.Contains(row["DocumentNo"].(string), strings.ReplaceAll(m[1], "''", "'"))
		}
		if text := q.Get("$search"); text != "" {
			keep = keep && strings.Contains(strings.ToLower(row["DocumentNo"].(string)), strings.ToLower(text))
		}
		switch {
		case strings.HasPrefix(filter, "User eq"):
			keep = keep && strings.Contains(row["User"].(Object)["@odata.id"].(string), ids[0])
		case strings.HasPrefix(filter, "Customer"):
			keep = keep && slices.Contains(ids, row["Customer"].(Object)["Id"].(string))
		}
		if keep {
			found = append(found, row)
		}
	}
	return found
}

var literal = regexp.MustCompile(`'((?:[^']|'')*)'`)

// IDToken is evidence with claims over the usual ones of anna.
func (f *Fake) IDToken(claims Object) string {
	c := Object{
		"iss": f.Issuer, "aud": ApplicationURI, "iat": time.Now().Unix(), "exp": time.Now().Add(5 * time.Minute).Unix(), "token_kind": "id",
		"sub": "anna", "id": AnnaID, "sid": "sid-anna", "user_type": "InternalUser",
	}
	maps.Copy(c, claims)
	f.With(func() { f.people[fmt.Sprint(c["sid"])] = c })
	return Sign(c, "JWT", SigningKey())
}

// Anna is evidence of an employee.
func (f *Fake) Anna() string { return f.IDToken(nil) }

// Eve is evidence of another employee.
func (f *Fake) Eve() string { return f.IDToken(Object{"sub": "eve", "id": EveID, "sid": "sid-eve"}) }

// Admin is evidence of an administrator.
func (f *Fake) Admin() string {
	return f.IDToken(Object{"sub": "admin", "id": AdminID, "sid": "sid-admin", "is_admin": true})
}

// Paul is evidence of an external user.
func (f *Fake) Paul() string {
	return f.IDToken(Object{"sub": "paul", "id": PaulID, "sid": "sid-paul", "user_type": "ExternalCommunityUser"})
}

func Sign(claims Object, typ string, key any) string {
	alg := jose.RS256
	if _, symmetric := key.([]byte); symmetric {
		alg = jose.HS256
	}
	signer, err := jose.NewSigner(
		jose.SigningKey{Algorithm: alg, Key: jose.JSONWebKey{Key: key, KeyID: "r1"}},
		(&jose.SignerOptions{}).WithType(jose.ContentType(typ)),
	)
	if err != nil {
		panic(err)
	}
	text, _ := json.Marshal(claims)
	jws, err := signer.Sign(text)
	if err != nil {
		panic(err)
	}
	out, err := jws.CompactSerialize()
	if err != nil {
		panic(err)
	}
	return out
}
