package oauth

// Grant types of the token endpoint (RFC 6749 section 4, RFC 8628).
const (
	GrantAuthorizationCode = "authorization_code"
	GrantRefreshToken      = "refresh_token"
	GrantClientCredentials = "client_credentials"
	GrantDeviceCode        = "urn:ietf:params:oauth:grant-type:device_code"
)

// Methods of client authentication (OpenID Connect Core section 9).
const (
	AuthSecretBasic   = "client_secret_basic"
	AuthSecretPost    = "client_secret_post"
	AuthPrivateKeyJWT = "private_key_jwt"
	AuthNone          = "none"
)

// AssertionTypeJWT is the client_assertion_type of private_key_jwt (RFC 7523
// section 2.2).
const AssertionTypeJWT = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// Response types of the authorization endpoint. ResponseTypeCodeIDToken is the half
// of the hybrid flow that gives no access token through the browser (OAuth 2.0
// Multiple Response Type Encoding Practices section 5): its words come in any order.
const (
	ResponseTypeCode        = "code"
	ResponseTypeCodeIDToken = "code id_token"
)

// Response modes: how a response travels to the redirect URI (OAuth 2.0 Multiple
// Response Type Encoding Practices section 2.1, OAuth 2.0 Form Post Response
// Mode).
const (
	ModeQuery    = "query"
	ModeFragment = "fragment"
	ModeFormPost = "form_post"
)

// Words of the parameter prompt (OpenID Connect Core section 3.1.2.1).
const (
	PromptNone          = "none"
	PromptLogin         = "login"
	PromptConsent       = "consent"
	PromptSelectAccount = "select_account"
)

// PushedResponse is the answer to a pushed authorization request (RFC 9126 section
// 2.2). ExpiresIn is in seconds.
type PushedResponse struct {
	RequestURI string `json:"request_uri"`
	ExpiresIn  int64  `json:"expires_in"`
}

// DeviceResponse is the answer to a device that begins (RFC 8628 section 3.2). ExpiresIn and
// Interval are in seconds.
type DeviceResponse struct {
	DeviceCode              string `json:"device_code"`
	UserCode                string `json:"user_code"`
	VerificationURI         string `json:"verification_uri"`
	VerificationURIComplete string `json:"verification_uri_complete"`
	ExpiresIn               int64  `json:"expires_in"`
	Interval                int64  `json:"interval"`
}

// PushedPrefix is what the request_uri of a pushed request begins with.
const PushedPrefix = "urn:ietf:params:oauth:request_uri:"

// TokenTypeBearer is the token_type of every access token (RFC 6750).
const TokenTypeBearer = "Bearer"

// TokenTypeDPoP is that of a token that is bound to a key (RFC 9449 section 5).
const TokenTypeDPoP = "DPoP"

// Header types of the platform's JWTs.
const (
	// TypeAccessToken marks access tokens (RFC 9068 section 2.1), so that
	// nothing else passes for one.
	TypeAccessToken = "at+jwt"
	// TypeJWT is of any JWT: what access tokens have for resource servers that know no
	// other type.
	TypeJWT = "JWT"
	// TypeIDToken marks ID tokens.
	TypeIDToken = "JWT"
	// TypeLogoutToken marks logout tokens (OpenID Connect Back-Channel Logout section 2.4).
	TypeLogoutToken = "logout+jwt"
)

// MaxServiceInstance is the longest name of a service instance, in bytes.
const MaxServiceInstance = 64

// ValidServiceInstance reports whether name may be the parameter and claim
// service_instance, which tells replicas of one back end apart: at most
// [MaxServiceInstance] letters, digits, dots, underscores and hyphens. Empty
// is valid and means the single default instance.
func ValidServiceInstance(name string) bool {
	if len(name) > MaxServiceInstance {
		return false
	}
	for i := range len(name) {
		c := name[i]
		if !isAlphanumeric(c) && c != '.' && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

func isAlphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}
