package session

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/hybridapps/tandem"
)

// Store keeps sessions for all replicas. Each method is one transaction.
type Store interface {
	// SetLicence makes the licence the one that counts for all replicas and
	// gives open sessions their slots anew when it differs from the one
	// before. Sessions that find no slot are ended with [EndLicence], longest idle first, and
	// returned.
	SetLicence(ctx context.Context, l tandem.Licence, now time.Time) ([]Stored, error)
	// Open ends what is overdue, as far as it is in the way, and then finds the open
	// session with the key, or opens one in the lowest slot that is free for its user.
	Open(ctx context.Context, o Opening) (Opened, error)
	// IsRecorded reports whether the opening of a session, or its end, is on record, by what
	// its event uses up ([tandem.Once]).
	IsRecorded(ctx context.Context, once [sha256.Size]byte) (bool, error)
	// Touch writes calls back, and with an error returns those that it did not write. A
	// session that has ended stays ended.
	Touch(ctx context.Context, touches []Touch) (left []Touch, err error)
	// TouchLive is Touch for one session, if it has neither ended nor become
	// overdue; it reports whether that was so.
	TouchLive(ctx context.Context, t Touch) (bool, error)
	// MarkMultiplexed reports whether this call is the one that marked the
	// session as used from several places.
	MarkMultiplexed(ctx context.Context, id string) (bool, error)
	// AddSeen keeps addresses, as long as there are fewer than [MaxAddresses].
	AddSeen(ctx context.Context, seen []Seen) error
	// ListSeen returns those of a session, the first first.
	ListSeen(ctx context.Context, sessionID string) ([]Seen, error)
	// ByID returns a session that is open or not forgotten yet, else [tandem.ErrNotFound].
	ByID(ctx context.Context, id string) (Stored, error)
	// End ends the open sessions among those selected, [MaxEnded] at most, and returns them. When
	// none of the IDs given ever was a session, the error is
	// tandem.ErrNotFound.
	End(ctx context.Context, e Ending) ([]Stored, error)
	// Expire ends sessions that are overdue, [MaxEnded] at most and the first due first, and
	// returns them.
	Expire(ctx context.Context, now time.Time) ([]Stored, error)
	// Untold are sessions that ended before the time given and that nobody has said of that
	// their ends are on record, the longest ago first.
	Untold(ctx context.Context, before time.Time, limit int) ([]Stored, error)
	// Told says of sessions, [MaxEnded] at most, that their ends are on record.
	Told(ctx context.Context, ids []string) error
	// EndedSince returns the ids of sessions ended after the change given, and
	// the number of the last change. A negative change returns no ids.
	EndedSince(ctx context.Context, change int64) (ids []string, last int64, err error)
	// OpenOf returns the ids of the open sessions of the kind [tandem.SessionUser] that a
	// person has through an application.
	OpenOf(ctx context.Context, userID, applicationURI string, now time.Time) ([]string, error)
	// List returns open sessions by slot.
	List(ctx context.Context, now time.Time) ([]Stored, error)
	// Count counts the open sessions by kind, and those in reserved slots by their users.
	Count(ctx context.Context, now time.Time) ([]Count, error)
	// Page is at most limit sessions that the filter chooses, after the one given;
	// nil is before all. Open ones come by slot, and with [Filter.All] the newest
	// first.
	Page(ctx context.Context, f Filter, after *tandem.Session, limit int, now time.Time) ([]Stored, error)
	// Forget removes sessions that ended before the time given.
	Forget(ctx context.Context, before time.Time) error
}

// Count is how many sessions of a kind are open: in slots reserved for a user, or, with an
// empty login, in those for everybody.
type Count struct {
	Kind     tandem.SessionKind
	Reserved string
	N        int
}

// Filter chooses sessions. What is empty chooses all.
type Filter struct {
	// All chooses those that have ended, too.
	All bool
	// User is a login, compared as it is recorded.
	User, ApplicationURI string
	Kind                 tandem.SessionKind
}

// Opening asks for a session.
type Opening struct {
	// Session is the session to open, without a slot.
	Session    tandem.Session
	RemoteAddr string
	Idle       time.Duration
}

// Opened is what came of an [Opening]. Expired is told also when the licence
// is full, and beside an error: those sessions have ended.
type Opened struct {
	// Session is the open session, found or new; its ID is empty when no slot
	// is free.
	Stored
	// Fresh says that it was opened now.
	Fresh bool
	// Previous is how the last session with the same key ended; empty when
	// there was none, and for a session whose opening is on record.
	Previous tandem.EndReason
	// PreviousAt is when it ended.
	PreviousAt time.Time
	// Licence is the one that counts.
	Licence tandem.Licence
	// Expired are the sessions ended because they were overdue.
	Expired []Stored
}

// Stored is a session with what only the store and the [Manager] need.
type Stored struct {
	tandem.Session
	// RemoteAddr is where the session was opened from.
	RemoteAddr string
	// Multiplexed says that it was used from elsewhere too.
	Multiplexed bool
	// Recorded says that its opening is on record for sure. Whoever opens it says so with
	// the next touch, and may die before the one or the other.
	Recorded bool
	// UntoldSince is when it ended, as long as it is not said that its end is on record.
	UntoldSince time.Time
}

// Touch is calls made in a session.
type Touch struct {
	ID string
	// At is the time of the last call, ExpiresAt when the session now ends.
	At, ExpiresAt time.Time
	// Requests is how many calls were made since the last touch.
	Requests int64
	// Recorded says that the opening is on record.
	Recorded bool
}

// Ending selects open sessions by IDs or, when there are none, by Key.
type Ending struct {
	IDs    []string
	Key    string
	Reason tandem.EndReason
	// By is who ends them by administering; empty for nobody.
	By  string
	Now time.Time
}

// MaxAddresses is how many addresses are kept of a session, the one included that it was
// opened from.
const MaxAddresses = 8

// Seen is an address that a session was used from beside the one that it was opened from,
// and when first.
type Seen struct {
	SessionID, Address string
	At                 time.Time
}

// MaxEnded is how many sessions one statement ends: others write between two.
const MaxEnded = 500

// EndLicence ends sessions that have no slot in a smaller licence.
const EndLicence tandem.EndReason = "licence reduced"
