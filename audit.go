package tandem

import (
	"context"
	"crypto/sha256"
	"time"
)

// AuditKind names what happened. The names are stable: they are stored.
type AuditKind string

// The kinds of audit event.
const (
	AuditSignIn          AuditKind = "sign_in"
	AuditSignInFailed    AuditKind = "sign_in_failed"
	AuditSignOut         AuditKind = "sign_out"
	AuditTokenIssued     AuditKind = "token_issued"
	AuditTokenRefused    AuditKind = "token_refused"
	AuditRefreshReplayed AuditKind = "refresh_replayed"
	AuditCodeReplayed    AuditKind = "code_replayed"
	AuditSessionOpened   AuditKind = "session_opened"
	AuditSessionClosed   AuditKind = "session_closed"
	AuditSessionRefused  AuditKind = "session_refused"
	// AuditOnBehalf is a service call made because a person asked for it. The
	// person is recorded as told by the service; they are no authority.
	AuditOnBehalf     AuditKind = "service_call_on_behalf"
	AuditMultiplexing AuditKind = "possible_multiplexing"
	// AuditPermissionRefused is an API call that the account has no right to,
	// AuditCallRefused one that is forbidden for another reason: a scope that the
	// token does not have, a kind of account that the API is not for.
	AuditPermissionRefused AuditKind = "permission_refused"
	AuditCallRefused       AuditKind = "call_refused"
	// AuditAuthorizationRefused is a request of a browser, to sign in at an application
	// or to sign out, that was not followed; AuditCodeIssued the code that one gave, and
	// AuditRequestPushed one that an application sent beforehand.
	AuditAuthorizationRefused AuditKind = "authorization_refused"
	AuditCodeIssued           AuditKind = "code_issued"
	AuditRequestPushed        AuditKind = "request_pushed"
	AuditTokenRevoked         AuditKind = "token_revoked"
	// AuditConsentGiven is what a person allowed an application to do in their name, and
	// AuditConsentWithdrawn the end of it.
	AuditConsentGiven     AuditKind = "consent_given"
	AuditConsentWithdrawn AuditKind = "consent_withdrawn"
	// AuditLogoutTold is an application that was told of the end of a sign-in, and
	// AuditLogoutUntold one that could not be told for as long as it is tried.
	AuditLogoutTold     AuditKind = "logout_told"
	AuditLogoutUntold   AuditKind = "logout_untold"
	AuditAdministration AuditKind = "administration"
	// AuditProof is a run of tandem prove: how many invariants hold, and the digest of
	// the signed report.
	AuditProof AuditKind = "proof"
	// AuditFindingOpened and AuditFindingClosed are what an audit found, and what it found
	// no more.
	AuditFindingOpened AuditKind = "finding_opened"
	AuditFindingClosed AuditKind = "finding_closed"
	// AuditPruned is the removal of events that were older than they are kept.
	AuditPruned AuditKind = "record_pruned"
	// AuditRestored is the begin of a new life from a backup.
	AuditRestored AuditKind = "restored"
	// AuditSealed is put on a record in which nothing has happened for an hour, so that
	// it is still sealed. AuditRestarted is the begin of a new epoch of the sealed record.
	AuditSealed    AuditKind = "record_sealed"
	AuditRestarted AuditKind = "record_restarted"
)

// AuditKinds are all of them.
var AuditKinds = []AuditKind{
	AuditSignIn, AuditSignInFailed, AuditSignOut, AuditTokenIssued, AuditTokenRefused, AuditRefreshReplayed,
	AuditCodeReplayed, AuditSessionOpened, AuditSessionClosed, AuditSessionRefused, AuditOnBehalf,
	AuditMultiplexing, AuditPermissionRefused, AuditCallRefused, AuditAuthorizationRefused, AuditCodeIssued, AuditRequestPushed,
	AuditTokenRevoked, AuditConsentGiven, AuditConsentWithdrawn, AuditLogoutTold, AuditLogoutUntold, AuditAdministration, AuditProof, AuditFindingOpened, AuditFindingClosed, AuditPruned, AuditRestored,
	AuditSealed, AuditRestarted,
}

// AuditEvent is one line of the append-only record. It never holds a token, a
// secret, a code or a password (invariant I13).
type AuditEvent struct {
	// ID grows with time (UUIDv7); the record assigns it when it is empty.
	ID   string
	At   time.Time
	Kind AuditKind
	// ApplicationURI, Actor (a login) and Flow say who; empty where unknown.
	ApplicationURI string
	Actor          string
	Flow           Flow
	// SessionID, SignInID and TokenID (a jti) say through what.
	SessionID, SignInID, TokenID string
	RemoteAddr                   string
	// Detail is one short line for a person: what was granted, or why not.
	Detail string
	// RequestID is the id of the request that the event is about; the record takes it
	// from the context (see [WithRequestID]) when it is empty.
	RequestID string
	// Facts are what was decided by, for tandem explain: [Facts.JSON], or empty.
	Facts string
	// Once is what the event uses up, nil where that is nothing. It is no part of what is
	// kept.
	Once *Once
}

// Once is what may be used once in its time, such as a proof of possession (RFC 9449 section
// 11.1). It is used up together with the event that it comes with, or not at all.
type Once struct {
	ID [sha256.Size]byte
	// Until is how long it is remembered.
	Until time.Time
	// First says, when the event was recorded without an error, that nobody has used it
	// before. Otherwise the event is not kept.
	First bool
}

// Auditor is the record as the boxes see it, which may not know each other.
type Auditor interface {
	// Record returns when the event is durable. What the event is about must
	// not take effect before, or not at all when there is an error.
	Record(ctx context.Context, e AuditEvent) error
}

// Refuser is the record of refusals as the boxes see it. Anybody can cause refusals, so
// there is one bound for all of them.
type Refuser interface {
	// Refused puts a refusal on record: the first of its kind at once, its repeats within
	// the minute as one line with their number. code is the public word of the answer. The
	// reference is what to say as the id of the request: for a repeat that of the first
	// with this one's number behind it, ID.N; empty where the request's own id finds it.
	Refused(ctx context.Context, e AuditEvent, f Facts, code string) (reference string, err error)
}
