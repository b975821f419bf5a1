package oauth

import (
	"strconv"

	"github.com/hybridapps/tandem/internal/jsontext"
)

// The token endpoint writes a claim set and a response for every token, so both
// are written by hand here: encoding/json would take longer than everything
// else about a token but its signature. A test holds them against it.

// AppendJSON appends the response.
func (t *TokenResponse) AppendJSON(b []byte) []byte {
	o := object{buf: append(b, '{')}
	o.string("access_token", t.AccessToken)
	o.string("token_type", t.TokenType)
	o.number("expires_in", t.ExpiresIn)
	o.optional("refresh_token", t.RefreshToken)
	o.optional("id_token", t.IDToken)
	o.optional("scope", t.Scope)
	return append(o.buf, '}')
}

// AccessFormat is how access tokens are written. Both are read, whichever is written.
type AccessFormat string

// The formats. As ERP.net writes them, the default, the claim scope is an array, and a back
// end's token has no subject. As RFC 9068 section 2.2 wants them, scope is a string with
// spaces between, and sub of a back end's token is its client_id.
const (
	FormatERPNet  AccessFormat = "erpnet"
	FormatRFC9068 AccessFormat = "rfc9068"
)

// AppendJSON appends the claim set.
func (c *UserAccessClaims) AppendJSON(b []byte, format AccessFormat) []byte {
	o := object{buf: append(b, '{')}
	o.access(&c.AccessClaims, format)
	o.user(&c.UserClaims)
	o.number("auth_time", c.AuthTime)
	o.optional("acr", c.ContextClass)
	if len(c.Methods) > 0 {
		o.strings("amr", c.Methods)
	}
	o.optional("idp", c.IdentityProvider)
	o.optional("tid", c.Tenant)
	o.string("sid", c.SignInID)
	o.optional("grant_id", c.GrantID)
	if len(c.UserinfoClaims) > 0 {
		o.strings("userinfo_claims", c.UserinfoClaims)
	}
	o.optional("db", c.Database)
	return append(o.buf, '}')
}

// AppendJSON appends the claim set.
func (c *ServiceAccessClaims) AppendJSON(b []byte, format AccessFormat) []byte {
	o := object{buf: append(b, '{')}
	o.access(&c.AccessClaims, format)
	if format == FormatRFC9068 {
		o.string("sub", c.ClientID)
	}
	o.string("client_system_user", c.SystemUser)
	o.string("client_system_user_type", c.SystemUserType)
	o.string("client_system_user_id", c.SystemUserID)
	o.optional("client_db", c.Database)
	o.optional("service_instance", c.Instance)
	return append(o.buf, '}')
}

// AppendJSON appends the claim set.
func (c *IDClaims) AppendJSON(b []byte) []byte {
	o := object{buf: append(b, '{')}
	o.registered(&c.RegisteredClaims)
	o.string("token_kind", string(c.Kind))
	o.user(&c.UserClaims)
	o.optional("preferred_username", c.PreferredUsername)
	if c.UpdatedAt != 0 {
		o.number("updated_at", c.UpdatedAt)
	}
	o.optional("picture", c.Picture)
	o.number("auth_time", c.AuthTime)
	o.optional("nonce", c.Nonce)
	o.optional("at_hash", c.AccessTokenHash)
	o.optional("c_hash", c.CodeHash)
	o.optional("s_hash", c.StateHash)
	o.string("acr", c.ContextClass)
	o.strings("amr", c.Methods)
	o.string("idp", c.IdentityProvider)
	o.optional("tid", c.Tenant)
	o.string("sid", c.SignInID)
	o.optional("db", c.Database)
	return append(o.buf, '}')
}

// object is a JSON object in the making. Names are constants that need no
// escapes.
type object struct{ buf []byte }

func (o *object) registered(c *RegisteredClaims) {
	o.string("iss", c.Issuer)
	if len(c.Audience) == 1 {
		o.string("aud", c.Audience[0])
	} else {
		o.strings("aud", c.Audience)
	}
	o.number("iat", c.IssuedAt)
	if c.NotBefore != 0 {
		o.number("nbf", c.NotBefore)
	}
	o.number("exp", c.ExpiresAt)
	o.optional("jti", c.ID)
}

func (o *object) access(c *AccessClaims, format AccessFormat) {
	o.registered(&c.RegisteredClaims)
	o.string("token_kind", string(c.Kind))
	o.string("client_id", c.ClientID)
	if c.Confirmation.KeyThumbprint != "" {
		o.name("cnf")
		inner := object{buf: append(o.buf, '{')}
		inner.string("jkt", c.Confirmation.KeyThumbprint)
		o.buf = append(inner.buf, '}')
	}
	if format != FormatRFC9068 {
		o.strings("scope", c.Scope)
		return
	}
	o.name("scope")
	o.buf = append(o.buf, '"')
	for i, word := range c.Scope {
		if i > 0 {
			o.buf = append(o.buf, ' ')
		}
		o.buf = append(o.buf, word...) // scope tokens have no quotes or backslashes
	}
	o.buf = append(o.buf, '"')
}

func (o *object) user(c *UserClaims) {
	o.string("sub", c.Subject)
	o.string("id", c.UserID)
	o.string("user_type", c.UserType)
	o.name("is_admin")
	o.buf = strconv.AppendBool(o.buf, c.Admin)
	o.optional("name", c.Name)
	o.optional("email", c.Email)
	if c.EmailVerified != nil {
		o.name("email_verified")
		o.buf = strconv.AppendBool(o.buf, *c.EmailVerified)
	}
	o.optional("locale", c.Locale)
	o.optional("zoneinfo", c.Zoneinfo)
}

func (o *object) name(name string) {
	if o.buf[len(o.buf)-1] != '{' {
		o.buf = append(o.buf, ',')
	}
	o.buf = append(o.buf, '"')
	o.buf = append(o.buf, name...)
	o.buf = append(o.buf, '"', ':')
}

func (o *object) string(name, value string) {
	o.name(name)
	o.buf = jsontext.AppendString(o.buf, value)
}

func (o *object) optional(name, value string) {
	if value != "" {
		o.string(name, value)
	}
}

func (o *object) number(name string, value int64) {
	o.name(name)
	o.buf = strconv.AppendInt(o.buf, value, 10)
}

func (o *object) strings(name string, values []string) {
	o.name(name)
	o.buf = append(o.buf, '[')
	for i, v := range values {
		if i > 0 {
			o.buf = append(o.buf, ',')
		}
		o.buf = jsontext.AppendString(o.buf, v)
	}
	o.buf = append(o.buf, ']')
}
