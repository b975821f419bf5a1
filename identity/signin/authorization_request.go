package signin

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/oauth/dpop"
	"github.com/hybridapps/tandem/registry"
	"github.com/hybridapps/tandem/site/words"
)

// authorizationRequest is a checked authorization request (RFC 6749 section
// 4.1.1, OpenID Connect Core section 3.1.2.1). It travels sealed while the
// person signs in, hence the short names.
type authorizationRequest struct {
	// Device is the code of a device that somebody signs in for, as it was typed; then there
	// is no application and nothing else.
	Device string `json:"device,omitempty"`
	// ReturnTo is the page of the instance's own sites that somebody signs in for; then there
	// is no application either. Fresh says that they were signed in, and have to prove once
	// more who they are.
	ReturnTo        string `json:"rt,omitempty"`
	Fresh           bool   `json:"fr,omitempty"`
	ApplicationURI  string `json:"c"`
	ApplicationName string `json:"-"`
	RedirectURI     string `json:"r"`
	ResponseMode    string `json:"m"`
	// IDToken asks for an ID token beside the code (code id_token).
	IDToken bool         `json:"i,omitempty"`
	Scope   tandem.Scope `json:"s,omitempty"` // as asked
	// Obsolete says that the scope DomainApi was asked for, too, which gives nothing.
	Obsolete bool   `json:"so,omitempty"`
	State    string `json:"st,omitempty"`
	Nonce    string `json:"n,omitempty"`
	// Challenge is the S256 challenge; empty when a confidential application
	// does without PKCE.
	Challenge string `json:"pk,omitempty"`
	// KeyThumbprint is that of the key that must redeem the code; empty for any.
	KeyThumbprint string `json:"kt,omitempty"`
	// Prompt holds the words of prompt, MaxAge is nil when not asked for.
	Prompt []string       `json:"p,omitempty"`
	MaxAge *time.Duration `json:"ma,omitempty"`
	// LoginHint fills the form; HintUserID, from id_token_hint, is who must be
	// signed in.
	LoginHint  string `json:"lh,omitempty"`
	HintUserID string `json:"hu,omitempty"`
	// Claims are asked for one by one; Subjects, from there too, are the logins of whom
	// it must be.
	Claims   token.AskedClaims `json:"cl,omitzero"`
	Subjects []string          `json:"su,omitzero"` // none is nobody
	// Contexts are the values of acr of which one is essential; nil where none is. Context is
	// the one that is wanted most.
	Contexts []string `json:"ax,omitzero"`
	Context  string   `json:"aw,omitempty"`
	// Pushed is the hash of the request_uri by which it came; empty where it did not.
	Pushed []byte `json:"pu,omitempty"`
	// Locales is ui_locales: in which languages the application wants its person spoken to.
	Locales string `json:"ul,omitempty"`
	// Provider is the one that acr_values (idp:ID) names, Domain is domain_hint: words of
	// IdentityServer and of Microsoft for who is to authenticate the person.
	Provider string `json:"idp,omitempty"`
	Domain   string `json:"dh,omitempty"`
	// At is when the request came, as Unix seconds.
	At int64 `json:"at"`
	// SignedIn is the sid with which the person signed in for this request, and SignedInAt
	// when, as Unix seconds: it is what satisfies prompt=login, for [signedInFor].
	SignedIn   string `json:"in,omitempty"`
	SignedInAt int64  `json:"ina,omitempty"`

	// allowed says that the person has just been asked and said yes.
	allowed bool
}

// maxParameter bounds the parameters, in bytes. What is not named may be 512.
var maxParameter = map[string]int{
	"redirect_uri": 2048, "state": 8192, "scope": token.MaxScope, "id_token_hint": 8192,
	"client_id": tandem.MaxApplicationURI, "login_hint": 254,
	// Refused whatever they hold, but with the word for it.
	"request": 1 << 16, "request_uri": 1 << 13, "registration": 1 << 13, "claims": 1 << 13,
}

// checkParameter says what is wrong with the values of one parameter, in a few
// words; they are empty when nothing is.
func checkParameter(name string, values []string) words.Text {
	limit, ok := maxParameter[name]
	if !ok {
		limit = 512
	}
	switch v := values[0]; {
	case len(values) > 1:
		return words.T("is given more than once") // RFC 6749 section 3.1
	case len(v) > limit:
		return words.T("is longer than %d bytes", limit)
	case !utf8.ValidString(v) || tandem.HasControl(v):
		return words.T("holds characters that no parameter may have")
	}
	return words.Text{}
}

// parse reads what is not the client's identity: client_id and redirect_uri
// have been checked before, so that an error can go to the redirect URI.
func (req *authorizationRequest) parse(q url.Values, app *registry.App) *oauth.Error {
	back := wayBackOf(q) // first, so that the errors below use it
	req.ResponseMode, req.State = back.Mode, back.State
	u, err := url.Parse(req.RedirectURI)
	noForm := err == nil && privateUse(u)
	if noForm && req.ResponseMode == oauth.ModeFormPost {
		req.ResponseMode = usualMode(back.Type) // the error must arrive
	}
	for _, name := range slices.Sorted(maps.Keys(q)) { // sorted: the same fault, the same response
		values := q[name]
		if name == "resource" {
			continue // may repeat (RFC 8707), and is checked by itself
		}
		if problem := checkParameter(name, values); !problem.Empty() {
			return token.Refuse(tandem.RuleParameter, oauth.InvalidRequest, "the parameter %s %s", tandem.Clip(name, shown), problem)
		}
	}
	// Neither is followed, and nothing is fetched: a request object could say
	// something else than the parameters, and its URI is for the client to choose.
	switch {
	case q.Has("request"):
		return token.Refuse(tandem.RuleUnsupported, oauth.RequestNotSupported, "request objects are not supported: send the parameters themselves")
	case q.Has("request_uri"):
		return token.Refuse(tandem.RuleUnsupported, oauth.RequestURINotSupported, "request_uri is not supported: send the parameters themselves")
	case q.Has("registration"):
		return token.Refuse(tandem.RuleUnsupported, oauth.InvalidRequest, "registration is not supported: applications are registered by an administrator")
	}
	switch t := q.Get("response_type"); {
	case t == oauth.ResponseTypeCode:
	case app.FAPI && t != "":
		return token.Refuse(tandem.RuleUnsupported, oauth.UnsupportedResponseType, "the application is held to FAPI 2.0: use response_type=code")
	case sameWords(t, oauth.ResponseTypeCodeIDToken):
		req.IDToken = true
	case t == "":
		return token.Refuse(tandem.RuleParameter, oauth.InvalidRequest, "response_type is missing: use response_type=code")
	default:
		return token.Refuse(tandem.RuleUnsupported, oauth.UnsupportedResponseType, "response_type %s is not supported: use code, or code id_token", tandem.Clip(t, shown))
	}
	if m := q.Get("response_mode"); m != "" && !knownMode(m) {
		return token.Refuse(tandem.RuleParameter, oauth.InvalidRequest, "response_mode %s is not known: use query, fragment or form_post", tandem.Clip(m, shown))
	}
	if noForm && q.Get("response_mode") == oauth.ModeFormPost {
		return token.Refuse(tandem.RuleParameter, oauth.InvalidRequest, "response_mode form_post cannot reach a scheme of the application's own: use query or fragment")
	}
	req.Nonce, req.LoginHint, req.Locales = q.Get("nonce"), strings.TrimSpace(q.Get("login_hint")), q.Get("ui_locales")
	asked, refused := token.ReadScope(q.Get("scope"))
	if refused != nil {
		return refused
	}
	req.Scope, req.Obsolete = asked.Scope, asked.Obsolete
	if err := req.checkIDToken(q.Get("response_mode")); err != nil {
		return err
	}
	if err := req.parseChallenge(q, app); err != nil {
		return err
	}
	req.KeyThumbprint = q.Get("dpop_jkt") // RFC 9449 section 10
	if q.Has("dpop_jkt") && !dpop.ValidThumbprint(req.KeyThumbprint) {
		return token.Refuse(tandem.RuleParameter, oauth.InvalidRequest, "dpop_jkt is not a SHA-256 in base64url without padding")
	}
	if err := req.parseClaims(q.Get("claims")); err != nil {
		return err
	}
	req.readHints(q)
	if wanted := token.WantedContext(strings.Fields(q.Get("acr_values"))); wanted != "" && req.Context == "" {
		req.Context = wanted
	}
	return req.parsePrompt(q)
}

// readHints reads which outside provider is to authenticate the person.
func (req *authorizationRequest) readHints(q url.Values) {
	req.Domain = strings.ToLower(q.Get("domain_hint"))
	for _, word := range strings.Fields(q.Get("acr_values")) {
		if id, ok := strings.CutPrefix(word, "idp:"); ok && req.Provider == "" {
			req.Provider = id
		}
	}
}

// checkIDToken checks what a request for an ID token beside the code needs: it is
// one of OpenID Connect, its nonce ties the token to the browser that began (Core
// section 3.3.2.11), and no token may get into a log with a URL (Multiple Response
// Type Encoding Practices section 5).
func (req *authorizationRequest) checkIDToken(mode string) *oauth.Error {
	switch {
	case !req.IDToken:
		return nil
	case !req.Scope.Has(tandem.ScopeOpenID):
		return token.Refuse(tandem.RuleParameter, oauth.InvalidRequest, "response_type code id_token needs the scope openid")
	case req.Nonce == "":
		return token.Refuse(tandem.RuleParameter, oauth.InvalidRequest, "response_type code id_token needs a nonce")
	case mode == oauth.ModeQuery:
		return token.Refuse(tandem.RuleParameter, oauth.InvalidRequest, "response_mode query cannot take an ID token: use fragment or form_post")
	}
	return nil
}

// parseChallenge reads PKCE's parameters (RFC 7636 section 4.3). An absent
// method means plain there, which is refused: with it whoever sees the request
// can redeem the code.
func (req *authorizationRequest) parseChallenge(q url.Values, app *registry.App) *oauth.Error {
	challenge, method := q.Get("code_challenge"), q.Get("code_challenge_method")
	switch {
	case challenge == "" && (method != "" || q.Has("code_challenge")):
		return token.Refuse(tandem.RulePKCENeeded, oauth.InvalidRequest, "code_challenge is missing")
	case challenge == "" && app.FAPI:
		return token.Refuse(tandem.RulePKCENeeded, oauth.InvalidRequest, "the application is held to FAPI 2.0: send code_challenge and code_challenge_method=S256")
	case challenge == "" && app.ClientType == tandem.ClientPublic:
		return token.Refuse(tandem.RulePKCENeeded, oauth.InvalidRequest, "a public application must use PKCE: send code_challenge and code_challenge_method=S256")
	case challenge == "":
		return nil
	case method != oauth.ChallengeS256:
		return token.Refuse(tandem.RuleParameter, oauth.InvalidRequest, "code_challenge_method must be S256")
	case !oauth.ValidChallenge(challenge):
		return token.Refuse(tandem.RuleParameter, oauth.InvalidRequest, "code_challenge is not a SHA-256 in base64url without padding")
	}
	req.Challenge = challenge
	return nil
}

// parseClaims reads the parameter claims (OpenID Connect Core section 5.5). An acr that
// is essential and cannot be had is a failed sign-in (section 5.5.1.1).
func (req *authorizationRequest) parseClaims(text string) *oauth.Error {
	claims, demands, err := token.ReadClaims(text)
	if err != nil {
		return err
	}
	if demands.Contexts != nil && len(demands.Contexts) == 0 {
		return token.Refuse(tandem.RuleUnsupported, oauth.UnmetAuthenticationRequirements, "no acr that claims calls essential can be had: use %s",
			strings.Join(token.Contexts, " or "))
	}
	req.Claims, req.Subjects, req.Contexts, req.Context = claims, demands.Subjects, demands.Contexts, demands.Context
	return nil
}

// meant reports whether the request may be about this person.
func (req *authorizationRequest) meant(userID, login string) bool {
	return (req.HintUserID == "" || req.HintUserID == userID) && (req.Subjects == nil || slices.Contains(req.Subjects, login))
}

func (req *authorizationRequest) parsePrompt(q url.Values) *oauth.Error {
	req.Prompt = strings.Fields(q.Get("prompt"))
	for _, word := range req.Prompt {
		switch word {
		case oauth.PromptNone:
			if len(req.Prompt) > 1 {
				return token.Refuse(tandem.RuleParameter, oauth.InvalidRequest, "prompt none excludes every other word")
			}
		case oauth.PromptLogin, oauth.PromptConsent, oauth.PromptSelectAccount:
		default:
			return token.Refuse(tandem.RuleParameter, oauth.InvalidRequest, "prompt %s is not known", tandem.Clip(word, shown))
		}
	}
	if text := q.Get("max_age"); text != "" {
		if strings.Trim(text, "0123456789") != "" {
			return token.Refuse(tandem.RuleParameter, oauth.InvalidRequest, "max_age is not a number of seconds")
		}
		// More than fits is longer ago than anybody has signed in: no bound.
		if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
			age := time.Duration(seconds) * time.Second
			req.MaxAge = &age
		}
	}
	return nil
}

// hasPrompt reports whether prompt holds the word.
func (req *authorizationRequest) hasPrompt(word string) bool {
	return slices.Contains(req.Prompt, word)
}

// signedInFor is how long a sign-in for a request is the new one that the request demands:
// time to read what the application wants. The address is good for longer, and stays in the
// browser's history.
const signedInFor = 5 * time.Minute

// signedInAt is when the person signed in for the request, by this server's clock; that of
// the proof where a replica of before has not noted it.
func (req *authorizationRequest) signedInAt(s *signedIn) time.Time {
	if req.SignedInAt == 0 {
		return s.AuthTime
	}
	return time.Unix(req.SignedInAt, 0)
}

// satisfiedBy reports whether the sign-in needs no renewal for this request.
func (req *authorizationRequest) satisfiedBy(s *signedIn, now time.Time) bool {
	if ago := now.Sub(req.signedInAt(s)); req.SignedIn == s.ID && ago > -clocksDiffer && ago < signedInFor {
		return true
	}
	if req.hasPrompt(oauth.PromptLogin) || req.hasPrompt(oauth.PromptSelectAccount) {
		return false
	}
	if !req.meant(s.UserID, s.Account.Login) {
		return false
	}
	age := now.Sub(s.AuthTime)
	// Never with max_age=0, nor with a time of the future, which a clock left
	// that was wrong: nobody knows how long ago that was.
	return req.MaxAge == nil || age > -clocksDiffer && age < *req.MaxAge
}
