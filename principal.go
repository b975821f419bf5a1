package tandem

import "time"

// Principal is whom an access token or a reference token speaks for. Exactly one of User
// and Service is set: which one is read from the token's signed kind, never
// guessed from a missing field (invariant I7).
type Principal struct {
	User    *UserIdentity
	Service *ServiceIdentity

	// ApplicationURI is the application the token was issued to.
	ApplicationURI string
	// TokenID is the token's jti, or the id of a reference token.
	TokenID string
	// Reference says that it is a reference token, a [ReferencePAT] of the User or a
	// [ReferenceSAT] of the Service.
	Reference           bool
	Scope               Scope
	IssuedAt, ExpiresAt time.Time
	// Resource is the registered resource that the token is for, and for nothing else
	// (RFC 8707); empty for a token of the instance's own APIs.
	Resource string
	// KeyThumbprint is that of the key that the token is bound to (claim cnf, member jkt,
	// RFC 9449 section 6.1); empty for a token that whoever has it may use.
	KeyThumbprint string
}

// UserIdentity is the signed-in person of a user token.
type UserIdentity struct {
	// ID is the user's GUID (claim id), Login the claim sub.
	ID, Login string
	Type      UserType
	Admin     bool
	// SignInID is the claim sid: the sign-in at the identity server. It is the
	// session key of user tokens; a reference token has none.
	SignInID string
	// GrantID is the claim grant_id: what the application was given by one
	// authorization code. Empty in tokens of before there was one.
	GrantID string
	// UserinfoClaims are the claims that the application asked to be told at userinfo
	// by their names (claim userinfo_claims).
	UserinfoClaims []string
	// AuthTime is when the person proved who they are, ContextClass how well and Methods
	// how (claims auth_time, acr and amr); a reference token has none.
	AuthTime     time.Time
	ContextClass string
	Methods      []string
	// IdentityProvider is the outside provider that they proved it to, and Tenant their
	// organisation there (claims idp and tid); empty for who signed in here.
	IdentityProvider, Tenant string
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

// Flow is the flow that the token is of.
func (p *Principal) Flow() Flow {
	if p.Service != nil {
		return FlowService
	}
	return FlowUser
}
