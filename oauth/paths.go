package oauth

// Paths of an instance's identity server, below the instance's root. The
// issuer is the root and PathIssuer. Applications read the endpoints from the
// discovery document, which is where they may change.
const (
	PathIssuer = "/id"
	// PathDiscovery is for OpenID Connect Discovery section 4, PathMetadata the
	// same document for RFC 8414 section 3.1.
	PathDiscovery = PathIssuer + "/.well-known/openid-configuration"
	PathMetadata  = "/.well-known/oauth-authorization-server" + PathIssuer
	PathJWKS      = PathDiscovery + "/jwks"
	PathAuthorize = PathIssuer + "/connect/authorize"
	// PathDevice is the page where people type the code of a device.
	PathDevice              = PathIssuer + "/device"
	PathDeviceAuthorization = PathIssuer + "/connect/deviceauthorization"
	PathPushed              = PathIssuer + "/connect/par"
	PathToken               = PathIssuer + "/connect/token"
	PathUserinfo            = PathIssuer + "/connect/userinfo"
	PathRevocation          = PathIssuer + "/connect/revocation"
	PathIntrospection       = PathIssuer + "/connect/introspect"
	PathEndSession          = PathIssuer + "/connect/endsession"
)
