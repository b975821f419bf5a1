package identity

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"
)

// uses remembers when credentials were last used, to the minute, and from where, and
// has it written down off the path of the requests.
type uses struct {
	lock    sync.Mutex
	last    map[usedCredential]lastUse
	pending map[usedCredential]CredentialUse
}

// usedCredential names one: the classic secrets of all applications have the same id.
type usedCredential struct{ application, credential string }

type lastUse struct {
	minute int64
	from   string
}

func (u *uses) note(applicationID, credentialID, from string, now time.Time) {
	key, use := usedCredential{applicationID, credentialID}, lastUse{minuteOf(now), from}
	u.lock.Lock()
	defer u.lock.Unlock()
	if u.last[key] == use {
		return
	}
	if u.last == nil {
		u.last = make(map[usedCredential]lastUse)
	}
	if u.pending == nil {
		u.pending = make(map[usedCredential]CredentialUse)
	}
	u.last[key] = use
	u.pending[key] = CredentialUse{applicationID, credentialID, now.Truncate(time.Minute), from}
}

// flush writes down what is pending. What cannot be written stays so, but for what has been
// used again meanwhile.
func (u *uses) flush(ctx context.Context, store CredentialUses) error {
	u.lock.Lock()
	pending := u.pending
	u.pending = nil
	u.lock.Unlock()
	if len(pending) == 0 {
		return nil
	}
	err := store.CredentialsUsed(ctx, slices.Collect(maps.Values(pending)))
	if err != nil {
		u.lock.Lock()
		defer u.lock.Unlock()
		maps.Copy(pending, u.pending)
		u.pending = pending
	}
	return err
}
