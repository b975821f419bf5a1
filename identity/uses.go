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
		u.last, u.pending = make(map[usedCredential]lastUse), make(map[usedCredential]CredentialUse)
	}
	u.last[key] = use
	u.pending[key] = CredentialUse{applicationID, credentialID, now.Truncate(time.Minute), from}
}

func (u *uses) flush(ctx context.Context, store CredentialUses) error {
	u.lock.Lock()
	pending := slices.Collect(maps.Values(u.pending))
	clear(u.pending)
	u.lock.Unlock()
	if len(pending) == 0 {
		return nil
	}
	return store.CredentialsUsed(ctx, pending)
}
