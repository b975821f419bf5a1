package client

import (
	"context"
	"time"

	"github.com/hybridapps/tandem"
)

// RenewalStore is a [SessionStore] that lets replicas agree on who renews a
// session, so that the provider is asked once. Without it each may ask at the same
// time, and the first answer that is saved is the one that all of them use.
type RenewalStore interface {
	// ClaimRenewal notes on a row that its tokens are being renewed until the
	// time, if the row has the version and no such note that goes on at now.
	ClaimRenewal(ctx context.Context, key SessionKey, version int64, now, until time.Time) (mine bool, err error)
	// EndRenewal takes the note from a row that still has the version. Save does
	// so too.
	EndRenewal(ctx context.Context, key SessionKey, version int64) error
}

const (
	// renewalClaim is how long a replica waits for another one that renews. After
	// that it asks the provider itself: the other one may have died, or be slow.
	renewalClaim = 3 * time.Second
	renewalLook  = 100 * time.Millisecond
)

// claim waits until this replica is the one that renews the session, or another
// has done so: then the session needs nothing any more.
func (t *UserTokens) claim(ctx context.Context, st *userState, n need) (*userState, error) {
	store, ok := t.config.Sessions.(RenewalStore)
	if !ok {
		return st, nil
	}
	// Looks are counted, as the clocks of two replicas differ.
	for range renewalClaim / renewalLook {
		now := t.clock.Now()
		mine, err := store.ClaimRenewal(ctx, st.key, st.version, now, now.Add(renewalClaim))
		if err != nil { // what is not claimed cannot be saved either
			return nil, fail(tandem.CodeUnavailable, err, "sessions cannot be written at the moment")
		}
		if mine {
			return st, nil
		}
		if err := sleep(ctx, renewalLook); err != nil {
			return nil, err
		}
		if st, err = t.reload(ctx, st.key); err != nil || !n.stale(st) {
			return st, err
		}
	}
	return st, nil
}

// unclaim lets others try at once what failed here.
func (t *UserTokens) unclaim(ctx context.Context, st *userState) {
	if store, ok := t.config.Sessions.(RenewalStore); ok {
		if err := store.EndRenewal(ctx, st.key, st.version); err != nil {
			t.log.WarnContext(ctx, "session store: others try to renew a session some seconds later", "error", err)
		}
	}
}
