package identity

import (
	"context"
	"maps"
	"sync"
	"time"
)

// uses remembers when credentials were last used, to the minute, and has it
// written down off the path of the requests.
type uses struct {
	lock    sync.Mutex
	minutes map[string]int64
	pending map[string]time.Time
}

func (u *uses) note(credentialID string, now time.Time) {
	minute := minuteOf(now)
	u.lock.Lock()
	defer u.lock.Unlock()
	if u.minutes[credentialID] == minute {
		return
	}
	if u.minutes == nil {
		u.minutes, u.pending = make(map[string]int64), make(map[string]time.Time)
	}
	u.minutes[credentialID] = minute
	u.pending[credentialID] = now.Truncate(time.Minute)
}

func (u *uses) flush(ctx context.Context, store CredentialUses) error {
	u.lock.Lock()
	pending := maps.Clone(u.pending)
	clear(u.pending)
	u.lock.Unlock()
	if len(pending) == 0 {
		return nil
	}
	return store.CredentialsUsed(ctx, pending)
}
