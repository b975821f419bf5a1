package findings

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/permission"
)

// Incidents are the rules about what happened lately.
var Incidents = []Rule{
	{ID: "APP-20", Severity: Low, Title: "The application asks for an obsolete scope",
		Why: "It gives nothing, and whoever wrote this may rely on it.", Needs: Tallied, Check: app20},
	{ID: "APP-21", Severity: Medium, Title: "The application asks again and again for a scope that it may not have",
		Why: "It is configured wrongly, or somebody tries.", Needs: Lately, Check: app21},
	{ID: "APP-22", Severity: High, Title: "A credential of one half was used for the other",
		Why: "The halves are configured the wrong way round, or one has got the other's secret.", Needs: Lately, Check: app22},
	{ID: "APP-23", Severity: High, Title: "A code or a refresh token was used twice",
		Why: "Two had it, and only one was meant to.", Needs: Lately, Check: app23},
	{ID: "APP-24", Severity: High, Title: "Many fail to authenticate as the application",
		Why: "Somebody guesses, or goes on with a secret that was replaced.", Needs: Lately, Check: app24},
	{ID: "SYS-03", Severity: High, Title: "Somebody tried to sign in as a System User",
		Why: "Nobody is meant to know its name, and nobody signs in as it.", Needs: Lately | Rights, Check: sys03},
	{ID: "USR-06", Severity: Medium, Title: "A sign-in worked after many that failed, from a place that is new",
		Why: "The password may have been guessed.", Needs: Lately, Check: usr06},
	{ID: "USR-07", Severity: Medium, Title: "Many sign-ins fail from one network",
		Why: "Somebody tries passwords, of one account or of many.", Needs: Lately, Check: usr07},
	{ID: "TOK-06", Severity: Medium, Title: "Refresh tokens of a person who was not seen for long live on",
		Why: "An application goes on as somebody who may have left.", Needs: Stale, Check: tok06},
	{ID: "LIC-01", Severity: High, Title: "One session of a back end is used from several places",
		Why: "Several back ends share a licence slot, or somebody else has its credential.", Needs: Lately, Check: lic01},
	{ID: "LIC-02", Severity: Medium, Title: "Somebody signs out and goes on with the same token",
		Why: "One licence slot serves more than one at a time.", Needs: Lately, Check: lic02},
	{ID: "LIC-03", Severity: Medium, Title: "The licence was full",
		Why: "Somebody could not work.", Needs: Lately | Slots, Check: lic03},
	{ID: "LIC-04", Severity: Low, Title: "Much of the licence was never used",
		Why: "It may be larger than need be.", Needs: Slots | Tallied, Window: func(*Limits) time.Duration { return 30 * day }, Check: lic04},
	{ID: "LIC-05", Severity: Medium, Title: "Reserved slots were free while others were refused",
		Why: "Who could have worked did not, and nobody needed the slot.", Needs: Lately | Slots, Check: lic05},
}

// byURI finds an application.
func (f *Facts) byURI(uri string) *App {
	at := slices.IndexFunc(f.Apps, func(a App) bool { return a.ApplicationURI == uri })
	if at < 0 {
		return nil
	}
	return &f.Apps[at]
}

// happened is a finding about an application; nil when there is none.
func (f *Facts) happened(h *Happened, key string, evidence ...Evidence) *Finding {
	a := f.byURI(h.Application)
	if a == nil {
		return nil
	}
	x := a.finding(append(evidence, Evidence{"times", h.N}, Evidence{"last", h.Last}, Evidence{"from", h.From})...)
	x.ID, x.Since = x.ID+key, h.First
	return &x
}

func app20(f *Facts) (all []Finding) {
	for i := range f.Apps {
		if n := f.Obsolete[f.Apps[i].ID]; n > 0 {
			all = append(all, f.Apps[i].finding(Evidence{"scope", tandem.ScopeDomainAPI}, Evidence{"times in 30 days", n}))
		}
	}
	return all
}

func app21(f *Facts) (all []Finding) {
	told := map[Half]bool{}
	for _, h := range f.Lately.Outside.list() {
		key := Half{h.Application, h.Flow}
		if h.N < f.Limits.ScopeAskedADay || told[key] {
			continue
		}
		told[key] = true
		if x := f.happened(h, "/"+string(h.Flow), Evidence{"half", string(h.Flow)}, Evidence{"scope", h.Name}); x != nil {
			all = append(all, *x)
		}
	}
	return all
}

func app22(f *Facts) (all []Finding) {
	for _, h := range f.Lately.Crossed.list() {
		x := f.happened(h, "/"+h.Name, Evidence{"credential", h.Name}, Evidence{"used for the half", string(h.Flow)})
		if x == nil {
			continue
		}
		a := f.byURI(h.Application)
		for i := range a.Credentials {
			c := &a.Credentials[i]
			if c.ID != h.Name || !c.UsableAt(f.Now) {
				continue // rolled since
			}
			x.Mend = []string{a.addSecret(c.Flow), fmt.Sprintf("tandem app credential revoke %s %s", permission.Quoted(a.ApplicationURI), c.ID)}
			all = append(all, *x)
		}
	}
	return all
}

func app23(f *Facts) (all []Finding) {
	for _, h := range f.Lately.Replayed.list() {
		login, live := f.LiveSignIns[h.SignInID]
		if !live {
			continue
		}
		if x := f.happened(h, "/"+h.SignInID, Evidence{"what", h.Name}, Evidence{"sign-in", h.SignInID}, Evidence{"person", login}); x != nil {
			x.Mend = []string{"tandem user end-sign-ins " + permission.Quoted(login)}
			all = append(all, *x)
		}
	}
	return all
}

func app24(f *Facts) (all []Finding) {
	told := map[string]bool{}
	for _, h := range f.Lately.Failing.list() {
		a := f.byURI(h.Application)
		if a == nil || !a.Enabled || h.N < f.Limits.FailedAuthentications || len(h.From) < f.Limits.Networks || told[a.ID] || rolled(a).After(h.Last) {
			continue
		}
		told[a.ID] = true
		x := f.happened(h, "", Evidence{"within an hour", true})
		for _, flow := range a.halves() {
			x.Mend = append(x.Mend, a.addSecret(flow))
		}
		all = append(all, *x)
	}
	return all
}

// rolled is when the newest credential was made.
func rolled(a *App) (at time.Time) {
	for i := range a.Credentials {
		if made := a.Credentials[i].CreatedAt; made.After(at) {
			at = made
		}
	}
	return at
}

func sys03(f *Facts) (all []Finding) {
	for _, u := range f.systemUsers() {
		h := f.Lately.Tried[u.Login]
		if h == nil {
			continue
		}
		x := u.finding(Evidence{"times", h.N}, Evidence{"last", h.Last}, Evidence{"from", h.From})
		x.Since = h.First
		all = append(all, x)
	}
	return all
}

func usr06(f *Facts) (all []Finding) {
	for _, h := range f.Lately.Guessed.list() {
		if login, live := f.LiveSignIns[h.SignInID]; !live || login != h.Login || f.KnownPlace[h.SignInID] {
			continue
		}
		all = append(all, Finding{
			Kind: "user", ID: h.Login + "/" + h.SignInID, Name: h.Login, Since: h.First,
			Evidence: []Evidence{{"failed before", h.N}, {"signed in", h.Last}, {"from", h.From}, {"sign-in", h.SignInID}},
			Mend: []string{
				"tandem user end-sign-ins " + permission.Quoted(h.Login), "tandem user set-password " + permission.Quoted(h.Login) + " --password-file FILE",
			},
		})
	}
	return all
}

func usr07(f *Facts) (all []Finding) {
	byNetwork := map[string]*Happened{}
	for _, h := range f.Lately.Networks.list() {
		if f.Now.Sub(h.Last) > day {
			continue
		}
		sum := byNetwork[h.Name]
		if sum == nil {
			sum = &Happened{Name: h.Name, Last: h.Last}
			byNetwork[h.Name] = sum
		}
		sum.N, sum.First = sum.N+h.N, h.First
		sum.From = append(sum.From, h.From...)
	}
	for _, name := range slices.Sorted(maps.Keys(byNetwork)) {
		h := byNetwork[name]
		if h.N < f.Limits.FailedSignIns {
			continue
		}
		slices.Sort(h.From)
		all = append(all, Finding{
			Kind: "network", ID: name, Name: name, Since: h.First,
			Evidence: []Evidence{{"times within a day", h.N}, {"last", h.Last}, {"accounts", some(slices.Compact(h.From))}},
		})
	}
	return all
}

func tok06(f *Facts) (all []Finding) {
	for i := range f.Stale {
		s := &f.Stale[i]
		x := s.finding(Evidence{"last seen", s.At}, Evidence{"refresh tokens", s.Families}, Evidence{"applications", s.Applications})
		for _, application := range s.Applications {
			x.Mend = append(x.Mend, "tandem user withdraw "+permission.Quoted(s.Login)+" "+permission.Quoted(application))
		}
		all = append(all, x)
	}
	return all
}

func lic01(f *Facts) (all []Finding) {
	for _, h := range f.Lately.Shared.list() {
		if x := f.happened(h, "", Evidence{"System User", h.Login}); x != nil {
			all = append(all, *x)
		}
	}
	return all
}

func lic02(f *Facts) (all []Finding) {
	told := map[string]bool{}
	for _, h := range f.Lately.Cycled.list() {
		if h.N < f.Limits.SlotCyclesADay || told[h.SignInID] {
			continue
		}
		told[h.SignInID] = true
		if x := f.happened(h, "/"+h.SignInID, Evidence{"person", h.Login}, Evidence{"sign-in", h.SignInID}); x != nil {
			all = append(all, *x)
		}
	}
	return all
}

func lic03(f *Facts) []Finding {
	n, last, first := 0, time.Time{}, f.Now
	var logins []string
	for _, h := range f.Lately.Full.list() {
		n += h.N
		if h.Login != "" {
			logins = append(logins, h.Login)
		}
		if h.Last.After(last) {
			last = h.Last
		}
		if h.First.Before(first) {
			first = h.First
		}
	}
	if n == 0 {
		return nil
	}
	x := instance("licence full", Evidence{"refused in 7 days", n}, Evidence{"last", last}, Evidence{"refused", some(logins)},
		Evidence{"slots", f.Licence.Slots}, Evidence{"most in use in 7 days", f.Licence.Peak7})
	x.Since = first
	return []Finding{x}
}

func lic04(f *Facts) []Finding {
	l := &f.Licence
	if l.Slots == 0 || l.Peak30*100 > l.Slots*f.Limits.LicenceUsedPercent {
		return nil
	}
	return []Finding{instance("licence size", Evidence{"slots", l.Slots}, Evidence{"most in use in 30 days", l.Peak30})}
}

func lic05(f *Facts) (all []Finding) {
	for _, r := range f.Licence.IdleReserved {
		all = append(all, Finding{
			Kind: "user", ID: r.Login, Name: r.Login, Since: r.At,
			Evidence: []Evidence{{"reserved", r.Slots}, {"of these in use", r.InUse}, {"when others were refused", r.At}},
		})
	}
	return all
}
