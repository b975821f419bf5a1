package sealing

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Epoch is one life of the log.
type Epoch struct {
	// N counts from 1.
	N int64
	// After is the id of the last event that the epoch before has; the first one has
	// none.
	After string
	// Key is the verifier of its heads, empty before the first.
	Key string
	// At is when it began, Ended whether another one has begun.
	At    time.Time
	Ended bool
}

// Head is a signed head of an epoch's tree as it is stored.
type Head struct {
	Epoch int64
	// Seq counts the heads of an epoch from 1. The newest one grows for an hour at most,
	// and is Closed then.
	Seq, Size int64
	Closed    bool
	// Last is the id of the last event in the tree.
	Last string
	At   time.Time
	// Note is the signed note.
	Note string
}

// Checkpoint is what a head says.
type Checkpoint struct {
	Origin string
	Size   int64
	Root   tlog.Hash
}

// text is the text of the note that says it.
func (c *Checkpoint) text() string {
	return c.Origin + "\n" + strconv.FormatInt(c.Size, 10) + "\n" + c.Root.String() + "\n"
}

// maxNote is how long a note may be, in bytes: some hundred with the signatures of
// witnesses.
const maxNote = 64 << 10

// errNoHead is for text that is no head.
var errNoHead = errors.New("this is no head of a record: want three lines, origin, size and root, an empty line and signatures")

// parseCheckpoint reads the text of a note.
func parseCheckpoint(text string) (c Checkpoint, err error) {
	lines := strings.Split(text, "\n")
	if len(lines) < 4 || lines[0] == "" {
		return c, errNoHead
	}
	c.Origin = lines[0]
	if c.Size, err = strconv.ParseInt(lines[1], 10, 64); err != nil || c.Size < 0 || strconv.FormatInt(c.Size, 10) != lines[1] {
		return c, errNoHead
	}
	if c.Root, err = tlog.ParseHash(lines[2]); err != nil {
		return c, errNoHead
	}
	return c, nil
}

// openHead reads a signed head, and says in [errors.Is] of errNoHead, or by the errors of
// package note, what is wrong with it.
func openHead(signed string, verifiers ...note.Verifier) (Checkpoint, error) {
	if len(signed) > maxNote {
		return Checkpoint{}, errNoHead
	}
	n, err := note.Open([]byte(signed), note.VerifierList(verifiers...))
	if err != nil {
		return Checkpoint{}, err
	}
	return parseCheckpoint(n.Text)
}

// readHead reads a head without looking at its signatures.
func readHead(signed string) (Checkpoint, error) {
	text, _, found := strings.Cut(signed, "\n\n")
	if !found || len(signed) > maxNote {
		return Checkpoint{}, errNoHead
	}
	return parseCheckpoint(text + "\n")
}

// Key signs heads.
type Key struct{ private ed25519.PrivateKey }

// NewKey makes the key of a seed of 32 bytes.
func NewKey(seed []byte) *Key { return &Key{ed25519.NewKeyFromSeed(seed)} }

// origin names the log of an epoch, and so the key under which its heads are signed.
func origin(instance string, epoch int64) string {
	return "tandem/" + instance + "/" + strconv.FormatInt(epoch, 10)
}

// epochOf is the epoch that an origin names.
func epochOf(origin string) (instance string, epoch int64, err error) {
	parts := strings.Split(origin, "/")
	if len(parts) == 3 && parts[0] == "tandem" {
		if epoch, err = strconv.ParseInt(parts[2], 10, 64); err == nil && epoch > 0 {
			return parts[1], epoch, nil
		}
	}
	return "", 0, fmt.Errorf("%.100q is not the origin of a record: want tandem/INSTANCE/EPOCH", origin)
}

// Verifier is the text by which anybody checks the heads of an origin: the public key,
// and the name that it has there.
func (k *Key) Verifier(origin string) string {
	text, err := note.NewEd25519VerifierKey(origin, k.private.Public().(ed25519.PublicKey))
	if err != nil {
		panic(err) // an origin of ours is a name
	}
	return text
}

// sign signs a text as the origin.
func (k *Key) sign(origin, text string) (string, error) {
	signed, err := note.Sign(&note.Note{Text: text}, signer{k, origin})
	return string(signed), err
}

// signer implements [note.Signer].
type signer struct {
	key    *Key
	origin string
}

// Name implements [note.Signer].
func (s signer) Name() string { return s.origin }

// KeyHash implements [note.Signer], as c2sp.org/signed-note has it for Ed25519.
func (s signer) KeyHash() uint32 {
	const ed25519Type = 1
	public := s.key.private.Public().(ed25519.PublicKey)
	sum := sha256.Sum256(append([]byte(s.origin+"\n"+string(rune(ed25519Type))), public...))
	return binary.BigEndian.Uint32(sum[:])
}

// Sign implements [note.Signer].
func (s signer) Sign(text []byte) ([]byte, error) { return ed25519.Sign(s.key.private, text), nil }

// ParseVerifier reads a verifier: NAME+HASH+KEY.
func ParseVerifier(text string) (note.Verifier, error) {
	v, err := note.NewVerifier(strings.TrimSpace(text))
	if err != nil {
		return nil, fmt.Errorf("%.100q is not a verifier: copy all of what tandem record key prints, tandem/INSTANCE/EPOCH+HASH+KEY", text)
	}
	return v, nil
}

// renamed is the verifier of the same public key under another name; empty for what is
// no verifier.
func renamed(verifier, name string) string {
	parts := strings.SplitN(strings.TrimSpace(verifier), "+", 3)
	if len(parts) != 3 {
		return ""
	}
	raw, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(raw) != 1+ed25519.PublicKeySize {
		return ""
	}
	text, err := note.NewEd25519VerifierKey(name, raw[1:])
	if err != nil {
		return ""
	}
	return text
}
