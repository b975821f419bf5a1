package session

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hybridapps/tandem"
)

const (
	// trust is how old the stored time of a session's last call may be while
	// calls are only counted in memory. At the edge of expiry replicas then
	// never disagree, because what is stored is newer than that.
	trust = 10 * time.Second
	// openTimeout bounds one opening.
	openTimeout = 10 * time.Second
)

// turn is a lock for what asks the store or the record: who waits for it goes when its
// context ends.
type turn chan struct{}

func newTurn() turn { return make(turn, 1) }

func (t turn) take(ctx context.Context) error {
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t turn) leave() { <-t }

// key is what makes calls share a session. It is made without allocation: a
// user's has only the sign-in, and a reference token's only its id.
type key struct{ application, account, instance string }

func keyOf(p *tandem.Principal) (key, error) {
	switch {
	case p.Reference && p.TokenID != "":
		return key{account: p.TokenID}, nil
	case p.Service != nil && p.User == nil && p.Service.SystemUserID != "" && p.ApplicationURI != "":
		return key{p.ApplicationURI, p.Service.SystemUserID, p.Service.Instance}, nil
	case p.User != nil && p.Service == nil && p.User.SignInID != "":
		return key{account: p.User.SignInID}, nil
	}
	return key{}, tandem.Errorf(tandem.CodeUnauthorized, "the token names no sign-in and no System User, so it can have no session")
}

// KeyOf is what the calls of a principal share a session by, as [tandem.Session] has it;
// empty for a principal that can have none.
func KeyOf(p *tandem.Principal) string {
	k, err := keyOf(p)
	if err != nil {
		return ""
	}
	return k.String()
}

// String is the key as stored: the sign-in or the reference token itself, or application, System User
// and instance with spaces between, which a sign-in never has.
func (k key) String() string {
	if k.application == "" {
		return k.account
	}
	return k.application + " " + k.account + " " + k.instance
}

// parseKey is the reverse of [key.String] for a stored session.
func parseKey(s *tandem.Session) key {
	if s.Kind != tandem.SessionService {
		return key{account: s.Key}
	}
	rest, instance := cutLast(s.Key)
	application, account := cutLast(rest)
	return key{application, account, instance}
}

func cutLast(s string) (before, after string) {
	i := strings.LastIndexByte(s, ' ')
	if i < 0 {
		return "", s
	}
	return s[:i], s[i+1:]
}

// entry is an open session in memory. Times are microseconds since 1970.
type entry struct {
	key            key
	id             string
	idle, absolute int64
	home           string // where it was opened from
	watched        bool   // a back end's session

	snapshot    atomic.Pointer[tandem.Session] // what callers get; replaced, never changed
	last        atomic.Int64                   // last call, here or as stored
	stored      atomic.Int64                   // last call as stored
	calls       atomic.Int64                   // calls not yet stored
	ended       atomic.Bool
	multiplexed atomic.Bool

	writing turn // one write-through at a time

	recorded  atomic.Bool                       // the opening is on record: before that no call is admitted
	marked    atomic.Bool                       // and the store knows it
	recording turn                              // one who records it at a time
	opening   atomic.Pointer[tandem.AuditEvent] // until it is recorded

	lastSeen atomic.Pointer[string] // the last other address
	seeing   sync.Mutex             // guards seen and unseen
	seen     []string               // other addresses, as far as they are told apart
	unseen   []Seen                 // of these, what is not stored yet
}

// saw notes another address. The same one again costs a comparison.
func (e *entry) saw(address string, at time.Time) {
	if last := e.lastSeen.Load(); last != nil && *last == address {
		return
	}
	e.seeing.Lock()
	defer e.seeing.Unlock()
	e.lastSeen.Store(&address)
	if len(e.seen) < MaxAddresses-1 && !slices.Contains(e.seen, address) {
		e.seen = append(e.seen, address)
		e.unseen = append(e.unseen, Seen{e.id, address, at})
	}
}

// takeSeen collects the addresses that are not stored yet.
func (e *entry) takeSeen() []Seen {
	if e.lastSeen.Load() == nil {
		return nil
	}
	e.seeing.Lock()
	defer e.seeing.Unlock()
	taken := e.unseen
	e.unseen = nil
	return taken
}

// hasUnseen reports whether there are addresses that are not stored yet.
func (e *entry) hasUnseen() bool {
	if e.lastSeen.Load() == nil {
		return false
	}
	e.seeing.Lock()
	defer e.seeing.Unlock()
	return len(e.unseen) > 0
}

// giveBackSeen returns an address that could not be stored.
func (e *entry) giveBackSeen(failed Seen) {
	e.seeing.Lock()
	defer e.seeing.Unlock()
	e.unseen = append(e.unseen, failed)
}

func newEntry(k key, s Stored, opening tandem.AuditEvent, idle time.Duration) *entry {
	e := &entry{
		key: k, id: s.ID, idle: idle.Microseconds(), home: s.RemoteAddr, watched: ofService(&s.Session),
		writing: newTurn(), recording: newTurn(),
	}
	e.opening.Store(&opening)
	if !s.AbsoluteExpiresAt.IsZero() {
		e.absolute = s.AbsoluteExpiresAt.UnixMicro()
	}
	e.multiplexed.Store(s.Multiplexed)
	e.refresh(s)
	return e
}

// ofService reports whether the session is a back end's: a service token's, or a SAT's.
func ofService(s *tandem.Session) bool {
	return s.Kind == tandem.SessionService || s.Kind == tandem.SessionReference && !s.AbsoluteExpiresAt.IsZero()
}

// refresh takes over what the store has.
func (e *entry) refresh(s Stored) {
	session := s.Session
	e.snapshot.Store(&session)
	last := s.LastRequestAt.UnixMicro()
	raise(&e.last, last)
	raise(&e.stored, last)
	if s.Recorded {
		e.marked.Store(true)
		e.isRecorded()
	}
}

// isRecorded notes that the opening is on record.
func (e *entry) isRecorded() {
	e.recorded.Store(true)
	e.opening.Store(nil)
}

// expiry is when the session ends after a last call at the time given.
func (e *entry) expiry(last int64) int64 {
	t := last + e.idle
	if e.absolute != 0 && e.absolute < t {
		return e.absolute
	}
	return t
}

func (e *entry) count(now int64) {
	raise(&e.last, now)
	e.calls.Add(1)
}

// raise sets v to at least t: a clock that jumps back takes nothing away.
func raise(v *atomic.Int64, t int64) {
	for {
		old := v.Load()
		if t <= old || v.CompareAndSwap(old, t) {
			return
		}
	}
}

// take collects the calls not yet stored.
func (e *entry) take() Touch {
	calls := e.calls.Swap(0)
	last := e.last.Load()
	return Touch{ID: e.id, At: time.UnixMicro(last).UTC(), ExpiresAt: time.UnixMicro(e.expiry(last)).UTC(), Requests: calls, Recorded: e.recorded.Load()}
}

// isUnwritten reports whether there is something that the store does not know yet.
func (e *entry) isUnwritten() bool {
	return e.calls.Load() > 0 || !e.marked.Load() && e.recorded.Load() || e.hasUnseen()
}

// giveBack returns a touch that could not be stored, but for calls that failed
// with it.
func (e *entry) giveBack(t Touch, failed int64) { e.calls.Add(t.Requests - failed) }

// written notes that a touch is stored, and shows it to callers.
func (e *entry) written(t Touch) {
	raise(&e.stored, t.At.UnixMicro())
	if t.Recorded {
		e.marked.Store(true)
	}
	for {
		old := e.snapshot.Load()
		s := *old
		s.Requests += t.Requests
		if t.At.After(s.LastRequestAt) {
			s.LastRequestAt = t.At
		}
		if e.snapshot.CompareAndSwap(old, &s) {
			return
		}
	}
}

func (e *entry) lastCall() time.Time { return time.UnixMicro(e.last.Load()).UTC() }

// samePlace reports whether two addresses are of one host as far as can be
// told: equal, or both loopback.
func samePlace(a, b string) bool {
	if a == b {
		return true
	}
	x, errX := netip.ParseAddr(a)
	y, errY := netip.ParseAddr(b)
	if errX != nil || errY != nil {
		return false
	}
	x, y = x.Unmap(), y.Unmap()
	return x == y || x.IsLoopback() && y.IsLoopback()
}
