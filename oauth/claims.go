package oauth

import (
	"encoding/json"
	"errors"
	"strings"
)

// TokenKind is the signed claim token_kind. Readers check it: which half of an
// application a token belongs to is never guessed from a missing field.
type TokenKind string

// The kinds of JWT that the platform issues.
const (
	KindUser    TokenKind = "user"
	KindService TokenKind = "service"
	KindID      TokenKind = "id"
)

// TokenResponse is the response of the token endpoint (RFC 6749 section 5.1).
type TokenResponse struct {
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`
	// ExpiresIn is in seconds.
	ExpiresIn    int64  `json:"expires_in"`
	RefreshToken string `json:"refresh_token,omitempty"`
	IDToken      string `json:"id_token,omitempty"`
	// Scope is what was granted, space-delimited.
	Scope string `json:"scope,omitempty"`
}

// RegisteredClaims are the claims that every token has (RFC 7519 section 4.1).
// Times are seconds since 1970 UTC.
type RegisteredClaims struct {
	Issuer    string   `json:"iss"`
	Audience  Audience `json:"aud"`
	IssuedAt  int64    `json:"iat"`
	NotBefore int64    `json:"nbf,omitempty"`
	ExpiresAt int64    `json:"exp"`
	ID        string   `json:"jti,omitempty"`
}

// AccessClaims are the claims that both kinds of access token have (RFC 9068
// section 2.2).
type AccessClaims struct {
	RegisteredClaims
	Kind     TokenKind `json:"token_kind"`
	ClientID string    `json:"client_id"`
	Scope    Scope     `json:"scope"`
	// Confirmation is the key that the token is bound to; absent for a bearer's.
	Confirmation Confirmation `json:"cnf,omitzero"`
}

// Confirmation is the claim cnf (RFC 7800 section 3.1).
type Confirmation struct {
	// KeyThumbprint is the SHA-256 of the key that proves are made with (RFC 9449
	// section 6.1).
	KeyThumbprint string `json:"jkt"`
}

// UserAccessClaims are those of a user's access token.
type UserAccessClaims struct {
	AccessClaims
	UserClaims
	AuthTime int64 `json:"auth_time"`
	// ContextClass and Methods say how the person proved who they are (RFC 9068 section
	// 2.2.1); IdentityProvider and Tenant to whom, where that was not this server.
	ContextClass     string   `json:"acr,omitempty"`
	Methods          []string `json:"amr,omitempty"`
	IdentityProvider string   `json:"idp,omitempty"`
	Tenant           string   `json:"tid,omitempty"`
	SignInID         string   `json:"sid"`
	// GrantID is what the application was given by one authorization code: all
	// tokens of it end together.
	GrantID string `json:"grant_id,omitempty"`
	// UserinfoClaims are what userinfo tells beside the claims of the scope: what was
	// asked for by the parameter claims.
	UserinfoClaims []string `json:"userinfo_claims,omitempty"`
	// Database is the id of the instance.
	Database string `json:"db,omitempty"`
}

// UserClaims say who a person is. Name, locale and zoneinfo are there with the scope
// profile only, the address with profile or email.
type UserClaims struct {
	// Subject is the login, UserID the GUID that never changes.
	Subject  string `json:"sub"`
	UserID   string `json:"id,omitempty"`
	UserType string `json:"user_type,omitempty"`
	Admin    bool   `json:"is_admin"`
	Name     string `json:"name,omitempty"`
	// Email and EmailVerified come together, see [UserClaims.SetEmail].
	Email         string `json:"email,omitempty"`
	EmailVerified *bool  `json:"email_verified,omitempty"`
	Locale        string `json:"locale,omitempty"`
	Zoneinfo      string `json:"zoneinfo,omitempty"`
}

// SetEmail says the address, and whether it is known to be the person's; nothing where
// there is none.
func (c *UserClaims) SetEmail(address string, verified bool) {
	if address != "" {
		c.Email, c.EmailVerified = address, &verified
	}
}

// ServiceAccessClaims are those of a back end's access token. There is no
// person in it: no sid, email or auth_time, and no sub but, as [FormatRFC9068], the
// ClientID.
type ServiceAccessClaims struct {
	AccessClaims
	SystemUser     string `json:"client_system_user"`
	SystemUserType string `json:"client_system_user_type"`
	SystemUserID   string `json:"client_system_user_id"`
	Database       string `json:"client_db,omitempty"`
	// Instance is empty for the single default instance.
	Instance string `json:"service_instance,omitempty"`
}

// IDClaims are those of an ID token (OpenID Connect Core section 2).
type IDClaims struct {
	RegisteredClaims
	UserClaims
	PreferredUsername string    `json:"preferred_username,omitempty"`
	UpdatedAt         int64     `json:"updated_at,omitempty"` // Unix seconds
	Picture           string    `json:"picture,omitempty"`
	Kind              TokenKind `json:"token_kind"`
	AuthTime          int64     `json:"auth_time"`
	Nonce             string    `json:"nonce,omitempty"`
	AccessTokenHash   string    `json:"at_hash,omitempty"`
	// CodeHash and StateHash bind a token that comes through the browser to what
	// comes with it (Core section 3.3.2.11, FAPI 1.0 Advanced section 5.1).
	CodeHash  string `json:"c_hash,omitempty"`
	StateHash string `json:"s_hash,omitempty"`
	// ContextClass, Methods and IdentityProvider say how the person proved who
	// they are (Core section 2, RFC 8176), and to whom.
	ContextClass     string   `json:"acr"`
	Methods          []string `json:"amr"`
	IdentityProvider string   `json:"idp"`
	Tenant           string   `json:"tid,omitempty"`
	SignInID         string   `json:"sid"`
	Database         string   `json:"db,omitempty"`
}

// Scope is the claim scope: an array in ERP.net's tokens, a space-delimited
// string in RFC 9068. Both are read; see [AccessFormat] for what is written.
type Scope []string

// UnmarshalJSON reads either form.
func (s *Scope) UnmarshalJSON(data []byte) error {
	words, err := stringOrArray(data)
	if err != nil {
		return errors.New("oauth: the claim scope is neither a string nor an array of strings")
	}
	if len(data) > 0 && data[0] == '"' {
		*s = strings.Fields(words[0])
		return nil
	}
	*s = words
	return nil
}

// Audience is the claim aud: one string or an array of strings (RFC 7519
// section 4.1.3).
type Audience []string

// UnmarshalJSON reads either form.
func (a *Audience) UnmarshalJSON(data []byte) error {
	words, err := stringOrArray(data)
	if err != nil {
		return errors.New("oauth: the claim aud is neither a string nor an array of strings")
	}
	*a = words
	return nil
}

func stringOrArray(data []byte) ([]string, error) {
	if len(data) > 0 && data[0] == '"' {
		var one string
		err := json.Unmarshal(data, &one)
		return []string{one}, err
	}
	var many []string
	err := json.Unmarshal(data, &many)
	if err == nil && many == nil {
		err = errors.New("null")
	}
	return many, err
}
