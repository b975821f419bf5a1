package identity

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hybridapps/tandem"
)

// Client secrets are random, so guessing is hopeless and throttling only sheds
// the load of those who try: a right secret always passes, whoever else fails
// beside it.
const (
	// MaxClientFailures is how many failed authentications of one application
	// from one address a minute are free, unless [Handler.ClientFailures] says otherwise.
	MaxClientFailures = 100
	// ClientBlock is for how long further failures from there are not counted,
	// and told to wait, after that.
	ClientBlock = 15 * time.Second
	// maxFailureKeys bounds what is kept in memory.
	maxFailureKeys = 10_000
)

// FailureCounters counts failed client authentications for all replicas
// together.
type FailureCounters interface {
	// CountFailure counts one and returns how many there are in the minute.
	CountFailure(ctx context.Context, key string, minute int64) (failures int64, err error)
	ForgetFailures(ctx context.Context, key string) error
	// PurgeFailures deletes the counters of earlier minutes.
	PurgeFailures(ctx context.Context, beforeMinute int64) error
}

func minuteOf(t time.Time) int64 { return t.Unix() / 60 }

// failureKey is what failures count against.
type failureKey struct {
	// app is empty for an application that does not exist.
	app string
	// network is the caller's, see [netaddr.Network].
	network string
}

func (k failureKey) String() string {
	sum := sha256.Sum256([]byte(k.app + "\x00" + k.network))
	return hex.EncodeToString(sum[:])
}

// throttle decides from memory: a key is only there after it failed in this
// process, and each failure asks the database how many there are everywhere.
type throttle struct {
	counters FailureCounters
	clock    tandem.Clock
	free     int64 // failures in a minute

	size atomic.Int64 // of keys: zero, the usual case, needs no lock
	lock sync.Mutex
	keys map[failureKey]time.Time // blocked until
}

// blocked is how long the key must wait, at most [ClientBlock]; zero when it
// need not.
func (t *throttle) blocked(k failureKey) time.Duration {
	if t.size.Load() == 0 {
		return 0
	}
	t.lock.Lock()
	defer t.lock.Unlock()
	return min(max(0, t.keys[k].Sub(t.clock.Now())), ClientBlock) // also when a clock went back
}

// failed counts a failure.
func (t *throttle) failed(ctx context.Context, k failureKey) error {
	now := t.clock.Now()
	failures, err := t.counters.CountFailure(ctx, k.String(), minuteOf(now))
	if err != nil {
		return err
	}
	var until time.Time
	if failures >= t.free {
		until = now.Add(ClientBlock)
	}
	t.lock.Lock()
	defer t.lock.Unlock()
	if t.keys == nil || len(t.keys) >= maxFailureKeys {
		t.keys = make(map[failureKey]time.Time)
	}
	t.keys[k] = until
	t.size.Store(int64(len(t.keys)))
	return nil
}

// succeeded forgets the key's failures.
func (t *throttle) succeeded(ctx context.Context, k failureKey) error {
	if t.size.Load() == 0 {
		return nil
	}
	t.lock.Lock()
	_, failed := t.keys[k]
	delete(t.keys, k)
	t.size.Store(int64(len(t.keys)))
	t.lock.Unlock()
	if !failed {
		return nil
	}
	return t.counters.ForgetFailures(ctx, k.String())
}
