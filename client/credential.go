package client

import "errors"

// UserCredential authenticates the front end's half of an application: for the
// user flow and for nothing else. The zero value is a public client, which has
// none (PKCE protects it).
type UserCredential struct{ c *credential }

// ServiceCredential authenticates the back end's half of an application: for
// client credentials and for nothing else. The zero value is refused.
type ServiceCredential struct{ c *credential }

// credential is a secret or a private key. It is behind a pointer so that fmt
// does not reach it inside of other structs either.
type credential struct{}

// UserSecret is a client secret of the front end.
func UserSecret(secret string) UserCredential { return UserCredential{} }

// ServiceSecret is a client secret of the back end.
func ServiceSecret(secret string) ServiceCredential { return ServiceCredential{} }

// ReadUserCredential reads the front end's credential from a file: a secret as
// text, or a private key in JWK or PEM for private_key_jwt (RFC 7523). The file
// is read again for each token request, so that a new credential takes effect
// without a restart; while it cannot be read the last good one is used.
func ReadUserCredential(file string) (UserCredential, error) {
	return UserCredential{}, errors.ErrUnsupported
}

// ReadServiceCredential reads the back end's credential from a file, like
// [ReadUserCredential].
func ReadServiceCredential(file string) (ServiceCredential, error) {
	return ServiceCredential{}, errors.ErrUnsupported
}

// String hides the credential.
func (UserCredential) String() string { return "client.UserCredential(hidden)" }

// String hides the credential.
func (ServiceCredential) String() string { return "client.ServiceCredential(hidden)" }
