package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/oauth"
)

// errMisconfigured is among the causes of what does not pass by itself: somebody has
// to mend the configuration, here or at the provider.
var errMisconfigured = errors.New("the provider is another one than configured, or is set up wrongly")

// noProvider is what a person is told when the provider cannot be used, and the
// status of that page.
func noProvider(err error) (status int, message string) {
	if errors.Is(err, errMisconfigured) {
		return http.StatusBadGateway, "The sign-in server is not set up as this application expects. Trying again does not help: please tell your administrator."
	}
	return http.StatusServiceUnavailable, "The sign-in server cannot be reached at the moment. Please try again shortly."
}

// keepMetadata is how long a discovery document is used before it is fetched
// again.
const keepMetadata = time.Hour

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
	// Clock tells the time; nil means the system's.
	Clock tandem.Clock
	// SigningAlgorithms are those that ID tokens and logout tokens of the provider
	// may be signed with, by the names of RFC 7518 and RFC 8037; EdDSA and its newer
	// name Ed25519 (RFC 9864) are one. Nil means RS256,
	// what OpenID Connect has unless something else was agreed (Core section
	// 3.1.3.7 point 7). What the provider announces changes nothing, and algorithms
	// with a shared secret, or none, are refused.
	SigningAlgorithms []string
}

// Provider is an OpenID provider: what both halves of an application, and
// verifiers of ID tokens, know about the server. It is discovered on first use,
// so that a half may start before the server does; a failure is not kept.
//
// A Provider holds no credential and no token, and is safe for concurrent use.
type Provider struct {
	issuer       string
	issuerOrigin string
	transport    http.RoundTripper
	http         *http.Client
	clock        tandem.Clock
	metadata     shared[oauth.Metadata]
	root         shared[string]
	keys         *keySet
	// algorithms are the SigningAlgorithms of the configuration.
	algorithms []string
}

// NewProvider checks the configuration. It makes no request.
func NewProvider(c ProviderConfig) (*Provider, error) {
	u, err := secureURL(c.Issuer)
	if err != nil {
		return nil, fmt.Errorf("issuer: %w", err)
	}
	if u.RawQuery != "" || u.ForceQuery {
		return nil, fmt.Errorf("issuer: %q must have no query", c.Issuer)
	}
	rt, err := pickTransport(c.Transport, nil)
	if err != nil {
		return nil, err
	}
	algorithms, err := signingAlgorithms(c.SigningAlgorithms)
	if err != nil {
		return nil, err
	}
	p := &Provider{
		issuer: c.Issuer, issuerOrigin: origin(u), transport: rt,
		http: httpClient(rt), clock: c.Clock, algorithms: algorithms,
	}
	p.keys = &keySet{provider: p}
	return p, nil
}

// Issuer is the provider's issuer identifier.
func (p *Provider) Issuer() string { return p.issuer }

// Metadata is the provider's discovery document. It is fetched once and again
// after an hour; while it cannot be fetched again the old one is used.
func (p *Provider) Metadata(ctx context.Context) (oauth.Metadata, error) {
	return p.metadata.get(ctx, p.clock, keepMetadata, p.discover)
}

func (p *Provider) discover(ctx context.Context) (oauth.Metadata, error) {
	var m oauth.Metadata
	address := strings.TrimSuffix(p.issuer, "/") + "/.well-known/openid-configuration"
	if err := getJSON(ctx, p.http, address, &m); err != nil {
		return oauth.Metadata{}, fail(tandem.CodeUnavailable, err, "the identity server %s cannot be discovered: %v", p.issuer, err)
	}
	if err := p.checkMetadata(&m); err != nil {
		return oauth.Metadata{}, fail(tandem.CodeUnavailable, errors.Join(errMisconfigured, err), "the discovery document of %s is unusable: %v", p.issuer, err)
	}
	return m, nil
}

// checkMetadata refuses the document of another issuer (OpenID Connect
// Discovery section 4.3, the mix-up attack) and endpoints that credentials or
// tokens must not go to.
func (p *Provider) checkMetadata(m *oauth.Metadata) error {
	if m.Issuer != p.issuer {
		return fmt.Errorf("it names the issuer %q", m.Issuer)
	}
	if m.TokenEndpoint == "" || m.JWKSURI == "" {
		return errors.New("token_endpoint or jwks_uri is missing")
	}
	plain := strings.HasPrefix(p.issuer, "http://")
	for name, address := range map[string]string{
		"authorization_endpoint": m.AuthorizationEndpoint, "token_endpoint": m.TokenEndpoint,
		"userinfo_endpoint": m.UserinfoEndpoint, "end_session_endpoint": m.EndSessionEndpoint,
		"device_authorization_endpoint": m.DeviceEndpoint, "revocation_endpoint": m.RevocationEndpoint, "introspection_endpoint": m.IntrospectionEndpoint, "jwks_uri": m.JWKSURI,
	} {
		if address == "" {
			continue
		}
		u, err := secureURL(address)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if u.Scheme == "http" && !plain {
			return fmt.Errorf("%s: %q is not https, but the issuer is", name, address)
		}
	}
	return nil
}

// ODataRoot finds the root of the instance's OData service, with a slash at its
// end, by auto-discovery: the site DomainAPI of {issuer minus /id}/sys/auto-discovery.
// It is for Tandem and ERP.net; other providers have no such document.
func (p *Provider) ODataRoot(ctx context.Context) (string, error) {
	return p.root.get(ctx, p.clock, keepMetadata, p.discoverRoot)
}

func (p *Provider) discoverRoot(ctx context.Context) (string, error) {
	instance, ok := strings.CutSuffix(p.issuer, oauth.PathIssuer)
	if !ok {
		return "", tandem.Errorf(tandem.CodeInvalid, "the issuer %s is no instance (it does not end in /id): "+
			"give the address of the OData service instead of auto-discovery", p.issuer)
	}
	var document struct {
		WebSites []struct {
			Type                 string
			AdditionalProperties struct{ ODataServiceRoot string }
		}
	}
	if err := getJSON(ctx, p.http, instance+"/sys/auto-discovery", &document); err != nil {
		return "", fail(tandem.CodeUnavailable, err, "the instance %s cannot be discovered: %v", instance, err)
	}
	for _, site := range document.WebSites {
		if site.Type != "DomainAPI" || site.AdditionalProperties.ODataServiceRoot == "" {
			continue
		}
		root, err := odataRoot(site.AdditionalProperties.ODataServiceRoot)
		if err != nil {
			return "", fail(tandem.CodeUnavailable, err, "auto-discovery of %s: ODataServiceRoot: %v", instance, err)
		}
		if root.Scheme == "http" && strings.HasPrefix(p.issuer, "https:") {
			return "", tandem.Errorf(tandem.CodeUnavailable, "auto-discovery of %s: ODataServiceRoot is not https", instance)
		}
		return root.String(), nil
	}
	return "", tandem.Errorf(tandem.CodeUnavailable, "the instance %s announces no site DomainAPI with an ODataServiceRoot", instance)
}
