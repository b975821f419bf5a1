package token_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/seal"
	"github.com/hybridapps/tandem/sqldb"
)

func kid(t testing.TB, jwt string) string {
	t.Helper()
	first, _, _ := strings.Cut(jwt, ".")
	b, err := base64.RawURLEncoding.DecodeString(first)
	if err != nil {
		t.Fatal(err)
	}
	var h struct{ Kid string }
	if err := json.Unmarshal(b, &h); err != nil || h.Kid == "" {
		t.Fatalf("%s, %v", b, err)
	}
	return h.Kid
}

func (r *replica) state(use token.KeyUse, id string) token.KeyState {
	for _, k := range r.keys.List() {
		if k.Use == use && k.ID == id {
			return k.State
		}
	}
	return "gone"
}

// A key's life: published before it signs, verifying until the last token it
// signed has expired, then gone, private part and all (D25).
func TestD25_KeysRotateOnSchedule(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c, store := testkit.NewClock(), data.NewKeys(db)
		r, second := newReplica(t, store, c), newReplica(t, store, c)
		tick := func(d time.Duration) {
			t.Helper()
			c.Advance(d)
			r.refresh(t)
			second.refresh(t)
		}
		first := r.signs(t)
		if got := second.signs(t); got != first || len(r.published(t)["ES256"]) != 1 || len(r.published(t)["RS256"]) != 1 {
			t.Fatalf("two replicas of a new instance sign with %s and %s", first, got)
		}
		tick(token.RotateEvery - token.PublishLead - time.Second)
		if n := len(r.published(t)["ES256"]); n != 1 {
			t.Fatalf("a second before its time there are %d keys", n)
		}
		tick(time.Second)
		ids := r.published(t)["ES256"]
		if len(ids) != 2 || r.signs(t) != first || second.signs(t) != first {
			t.Fatalf("the next key: %d published, %v still signs", len(ids), r.signs(t) == first)
		}
		next := ids[slices.IndexFunc(ids, func(id string) bool { return id != first })]
		if r.state(token.UseAccess, next) != token.KeyNext || r.state(token.UseAccess, first) != token.KeyActive {
			t.Errorf("states %v, %v", r.state(token.UseAccess, next), r.state(token.UseAccess, first))
		}
		tick(token.PublishLead - time.Second)
		last, lastID := r.user(t, anna)
		if kid(t, last) != first {
			t.Fatal("the next key signs before its time")
		}
		tick(time.Second)
		if r.signs(t) != next || second.signs(t) != next || r.state(token.UseAccess, first) != token.KeyRetired {
			t.Fatal("the next key does not sign at its time")
		}
		tick(token.AccessLifetime - 2*time.Second)
		if !r.access(last) || !second.access(last) || len(r.published(t)["ES256"]) != 2 {
			t.Error("the retired key does not verify its last token")
		}
		// A replica that cannot follow the store stops by itself.
		c.Advance(20 * time.Second)
		if r.access(last) {
			t.Error("the retired key verifies after its last token expired")
		}
		tick(time.Minute)
		if got := r.published(t); len(got["ES256"]) != 1 || r.state(token.UseAccess, first) != "gone" || r.access(last) {
			t.Errorf("after the last token expired: %v", got)
		}
		stored, err := store.Keys(t.Context())
		if err != nil || slices.ContainsFunc(stored, func(k token.StoredKey) bool { return k.ID == first }) {
			t.Errorf("the private part is still stored, %v", err)
		}
		// An ID token serves as a sign-out hint for as long as a sign-in lasts.
		tick(29 * 24 * time.Hour)
		if !r.hint(lastID) {
			t.Error("the ID token is no hint any more after 29 days")
		}
		tick(3 * 24 * time.Hour)
		if r.hint(lastID) {
			t.Error("the ID token is a hint for ever")
		}
	})
}

// By command: rotated with the same lead, removed at once. A removed key is
// dead everywhere, and what remembered its tokens is told (D25).
func TestD25_RotateAndRemove(t *testing.T) {
	t.Parallel()
	datatest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c, store := testkit.NewClock(), data.NewKeys(db)
		r, second := newReplica(t, store, c), newReplica(t, store, c)
		old := r.service(t)
		for range 2 { // twice: a key that waits to sign is kept
			if _, err := r.keys.Rotate(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		second.refresh(t)
		if n := len(second.published(t)["ES256"]); n != 2 || second.signs(t) != kid(t, old) {
			t.Fatalf("%d keys", n)
		}
		c.Advance(token.PublishLead)
		annas, _ := second.user(t, anna)
		if kid(t, annas) == kid(t, old) || !r.access(old) || !r.access(annas) {
			t.Fatal("the rotated key does not sign, or the old one does not verify")
		}
		before := second.keys.Generation()
		if _, err := r.keys.Remove(t.Context(), kid(t, annas)); err != nil {
			t.Fatal(err)
		}
		second.refresh(t)
		for name, replica := range map[string]*replica{"first": r, "second": second} {
			if replica.access(annas) || !replica.access(old) {
				t.Errorf("%s replica: the removed key verifies %v, the one before it %v", name, replica.access(annas), replica.access(old))
			}
			if fresh := replica.service(t); kid(t, fresh) == kid(t, annas) || !r.access(fresh) || !second.access(fresh) {
				t.Errorf("%s replica: no new key signs", name)
			}
			if slices.Contains(replica.published(t)["ES256"], kid(t, annas)) {
				t.Errorf("%s replica: the removed key is published", name)
			}
		}
		if second.keys.Generation() == before {
			t.Error("those who remember tokens are not told")
		}
		if _, err := r.keys.Remove(t.Context(), "none"); tandem.ErrorCode(err) != tandem.CodeNotFound {
			t.Errorf("removing what is not there: %v", err)
		}
	})
}

// A database alone yields no key and takes none: without the master key nothing
// opens, and a planted, moved or renamed row is refused (F32, D25).
func TestF32_StoredKeysAreSealed(t *testing.T) {
	t.Parallel()
	c, store := testkit.NewClock(), &memory{}
	r := newReplica(t, store, c)
	jwt := r.service(t)
	wrong, err := seal.New("signing keys", []byte("another master key of 32 bytes!!"))
	if err != nil {
		t.Fatal(err)
	}
	if err := (&token.Keys{Store: store, Box: wrong}).Refresh(t.Context()); !errors.Is(err, seal.ErrOpen) {
		t.Errorf("with another master key: %v", err)
	}
	other := &memory{}
	newReplica(t, other, c)
	for name, tamper := range map[string]func(keys []token.StoredKey){
		"changed":                 func(k []token.StoredKey) { k[0].Sealed[20] ^= 1 },
		"cut short":               func(k []token.StoredKey) { k[0].Sealed = k[0].Sealed[:10] },
		"in another row":          func(k []token.StoredKey) { k[0].Sealed, k[1].Sealed = k[1].Sealed, k[0].Sealed },
		"renamed":                 func(k []token.StoredKey) { k[0].ID = "evil" },
		"for another use":         func(k []token.StoredKey) { k[0].Use, k[1].Use = k[1].Use, k[0].Use },
		"another instance's text": func(k []token.StoredKey) { k[0].Sealed = other.keys[0].Sealed },
		"plain":                   func(k []token.StoredKey) { k[0].Sealed = []byte("-----BEGIN PRIVATE KEY-----") },
	} {
		copied := &memory{}
		for _, k := range store.keys {
			k.Sealed = slices.Clone(k.Sealed)
			copied.keys = append(copied.keys, k)
		}
		tamper(copied.keys)
		box, err := seal.New("signing keys", []byte("0123456789abcdef0123456789abcdef"))
		if err != nil {
			t.Fatal(err)
		}
		keys := &token.Keys{Store: copied, Box: box, Clock: c.Now}
		if err := keys.Refresh(t.Context()); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	// A store that goes bad later does not take the good keys away.
	store.mu.Lock()
	store.keys[0].Sealed = []byte("x")
	store.keys[0].ID = "planted"
	store.mu.Unlock()
	if err := r.keys.Refresh(t.Context()); err == nil || !r.access(jwt) {
		t.Errorf("refresh: %v, the token verifies: %v", err, r.access(jwt))
	}
}

// Before the keys are loaded nothing is signed or verified.
func TestNoKeysNoTokens(t *testing.T) {
	t.Parallel()
	keys := &token.Keys{}
	if _, err := (&token.Minter{Issuer: issuer, Keys: keys}).ServiceAccess(token.ServiceToken{SystemUser: robot}); !errors.Is(err, token.ErrNoKey) {
		t.Error(err)
	}
	r := newReplica(t, &memory{}, testkit.NewClock())
	if _, err := (&token.Verifier{Issuer: issuer, Keys: keys}).VerifyAccess(t.Context(), r.service(t)); tandem.ErrorCode(err) != tandem.CodeUnauthorized {
		t.Error(err)
	}
	if string(keys.JWKS()) != `{"keys":[]}` || keys.List() != nil {
		t.Errorf("%s %v", keys.JWKS(), keys.List())
	}
}
