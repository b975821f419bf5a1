package token

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/oauth"
)

// Times of the device flow (RFC 8628 section 3.2): a device asks no more often than every
// [DeviceInterval], to which each time that it does adds [DeviceSlower].
const (
	DeviceInterval = 5 * time.Second
	DeviceSlower   = 5 * time.Second
)

// userCodeLetters are those of user codes (RFC 8628 section 6.1): no vowels, so that no
// words come out, and none that looks like a digit. Eight of them are 34 bits.
const (
	userCodeLetters = "BCDFGHJKLMNPQRSTVWXZ"
	userCodeLength  = 8
)

// DeviceGrant is what a device waits for a person to decide.
type DeviceGrant struct {
	// Hash is of the device code, which the device alone has, UserHash of the user code,
	// which the person types.
	Hash, UserHash [sha256.Size]byte
	ApplicationURI string
	// Scope is what the application asked for; empty means all that it may have.
	Scope tandem.Scope
	// Obsolete says that the scope DomainApi was asked for, too.
	Obsolete  bool
	CreatedAt time.Time
	ExpiresAt time.Time
	// PolledAt is when the device asked last, Wait how long it has to wait in between.
	PolledAt time.Time
	Wait     time.Duration
	// DecidedAt is zero until a person has decided; Approved says how.
	DecidedAt time.Time
	Approved  bool
}

// DeviceStore keeps what devices wait for.
type DeviceStore interface {
	// AddDevice fails with [tandem.CodeConflict] when the user code is taken.
	AddDevice(ctx context.Context, d DeviceGrant) error
	// DeviceByUserCode returns [tandem.ErrNotFound] for a hash it does not know.
	DeviceByUserCode(ctx context.Context, userHash [sha256.Size]byte) (DeviceGrant, error)
	// PollDevice notes that the device has asked, and is as it was before: one that has
	// not waited for long enough has to wait longer from then on. It returns
	// [tandem.ErrNotFound] for a hash it does not know.
	PollDevice(ctx context.Context, hash [sha256.Size]byte, applicationURI string, at time.Time, slower time.Duration) (DeviceGrant, error)
	// DecideDevice decides what nobody has decided and has not expired, once: it reports
	// whether this call did. The code is what the device redeems then, stored in the same
	// transaction; nil denies.
	DecideDevice(ctx context.Context, userHash [sha256.Size]byte, at time.Time, code *StoredCode) (first bool, err error)
	// PurgeDevices deletes what expired before the time.
	PurgeDevices(ctx context.Context, before time.Time) error
}

// Devices is the device flow (RFC 8628): a device that has no browser shows a code, and a
// person decides about it with a browser elsewhere. What a person approves becomes an
// authorization code of the device's, and is redeemed as all are: once.
type Devices struct {
	Store DeviceStore
	// Key hides user codes, which are too short for a plain hash.
	Key []byte
	// Lifetimes has how long a device waits.
	Lifetimes Lifetimes
	// Clock tells the time; nil means the system's.
	Clock tandem.Clock
}

// deviceHash is of its own kind, so that no device code is good as another code.
func deviceHash(code string) [sha256.Size]byte { return sha256.Sum256([]byte("device code|" + code)) }

func (d *Devices) userHash(code string) [sha256.Size]byte {
	mac := hmac.New(sha256.New, d.Key)
	mac.Write([]byte("user code|" + code))
	return [sha256.Size]byte(mac.Sum(nil))
}

// ReadUserCode is a user code as a person has typed it, in whatever case and with whatever
// between its letters; empty for what is none.
func ReadUserCode(typed string) string {
	if len(typed) > 40 {
		return ""
	}
	code := strings.Map(func(r rune) rune {
		switch {
		case r == ' ' || r == '-' || r == '.' || r == '_' || r == '–' || r == '\u00a0':
			return -1
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		}
		return r
	}, typed)
	if len(code) != userCodeLength || strings.Trim(code, userCodeLetters) != "" {
		return ""
	}
	return code
}

// ShowUserCode is a user code as it is shown: WDJB-MJHT.
func ShowUserCode(code string) string {
	if len(code) != userCodeLength {
		return code
	}
	return code[:userCodeLength/2] + "-" + code[userCodeLength/2:]
}

func newUserCode() string {
	code := make([]byte, 0, userCodeLength)
	var random [4 * userCodeLength]byte
	for len(code) < userCodeLength {
		rand.Read(random[:])
		for _, b := range random {
			// 240 is the largest multiple of 20 in a byte: beyond it letters would not be
			// equally likely.
			if b < 240 && len(code) < userCodeLength {
				code = append(code, userCodeLetters[int(b)%len(userCodeLetters)])
			}
		}
	}
	return string(code)
}

// Begin makes the two codes.
func (d *Devices) Begin(ctx context.Context, applicationURI string, asked Asked) (deviceCode, userCode string, err error) {
	now := d.Clock.Now()
	for range 3 { // two devices with one code are too unlikely for more
		b := make([]byte, sha256.Size)
		rand.Read(b)
		deviceCode, userCode = base64.RawURLEncoding.EncodeToString(b), newUserCode()
		err = d.Store.AddDevice(ctx, DeviceGrant{
			Hash: deviceHash(deviceCode), UserHash: d.userHash(userCode), ApplicationURI: applicationURI, Scope: asked.Scope, Obsolete: asked.Obsolete,
			CreatedAt: now, ExpiresAt: now.Add(d.Lifetimes.ForDevice()), Wait: DeviceInterval,
		})
		if tandem.ErrorCode(err) != tandem.CodeConflict {
			break
		}
	}
	return deviceCode, userCode, err
}

// Find is what waits for a decision under a user code; [tandem.ErrNotFound] when nothing
// does, or not any more.
func (d *Devices) Find(ctx context.Context, userCode string) (DeviceGrant, error) {
	g, err := d.Store.DeviceByUserCode(ctx, d.userHash(userCode))
	if err == nil && (!g.DecidedAt.IsZero() || !d.live(&g)) {
		err = tandem.ErrNotFound
	}
	return g, err
}

func (d *Devices) live(g *DeviceGrant) bool {
	now := d.Clock.Now()
	return now.Before(g.ExpiresAt) && !ahead(g.CreatedAt, now)
}

// Deny and Approve decide, and report whether somebody else has been faster, or the time
// is over, in which case nothing is changed.
func (d *Devices) Deny(ctx context.Context, g DeviceGrant) (first bool, err error) {
	return d.Store.DecideDevice(ctx, g.UserHash, d.Clock.Now(), nil)
}

// Approve gives the device what the person agreed to.
func (d *Devices) Approve(ctx context.Context, g DeviceGrant, given CodeGrant) (first bool, err error) {
	now := d.Clock.Now()
	return d.Store.DecideDevice(ctx, g.UserHash, now, &StoredCode{Hash: g.Hash, CodeGrant: given, IssuedAt: now, ExpiresAt: g.ExpiresAt})
}

// What a device is told while it has nothing (RFC 8628 section 3.5).
var (
	errDevicePending = Refuse("", oauth.AuthorizationPending, "nobody has decided yet; ask again after the interval")
	errDeviceSlow    = Refuse(tandem.RuleThrottle, oauth.SlowDown, "too soon; wait five seconds longer from now on")
	errDeviceDenied  = Refuse(tandem.RuleDeviceDenied, oauth.AccessDenied, "the person said no")
	errDeviceExpired = Refuse(tandem.RuleDeviceExpired, oauth.ExpiredToken, "the device code has expired; begin again")
	errDeviceUnknown = Refuse(tandem.RuleDeviceUnknown, oauth.InvalidGrant, "the device code is unknown, or of another client")
)

// Poll is the hash of the code that a device redeems, once a person has approved; until
// then the error says what to do.
func (d *Devices) Poll(ctx context.Context, deviceCode, applicationURI string) ([sha256.Size]byte, error) {
	hash, now := deviceHash(deviceCode), d.Clock.Now()
	g, err := d.Store.PollDevice(ctx, hash, applicationURI, now, DeviceSlower)
	switch {
	case errors.Is(err, tandem.ErrNotFound):
		return hash, errDeviceUnknown
	case err != nil:
		return hash, err
	case !d.live(&g):
		return hash, errDeviceExpired
	case !g.DecidedAt.IsZero() && !g.Approved:
		return hash, errDeviceDenied
	case !g.DecidedAt.IsZero():
		return hash, nil
	case !g.PolledAt.IsZero() && now.Sub(g.PolledAt) < g.Wait:
		return hash, errDeviceSlow
	}
	return hash, errDevicePending
}

// Purge forgets what is over.
func (d *Devices) Purge(ctx context.Context) error {
	return d.Store.PurgeDevices(ctx, d.Clock.Now().Add(-time.Hour))
}

// FindDevice is [Codes.Find] for the code that a person has approved for a device: nothing
// but the device code itself is to be proved.
func (c *Codes) FindDevice(ctx context.Context, hash [sha256.Size]byte, applicationURI string) (StoredCode, error) {
	code, err := c.Store.Code(ctx, hash)
	switch {
	case errors.Is(err, tandem.ErrNotFound), err == nil && code.ApplicationURI != applicationURI:
		return StoredCode{}, errDeviceUnknown // its sign-in has ended meanwhile
	case err != nil:
		return StoredCode{}, err
	case !code.UsedAt.IsZero():
		return code, c.replayed(ctx, code)
	}
	if now := c.Clock.Now(); !now.Before(code.ExpiresAt) || ahead(code.IssuedAt, now) {
		return code, errDeviceExpired
	}
	return code, nil
}
