package token

import (
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
	"github.com/hybridapps/tandem/internal/keyalg"
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

// The states of a key. It is published in all of them whose public part is known.
const (
	// KeyNext does not sign yet: verifiers have time to learn it.
	KeyNext KeyState = "next"
	// KeyActive signs.
	KeyActive KeyState = "active"
	// KeyRetired signs no more and verifies until the last token it signed is
	// of no use.
	KeyRetired KeyState = "retired"
	// KeyLost cannot be opened, as when it is gone from where it is kept, and signs nothing.
	KeyLost KeyState = "lost"
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
	// published are the keys whose public part is known to be kept, told those that the log
	// was told of because they do not open; refresh guards both.
	published, told map[string]bool
}

// ErrNoKey is returned while there is no key to sign with: the keys were never
// loaded, or are all for later.
var ErrNoKey = errors.New("token: there is no signing key for now")

// signer is the key of the use that signs at the time.
func (k *Keys) signer(use KeyUse, at time.Time) (*signingKey, error) {
	r := k.ring.Load()
	if r == nil {
		return nil, ErrNoKey
	}
	return r.signer(use, at)
}

// accessSigner is the key that signs access tokens. A key of another algorithm than before
// is published for as long as any before it signs; until then the key of the default goes on.
// So it does where fapi is true and the algorithm is none of FAPI 2.0.
func (k *Keys) accessSigner(at time.Time, fapi bool) (*signingKey, error) {
	if use := accessUse(k.AccessAlgorithm); use != UseAccess && (!fapi || keyalg.FAPI(use.Algorithm())) {
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
	infos := make([]KeyInfo, len(r.keys), len(r.keys)+len(r.unknown))
	for i, key := range r.keys {
		infos[i] = key.info(key.stateAt(now))
		infos[i].RetireAt, infos[i].RemoveAt = key.retireAt, key.removeAt
	}
	for i := range r.unknown {
		infos = append(infos, r.unknown[i].info(KeyLost))
	}
	return infos
}

func (s *StoredKey) info(state KeyState) KeyInfo {
	return KeyInfo{ID: s.ID, Use: s.Use, Algorithm: string(s.Use.Algorithm()), State: state, CreatedAt: s.CreatedAt, ActivateAt: s.ActivateAt}
}

func (key *signingKey) stateAt(t time.Time) KeyState {
	switch {
	case !key.retireAt.IsZero() && !t.Before(key.retireAt):
		return KeyRetired
	case key.private == nil:
		return KeyLost
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
	id, err := thumbprint(private.Public())
	if err != nil {
		return nil, err
	}
	if id != s.ID {
		return nil, fmt.Errorf("signing key %s: the sealed key is another one", s.ID)
	}
	typ := oauth.TypeIDToken
	if slices.Contains(accessUses, s.Use) {
		typ = oauth.TypeAccessToken
	}
	return &signingKey{
		StoredKey: s, private: private, public: s.jwk(private.Public()),
		header: jwsHeader(s.Use, typ, id), plainHeader: jwsHeader(s.Use, oauth.TypeJWT, id), logoutHeader: jwsHeader(s.Use, oauth.TypeLogoutToken, id),
	}, nil
}

// jwk is the public part as it is published.
func (s *StoredKey) jwk(public crypto.PublicKey) jose.JSONWebKey {
	return jose.JSONWebKey{Key: public, KeyID: s.ID, Algorithm: string(s.Use.Algorithm()), Use: "sig"}
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
