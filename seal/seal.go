// Package seal encrypts what is kept at rest: signing keys, tokens, session
// cookies.
//
// It is AES-256-GCM with a random nonce under a key derived (HKDF-SHA-256)
// from a master key for one purpose. Every sealed text names its key, so that
// master keys can be rotated, and is bound to the place it belongs to (table,
// row): moved to another row it does not open. An older text of the same row
// opens, unless the place tells its version too.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// KeySize is the size of a master key in bytes.
const KeySize = 32

// ErrOpen is returned for every text that does not open: wrong key, wrong
// place, or changed.
var ErrOpen = errors.New("seal: cannot open: wrong key file, or the text was changed or moved")

// Box seals with its first master key and opens with all of them.
type Box struct {
	seal  string // id of the key that seals
	aeads map[string]cipher.AEAD
}

// New makes a Box for one purpose. The first master key seals; the others only
// open what was sealed before a rotation.
func New(purpose string, masters ...[]byte) (*Box, error) {
	if len(masters) == 0 {
		return nil, errors.New("seal: no key")
	}
	b := &Box{aeads: map[string]cipher.AEAD{}}
	for i, m := range masters {
		if len(m) != KeySize {
			return nil, fmt.Errorf("seal: key has %d bytes, needs %d", len(m), KeySize)
		}
		key, err := hkdf.Key(sha256.New, m, nil, "tandem/"+purpose, KeySize)
		if err != nil {
			return nil, err
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, err
		}
		aead, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(key)
		id := hex.EncodeToString(sum[:4])
		b.aeads[id] = aead
		if i == 0 {
			b.seal = id
		}
	}
	return b, nil
}

// Key derives a key of 32 bytes for one purpose from a master key: for what is not
// sealed but signed.
func Key(purpose string, master []byte) ([]byte, error) {
	if len(master) != KeySize {
		return nil, fmt.Errorf("seal: key has %d bytes, needs %d", len(master), KeySize)
	}
	return hkdf.Key(sha256.New, master, nil, "tandem/"+purpose, KeySize)
}

// Seal encrypts text for the place: "table|column|row".
func (b *Box) Seal(text []byte, place string) []byte {
	prefix := []byte(b.seal + ":")
	return b.aeads[b.seal].Seal(prefix, nil, text, []byte(place))
}

// Open decrypts what Seal made for the same place. It returns [ErrOpen] for
// anything else.
func (b *Box) Open(sealed []byte, place string) ([]byte, error) {
	id, rest, ok := strings.Cut(string(sealed), ":")
	aead := b.aeads[id]
	if !ok || aead == nil {
		return nil, ErrOpen
	}
	text, err := aead.Open(nil, nil, []byte(rest), []byte(place))
	if err != nil {
		return nil, ErrOpen
	}
	return text, nil
}

// LoadOrCreateKey reads the master key in file, or makes one (mode 0600). A file
// that others can read is refused, see [CheckPrivate].
func LoadOrCreateKey(file string) ([]byte, error) {
	key, err := readKey(file)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	key = make([]byte, KeySize)
	rand.Read(key)
	// Written beside and linked into place: a crash leaves no half key, and of
	// two processes that start together one wins and both use its key.
	tmp, err := os.CreateTemp(filepath.Dir(file), ".key-*")
	if err != nil {
		return nil, err
	}
	defer os.Remove(tmp.Name())
	_, err = fmt.Fprintln(tmp, base64.StdEncoding.EncodeToString(key))
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return nil, err
	}
	err = os.Link(tmp.Name(), file)
	if errors.Is(err, fs.ErrExist) {
		return readKey(file)
	}
	if err != nil {
		return nil, err
	}
	return key, nil
}

func readKey(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if err := CheckPrivate(file, info); err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(f, 1<<10)) // many times a key
	if err != nil {
		return nil, err
	}
	return ParseKey(strings.TrimSpace(string(text)), file)
}

// ParseKey reads a master key in base64; source names it in errors, which
// never repeat the key.
func ParseKey(text, source string) ([]byte, error) {
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(key) != KeySize {
		return nil, fmt.Errorf("%s: not a key: want %d bytes in base64", source, KeySize)
	}
	return key, nil
}
