package findings

import (
	"slices"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/permission"
)

// Tokens are the rules about reference tokens.
var Tokens = []Rule{
	{ID: "TOK-01", Severity: Medium, Title: "A reference token is not used",
		Why: "What nobody needs only helps who should not be there.", Needs: Tokened, Check: tok01},
	{ID: "TOK-02", Severity: High, Title: "A reference token lives for longer than a year",
		Why: "Whoever copied it once has it for ever.", Needs: Tokened, Check: tok02},
	{ID: "TOK-03", Severity: Medium, Title: "A reference token may write, and never did",
		Why: "It can do more than its work needs.", Needs: Tokened, Check: tok03},
	{ID: "TOK-04", Severity: Medium, Title: "A reference token acts as an administrator",
		Why: "A program has the rights of whoever decides about rights.", Needs: Tokened, Check: tok04},
	{ID: "TOK-05", Severity: High, Title: "A reference token is used from many places",
		Why: "A copy of it may be in other hands.", Needs: Tokened, Check: tok05},
	{ID: "TOK-07", Severity: Low, Title: "A reference token is listed that would be refused today",
		Why: "What is left over hides what matters.", Needs: Tokened, Check: tok07},
}

// MostReferences is how many live reference tokens are looked at, the newest first.
const MostReferences = 20_000

// Reference is a live reference token, with the account that it acts as.
type Reference struct {
	tandem.ReferenceToken
	Account tandem.User
	// Networks are those that it was used from within a day.
	Networks []string
}

// finding is one about the token. Its name says whose it is, as its text is nowhere.
func (t *Reference) finding(evidence ...Evidence) Finding {
	x := Finding{
		Kind: "reference_token", ID: t.ID, Name: t.Account.Login + " at " + t.ApplicationURI, Application: t.ApplicationURI, Since: t.CreatedAt,
		Evidence: append([]Evidence{{"token", t.ID}, {"kind", string(t.Kind)}}, evidence...), Mend: []string{"tandem token revoke " + t.ID},
	}
	if t.Name != "" {
		x.Evidence = append(x.Evidence, Evidence{"made for", t.Name})
	}
	return x
}

// each is a finding for each of the tokens that it is one for.
func (f *Facts) eachReference(is func(t *Reference) *Finding) (all []Finding) {
	for i := range f.References {
		if x := is(&f.References[i]); x != nil {
			all = append(all, *x)
		}
	}
	return all
}

func tok01(f *Facts) []Finding {
	before := f.Now.Add(-inDays(f.Limits.TokenUnusedDays))
	return f.eachReference(func(t *Reference) *Finding {
		if !t.CreatedAt.Before(before) || !t.LastUsedAt.Before(before) {
			return nil
		}
		x := t.finding(Evidence{"last used", t.LastUsedAt})
		if !t.LastUsedAt.IsZero() {
			x.Since = t.LastUsedAt
		}
		return &x
	})
}

func tok02(f *Facts) []Finding {
	return f.eachReference(func(t *Reference) *Finding {
		if t.ExpiresAt.Sub(t.CreatedAt) <= tandem.MaxReferenceLife {
			return nil
		}
		x := t.finding(Evidence{"expires", t.ExpiresAt})
		x.Mend = []string{"tandem token roll " + t.ID + " --expires 90d --overlap 24h"}
		return &x
	})
}

// tok03 says nothing of tokens that are new, nor of those that are not used at all.
func tok03(f *Facts) []Finding {
	before := f.Now.Add(-inDays(f.Limits.TokenUnusedDays))
	return f.eachReference(func(t *Reference) *Finding {
		if !t.Scope.Has(tandem.ScopeUpdate) || !t.LastWrittenAt.IsZero() || t.LastUsedAt.IsZero() || !t.CreatedAt.Before(before) {
			return nil
		}
		x := t.finding(Evidence{"scope", t.Scope.String()}, Evidence{"calls", t.Calls}, Evidence{"last write", t.LastWrittenAt})
		whose := "--kind sat"
		if t.Kind == tandem.ReferencePAT {
			whose = "--user " + permission.Quoted(t.Account.Login)
		}
		x.Mend = append([]string{"tandem token create " + whose + " --application " + permission.Quoted(t.ApplicationURI) + " --scope read --expires 90d"}, x.Mend...)
		return &x
	})
}

func tok04(f *Facts) []Finding {
	return f.eachReference(func(t *Reference) *Finding {
		if t.Kind != tandem.ReferencePAT || !t.Account.Admin {
			return nil
		}
		x := t.finding(Evidence{"last used", t.LastUsedAt}, Evidence{"scope", t.Scope.String()})
		return &x
	})
}

func tok05(f *Facts) []Finding {
	return f.eachReference(func(t *Reference) *Finding {
		if len(t.Networks) < f.Limits.Networks {
			return nil
		}
		x := t.finding(Evidence{"networks of a day", slices.Sorted(slices.Values(t.Networks))}, Evidence{"last from", t.LastUsedFrom})
		x.Since = f.Now.Add(-24 * time.Hour)
		return &x
	})
}

func tok07(f *Facts) []Finding {
	return f.eachReference(func(t *Reference) *Finding {
		why := f.refused(t)
		if why == "" {
			return nil
		}
		x := t.finding(Evidence{"refused because", why})
		return &x
	})
}

// refused says why a token would be refused today; empty where it would not.
func (f *Facts) refused(t *Reference) string {
	a, u := f.byURI(t.ApplicationURI), &t.Account
	switch {
	case a == nil || a.ID != t.ApplicationID:
		return "its application is gone"
	case !a.Enabled:
		return "its application is disabled"
	case !u.Enabled:
		return "its account is disabled"
	case a.AccessTokens == tandem.AccessTokensNone || a.AccessTokens == "":
		return "its application admits no reference tokens"
	case !t.Scope.Within(a.FlowScope(t.Kind.Flow())):
		return "its application may not have the scope any more"
	case t.Kind == tandem.ReferenceSAT && (!a.SystemUserAllowed || a.SystemUserID != u.ID):
		return "its application acts as another System User, or as none"
	case t.Kind == tandem.ReferencePAT && u.Type != tandem.InternalUser:
		return "its account is no internal user's"
	case t.Kind == tandem.ReferencePAT && a.AccessTokens == tandem.AccessTokensAdministratorsOnly && !u.Admin:
		return "its application admits tokens of administrators only"
	}
	return ""
}
