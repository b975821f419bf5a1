package signin

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"

	"github.com/hybridapps/tandem"
)

// Bounds of a password.
const (
	// MinPassword is in characters (NIST SP 800-63B section 3.1.1.2).
	MinPassword = 8
	// MaxPassword is in bytes; longer ones are refused before they are hashed.
	MaxPassword = 1024
)

// PasswordParams are the costs of argon2id (RFC 9106). They are written into
// every hash, so that they can be raised: an old hash is verified with its own
// costs and replaced at the next sign-in.
type PasswordParams struct {
	// Memory is in KiB; the default is 19456 (19 MiB).
	Memory uint32
	// Time is the number of passes; the default is 2.
	Time uint32
	// Threads is the parallelism; the default is 1.
	Threads uint8
}

// DefaultPasswordParams are the costs used where none are given: about 35 ms
// of one core.
var DefaultPasswordParams = PasswordParams{Memory: 19 * 1024, Time: 2, Threads: 1}

const (
	saltSize = 16
	hashSize = 32
	// The most that a stored hash may ask for: a damaged row must not take the
	// memory of the whole machine.
	maxMemory, maxTime, maxThreads = 1 << 20, 64, 16
)

// Passwords hashes and verifies passwords, a bounded number at a time: each
// costs 19 MiB and a core for a while, and a flood of sign-ins must queue
// instead of taking the machine.
type Passwords struct {
	params PasswordParams
	slots  chan struct{}
	// decoy is verified against when there is no account, so that the answer
	// takes as long as for one that exists.
	decoy string
}

// NewPasswords makes hashes with the costs given, or the defaults when they
// are zero, and computes at most concurrency at a time (at least 1).
func NewPasswords(params PasswordParams, concurrency int) *Passwords {
	if params == (PasswordParams{}) {
		params = DefaultPasswordParams
	}
	p := &Passwords{params: params, slots: make(chan struct{}, max(1, concurrency))}
	p.decoy = encodeHash(params, randomBytes(saltSize), randomBytes(hashSize))
	return p
}

// Validate says what is wrong with a new password of the account, which is nil where it is
// of nobody yet.
func (p *Passwords) Validate(u *tandem.User, password string) error {
	if w := weakness(u, password); !w.Empty() {
		return refusedPassword(w)
	}
	return nil
}

// Hash makes the PHC string of a password that [Passwords.Validate] takes.
func (p *Passwords) Hash(ctx context.Context, u *tandem.User, password string) (string, error) {
	if err := p.Validate(u, password); err != nil {
		return "", err
	}
	return p.hash(ctx, password)
}

// hash makes the PHC string of any password.
func (p *Passwords) hash(ctx context.Context, password string) (string, error) {
	release, err := p.acquire(ctx)
	if err != nil {
		return "", err
	}
	defer release()
	salt := randomBytes(saltSize)
	return encodeHash(p.params, salt, derive(p.params, salt, password)), nil
}

// Verify reports whether the password is the hash's, and whether the hash
// should be made again because the costs have changed. An empty hash is of
// nobody: it takes the same time and is never right. The error is ctx's, while
// waiting for a turn, or says that the stored hash is damaged.
func (p *Passwords) Verify(ctx context.Context, hash, password string) (ok, renew bool, err error) {
	nobody := hash == ""
	if nobody {
		hash = p.decoy
	}
	params, salt, want, err := decodeHash(hash)
	if err != nil {
		return false, false, err
	}
	release, err := p.acquire(ctx)
	if err != nil {
		return false, false, err
	}
	defer release()
	if len(password) > MaxPassword {
		password = password[:MaxPassword] // never right, but as slow
		nobody = true
	}
	ok = subtle.ConstantTimeCompare(derive(params, salt, password), want) == 1 && !nobody
	return ok, ok && params != p.params, nil
}

func (p *Passwords) acquire(ctx context.Context) (release func(), err error) {
	select {
	case p.slots <- struct{}{}:
		return func() { <-p.slots }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// normalizePassword makes the two ways in which keyboards send é one
// (RFC 8265 section 4.2.2, OpaqueString).
func normalizePassword(password string) string { return norm.NFC.String(password) }

func derive(p PasswordParams, salt []byte, password string) []byte {
	return argon2.IDKey([]byte(normalizePassword(password)), salt, p.Time, p.Memory, p.Threads, hashSize)
}

var phc64 = base64.RawStdEncoding

func encodeHash(p PasswordParams, salt, hash []byte) string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, p.Memory, p.Time, p.Threads,
		phc64.EncodeToString(salt), phc64.EncodeToString(hash))
}

// errHash never repeats the hash.
var errHash = errors.New("the stored password hash is damaged or of an unknown kind: set the password again")

func decodeHash(s string) (p PasswordParams, salt, hash []byte, err error) {
	part := strings.Split(s, "$")
	if len(part) != 6 || part[0] != "" || part[1] != "argon2id" || part[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return p, nil, nil, errHash
	}
	if n, err := fmt.Sscanf(part[3], "m=%d,t=%d,p=%d", &p.Memory, &p.Time, &p.Threads); err != nil || n != 3 {
		return p, nil, nil, errHash
	}
	if p.Memory > maxMemory || p.Time == 0 || p.Time > maxTime || p.Threads == 0 || p.Threads > maxThreads {
		return p, nil, nil, errHash
	}
	salt, err = phc64.DecodeString(part[4])
	if err != nil || len(salt) < 8 {
		return p, nil, nil, errHash
	}
	hash, err = phc64.DecodeString(part[5])
	if err != nil || len(hash) != hashSize {
		return p, nil, nil, errHash
	}
	return p, salt, hash, nil
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}
