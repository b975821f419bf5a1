package identity

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/internal/keyalg"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/oauth/dpop"
	"github.com/hybridapps/tandem/site/words"
)

// Metadata is the discovery document: what is true of this server, and nothing
// that is not.
func (h *Handler) Metadata() oauth.Metadata {
	proofs := []string{oauth.AuthSecretBasic, oauth.AuthSecretPost, oauth.AuthPrivateKeyJWT}
	methods := append(slices.Clone(proofs), oauth.AuthNone)
	algorithms := keyalg.Names() // of assertions
	return oauth.Metadata{
		Issuer:                h.Issuer,
		AuthorizationEndpoint: h.endpoint(oauth.PathAuthorize),
		PushedEndpoint:        h.endpoint(oauth.PathPushed),
		DeviceEndpoint:        h.endpoint(oauth.PathDeviceAuthorization),
		TokenEndpoint:         h.endpoint(oauth.PathToken),
		UserinfoEndpoint:      h.endpoint(oauth.PathUserinfo),
		EndSessionEndpoint:    h.endpoint(oauth.PathEndSession),
		RevocationEndpoint:    h.endpoint(oauth.PathRevocation),
		IntrospectionEndpoint: h.endpoint(oauth.PathIntrospection),
		JWKSURI:               h.endpoint(oauth.PathJWKS),
		ScopesSupported: []string{tandem.ScopeOpenID, tandem.ScopeProfile, tandem.ScopeEmail, tandem.ScopeOfflineAccess,
			tandem.ScopeRead, tandem.ScopeUpdate},
		// Of ID tokens, and of userinfo.
		ClaimsSupported: []string{"iss", "sub", "aud", "exp", "iat", "jti", "auth_time", "nonce", "at_hash", "c_hash", "s_hash", "acr", "amr", "idp", "tid", "sid",
			"id", "user_type", "is_admin", "db", "token_kind", "name", "preferred_username", "locale", "zoneinfo", "updated_at", "picture", "email", "email_verified"},
		ACRValuesSupported:       token.Contexts,
		ResponseTypesSupported:   []string{oauth.ResponseTypeCode, oauth.ResponseTypeCodeIDToken},
		ResponseModesSupported:   []string{oauth.ModeQuery, oauth.ModeFragment, oauth.ModeFormPost},
		GrantTypesSupported:      []string{oauth.GrantAuthorizationCode, oauth.GrantRefreshToken, oauth.GrantClientCredentials, oauth.GrantDeviceCode},
		UILocalesSupported:       words.Tags(),
		SubjectTypesSupported:    []string{"public"},
		PromptValuesSupported:    []string{oauth.PromptNone, oauth.PromptLogin, oauth.PromptConsent, oauth.PromptSelectAccount},
		CodeChallengeMethods:     []string{oauth.ChallengeS256},
		IDTokenSigningAlgorithms: tandem.IDTokenAlgorithms,
		TokenAuthMethods:         methods,
		TokenAuthAlgorithms:      algorithms,
		RevocationAuthMethods:    methods,
		RevocationAuthAlgorithms: algorithms,
		// Bearer: with a service token (RFC 8414 section 2).
		IntrospectionAuthMethods:    append(slices.Clone(proofs), oauth.TokenTypeBearer),
		IntrospectionAuthAlgorithms: algorithms,
		SignInIntrospection:         true,
		IssParameterSupported:       true,

		BackchannelLogoutSupported: true, BackchannelLogoutSessionSupported: true,
		ClaimsParameterSupported: true,
		DPoPAlgorithms:           dpop.AlgorithmNames(),
	}
}

// publicFor is for how long a client may keep the discovery document and the
// key set: half as long as a key is published before it signs.
const publicFor = "public, max-age=300"

// discovery serves the document (OpenID Connect Discovery section 4, RFC 8414
// section 3), which does not change while the server runs.
func (h *Handler) discovery() http.Handler {
	body, err := json.Marshal(h.Metadata())
	if err != nil { // a struct of strings: cannot happen
		panic(err)
	}
	tag := etag(body)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { servePublic(w, r, body, tag) })
}

// jwks serves the public parts of the keys (RFC 7517 section 5): the next, the
// active and the retired ones that still verify.
func (h *Handler) jwks(w http.ResponseWriter, r *http.Request) {
	body := h.Keys.JWKS()
	servePublic(w, r, body, etag(body))
}

func etag(body []byte) string {
	sum := sha256.Sum256(body)
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:9]) + `"`
}

// servePublic serves what anybody may read.
func servePublic(w http.ResponseWriter, r *http.Request, body []byte, tag string) {
	header := w.Header()
	header.Set("Cache-Control", publicFor)
	header.Set("ETag", tag)
	if r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	header.Set("Content-Type", "application/json")
	_, _ = w.Write(body) // who has gone away cannot be told
}
