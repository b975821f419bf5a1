package client

import (
	"context"
	"maps"
	"slices"
	"time"
)

const (
	// maxUnsaved is how many sessions wait for their store at most: some KB each.
	maxUnsaved = 10_000
	// saveDistance is how long what is not saved waits between two tries.
	saveDistance = 250 * time.Millisecond
	// lastSaves is for how long closing waits for the store: longer than another one
	// takes to be in its place.
	lastSaves = 5 * time.Second
)

// hold keeps a renewed session until the store takes it: the refresh token in its row is
// spent, and to use that again ends the sign-in. It reports false when too many wait.
func (t *UserTokens) hold(next *userState) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.unsaved) >= maxUnsaved {
		return false
	}
	t.unsaved[next.key] = next
	if !t.saving {
		t.saving = true
		t.running.Go(t.saveHeld)
	}
	return true
}

// held is what the store has not taken yet; nil for nothing.
func (t *UserTokens) held(key SessionKey) *userState {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.unsaved[key]
}

// letGo holds a session no more.
func (t *UserTokens) letGo(key SessionKey) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.unsaved, key)
}

// saveHeld saves what is held, until nothing is left or t is closed. A store that does
// not answer is asked once a round, however many wait.
func (t *UserTokens) saveHeld() {
	for {
		t.mu.Lock()
		all := slices.Collect(maps.Values(t.unsaved))
		t.saving = len(all) > 0
		t.mu.Unlock()
		if len(all) == 0 {
			return
		}
		var err error
		for n := 0; n < len(all) && err == nil; n++ {
			_, err = t.save(t.alive, all[n])
		}
		if err != nil && sleep(t.alive, saveDistance) != nil {
			t.log.Error("session store: renewed tokens were not saved; their people sign in again", "sessions", len(all), "error", err)
			return
		}
	}
}

// save stores a renewed session over the version before it. It reports false when that is
// not there any more; either way nothing is held of it then.
func (t *UserTokens) save(ctx context.Context, next *userState) (bool, error) {
	row, err := t.seal(next)
	if err != nil {
		return false, err
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	saved, err := t.config.Sessions.Save(ctx, row)
	if err != nil {
		return false, err
	}
	if saved {
		t.saw(next.key, next.version)
	}
	t.letGo(next.key)
	return saved, nil
}
