package prove

import (
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"

	"github.com/hybridapps/tandem/oauth"
)

// metadata is the discovery document, with what only other providers have.
type metadata struct {
	oauth.Metadata
	DeviceEndpoint string `json:"device_authorization_endpoint"`
}

// Grants that some providers have (RFC 8693, RFC 7523).
const (
	grantTokenExchange = "urn:ietf:params:oauth:grant-type:token-exchange"
	grantJWTBearer     = "urn:ietf:params:oauth:grant-type:jwt-bearer"
	typeAccessToken    = "urn:ietf:params:oauth:token-type:access_token"
)

// grants says whether the provider names a grant. Where it names none it has the two
// that RFC 8414 section 2 gives as default.
func (m *metadata) grants(grant string) bool { return slices.Contains(m.GrantTypesSupported, grant) }

// discover reads what the provider says of itself (OpenID Connect Discovery section
// 4).
func (r *run) discover(ctx context.Context) error {
	address := strings.TrimSuffix(r.config.Issuer, "/") + "/.well-known/openid-configuration"
	a, err := r.wire.do(ctx, &call{method: http.MethodGet, url: address})
	if err != nil {
		return fmt.Errorf("discovery: %w", err)
	}
	if !a.ok() {
		return fmt.Errorf("discovery: %s answered %d; is this the issuer?", address, a.status)
	}
	if err := a.decode(&r.provider); err != nil {
		return fmt.Errorf("discovery: %w", err)
	}
	switch m := &r.provider; {
	case m.Issuer != r.config.Issuer:
		return fmt.Errorf("discovery: the document names the issuer %q; use --issuer %[1]s", m.Issuer)
	case m.TokenEndpoint == "" || m.AuthorizationEndpoint == "":
		return errors.New("discovery: authorization_endpoint or token_endpoint is missing")
	}
	digest := sha256.Sum256(a.body)
	r.report.Target.DiscoverySHA256 = hex.EncodeToString(digest[:])
	return r.keys(ctx)
}

// keys reads the signing keys.
func (r *run) keys(ctx context.Context) error {
	r.report.Target.JWKSThumbprints = []string{}
	if r.provider.JWKSURI == "" {
		return nil
	}
	a, err := r.wire.do(ctx, &call{method: http.MethodGet, url: r.provider.JWKSURI})
	if err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := a.decode(&set); err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	for _, raw := range set.Keys {
		var key jose.JSONWebKey
		if key.UnmarshalJSON(raw) != nil {
			continue // of a kind that nobody here knows
		}
		sum, err := key.Thumbprint(crypto.SHA256)
		if err == nil {
			r.report.Target.JWKSThumbprints = append(r.report.Target.JWKSThumbprints, base64.RawURLEncoding.EncodeToString(sum))
		}
	}
	return nil
}

// spoken is the connection to the issuer, nil in the clear.
func spoken(state *tls.ConnectionState) *TLS {
	if state == nil || len(state.PeerCertificates) == 0 {
		return nil
	}
	digest := sha256.Sum256(state.PeerCertificates[0].Raw)
	return &TLS{Version: tls.VersionName(state.Version), CertSHA256: hex.EncodeToString(digest[:])}
}
