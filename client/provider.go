package client

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/hybridapps/tandem/oauth"
)

// ProviderConfig says which OpenID provider to use.
type ProviderConfig struct {
	// Issuer is the provider's issuer identifier, byte for byte as in its
	// discovery document, for Tandem and ERP.net the root of the instance with
	// /id. It must be https; http is accepted on a loopback host only.
	Issuer string
	// Transport makes the requests; nil means that of [Transport] with the
	// system's certificate authorities. One that does not verify TLS
	// certificates is refused: nothing in this package can switch that off.
	Transport http.RoundTripper
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Provider is an OpenID provider: what both halves of an application, and
// verifiers of ID tokens, know about the server. It is discovered on first use,
// so that a half may start before the server does; a failure is not kept.
//
// A Provider holds no credential and no token, and is safe for concurrent use.
type Provider struct {
	issuer    string
	transport http.RoundTripper
	now       func() time.Time
}

// NewProvider checks the configuration. It makes no request.
func NewProvider(c ProviderConfig) (*Provider, error) {
	return nil, errors.ErrUnsupported
}

// Issuer is the provider's issuer identifier.
func (p *Provider) Issuer() string { return p.issuer }

// Metadata is the provider's discovery document. It is fetched once and again
// after an hour; while it cannot be fetched again the old one is used.
func (p *Provider) Metadata(ctx context.Context) (oauth.Metadata, error) {
	return oauth.Metadata{}, errors.ErrUnsupported
}

// ODataRoot finds the root of the instance's OData service, with a slash at its
// end, by auto-discovery: the site DomainAPI of {issuer minus /id}/sys/auto-discovery.
// It is for Tandem and ERP.net; other providers have no such document.
func (p *Provider) ODataRoot(ctx context.Context) (string, error) {
	return "", errors.ErrUnsupported
}

// Transport makes an HTTP transport with time limits that trusts the system's
// certificate authorities and, when caFile is not empty, those in that PEM
// file (a development authority).
func Transport(caFile string) (*http.Transport, error) {
	return nil, errors.ErrUnsupported
}
