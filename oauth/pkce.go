package oauth

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
)

// Proof Key for Code Exchange, RFC 7636. Only S256 exists here: with "plain"
// whoever reads the request can redeem the code.
const (
	ChallengeS256 = "S256"
	// MinVerifier and MaxVerifier bound the length of a verifier (section 4.1).
	MinVerifier = 43
	MaxVerifier = 128
)

// challengeLength is that of a SHA-256 in unpadded base64url.
const challengeLength = 43

// NewVerifier makes a code verifier of 256 random bits.
func NewVerifier() string {
	b := make([]byte, sha256.Size)
	rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}

// Challenge is the S256 challenge of a verifier (section 4.2).
func Challenge(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// ValidVerifier reports whether v has the length and alphabet of a verifier.
func ValidVerifier(v string) bool {
	if len(v) < MinVerifier || len(v) > MaxVerifier {
		return false
	}
	for i := range len(v) {
		c := v[i]
		if !isAlphanumeric(c) && c != '-' && c != '.' && c != '_' && c != '~' {
			return false
		}
	}
	return true
}

// ValidChallenge reports whether c can be an S256 challenge.
func ValidChallenge(c string) bool {
	if len(c) != challengeLength {
		return false
	}
	_, err := base64.RawURLEncoding.Strict().DecodeString(c)
	return err == nil
}

// VerifierMatches reports whether the verifier is well formed and is that of
// the challenge. It takes the same time wherever they differ.
func VerifierMatches(verifier, challenge string) bool {
	return ValidVerifier(verifier) && subtle.ConstantTimeCompare([]byte(Challenge(verifier)), []byte(challenge)) == 1
}
