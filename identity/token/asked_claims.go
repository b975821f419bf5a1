package token

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/oauth"
)

// AskedClaims are the claims about the person that an application asked for one by
// one (OpenID Connect Core section 5.5), beside those of its scope, sorted. Only
// names of [AskableClaims] are in it.
type AskedClaims struct {
	IDToken  []string `json:"id,omitempty"`
	Userinfo []string `json:"ui,omitempty"`
}

// AskableClaims are the claims that are there for the asking. The others are in
// each ID token, or there is nothing to say of them.
var AskableClaims = []string{"email", "email_verified", "locale", "name", "picture", "preferred_username", "updated_at", "zoneinfo"}

// Demands are what a request asks of the sign-in itself by its parameter claims.
type Demands struct {
	// Subjects are the logins of whom it must be; nil means of anybody.
	Subjects []string
	// Contexts are the values of acr of which one is essential, as far as they can be had
	// here; nil where none is, empty where none of those can be had.
	Contexts []string
	// Context is the value of acr that is wanted most and can be had; empty for any.
	Context string
}

// claimRequest is what is said of one claim; null says nothing, of the claim and in each
// member.
type claimRequest struct {
	Essential bool   `json:"essential"`
	Value     *any   `json:"value"`
	Values    []*any `json:"values"`
}

// texts are the values that are texts; nil where none is asked for.
func (c *claimRequest) texts() []string {
	if c == nil || c.Value == nil && c.Values == nil {
		return nil
	}
	all := []string{}
	for _, value := range append(slices.Clone(c.Values), c.Value) {
		if value == nil {
			continue
		}
		if text, ok := (*value).(string); ok {
			all = append(all, text)
		}
	}
	return all
}

// ReadClaims reads the parameter claims. Claims that are not known are left out, as
// Core section 5.5 demands; the empty text asks for nothing.
func ReadClaims(text string) (asked AskedClaims, demands Demands, refused *oauth.Error) {
	if text == "" {
		return asked, demands, nil
	}
	var members map[string]json.RawMessage
	if json.Unmarshal([]byte(text), &members) != nil || members == nil {
		return asked, demands, Refuse(tandem.RuleParameter, oauth.InvalidRequest, "claims is not a JSON object: use {\"id_token\":{…},\"userinfo\":{…}}")
	}
	for _, of := range []struct {
		name  string
		claim *[]string
	}{{"id_token", &asked.IDToken}, {"userinfo", &asked.Userinfo}} {
		var claims map[string]*claimRequest
		if raw, given := members[of.name]; given && json.Unmarshal(raw, &claims) != nil {
			return asked, demands, Refuse(tandem.RuleParameter, oauth.InvalidRequest, "%s in claims is not an object whose members are null or objects", of.name)
		}
		for name, c := range claims {
			if slices.Contains(AskableClaims, name) {
				*of.claim = append(*of.claim, name)
			}
			demands.add(name, c)
		}
		slices.Sort(*of.claim)
	}
	return asked, demands, nil
}

// add takes in what is demanded of sub and acr: both are the same wherever they are
// told (Core sections 5.5.1 and 5.5.1.1).
func (d *Demands) add(name string, c *claimRequest) {
	values := c.texts()
	switch {
	case values == nil:
	case name == "sub" && d.Subjects == nil:
		d.Subjects = values
	case name == "sub":
		d.Subjects = slices.DeleteFunc(d.Subjects, func(s string) bool { return !slices.Contains(values, s) })
	case name == "acr" && c.Essential:
		had := slices.DeleteFunc(slices.Clone(Contexts), func(s string) bool { return !slices.Contains(values, s) })
		if d.Contexts != nil {
			had = slices.DeleteFunc(had, func(s string) bool { return !slices.Contains(d.Contexts, s) })
		}
		d.Contexts = had
	case name == "acr" && d.Context == "":
		d.Context = WantedContext(values)
	}
}

// WantedContext is the first of the values of acr, in the order of preference, that can be
// had here; empty where none can.
func WantedContext(values []string) string {
	for _, v := range values {
		if slices.Contains(Contexts, v) {
			return v
		}
	}
	return ""
}

// Scope are the scopes that tell as much as the claims: what a person is asked for them.
// The login is no secret to an application that they sign in to.
func (a AskedClaims) Scope() (scope tandem.Scope) {
	for _, name := range append(slices.Clone(a.IDToken), a.Userinfo...) {
		word := tandem.ScopeProfile
		switch name {
		case "preferred_username":
			continue
		case "email", "email_verified":
			word = tandem.ScopeEmail
		}
		if !scope.Has(word) {
			scope = append(scope, word)
		}
	}
	return scope
}

// String is how claims are kept: id_token:name,email userinfo:name, or nothing.
func (a AskedClaims) String() string {
	var words []string
	if len(a.IDToken) > 0 {
		words = append(words, "id_token:"+strings.Join(a.IDToken, ","))
	}
	if len(a.Userinfo) > 0 {
		words = append(words, "userinfo:"+strings.Join(a.Userinfo, ","))
	}
	return strings.Join(words, " ")
}

// ParseAskedClaims reads what String wrote.
func ParseAskedClaims(text string) (a AskedClaims) {
	for _, word := range strings.Fields(text) {
		if names, ok := strings.CutPrefix(word, "id_token:"); ok {
			a.IDToken = strings.Split(names, ",")
		} else if names, ok := strings.CutPrefix(word, "userinfo:"); ok {
			a.Userinfo = strings.Split(names, ",")
		}
	}
	return a
}

// PersonalClaims are claims about a person.
type PersonalClaims struct {
	oauth.UserClaims
	PreferredUsername string `json:"preferred_username,omitempty"`
	UpdatedAt         int64  `json:"updated_at,omitempty"` // Unix seconds
	// Picture is where the person's picture is, for whoever has a token of theirs.
	Picture string `json:"picture,omitempty"`
	// IdentityProvider and Tenant say to whom they proved who they are, where that was not
	// this server.
	IdentityProvider string `json:"idp,omitempty"`
	Tenant           string `json:"tid,omitempty"`
}

// Add puts claims in that were asked for by their names. picture is where the person's
// picture is.
func (c *PersonalClaims) Add(u *tandem.User, names []string, picture string) {
	for _, name := range names {
		switch name {
		case "name":
			c.Name = u.Name
		case "preferred_username":
			c.PreferredUsername = u.Login
		case "locale":
			c.Locale = u.Locale
		case "zoneinfo":
			c.Zoneinfo = u.Zoneinfo
		case "updated_at":
			c.UpdatedAt = u.ChangedAt.Unix()
		case "picture":
			c.Picture = picture
		case "email", "email_verified":
			c.SetEmail(u.Email, u.EmailVerified)
		}
	}
}
