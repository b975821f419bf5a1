package registry

import (
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internal/netaddr"
)

// Bounds of an application's fields, in bytes; of lists, in entries.
const (
	MaxName  = 254
	MaxNotes = 4096
	MaxURI   = 2048
	MaxURIs  = 50
)

// applicationURISyntax is reverse-host style and needs no escape in a form, a
// header, a URL path or a log.
var applicationURISyntax = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._~:/@+-]*$`)

// hostSyntax is a host name or address. A host goes into the header
// Content-Security-Policy, where a semicolon or quote would mean something.
var hostSyntax = regexp.MustCompile(`^[A-Za-z0-9._:-]+$`)

// shown is how much of a wrong value is repeated in a message, in bytes.
const shown = 80

func invalid(format string, args ...any) error {
	return tandem.Errorf(tandem.CodeInvalid, format, args...)
}

// validate checks everything about an application that does not need the
// database, and says what to mend.
func validate(a *tandem.TrustedApp) error {
	if len(a.ApplicationURI) > tandem.MaxApplicationURI || !applicationURISyntax.MatchString(a.ApplicationURI) {
		return invalid("application URI: use 1 to %d letters, digits and . _ ~ : / @ + - such as com.acme/portal", tandem.MaxApplicationURI)
	}
	if len(a.Name) > MaxName || tandem.HasControl(a.Name) {
		return invalid("name: use at most %d bytes of printable text", MaxName)
	}
	if len(a.Notes) > MaxNotes {
		return invalid("notes: use at most %d bytes", MaxNotes)
	}
	switch a.AccessTokens {
	case tandem.AccessTokensNone, tandem.AccessTokensAuthenticatedUsers, tandem.AccessTokensAdministratorsOnly:
	default:
		return invalid("access tokens %q: use %s, %s or %s", a.AccessTokens,
			tandem.AccessTokensNone, tandem.AccessTokensAuthenticatedUsers, tandem.AccessTokensAdministratorsOnly)
	}
	if err := validateURIs(a); err != nil {
		return err
	}
	if err := validateScopes(a); err != nil {
		return err
	}
	if err := validateSecurity(a); err != nil {
		return err
	}
	if err := validateResource(a); err != nil {
		return err
	}
	return validateType(a)
}

// validateSecurity keeps out what would leave an application without a way in.
func validateSecurity(a *tandem.TrustedApp) error {
	switch {
	case a.IDTokenAlgorithm != "" && !slices.Contains(tandem.IDTokenAlgorithms, a.IDTokenAlgorithm):
		return invalid("ID token algorithm %q: use one of %s", tandem.Clip(a.IDTokenAlgorithm, shown), strings.Join(tandem.IDTokenAlgorithms, ", "))
	case a.FAPI && a.ClientType != tandem.ClientConfidential:
		return invalid("FAPI 2.0 is for confidential applications: their clients prove themselves with a key")
	case a.FAPI && a.SecretHash != "":
		return invalid("FAPI 2.0 takes no secret: clear the classic one, and add public keys")
	case a.FAPI && a.DeviceFlow:
		return invalid("FAPI 2.0 knows no device flow: --no-device")
	case a.FAPI && a.IDTokenAlgorithm == "RS256":
		return invalid("FAPI 2.0 forbids RS256: leave the ID token algorithm out, or use ES256 or EdDSA")
	}
	return nil
}

// checkReferences keeps reference tokens, which whoever has them may use, from an application
// that has bound ones alone. was is what it was before: one that has both since before there
// was this rule can still be changed, and no reference token of it works.
func checkReferences(was, a *tandem.TrustedApp) error {
	both := func(a *tandem.TrustedApp) bool {
		return (a.FAPI || a.BoundTokensOnly) && a.AccessTokens != "" && a.AccessTokens != tandem.AccessTokensNone
	}
	if both(a) && !both(was) {
		return invalid("reference tokens are bound to no key, and the application has bound tokens alone (--fapi, --dpop-only): --access-tokens none")
	}
	return nil
}

// validateType keeps what only a confidential application can have from the
// others: without a secret nobody knows who acts as the System User.
func validateType(a *tandem.TrustedApp) error {
	switch a.ClientType {
	case tandem.ClientConfidential:
	case tandem.ClientPublic, tandem.ClientNone:
		switch {
		case a.SystemUserAllowed || a.SystemUserID != "":
			return invalid("a %s application cannot act as a System User: it has no secret to prove itself with", a.ClientType)
		case a.SecretHash != "" || len(a.Live()) > 0:
			return invalid("a %s application has no credentials: revoke them first, or make it %s", a.ClientType, tandem.ClientConfidential)
		}
	default:
		return invalid("client type %q: use %s, %s or %s", a.ClientType, tandem.ClientConfidential, tandem.ClientPublic, tandem.ClientNone)
	}
	if a.SystemUserAllowed && a.SystemUserID == "" {
		return invalid("name the System User that the application may act as")
	}
	if a.SecretHash != "" {
		sum, err := base64.StdEncoding.Strict().DecodeString(a.SecretHash)
		if err != nil || len(sum) != sha256.Size || strings.ContainsAny(a.SecretHash, "\r\n") { // which the decoder passes over
			return invalid("application secret hash: use base64 of the SHA-256 of the secret, 44 characters: " +
				"printf %%s SECRET | openssl dgst -sha256 -binary | base64")
		}
	}
	return nil
}

func validateURIs(a *tandem.TrustedApp) error {
	for what, uris := range map[string][]string{"redirect URI": a.RedirectURIs, "post-logout redirect URI": a.PostLogoutRedirectURIs} {
		if len(uris) > MaxURIs {
			return invalid("%ss: at most %d", what, MaxURIs)
		}
		for _, u := range uris {
			if err := validateRedirectURI(a.ClientType, what, u); err != nil {
				return err
			}
		}
	}
	if a.BackchannelLogoutURI != "" {
		if err := validateURI("back-channel logout URI", a.BackchannelLogoutURI); err != nil {
			return err
		}
	}
	if a.DevicesURI == "" {
		return nil
	}
	page, _, _ := strings.Cut(a.DevicesURI, "#") // an app of one page has its places behind it
	if len(a.DevicesURI) > MaxURI || !fragmentSyntax.MatchString(a.DevicesURI[len(page):]) {
		return invalid("devices URI %q: use an absolute URL of at most %d bytes", tandem.Clip(a.DevicesURI, shown), MaxURI)
	}
	return validateURI("devices URI", page)
}

// fragmentSyntax is RFC 3986 section 3.5, or nothing.
var fragmentSyntax = regexp.MustCompile(`^(#[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?$`)

// privateUse is a URI with a scheme of an application's own, after a domain name
// of its maker read backwards, and a path (RFC 8252 section 7.1).
var privateUse = regexp.MustCompile(`^[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+:/([A-Za-z0-9._~!$&'()*+;=:@%?-][A-Za-z0-9._~!$&'()*+;=:@%/?-]*)?$`)

// validateRedirectURI admits, beside the usual ones, private-use schemes for
// public applications: whoever else claims the scheme on a device gets a code that
// another asked for, and can do nothing with it without the PKCE verifier. A program that
// begins the flow itself has a verifier of its own, and is taken for the application (RFC
// 8252 section 8.6); docs/operations.md names the risk.
func validateRedirectURI(t tandem.ClientType, what, text string) error {
	scheme, _, _ := strings.Cut(text, ":")
	if !strings.Contains(scheme, ".") || strings.ContainsAny(scheme, "/?#") {
		return validateURI(what, text)
	}
	_, err := url.Parse(text)
	switch {
	case err != nil || len(text) > MaxURI || strings.Contains(text, "*") || !privateUse.MatchString(text):
		return invalid("%s %q: use a scheme of your own in small letters with a path, such as com.acme.field:/callback", what, tandem.Clip(text, shown))
	case t != tandem.ClientPublic:
		return invalid("%s %q: a scheme of its own is for public applications, on the person's device; use https", what, tandem.Clip(text, shown))
	}
	return nil
}

// validateURI admits what can be matched byte for byte and cannot be read by
// somebody in between (RFC 9700 section 2.1, RFC 8252 section 7.3).
func validateURI(what, text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Opaque != "" || u.Host == "" || len(text) > MaxURI:
		return invalid("%s %q: use an absolute URL of at most %d bytes", what, tandem.Clip(text, shown), MaxURI)
	case strings.ContainsAny(text, "*, \\\"<>") || tandem.HasControl(text) || strings.ContainsFunc(text, func(r rune) bool { return r > '~' }):
		return invalid("%s %q: no wildcards, commas, spaces or characters outside ASCII", what, tandem.Clip(text, shown))
	case strings.Contains(text, "#"):
		return invalid("%s %q: no fragment", what, tandem.Clip(text, shown))
	case u.User != nil:
		return invalid("%s %q: no user in a URL", what, tandem.Clip(text, shown))
	case !hostSyntax.MatchString(u.Hostname()):
		return invalid("%s %q: use a host of letters, digits, dots and hyphens, or an address", what, tandem.Clip(text, shown))
	case u.Scheme == "https":
		return nil
	case u.Scheme == "http" && netaddr.IsLoopback(u.Hostname()):
		return nil
	}
	return invalid("%s %q: use https, or http on localhost, 127.0.0.1 or [::1]", what, tandem.Clip(text, shown))
}

// validateScopes takes what records of ERP.net have, too: protocol scopes need no
// configuration, so that in a record they mean nothing, as does the obsolete
// DomainApi.
func validateScopes(a *tandem.TrustedApp) error {
	for _, word := range a.Scope {
		if word != tandem.ScopeRead && word != tandem.ScopeUpdate && !meansNothing(word) && !validResourceScope(word) {
			return invalid("scope %q: an application can have %s and %s, and scopes of registered resources; %s and its like need no configuration",
				tandem.Clip(word, shown), tandem.ScopeRead, tandem.ScopeUpdate, tandem.ScopeOpenID)
		}
	}
	if i := slices.IndexFunc(a.ServiceScope, tandem.IsResourceScope); i >= 0 {
		return invalid("service scope %q: scopes of resources belong to people; a back end never has one", tandem.Clip(a.ServiceScope[i], shown))
	}
	if !within(a.UserScope, a.Scope) {
		return invalid("user scope %q: it must be within the application's scope %q", tandem.Clip(a.UserScope.String(), shown), a.Scope)
	}
	if !within(a.ServiceScope, a.Scope) {
		return invalid("service scope %q: it must be within the application's scope %q", tandem.Clip(a.ServiceScope.String(), shown), a.Scope)
	}
	return nil
}

// within is [tandem.Scope.Within] without the words that mean nothing.
func within(narrow, limit tandem.Scope) bool {
	return !slices.ContainsFunc(narrow, func(word string) bool { return !meansNothing(word) && !limit.Has(word) })
}

// meansNothing reports whether the word may stand in the record of an application
// and gives it nothing.
func meansNothing(word string) bool {
	return tandem.IsProtocolScope(word) || word == tandem.ScopeDomainAPI
}
