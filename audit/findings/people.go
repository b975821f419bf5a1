package findings

import (
	"time"

	"github.com/hybridapps/tandem/permission"
)

// People are the rules about the accounts of people.
var People = []Rule{
	{ID: "USR-01", Severity: High, Title: "An administrator signs in by a password alone",
		Why: "Whoever learns the password administers the instance.", Needs: Persons, Check: usr01},
	{ID: "USR-02", Severity: Medium, Title: "There are too few administrators, or too many",
		Why: "One who is away leaves nobody; of many nobody knows who did it.", Needs: Persons, Check: usr02},
	{ID: "USR-03", Severity: Medium, Title: "An administrator does not sign in",
		Why: "Nobody would miss the account if somebody else used it.", Needs: Persons,
		Window: func(l *Limits) time.Duration { return inDays(l.AdministratorIdleDays) }, Check: usr03},
	{ID: "USR-04", Severity: Low, Title: "An internal user does not sign in",
		Why: "They may have left; the account has not.", Needs: Persons,
		Window: func(l *Limits) time.Duration { return inDays(l.PersonIdleDays) }, Check: usr04},
	{ID: "USR-05", Severity: High, Title: "An account of the demo is on an instance that others reach",
		Why: "Its name is in every manual.", Needs: Persons | Running, Check: usr05},
	{ID: "USR-08", Severity: Low, Title: "A password that an administrator set was never changed by its owner",
		Why: "Two people know it.", Needs: Persons, Check: usr08},
	{ID: "USR-09", Severity: Low, Title: "An external person sees nothing",
		Why: "Either somebody forgot what they may see, or the account.", Needs: Outside, Check: usr09},
}

// Person is an account of a person.
type Person struct {
	ID, Login string
	// At is when the account was made, SignedIn when they last signed in; zero for never.
	At, SignedIn time.Time
	// SecondFactor says that they have a second factor, or that one is demanded of them at
	// the next sign-in.
	SecondFactor bool
}

// Standing is what became of somebody who has made something, or answers for it.
type Standing int

// What may have become of them.
const (
	// Gone have no account; nobody knows of an e-mail address whether anybody reads it.
	Gone Standing = iota
	Disabled
	Here
)

// unseen is for how long a person did not sign in.
func (p *Person) unseen(now time.Time) time.Duration {
	if p.SignedIn.IsZero() {
		return now.Sub(p.At)
	}
	return now.Sub(p.SignedIn)
}

// idle is a finding about somebody who does not sign in.
func (p *Person) idle() Finding {
	x := p.finding(Evidence{"last sign-in", p.SignedIn}, Evidence{"made", p.At})
	x.Mend = []string{p.disable()}
	return x
}

func usr01(f *Facts) (all []Finding) {
	for i := range f.Administrators {
		if p := &f.Administrators[i]; !p.SecondFactor {
			x := p.finding(Evidence{"second factor", "none"}, Evidence{"last sign-in", p.SignedIn})
			x.Mend = []string{"tandem user update " + permission.Quoted(p.Login) + " --require-second-factor"}
			all = append(all, x)
		}
	}
	return all
}

func usr03(f *Facts) (all []Finding) {
	for i := range f.Administrators {
		if p := &f.Administrators[i]; p.unseen(f.Now) >= inDays(f.Limits.AdministratorIdleDays) {
			all = append(all, p.idle())
		}
	}
	return all
}

func usr04(f *Facts) (all []Finding) {
	for i := range f.Unseen {
		all = append(all, f.Unseen[i].idle())
	}
	return all
}

func usr05(f *Facts) (all []Finding) {
	if f.Setting.Loopback() {
		return nil
	}
	for i := range f.Demo {
		p := &f.Demo[i]
		x := p.finding(Evidence{"public root", f.Setting.URL()}, Evidence{"last sign-in", p.SignedIn})
		x.Mend = []string{p.disable()}
		all = append(all, x)
	}
	return all
}

func (p *Person) finding(evidence ...Evidence) Finding {
	return Finding{Kind: "user", ID: p.ID, Name: p.Login, Since: p.At, Evidence: evidence}
}

// disable is the command that ends what the account can do.
func (p *Person) disable() string { return "tandem user disable " + permission.Quoted(p.Login) }

func usr02(f *Facts) (all []Finding) {
	n := len(f.Administrators)
	if n >= f.Limits.AdministratorsLeast && n <= f.Limits.AdministratorsMost {
		return nil
	}
	var logins []string
	for i := range f.Administrators {
		logins = append(logins, f.Administrators[i].Login)
	}
	x := instance("administrators", Evidence{"administrators", n}, Evidence{"logins", logins})
	if n < f.Limits.AdministratorsLeast {
		x.Mend = []string{"tandem user create LOGIN --type internal --admin --password-file FILE"}
	} else {
		x.Mend = []string{"tandem user update LOGIN --no-admin"}
	}
	return []Finding{x}
}

func usr08(f *Facts) (all []Finding) {
	for i := range f.Chosen {
		p := &f.Chosen[i]
		x := p.finding(Evidence{"password", "set by an administrator"}, Evidence{"last sign-in", p.SignedIn})
		x.Mend = []string{"tandem user set-password " + permission.Quoted(p.Login) + " --must-change --password-file FILE"}
		all = append(all, x)
	}
	return all
}

func usr09(f *Facts) (all []Finding) {
	for i := range f.Blind {
		p := &f.Blind[i]
		x := p.finding(Evidence{"customers", "none"})
		x.Mend = []string{p.disable()}
		all = append(all, x)
	}
	return all
}
