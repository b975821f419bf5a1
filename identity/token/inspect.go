package token

import (
	"context"
	"crypto"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/uuid"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/oauth"
)

// Inspected is what a text says that somebody took for one of our tokens. Nothing of it
// is good for anything but to be looked at: no time was checked, and nobody was asked.
type Inspected struct {
	// JWT says that it has the form of a JWT at all.
	JWT bool
	// Ours says that the instance signed it, with a key that it has published at some
	// time, KeyState where that is now. What is not ours is not to be believed, not even
	// who it says that it is from.
	Ours     bool
	KeyState KeyState
	// Kind is what an own one says it is; empty where its claims are of no kind.
	Kind oauth.TokenKind
	// Issuer, KeyID and Algorithm are those of its text.
	Issuer, KeyID, Algorithm string
	// Principal is whom an own one speaks for: of an ID token no more than the person.
	Principal *tandem.Principal
	Audience  oauth.Audience
}

// KeyRemoved is where a key is that verifies nothing any more.
const KeyRemoved KeyState = "removed"

// Inspect reads a JWT, whoever it is from.
func (k *Keys) Inspect(ctx context.Context, text string) (Inspected, error) {
	in := Inspected{}
	h, payload, ok := lenient(text)
	if !ok {
		return in, nil
	}
	var claims oauth.RegisteredClaims
	in.JWT, in.KeyID, in.Algorithm = true, h.KeyID, string(h.Algorithm)
	if json.Unmarshal(payload, &claims) == nil {
		in.Issuer = claims.Issuer
	}
	key, state, err := k.everPublished(ctx, h.KeyID)
	if err != nil || key == nil {
		return in, err
	}
	jws, err := jose.ParseSignedCompact(text, []jose.SignatureAlgorithm{jose.ES256, jose.RS256, jose.EdDSA})
	if err != nil {
		return in, nil
	}
	verified, err := jws.Verify(key)
	if err != nil || string(verified) != string(payload) {
		return in, nil
	}
	in.Ours, in.KeyState, in.Audience = true, state, claims.Audience
	in.read(payload)
	return in, nil
}

// lenient takes a compact JWS apart without asking whether it is as ours are.
func lenient(text string) (h header, payload []byte, ok bool) {
	parts := strings.Split(text, ".")
	if len(text) > MaxJWT || len(parts) != 3 {
		return h, nil, false
	}
	head, err := base64.RawURLEncoding.DecodeString(parts[0])
	if err != nil || json.Unmarshal(head, &h) != nil {
		return h, nil, false
	}
	payload, err = base64.RawURLEncoding.DecodeString(parts[1])
	return h, payload, err == nil && json.Valid(payload)
}

// read takes the claims of an own token.
func (in *Inspected) read(payload []byte) {
	all, err := uniqueNames(payload)
	if err != nil {
		return
	}
	c, err := readAccess(&compact{payload: payload, names: all})
	if err != nil {
		return
	}
	if in.Kind = c.common().Kind; in.Kind != oauth.KindID {
		if in.Principal, err = c.principal(all, c.common().Issuer); err != nil {
			in.Kind = ""
		}
		return
	}
	var id oauth.IDClaims
	if json.Unmarshal(payload, &id) != nil || len(id.Audience) != 1 {
		in.Kind = ""
		return
	}
	in.Principal = &tandem.Principal{
		ApplicationURI: id.Audience[0], TokenID: id.ID, IssuedAt: time.Unix(id.IssuedAt, 0).UTC(), ExpiresAt: time.Unix(id.ExpiresAt, 0).UTC(),
		User: &tandem.UserIdentity{ID: id.UserID, Login: id.Subject, Type: tandem.UserType(id.UserType), Admin: id.Admin, SignInID: id.SignInID},
	}
}

// PublishedKey is the public part of a key that the instance has signed with, or was to.
// It is kept for ever, so that an old token is known for what it is, and good for nothing
// else.
type PublishedKey struct {
	ID  string
	Use KeyUse
	// Sealed is the JWK, sealed: who can only write to the database plants none.
	Sealed      []byte
	PublishedAt time.Time
}

func publishedPlace(id string) string { return "published_keys|public|" + id }

// publish keeps the public parts of the ring's keys that are not kept yet. Signing does
// not wait for it: what fails is done at the next reading.
func (k *Keys) publish(ctx context.Context, r *ring) {
	for _, key := range r.keys {
		if k.published[key.ID] {
			continue
		}
		if err := k.publishOne(ctx, key); err != nil {
			k.log().Warn("the public part of a signing key is not kept yet", "kid", key.ID, "error", err)
			return
		}
		if k.published == nil {
			k.published = map[string]bool{}
		}
		k.published[key.ID] = true
	}
}

func (k *Keys) publishOne(ctx context.Context, key *signingKey) error {
	if _, err := k.Store.PublishedKey(ctx, key.ID); !errors.Is(err, tandem.ErrNotFound) {
		return err
	}
	text, err := json.Marshal(key.public)
	if err != nil {
		return err
	}
	return k.Store.PublishKey(ctx, PublishedKey{
		ID: key.ID, Use: key.Use, Sealed: k.Box.Seal(text, publishedPlace(key.ID)), PublishedAt: key.CreatedAt,
	})
}

// everPublished is the public key with the id, nil for one that never was ours.
func (k *Keys) everPublished(ctx context.Context, id string) (any, KeyState, error) {
	if r := k.ring.Load(); r != nil && r.byID[id] != nil {
		key := r.byID[id]
		if now := k.Clock.Now(); key.removeAt.IsZero() || now.Before(key.removeAt) {
			return key.public.Key, key.stateAt(now), nil
		}
	}
	kept, err := k.Store.PublishedKey(ctx, id)
	if errors.Is(err, tandem.ErrNotFound) {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", err
	}
	public := k.openPublished(kept)
	if public == nil {
		return nil, "", nil
	}
	return public, KeyRemoved, nil
}

// openPublished is the public key that was kept; nil for one that was planted, or sealed
// with another instance's key.
func (k *Keys) openPublished(kept PublishedKey) crypto.PublicKey {
	var jwk jose.JSONWebKey
	text, err := k.Box.Open(kept.Sealed, publishedPlace(kept.ID))
	if err != nil || json.Unmarshal(text, &jwk) != nil || !jwk.IsPublic() {
		return nil
	}
	return jwk.Key
}

// InspectedRefresh is what is known of a refresh token.
type InspectedRefresh struct {
	// Number is the token's in the chain of its family, which may have ended.
	Number int64
	Family Family
	// Proven says that the token was given out. Of a family that has ended that can no
	// more be known: its secret is gone.
	Proven bool
	// Current says that it would be taken now: it is the newest, or the one before and
	// within the time for a retry.
	Current bool
}

// Inspect tells of what family a refresh token is, or was. It uses nothing up and ends
// nothing; [tandem.ErrNotFound] is for a token that is of no family known here.
func (f *Families) Inspect(ctx context.Context, text string) (InspectedRefresh, error) {
	in := InspectedRefresh{}
	if !IsRefreshToken(text) {
		return in, tandem.ErrNotFound
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(text[len(refreshPrefix):])
	if err != nil || len(b) != refreshBytes {
		return in, tandem.ErrNotFound
	}
	if in.Family, err = f.Store.Family(ctx, uuid.UUID(b[:idBytes]).String()); err != nil {
		return in, err
	}
	in.Number = int64(binary.BigEndian.Uint64(b[idBytes:]))
	secret, err := f.Box.Open(in.Family.Secret, in.Family.place())
	if err != nil {
		return in, nil
	}
	mac := hmac.New(sha256.New, secret)
	mac.Write(b[:idBytes+generationBytes])
	if in.Proven = hmac.Equal(mac.Sum(nil), b[idBytes+generationBytes:]); !in.Proven {
		return in, tandem.ErrNotFound
	}
	in.Current = f.current(&RefreshToken{Family: in.Family, number: in.Number}, f.Clock.Now())
	return in, nil
}
