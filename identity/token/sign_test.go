package token_test

import (
	"bytes"
	"context"
	"crypto"
	"encoding/base64"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/internal/testkit"
)

// Both numbers of a signature have their 32 bytes (RFC 7518 section 3.4), also the one in
// 128 that is shorter.
func TestShortNumbersOfASignature(t *testing.T) {
	t.Parallel()
	r, short := newReplica(t, &memory{}, testkit.NewClock()), 0
	for range 1500 {
		jwt := r.service(t)
		signature, err := base64.RawURLEncoding.DecodeString(jwt[strings.LastIndexByte(jwt, '.')+1:])
		if err != nil || len(signature) != 64 || !r.access(jwt) {
			t.Fatalf("%d bytes, %v: %s", len(signature), err, jwt)
		}
		if signature[0] == 0 || signature[32] == 0 {
			short++
		}
	}
	if short == 0 {
		t.Error("no short number was tried")
	}
}

// crooked keeps keys that answer what is no signature.
type crooked struct {
	token.Software
	answer []byte
}

func (c crooked) Make(a jose.SignatureAlgorithm) (crypto.Signer, []byte, error) {
	key, saved, err := c.Software.Make(a)
	return crookedKey{key, c.answer}, append([]byte{0}, saved...), err
}

func (c crooked) Open(saved []byte) (crypto.Signer, error) {
	key, err := c.Software.Open(saved[1:])
	return crookedKey{key, c.answer}, err
}

type crookedKey struct {
	crypto.Signer
	answer []byte
}

func (k crookedKey) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	if k.answer == nil {
		return nil, errors.New("out of order")
	}
	return k.answer, nil
}

// What a module answers is looked at: a token is signed or there is none.
func TestWhatIsNoSignature(t *testing.T) {
	t.Parallel()
	for i, answer := range [][]byte{
		{0x30, 6, 2, 1, 1, 2, 1, 1}, // which is one
		nil, {}, {0x30}, {0x30, 0}, {0x30, 3, 2, 1, 1}, {0x30, 6, 2, 1, 0, 2, 1, 1}, {0x30, 6, 2, 1, 1, 2, 1, 0}, {0x30, 6, 2, 1, 0xff, 2, 1, 1},
		{0x30, 9, 2, 1, 1, 2, 1, 1, 2, 1, 1}, {0x30, 6, 2, 1, 1, 2, 1, 1, 0}, append([]byte{0x30, 38, 2, 33, 1}, append(bytes.Repeat([]byte{1}, 32), 2, 1, 1)...),
	} {
		r := newReplica(t, &memory{}, testkit.NewClock())
		r.keys = &token.Keys{Store: &memory{}, Box: r.keys.Box, Signer: crooked{answer: answer}, Log: r.keys.Log, Clock: r.keys.Clock}
		if err := r.keys.Refresh(context.Background()); err != nil {
			t.Fatal(err)
		}
		r.minter.Keys = r.keys
		if m, err := r.minter.ServiceAccess(token.ServiceToken{SystemUser: robot, ApplicationURI: "com.example/portal"}); (err == nil) != (i == 0) {
			t.Errorf("% x: %v %v", answer, m, err)
		}
	}
}
