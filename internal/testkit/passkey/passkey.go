// Package passkey is a device with a passkey, for tests of what no browser would send.
package passkey

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"html"
	"regexp"
	"slices"
	"testing"

	"github.com/fxamacker/cbor/v2"
)

// Authenticator is a device with one passkey (WebAuthn section 6), for what no browser
// would send.
type Authenticator struct {
	t      testing.TB
	key    *ecdsa.PrivateKey
	ID     []byte
	Origin string
	Handle []byte
	// Count is the signature counter, Flags are those of the authenticator data.
	Count uint32
	Flags byte
	// RP is whom it says it answers.
	RP string
}

// The flags of authenticator data (WebAuthn section 6.1).
const (
	UserPresent  = 0x01
	UserVerified = 0x04
	attested     = 0x40
)

// New is a device that asks for its person.
func New(t testing.TB, origin string) *Authenticator {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &Authenticator{t: t, key: key, ID: []byte(rand.Text()), Origin: origin, Flags: UserPresent | UserVerified, RP: "localhost"}
}

func (a *Authenticator) data() []byte {
	hash := sha256.Sum256([]byte(a.RP))
	return binary.BigEndian.AppendUint32(append(hash[:], a.Flags), a.Count)
}

func (a *Authenticator) client(kind, challenge string) []byte {
	text, err := json.Marshal(map[string]any{"type": kind, "challenge": challenge, "origin": a.Origin, "crossOrigin": false})
	if err != nil {
		a.t.Fatal(err)
	}
	return text
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func (a *Authenticator) answer(response map[string]any) string {
	text, err := json.Marshal(map[string]any{"id": b64(a.ID), "rawId": b64(a.ID), "type": "public-key", "response": response, "clientExtensionResults": map[string]any{}})
	if err != nil {
		a.t.Fatal(err)
	}
	return string(text)
}

// Create answers navigator.credentials.create.
func (a *Authenticator) Create(challenge string) string {
	point, err := a.key.PublicKey.Bytes()
	if err != nil {
		a.t.Fatal(err)
	}
	cose, err := cbor.Marshal(map[int]any{1: 2, 3: -7, -1: 1, -2: point[1:33], -3: point[33:]})
	if err != nil {
		a.t.Fatal(err)
	}
	flags := a.Flags
	a.Flags |= attested
	auth := append(a.data(), make([]byte, 16)...)
	a.Flags = flags
	auth = binary.BigEndian.AppendUint16(auth, uint16(len(a.ID)))
	auth = append(append(auth, a.ID...), cose...)
	object, err := cbor.Marshal(map[string]any{"fmt": "none", "attStmt": map[string]any{}, "authData": auth})
	if err != nil {
		a.t.Fatal(err)
	}
	return a.answer(map[string]any{"clientDataJSON": b64(a.client("webauthn.create", challenge)), "attestationObject": b64(object), "transports": []string{"internal"}})
}

// Get answers navigator.credentials.get.
func (a *Authenticator) Get(challenge string) string {
	client, auth := a.client("webauthn.get", challenge), a.data()
	sum := sha256.Sum256(client)
	digest := sha256.Sum256(append(slices.Clone(auth), sum[:]...))
	signature, err := ecdsa.SignASN1(rand.Reader, a.key, digest[:])
	if err != nil {
		a.t.Fatal(err)
	}
	return a.answer(map[string]any{"clientDataJSON": b64(client), "authenticatorData": b64(auth), "signature": b64(signature), "userHandle": b64(a.Handle)})
}

var optionsText = regexp.MustCompile(`data-options="([^"]+)"`)

// Challenge is what a page asks passkeys; empty for none.
func Challenge(page string) string {
	found := optionsText.FindStringSubmatch(page)
	if found == nil {
		return ""
	}
	var o struct{ PublicKey struct{ Challenge string } }
	if json.Unmarshal([]byte(html.UnescapeString(found[1])), &o) != nil {
		return ""
	}
	return o.PublicKey.Challenge
}
