package signin

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"
	"github.com/google/uuid"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/token"
)

// challengeLifetime is how long a passkey may take to answer.
const challengeLifetime = 10 * time.Minute

// relyingParty is who asks for passkeys: the issuer, by its host. It is nil for an address
// without a name, for which there are no passkeys, and for plain http beyond this machine.
func relyingParty(issuer *url.URL) (*webauthn.WebAuthn, error) {
	host := issuer.Hostname()
	if net.ParseIP(host) != nil || issuer.Scheme != "https" && host != "localhost" {
		return nil, nil
	}
	return webauthn.New(&webauthn.Config{
		RPID: host, RPDisplayName: host, RPOrigins: []string{issuer.Scheme + "://" + issuer.Host},
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementRequired, RequireResidentKey: protocol.ResidentKeyRequired(),
			UserVerification: protocol.VerificationRequired,
		},
	})
}

// holder is a person with their passkeys, as the library wants to see them.
type holder struct {
	acc      *Account
	passkeys []webauthn.Credential
	factors  []Factor
}

// WebAuthnID implements [webauthn.User]: the GUID, which says nothing of the person.
func (p *holder) WebAuthnID() []byte {
	id, err := uuid.Parse(p.acc.ID)
	if err != nil {
		return []byte(p.acc.ID)
	}
	return id[:]
}

// WebAuthnName implements [webauthn.User].
func (p *holder) WebAuthnName() string { return p.acc.Login }

// WebAuthnDisplayName implements [webauthn.User].
func (p *holder) WebAuthnDisplayName() string { return p.acc.Name }

// WebAuthnCredentials implements [webauthn.User].
func (p *holder) WebAuthnCredentials() []webauthn.Credential { return p.passkeys }

// holder reads a person's passkeys.
func (f *Factors) holder(ctx context.Context, acc *Account) (*holder, error) {
	p := &holder{acc: acc}
	all, err := f.Store.FactorsOf(ctx, acc.ID)
	if err != nil {
		return nil, err
	}
	for i := range all {
		if all[i].Kind != FactorPasskey {
			continue
		}
		text, err := f.opened(&all[i])
		if err != nil {
			return nil, fmt.Errorf("the passkey %s: %w", all[i].ID, err)
		}
		var key webauthn.Credential
		if err := json.Unmarshal(text, &key); err != nil {
			return nil, fmt.Errorf("the passkey %s: %w", all[i].ID, err)
		}
		key.Authenticator.SignCount = uint32(all[i].Counter)
		p.passkeys, p.factors = append(p.passkeys, key), append(p.factors, all[i])
	}
	return p, nil
}

// challenge is what a passkey is asked, sealed into the form that brings the answer.
type challenge struct {
	Session webauthn.SessionData `json:"s"`
	At      int64                `json:"at"`
}

// asked is a challenge for a page: the options for the browser, and what comes back with
// the answer.
type askedPasskey struct {
	// Options are those of navigator.credentials, as JSON.
	Options string
	// Challenge is sealed, and bound to the browser's form cookie.
	Challenge string
}

// askAnybody asks for any passkey of this server: who it is, the passkey says.
func (h *Handler) askAnybody(form string) (*askedPasskey, error) {
	if h.Factors == nil || h.Factors.party == nil {
		return nil, nil
	}
	options, session, err := h.Factors.party.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		return nil, err
	}
	return h.ask(options, session, placePasskey+form)
}

// askPerson asks for a passkey of the person; nil where they have none.
func (h *Handler) askPerson(ctx context.Context, form string, acc *Account) (*askedPasskey, error) {
	if h.Factors == nil || h.Factors.party == nil {
		return nil, nil
	}
	p, err := h.Factors.holder(ctx, acc)
	if err != nil || len(p.passkeys) == 0 {
		return nil, err
	}
	options, session, err := h.Factors.party.BeginLogin(p, webauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		return nil, err
	}
	return h.ask(options, session, placePasskey+form)
}

// askNew asks for a new passkey.
func (h *Handler) askNew(ctx context.Context, form string, acc *Account) (*askedPasskey, error) {
	if h.Factors == nil || h.Factors.party == nil {
		return nil, nil
	}
	p, err := h.Factors.holder(ctx, acc)
	if err != nil {
		return nil, err
	}
	options, session, err := h.Factors.party.BeginRegistration(p, webauthn.WithExclusions(webauthn.Credentials(p.passkeys).CredentialDescriptors()))
	if err != nil {
		return nil, err
	}
	return h.ask(options, session, placeNewPasskey+form)
}

func (h *Handler) ask(options any, session *webauthn.SessionData, place string) (*askedPasskey, error) {
	text, err := json.Marshal(options)
	if err != nil {
		return nil, err
	}
	sealed, err := h.sealed(challenge{*session, h.Clock.Now().Unix()}, place)
	return &askedPasskey{string(text), sealed}, err
}

// challenged opens the challenge of a form, once.
func (h *Handler) challenged(ctx context.Context, text, place string) (*webauthn.SessionData, error) {
	var c challenge
	if !h.opened(text, place, &c) || !h.fresh(c.At, challengeLifetime) {
		return nil, wrongFactor(tandem.RulePasskey, "the answer is for no challenge of this form, or for one that is too old")
	}
	// As long as it could be opened, on a replica whose clock is behind.
	first, err := h.Factors.Once.UseAssertion(ctx, sha256.Sum256([]byte("passkey|"+c.Session.Challenge)), h.Clock.Now().Add(challengeLifetime+2*clocksDiffer))
	if err == nil && !first {
		err = wrongFactor(tandem.RuleFactorUsed, "the challenge was answered before")
	}
	return &c.Session, err
}

// maxCredential bounds the answer of a passkey, in bytes.
const maxCredential = 16 << 10

// checkPasskey takes the answer of a passkey, and says who it is and how they proved it.
// acc is whose it must be; nil for anybody's.
func (h *Handler) checkPasskey(ctx context.Context, form, sealed, answer, from string, acc *Account) (*Account, []string, error) {
	session, err := h.challenged(ctx, sealed, placePasskey+form)
	if err != nil {
		return nil, nil, err
	}
	if len(answer) > maxCredential {
		return nil, nil, wrongFactor(tandem.RulePasskey, "the answer is too long")
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes([]byte(answer))
	if err != nil {
		return nil, nil, wrongFactor(tandem.RulePasskey, "the answer cannot be read")
	}
	var who *holder
	var broken error // ours, and no fault of the passkey
	var key *webauthn.Credential
	if acc == nil {
		_, key, err = h.Factors.party.ValidatePasskeyLogin(func(_, handle []byte) (webauthn.User, error) {
			if who, broken = h.holderOf(ctx, handle); broken != nil {
				return nil, broken
			}
			return who, nil
		}, *session, parsed)
	} else if who, broken = h.Factors.holder(ctx, acc); broken == nil {
		key, err = h.Factors.party.ValidateLogin(who, *session, parsed)
	}
	if broken != nil && tandem.ErrorCode(broken) != tandem.CodeNotFound {
		return nil, nil, broken
	}
	if err != nil || key == nil {
		return accountOf(who), nil, wrongFactor(tandem.RulePasskey, "the answer is of no passkey that is known, for another challenge, or wrong")
	}
	if key.Authenticator.CloneWarning {
		return who.acc, nil, wrongFactor(tandem.RulePasskeyCount, "the passkey's count of signatures went back: there may be a copy of it")
	}
	handle := base64.RawURLEncoding.EncodeToString(key.ID)
	for i := range who.factors {
		if who.factors[i].Handle == handle {
			return who.acc, keyMethods(key), h.Factors.use(ctx, &who.factors[i], int64(key.Authenticator.SignCount), from)
		}
	}
	return who.acc, nil, wrongFactor(tandem.RulePasskey, "the passkey was removed")
}

func accountOf(p *holder) *Account {
	if p == nil {
		return nil
	}
	return p.acc
}

// holderOf finds the person by what a passkey says of them.
func (h *Handler) holderOf(ctx context.Context, handle []byte) (*holder, error) {
	id, err := uuid.FromBytes(handle)
	if err != nil {
		return nil, tandem.Errorf(tandem.CodeNotFound, "the user handle is none of ours")
	}
	acc, err := h.Users.ByID(ctx, id.String())
	if err != nil {
		return nil, err
	}
	return h.Factors.holder(ctx, &acc)
}

// keyMethods are the amr of a passkey whose device asked for its person (RFC 8176 section
// 2): whether the key stays in one device, or is kept in several.
func keyMethods(key *webauthn.Credential) []string {
	if key.Flags.BackupEligible {
		return []string{token.MethodSoftware, token.MethodUser}
	}
	return []string{token.MethodHardware, token.MethodUser}
}

// newPasskey takes the answer that makes a passkey.
func (h *Handler) newPasskey(ctx context.Context, form, sealed, answer, name string, acc *Account) (Factor, error) {
	session, err := h.challenged(ctx, sealed, placeNewPasskey+form)
	if err != nil {
		return Factor{}, err
	}
	name, err = factorName(name, "Passkey")
	if err != nil {
		return Factor{}, err
	}
	if len(answer) > maxCredential {
		return Factor{}, wrongFactor(tandem.RulePasskey, "the answer is too long")
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes([]byte(answer))
	if err != nil {
		return Factor{}, wrongFactor(tandem.RulePasskey, "the answer cannot be read")
	}
	p, err := h.Factors.holder(ctx, acc)
	if err != nil {
		return Factor{}, err
	}
	key, err := h.Factors.party.CreateCredential(p, *session, parsed)
	if err != nil {
		return Factor{}, wrongFactor(tandem.RulePasskey, "the new passkey is not right: "+tandem.Clip(err.Error(), shown))
	}
	// What the device says of its make is not kept: nobody asked for it.
	key.Attestation = webauthn.CredentialAttestation{}
	text, err := json.Marshal(key)
	if err != nil {
		return Factor{}, err
	}
	one := h.Factors.made(acc.ID, FactorPasskey, name, text)
	one.Handle, one.Counter = base64.RawURLEncoding.EncodeToString(key.ID), int64(key.Authenticator.SignCount)
	return one, nil
}
