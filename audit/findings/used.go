package findings

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/permission"
	"github.com/hybridapps/tandem/usage"
)

// Usage are the rules about what applications use of what they were granted.
var Usage = []Rule{
	{ID: "APP-03", Severity: High, Title: "An application that nobody uses could still be used",
		Why: "Nobody would notice that somebody else has its key.", Needs: Used | Tokened, Window: unused, Check: app03},
	{ID: "APP-04", Severity: Medium, Title: "An application was never used",
		Why: "What nobody needs only helps who should not be there.", Needs: Used | Tokened, Window: unusedNew, Check: app04},
	{ID: "APP-05", Severity: Medium, Title: "A back end may write and does not",
		Why: "It can do more than its work needs.", Needs: Used, Window: unused, Check: app05},
	{ID: "APP-06", Severity: Medium, Title: "A front end may write and does not",
		Why: "Whoever has a person's token can change what the person may change.", Needs: Used, Window: unused, Check: app06},
	{ID: "APP-07", Severity: Medium, Title: "The front end may do as much as the back end, and does less",
		Why: "The half that is easier to attack has what only the other one needs.", Needs: Used, Window: unused, Check: app07},
	{ID: "APP-08", Severity: Low, Title: "A back end reaches entity sets that it does not use",
		Why: "What is not needed only helps who should not be there.", Needs: Used | Rights, Window: unused, Check: app08},
	{ID: "APP-11", Severity: Low, Title: "A redirect URI is not used",
		Why: "The host may have got another owner, who would be sent the codes.", Needs: Used, Window: unusedRedirect, Check: app11},
	{ID: "APP-17", Severity: Low, Title: "The device flow is allowed and not used",
		Why: "People can be talked into a code that somebody else has begun.", Needs: Used, Window: unused, Check: app17},
	{ID: "LIC-06", Severity: Medium, Title: "A back end calls itself otherwise at every start",
		Why: "Each name takes a licence slot of its own.", Needs: Used, Check: lic06},
	{ID: "SYS-04", Severity: Low, Title: "A System User of no application does nothing",
		Why: "What is left over hides what matters.", Needs: Rights | RightUses | Idle, Window: systemIdle, Check: sys04},
	{ID: "SYS-05", Severity: Medium, Title: "Employees are served through the session of a back end",
		Why: "They use no licence of their own, and the rights of the back end.", Needs: Rights | RightUses, Check: pa11},
}

func unused(l *Limits) time.Duration         { return inDays(l.ApplicationUnusedDays) }
func unusedNew(l *Limits) time.Duration      { return inDays(l.ApplicationNewDays) }
func unusedRedirect(l *Limits) time.Duration { return inDays(l.RedirectUnusedDays) }
func systemIdle(l *Limits) time.Duration     { return inDays(l.SystemUserIdleDays) }

// Half is a half of an application, by its id.
type Half struct {
	Application string
	Flow        tandem.Flow
}

// Uses are what halves have used: each thing with its first and its last day, and the calls
// by scope of the last [Limits.ApplicationUnusedDays].
type Uses struct {
	Things map[Half][]Thing
	Calls  map[Half]Calls
}

// Thing is something that a half has used, and the first and the last day.
type Thing struct {
	What        string
	First, Last usage.Day
}

// Calls are calls by the scope that they needed.
type Calls struct{ Reads, Writes int64 }

// last is the last day on which a half has used something that begins so; zero for never.
func (u *Uses) last(h Half, prefix string) (last usage.Day) {
	for _, t := range u.Things[h] {
		if strings.HasPrefix(t.What, prefix) {
			last = max(last, t.Last)
		}
	}
	return last
}

// since is the first of so many days, today included.
func (f *Facts) since(d int) usage.Day { return usage.DayOf(f.Now) - usage.Day(d) + 1 }

// lastUse is the last day on which an application has used anything.
func (f *Facts) lastUse(a *App) usage.Day {
	return max(f.ByApp.last(Half{a.ID, tandem.FlowUser}, ""), f.ByApp.last(Half{a.ID, tandem.FlowService}, ""))
}

// told is a day for people.
func told(d usage.Day) string {
	if d == 0 {
		return "never"
	}
	return d.String()
}

// older reports whether an application is so many days old.
func (f *Facts) older(a *App, d int) bool { return f.Now.Sub(a.CreatedAt) >= inDays(d) }

// holds is what could be used of an application, in words.
func (f *Facts) holds(a *App, references map[string]int) (all []string) {
	for i := range a.Credentials {
		if c := &a.Credentials[i]; c.UsableAt(f.Now) {
			all = append(all, fmt.Sprintf("credential %s (%s)", c.ID, c.Flow))
		}
	}
	if a.SecretHash != "" {
		all = append(all, "the classic secret")
	}
	if n := f.Families[a.ApplicationURI]; n > 0 {
		all = append(all, fmt.Sprintf("%d refresh tokens", n))
	}
	if n := references[a.ID]; n > 0 {
		all = append(all, fmt.Sprintf("%d reference tokens", n))
	}
	return all
}

// references are how many live reference tokens applications have, by id.
func (f *Facts) references() map[string]int {
	n := map[string]int{}
	for i := range f.References {
		n[f.References[i].ApplicationID]++
	}
	return n
}

func app03(f *Facts) (all []Finding) {
	days, references := f.Limits.ApplicationUnusedDays, f.references()
	for a := range f.enabled {
		last, live := f.lastUse(a), f.holds(a, references)
		if last >= f.since(days) || last == 0 && !f.older(a, days) || len(live) == 0 {
			continue
		}
		x := a.finding(Evidence{"last use", told(last)}, Evidence{"still live", live})
		if last > 0 {
			x.Since = last.Start()
		}
		x.Mend = []string{"tandem app disable " + permission.Quoted(a.ApplicationURI)}
		all = append(all, x)
	}
	return all
}

func app04(f *Facts) (all []Finding) {
	references := f.references()
	for a := range f.enabled {
		if f.lastUse(a) > 0 || !f.older(a, f.Limits.ApplicationNewDays) {
			continue
		}
		if f.older(a, f.Limits.ApplicationUnusedDays) && len(f.holds(a, references)) > 0 {
			continue // APP-03 tells of it
		}
		x := a.finding(Evidence{"made", a.CreatedAt})
		x.Since = a.CreatedAt
		x.Mend = []string{"tandem app delete " + permission.Quoted(a.ApplicationURI)}
		all = append(all, x)
	}
	return all
}

// writesNot reports whether a half that is used may write and does not.
func (f *Facts) writesNot(a *App, flow tandem.Flow) bool {
	h, since := Half{a.ID, flow}, f.since(f.Limits.ApplicationUnusedDays)
	return a.FlowScope(flow).Has(tandem.ScopeUpdate) && f.older(a, f.Limits.ApplicationUnusedDays) &&
		f.ByApp.last(h, "") >= since && f.ByApp.last(h, string(usage.Scope)+tandem.ScopeUpdate) < since
}

// narrowed is a finding about a scope that a half does not need.
func (f *Facts) narrowed(a *App, flow tandem.Flow) Finding {
	h := Half{a.ID, flow}
	var rest tandem.Scope
	for _, word := range a.FlowScope(flow) {
		if word != tandem.ScopeUpdate {
			rest = append(rest, word)
		}
	}
	x := a.finding(Evidence{"granted", a.FlowScope(flow).String()}, Evidence{"calls that read", f.ByApp.Calls[h].Reads},
		Evidence{"last write", told(f.ByApp.last(h, string(usage.Scope)+tandem.ScopeUpdate))})
	if len(rest) > 0 { // no scope at all would be that of the application
		x.Mend = []string{a.update(fmt.Sprintf("--%s-scope %s", flow, permission.Quoted(rest.String())))}
	}
	return x
}

func app05(f *Facts) (all []Finding) {
	for a := range f.enabled {
		if a.SystemUserAllowed && f.writesNot(a, tandem.FlowService) {
			all = append(all, f.narrowed(a, tandem.FlowService))
		}
	}
	return all
}

// equal reports whether both halves have the same scope, and the front end uses less of it.
func (f *Facts) equal(a *App) bool {
	user, service := a.FlowScope(tandem.FlowUser), a.FlowScope(tandem.FlowService)
	back := f.ByApp.last(Half{a.ID, tandem.FlowService}, string(usage.Scope)+tandem.ScopeUpdate)
	return a.people() && a.SystemUserAllowed && user.Within(service) && service.Within(user) &&
		f.writesNot(a, tandem.FlowUser) && back >= f.since(f.Limits.ApplicationUnusedDays)
}

func app06(f *Facts) (all []Finding) {
	for a := range f.enabled {
		if a.people() && f.writesNot(a, tandem.FlowUser) && !f.equal(a) {
			all = append(all, f.narrowed(a, tandem.FlowUser))
		}
	}
	return all
}

func app07(f *Facts) (all []Finding) {
	for a := range f.enabled {
		if f.equal(a) {
			x := f.narrowed(a, tandem.FlowUser)
			x.Evidence = append(x.Evidence, Evidence{"the back end writes", f.ByApp.Calls[Half{a.ID, tandem.FlowService}].Writes})
			all = append(all, x)
		}
	}
	return all
}

func app08(f *Facts) (all []Finding) {
	table := permission.NewTable(f.Definitions)
	since := f.since(f.Limits.ApplicationUnusedDays)
	accounts := map[string]*Account{}
	for _, u := range f.systemUsers() {
		accounts[u.ID] = u
	}
	for a := range f.enabled {
		u, h := accounts[a.SystemUserID], Half{a.ID, tandem.FlowService}
		if !a.SystemUserAllowed || u == nil || f.ByApp.last(h, "") < since {
			continue
		}
		rights := table.Rights(permission.GroupsOf(&u.User, u.Put))
		var idle []string
		for i := range f.Keys {
			k := &f.Keys[i]
			if k.Kind == permission.SetKey && rights.Set(k.EntityName, permission.Read) && f.ByApp.last(h, string(usage.Set)+k.EntityName+":") < since {
				idle = append(idle, k.EntityName)
			}
		}
		if len(idle) == 0 {
			continue
		}
		x := a.finding(Evidence{"System User", u.Login}, Evidence{"sets", len(idle)}, Evidence{"not used", list(idle)})
		x.Mend = []string{fmt.Sprintf("tandem access suggest %s --days %d", permission.Quoted(u.Login), f.Limits.ApplicationUnusedDays)}
		all = append(all, x)
	}
	return all
}

func app11(f *Facts) (all []Finding) {
	since := f.since(f.Limits.RedirectUnusedDays)
	for a := range f.enabled {
		var idle, dates []string
		used := false
		for _, uri := range a.RedirectURIs {
			last := f.ByApp.last(Half{a.ID, tandem.FlowUser}, string(usage.Redirect)+usage.RedirectName(uri))
			switch {
			case last >= since:
				used = true
			case last > 0 || f.Now.Sub(a.ChangedAt) >= inDays(f.Limits.RedirectUnusedDays): // else it may be new
				idle, dates = append(idle, uri), append(dates, told(last))
			}
		}
		if !used || len(idle) == 0 {
			continue
		}
		x := a.finding(Evidence{"not used", idle}, Evidence{"last use", dates})
		x.Mend = []string{a.without(idle)}
		all = append(all, x)
	}
	return all
}

// deviceGrant is the grant_type of the device flow (RFC 8628 section 3.4).
const deviceGrant = "urn:ietf:params:oauth:grant-type:device_code"

// app17 looks at confidential applications, which have the flow by a decision; public
// ones always have it.
func app17(f *Facts) (all []Finding) {
	days := f.Limits.ApplicationUnusedDays
	for a := range f.enabled {
		last := f.ByApp.last(Half{a.ID, tandem.FlowUser}, string(usage.Grant)+deviceGrant)
		if !a.DeviceFlow || last >= f.since(days) || last == 0 && f.Now.Sub(a.ChangedAt) < inDays(days) { // else it may be new
			continue
		}
		x := a.finding(Evidence{"last use", told(last)})
		x.Mend = []string{a.update("--no-device")}
		all = append(all, x)
	}
	return all
}

// lic06Days is how far back new names are looked for.
const lic06Days = 7

func lic06(f *Facts) (all []Finding) {
	for i := range f.Apps {
		a := &f.Apps[i]
		byDay := map[usage.Day][]string{}
		for _, t := range f.ByApp.Things[Half{a.ID, tandem.FlowService}] {
			if name, ok := strings.CutPrefix(t.What, string(usage.Instance)); ok && name != "" && t.First >= f.since(lic06Days) {
				byDay[t.First] = append(byDay[t.First], name)
			}
		}
		for _, day := range slices.Sorted(maps.Keys(byDay)) {
			names := byDay[day]
			if len(names) < f.Limits.InstanceNamesADay {
				continue
			}
			x := a.finding(Evidence{"new names", len(names)}, Evidence{"on", day.String()}, Evidence{"some of them", some(names)})
			x.Since = day.Start()
			all = append(all, x)
			break
		}
	}
	return all
}

// some are the first few of many.
func some(names []string) []string {
	slices.Sort(names)
	return names[:min(len(names), 5)]
}

func sys04(f *Facts) (all []Finding) {
	for _, u := range f.systemUsers() {
		last := f.LastUse[u.ID]
		idle := f.Now.Sub(last) >= inDays(f.Limits.SystemUserIdleDays) && f.Now.Sub(u.CreatedAt) >= inDays(f.Limits.SystemUserIdleDays)
		if !u.Enabled || len(f.appsOf(u.ID)) > 0 || !idle {
			continue
		}
		x := u.finding(Evidence{"applications", "none"}, Evidence{"last use", lastTime(last)})
		x.Since = last
		x.Mend = []string{"tandem user disable " + permission.Quoted(u.Login)}
		all = append(all, x)
	}
	return all
}

func lastTime(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.UTC().Format(time.DateOnly)
}
