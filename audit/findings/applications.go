package findings

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/publicsuffix"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/permission"
)

// Applications are the rules about registrations, as they are.
var Applications = []Rule{
	{ID: "APP-01", Severity: High, Title: "One classic secret is good for both halves",
		Why: "Whoever has it is front end and back end at once: nothing keeps the halves apart.", Check: app01},
	{ID: "APP-02", Severity: High, Title: "Legacy Basic authentication is allowed",
		Why: "A person's name and password go through the application.", Check: app02},
	{ID: "APP-09", Severity: Low, Title: "Nobody owns the application",
		Why: "When it does something odd there is nobody to ask.", Check: app09},
	{ID: "APP-10", Severity: Medium, Title: "A redirect goes to http or to the person's own machine",
		Why: "Whoever listens there, or between, gets the code of a person who signs in.", Needs: Running, Check: app10},
	{ID: "APP-12", Severity: Medium, Title: "Two applications have the same redirect URI",
		Why: "A code that is meant for one arrives at the other.", Check: app12},
	{ID: "APP-13", Severity: Low, Title: "People sign in, and there is no place to return to when they sign out",
		Why: "They end on a page of the identity server, and think that they are still signed in.", Check: app13},
	{ID: "APP-14", Severity: Low, Title: "The application has refresh tokens and does not hear of a sign-out",
		Why: "It goes on working for somebody who has left.", Needs: Used, Check: app14},
	{ID: "APP-15", Severity: Medium, Title: "Only people from outside may sign in",
		Why: "No employee sees what the outside sees, and so nobody looks after it.", Check: app15},
	{ID: "APP-16", Severity: Medium, Title: "People are not asked, and are sent to a host of another domain",
		Why: "What an application of others gets is decided for people, and not by them.", Needs: Running, Check: app16},
	{ID: "APP-18", Severity: Low, Title: "Reference tokens are allowed and nobody makes or uses one",
		Why: "What nobody needs only helps who should not be there.", Needs: Tokened, Check: app18},
	{ID: "APP-19", Severity: Low, Title: "A registration that nothing can be done with for long",
		Why: "What is left over hides what matters.", Check: app19},
	{ID: "APP-25", Severity: Medium, Title: "The application does not take what it is told of sign-outs",
		Why: "It goes on working for somebody who has left, although it is meant to stop.", Check: app25},
}

// enabled are the applications that are switched on.
func (f *Facts) enabled(yield func(*App) bool) {
	for i := range f.Apps {
		if a := &f.Apps[i]; a.Enabled && !yield(a) {
			return
		}
	}
}

// people reports whether people sign in through the application.
func (a *App) people() bool { return a.InternalUsers || a.ExternalUsers }

// halves are the flows of the application.
func (a *App) halves() (flows []tandem.Flow) {
	if a.people() {
		flows = append(flows, tandem.FlowUser)
	}
	if a.SystemUserAllowed {
		flows = append(flows, tandem.FlowService)
	}
	return flows
}

// addSecret is the command that makes a secret for a half.
func (a *App) addSecret(flow tandem.Flow) string {
	return fmt.Sprintf("tandem app credential add %s --flow %s --expires 90d", permission.Quoted(a.ApplicationURI), flow)
}

func app01(f *Facts) (all []Finding) {
	for a := range f.enabled {
		if a.SecretHash == "" {
			continue
		}
		x := a.finding()
		var halves []string
		for _, flow := range a.halves() {
			halves = append(halves, string(flow))
			x.Mend = append(x.Mend, a.addSecret(flow))
		}
		x.Evidence = []Evidence{{"good for", halves}}
		x.Mend = append(x.Mend, a.update(`--secret-hash ""`))
		all = append(all, x)
	}
	return all
}

func app02(f *Facts) (all []Finding) {
	for a := range f.enabled {
		if a.BasicAuthentication {
			x := a.finding(Evidence{"allowed", true})
			x.Mend = []string{a.update("--no-basic")}
			all = append(all, x)
		}
	}
	return all
}

func app09(f *Facts) (all []Finding) {
	for a := range f.enabled {
		owner := "nobody"
		switch standing := f.Makers[a.Owner]; {
		case a.Owner == "":
		case standing == Disabled:
			owner = a.Owner + ", who is disabled"
		case standing == Gone && !strings.Contains(a.Owner, "@"):
			owner = a.Owner + ", who has no account"
		default:
			continue
		}
		x := a.finding(Evidence{"owner", owner})
		x.Mend = []string{a.update("--owner OWNER")}
		all = append(all, x)
	}
	return all
}

// without is the command that leaves an application all its redirect URIs but some.
func (a *App) without(gone []string) string {
	var flags []string
	for _, uri := range a.RedirectURIs {
		if !slices.Contains(gone, uri) {
			flags = append(flags, "--redirect "+permission.Quoted(uri))
		}
	}
	if len(flags) == 0 {
		flags = []string{"--redirect URI"}
	}
	return a.update(strings.Join(flags, " "))
}

func app10(f *Facts) (all []Finding) {
	if f.Setting.Loopback() {
		return nil // people and applications are on this machine
	}
	for a := range f.enabled {
		var bad []string
		for _, uri := range a.RedirectURIs {
			if strings.HasPrefix(uri, "http:") || loopback(uri) {
				bad = append(bad, uri)
			}
		}
		if a.ClientType != tandem.ClientConfidential || len(bad) == 0 {
			continue // a native application listens on the person's machine
		}
		x := a.finding(Evidence{"redirect URIs", bad})
		x.Mend = []string{a.without(bad)}
		all = append(all, x)
	}
	return all
}

func app12(f *Facts) (all []Finding) {
	first := map[string]*App{}
	for a := range f.enabled {
		var shared, with []string
		for _, uri := range a.RedirectURIs {
			if a.ClientType == tandem.ClientPublic && loopback(uri) {
				continue // each device is another
			}
			if other := first[uri]; other != nil {
				shared, with = append(shared, uri), append(with, other.ApplicationURI)
				continue
			}
			first[uri] = a
		}
		if len(shared) == 0 {
			continue
		}
		x := a.finding(Evidence{"redirect URIs", shared}, Evidence{"also of", slices.Compact(with)})
		x.Mend = []string{a.without(shared)}
		all = append(all, x)
	}
	return all
}

func app13(f *Facts) (all []Finding) {
	for a := range f.enabled {
		if a.people() && a.ClientType == tandem.ClientConfidential && len(a.PostLogoutRedirectURIs) == 0 {
			x := a.finding(Evidence{"post-logout URIs", "none"})
			x.Mend = []string{a.update("--post-logout URI")}
			all = append(all, x)
		}
	}
	return all
}

// app14 leaves out applications on people's own devices, where nobody listens.
func app14(f *Facts) (all []Finding) {
	for a := range f.enabled {
		n := f.Families[a.ApplicationURI]
		if n == 0 || a.BackchannelLogoutURI != "" || a.ClientType == tandem.ClientPublic {
			continue
		}
		x := a.finding(Evidence{"refresh tokens", n})
		x.Mend = []string{a.update("--backchannel-logout URL")}
		all = append(all, x)
	}
	return all
}

func app15(f *Facts) (all []Finding) {
	for a := range f.enabled {
		if a.ExternalUsers && !a.InternalUsers {
			x := a.finding(Evidence{"may sign in", "external users alone"})
			x.Mend = []string{a.update("--internal")}
			all = append(all, x)
		}
	}
	return all
}

func app16(f *Facts) (all []Finding) {
	if f.Setting.URL() == "" || f.Setting.Loopback() {
		return nil // nobody knows what others are, or people and applications are on this machine
	}
	own := domain(f.Setting.URL())
	for a := range f.enabled {
		var hosts []string
		for _, uri := range a.RedirectURIs {
			u, err := url.Parse(uri)
			if err != nil || u.Host == "" || loopback(uri) || domain(uri) == own || slices.Contains(hosts, u.Hostname()) {
				continue
			}
			hosts = append(hosts, u.Hostname())
		}
		if !a.FirstParty || !a.people() || len(hosts) == 0 {
			continue
		}
		x := a.finding(Evidence{"hosts", hosts}, Evidence{"the instance is of", own})
		x.Mend = []string{a.update("--no-first-party")}
		all = append(all, x)
	}
	return all
}

// domain is what somebody registered of the host of a URL: example.com of
// erp.example.com; an address, or a name of this network, is its own.
func domain(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	host := strings.ToLower(u.Hostname())
	if name, err := publicsuffix.EffectiveTLDPlusOne(host); err == nil && !strings.Contains(host, ":") && net.ParseIP(host) == nil {
		return name
	}
	return host
}

func app25(f *Facts) (all []Finding) {
	for a := range f.enabled {
		u, there := f.Untold[a.ID]
		if !there || a.BackchannelLogoutURI == "" || a.ChangedAt.After(u.Tried) { // perhaps mended
			continue
		}
		x := a.finding(Evidence{"sign-outs", u.SignOuts}, Evidence{"answer", u.Error})
		x.Since = u.Since
		x.Mend = []string{a.update("--backchannel-logout URL")}
		all = append(all, x)
	}
	return all
}

func app18(f *Facts) (all []Finding) {
	since := f.Now.Add(-inDays(f.Limits.ApplicationUnusedDays))
	for a := range f.enabled {
		if a.AccessTokens == tandem.AccessTokensNone || f.Referred[a.ID].After(since) || a.ChangedAt.After(since) {
			continue
		}
		x := a.finding(Evidence{"allowed for", string(a.AccessTokens)}, Evidence{"made or used for " + days(f.Now.Sub(since)), "none"})
		x.Mend = []string{a.update("--access-tokens none")}
		all = append(all, x)
	}
	return all
}

func app19(f *Facts) (all []Finding) {
	for i := range f.Apps {
		a := &f.Apps[i]
		idle := f.Now.Sub(a.ChangedAt)
		if idle < inDays(f.Limits.ApplicationIdleDays) || a.Enabled && a.ClientType != tandem.ClientNone {
			continue
		}
		why := "disabled"
		if a.Enabled {
			why = "of a type that cannot authenticate"
		}
		x := a.finding(Evidence{"it is", why}, Evidence{"for", whole(idle)})
		x.Since = a.ChangedAt
		x.Mend = []string{"tandem app delete " + permission.Quoted(a.ApplicationURI)}
		all = append(all, x)
	}
	return all
}

// whole are days that are over.
func whole(d time.Duration) string { return days(d.Truncate(day)) }
