package federation

import (
	"regexp"
	"slices"
	"strings"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internal/netaddr"
)

// shown is how much of a wrong value is repeated in a message, in bytes.
const shown = 80

func invalid(format string, args ...any) error {
	return tandem.Errorf(tandem.CodeInvalid, format, args...)
}

var (
	idSyntax     = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)
	claimSyntax  = regexp.MustCompile(`^[A-Za-z0-9_:/.#-]{1,128}$`)
	scopeSyntax  = regexp.MustCompile(`^[\x21\x23-\x5B\x5D-\x7E]{1,128}$`)
	domainSyntax = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$`)
)

// complete fills in what has a default, and checks everything.
func complete(p *Provider) error {
	p.Name = strings.TrimSpace(p.Name)
	if len(p.Scope) == 0 {
		p.Scope = tandem.Scope{tandem.ScopeOpenID, tandem.ScopeProfile, tandem.ScopeEmail}
	}
	if !p.Scope.Has(tandem.ScopeOpenID) {
		p.Scope = append(tandem.Scope{tandem.ScopeOpenID}, p.Scope...)
	}
	for i, d := range p.Domains {
		p.Domains[i] = strings.ToLower(d)
	}
	switch {
	case !idSyntax.MatchString(p.ID) || p.ID == Local:
		return invalid("id %q: use 1 to 32 small letters, digits and -, such as google, and not %s", tandem.Clip(p.ID, shown), Local)
	case p.Name == "" || len(p.Name) > maxName || tandem.HasControl(p.Name):
		return invalid("name: use what people know the provider by, at most %d bytes of printable text", maxName)
	case p.ClientID == "" || len(p.ClientID) > tandem.MaxApplicationURI || tandem.HasControl(p.ClientID):
		return invalid("client id: use the one that the provider gave, at most %d bytes", tandem.MaxApplicationURI)
	case !p.Internal && !p.External:
		return invalid("say whom %s may sign in: internal or external users, or both", p.ID)
	}
	if err := checkIssuer(p.Issuer); err != nil {
		return err
	}
	if err := checkWords("scope", p.Scope, scopeSyntax); err != nil {
		return err
	}
	return checkPeople(p)
}

// checkIssuer takes what a discovery document can be found for.
func checkIssuer(issuer string) error {
	u, err := netaddr.SecureURL(issuer)
	switch {
	case err != nil:
		return invalid("issuer: %v", err)
	case u.RawQuery != "" || u.ForceQuery || len(issuer) > maxURL:
		return invalid("issuer: use the issuer identifier of the provider's discovery document, without a query")
	case strings.HasSuffix(u.Path, "/.well-known/openid-configuration"):
		return invalid("issuer: leave out /.well-known/openid-configuration")
	}
	return nil
}

// checkPeople checks by what somebody is found.
func checkPeople(p *Provider) error {
	switch {
	case p.TenantClaim != "" && !claimSyntax.MatchString(p.TenantClaim):
		return invalid("tenant claim %q: use the name of a claim, such as tid", tandem.Clip(p.TenantClaim, shown))
	case len(p.Tenants) > 0 && p.TenantClaim == "":
		return invalid("the tenants are in no claim: name it, such as --tenant-claim tid")
	case p.ByEmail && len(p.Domains) == 0:
		return invalid("say of which domains the provider may vouch for addresses: --domain example.com, or --domain '*' for all")
	case p.ByEmail && !p.Scope.Has(tandem.ScopeEmail):
		return invalid("to link by verified e-mail address the provider has to be asked for it: add email to --scope")
	}
	if err := checkWords("tenant", p.Tenants, scopeSyntax); err != nil {
		return err
	}
	return checkWords("domain", slices.DeleteFunc(slices.Clone(p.Domains), func(d string) bool { return d == "*" }), domainSyntax)
}

// checkWords checks a list, which has each word once.
func checkWords(what string, words []string, syntax *regexp.Regexp) error {
	if len(words) > maxList {
		return invalid("%s: use at most %d", what, maxList)
	}
	seen := map[string]bool{}
	for _, w := range words {
		if !syntax.MatchString(w) || seen[w] {
			return invalid("%s %q: it is given twice, or is none", what, tandem.Clip(w, shown))
		}
		seen[w] = true
	}
	return nil
}
