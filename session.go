package tandem

import "time"

// SessionKind says what kind of token opened a session.
type SessionKind string

// The session kinds.
const (
	SessionUser      SessionKind = "user"
	SessionService   SessionKind = "service"
	SessionReference SessionKind = "reference"
)

// Lifetimes of a session (defaults).
const (
	// SessionIdle is how long a session lives without a call.
	SessionIdle = 20 * time.Minute
	// ServiceSessionAbsolute is when a service session ends, active or not, also
	// that of a SAT.
	ServiceSessionAbsolute = time.Hour
)

// EndReason says why a session ended.
type EndReason string

// The reasons the platform itself ends sessions for. An administrator's reason
// is free text.
const (
	EndIdle     EndReason = "idle"
	EndAbsolute EndReason = "absolute"
	EndSignOut  EndReason = "sign-out"
	EndDisabled EndReason = "disabled"
	// EndRevoked is for the session of a reference token that was revoked.
	EndRevoked EndReason = "token revoked"
	// EndWithdrawn is for the session of an application that its person has allowed
	// nothing any more.
	EndWithdrawn EndReason = "consent withdrawn"
	// EndRestored is for those of a backup that the instance was restored from.
	EndRestored EndReason = "restored"
)

// Session is an API session. A token alone opens nothing: the first API call
// opens the session and takes one slot of the [Licence], later calls reuse it.
type Session struct {
	ID string
	// Key is what makes calls share a session: the sign-in (claim sid) for
	// user tokens; application, System User and service instance for service
	// tokens (invariant I11).
	Key  string
	Kind SessionKind
	// User is the login that acts, UserID its GUID.
	User, UserID    string
	ApplicationURI  string
	ServiceInstance string
	// Slot is the number of the licence slot held, from 1.
	Slot int
	// Reserved says that the slot is one guaranteed to this account.
	Reserved      bool
	OpenedAt      time.Time
	LastRequestAt time.Time
	// AbsoluteExpiresAt is zero for sessions that only expire when idle.
	AbsoluteExpiresAt time.Time
	Requests          int64
	// EndedAt is zero while the session is open.
	EndedAt   time.Time
	EndReason EndReason
	// ClosedBy is who closed it by administering; empty where nobody did.
	ClosedBy string
}

// ExpiresAt is when the session ends if no further call comes.
func (s *Session) ExpiresAt(idle time.Duration) time.Time {
	t := s.LastRequestAt.Add(idle)
	if !s.AbsoluteExpiresAt.IsZero() && s.AbsoluteExpiresAt.Before(t) {
		return s.AbsoluteExpiresAt
	}
	return t
}

// Licence is how many sessions may be open at once (invariant I12).
type Licence struct {
	// Slots is the total.
	Slots int
	// Reserved gives accounts, by login, slots of their own within the total;
	// everyone else shares the rest, first come, first served.
	Reserved map[string]int
}
