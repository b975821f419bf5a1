package client

import (
	"context"
	"errors"
	"time"

	"github.com/hybridapps/tandem"
)

// IDToken says who a person is and when and how they signed in: the claims of
// a verified ID token. It is no token and may be kept and logged.
type IDToken struct {
	// Subject is the claim sub: the login in Tandem and ERP.net, some other
	// identifier elsewhere.
	Subject string `json:"sub"`
	// Login is preferred_username where the provider sends it, else Subject.
	Login string `json:"login"`
	// UserID is the stable id of the user (claim id, a GUID), else Subject.
	UserID string `json:"id"`
	// Name and Email need the scopes profile and email.
	Name  string `json:"name,omitempty"`
	Email string `json:"email,omitempty"`
	// UserType is empty with other providers than Tandem and ERP.net.
	UserType tandem.UserType `json:"user_type,omitempty"`
	Admin    bool            `json:"is_admin,omitempty"`
	// SignInID is the claim sid: the sign-in at the provider.
	SignInID string `json:"sid,omitempty"`
	// Locale is a BCP 47 tag, or empty.
	Locale              string    `json:"locale,omitempty"`
	IssuedAt, ExpiresAt time.Time `json:"-"`
	// AuthTime is when the person proved who they are; zero where not told.
	AuthTime time.Time `json:"-"`
}

// External reports whether the person is an external (community) user.
func (t IDToken) External() bool { return t.UserType == tandem.ExternalCommunityUser }

// IDTokenVerifier verifies ID tokens of one application, for example in a
// worker that takes them from its web app as evidence of who asks.
type IDTokenVerifier struct{}

// NewIDTokenVerifier makes a verifier of the ID tokens that the provider issues
// to the application. It makes no request.
func NewIDTokenVerifier(p *Provider, applicationURI string) *IDTokenVerifier {
	return &IDTokenVerifier{}
}

// Verify checks signature, issuer, audience, lifetime and kind of the raw token
// (OpenID Connect Core section 3.1.3.7). An access token does not pass, nor does
// an algorithm that the provider does not announce, a symmetric one, or none.
// The error of a token that does not pass is a [tandem.Error] with
// [tandem.CodeUnauthorized]; [tandem.CodeUnavailable] means that the provider's
// keys could not be fetched.
func (v *IDTokenVerifier) Verify(ctx context.Context, raw string) (IDToken, error) {
	return IDToken{}, errors.ErrUnsupported
}
