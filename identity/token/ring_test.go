package token_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/seal"
)

const issuer = "https://erp.example/id"

// memory is a key store that replicas share.
type memory struct {
	mu   sync.Mutex
	keys []token.StoredKey
	kept map[string]token.PublishedKey
}

func (m *memory) PublishKey(_ context.Context, k token.PublishedKey) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.kept == nil {
		m.kept = map[string]token.PublishedKey{}
	}
	m.kept[k.ID] = k
	return nil
}

func (m *memory) PublishedKey(_ context.Context, id string) (token.PublishedKey, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if k, kept := m.kept[id]; kept {
		return k, nil
	}
	return token.PublishedKey{}, tandem.ErrNotFound
}

func (m *memory) Keys(context.Context) ([]token.StoredKey, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]token.StoredKey(nil), m.keys...), nil
}

func (m *memory) AddKey(_ context.Context, k token.StoredKey) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, have := range m.keys {
		if have.Use == k.Use && have.Generation == k.Generation {
			return false, nil
		}
	}
	m.keys = append(m.keys, k)
	return true, nil
}

func (m *memory) DeleteKey(_ context.Context, id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, k := range m.keys {
		if k.ID == id {
			m.keys = append(m.keys[:i], m.keys[i+1:]...)
			break
		}
	}
	return nil
}

// replica is what one process has of package token.
type replica struct {
	keys   *token.Keys
	minter *token.Minter
	api    *token.Verifier
	people *token.Verifier
}

func newReplica(t testing.TB, store token.KeyStore, c *testkit.Clock) *replica {
	t.Helper()
	return newReplicaOf(t, store, c, "")
}

// newReplicaOf is a replica that signs access tokens with the algorithm.
func newReplicaOf(t testing.TB, store token.KeyStore, c *testkit.Clock, algorithm string) *replica {
	t.Helper()
	box, err := seal.New("signing keys", []byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	r := &replica{keys: &token.Keys{Store: store, Box: box, AccessAlgorithm: algorithm, Log: slog.New(slog.DiscardHandler), Clock: c.Now}}
	r.minter = &token.Minter{Issuer: issuer, Keys: r.keys, Database: "db-1", Clock: c.Now}
	r.api = &token.Verifier{Issuer: issuer, Keys: r.keys, Clock: c.Now}
	r.people = &token.Verifier{Issuer: issuer, Keys: r.keys, Audience: token.ResourcesAudience(issuer), Clock: c.Now}
	r.refresh(t)
	return r
}

func (r *replica) refresh(t testing.TB) {
	t.Helper()
	if err := r.keys.Refresh(context.Background()); err != nil {
		t.Fatal(err)
	}
}

var (
	anna  = &tandem.User{ID: "0b6f3a3e-58a5-4b2f-8f5d-0d2f4c8b7a11", Login: "anna", Type: tandem.InternalUser, Name: "Anna", Enabled: true}
	paul  = &tandem.User{ID: "5f2a90c1-4f0e-4a39-9a55-7a1b2c3d4e5f", Login: "paul", Type: tandem.ExternalCommunityUser, Enabled: true}
	robot = &tandem.User{ID: "1c9d7b52-2f8a-4a6b-9a0c-8e7f6a5b4c3d", Login: "svc.portal", Type: tandem.SystemUserNoLogin, Enabled: true}
)

// user mints a person's access and ID token, service a back end's token.
func (r *replica) user(t testing.TB, u *tandem.User) (access, id string) {
	t.Helper()
	about := token.UserToken{User: u, ApplicationURI: "com.example/portal", Scope: tandem.Scope{"openid", "profile", "read"}, SignInID: "sid-1", AuthTime: r.minter.Clock.Now()}
	a, err := r.minter.UserAccess(about)
	if err != nil {
		t.Fatal(err)
	}
	i, err := r.minter.IDToken(about, token.Bound{Nonce: "n", AccessToken: a.JWT})
	if err != nil {
		t.Fatal(err)
	}
	return a.JWT, i.JWT
}

func (r *replica) service(t testing.TB) string {
	t.Helper()
	m, err := r.minter.ServiceAccess(token.ServiceToken{SystemUser: robot, ApplicationURI: "com.example/portal", Scope: tandem.Scope{"read"}})
	if err != nil {
		t.Fatal(err)
	}
	return m.JWT
}

func (r *replica) access(jwt string) bool {
	_, err := r.api.VerifyAccess(context.Background(), jwt)
	return err == nil
}

func (r *replica) hint(jwt string) bool {
	_, err := r.api.VerifyHint(context.Background(), jwt)
	return err == nil
}

// published are the ids in the key set, by algorithm; without those of ES256 that sign
// ID tokens.
func (r *replica) published(t testing.TB) map[string][]string {
	t.Helper()
	var set struct {
		Keys []map[string]any `json:"keys"`
	}
	if err := json.Unmarshal(r.keys.JWKS(), &set); err != nil {
		t.Fatal(err)
	}
	ids := map[string][]string{}
	for _, k := range set.Keys {
		for name := range k {
			switch name {
			case "kty", "kid", "use", "alg", "crv", "x", "y", "n", "e":
			default:
				t.Errorf("the key set has the member %q", name)
			}
		}
		if r.state(token.UseIDES256, k["kid"].(string)) != "gone" {
			continue
		}
		ids[k["alg"].(string)] = append(ids[k["alg"].(string)], k["kid"].(string))
	}
	return ids
}

// signs says which key signs access tokens.
func (r *replica) signs(t testing.TB) string {
	t.Helper()
	return kid(t, r.service(t))
}

// counting is a key store that counts how often it is asked.
type counting struct {
	memory
	asked atomic.Int64
}

func (c *counting) Keys(ctx context.Context) ([]token.StoredKey, error) {
	c.asked.Add(1)
	return c.memory.Keys(ctx)
}
