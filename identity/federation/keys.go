package federation

import (
	"context"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"

	"github.com/hybridapps/tandem/internal/keyalg"
)

// asymmetric are the algorithms whose verification needs no secret.
var asymmetric = []string{
	oidc.RS256, oidc.RS384, oidc.RS512, oidc.PS256, oidc.PS384, oidc.PS512,
	oidc.ES256, oidc.ES384, oidc.ES512, oidc.EdDSA, string(keyalg.Ed25519),
}

func isEdDSA(alg string) bool { return alg == oidc.EdDSA || alg == string(keyalg.Ed25519) }

// algorithms are those that ID tokens of the provider may be signed with: of those that it
// announces the ones that need no secret, and RS256 where it announces none. EdDSA has a newer
// name (RFC 9864 section 2.2): who announces the one may sign by the other.
func (d *discovered) algorithms() (all []string) {
	announced := d.IDTokenSigningAlgorithms
	for _, alg := range asymmetric {
		if slices.Contains(announced, alg) || isEdDSA(alg) && slices.ContainsFunc(announced, isEdDSA) {
			all = append(all, alg)
		}
	}
	if len(all) == 0 {
		return []string{oidc.RS256}
	}
	return all
}

// verifier verifies ID tokens; ctx is one of outward.
func (rp *RelyingParty) verifier(ctx context.Context, d *discovered, config oidc.Config) *oidc.IDTokenVerifier {
	config.SupportedSigningAlgs = d.algorithms()
	return oidc.NewVerifier(d.issuer, &keySet{KeySet: oidc.NewRemoteKeySet(ctx, d.JWKSURI), client: rp.http, uri: d.JWKSURI}, &config)
}

// keySet is the library's, but for the newer name of EdDSA, which that does not know.
type keySet struct {
	oidc.KeySet
	client *http.Client
	uri    string
}

// VerifySignature implements [oidc.KeySet].
func (s *keySet) VerifySignature(ctx context.Context, raw string) ([]byte, error) {
	jws, err := jose.ParseSignedCompact(raw, []jose.SignatureAlgorithm{keyalg.Ed25519})
	if err != nil { // another algorithm, or nothing at all
		return s.KeySet.VerifySignature(ctx, raw)
	}
	keys, err := s.fetch(ctx)
	if err != nil {
		return nil, fmt.Errorf("fetching keys: %w", err)
	}
	kid := jws.Signatures[0].Header.KeyID
	for _, k := range keys {
		if kid != "" && k.KeyID != kid || k.Use == "enc" {
			continue
		}
		if payload, err := keyalg.SignedBy(jws, raw, k); err == nil {
			return payload, nil
		}
	}
	return nil, errors.New("the signature is not the provider's")
}

func (s *keySet) fetch(ctx context.Context) ([]jose.JSONWebKey, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.uri, nil)
	if err != nil {
		return nil, err
	}
	res, err := s.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body) // which is bounded
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		return nil, errors.New(res.Status)
	}
	var set jose.JSONWebKeySet
	err = json.Unmarshal(text, &set)
	return set.Keys, err
}

// isOf reports whether the ID token, whose text is raw, came with the access token (OpenID
// Connect Core section 3.1.3.6), where it says anything of that.
func isOf(id *oidc.IDToken, raw, access string) bool {
	if id.AccessTokenHash == "" {
		return true
	}
	if _, err := jose.ParseSignedCompact(raw, []jose.SignatureAlgorithm{keyalg.Ed25519}); err == nil { // whose hash is that of EdDSA
		sum := sha512.Sum512([]byte(access))
		return id.AccessTokenHash == base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2])
	}
	return id.VerifyAccessToken(access) == nil
}
