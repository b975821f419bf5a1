package token

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/hybridapps/tandem"
)

// Defaults of [Keys].
const (
	// RotateEvery is the age at which a signing key is replaced.
	RotateEvery = 90 * 24 * time.Hour
	// PublishLead is for how long a key is published before it signs.
	PublishLead = 10 * time.Minute
	// keyInterval is how often the store is read, so that replicas agree
	// within five seconds.
	keyInterval = 2 * time.Second
)

// Refresh reads the keys, and makes what is missing: a key that signs at once where
// there is none, as at the start of an instance or after its clock was ahead, and
// the next key when the active one gets old.
// Replicas that do so at the same moment end with the same keys.
func (k *Keys) Refresh(ctx context.Context) error {
	k.refresh.Lock()
	defer k.refresh.Unlock()
	return k.follow(ctx)
}

// follow is Refresh for who holds the lock.
func (k *Keys) follow(ctx context.Context) error {
	first := false
	for {
		if err := k.read(ctx); err != nil {
			return err
		}
		first = first || len(k.ring.Load().keys) == 0
		added, err := k.makeDue(ctx, first)
		if err != nil {
			return err
		}
		if !added {
			return k.removeDue(ctx)
		}
	}
}

func (k *Keys) read(ctx context.Context) error {
	stored, err := k.Store.Keys(ctx)
	if err != nil {
		return err
	}
	last := k.ring.Load()
	r, err := k.newRing(ctx, stored, last)
	if err != nil {
		return err
	}
	k.ring.Store(r)
	k.publish(ctx, r)
	if last == nil {
		return nil
	}
	for id := range last.byID {
		if r.byID[id] == nil {
			k.removed.Add(1) // after the ring, so that nothing is remembered in between
			break
		}
	}
	return nil
}

// makeDue adds the keys that are due and reports whether the store changed. The first
// keys of an instance sign at once: nobody has read its key set before.
func (k *Keys) makeDue(ctx context.Context, first bool) (changed bool, err error) {
	now := k.Clock.Now()
	lead, every := or(k.PublishLead, PublishLead), or(k.RotateEvery, RotateEvery)
	for _, use := range k.uses() {
		newest := k.newest(use, now)
		activate := now
		if newest == nil && !first && !slices.Contains(keyUses, use) {
			if k.waiting(use, now) {
				continue
			}
			activate = now.Add(lead)
		}
		if lost := k.lostNext(use, now); newest != nil && lost != nil {
			activate = lost.ActivateAt
		} else if newest != nil {
			if now.Before(newest.ActivateAt.Add(every - lead)) {
				continue
			}
			activate = later(now.Add(lead), newest.ActivateAt.Add(every))
		}
		if err := k.add(ctx, use, activate); err != nil {
			return false, err
		}
		changed = true
	}
	return changed, nil
}

// waiting reports whether the use has a key that begins to sign as soon as a rotation
// makes one, and none before it.
func (k *Keys) waiting(use KeyUse, now time.Time) bool {
	horizon := now.Add(or(k.PublishLead, PublishLead) + clocksDiffer)
	return slices.ContainsFunc(k.ring.Load().keys, func(key *signingKey) bool {
		return key.Use == use && !key.ActivateAt.After(horizon) && key.private != nil
	})
}

// lostNext is the key that is to sign next, where it is one that does not open: another one
// has to be there when the one before it retires. It is nil in all other cases.
func (k *Keys) lostNext(use KeyUse, now time.Time) *signingKey {
	horizon := now.Add(or(k.PublishLead, PublishLead) + clocksDiffer)
	for _, key := range slices.Backward(k.ring.Load().keys) { // they are in order
		if key.Use == use && !key.ActivateAt.After(horizon) {
			if key.private == nil && now.Before(key.ActivateAt) {
				return key
			}
			break
		}
	}
	return nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// newest is the newest key of the use that signs, or is to sign as soon as a
// rotation makes one. A key for much later was made with a clock that was ahead,
// and does not count: without another one there would be none until then.
func (k *Keys) newest(use KeyUse, now time.Time) *signingKey {
	horizon := now.Add(or(k.PublishLead, PublishLead) + clocksDiffer)
	active, _ := k.signer(use, now)
	for _, key := range slices.Backward(k.ring.Load().keys) { // they are in order
		if key.Use == use && !key.ActivateAt.After(horizon) && active != nil && key.private != nil {
			return key
		}
	}
	return nil
}

// add stores the next generation. When another replica has stored one meanwhile,
// that one counts.
func (k *Keys) add(ctx context.Context, use KeyUse, activate time.Time) error {
	generation, r := int64(1), k.ring.Load()
	for _, key := range r.keys {
		if key.Use == use {
			generation = max(generation, key.Generation+1)
		}
	}
	for slices.ContainsFunc(r.unknown, func(s StoredKey) bool { return s.Use == use && s.Generation == generation }) {
		generation++
	}
	key, err := k.newKey(use, generation, activate)
	if err != nil {
		return err
	}
	added, err := k.Store.AddKey(ctx, key)
	switch {
	case err != nil: // it may have been stored all the same
	case added:
		k.log().Info("a signing key was made", "kid", key.ID, "use", string(use), "signs_from", activate)
	default:
		k.forget(key)
	}
	return err
}

// removeDue deletes keys that verify nothing any more, private part and all.
func (k *Keys) removeDue(ctx context.Context) error {
	now, removed := k.Clock.Now(), false
	for _, key := range k.ring.Load().keys {
		// Replicas' clocks differ: one may still verify what another deletes.
		if key.removeAt.IsZero() || now.Before(key.removeAt.Add(time.Minute)) {
			continue
		}
		if err := k.remove(ctx, key.StoredKey); err != nil {
			return err
		}
		removed = true
	}
	if removed {
		return k.read(ctx)
	}
	return nil
}

// remove deletes a key, from the store first: nobody is to look for what is gone.
func (k *Keys) remove(ctx context.Context, key StoredKey) error {
	if err := k.Store.DeleteKey(ctx, key.ID); err != nil {
		return err
	}
	k.forget(key)
	return nil
}

// forget destroys the private part of a key that the store does not have. Where that
// fails it is of no use to anybody but whoever has the place that it is kept in.
func (k *Keys) forget(key StoredKey) {
	if k.Signer == nil {
		return
	}
	saved, err := k.Box.Open(key.Sealed, keyPlace(key.ID))
	if err == nil {
		err = k.Signer.Forget(saved)
	}
	if err != nil {
		k.log().Warn("a signing key that is gone could not be destroyed where it was kept", "kid", key.ID, "error", err)
	}
}

// Rotate makes the next key of each use, which is published now and signs
// after [Keys.PublishLead]. A use that has a key waiting to sign keeps it.
func (k *Keys) Rotate(ctx context.Context) ([]KeyInfo, error) {
	if err := k.Refresh(ctx); err != nil {
		return nil, err
	}
	k.refresh.Lock()
	defer k.refresh.Unlock()
	now := k.Clock.Now()
	for _, use := range k.uses() {
		newest := k.newest(use, now)
		if newest != nil && newest.stateAt(now) == KeyNext || newest == nil && k.waiting(use, now) {
			continue
		}
		if err := k.add(ctx, use, now.Add(or(k.PublishLead, PublishLead))); err != nil {
			return nil, err
		}
	}
	if err := k.read(ctx); err != nil {
		return nil, err
	}
	return k.List(), nil
}

// Remove deletes a key at once, as after it became known, and tells of it: within five
// seconds no replica signs or verifies with it, and every token it signed is dead. If it
// was the key that signs, a new one signs from now on. It needs no key that opens, so that
// one which does not can be got rid of.
func (k *Keys) Remove(ctx context.Context, id string) (KeyInfo, error) {
	k.refresh.Lock()
	defer k.refresh.Unlock()
	failed := k.follow(ctx)
	stored, err := k.Store.Keys(ctx)
	if err != nil {
		return KeyInfo{}, err
	}
	at := slices.IndexFunc(stored, func(s StoredKey) bool { return s.ID == id })
	if at < 0 {
		return KeyInfo{}, tandem.Errorf(tandem.CodeNotFound, "there is no signing key %s", id)
	}
	gone, now := stored[at].info(KeyLost), k.Clock.Now()
	if failed == nil {
		for _, key := range k.List() {
			if key.ID == id {
				gone = key
			}
		}
		if active, err := k.signer(gone.Use, now); gone.Use.known() && gone.State != KeyLost && (err != nil || active.ID == id) {
			if err := k.add(ctx, gone.Use, now); err != nil {
				return KeyInfo{}, err
			}
		}
	}
	if err := k.remove(ctx, stored[at]); err != nil {
		return KeyInfo{}, err
	}
	if err := k.follow(ctx); err != nil { // others that do not open: what was asked for is done
		k.log().Error("signing keys: one was removed, and the others cannot be read", "removed", id, "error", err)
	}
	return gone, nil
}

// Run follows the store, and rotates on schedule, until the context ends.
func (k *Keys) Run(ctx context.Context) error {
	tick := time.NewTicker(keyInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		ask, cancel := context.WithTimeout(ctx, 2*keyInterval)
		err := k.Refresh(ask)
		cancel()
		if err != nil && ctx.Err() == nil {
			k.log().Warn("signing keys: cannot follow the store", "error", err)
		}
	}
}

func (k *Keys) log() *slog.Logger {
	if k.Log != nil {
		return k.Log
	}
	return slog.Default()
}
