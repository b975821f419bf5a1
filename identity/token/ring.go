package token

import (
	"cmp"
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/hybridapps/tandem"
)

// ring is one reading of the key store. It does not change.
type ring struct {
	// keys are ordered by use, then generation.
	keys []*signingKey
	// unknown are the keys that neither open nor have a public part of ours. They are left
	// out of all.
	unknown []StoredKey
	byID    map[string]*signingKey
	jwks    []byte
}

// signingKey is an opened key with its place in time.
type signingKey struct {
	StoredKey
	// private is nil for a key that does not open: it only verifies.
	private crypto.Signer
	public  jose.JSONWebKey
	// header is the JWS header of what the key signs, encoded.
	header string
	// plainHeader is that of access tokens of the type JWT, logoutHeader that of the logout
	// tokens that it signs.
	plainHeader, logoutHeader string

	retireAt, removeAt time.Time
}

// newRing opens stored keys; those of the last reading are not opened again. One that does
// not open verifies by its published part, where that is ours. It is an error when a use
// that every instance has keys for is left without one that signs: that is a wrong key of
// the instance or a module that is not there, and no new key would mend it.
func (k *Keys) newRing(ctx context.Context, stored []StoredKey, last *ring) (*ring, error) {
	r := &ring{byID: make(map[string]*signingKey, len(stored))}
	broken, each := map[KeyUse]error{}, map[string]error{}
	for _, s := range stored {
		if !s.Use.known() {
			continue // of a newer version, beside which this one still runs
		}
		key, err := k.ringKey(s, last)
		if errors.Is(err, errNoModule) {
			return nil, err
		}
		if err != nil {
			broken[s.Use] = errors.Join(broken[s.Use], err)
			each[s.ID] = err
			if key, err = k.verifyOnly(ctx, s); err != nil {
				return nil, err
			}
		}
		if key == nil {
			r.unknown = append(r.unknown, s)
			continue
		}
		r.keys = append(r.keys, key)
		r.byID[s.ID] = key
	}
	r.order(k.tail)
	for _, use := range keyUses {
		if _, err := r.signer(use, k.Clock.Now()); err != nil && broken[use] != nil {
			return nil, broken[use]
		}
	}
	for id, err := range each { // where all are read: else the error says more
		k.tellBroken(id, err)
	}
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
	for _, key := range r.keys {
		set.Keys = append(set.Keys, key.public)
	}
	var err error
	r.jwks, err = json.Marshal(set)
	return r, err
}

// ringKey is a stored key, opened unless the last reading did.
func (k *Keys) ringKey(s StoredKey, last *ring) (*signingKey, error) {
	if last == nil || last.byID[s.ID] == nil || last.byID[s.ID].private == nil {
		return k.openKey(s)
	}
	same := *last.byID[s.ID] // a copy: its end may have changed
	same.retireAt, same.removeAt = time.Time{}, time.Time{}
	return &same, nil
}

// verifyOnly is a key that does not open, by its published part; nil where that is not
// one of ours.
func (k *Keys) verifyOnly(ctx context.Context, s StoredKey) (*signingKey, error) {
	kept, err := k.Store.PublishedKey(ctx, s.ID)
	if errors.Is(err, tandem.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	public := k.openPublished(kept)
	if public == nil || algorithmOf(public) != s.Use.Algorithm() || kept.Use != s.Use {
		return nil, nil
	}
	return &signingKey{StoredKey: s, public: s.jwk(public)}, nil
}

// Lost tells which stored keys do not open, though it is their time to sign or they verify
// nowhere, by id. It changes nothing. Of a key in a module that is not at hand it says nothing.
func (k *Keys) Lost(ctx context.Context, stored []StoredKey) (map[string]bool, error) {
	now, lost, retires := k.Clock.Now(), map[string]bool{}, map[KeyUse]int64{}
	for _, s := range stored {
		_, err := k.openKey(s)
		opens := err == nil || errors.Is(err, errNoModule)
		if lost[s.ID] = s.Use.known() && !opens; opens && !now.Before(s.ActivateAt) {
			retires[s.Use] = max(retires[s.Use], s.Generation)
		}
	}
	for _, s := range stored {
		if !lost[s.ID] || s.Generation > retires[s.Use] {
			continue
		}
		verifies, err := k.verifyOnly(ctx, s)
		if err != nil {
			return nil, err
		}
		lost[s.ID] = verifies == nil
	}
	return lost, nil
}

// tellBroken tells the log once of a key that does not open.
func (k *Keys) tellBroken(id string, err error) {
	if k.told[id] {
		return
	}
	if k.told == nil {
		k.told = map[string]bool{}
	}
	k.told[id] = true
	k.log().Error("a signing key does not open, and signs nothing; distrust it if it is not to come back", "kid", id, "error", err)
}

// order sorts the keys and works out when they end: a key retires when the first of a
// later generation begins to sign, and verifies for the tail of its use.
func (r *ring) order(tail func(KeyUse) time.Duration) {
	slices.SortFunc(r.keys, func(a, b *signingKey) int {
		return cmp.Or(cmp.Compare(a.Use, b.Use), cmp.Compare(a.Generation, b.Generation))
	})
	for i := len(r.keys) - 2; i >= 0; i-- {
		key, next := r.keys[i], r.keys[i+1]
		if next.Use != key.Use {
			continue
		}
		key.retireAt = next.ActivateAt
		if !next.retireAt.IsZero() && next.retireAt.Before(key.retireAt) {
			key.retireAt = next.retireAt
		}
		key.removeAt = key.retireAt.Add(tail(key.Use))
	}
}

// clocksDiffer is how far the clocks of replicas may be apart before a key that one
// of them made counts as made with a wrong clock.
const clocksDiffer = time.Minute

// signer is the key that signs at the time: the newest that may. When all are for
// later, and the first of them for very soon, it is that one: the clocks of two
// replicas differ. Where the newest does not open no older one signs in its place: it has
// retired, and other replicas verify by it no longer than that.
func (r *ring) signer(use KeyUse, at time.Time) (*signingKey, error) {
	var first *signingKey
	for _, key := range slices.Backward(r.keys) {
		switch {
		case key.Use != use:
		case !at.Before(key.ActivateAt) && key.private == nil:
			return nil, ErrNoKey
		case !at.Before(key.ActivateAt):
			return key, nil
		case key.private != nil && (first == nil || key.ActivateAt.Before(first.ActivateAt)):
			first = key
		}
	}
	if first != nil && !at.Before(first.ActivateAt.Add(-clocksDiffer)) {
		return first, nil
	}
	return nil, ErrNoKey
}
