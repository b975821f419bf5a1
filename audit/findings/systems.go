package findings

import (
	"strings"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/permission"
)

// Systems are the rules about the accounts that back ends act as.
var Systems = []Rule{
	{ID: "SYS-01", Severity: High, Title: "One System User acts for several applications",
		Why: "Nobody can tell which of them did something, and one that is disabled leaves the others its rights.", Needs: Rights, Check: pa4},
	{ID: "SYS-02", Severity: High, Title: "An application acts as an account that cannot be its System User",
		Why: "A person's account acts without the person, or the back end stands still.", Needs: Rights, Check: sys02},
}

// ownSystemUser are the commands that give an application a System User of its own.
func (a *App) ownSystemUser() []string {
	login := "svc." + strings.ReplaceAll(strings.ReplaceAll(a.ApplicationURI, "/", "."), ":", ".")
	return []string{"tandem user create " + permission.Quoted(login) + " --type system", a.update("--system-user " + permission.Quoted(login))}
}

func sys02(f *Facts) (all []Finding) {
	accounts := map[string]*Account{}
	for i := range f.Accounts {
		accounts[f.Accounts[i].ID] = &f.Accounts[i]
	}
	for a := range f.enabled {
		u := accounts[a.SystemUserID]
		switch {
		case !a.SystemUserAllowed:
		case u == nil || strings.HasPrefix(u.Login, "#"):
			x := a.finding(Evidence{"acts as", "an account that was deleted"})
			x.Mend = a.ownSystemUser()
			all = append(all, x)
		case u.Type != tandem.SystemUserNoLogin:
			x := a.finding(Evidence{"acts as", u.Login}, Evidence{"which is", string(u.Type)})
			x.Mend = a.ownSystemUser()
			all = append(all, x)
		case !u.Enabled:
			x := a.finding(Evidence{"acts as", u.Login}, Evidence{"which is", "disabled"})
			x.Mend = []string{"tandem user enable " + permission.Quoted(u.Login)}
			all = append(all, x)
		}
	}
	return all
}
