package registry

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/hybridapps/tandem"
)

// Bounds of credentials.
const (
	// MaxCredentials are the live ones of an application.
	MaxCredentials = 20
	// KeepRevoked is for how long a credential stays listed that was revoked, and
	// MaxRevoked how many of an application are, the newest: a script that makes one
	// every minute must not fill the database.
	KeepRevoked = 400 * 24 * time.Hour
	MaxRevoked  = 500
	// MaxOverlap is the longest time for which two credentials are good of which one
	// follows the other.
	MaxOverlap = 90 * 24 * time.Hour
	// maxCredentialName is in bytes.
	maxCredentialName = 100
)

// CredentialChange is what becomes of an application's credentials: some are new, and
// of others, by their id, all but kind, flow and proof may have changed.
type CredentialChange struct{ New, Changed []tandem.Credential }

// NewCredential is what to make a credential of.
type NewCredential struct {
	Flow tandem.Flow
	// Name is what people tell it by, such as worker A; may be empty.
	Name string
	// PublicKey is a JWK or PEM for private_key_jwt; empty means that a secret
	// is generated.
	PublicKey []byte
	// NotBefore and ExpiresAt bound its use; zero means from now, and for ever.
	NotBefore, ExpiresAt time.Time
}

// AddCredential adds a credential for one flow beside those there are, so that
// one can be replaced without a pause. The secret is returned once; it is empty
// for a public key.
func (t *TrustedApps) AddCredential(ctx context.Context, by tandem.By, applicationURI string, n NewCredential) (tandem.Credential, string, error) {
	now := t.Clock.Now()
	c, secret, err := n.make(by, now)
	if err != nil {
		return tandem.Credential{}, "", err
	}
	err = t.Store.ChangeCredentials(ctx, applicationURI, now, func(a tandem.TrustedApp) (CredentialChange, error) {
		return CredentialChange{New: []tandem.Credential{c}}, mayAdd(&a, n.Flow, 0)
	})
	if err != nil {
		return tandem.Credential{}, "", err
	}
	return c, secret, t.recordCredential(ctx, by, applicationURI, fmt.Sprintf("%s credential %s added (%s)", c.Flow, c.ID, c.Kind), nil, &c)
}

// make makes the credential, and its secret.
func (n *NewCredential) make(by tandem.By, now time.Time) (c tandem.Credential, secret string, err error) {
	if n.Flow != tandem.FlowUser && n.Flow != tandem.FlowService {
		return c, "", invalid("flow %q: use %s or %s", tandem.Clip(string(n.Flow), shown), tandem.FlowUser, tandem.FlowService)
	}
	if !n.ExpiresAt.IsZero() && !n.ExpiresAt.After(later(now, n.NotBefore)) {
		return c, "", invalid("the credential would expire before it can be used")
	}
	n.Name = strings.TrimSpace(n.Name)
	if len(n.Name) > maxCredentialName || tandem.HasControl(n.Name) {
		return c, "", invalid("name of the credential: use at most %d bytes of printable text", maxCredentialName)
	}
	c, secret = newSecret(n.Flow, by, now)
	if len(n.PublicKey) > 0 {
		key, err := ParsePublicKey(n.PublicKey)
		if err != nil {
			return c, "", err
		}
		c.Kind, c.PublicKey, c.SecretHash, secret = tandem.CredentialPublicKey, key, nil, ""
	}
	c.Name, c.NotBefore, c.ExpiresAt = n.Name, n.NotBefore, n.ExpiresAt
	return c, secret, nil
}

// mayAdd says why the application cannot have another credential of the flow, when
// some of those it has go.
func mayAdd(a *tandem.TrustedApp, flow tandem.Flow, going int) error {
	if a.ClientType != tandem.ClientConfidential {
		return invalid("a %s application has no credentials", a.ClientType)
	}
	if flow == tandem.FlowService && !a.SystemUserAllowed {
		return invalid("the application may not act as a System User; allow that first")
	}
	if live := len(a.Live()); live-going >= MaxCredentials {
		return invalid("the application has %d credentials; revoke one first", live)
	}
	return nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// Roll says what to put in the place of what.
type Roll struct {
	// CredentialID is the one that is followed. Without it those are that are good now
	// for Flow: the secrets, or the public keys where New is one; where there are none of
	// its kind, those of the other.
	CredentialID string
	Flow         tandem.Flow
	// Overlap is for how long the old ones stay good, at most [MaxOverlap]. Zero revokes
	// them at once.
	Overlap time.Duration
	// New is the successor; its Flow is that of the old one. Without a name it has the old
	// one's, and without an expiry it is good for as long as the old one was to be.
	New NewCredential
}

// Rolled is what came of a [Roll].
type Rolled struct {
	tandem.Credential
	// Secret exists nowhere else and is shown once; empty for a public key.
	Secret string
	// Old are the credentials that end, as they are now.
	Old []tandem.Credential
}

// RollCredential makes a new credential in the place of others, which end when the
// overlap does. One that expires before goes on until then.
func (t *TrustedApps) RollCredential(ctx context.Context, by tandem.By, applicationURI string, r Roll) (Rolled, error) {
	if r.Overlap < 0 || r.Overlap > MaxOverlap {
		return Rolled{}, invalid("overlap %s: use 0s to %d days", r.Overlap, MaxOverlap/(24*time.Hour))
	}
	now := t.Clock.Now()
	var made Rolled
	var was []tandem.Credential
	err := t.Store.ChangeCredentials(ctx, applicationURI, now, func(a tandem.TrustedApp) (CredentialChange, error) {
		var err error
		if was, err = r.followed(&a, now); err != nil {
			return CredentialChange{}, err
		}
		made, err = r.follow(by, was, now)
		if err != nil {
			return CredentialChange{}, err
		}
		going := 0
		if r.Overlap == 0 {
			going = len(was)
		}
		return CredentialChange{New: []tandem.Credential{made.Credential}, Changed: made.Old}, mayAdd(&a, made.Flow, going)
	})
	if err != nil {
		return Rolled{}, err
	}
	what := fmt.Sprintf("%s credential %s added (%s) in the place of %s", made.Flow, made.ID, made.Kind, made.SuccessorOf)
	if err := t.recordCredential(ctx, by, applicationURI, what, nil, &made.Credential); err != nil {
		return Rolled{}, err
	}
	for i := range made.Old {
		if err := t.recordEnd(ctx, by, applicationURI, &was[i], &made.Old[i]); err != nil {
			return Rolled{}, err
		}
	}
	return made, nil
}

// followed are the credentials that end.
func (r *Roll) followed(a *tandem.TrustedApp, now time.Time) (old []tandem.Credential, err error) {
	for _, c := range a.Credentials {
		if r.CredentialID == c.ID && !c.Revoked() || r.CredentialID == "" && c.Flow == r.Flow && c.UsableAt(now) {
			old = append(old, c)
		}
	}
	switch {
	case len(old) > 0:
		return r.alike(old), nil
	case r.CredentialID != "":
		return nil, noCredential(a, r.CredentialID)
	}
	return nil, tandem.Errorf(tandem.CodeNotFound, "application %q has no credential that is good for the %s flow now: "+
		"add one with tandem app credential add %[1]s --flow %[2]s", a.ApplicationURI, cmp.Or(r.Flow, "user or service"))
}

// alike are those of the kind that the new one is of, if there are any.
func (r *Roll) alike(old []tandem.Credential) []tandem.Credential {
	kind := tandem.CredentialSecret
	if len(r.New.PublicKey) > 0 {
		kind = tandem.CredentialPublicKey
	}
	same := slices.DeleteFunc(slices.Clone(old), func(c tandem.Credential) bool { return c.Kind != kind })
	if len(same) == 0 {
		return old
	}
	return same
}

// follow makes the successor, and ends the old ones: the newest of them is followed.
func (r *Roll) follow(by tandem.By, old []tandem.Credential, now time.Time) (made Rolled, err error) {
	newest := slices.MaxFunc(old, func(a, b tandem.Credential) int { return a.CreatedAt.Compare(b.CreatedAt) })
	n := r.New
	n.Flow, n.Name = newest.Flow, cmp.Or(n.Name, newest.Name)
	if newest.Kind == tandem.CredentialPublicKey && len(n.PublicKey) == 0 {
		return made, invalid("credential %s is a public key: give the new one's, --public-key FILE", newest.ID)
	}
	if n.ExpiresAt.IsZero() && !newest.ExpiresAt.IsZero() {
		n.ExpiresAt = now.Add(newest.ExpiresAt.Sub(later(newest.CreatedAt, newest.NotBefore)))
	}
	if made.Credential, made.Secret, err = n.make(by, now); err != nil {
		return made, err
	}
	made.SuccessorOf = newest.ID
	for _, c := range old {
		ends := now.Add(r.Overlap)
		switch {
		case r.Overlap == 0:
			revoke(&c, by, now)
		case c.ExpiresAt.IsZero() || c.ExpiresAt.After(ends):
			c.ExpiresAt = ends
		}
		made.Old = append(made.Old, c)
	}
	return made, nil
}

// revoke ends a credential. It also expires, so that a replica of the version before
// refuses it.
func revoke(c *tandem.Credential, by tandem.By, now time.Time) {
	c.RevokedAt, c.RevokedBy = now, by.Login
	if c.ExpiresAt.IsZero() || c.ExpiresAt.After(now) {
		c.ExpiresAt = now
	}
}

func noCredential(a *tandem.TrustedApp, id string) error {
	for i := range a.Credentials {
		if c := &a.Credentials[i]; c.ID == id && c.Revoked() {
			return tandem.Errorf(tandem.CodeNotFound, "credential %s of %q was revoked on %s by %s", id, a.ApplicationURI,
				c.RevokedAt.UTC().Format(time.RFC3339), cmp.Or(c.RevokedBy, "somebody"))
		}
	}
	return tandem.Errorf(tandem.CodeNotFound, "application %q has no credential %s; tandem app credential list %[1]s shows them", a.ApplicationURI, tandem.Clip(id, shown))
}

// RevokeCredential ends a credential at once; it stays listed for [KeepRevoked]. Access
// tokens got with it live on until they expire: who has the record can end them too.
func (t *TrustedApps) RevokeCredential(ctx context.Context, by tandem.By, applicationURI, credentialID string) error {
	now := t.Clock.Now()
	var was, is tandem.Credential
	err := t.Store.ChangeCredentials(ctx, applicationURI, now, func(a tandem.TrustedApp) (CredentialChange, error) {
		i := slices.IndexFunc(a.Credentials, func(c tandem.Credential) bool { return c.ID == credentialID && !c.Revoked() })
		if i < 0 {
			return CredentialChange{}, noCredential(&a, credentialID)
		}
		was, is = a.Credentials[i], a.Credentials[i]
		revoke(&is, by, now)
		return CredentialChange{Changed: []tandem.Credential{is}}, nil
	})
	if err != nil {
		return err
	}
	return t.recordEnd(ctx, by, applicationURI, &was, &is)
}

func (t *TrustedApps) recordEnd(ctx context.Context, by tandem.By, applicationURI string, was, is *tandem.Credential) error {
	what := "credential " + is.ID + " revoked"
	if !is.Revoked() {
		what = "credential " + is.ID + " ends"
	}
	return t.recordCredential(ctx, by, applicationURI, what, was, is)
}

// Prefixes of generated secrets, so that a scanner of sources and logs can
// recognize a leaked one, and a person which half it belongs to.
const (
	UserSecretPrefix    = "tdus_"
	ServiceSecretPrefix = "tdss_"
)

// newSecret generates a secret of 256 random bits.
func newSecret(flow tandem.Flow, by tandem.By, now time.Time) (tandem.Credential, string) {
	b := make([]byte, sha256.Size)
	rand.Read(b)
	prefix := UserSecretPrefix
	if flow == tandem.FlowService {
		prefix = ServiceSecretPrefix
	}
	secret := prefix + base64.RawURLEncoding.EncodeToString(b)
	sum := sha256.Sum256([]byte(secret))
	return tandem.Credential{
		ID: uuid.NewString(), Kind: tandem.CredentialSecret, Flow: flow, SecretHash: sum[:], CreatedAt: now, CreatedBy: by.Login,
	}, secret
}
