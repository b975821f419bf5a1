package token

import (
	"cmp"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/seal"
)

// KeyUse says what a key signs.
type KeyUse string

// The uses. Access tokens are signed with ES256, which costs a twentieth of
// RS256; ID tokens with RS256, which every OpenID Connect client knows.
const (
	UseAccess KeyUse = "access"
	UseID     KeyUse = "id"
)

var keyUses = []KeyUse{UseAccess, UseID}

// Algorithm is the JWS algorithm of the use.
func (u KeyUse) Algorithm() jose.SignatureAlgorithm {
	if u == UseID {
		return jose.RS256
	}
	return jose.ES256
}

// KeyState is where a key is in its life.
type KeyState string

// The states of a key. It is published in all of them.
const (
	// KeyNext does not sign yet: verifiers have time to learn it.
	KeyNext KeyState = "next"
	// KeyActive signs.
	KeyActive KeyState = "active"
	// KeyRetired signs no more and verifies until the last token it signed is
	// of no use.
	KeyRetired KeyState = "retired"
)

// StoredKey is a signing key as the store knows it. The public part is not
// stored: it is worked out of the sealed private part, so that nobody who can
// only write to the database can plant a key.
type StoredKey struct {
	// ID is the kid: the key's thumbprint (RFC 7638).
	ID  string
	Use KeyUse
	// Generation counts the keys of a use from 1. The key with the highest
	// generation that may sign is the one that does.
	Generation int64
	// Sealed is the private key in PKCS #8, sealed for this id.
	Sealed    []byte
	CreatedAt time.Time
	// ActivateAt is when the key begins to sign.
	ActivateAt time.Time
}

// KeyStore keeps signing keys.
type KeyStore interface {
	Keys(ctx context.Context) ([]StoredKey, error)
	// AddKey reports false when the generation is taken: another replica was
	// faster, and its key is as good.
	AddKey(ctx context.Context, k StoredKey) (bool, error)
	DeleteKey(ctx context.Context, id string) error
}

// KeyInfo is what may be known of a key.
type KeyInfo struct {
	ID        string
	Use       KeyUse
	Algorithm string
	State     KeyState
	CreatedAt time.Time
	// ActivateAt is when it begins to sign; RetireAt when it stops and RemoveAt
	// when it verifies no more, both zero while it has no successor.
	ActivateAt, RetireAt, RemoveAt time.Time
}

// Keys is the instance's key ring, the same on every replica: read from the
// store every two seconds, and changed by one insert that only one replica can
// win. Its fields are set once, before [Keys.Refresh].
type Keys struct {
	Store KeyStore
	Box   *seal.Box
	// Lifetimes are those of the tokens signed, which say how long a retired
	// key verifies.
	Lifetimes Lifetimes
	// RotateEvery is the age at which a key is replaced; zero means 90 days.
	RotateEvery time.Duration
	// PublishLead is for how long a key is published before it signs; zero
	// means 10 minutes, twice as long as clients may keep the key set.
	PublishLead time.Duration
	// Log is told of rotations; nil means slog.Default.
	Log *slog.Logger
	// Clock tells the time; nil means the system's.
	Clock tandem.Clock

	ring    atomic.Pointer[ring]
	removed atomic.Uint64
	refresh sync.Mutex
}

// ring is one reading of the key store. It does not change.
type ring struct {
	// keys are ordered by use, then generation.
	keys []*signingKey
	byID map[string]*signingKey
	jwks []byte
}

// signingKey is an opened key with its place in time.
type signingKey struct {
	StoredKey
	private crypto.Signer
	public  jose.JSONWebKey
	// header is the JWS header of what the key signs, encoded.
	header             string
	retireAt, removeAt time.Time
}

// ErrNoKey is returned while there is no key to sign with: the keys were never
// loaded, or are all for later.
var ErrNoKey = errors.New("token: there is no signing key for now")

// clocksDiffer is how far the clocks of replicas may be apart before a key that one
// of them made counts as made with a wrong clock.
const clocksDiffer = time.Minute

// signer is the key that signs at the time: the newest that may. When all are for
// later, and the first of them for very soon, it is that one: the clocks of two
// replicas differ.
func (k *Keys) signer(use KeyUse, at time.Time) (*signingKey, error) {
	r := k.ring.Load()
	if r == nil {
		return nil, ErrNoKey
	}
	var first *signingKey
	for _, key := range slices.Backward(r.keys) {
		if key.Use != use {
			continue
		}
		if !at.Before(key.ActivateAt) {
			return key, nil
		}
		if first == nil || key.ActivateAt.Before(first.ActivateAt) {
			first = key
		}
	}
	if first != nil && !at.Before(first.ActivateAt.Add(-clocksDiffer)) {
		return first, nil
	}
	return nil, ErrNoKey
}

// Ready says why no token can be signed now.
func (k *Keys) Ready() error {
	for _, use := range keyUses {
		if _, err := k.signer(use, k.Clock.Now()); err != nil {
			return err
		}
	}
	return nil
}

// verifier is the key with the id, if it verifies tokens of the use at the
// time.
func (k *Keys) verifier(id string, use KeyUse, at time.Time) (*signingKey, bool) {
	r := k.ring.Load()
	if r == nil {
		return nil, false
	}
	key, ok := r.byID[id]
	if !ok || key.Use != use || !key.removeAt.IsZero() && !at.Before(key.removeAt) {
		return nil, false
	}
	return key, true
}

// JWKS is the published key set (RFC 7517 section 5), ready to be sent: public
// parts only. It must not be changed.
func (k *Keys) JWKS() []byte {
	if r := k.ring.Load(); r != nil {
		return r.jwks
	}
	return []byte(`{"keys":[]}`)
}

// Generation changes whenever a key that may have signed live tokens is gone:
// whoever remembers tokens as verified must then verify them again.
func (k *Keys) Generation() uint64 { return k.removed.Load() }

// List tells of all keys, by use and age.
func (k *Keys) List() []KeyInfo {
	r := k.ring.Load()
	if r == nil {
		return nil
	}
	now := k.Clock.Now()
	infos := make([]KeyInfo, len(r.keys))
	for i, key := range r.keys {
		infos[i] = KeyInfo{
			ID: key.ID, Use: key.Use, Algorithm: string(key.Use.Algorithm()), State: key.stateAt(now),
			CreatedAt: key.CreatedAt, ActivateAt: key.ActivateAt, RetireAt: key.retireAt, RemoveAt: key.removeAt,
		}
	}
	return infos
}

func (key *signingKey) stateAt(t time.Time) KeyState {
	switch {
	case !key.retireAt.IsZero() && !t.Before(key.retireAt):
		return KeyRetired
	case t.Before(key.ActivateAt):
		return KeyNext
	}
	return KeyActive
}

// tail is for how long a retired key of the use verifies: until the last token
// it signed is of no use. An ID token serves as a sign-out hint long after it
// has expired.
func (k *Keys) tail(use KeyUse) time.Duration {
	if use == UseID {
		return hintLifetime
	}
	return k.Lifetimes.access() + 2*Skew
}

// newRing opens stored keys; those of the last reading are not opened again.
func (k *Keys) newRing(stored []StoredKey, last *ring) (*ring, error) {
	r := &ring{byID: make(map[string]*signingKey, len(stored))}
	for _, s := range stored {
		var key *signingKey
		if last != nil && last.byID[s.ID] != nil {
			same := *last.byID[s.ID] // a copy: its end may have changed
			same.retireAt, same.removeAt = time.Time{}, time.Time{}
			key = &same
		} else {
			var err error
			if key, err = openKey(k.Box, s); err != nil {
				return nil, err
			}
		}
		r.keys = append(r.keys, key)
		r.byID[s.ID] = key
	}
	slices.SortFunc(r.keys, func(a, b *signingKey) int {
		return cmp.Or(cmp.Compare(a.Use, b.Use), cmp.Compare(a.Generation, b.Generation))
	})
	// A key retires when the first of a later generation begins to sign.
	for i := len(r.keys) - 2; i >= 0; i-- {
		key, next := r.keys[i], r.keys[i+1]
		if next.Use != key.Use {
			continue
		}
		key.retireAt = next.ActivateAt
		if !next.retireAt.IsZero() && next.retireAt.Before(key.retireAt) {
			key.retireAt = next.retireAt
		}
		key.removeAt = key.retireAt.Add(k.tail(key.Use))
	}
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
	for _, key := range r.keys {
		set.Keys = append(set.Keys, key.public)
	}
	var err error
	r.jwks, err = json.Marshal(set)
	return r, err
}

func keyPlace(id string) string { return "signing_keys|private|" + id }

// newKey makes a key of the generation.
func newKey(box *seal.Box, use KeyUse, generation int64, now, activateAt time.Time) (StoredKey, error) {
	var private crypto.Signer
	var err error
	if use == UseID {
		private, err = rsa.GenerateKey(rand.Reader, 2048)
	} else {
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	if err != nil {
		return StoredKey{}, err
	}
	id, err := thumbprint(private.Public())
	if err != nil {
		return StoredKey{}, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return StoredKey{}, err
	}
	return StoredKey{
		ID: id, Use: use, Generation: generation, Sealed: box.Seal(der, keyPlace(id)),
		CreatedAt: now, ActivateAt: activateAt,
	}, nil
}

// openKey unseals a key and proves that it is the one its id names.
func openKey(box *seal.Box, s StoredKey) (*signingKey, error) {
	der, err := box.Open(s.Sealed, keyPlace(s.ID))
	if err != nil {
		return nil, fmt.Errorf("signing key %s: %w", s.ID, err)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("signing key %s: %w", s.ID, err)
	}
	typ := oauth.TypeAccessToken
	switch private := parsed.(type) {
	case *ecdsa.PrivateKey:
		if s.Use != UseAccess || private.Curve != elliptic.P256() {
			return nil, fmt.Errorf("signing key %s: an elliptic key that is not of P-256 for access tokens", s.ID)
		}
	case *rsa.PrivateKey:
		if s.Use != UseID {
			return nil, fmt.Errorf("signing key %s: an RSA key that is not for ID tokens", s.ID)
		}
		typ = oauth.TypeIDToken
	default:
		return nil, fmt.Errorf("signing key %s: unknown type %T", s.ID, parsed)
	}
	private := parsed.(crypto.Signer) // both types above are
	id, err := thumbprint(private.Public())
	if err != nil {
		return nil, err
	}
	if id != s.ID {
		return nil, fmt.Errorf("signing key %s: the sealed key is another one", s.ID)
	}
	header, err := json.Marshal(struct {
		Algorithm string `json:"alg"`
		Type      string `json:"typ"`
		KeyID     string `json:"kid"`
	}{string(s.Use.Algorithm()), typ, id})
	if err != nil {
		return nil, err
	}
	return &signingKey{
		StoredKey: s, private: private,
		public: jose.JSONWebKey{Key: private.Public(), KeyID: id, Algorithm: string(s.Use.Algorithm()), Use: "sig"},
		header: base64.RawURLEncoding.EncodeToString(header),
	}, nil
}

func thumbprint(public crypto.PublicKey) (string, error) {
	sum, err := (&jose.JSONWebKey{Key: public}).Thumbprint(crypto.SHA256)
	return base64.RawURLEncoding.EncodeToString(sum), err
}
