package findings

import (
	"cmp"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/permission"
)

// Credentials are the rules about what the halves of applications prove themselves with.
var Credentials = []Rule{
	{ID: "CRED-01", Severity: Medium, Title: "A secret has no expiry",
		Why: "Whoever copied it once has it for ever.", Check: cred01},
	{ID: "CRED-02", Severity: Medium, Title: "A credential expires and has no successor",
		Why: "The half stops on that day.", Check: cred02},
	{ID: "CRED-03", Severity: Medium, Title: "A credential was never used",
		Why: "What nobody needs only helps who should not be there.", Check: cred03},
	{ID: "CRED-04", Severity: Medium, Title: "A credential is not used any more, while another is",
		Why: "It was replaced, and is still good.", Check: cred04},
	{ID: "CRED-05", Severity: Medium, Title: "A half has more credentials than it needs",
		Why: "A rotation was begun and not ended: the old one is as good as the new one.", Check: cred05},
	{ID: "CRED-06", Severity: High, Title: "One credential is used from many places",
		Why: "A copy of it may be in other hands.", Needs: Places, Check: cred06},
	{ID: "CRED-07", Severity: High, Title: "One public key is registered twice",
		Why: "Whoever has the private key is both.", Check: cred07},
	{ID: "CRED-08", Severity: Low, Title: "A back end proves itself by a secret, where it could by a key",
		Why: "A secret travels with each request; a private key never leaves the back end.", Check: cred08},
	{ID: "CRED-09", Severity: Low, Title: "A credential was made by somebody who has left",
		Why: "They may still know it.", Check: cred09},
	{ID: "CRED-10", Severity: Medium, Title: "A half is enabled and has no credential",
		Why: "It cannot work; whoever sees it fail may give it the other half's.", Check: cred10},
}

// live are the credentials of enabled applications that are good now.
func (f *Facts) live() iter.Seq2[*App, *tandem.Credential] {
	return func(yield func(*App, *tandem.Credential) bool) {
		for a := range f.enabled {
			for i := range a.Credentials {
				if c := &a.Credentials[i]; c.UsableAt(f.Now) && !yield(a, c) {
					return
				}
			}
		}
	}
}

// of are the credentials of a half that are good now, the oldest first.
func (f *Facts) of(a *App, flow tandem.Flow) (live []*tandem.Credential) {
	for i := range a.Credentials {
		if c := &a.Credentials[i]; c.Flow == flow && c.UsableAt(f.Now) {
			live = append(live, c)
		}
	}
	slices.SortStableFunc(live, func(a, b *tandem.Credential) int { return a.CreatedAt.Compare(b.CreatedAt) })
	return live
}

// credential begins a finding about a credential.
func (a *App) credential(c *tandem.Credential, evidence ...Evidence) Finding {
	return Finding{
		Kind: "credential", ID: c.ID, Name: a.ApplicationURI + " " + cmp.Or(c.Name, c.ID[:min(8, len(c.ID))]), Application: a.ApplicationURI, Since: c.CreatedAt,
		Evidence: append([]Evidence{{"half", string(c.Flow)}, {"kind", string(c.Kind)}}, evidence...),
	}
}

// revoke is the command that ends a credential.
func (a *App) revoke(c *tandem.Credential) string {
	return fmt.Sprintf("tandem app credential revoke %s %s", permission.Quoted(a.ApplicationURI), c.ID)
}

func cred01(f *Facts) (all []Finding) {
	for a, c := range f.live() {
		if c.Kind != tandem.CredentialSecret || !c.ExpiresAt.IsZero() {
			continue
		}
		age := f.Now.Sub(c.CreatedAt)
		x := a.credential(c, Evidence{"age", whole(age)}, Evidence{"last used", c.LastUsedAt})
		if age > inDays(f.Limits.SecretAgeDays) {
			x.Severity = High
		}
		x.Mend = []string{a.addSecret(c.Flow), a.revoke(c)}
		all = append(all, x)
	}
	return all
}

func cred02(f *Facts) (all []Finding) {
	warn := f.Now.Add(inDays(f.Limits.ExpiryWarnDays))
	for a, c := range f.live() {
		succeeded := slices.ContainsFunc(a.Credentials, func(o tandem.Credential) bool {
			return o.Flow == c.Flow && !o.Revoked() && (o.ExpiresAt.IsZero() || o.ExpiresAt.After(warn)) && o.NotBefore.Before(c.ExpiresAt)
		})
		if c.ExpiresAt.IsZero() || c.ExpiresAt.After(warn) || succeeded {
			continue
		}
		x := a.credential(c, Evidence{"expires", c.ExpiresAt}, Evidence{"left", days(c.ExpiresAt.Sub(f.Now))}, Evidence{"last used", c.LastUsedAt})
		if c.ExpiresAt.Sub(f.Now) <= inDays(f.Limits.ExpiryHighDays) {
			x.Severity = High
		}
		x.Mend = []string{a.renew(c)}
		all = append(all, x)
	}
	return all
}

// renew is the command that makes another credential of the kind.
func (a *App) renew(c *tandem.Credential) string {
	if c.Kind == tandem.CredentialPublicKey {
		return a.addKey(c.Flow)
	}
	return a.addSecret(c.Flow)
}

func cred03(f *Facts) (all []Finding) {
	for a, c := range f.live() {
		age := f.Now.Sub(c.CreatedAt)
		if !c.LastUsedAt.IsZero() || age < inDays(f.Limits.CredentialNewDays) {
			continue
		}
		x := a.credential(c, Evidence{"age", whole(age)}, Evidence{"last used", c.LastUsedAt})
		x.Mend = []string{a.revoke(c)}
		all = append(all, x)
	}
	return all
}

func cred04(f *Facts) (all []Finding) {
	unused := inDays(f.Limits.CredentialUnusedDays)
	for a, c := range f.live() {
		if c.LastUsedAt.IsZero() || f.Now.Sub(c.LastUsedAt) < unused {
			continue
		}
		for _, other := range f.of(a, c.Flow) {
			if f.Now.Sub(other.LastUsedAt) >= unused {
				continue
			}
			x := a.credential(c, Evidence{"last used", c.LastUsedAt}, Evidence{"from", c.LastUsedFrom}, Evidence{"the other", other.ID}, Evidence{"the other's last use", other.LastUsedAt})
			x.Since = c.LastUsedAt
			x.Mend = []string{a.revoke(c)}
			all = append(all, x)
			break
		}
	}
	return all
}

func cred05(f *Facts) (all []Finding) {
	rotation := inDays(f.Limits.RotationDays)
	for a := range f.enabled {
		for _, flow := range []tandem.Flow{tandem.FlowUser, tandem.FlowService} {
			live := f.of(a, flow)
			// Those that are too many, and the older of two that were both used long after
			// the newer came.
			end := live[:max(0, len(live)-f.Limits.CredentialsOfAFlow)]
			if n := len(live); len(end) == 0 && n >= 2 {
				older, newer := live[n-2], live[n-1]
				if !newer.LastUsedAt.IsZero() && older.LastUsedAt.Sub(newer.CreatedAt) > rotation {
					end = live[n-2 : n-1]
				}
			}
			if len(end) == 0 {
				continue
			}
			x := a.finding(Evidence{"half", string(flow)})
			x.ID += "/" + string(flow)
			for _, c := range live {
				x.Evidence = append(x.Evidence, Evidence{c.ID, "made " + c.CreatedAt.UTC().Format(time.DateOnly) + ", last used " + lastUse(c)})
			}
			for _, c := range end {
				x.Mend = append(x.Mend, a.revoke(c))
			}
			all = append(all, x)
		}
	}
	return all
}

func lastUse(c *tandem.Credential) string {
	if c.LastUsedAt.IsZero() {
		return "never"
	}
	return c.LastUsedAt.UTC().Format(time.DateOnly)
}

func cred06(f *Facts) (all []Finding) {
	for a, c := range f.live() {
		networks := f.Places[c.ID]
		instances := 1
		if c.Flow == tandem.FlowService { // replicas of a back end name themselves
			instances = f.Instances[a.ApplicationURI]
		}
		if len(networks) < f.Limits.Networks || instances >= len(networks) {
			continue
		}
		x := a.credential(c, Evidence{"networks within 24 hours", networks}, Evidence{"service instances", instances})
		x.Since = time.Time{}
		x.Mend = []string{a.roll(c)}
		all = append(all, x)
	}
	return all
}

// roll is the command that puts another credential in the place of one, at once.
func (a *App) roll(c *tandem.Credential) string {
	command := fmt.Sprintf("tandem app credential roll %s %s --overlap 0", permission.Quoted(a.ApplicationURI), c.ID)
	if c.Kind == tandem.CredentialPublicKey {
		command += " --public-key FILE"
	}
	return command
}

// sameKey is what tells a public key from others, whatever its id: the members that
// RFC 7638 takes its thumbprint of.
func sameKey(jwk []byte) string {
	var k struct{ Kty, Crv, X, Y, N, E string }
	if err := json.Unmarshal(jwk, &k); err != nil || k.Kty == "" {
		return ""
	}
	return k.Kty + "|" + k.Crv + "|" + k.X + "|" + k.Y + "|" + k.N + "|" + k.E
}

// addKey is the command that registers a key for a half.
func (a *App) addKey(flow tandem.Flow) string {
	return fmt.Sprintf("tandem app credential add %s --flow %s --public-key FILE", permission.Quoted(a.ApplicationURI), flow)
}

func cred07(f *Facts) (all []Finding) {
	type place struct {
		app *App
		c   *tandem.Credential
	}
	first := map[string]place{}
	for a, c := range f.live() {
		key := sameKey(c.PublicKey)
		if key == "" {
			continue
		}
		other, seen := first[key]
		if !seen {
			first[key] = place{a, c}
			continue
		}
		if other.app.ID == a.ID && other.c.Flow == c.Flow {
			continue // twice for one half is once
		}
		x := a.credential(c, Evidence{"also of", other.app.ApplicationURI + ", " + string(other.c.Flow) + " flow, credential " + other.c.ID})
		x.Mend = []string{a.addKey(c.Flow), a.revoke(c)}
		all = append(all, x)
	}
	return all
}

func cred08(f *Facts) (all []Finding) {
	for a := range f.enabled {
		live := f.of(a, tandem.FlowService)
		byKey := slices.ContainsFunc(live, func(c *tandem.Credential) bool { return c.Kind == tandem.CredentialPublicKey })
		if !a.SystemUserAllowed || len(live) == 0 || byKey {
			continue
		}
		x := a.finding(Evidence{"secrets", strconv.Itoa(len(live))}, Evidence{"keys", "none"})
		x.Mend = []string{a.addKey(tandem.FlowService)}
		all = append(all, x)
	}
	return all
}

func cred09(f *Facts) (all []Finding) {
	for a, c := range f.live() {
		standing := f.Makers[c.CreatedBy]
		if !tandem.IsLogin(c.CreatedBy) || standing == Here {
			continue
		}
		which := map[Standing]string{Gone: "has no account any more", Disabled: "is disabled"}[standing]
		x := a.credential(c, Evidence{"made by", c.CreatedBy + ", who " + which})
		x.Mend = []string{a.roll(c)}
		all = append(all, x)
	}
	return all
}

func cred10(f *Facts) (all []Finding) {
	for a := range f.enabled {
		if a.ClientType != tandem.ClientConfidential || a.SecretHash != "" {
			continue
		}
		for _, flow := range a.halves() {
			if len(f.of(a, flow)) > 0 {
				continue
			}
			x := a.finding(Evidence{"half", string(flow)}, Evidence{"credentials that are good", "none"})
			x.ID += "/" + string(flow)
			x.Mend = []string{a.addSecret(flow)}
			all = append(all, x)
		}
	}
	return all
}
