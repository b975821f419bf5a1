package prove

import (
	"crypto"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// maxJWKS is how many bytes a file of public keys may have.
const maxJWKS = 1 << 20

// signatures are the algorithms by which issuers sign ID tokens: none that needs a
// shared secret.
var signatures = []jose.SignatureAlgorithm{
	jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512, jose.ES256, jose.ES384, jose.ES512, jose.EdDSA,
}

// around is how far from the run an ID token may have been issued: clocks differ.
const around = 5 * time.Minute

// CheckIDTokens lets the issuer itself say that this run talked to it: each ID token of
// the report is signed by one of the keys in jwks, which the verifier got from the
// issuer, was issued to the application that was tried (OpenID Connect Core section
// 3.1.3.7), and has the nonce of the run, its challenge and the probe. It says how many
// there are.
func CheckIDTokens(r *Report, jwks []byte) (int, error) {
	if len(r.IDTokens) == 0 {
		return 0, errors.New("the report has no ID tokens: it was made without --with-id-tokens")
	}
	keys, err := readKeys(r, jwks)
	if err != nil {
		return 0, err
	}
	for _, t := range r.IDTokens {
		if err := r.checkIDToken(&t, keys); err != nil {
			return 0, fmt.Errorf("the ID token of the probe %q: %w", t.Probe, err)
		}
	}
	return len(r.IDTokens), nil
}

// readKeys are the keys of the set that the run met, too.
func readKeys(r *Report, jwks []byte) (keys []jose.JSONWebKey, err error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if len(jwks) > maxJWKS || json.Unmarshal(jwks, &set) != nil {
		return nil, errors.New("the keys are no JSON Web Key Set: save what the issuer's jwks_uri answers")
	}
	for _, raw := range set.Keys {
		var key jose.JSONWebKey
		if key.UnmarshalJSON(raw) != nil || !key.IsPublic() {
			continue // of a kind that nobody here knows, or no public one
		}
		sum, err := key.Thumbprint(crypto.SHA256)
		if err == nil && slices.Contains(r.Target.JWKSThumbprints, base64.RawURLEncoding.EncodeToString(sum)) {
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("none of the issuer's keys is one that the run met: are they of this issuer, or were its keys changed since?")
	}
	return keys, nil
}

func (r *Report) checkIDToken(t *SignedNonce, keys []jose.JSONWebKey) error {
	jws, err := jose.ParseSignedCompact(t.Token, signatures)
	if err != nil {
		return errors.New("is no signed token")
	}
	var payload []byte
	for i := range keys {
		if text, err := jws.Verify(keys[i].Key); err == nil {
			payload = text
			break
		}
	}
	var c claims
	if payload == nil || json.Unmarshal(payload, &c) != nil {
		return errors.New("is not signed by the issuer")
	}
	issued, _ := c["iat"].(float64)
	at, end := time.Unix(int64(issued), 0), r.At.Add(time.Duration(r.Milliseconds)*time.Millisecond)
	switch {
	case c.text("iss") != r.Target.Issuer:
		return fmt.Errorf("is of the issuer %q", c.text("iss"))
	case !slices.Contains(audience(c), r.Target.Application):
		return fmt.Errorf("is for %q, and not for the application that was tried", audience(c))
	case c["azp"] != nil && c["azp"] != r.Target.Application:
		return fmt.Errorf("was issued to %q, and not to the application that was tried", c["azp"])
	case c.text("nonce") != Nonce(r.Run, r.Challenge, t.Probe):
		return errors.New("was issued for another run, challenge or probe")
	case at.Before(r.At.Add(-around)) || at.After(end.Add(around)):
		return fmt.Errorf("was issued at %s, and not during the run", at.UTC().Format(time.RFC3339))
	}
	return nil
}
