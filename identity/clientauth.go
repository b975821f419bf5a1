package identity

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/internal/netaddr"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/registry"
	"github.com/hybridapps/tandem/usage"
)

// client is an authenticated client: an application, and which of its two
// halves proved itself.
type client struct {
	app *registry.App
	// user and service say for which flows the credential is good (invariants
	// I1 and I2). The classic secret is good for both; a public application
	// proves nothing and has the user flow only.
	user, service bool
	// credentialID is the one that matched, also where it proved nothing:
	// [tandem.ClassicCredential] for the classic secret, empty for none.
	credentialID string
	// wrong is why what matched proved nothing.
	wrong tandem.Rule
}

func (c *client) may(f tandem.Flow) bool {
	if f == tandem.FlowService {
		return c.service
	}
	return c.user
}

// flow is the one flow that the credential is good for; that of the grant where it is good
// for both.
func (c *client) flow(grant tandem.Flow) tandem.Flow {
	switch {
	case c.user && !c.service:
		return tandem.FlowUser
	case c.service && !c.user:
		return tandem.FlowService
	}
	return grant
}

// errClient is the one refusal of every client that did not prove itself: an
// unknown or disabled application and a wrong credential look alike. By which rule it
// is refused is for the record.
var errClient = &oauth.Error{
	Code: oauth.InvalidClient, Status: http.StatusUnauthorized,
	Description: "client authentication failed: unknown or disabled application, or a missing, wrong or expired credential",
}

// proof is how a client tries to authenticate (RFC 6749 section 2.3, OpenID
// Connect Core section 9).
type proof struct {
	method, clientID, secret string
	assertion                *token.Assertion
	// basic is what Basic may mean, at least one reading; clientID and secret are to be
	// chosen from it.
	basic []reading
}

// readProof finds the one method that the request uses. More than one is
// refused (RFC 6749 section 2.3).
func readProof(r *http.Request, f form) (proof, *oauth.Error) {
	p := proof{method: oauth.AuthNone, clientID: f.get("client_id")}
	methods := 0
	if headers := r.Header["Authorization"]; len(headers) > 0 {
		basic := readBasic(headers[0])
		if len(headers) > 1 || len(basic) == 0 {
			return proof{}, token.By(tandem.RuleCredMalformed, errClient)
		}
		if p.clientID != "" {
			basic = slices.DeleteFunc(basic, func(b reading) bool { return b.id != p.clientID })
		}
		if len(basic) == 0 {
			return proof{}, token.Refuse(tandem.RuleCredMalformed, oauth.InvalidRequest, "client_id is not that of the Authorization header")
		}
		p.method, p.basic = oauth.AuthSecretBasic, basic
		methods++
	}
	if secret := f.get("client_secret"); secret != "" {
		p.method, p.secret = oauth.AuthSecretPost, secret
		methods++
	}
	text, kind := f.get("client_assertion"), f.get("client_assertion_type")
	if text != "" || kind != "" {
		methods++
	}
	if methods > 1 {
		return proof{}, token.Refuse(tandem.RuleCredMalformed, oauth.InvalidRequest, "use one method of client authentication, not several")
	}
	if text == "" && kind == "" {
		return p, nil
	}
	return readAssertion(p, text, kind)
}

func readAssertion(p proof, text, kind string) (proof, *oauth.Error) {
	if kind != oauth.AssertionTypeJWT {
		return proof{}, token.Refuse(tandem.RuleCredMalformed, oauth.InvalidRequest, "client_assertion_type must be %s", oauth.AssertionTypeJWT)
	}
	assertion, err := token.ReadAssertion(text)
	if err != nil || p.clientID != "" && p.clientID != assertion.ClientID {
		return proof{}, token.By(tandem.RuleCredMalformed, errClient)
	}
	p.method, p.clientID, p.assertion = oauth.AuthPrivateKeyJWT, assertion.ClientID, assertion
	return p, nil
}

// reading is a way to read credentials of the scheme Basic.
type reading struct{ id, secret string }

// maxPlainColons is how many colons a client id may have that comes unencoded.
const maxPlainColons = 8

// readBasic reads the Basic scheme in all ways that it may be meant. RFC 6749 section
// 2.3.1 demands the form encoding of both parts, and many clients leave it out for one or
// both: then a plus or a percent sign is itself, and which colon ends the id is not told.
// The way of the RFC is the first. None where the header is none of this scheme.
func readBasic(header string) []reading {
	const scheme = "basic "
	if len(header) < len(scheme) || len(header) > 4096 || !strings.EqualFold(header[:len(scheme)], scheme) {
		return nil
	}
	text, err := base64.StdEncoding.Strict().DecodeString(header[len(scheme):])
	if err != nil || !utf8.Valid(text) || tandem.HasControl(string(text)) {
		return nil
	}
	var all []reading
	parts := strings.SplitN(string(text), ":", maxPlainColons+2)
	for i := 1; i < len(parts); i++ {
		for _, id := range encodedOrPlain(strings.Join(parts[:i], ":")) {
			for _, secret := range encodedOrPlain(strings.Join(parts[i:], ":")) {
				all = append(all, reading{id, secret})
			}
		}
	}
	return all
}

// encodedOrPlain are what a part of Basic may mean; none when it is empty.
func encodedOrPlain(part string) (all []string) {
	if decoded, ok := unescape(part); ok && decoded != "" {
		all = append(all, decoded)
	}
	if part != "" && !slices.Contains(all, part) {
		all = append(all, part)
	}
	return all
}

// chooseBasic takes the reading by which a known application proves itself; where none
// does, that of a known application, and else that of the RFC.
func (h *Handler) chooseBasic(p *proof, now time.Time) {
	chosen := p.basic[0]
	for i, found := 0, false; i < len(p.basic); i++ {
		app, known := h.Registry.App(p.basic[i].id)
		if !known {
			continue
		}
		if c := (client{app: app}); c.proveSecret(p.basic[i].secret, now) {
			chosen = p.basic[i]
			break
		}
		if !found {
			found, chosen = true, p.basic[i]
		}
	}
	p.clientID, p.secret = chosen.id, chosen.secret
}

// authenticate finds out which half of which application the request is from. also is what
// else a client that has proved itself must show before its assertion is used up, so that it
// may try once more with the same one; nil is nothing. An error that is no refusal is the
// database's.
func (h *Handler) authenticate(ctx context.Context, q *request, also func() error) error {
	p, refusal := readProof(q.http, q.form)
	if refusal != nil {
		return refusal
	}
	if p.method == oauth.AuthSecretBasic {
		h.chooseBasic(&p, h.Clock.Now())
	}
	app, known := h.Registry.App(p.clientID)
	q.facts.Auth = p.method
	if known {
		q.app, q.facts.AppVersion = app, app.Version
	}
	key := failureKey{network: netaddr.Network(q.address)}
	if known {
		key.app = app.ApplicationURI // strangers' inventions share one counter
	}
	c, err := h.prove(app, p)
	q.facts.Credential = c.credentialID
	if err == nil && also != nil {
		err = also()
	}
	if err == nil && p.assertion != nil {
		err = h.useAssertion(ctx, p.assertion)
	}
	if isClientRefusal(err) {
		if wait := h.throttle.blocked(key); wait > 0 {
			return &oauth.Error{
				Code: oauth.SlowDown, Status: http.StatusTooManyRequests, RetryAfter: wait, Rule: string(tandem.RuleThrottle),
				Description: "too many failed client authentications; wait and try again",
			}
		}
		h.keep(ctx, "client failures", h.throttle.failed(ctx, key))
		return err
	}
	if err != nil {
		return err
	}
	h.keep(ctx, "client failures", h.throttle.succeeded(ctx, key))
	q.client = c
	if p.method != oauth.AuthNone {
		h.uses.note(app.ID, cmp.Or(c.credentialID, tandem.ClassicCredential), q.address, h.Clock.Now())
		h.Used.Count(app.ID, c.flow(q.flow), usage.Credential, cmp.Or(c.credentialID, usage.Classic))
	}
	return nil
}

// isClientRefusal reports whether an error is an errClient by some rule.
func isClientRefusal(err error) bool {
	var refusal *oauth.Error
	return errors.As(err, &refusal) && refusal.Code == oauth.InvalidClient
}

// prove checks the proof against the application, which is nil when unknown. With a
// refusal comes what is known of the client all the same, for the record.
func (h *Handler) prove(app *registry.App, p proof) (client, error) {
	if app == nil {
		app = nobody // as much work as for somebody
	}
	now := h.Clock.Now()
	c := client{app: app}
	switch p.method {
	case oauth.AuthNone:
		c.user = app.ClientType == tandem.ClientPublic
	case oauth.AuthPrivateKeyJWT:
		h.proveAssertion(&c, p.assertion, now)
	default:
		if app.FAPI {
			c.wrong = tandem.RuleCredMethod
			break
		}
		c.proveSecret(p.secret, now)
	}
	if wrong := c.refusedBy(p.method); wrong != "" {
		return c, token.By(wrong, errClient)
	}
	return c, nil
}

// refusedBy is the rule by which a client is refused; empty for one that proved itself.
func (c *client) refusedBy(method string) tandem.Rule {
	switch {
	case c.app == nobody:
		return tandem.RuleAppUnknown
	case !c.app.Enabled:
		return tandem.RuleAppDisabled
	case c.app.ClientType == tandem.ClientNone:
		return tandem.RuleAppType
	case c.app.ClientType == tandem.ClientPublic && method != oauth.AuthNone:
		return tandem.RuleCredPublic
	case c.user || c.service:
		return ""
	case method == oauth.AuthNone:
		return tandem.RuleCredMissing
	case c.wrong != "":
		return c.wrong
	}
	return tandem.RuleCredUnknown
}

// nobody is compared with when the application is unknown.
var nobody = registry.NewApp(tandem.TrustedApp{
	ClientType:  tandem.ClientNone,
	Credentials: []tandem.Credential{{Kind: tandem.CredentialSecret, SecretHash: make([]byte, sha256.Size)}},
})

// proveSecret compares the secret's hash with every credential's, each in
// constant time, and reports whether it is one of them, usable or not. Secrets have 256 random bits: a slow hash would protect
// nothing and make the token endpoint easy to flood.
func (c *client) proveSecret(secret string, now time.Time) bool {
	sum := sha256.Sum256([]byte(secret))
	for i := range c.app.Credentials {
		credential := &c.app.Credentials[i]
		if credential.Kind != tandem.CredentialSecret || subtle.ConstantTimeCompare(sum[:], credential.Proof) != 1 {
			continue
		}
		c.take(credential, now)
	}
	if classic := c.app.ClassicSecret(); subtle.ConstantTimeCompare(sum[:], classic) == 1 {
		c.user, c.service, c.credentialID = true, true, tandem.ClassicCredential
	}
	return c.credentialID != ""
}

// take lets the client have what a credential that matched is good for.
func (c *client) take(credential *registry.Credential, now time.Time) {
	if !c.user && !c.service {
		c.credentialID = credential.ID
	}
	if !credential.UsableAt(now) {
		c.wrong = tandem.RuleCredExpired
		switch {
		case credential.Revoked():
			c.wrong = tandem.RuleCredRevoked
		case credential.BeginsAfter(now):
			c.wrong = tandem.RuleCredEarly
		}
		return
	}
	c.credentialID = credential.ID
	c.user = c.user || credential.Flow == tandem.FlowUser
	c.service = c.service || credential.Flow == tandem.FlowService
}

// proveAssertion checks private_key_jwt: the assertion is signed with a key of
// the application and addressed to this server. It is used up after it.
func (h *Handler) proveAssertion(c *client, a *token.Assertion, now time.Time) {
	for i := range c.app.Credentials {
		credential := &c.app.Credentials[i]
		if credential.Kind != tandem.CredentialPublicKey {
			continue
		}
		switch err := a.Verify(credential.Proof, h.audiences, now); {
		case errors.Is(err, token.ErrAssertionClaims):
			c.credentialID, c.wrong = credential.ID, tandem.RuleCredAssertion
			continue
		case err != nil:
			continue
		}
		if c.app.FAPI && !a.FitsFAPI(h.Issuer) {
			c.credentialID, c.wrong = credential.ID, tandem.RuleCredMethod
			continue
		}
		if c.take(credential, now); !c.user && !c.service {
			continue // not now
		}
		return
	}
}

// useAssertion uses up what a client has proved itself with.
func (h *Handler) useAssertion(ctx context.Context, a *token.Assertion) error {
	err := a.Use(ctx, h.Assertions)
	if errors.Is(err, token.ErrAssertion) {
		return token.By(tandem.RuleCredReplayed, errClient)
	}
	return err
}
