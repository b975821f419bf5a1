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
// Only the first of them refuses anybody. What strangers can feed makes others
// slower at most, because it shows nothing about who comes next: an account
// under attack costs an address that has not failed one wait of AccountDelay,
// and who shares an address with somebody who guesses, as behind one proxy,
// waits for AddressDelay and a turn in the slow lane and is then let in.
//
// A device with which the person has signed in before is counted by itself: it
// never waits for what others did.
type Throttling struct {
	// Failures of one account from one address, or with one known device, are
	// free up to this number; the default is 10. From then on each costs a wait
	// of FirstDelay (default 1 s), doubled each time up to MaxDelay (default
	// 15 s).
	Failures             int
	FirstDelay, MaxDelay time.Duration
	// AccountFailures is how many failures from all addresses make an account
	// "under attack"; the default is 50. Every other address then waits
	// AccountDelay (default 2 s) once before its first attempt.
	AccountFailures int
	AccountDelay    time.Duration
	// AddressFailures is how many failures one address may have over all
	// accounts; the default is 100. From then on each attempt from there is
	// held back for AddressDelay (default 1 s), and those of all such addresses
	// have their passwords looked at one after another in each process, the
	// addresses by turns.
	AddressFailures int
	AddressDelay    time.Duration
	// Window is how long a failure is remembered; the default is 15 minutes. The
	// failures of an address count half after one, and nothing after some: where
	// many people share it there is never a quiet quarter of an hour.
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
	def(&t.AddressDelay, time.Second)
	def(&t.Window, 15*time.Minute)
	return t
}

// Attempts is one counter of failed sign-ins; the zero value has counted
// nothing.
type Attempts struct {
	Failures int
	// LastAt is when the last one was counted, or for an address when its window began,
	// BlockedUntil when the next one may come.
	LastAt, BlockedUntil time.Time
}

// AttemptCounters keeps the counters of failed sign-ins.
type AttemptCounters interface {
	// Update reads the counters of the keys, runs change on them and stores
	// what it leaves, in a transaction that no other change of the same
	// counters can enter. A counter left zero is deleted.
	Update(ctx context.Context, keys []string, change func(counters []Attempts)) error
	// Purge deletes counters that were last changed before the time; those of [KindFactor]
	// before another one.
	Purge(ctx context.Context, before, factorsBefore time.Time) error
}

// settle brings a counter to the time of now: what is older than the window is
// forgotten. A counter of the future, which a clock left that was wrong, is
// from now, and no wait is longer than the longest there is.
func (a *Attempts) settle(now time.Time, t *Throttling) {
	if now.Sub(a.LastAt).Abs() > t.Window {
		*a = Attempts{}
		return
	}
	if a.LastAt.After(now) {
		a.LastAt = now
	}
	if longest := now.Add(max(t.MaxDelay, t.AccountDelay)); a.BlockedUntil.After(longest) {
		a.BlockedUntil = longest
	}
}

// age brings the counter of an address to the time of now. Attempts do not prolong it:
// people would pay for what was mistyped on a whole busy day.
func (a *Attempts) age(now time.Time, t *Throttling) {
	if a.LastAt.After(now) {
		a.LastAt = now
	}
	for a.Failures > 0 && now.Sub(a.LastAt) >= t.Window {
		a.Failures = min(a.Failures, 2*t.AddressFailures-1) / 2
		a.LastAt = a.LastAt.Add(t.Window)
	}
	if a.Failures == 0 {
		*a = Attempts{}
	}
}

// throttle is the rule of Throttling over the stored counters.
type throttle struct {
	Throttling
	counters AttemptCounters
	clock    tandem.Clock
	slow     *slowLane
}

func newThrottle(t Throttling, counters AttemptCounters, clock tandem.Clock) throttle {
	return throttle{Throttling: t.withDefaults(), counters: counters, clock: clock, slow: newSlowLane()}
}

// attempt is one try to sign in: what it counts against.
type attempt struct {
	keys []string
	// of is who has proved their password and now tries a second factor, which has rules of
	// its own; nil for all other attempts.
	of *tandem.User
	// known says that it is made with a device that the person is known from.
	known bool
}

// Who tries a second factor has the password. A code has a million values: ten free
// guesses and one in 15 s after them find it within weeks. So these failures are
// remembered for a day, the waits grow to a quarter of an hour (but not on a device that
// the person is known from), and the person is told of so many.
const (
	factorWindow   = 24 * time.Hour
	factorMaxDelay = 15 * time.Minute
	factorsTold    = 20
)

// KindFactor begins the keys of the counters that are remembered for a day: those of second
// factors, which were the first, and of mails.
const KindFactor = "factor:"

// rules are those for the attempt.
func (t *throttle) rules(a attempt) Throttling {
	rules := t.Throttling
	if a.of != nil {
		rules.Window = factorWindow
	}
	if a.of != nil && !a.known {
		rules.MaxDelay = max(rules.MaxDelay, factorMaxDelay)
	}
	return rules
}

// tells reports whether a person is told of the attempt, when so many have failed: once,
// and, as they wait a quarter of an hour between, about once a day from then on.
func (a attempt) tells(failures int) bool {
	over := failures - factorsTold
	return a.of != nil && (over == 0 || over > 0 && over%100 == 0 && !a.known)
}

// The indexes of an attempt's counters. That of a known device has the first
// alone.
const (
	byPair    = iota // this account from this address, or with this device
	byAccount        // this account from anywhere
	byAddress        // any account from this address
)

// counterKey names a counter. It is a hash: what is typed into the login field
// is now and then a password.
func counterKey(kind, a, b string) string {
	sum := sha256.Sum256([]byte(kind + "\x00" + a + "\x00" + b))
	return kind + ":" + hex.EncodeToString(sum[:])
}

// newAttempt is one with a browser that nobody with this login has signed in
// with before.
func newAttempt(login, address string) attempt {
	return attempt{keys: []string{
		byPair:    counterKey("pair", login, address),
		byAccount: counterKey("account", login, ""),
		byAddress: counterKey("address", "", address),
	}}
}

// newDeviceAttempt is one with a device that the login is known from.
func newDeviceAttempt(login, device string) attempt {
	return attempt{keys: []string{byPair: counterKey("device", login, device)}}
}

// verdict is what the counters say of an attempt: how long to wait before it may
// be made, or that it is made in the slow lane.
type verdict struct {
	wait time.Duration
	slow bool
	// tell says that the person is told of the attempt, if it fails.
	tell bool
}

// begin counts the attempt as failed, or says how long to wait before it may
// be made.
func (t *throttle) begin(ctx context.Context, a attempt) (v verdict, err error) {
	err = t.counters.Update(ctx, a.keys, func(c []Attempts) {
		rules := t.rules(a)
		v = rules.decide(c, t.clock.Now())
		v.tell = v.wait == 0 && a.tells(c[byPair].Failures)
	})
	return v, err
}

// decide is the rule itself.
func (t *Throttling) decide(c []Attempts, now time.Time) verdict {
	for i := range c {
		if i == byAddress {
			c[i].age(now, t)
		} else {
			c[i].settle(now, t)
		}
	}
	pair, underAttack, slow := &c[byPair], false, false
	if len(c) > byAccount {
		underAttack, slow = c[byAccount].Failures >= t.AccountFailures, c[byAddress].Failures >= t.AddressFailures
	}
	if underAttack && pair.Failures == 0 && pair.BlockedUntil.IsZero() {
		// The account is under attack and this address is new to it. Its wait
		// begins now and is its own: the attackers cannot prolong it.
		pair.LastAt, pair.BlockedUntil = now, now.Add(t.AccountDelay)
	}
	if wait := pair.BlockedUntil.Sub(now); wait > 0 {
		return verdict{wait: wait}
	}
	for i := range c {
		if c[i].Failures++; i != byAddress || c[i].Failures == 1 {
			c[i].LastAt = now
		}
	}
	pair.BlockedUntil = now
	if over := pair.Failures - t.Failures; over >= 0 {
		pair.BlockedUntil = now.Add(t.delay(over))
	}
	if least := now.Add(t.AccountDelay); underAttack && pair.BlockedUntil.Before(least) {
		pair.BlockedUntil = least
	}
	return verdict{slow: slow}
}

// hold keeps an attempt back until its turn in the slow lane. Leave the lane
// when the password has been looked at. The error is ctx's.
func (t *throttle) hold(ctx context.Context, a attempt) (leave func(), err error) {
	delay := time.NewTimer(t.AddressDelay)
	defer delay.Stop()
	select {
	case <-delay.C:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return t.slow.enter(ctx, a.keys[byAddress])
}

// delay is FirstDelay doubled over times, at most MaxDelay.
func (t *Throttling) delay(over int) time.Duration {
	d := t.FirstDelay
	for ; over > 0 && d < t.MaxDelay; over-- {
		d *= 2
	}
	return min(d, t.MaxDelay)
}

// succeeded takes back what begin counted: the account's failures from this
// address or device and from anywhere are forgotten. The address only gets this
// one attempt back, because who guesses at many accounts may well own one.
func (t *throttle) succeeded(ctx context.Context, a attempt) error {
	return t.counters.Update(ctx, a.keys, func(c []Attempts) {
		for i := range c {
			if i == byAddress {
				takeBack(&c[i])
			} else {
				c[i] = Attempts{}
			}
		}
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
