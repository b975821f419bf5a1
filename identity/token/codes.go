package token

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/oauth"
)

// CodeGrant is what a person gave an application when an authorization code
// was issued: everything that its redemption is bound to.
type CodeGrant struct {
	// ApplicationURI is the only client that can redeem the code.
	ApplicationURI string
	// UserID is the GUID of who signed in, SignInID the claim sid.
	UserID, SignInID string
	// AuthTime is when the person last proved who they are.
	AuthTime time.Time
	// Authentication is how they did.
	Authentication Authentication
	// RedirectURI is the parameter of the authorization request exactly as it
	// came; empty when it had none. The token request must repeat it.
	RedirectURI string
	// Scope is what was granted, protocol scopes included.
	Scope tandem.Scope
	// Claims are what was asked for one by one.
	Claims AskedClaims
	// Nonce goes into the ID token; empty when the request had none.
	Nonce string
	// CodeChallenge is the S256 challenge; empty only for confidential
	// applications that did not send one.
	CodeChallenge string
	// KeyThumbprint is that of the key that must redeem the code (dpop_jkt, RFC 9449
	// section 10); empty for any.
	KeyThumbprint string
}

// StoredCode is a code as the store knows it: by its hash.
type StoredCode struct {
	Hash [sha256.Size]byte
	CodeGrant
	IssuedAt, ExpiresAt time.Time
	// UsedAt is zero while nobody has redeemed the code.
	UsedAt time.Time
}

// Given is what the redemption of a code gives, so that a replay can take it
// back.
type Given struct {
	// GrantID names it in every access token of it; empty when nothing is given
	// because the redemption failed.
	GrantID string
	// Family has the same id. It is nil without offline_access.
	Family *Family
}

// CodeStore keeps authorization codes.
type CodeStore interface {
	AddCode(ctx context.Context, c StoredCode) error
	// Code returns [tandem.ErrNotFound] for a hash it does not know.
	Code(ctx context.Context, hash [sha256.Size]byte) (StoredCode, error)
	// UseCode marks a code used, once, also when its row is put back as it was: it stores what is given, the refresh
	// family included, in the same transaction, and reports whether this call
	// was the first. Of any number of calls at once exactly one is.
	UseCode(ctx context.Context, hash [sha256.Size]byte, at time.Time, given Given) (first bool, err error)
	// TakeBackCode ends the refresh family that a used code gave and revokes
	// every access token of the grant, which live until tokensUntil at most; it
	// reports whether the code gave anything. It waits for a redemption that is
	// in the middle.
	TakeBackCode(ctx context.Context, hash [sha256.Size]byte, at, tokensUntil time.Time) (gave bool, err error)
	// PurgeCodes deletes codes issued before the time.
	PurgeCodes(ctx context.Context, before time.Time) error
}

// Codes issues authorization codes and redeems them, each once and within a
// minute.
type Codes struct {
	Store     CodeStore
	Lifetimes Lifetimes
	// Clock tells the time; nil means the system's.
	Clock tandem.Clock
}

// Issue makes a code for the grant: 256 random bits, which only the response to
// the browser ever holds. fapi says that the application is held to FAPI 2.0.
func (c *Codes) Issue(ctx context.Context, g CodeGrant, fapi bool) (string, error) {
	b := make([]byte, sha256.Size)
	rand.Read(b)
	code := base64.RawURLEncoding.EncodeToString(b)
	now := c.Clock.Now()
	return code, c.Store.AddCode(ctx, StoredCode{
		Hash: sha256.Sum256([]byte(code)), CodeGrant: g,
		IssuedAt: now, ExpiresAt: now.Add(c.Lifetimes.ForCode(fapi)),
	})
}

// codeLength is that of every code that Issue makes.
var codeLength = base64.RawURLEncoding.EncodedLen(sha256.Size)

// ErrCodeReplayed comes with a refusal when a code was redeemed before: what
// it gave has been taken back, and the event belongs in the record.
var ErrCodeReplayed = errors.New("token: the authorization code was used before")

// errBadCode is the one refusal of every code that cannot be redeemed: which
// reason it was helps only who guesses.
var errBadCode = oauth.Refuse(oauth.InvalidGrant, "the authorization code is unknown, expired, used, or of another client or redirect_uri")

// Presented is a token request of the authorization code flow (RFC 6749
// section 4.1.3, RFC 7636 section 4.5).
type Presented struct {
	Code, RedirectURI, Verifier string
	// KeyThumbprint is that of the key that the request has a proof by; empty without.
	KeyThumbprint string
	// ApplicationURI is the client, authenticated.
	ApplicationURI string
	ClientType     tandem.ClientType
}

// Find checks a code against the request without using it up, so that the
// caller can look at the person before [Codes.Use]. The error is an
// [oauth.Error] with invalid_grant, joined with [ErrCodeReplayed] for a
// replay. The code comes with it where it is this client's, for the record.
//
// A request by the right client that fails its proof uses the code up: there
// is no second guess.
func (c *Codes) Find(ctx context.Context, p Presented) (StoredCode, error) {
	if len(p.Code) != codeLength { // above all none that hashes to a device's
		return StoredCode{}, By(tandem.RuleCodeUnknown, errBadCode)
	}
	hash := sha256.Sum256([]byte(p.Code))
	code, err := c.Store.Code(ctx, hash)
	if errors.Is(err, tandem.ErrNotFound) {
		return StoredCode{}, By(tandem.RuleCodeUnknown, errBadCode)
	}
	if err != nil {
		return StoredCode{}, err
	}
	// A stranger's code is left alone: presenting it must not be a way to
	// break somebody else's sign-in (RFC 6749 section 10.5).
	if code.ApplicationURI != p.ApplicationURI {
		return StoredCode{}, By(tandem.RuleCodeOtherApp, errBadCode)
	}
	if !code.UsedAt.IsZero() {
		return code, c.replayed(ctx, code)
	}
	now := c.Clock.Now()
	if !now.Before(code.ExpiresAt) || ahead(code.IssuedAt, now) {
		return code, By(tandem.RuleCodeExpired, errBadCode)
	}
	if err := proves(&code, p); err != nil {
		_, useErr := c.Store.UseCode(ctx, hash, now, Given{})
		return code, errors.Join(err, useErr)
	}
	return code, nil
}

// proves checks what only the client that started the flow can know.
func proves(code *StoredCode, p Presented) error {
	if code.RedirectURI != p.RedirectURI {
		return By(tandem.RuleCodeRedirect, errBadCode)
	}
	if code.KeyThumbprint != "" && code.KeyThumbprint != p.KeyThumbprint {
		return Refuse(tandem.RuleProofKey, oauth.InvalidGrant, "the authorization code is bound to a key (dpop_jkt): send a DPoP proof by it")
	}
	switch {
	case code.CodeChallenge != "":
		if !oauth.VerifierMatches(p.Verifier, code.CodeChallenge) {
			return Refuse(tandem.RulePKCE, oauth.InvalidGrant, "code_verifier is missing or is not that of the code_challenge")
		}
	case p.Verifier != "":
		// A verifier for a code that has no challenge: somebody took the
		// challenge out of the request (RFC 9700 section 4.8.2).
		return Refuse(tandem.RulePKCEUnasked, oauth.InvalidGrant, "code_verifier came, but the authorization request had no code_challenge")
	case p.ClientType != tandem.ClientConfidential:
		return Refuse(tandem.RulePKCENeeded, oauth.InvalidGrant, "a public application must use PKCE")
	}
	return nil
}

// Use uses up a code that Find returned and stores what it gives. Exactly one
// of any number of requests at once gets nil; the others are replays.
func (c *Codes) Use(ctx context.Context, code StoredCode, given Given) error {
	first, err := c.Store.UseCode(ctx, code.Hash, c.Clock.Now(), given)
	if err != nil {
		return err
	}
	if !first {
		return c.replayed(ctx, code)
	}
	return nil
}

// replayed takes back what the code gave (RFC 6749 section 4.1.2: "SHOULD
// revoke all tokens previously issued based on that authorization code"). A code
// that gave nothing, because its proof was wrong or the sign-in had ended, is no
// replay that anybody should be alarmed about.
func (c *Codes) replayed(ctx context.Context, code StoredCode) error {
	now := c.Clock.Now()
	gave, err := c.Store.TakeBackCode(ctx, code.Hash, now, c.Lifetimes.accessUntil(now))
	if err != nil {
		return err
	}
	used := By(tandem.RuleCodeUsed, errBadCode)
	if !gave {
		return used
	}
	return errors.Join(ErrCodeReplayed, used)
}

// Purge forgets codes whose replay no longer matters.
func (c *Codes) Purge(ctx context.Context) error {
	return c.Store.PurgeCodes(ctx, c.Clock.Now().Add(-keepUsedCodes))
}

// NewGrantID makes the id of a grant.
func NewGrantID() string { return uuid.NewString() }

// NewTokenID makes a jti.
func NewTokenID() string { return uuid.NewString() }
