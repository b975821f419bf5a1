package prove

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"strings"
)

// KeyFile is the file of the key that signs reports, where no other is named; its
// public part is beside it, in a file that ends in [PublicSuffix].
const (
	KeyFile      = "prove.key"
	PublicSuffix = ".pub"
)

const privateBlock, publicBlock = "PRIVATE KEY", "PUBLIC KEY"

// maxKeyFile is how many bytes a key's file may have.
const maxKeyFile = 64 << 10

// KeyID names a key: the SHA-256 of its SubjectPublicKeyInfo, in hexadecimal, which
// is what `openssl pkey -pubin -outform DER | sha256sum` tells.
func KeyID(key ed25519.PublicKey) string {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return "" // only of a key that is none
	}
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:])
}

// PublicPEM is the public part of a key as PEM.
func PublicPEM(key ed25519.PublicKey) []byte {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return nil
	}
	return pem.EncodeToMemory(&pem.Block{Type: publicBlock, Bytes: der})
}

// SigningKey reads the private key in a file: Ed25519, PKCS #8, PEM, as `openssl
// genpkey -algorithm ed25519` writes it. Where there is no file one is made, for its
// owner alone; made says so. Its public part is written beside it.
func SigningKey(file string) (key ed25519.PrivateKey, made bool, err error) {
	if key, err = readSigningKey(file); errors.Is(err, fs.ErrNotExist) {
		if err = makeSigningKey(file); err == nil || errors.Is(err, fs.ErrExist) {
			made = err == nil
			key, err = readSigningKey(file)
		}
	}
	if err != nil {
		return nil, false, fmt.Errorf("signing key: %w", err)
	}
	public := PublicPEM(key.Public().(ed25519.PublicKey))
	if err := os.WriteFile(file+PublicSuffix, public, 0o644); err != nil { // everybody may read it
		return nil, false, fmt.Errorf("public part of the signing key: %w", err)
	}
	return key, made, nil
}

func makeSigningKey(file string) error {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	err = pem.Encode(f, &pem.Block{Type: privateBlock, Bytes: der})
	return errors.Join(err, f.Sync(), f.Close())
}

func readSigningKey(file string) (ed25519.PrivateKey, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s may be read by others than its owner (%v): chmod 600 it, or take another key if it was seen", file, info.Mode().Perm())
	}
	text, err := readSmall(file)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != privateBlock {
		return nil, fmt.Errorf("%s is no private key in PEM: make one with openssl genpkey -algorithm ed25519", file)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s is no private key in PKCS #8: %w", file, err)
	}
	key, ok := parsed.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("%s is another kind of key: make one with openssl genpkey -algorithm ed25519", file)
	}
	return key, nil
}

// ReadPublicKey reads the public key in a file, as [SigningKey] writes it.
func ReadPublicKey(file string) (ed25519.PublicKey, error) {
	text, err := readSmall(file)
	if err != nil {
		return nil, fmt.Errorf("public key: %w", err)
	}
	key, err := ParsePublicKey(text)
	if err != nil {
		return nil, fmt.Errorf("public key: %s %w", file, err)
	}
	return key, nil
}

// ParsePublicKey reads a public key: Ed25519, PEM.
func ParsePublicKey(text []byte) (ed25519.PublicKey, error) {
	block, _ := pem.Decode(text)
	switch {
	case block != nil && strings.HasSuffix(block.Type, privateBlock):
		return nil, errors.New("is a private key: name the file of its public part, which ends in " + PublicSuffix)
	case block == nil || block.Type != publicBlock:
		return nil, errors.New("is no public key in PEM, which begins with -----BEGIN PUBLIC KEY-----")
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("is no public key: %w", err)
	}
	key, ok := parsed.(ed25519.PublicKey)
	if !ok {
		return nil, errors.New("is another kind of key; reports are signed by Ed25519")
	}
	return key, nil
}

func readSmall(file string) ([]byte, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxKeyFile {
		return nil, fmt.Errorf("%s has %d bytes, too many for a key", file, info.Size())
	}
	return os.ReadFile(file)
}
