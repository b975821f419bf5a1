package token

import (
	"net/url"
	"slices"
	"strings"
)

// Authentication is how a person proved who they are, as the claims of every token of the
// sign-in tell it. The zero value is a password at this server: that of sign-ins of before
// there was anything else.
type Authentication struct {
	// Methods are the claim amr, words of RFC 8176.
	Methods []string `json:"amr,omitempty"`
	// Context is the claim acr, one of [Contexts].
	Context string `json:"acr,omitempty"`
	// Provider and Tenant are the claims idp and tid, where another provider authenticated
	// the person; empty for this server.
	Provider string `json:"idp,omitempty"`
	Tenant   string `json:"tid,omitempty"`
}

// The values of the claim acr.
const (
	// PasswordContext is the acr of one factor that is no more than a password
	// (ISO/IEC 29115, level 1).
	PasswordContext = "1"
	// TwoFactorContext is that of two factors: a password and something that the person
	// has, or a passkey that their device asked them for.
	TwoFactorContext = "2"
)

// Contexts are all values of acr that can be had, the weakest first.
var Contexts = []string{PasswordContext, TwoFactorContext}

// The methods (amr, RFC 8176 section 2).
const (
	MethodPassword = "pwd"
	MethodOTP      = "otp"  // a code that is good once: of an authenticator, or a recovery code
	MethodHardware = "hwk"  // a key that its device does not let out
	MethodSoftware = "swk"  // a key that is kept in several devices, as synced passkeys are
	MethodUser     = "user" // the device asked for the person: a touch
	MethodPIN      = "pin"
	MethodMulti    = "mfa"
	// MethodFederated is the word of an outside provider; RFC 8176 has none for it.
	MethodFederated = "fed"
)

// localProvider is the claim idp of this server, by IdentityServer's name.
const localProvider = "local"

// ByPassword is the authentication by a password at this server.
func ByPassword() Authentication {
	return Authentication{Methods: []string{MethodPassword}, Context: PasswordContext}
}

// And is this one and a further proof: the methods of both, and two factors.
func (a Authentication) And(methods ...string) Authentication {
	both := slices.Clone(a.AMR())
	for _, m := range append(methods, MethodMulti) {
		if !slices.Contains(both, m) {
			both = append(both, m)
		}
	}
	a.Methods, a.Context = both, TwoFactorContext
	return a
}

// AMR is the claim amr.
func (a Authentication) AMR() []string {
	if len(a.Methods) == 0 {
		return []string{MethodPassword}
	}
	return a.Methods
}

// ACR is the claim acr.
func (a Authentication) ACR() string {
	if a.Context == "" {
		return PasswordContext
	}
	return a.Context
}

// IDP is the claim idp of an ID token.
func (a Authentication) IDP() string {
	if a.Provider == "" {
		return localProvider
	}
	return a.Provider
}

// Words are the methods as the record has them.
func (a Authentication) Words() string { return strings.Join(a.AMR(), " ") }

// String is how it is kept with what came of a sign-in; empty for a password at this
// server, so that rows of before say the same.
func (a Authentication) String() string {
	v := url.Values{}
	set := func(name, value, usual string) {
		if value != usual {
			v.Set(name, value)
		}
	}
	set("amr", a.Words(), MethodPassword)
	set("acr", a.ACR(), PasswordContext)
	set("idp", a.Provider, "")
	set("tid", a.Tenant, "")
	return v.Encode()
}

// ParseAuthentication reads what String wrote.
func ParseAuthentication(text string) Authentication {
	v, err := url.ParseQuery(text)
	if err != nil {
		return Authentication{}
	}
	a := Authentication{Context: v.Get("acr"), Provider: v.Get("idp"), Tenant: v.Get("tid"), Methods: strings.Fields(v.Get("amr"))}
	a.Methods, a.Context = a.AMR(), a.ACR()
	return a
}
