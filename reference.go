package tandem

import (
	"strings"
	"time"
)

// ReferencePrefix begins every reference token, so that a scanner of sources and logs
// recognizes one, and nobody takes one for a token of another kind.
const ReferencePrefix = "enrt_"

// MaxReferenceLife is for how long a reference token can be made.
const MaxReferenceLife = 366 * 24 * time.Hour

// ReferenceKind says as whom a reference token acts.
type ReferenceKind string

// The kinds of reference token.
const (
	// ReferencePAT, a personal access token, acts as the person that it was made for.
	ReferencePAT ReferenceKind = "pat"
	// ReferenceSAT, a service access token, acts as its application's System User.
	ReferenceSAT ReferenceKind = "sat"
)

// Flow is the flow whose scope bounds tokens of the kind: a PAT is of the user half, a
// SAT of the service half.
func (k ReferenceKind) Flow() Flow {
	if k == ReferenceSAT {
		return FlowService
	}
	return FlowUser
}

// ReferenceToken is an opaque token that scripts send to the API: a PAT or a SAT. It
// says nothing itself: what it is good for is looked up at every call, so that whatever
// ends it ends it at once. The token's text is [ReferencePrefix] and 64 upper-case hex
// digits; it is shown once, and only its SHA-256 is kept.
type ReferenceToken struct {
	// ID is a GUID: the session key of its calls, and its name in the record.
	ID   string
	Kind ReferenceKind
	// ApplicationID and ApplicationURI are the application's that it was made for.
	ApplicationID, ApplicationURI string
	// UserID is the account that it acts as: the person, or the System User that the
	// application had when the token was made.
	UserID string
	// Name is for people: what the token is for. It may be empty.
	Name  string
	Scope Scope

	CreatedAt, ExpiresAt time.Time
	// CreatedBy and CreatedFrom are who made it, and the network address; the address
	// is empty for a command.
	CreatedBy, CreatedFrom string
	// LastUsedAt and LastUsedFrom are of the last call, and Calls is how many there
	// were. They are written behind, every ten seconds.
	LastUsedAt   time.Time
	LastUsedFrom string
	Calls        int64
	// LastWrittenAt is of the last call that needed the scope update; zero when there was
	// none.
	LastWrittenAt time.Time
	// RevokedAt is zero while it is not revoked; RevokedBy is who did it.
	RevokedAt time.Time
	RevokedBy string
	// SuccessorOf is the id of the token that this one replaces; empty for none.
	SuccessorOf string
}

// Live reports whether the token is neither revoked nor expired at the time.
func (t *ReferenceToken) Live(at time.Time) bool {
	return t.RevokedAt.IsZero() && at.Before(t.ExpiresAt)
}

// IsReferenceToken reports whether the text is a reference token by its form. It may
// never have been made.
func IsReferenceToken(text string) bool {
	digits, ok := strings.CutPrefix(text, ReferencePrefix)
	if !ok || len(digits) != 64 {
		return false
	}
	for i := range len(digits) {
		if c := digits[i]; !(c >= '0' && c <= '9' || c >= 'A' && c <= 'F') {
			return false
		}
	}
	return true
}
