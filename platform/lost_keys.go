package platform

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/permission"
)

// lookAtKeys is how often the keys are tried that are stored as they were: one may be gone
// from the module that it is kept in.
const lookAtKeys = 30 * time.Second

// lostKeys tells of signing keys that do not open. This process may go on with one that it has
// opened before, until its next start: which would be the worst moment to learn of it.
type lostKeys struct {
	mu   sync.Mutex
	seen []token.StoredKey
	at   time.Time
	told []string
}

// tell are the keys that do not open, each with what mends it.
func (l *lostKeys) tell(ctx context.Context, keys *token.Keys, now time.Time) ([]string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	stored, err := keys.Store.Keys(ctx)
	if err != nil {
		return nil, err
	}
	same := slices.EqualFunc(stored, l.seen, func(a, b token.StoredKey) bool {
		return a.ID == b.ID && a.ActivateAt.Equal(b.ActivateAt) && slices.Equal(a.Sealed, b.Sealed)
	})
	if same && now.Sub(l.at).Abs() < lookAtKeys {
		return l.told, nil
	}
	lost, err := keys.Lost(ctx, stored)
	if err != nil {
		return nil, err
	}
	l.seen, l.at, l.told = stored, now, nil
	for _, k := range stored {
		if lost[k.ID] {
			l.told = append(l.told, fmt.Sprintf("the signing key %s (%s tokens) does not open: tandem key distrust %s", k.ID, k.Use, permission.Quoted(k.ID)))
		}
	}
	return l.told, nil
}

// amiss is what is amiss although the instance is ready.
func (i *Instance) amiss(ctx context.Context) []string {
	told, err := i.lost.tell(ctx, i.Keys, i.config.Clock.Now())
	if err != nil {
		i.config.Log.Warn("whether signing keys are lost cannot be read now", "error", err)
	}
	return told
}
