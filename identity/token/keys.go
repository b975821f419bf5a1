package token

import (
	"cmp"
	"context"
	"crypto"
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
// RS256, or with what the instance was told; ID tokens with RS256, which every OpenID
// Connect client knows, or with what their application asks for. A key has one use, so
// that no token is taken for one of another kind.
const (
	UseAccess      KeyUse = "access"
	UseAccessRS256 KeyUse = "access RS256"
	UseAccessEdDSA KeyUse = "access EdDSA"
	UseID          KeyUse = "id"
	UseIDES256     KeyUse = "id ES256"
	UseIDEdDSA     KeyUse = "id EdDSA"
)

// keyUses are the uses that every instance has keys for; of the others it has them once it
// was told to sign with one.
var keyUses = []KeyUse{UseAccess, UseID, UseIDES256, UseIDEdDSA}

// accessUses are the uses of access tokens, idUses those of ID tokens.
var (
	accessUses = []KeyUse{UseAccess, UseAccessRS256, UseAccessEdDSA}
	idUses     = []KeyUse{UseID, UseIDES256, UseIDEdDSA}
)

// AccessAlgorithms are those that access tokens can be signed with. The first is the default.
var AccessAlgorithms = []string{string(jose.ES256), string(jose.RS256), string(jose.EdDSA)}

// accessUse is the use of access tokens with the algorithm; ES256 for one that there is not.
func accessUse(algorithm string) KeyUse {
	for _, use := range accessUses {
		if string(use.Algorithm()) == algorithm {
			return use
		}
	}
	return UseAccess
}

func (u KeyUse) known() bool { return slices.Contains(accessUses, u) || slices.Contains(idUses, u) }

// idUse is the use of ID tokens with the algorithm; RS256 for one that there is not.
func idUse(algorithm string) KeyUse {
	for _, use := range idUses {
		if string(use.Algorithm()) == algorithm {
			return use
		}
	}
	return UseID
}

// Algorithm is the JWS algorithm of the use.
func (u KeyUse) Algorithm() jose.SignatureAlgorithm {
	switch u {
	case UseID, UseAccessRS256:
		return jose.RS256
	case UseIDEdDSA, UseAccessEdDSA:
		return jose.EdDSA
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
	// Sealed is what the [Signer] opens the private key by, sealed for this id.
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
	// PublishKey keeps a public part for ever; one that is kept stays as it is.
	PublishKey(ctx context.Context, k PublishedKey) error
	// PublishedKey returns [tandem.ErrNotFound] for an id it does not know.
	PublishedKey(ctx context.Context, id string) (PublishedKey, error)
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
	// Signer makes the private keys; nil means [Software]. Keys that were made in software
	// before go on until they retire.
	Signer Signer
	// AccessAlgorithm is what access tokens are signed with, one of [AccessAlgorithms];
	// empty means the first. Tokens with any of them are taken, so that it can be changed,
	// and replicas may differ.
	AccessAlgorithm string
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
	// published are the keys whose public part is known to be kept; refresh guards it.
	published map[string]bool
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
	header string
	// plainHeader is that of access tokens of the type JWT, logoutHeader that of the logout
	// tokens that it signs.
	plainHeader, logoutHeader string

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

// accessSigner is the key that signs access tokens. A key of another algorithm than before
// is published for as long as any before it signs; until then the key of the default goes on.
func (k *Keys) accessSigner(at time.Time) (*signingKey, error) {
	if use := accessUse(k.AccessAlgorithm); use != UseAccess {
		if key, err := k.signer(use, at); err == nil && !at.Before(key.ActivateAt) {
			return key, nil
		}
	}
	return k.signer(UseAccess, at)
}

// uses are those that the instance keeps keys for: what every instance has, what this one
// was told to sign with, and what another one was, or this one before.
func (k *Keys) uses() []KeyUse {
	uses := slices.Clone(keyUses)
	for _, use := range accessUses[1:] {
		if use == accessUse(k.AccessAlgorithm) || slices.ContainsFunc(k.ring.Load().keys, func(key *signingKey) bool { return key.Use == use }) {
			uses = append(uses, use)
		}
	}
	return uses
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

// has reports whether there is a key with the id, whatever it signs.
func (k *Keys) has(id string) bool {
	r := k.ring.Load()
	return r != nil && r.byID[id] != nil
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
	if slices.Contains(idUses, use) {
		return hintLifetime
	}
	return k.Lifetimes.access() + 2*Skew
}

// newRing opens stored keys; those of the last reading are not opened again.
func (k *Keys) newRing(stored []StoredKey, last *ring) (*ring, error) {
	r := &ring{byID: make(map[string]*signingKey, len(stored))}
	for _, s := range stored {
		if !s.Use.known() {
			continue // of a newer version, beside which this one still runs
		}
		var key *signingKey
		if last != nil && last.byID[s.ID] != nil {
			same := *last.byID[s.ID] // a copy: its end may have changed
			same.retireAt, same.removeAt = time.Time{}, time.Time{}
			key = &same
		} else {
			var err error
			if key, err = k.openKey(s); err != nil {
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
func (k *Keys) newKey(use KeyUse, generation int64, activateAt time.Time) (StoredKey, error) {
	private, saved, err := k.make(use.Algorithm())
	if err != nil {
		return StoredKey{}, err
	}
	id, err := thumbprint(private.Public())
	if err != nil {
		return StoredKey{}, err
	}
	return StoredKey{
		ID: id, Use: use, Generation: generation, Sealed: k.Box.Seal(saved, keyPlace(id)),
		CreatedAt: k.Clock.Now(), ActivateAt: activateAt,
	}, nil
}

// openKey unseals a key and proves that it is the one its id names.
func (k *Keys) openKey(s StoredKey) (*signingKey, error) {
	saved, err := k.Box.Open(s.Sealed, keyPlace(s.ID))
	if err != nil {
		return nil, fmt.Errorf("signing key %s: %w", s.ID, err)
	}
	private, err := k.open(saved)
	if err != nil {
		return nil, fmt.Errorf("signing key %s: %w", s.ID, err)
	}
	if algorithmOf(private.Public()) != s.Use.Algorithm() || !s.Use.known() {
		return nil, fmt.Errorf("signing key %s: a %T is not for %s", s.ID, private, s.Use)
	}
	typ := oauth.TypeIDToken
	if slices.Contains(accessUses, s.Use) {
		typ = oauth.TypeAccessToken
	}
	id, err := thumbprint(private.Public())
	if err != nil {
		return nil, err
	}
	if id != s.ID {
		return nil, fmt.Errorf("signing key %s: the sealed key is another one", s.ID)
	}
	return &signingKey{
		StoredKey: s, private: private,
		public: jose.JSONWebKey{Key: private.Public(), KeyID: id, Algorithm: string(s.Use.Algorithm()), Use: "sig"},
		header: jwsHeader(s.Use, typ, id), plainHeader: jwsHeader(s.Use, oauth.TypeJWT, id), logoutHeader: jwsHeader(s.Use, oauth.TypeLogoutToken, id),
	}, nil
}

// jwsHeader is the header of what a key signs, encoded.
func jwsHeader(use KeyUse, typ, id string) string {
	header, err := json.Marshal(struct {
		Algorithm string `json:"alg"`
		Type      string `json:"typ"`
		KeyID     string `json:"kid"`
	}{string(use.Algorithm()), typ, id})
	if err != nil {
		panic(err) // three texts always marshal
	}
	return base64.RawURLEncoding.EncodeToString(header)
}

func thumbprint(public crypto.PublicKey) (string, error) {
	sum, err := (&jose.JSONWebKey{Key: public}).Thumbprint(crypto.SHA256)
	return base64.RawURLEncoding.EncodeToString(sum), err
}
