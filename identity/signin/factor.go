package signin

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"time"

	"github.com/go-webauthn/webauthn/webauthn"
	"github.com/google/uuid"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/seal"
)

// FactorKind is what a second factor is. The names are stable: they are stored.
type FactorKind string

// The kinds.
const (
	// FactorTOTP is an authenticator app that shows codes (RFC 6238).
	FactorTOTP FactorKind = "totp"
	// FactorPasskey is a key of WebAuthn, in a device or in several.
	FactorPasskey FactorKind = "passkey"
	// FactorRecovery is a code on paper, good once, for who has lost the others. It is no
	// factor by itself: it goes with the last of the others.
	FactorRecovery FactorKind = "recovery"
)

// Factor is something that a person proves themselves by beside their password, or instead
// of it.
type Factor struct {
	ID, UserID string
	Kind       FactorKind
	// Name is what its person calls it.
	Name string
	// Secret is sealed and bound to the row: the secret of the codes, the public key with
	// what belongs to it, or the SHA-256 of a recovery code.
	Secret []byte
	// Handle is the credential id of a passkey, in base64url; empty for others.
	Handle string
	// Counter only grows: the interval of the last code (RFC 6238), the passkey's own count
	// of signatures, 1 for a recovery code that was used.
	Counter   int64
	CreatedAt time.Time
	// UsedAt and UsedFrom are of the last use; zero and empty for never.
	UsedAt   time.Time
	UsedFrom string
}

// MaxFactors is how many factors a person may have, recovery codes left out.
const MaxFactors = 20

// MaxFactorName is the longest name of a factor, in bytes.
const MaxFactorName = 80

// FactorStore keeps second factors.
type FactorStore interface {
	// AddFactor fails with [tandem.CodeConflict] for a passkey that is known already.
	AddFactor(ctx context.Context, f Factor) error
	// FactorsOf are those of a user, the oldest first, recovery codes among them.
	FactorsOf(ctx context.Context, userID string) ([]Factor, error)
	// UseFactor notes a use, if the counter grows by it, or is zero before and after as
	// with passkeys that do not count; it reports whether it did. Of any number of calls
	// with the same counter above zero exactly one does.
	UseFactor(ctx context.Context, id string, counter int64, at time.Time, from string) (bool, error)
	// DeleteFactor deletes one, of this user only, and reports whether there was one.
	DeleteFactor(ctx context.Context, userID, id string) (bool, error)
	// ReplaceRecovery gives the user these recovery codes instead of all others.
	ReplaceRecovery(ctx context.Context, userID string, codes []Factor) error
	// DeleteFactors deletes all of a user and returns how many there were, recovery codes
	// left out.
	DeleteFactors(ctx context.Context, userID string) (int, error)
}

// OnceStore remembers what must not come twice; it reports whether this was the first time.
type OnceStore interface {
	UseAssertion(ctx context.Context, id [sha256.Size]byte, expires time.Time) (first bool, err error)
}

// Factors are the second factors of people. A nil one knows none.
type Factors struct {
	Store FactorStore
	// Once remembers the challenges that passkeys have answered.
	Once OnceStore
	// Box seals the factors' secrets.
	Box *seal.Box
	// Clock tells the time; nil means the system's.
	Clock tandem.Clock

	// Set by the handler's Mount: who asks for passkeys. It is nil where the issuer has no
	// name that a passkey could be for.
	party *webauthn.WebAuthn
	// issuer is what an authenticator app shows above the codes.
	issuer string
}

// of are the factors of a user without recovery codes, and how many of those are left.
func (f *Factors) of(ctx context.Context, userID string) (factors []Factor, codes int, err error) {
	if f == nil {
		return nil, 0, nil
	}
	all, err := f.Store.FactorsOf(ctx, userID)
	for _, one := range all {
		switch {
		case one.Kind != FactorRecovery:
			factors = append(factors, one)
		case one.UsedAt.IsZero():
			codes++
		}
	}
	return factors, codes, err
}

// has reports whether a user has a second factor.
func (f *Factors) has(ctx context.Context, userID string) (bool, error) {
	factors, _, err := f.of(ctx, userID)
	return len(factors) > 0, err
}

// place binds the secret of a factor to its row and owner.
func (f *Factor) place() string {
	return "second_factors|" + f.ID + "|" + f.UserID + "|" + string(f.Kind)
}

// made is a new factor with its secret sealed.
func (f *Factors) made(userID string, kind FactorKind, name string, secret []byte) Factor {
	one := Factor{ID: uuid.NewString(), UserID: userID, Kind: kind, Name: name, CreatedAt: f.Clock.Now()}
	one.Secret = f.Box.Seal(secret, one.place())
	return one
}

// opened is the secret of a factor.
func (f *Factors) opened(one *Factor) ([]byte, error) { return f.Box.Open(one.Secret, one.place()) }

// add keeps a factor. The first of a person comes with recovery codes, which are returned.
func (f *Factors) add(ctx context.Context, one Factor) (codes []string, err error) {
	have, _, err := f.of(ctx, one.UserID)
	if err != nil {
		return nil, err
	}
	if len(have) >= MaxFactors {
		return nil, invalid("there are %d second factors already: remove one first", MaxFactors)
	}
	if err := f.Store.AddFactor(ctx, one); err != nil {
		return nil, err
	}
	if len(have) > 0 {
		return nil, nil
	}
	return f.newCodes(ctx, one.UserID)
}

// remove removes a factor, and with the last one the recovery codes.
func (f *Factors) remove(ctx context.Context, acc *Account, id string) (one Factor, last bool, err error) {
	have, _, err := f.of(ctx, acc.ID)
	if err != nil {
		return one, false, err
	}
	at := slices.IndexFunc(have, func(one Factor) bool { return one.ID == id })
	if at < 0 {
		return one, false, tandem.Errorf(tandem.CodeNotFound, "this second factor is not there any more")
	}
	if last = len(have) == 1; last && acc.SecondFactorRequired {
		return one, last, tandem.Errorf(tandem.CodeForbidden, "a second factor is demanded of this account: add another one before you remove the last")
	}
	if last {
		_, err = f.Store.DeleteFactors(ctx, acc.ID)
	} else {
		_, err = f.Store.DeleteFactor(ctx, acc.ID, id)
	}
	return have[at], last, err
}

// provedBy reports whether somebody proved themselves by a factor of the kind, as the words
// tell, which do not say by which one. A recovery code counts as one of an app.
func provedBy(how *token.Authentication, kind FactorKind) bool {
	words := []string{token.MethodOTP}
	if kind == FactorPasskey {
		words = []string{token.MethodHardware, token.MethodSoftware, token.MethodUser}
	}
	return slices.ContainsFunc(how.Methods, func(m string) bool { return slices.Contains(words, m) })
}

// errFactor is a proof by a factor that is not right.
type errFactor struct {
	rule tandem.Rule
	// why is for the record, and never shown to who tried.
	why string
}

// Error implements error.
func (e *errFactor) Error() string { return e.why }

func wrongFactor(rule tandem.Rule, why string) error { return &errFactor{rule, why} }

func isWrongFactor(err error) (*errFactor, bool) {
	var wrong *errFactor
	return wrong, errors.As(err, &wrong)
}

// use notes that a factor was used, once with this counter.
func (f *Factors) use(ctx context.Context, one *Factor, counter int64, from string) error {
	first, err := f.Store.UseFactor(ctx, one.ID, counter, f.Clock.Now(), from)
	if err == nil && !first {
		err = wrongFactor(tandem.RuleFactorUsed, "the code or the answer was used before")
	}
	return err
}

// factorName is a name that somebody gives a factor, or the usual one.
func factorName(typed, usual string) (string, error) {
	if typed == "" {
		typed = usual
	}
	if len(typed) > MaxFactorName || tandem.HasControl(typed) {
		return "", invalid("name: use at most %d bytes of printable text", MaxFactorName)
	}
	return typed, nil
}
