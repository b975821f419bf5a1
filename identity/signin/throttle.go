package signin

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/hybridapps/tandem"
)

// Throttling bounds the guessing of passwords. The zero value means the
// defaults.
//
// Three things are counted, in the database, so that all replicas count
// together: failures of an account from one address, of an account from
// anywhere, and of an address for any account. An attempt counts as failed
// from its beginning until it succeeds, so that a thousand guesses at the same
// moment do not slip through the same gap.
//
// Nobody can lock a victim out: what others do to an account costs an address
// that has not failed one wait of AccountDelay, and no more.
type Throttling struct {
	// Failures of one account from one address are free up to this number; the
	// default is 10. From then on each costs a wait of FirstDelay (default
	// 1 s), doubled each time up to MaxDelay (default 15 s).
	Failures             int
	FirstDelay, MaxDelay time.Duration
	// AccountFailures is how many failures from all addresses make an account
	// "under attack"; the default is 50. Every other address then waits
	// AccountDelay (default 2 s) once before its first attempt.
	AccountFailures int
	AccountDelay    time.Duration
	// AddressFailures is how many failures one address may have over all
	// accounts; the default is 100. From then on it waits like above. It is
	// higher than Failures because an office shares one address.
	AddressFailures int
	// Window is how long a failure is remembered; the default is 15 minutes.
	Window time.Duration
}

func (t Throttling) withDefaults() Throttling {
	def := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	num := func(n *int, v int) {
		if *n == 0 {
			*n = v
		}
	}
	num(&t.Failures, 10)
	num(&t.AccountFailures, 50)
	num(&t.AddressFailures, 100)
	def(&t.FirstDelay, time.Second)
	def(&t.MaxDelay, 15*time.Second)
	def(&t.AccountDelay, 2*time.Second)
	def(&t.Window, 15*time.Minute)
	return t
}

// Attempts is one counter of failed sign-ins; the zero value has counted
// nothing.
type Attempts struct {
	Failures int
	// LastAt is when the last one was counted, BlockedUntil when the next one
	// may come.
	LastAt, BlockedUntil time.Time
}

// AttemptCounters keeps the counters of failed sign-ins.
type AttemptCounters interface {
	// Update reads the counters of the keys, runs change on them and stores
	// what it leaves, in a transaction that no other change of the same
	// counters can enter. A counter left zero is deleted.
	Update(ctx context.Context, keys []string, change func(counters []Attempts)) error
	// Purge deletes counters that were last changed before the time.
	Purge(ctx context.Context, before time.Time) error
}

// throttle is the rule of Throttling over the stored counters.
type throttle struct {
	Throttling
	counters AttemptCounters
	clock    tandem.Clock
}

// attempt is one try to sign in: what it counts against.
type attempt struct{ keys []string }

// The indexes of an attempt's counters.
const (
	byPair    = iota // this account from this address
	byAccount        // this account from anywhere
	byAddress        // any account from this address
)

// newAttempt names the counters. They are hashes: what is typed into the
// login field is now and then a password.
func newAttempt(login string, address string) attempt {
	key := func(kind, a, b string) string {
		sum := sha256.Sum256([]byte(kind + "\x00" + a + "\x00" + b))
		return kind + ":" + hex.EncodeToString(sum[:])
	}
	return attempt{keys: []string{
		byPair:    key("pair", login, address),
		byAccount: key("account", login, ""),
		byAddress: key("address", "", address),
	}}
}

// begin counts the attempt as failed, or says how long to wait before it may
// be made.
func (t *throttle) begin(ctx context.Context, a attempt) (wait time.Duration, err error) {
	err = t.counters.Update(ctx, a.keys, func(c []Attempts) {
		wait = t.decide(c, t.clock.Now())
	})
	return wait, err
}

// decide is the rule itself.
func (t *throttle) decide(c []Attempts, now time.Time) (wait time.Duration) {
	for i := range c {
		if now.Sub(c[i].LastAt) > t.Window {
			c[i] = Attempts{}
		}
	}
	pair, account, address := &c[byPair], &c[byAccount], &c[byAddress]
	if account.Failures >= t.AccountFailures && pair.Failures == 0 && pair.BlockedUntil.IsZero() {
		// The account is under attack and this address is new to it. Its wait
		// begins now and is its own: the attackers cannot prolong it.
		pair.LastAt, pair.BlockedUntil = now, now.Add(t.AccountDelay)
	}
	wait = max(pair.BlockedUntil.Sub(now), address.BlockedUntil.Sub(now))
	if wait > 0 {
		return wait
	}
	count := func(a *Attempts, free int) {
		a.Failures++
		a.LastAt, a.BlockedUntil = now, now
		if over := a.Failures - free; over >= 0 {
			a.BlockedUntil = now.Add(t.delay(over))
		}
	}
	underAttack := account.Failures >= t.AccountFailures
	count(pair, t.Failures)
	count(address, t.AddressFailures)
	account.Failures++
	account.LastAt = now
	if slow := now.Add(t.AccountDelay); underAttack && pair.BlockedUntil.Before(slow) {
		pair.BlockedUntil = slow
	}
	return 0
}

// delay is FirstDelay doubled over times, at most MaxDelay.
func (t *throttle) delay(over int) time.Duration {
	d := t.FirstDelay
	for ; over > 0 && d < t.MaxDelay; over-- {
		d *= 2
	}
	return min(d, t.MaxDelay)
}

// succeeded takes back what begin counted: the account's failures from this
// address and from anywhere are forgotten. The address only gets this one
// attempt back, because who guesses at many accounts may well own one.
func (t *throttle) succeeded(ctx context.Context, a attempt) error {
	return t.counters.Update(ctx, a.keys, func(c []Attempts) {
		c[byPair], c[byAccount] = Attempts{}, Attempts{}
		takeBack(&c[byAddress])
	})
}

// abandoned takes back an attempt whose password was never looked at.
func (t *throttle) abandoned(ctx context.Context, a attempt) error {
	return t.counters.Update(ctx, a.keys, func(c []Attempts) {
		for i := range c {
			takeBack(&c[i])
		}
	})
}

func takeBack(a *Attempts) {
	if a.Failures--; a.Failures <= 0 {
		*a = Attempts{}
	}
}
