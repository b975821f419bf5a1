package oauth

// Metadata is the discovery document (OpenID Connect Discovery section 3, RFC
// 8414 section 2). An empty field is left out: a document says only what is
// true of its server.
type Metadata struct {
	Issuer                string `json:"issuer"`
	AuthorizationEndpoint string `json:"authorization_endpoint,omitempty"`
	// PushedEndpoint takes authorization requests beforehand (RFC 9126).
	PushedEndpoint        string `json:"pushed_authorization_request_endpoint,omitempty"`
	DeviceEndpoint        string `json:"device_authorization_endpoint,omitempty"`
	TokenEndpoint         string `json:"token_endpoint"`
	UserinfoEndpoint      string `json:"userinfo_endpoint,omitempty"`
	EndSessionEndpoint    string `json:"end_session_endpoint,omitempty"`
	RevocationEndpoint    string `json:"revocation_endpoint,omitempty"`
	IntrospectionEndpoint string `json:"introspection_endpoint,omitempty"`
	JWKSURI               string `json:"jwks_uri"`

	ScopesSupported             []string `json:"scopes_supported,omitempty"`
	ClaimsSupported             []string `json:"claims_supported,omitempty"`
	ACRValuesSupported          []string `json:"acr_values_supported,omitempty"`
	ResponseTypesSupported      []string `json:"response_types_supported"`
	ResponseModesSupported      []string `json:"response_modes_supported,omitempty"`
	GrantTypesSupported         []string `json:"grant_types_supported"`
	SubjectTypesSupported       []string `json:"subject_types_supported"`
	PromptValuesSupported       []string `json:"prompt_values_supported,omitempty"`
	CodeChallengeMethods        []string `json:"code_challenge_methods_supported,omitempty"`
	IDTokenSigningAlgorithms    []string `json:"id_token_signing_alg_values_supported"`
	TokenAuthMethods            []string `json:"token_endpoint_auth_methods_supported"`
	TokenAuthAlgorithms         []string `json:"token_endpoint_auth_signing_alg_values_supported,omitempty"`
	RevocationAuthMethods       []string `json:"revocation_endpoint_auth_methods_supported,omitempty"`
	RevocationAuthAlgorithms    []string `json:"revocation_endpoint_auth_signing_alg_values_supported,omitempty"`
	IntrospectionAuthMethods    []string `json:"introspection_endpoint_auth_methods_supported,omitempty"`
	IntrospectionAuthAlgorithms []string `json:"introspection_endpoint_auth_signing_alg_values_supported,omitempty"`
	// SignInIntrospection says that the introspection endpoint takes a sid, too:
	// it tells an application whether a sign-in at it still lives. It is
	// Tandem's own; other providers do not have it.
	SignInIntrospection bool `json:"sign_in_introspection_supported,omitempty"`
	// BackchannelLogoutSupported says that applications are told of the end of a sign-in,
	// and BackchannelLogoutSessionSupported that they are told which (Back-Channel Logout
	// section 2.1).
	BackchannelLogoutSupported        bool `json:"backchannel_logout_supported,omitempty"`
	BackchannelLogoutSessionSupported bool `json:"backchannel_logout_session_supported,omitempty"`

	UILocalesSupported       []string `json:"ui_locales_supported,omitempty"`
	IssParameterSupported    bool     `json:"authorization_response_iss_parameter_supported,omitempty"`
	ClaimsParameterSupported bool     `json:"claims_parameter_supported"`
	// DPoPAlgorithms are those of proofs of possession (RFC 9449 section 5.1).
	DPoPAlgorithms            []string `json:"dpop_signing_alg_values_supported,omitempty"`
	RequestParameterSupported bool     `json:"request_parameter_supported"`
	// RequestURIParameterSupported has no omitempty: absent would mean true.
	RequestURIParameterSupported bool `json:"request_uri_parameter_supported"`
}
