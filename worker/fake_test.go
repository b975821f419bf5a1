package worker_test

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"go.uber.org/goleak"

	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/worker"

	"github.com/hybridapps/tandem/data/datatest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("database/sql.(*DB).connectionOpener"),
		goleak.IgnoreTopFunction("internal/poll.runtime_pollWait"), goleak.IgnoreTopFunction("net/http.(*persistConn).writeLoop"))
}

const (
	appURI = "com.example/portal"
	annaID = "0f2e0f8a-7c55-4f0e-9a54-1c1f0f5a8f10"
	paulID = "1f2e0f8a-7c55-4f0e-9a54-1c1f0f5a8f11"
)

var signingKey = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
})

type object = map[string]any

// fake is an instance as the worker sees it: an issuer and a domain API that
// knows just what the worker asks.
type fake struct {
	t      *testing.T
	server *httptest.Server
	issuer string

	lock     sync.Mutex
	disabled bool // the application
	full     bool // the licence
	tokens   map[string]bool
	serial   int
	requests []*http.Request
	// Rows by set. An order's key "Customer" is {"Id": …}.
	rows map[string][]object
	// imported objects by type, ExternalSystem and ExternalId.
	imported map[string]string
	imports  int
	// during is called with each request of a set or Import, unlocked.
	during func(r *http.Request)
	// blind makes the API ignore filters: what comes must be checked again.
	blind bool
}

func newFake(t *testing.T) *fake {
	f := &fake{t: t, tokens: map[string]bool{}, rows: map[string][]object{}, imported: map[string]string{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /id/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		write(w, 200, object{
			"issuer": f.issuer, "authorization_endpoint": f.issuer + "/connect/authorize", "token_endpoint": f.issuer + "/connect/token",
			"jwks_uri": f.issuer + "/jwks", "id_token_signing_alg_values_supported": []string{"RS256"}, "response_types_supported": []string{"code"},
			"subject_types_supported": []string{"public"},
		})
	})
	mux.HandleFunc("GET /id/jwks", func(w http.ResponseWriter, _ *http.Request) {
		write(w, 200, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &signingKey().PublicKey, KeyID: "r1", Algorithm: "RS256", Use: "sig"}}})
	})
	mux.HandleFunc("POST /id/connect/token", f.token)
	mux.HandleFunc("GET /sys/auto-discovery", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"WebSites":[{"Type":"DomainAPI","AdditionalProperties":{"ODataServiceRoot":%q}}]}`, f.server.URL+"/api/domain/odata/")
	})
	mux.HandleFunc("/api/domain/odata/", f.api)
	f.server = httptest.NewServer(mux)
	f.issuer = f.server.URL + "/id"
	t.Cleanup(f.server.Close)
	return f
}

func (f *fake) with(change func()) { f.lock.Lock(); defer f.lock.Unlock(); change() }

func write(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func (f *fake) token(w http.ResponseWriter, r *http.Request) {
	f.lock.Lock()
	defer f.lock.Unlock()
	_ = r.ParseForm()
	if f.disabled || r.PostForm.Get("grant_type") != "client_credentials" {
		write(w, 401, object{"error": "invalid_client", "error_description": "unknown or disabled application"})
		return
	}
	f.serial++
	t := fmt.Sprintf("service-token-%d", f.serial)
	f.tokens[t] = true
	write(w, 200, object{"access_token": t, "token_type": "Bearer", "expires_in": 3600, "scope": "read update"})
}

func (f *fake) fail(w http.ResponseWriter, status int, typ, message string) {
	write(w, status, object{"error": object{"code": 0, "type": typ, "message": message}})
}

func (f *fake) api(w http.ResponseWriter, r *http.Request) {
	f.lock.Lock()
	f.requests = append(f.requests, r)
	good := f.tokens[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")] && !f.disabled
	full, during := f.full, f.during
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
		http.ServeFile(w, r, "testdata/metadata.xml")
	case name == "Import":
		f.doImport(w, r)
	case name == "GetLicenceUsage":
		write(w, 200, object{"Slots": 25, "InUse": 3})
	case strings.HasSuffix(name, "/$count"):
		fmt.Fprint(w, len(f.find(strings.TrimSuffix(name, "/$count"), r.URL.Query())))
	case strings.HasSuffix(name, ")"):
		set, id, _ := strings.Cut(strings.TrimSuffix(name, ")"), "(")
		for _, row := range f.rows[set] {
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

func (f *fake) list(w http.ResponseWriter, r *http.Request, set string) {
	q := r.URL.Query()
	found := f.find(set, q)
	if q.Get("$orderby") != "" {
		slices.SortStableFunc(found, func(a, b object) int {
			return cmp.Or(strings.Compare(b["DocumentDate"].(string), a["DocumentDate"].(string)), strings.Compare(b["DocumentNo"].(string), a["DocumentNo"].(string)))
		})
	}
	total := len(found)
	skip, _ := strconv.Atoi(q.Get("$skip"))
	top, _ := strconv.Atoi(q.Get("$top"))
	found = slices.Clone(found[min(skip, total):])
	answer := object{"value": found}
	if top > 0 && len(found) > top {
		answer["value"] = found[:top]
		next := maps.Clone(q)
		next.Set("$skip", strconv.Itoa(skip+top))
		answer["@odata.nextLink"] = f.server.URL + r.URL.Path + "?" + next.Encode()
	}
	for i, row := range found {
		if !strings.Contains(q.Get("$expand"), "Lines") {
			found[i] = maps.Clone(row)
			delete(found[i], "Lines")
		}
	}
	if q.Get("$count") == "true" {
		answer["@odata.count"] = total
	}
	write(w, 200, answer)
}

var (
	refs     = regexp.MustCompile(`'[A-Za-z_]+\(([0-9a-f-]{36})\)'`)
	since    = regexp.MustCompile(`(\w+) ge ([0-9TZ:.-]+)`)
	until    = regexp.MustCompile(`(\w+) le ([0-9TZ:.-]+)`)
	contains = regexp.MustCompile(`contains\(DocumentNo,'((?:[^']|'')*)'\)`)
)

// find understands the filters that the worker makes.
func (f *fake) find(set string, q url.Values) (found []object) {
	filter := q.Get("$filter")
	if f.blind {
		return slices.Clone(f.rows[set])
	}
	var ids []string
	for _, m := range refs.FindAllStringSubmatch(filter, -1) {
		ids = append(ids, m[1])
	}
	for _, row := range f.rows[set] {
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
			keep = keep && strings.Contains(row["User"].(object)["@odata.id"].(string), ids[0])
		case strings.HasPrefix(filter, "Customer"):
			keep = keep && slices.Contains(ids, row["Customer"].(object)["Id"].(string))
		}
		if keep {
			found = append(found, row)
		}
	}
	return found
}

// doImport merges by ExternalId. A name or text with "refuse" breaks a rule,
// and references must have been imported.
func (f *fake) doImport(w http.ResponseWriter, r *http.Request) {
	f.imports++
	var req struct{ Objects []object }
	if err := json.NewDecoder(r.Body).Decode(&req); err != nil {
		f.fail(w, 400, "BadRequest", err.Error())
		return
	}
	var out []object
	for _, o := range req.Objects {
		text, _ := json.Marshal(o)
		if reason := f.wrong(o); reason != "" {
			out = append(out, object{"@erpnet.result": "fail", "@erpnet.message": reason, "@erpnet.error": object{"code": 2029, "message": reason}})
			continue
		}
		key := fmt.Sprint(o["@odata.type"], "|", o["ExternalSystem"], "|", o["ExternalId"])
		state := "Added"
		if had, found := f.imported[key]; found {
			state = "Modified"
			if had == string(text) || o["@erpnet.action"] == "findOrCreate" {
				state = "Unchanged"
			}
		}
		f.imported[key] = string(text)
		out = append(out, object{"@erpnet.result": "success", "@odata.id": "Set(" + annaID + ")", "@erpnet.state": state})
	}
	write(w, 200, object{"@erpnet.result": "success", "objects": out})
}

func (f *fake) wrong(o object) string {
	for name, v := range o {
		switch v := v.(type) {
		case string:
			if strings.Contains(v, "refuse") {
				return name + " breaks a rule. (Constraint R1)"
			}
		case object:
			if v["@erpnet.action"] == "find" {
				by := v["@erpnet.findBy"].(object)
				if f.imported[fmt.Sprint(v["@odata.type"], "|", by["ExternalSystem"], "|", by["ExternalId"])] == "" {
					return name + ": Object not found."
				}
			}
			if reason := f.wrong(v); reason != "" && !strings.HasPrefix(name, "@") {
				return name + ": " + reason
			}
		case []any:
			for i, line := range v {
				if reason := f.wrong(line.(object)); reason != "" {
					return fmt.Sprintf("%s[%d]: %s", name, i, reason)
				}
			}
		}
	}
	return ""
}

// idToken is evidence with claims over the usual ones of anna.
func (f *fake) idToken(claims object) string {
	c := object{
		"iss": f.issuer, "aud": appURI, "iat": time.Now().Unix(), "exp": time.Now().Add(5 * time.Minute).Unix(), "token_kind": "id",
		"sub": "anna", "id": annaID, "sid": "sid-anna", "user_type": "InternalUser",
	}
	maps.Copy(c, claims)
	return sign(c, "JWT", signingKey())
}

func (f *fake) anna() string { return f.idToken(nil) }
func (f *fake) paul() string {
	return f.idToken(object{"sub": "paul", "id": paulID, "sid": "sid-paul", "user_type": "ExternalCommunityUser"})
}

func sign(claims object, typ string, key any) string {
	alg := jose.RS256
	if _, symmetric := key.([]byte); symmetric {
		alg = jose.HS256
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: jose.JSONWebKey{Key: key, KeyID: "r1"}}, (&jose.SignerOptions{}).WithType(jose.ContentType(typ)))
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

// running is a worker with its internal API.
type running struct {
	*worker.Worker
	t   *testing.T
	f   *fake
	api *internalapi.Client
	url string
	key internalapi.ChannelKey
	dir string
	db  *sqldb.DB
	// stop ends Run and waits for it.
	stop func()
}

type option func(*worker.Config)

func config(t *testing.T, f *fake, db *sqldb.DB, dir string) worker.Config {
	t.Helper()
	p, err := client.NewProvider(client.ProviderConfig{Issuer: f.issuer})
	if err != nil {
		t.Fatal(err)
	}
	key, err := internalapi.NewChannelKey([]byte(strings.Repeat("k", 32)))
	if err != nil {
		t.Fatal(err)
	}
	return worker.Config{
		Provider: p, ApplicationURI: appURI, Credential: client.ServiceSecret("secret"), DB: db, Dir: dir, ChannelKey: key,
	}
}

// start starts a worker on the database.
func start(t *testing.T, f *fake, db *sqldb.DB, dir string, options ...option) *running {
	t.Helper()
	w := serve(t, f, db, dir, options...)
	ctx, cancel := contextOf(t)
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	w.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(w.stop)
	return w
}

// serve is start without Run: nothing is done, but everything can be asked.
func serve(t *testing.T, f *fake, db *sqldb.DB, dir string, options ...option) *running {
	t.Helper()
	c := config(t, f, db, dir)
	for _, o := range options {
		o(&c)
	}
	w, err := worker.New(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(w.Handler())
	t.Cleanup(server.Close)
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	api, err := internalapi.NewClient(server.URL, c.ChannelKey, transport)
	if err != nil {
		t.Fatal(err)
	}
	return &running{Worker: w, t: t, f: f, api: api, url: server.URL, key: c.ChannelKey, dir: dir, db: db, stop: func() {}}
}

// each runs a test on both engines, each with a fresh fake and database.
func each(t *testing.T, test func(t *testing.T, f *fake, db *sqldb.DB)) {
	t.Parallel()
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			test(t, newFake(t), open(t, engine))
		})
	}
}

func open(t *testing.T, engine sqldb.Engine) *sqldb.DB {
	t.Helper()
	return openURL(t, datatest.URL(t, engine))
}

func openURL(t *testing.T, address string) *sqldb.DB {
	t.Helper()
	db, err := sqldb.Open(t.Context(), address, sqldb.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// eventually waits until ask is true.
func eventually(t *testing.T, what string, ask func() bool) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if ask() {
			return
		}
	}
	t.Fatalf("never: %s", what)
}

// until waits for the job's state.
func (w *running) until(id string, state internalapi.JobState) internalapi.Job {
	w.t.Helper()
	var j internalapi.Job
	eventually(w.t, fmt.Sprintf("job %s is %s", id, state), func() bool {
		var err error
		if j, err = w.api.Job(w.t.Context(), w.f.anna(), id); err != nil {
			w.t.Fatal(err)
		}
		if j.State.Final() && j.State != state {
			w.t.Fatalf("job is %s: %s %+v", j.State, j.Error, j.Result)
		}
		return j.State == state
	})
	return j
}

func (w *running) sync() internalapi.Job {
	w.t.Helper()
	j, err := w.api.StartJob(w.t.Context(), w.f.anna(), internalapi.NewJob{Kind: internalapi.JobSyncStock})
	if err != nil {
		w.t.Fatal(err)
	}
	return j
}
