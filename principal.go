package tandem

import "time"

// Principal is whom a verified access token speaks for. Exactly one of User
// and Service is set: which one is read from the token's signed kind, never
// guessed from a missing field (invariant I7).
type Principal struct {
	User    *UserIdentity
	Service *ServiceIdentity

	// ApplicationURI is the application the token was issued to.
	ApplicationURI string
	// TokenID is the token's jti.
	TokenID             string
	Scope               Scope
	IssuedAt, ExpiresAt time.Time
}

// UserIdentity is the signed-in person of a user token.
type UserIdentity struct {
	// ID is the user's GUID (claim id), Login the claim sub.
	ID, Login string
	Type      UserType
	Admin     bool
	// SignInID is the claim sid: the sign-in at the identity server. It is the
	// session key of user tokens.
	SignInID string
	// GrantID is the claim grant_id: what the application was given by one
	// authorization code. Empty in tokens of before there was one.
	GrantID string
}

// ServiceIdentity is the System User of a service token.
type ServiceIdentity struct {
	SystemUserID, SystemUserLogin string
	// Instance names one of several concurrent replicas of a back end; empty
	// means the single default one.
	Instance string
}

// Actor is the login that acts: the person's, or the System User's.
func (p *Principal) Actor() string {
	if p.Service != nil {
		return p.Service.SystemUserLogin
	}
	return p.User.Login
}

// ActorID is the acting account's GUID.
func (p *Principal) ActorID() string {
	if p.Service != nil {
		return p.Service.SystemUserID
	}
	return p.User.ID
}
