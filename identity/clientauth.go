package identity

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/internal/netaddr"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/registry"
)

// client is an authenticated client: an application, and which of its two
// halves proved itself.
type client struct {
	app *registry.App
	// user and service say for which flows the credential is good (invariants
	// I1 and I2). The classic secret is good for both; a public application
	// proves nothing and has the user flow only.
	user, service bool
	// credentialID is empty for the classic secret and for a public client.
	credentialID string
}

func (c *client) may(f tandem.Flow) bool {
	if f == tandem.FlowService {
		return c.service
	}
	return c.user
}

// errClient is the one refusal of every client that did not prove itself: an
// unknown or disabled application and a wrong credential look alike.
var errClient = &oauth.Error{
	Code: oauth.InvalidClient, Status: http.StatusUnauthorized,
	Description: "client authentication failed: unknown or disabled application, or a missing, wrong or expired credential",
}

// proof is how a client tries to authenticate (RFC 6749 section 2.3, OpenID
// Connect Core section 9).
type proof struct {
	method, clientID, secret string
	assertion                *token.Assertion
}

// readProof finds the one method that the request uses. More than one is
// refused (RFC 6749 section 2.3).
func readProof(r *http.Request, f form) (proof, *oauth.Error) {
	p := proof{method: oauth.AuthNone, clientID: f.get("client_id")}
	methods := 0
	if headers := r.Header["Authorization"]; len(headers) > 0 {
		id, secret, ok := parseBasic(headers[0])
		if len(headers) > 1 || !ok {
			return proof{}, errClient
		}
		if p.clientID != "" && p.clientID != id {
			return proof{}, oauth.Refuse(oauth.InvalidRequest, "client_id is not that of the Authorization header")
		}
		p.method, p.clientID, p.secret = oauth.AuthSecretBasic, id, secret
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
		return proof{}, oauth.Refuse(oauth.InvalidRequest, "use one method of client authentication, not several")
	}
	if text == "" && kind == "" {
		return p, nil
	}
	return readAssertion(p, text, kind)
}

func readAssertion(p proof, text, kind string) (proof, *oauth.Error) {
	if kind != oauth.AssertionTypeJWT {
		return proof{}, oauth.Refuse(oauth.InvalidRequest, "client_assertion_type must be %s", oauth.AssertionTypeJWT)
	}
	assertion, err := token.ReadAssertion(text)
	if err != nil {
		return proof{}, errClient
	}
	if p.clientID != "" && p.clientID != assertion.ClientID {
		return proof{}, errClient
	}
	p.method, p.clientID, p.assertion = oauth.AuthPrivateKeyJWT, assertion.ClientID, assertion
	return p, nil
}

// parseBasic reads the Basic scheme with the form encoding of both parts that
// RFC 6749 section 2.3.1 demands.
func parseBasic(header string) (id, secret string, ok bool) {
	const scheme = "basic "
	if len(header) < len(scheme) || len(header) > 4096 || !strings.EqualFold(header[:len(scheme)], scheme) {
		return "", "", false
	}
	decoded, err := base64.StdEncoding.Strict().DecodeString(header[len(scheme):])
	if err != nil {
		return "", "", false
	}
	id, secret, ok = strings.Cut(string(decoded), ":")
	if !ok || id == "" || secret == "" {
		return "", "", false
	}
	id, ok = unescape(id)
	if !ok {
		return "", "", false
	}
	secret, ok = unescape(secret)
	return id, secret, ok
}

// maxPlainColons is how many colons a client id may have that comes unencoded.
const maxPlainColons = 8

// plainBasic reads credentials whose parts are not form encoded, as many clients
// send them although RFC 6749 section 2.3.1 demands it: a plus in a client id is
// itself then, and the colon after the id is the one that ends a known id.
func (h *Handler) plainBasic(header string) (proof, bool) {
	_, encoded, _ := strings.Cut(header, " ")
	text, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil || !utf8.Valid(text) || tandem.HasControl(string(text)) {
		return proof{}, false
	}
	parts := strings.SplitN(string(text), ":", maxPlainColons+2)
	for i := 1; i < len(parts); i++ {
		id := strings.Join(parts[:i], ":")
		if _, known := h.Registry.App(id); known {
			return proof{clientID: id, secret: strings.Join(parts[i:], ":")}, true
		}
	}
	return proof{}, false
}

// authenticate finds out which half of which application the request is from.
// An error that is no refusal is the database's.
func (h *Handler) authenticate(ctx context.Context, q *request) error {
	p, refusal := readProof(q.http, q.form)
	if refusal != nil {
		return refusal
	}
	app, known := h.Registry.App(p.clientID)
	if !known && p.method == oauth.AuthSecretBasic {
		if plain, ok := h.plainBasic(q.http.Header.Get("Authorization")); ok {
			p.clientID, p.secret = plain.clientID, plain.secret
			app, known = h.Registry.App(p.clientID)
		}
	}
	if known {
		q.app = app
	}
	key := failureKey{network: netaddr.Network(q.address)}
	if known {
		key.app = app.ApplicationURI // strangers' inventions share one counter
	}
	c, err := h.prove(ctx, app, p)
	if errors.Is(err, errClient) {
		if wait := h.throttle.blocked(key); wait > 0 {
			return &oauth.Error{
				Code: oauth.SlowDown, Status: http.StatusTooManyRequests, RetryAfter: wait,
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
	if c.credentialID != "" {
		h.uses.note(c.credentialID, h.Clock.Now())
	}
	q.client = c
	return nil
}

// prove checks the proof against the application, which is nil when unknown.
func (h *Handler) prove(ctx context.Context, app *registry.App, p proof) (client, error) {
	none := client{}
	if app == nil {
		app = nobody // as much work as for somebody
	}
	now := h.Clock.Now()
	c := client{app: app}
	switch p.method {
	case oauth.AuthNone:
		c.user = app.ClientType == tandem.ClientPublic
	case oauth.AuthPrivateKeyJWT:
		if err := h.proveAssertion(ctx, &c, p.assertion, now); err != nil {
			return none, err
		}
	default:
		c.proveSecret(p.secret, now)
	}
	if p.method != oauth.AuthNone && app.ClientType != tandem.ClientConfidential {
		return none, errClient
	}
	if !app.Enabled || !c.user && !c.service {
		return none, errClient
	}
	return c, nil
}

// nobody is compared with when the application is unknown.
var nobody = registry.NewApp(tandem.TrustedApp{
	ClientType:  tandem.ClientNone,
	Credentials: []tandem.Credential{{Kind: tandem.CredentialSecret, SecretHash: make([]byte, sha256.Size)}},
})

// proveSecret compares the secret's hash with every credential's, each in
// constant time. Secrets have 256 random bits: a slow hash would protect
// nothing and make the token endpoint easy to flood.
func (c *client) proveSecret(secret string, now time.Time) {
	sum := sha256.Sum256([]byte(secret))
	for i := range c.app.Credentials {
		credential := &c.app.Credentials[i]
		if credential.Kind != tandem.CredentialSecret || subtle.ConstantTimeCompare(sum[:], credential.Proof) != 1 {
			continue
		}
		if credential.UsableAt(now) {
			c.allow(credential)
		}
	}
	if classic := c.app.ClassicSecret(); subtle.ConstantTimeCompare(sum[:], classic) == 1 {
		c.user, c.service = true, true
	}
}

func (c *client) proveAssertion(credential *registry.Credential, a *token.Assertion, audiences []string, now time.Time) bool {
	if credential.Kind != tandem.CredentialPublicKey || !credential.UsableAt(now) || a.Verify(credential.Proof, audiences, now) != nil {
		return false
	}
	c.allow(credential)
	return true
}

func (c *client) allow(credential *registry.Credential) {
	c.credentialID = credential.ID
	c.user = c.user || credential.Flow == tandem.FlowUser
	c.service = c.service || credential.Flow == tandem.FlowService
}

// proveAssertion checks private_key_jwt: the assertion is signed with a key of
// the application, addressed to this server, and used for the first time.
func (h *Handler) proveAssertion(ctx context.Context, c *client, a *token.Assertion, now time.Time) error {
	for i := range c.app.Credentials {
		if !c.proveAssertion(&c.app.Credentials[i], a, h.audiences, now) {
			continue
		}
		err := a.Use(ctx, h.Assertions)
		if errors.Is(err, token.ErrAssertion) {
			return errClient
		}
		return err
	}
	return errClient
}
