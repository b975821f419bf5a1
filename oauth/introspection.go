package oauth

// Introspection is the response of the introspection endpoint (RFC 7662 section
// 2.2). Of what is not active it says that and nothing else.
type Introspection struct {
	Active bool `json:"active"`
	// Confirmation is the key that the token is bound to.
	Confirmation Confirmation `json:"cnf,omitzero"`
	// TokenType is Bearer or DPoP for access tokens; empty for others.
	TokenType string   `json:"token_type,omitempty"`
	Issuer    string   `json:"iss,omitempty"`
	Audience  Audience `json:"aud,omitempty"`
	ClientID  string   `json:"client_id,omitempty"`
	ID        string   `json:"jti,omitempty"`
	// Scope is space-delimited.
	Scope string `json:"scope,omitempty"`
	// ExpiresAt and IssuedAt are seconds since 1970 UTC.
	ExpiresAt int64 `json:"exp,omitempty"`
	IssuedAt  int64 `json:"iat,omitempty"`
	// Subject is the login and UserID the GUID of the person, SignInID their
	// sign-in (claim sid).
	Subject  string `json:"sub,omitempty"`
	UserID   string `json:"id,omitempty"`
	SignInID string `json:"sid,omitempty"`
	// AuthTime is when the person proved who they are, in seconds since 1970 UTC,
	// ContextClass how well and Methods how (RFC 9470 section 6.2).
	AuthTime     int64    `json:"auth_time,omitempty"`
	ContextClass string   `json:"acr,omitempty"`
	Methods      []string `json:"amr,omitempty"`
	// Groups are the names of the groups that the person is in, told to the back
	// end of an application about a sign-in at it, and to that of an API about who calls it.
	Groups []string `json:"groups,omitempty"`
	// SystemUser is whom a service token acts as.
	SystemUser string `json:"client_system_user,omitempty"`
}

// Parameters of the introspection endpoint beyond RFC 7662: with a sid as the
// token, "about" says what is asked.
const (
	// ParamAbout is absent or one of the two below.
	ParamAbout = "about"
	// AboutSignIn asks whether the sign-in itself still lives: nobody has ended
	// it, and its person may still use the application. It is the default.
	AboutSignIn = "sign_in"
	// AboutPerson asks whether the person may still use the application, also
	// after they have signed out themselves.
	AboutPerson = "person"
)
